/*
 * http2.c - what HTTP/2 frames and header blocks do to their reader: talk.c says how the input is
 * read.
 */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_talk(50051, data, size);
}
