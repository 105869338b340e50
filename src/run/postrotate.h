/*
 * postrotate.h - a command for each capture file that has been closed (-z).
 *
 * A process of its own starts the commands, since this one may not once it has given up its rights:
 * it is begun before, gives up the same rights, and gets the names through a pipe.
 */
#ifndef TSUMARI_RUN_POSTROTATE_H
#define TSUMARI_RUN_POSTROTATE_H

#include <stdbool.h>
#include <stddef.h>
#include "run/privileges.h"

struct postrotate;

/* Before threads are started and before privileges_confine(). NULL with one line in err. */
struct postrotate *postrotate_start(
	const char *command, const struct privileges *rights, char *err, size_t errsize);
/* The command runs with the file's name; nobody waits for it. */
void postrotate_file(void *p, const char *name);
/* Commands that run go on. */
void postrotate_free(struct postrotate *p);

#endif
