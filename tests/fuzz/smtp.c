/*
 * smtp.c - what SMTP bytes do to the reader of SMTP: talk.c says how the input is read.
 */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct fuzz_service service = {25, 50000, 40000, false, false};

	return fuzz_talk(&service, data, size);
}
