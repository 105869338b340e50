/*
 * landlock.h - which files can still be opened, by Landlock (Linux 5.13 on): none but those that
 * are allowed here. What is open stays usable. Nothing can be connected to, bound, or sent a signal
 * outside of this process either, as far as the kernel can deny it.
 */
#ifndef TSUMARI_RUN_LANDLOCK_H
#define TSUMARI_RUN_LANDLOCK_H

#include <stdbool.h>

enum {
	LANDLOCK_READ = 1,  /* a file, or what is in a folder and in those below it */
	LANDLOCK_WRITE = 2, /* files there are made, written, emptied and removed */
	LANDLOCK_RUN = 4,   /* programs are run */
};

struct landlock;

/* The kernel's version of Landlock; 0: it has none, or it is switched off. */
int landlock_version(void);

/* NULL: there is none. */
struct landlock *landlock_new(void);
/* A path that is not there, or that this user cannot reach, allows nothing. */
void landlock_allow(struct landlock *l, const char *path, unsigned what);
/* From here on, for this thread and those that it starts; no new privileges must be there. `l` is
   released; NULL does nothing. False: the kernel refused. */
bool landlock_close(struct landlock *l);

#endif
