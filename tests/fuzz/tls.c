/*
 * tls.c - what TLS bytes do to the reader of TLS: talk.c says how the input is read.
 */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_talk(443, data, size);
}
