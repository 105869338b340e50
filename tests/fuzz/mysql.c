/*
 * mysql.c - what the packets of MySQL do to their reader: talk.c says how the input is read.
 */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_talk(3306, data, size);
}
