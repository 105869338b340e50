/*
 * smtp.c - what SMTP bytes do to the reader of SMTP: talk.c says how the input is read.
 */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_talk(25, data, size);
}
