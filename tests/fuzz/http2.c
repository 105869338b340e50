/*
 * http2.c - what HTTP/2 frames and header blocks do to their reader: talk.c says how the input is
 * read.
 */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct fuzz_service service = {50051, 50000, 40000, false, false};

	return fuzz_talk(&service, data, size);
}
