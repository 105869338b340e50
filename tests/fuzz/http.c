/*
 * http.c - what HTTP bytes do to the reader of HTTP: talk.c says how the input is read.
 */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_talk(80, data, size);
}
