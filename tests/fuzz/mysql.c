/*
 * mysql.c - what the packets of MySQL do to their reader: talk.c says how the input is read.
 */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct fuzz_service service = {3306, 50000, 40000, false, false};

	return fuzz_talk(&service, data, size);
}
