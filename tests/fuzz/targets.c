/*
 * targets.c - all targets. What an input is says the head of each one's file; those of protocols
 * are in talk.c.
 */
#include "fuzz.h"
#include <string.h>

#define ENTRY(name, ...) {#name, fuzz_##name},
const struct fuzz_target fuzz_targets[] = {FUZZ_TARGETS(ENTRY){NULL, NULL}};

const struct fuzz_target *fuzz_target(const char *name)
{
	for (const struct fuzz_target *t = fuzz_targets; t->name; t++)
		if (strcmp(t->name, name) == 0)
			return t;
	return NULL;
}
