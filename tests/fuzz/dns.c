/*
 * dns.c - what DNS messages do to their reader, over UDP and TCP: talk.c says how the input is
 * read.
 */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct fuzz_service service = {53, 50000, 40000, false, true};

	return fuzz_talk(&service, data, size);
}
