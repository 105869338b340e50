/*
 * http.c - what HTTP bytes do to the reader of HTTP: talk.c says how the input is read.
 */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct fuzz_service service = {80, 50000, 40000, false, false};

	return fuzz_talk(&service, data, size);
}
