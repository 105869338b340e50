/*
 * drive.c - a target under libFuzzer, whose main() this is: FUZZ_TARGET says which one.
 */
#include "fuzz.h"
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct fuzz_target *target;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *name = getenv("FUZZ_TARGET");

	(void)argc;
	(void)argv;
	target = name ? fuzz_target(name) : NULL;
	if (!target) {
		fprintf(stderr, "FUZZ_TARGET=%s: there is no such target\n", name ? name : "");
		exit(2);
	}
	fuzz_init();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return target->run(data, size);
}
