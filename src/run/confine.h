/*
 * confine.h - once everything is open, what is not needed any more is denied: files (landlock.h)
 * and system calls, of which only those on a list can be made, each thread's and phase's own:
 *
 *   dissecting  memory, waiting for other threads, clocks, a last word on standard error
 *   reading     what is open is read; frames are written (-w) by the same thread
 *   main        the records of all threads become outputs, which are drawn and written
 *   delivering  records are written to files, or sent to a socket that is connected again
 *   serving     connections that others make are answered (--web)
 *   last        nothing is read any more, what is left is written
 *
 * A filter is never taken back, and a thread has those of the one that started it. Denied calls
 * fail with EPERM, as those of a file fail that must not be opened; the first of each kind is told
 * in a line on standard error, but those that the C library tries and can do without.
 */
#ifndef TSUMARI_RUN_CONFINE_H
#define TSUMARI_RUN_CONFINE_H

#include <stdbool.h>
#include <stddef.h>

#define CONFINE_FOLDERS 24 /* where files are made */

/* What a run has still to do. */
struct confine {
	const char *const *ifaces; /* NULL at the end; NULL: no interface is read */
	const int *sockets;        /* of the interfaces: nothing is sent by them */
	unsigned nsockets;
	const char *const *again; /* captures that are opened again, and how many */
	unsigned nagain;
	const char *folders[CONFINE_FOLDERS]; /* where files are made */
	unsigned nfolders;
	bool terminal; /* the live view */
	bool jobs;     /* several threads */
	bool capture;  /* frames are printed or written as they are read */
	bool keeps;    /* a history is kept, by a thread that is started behind it */
	bool serves;   /* a page is shown, by a thread that is started before */
	bool sends;    /* records go to sockets, by threads that are started before */
	bool files;    /* and to files, by threads that are started behind it */
	bool repeated; /* reading begins anew: there are no later phases */
};

/*
 * After everything is open and before threads are started; no_new_privs must be set. What the
 * kernel cannot deny is named in `missing`, for who wants to know; the program may go on.
 */
void confine(const struct confine *c, char *missing, size_t size);

/* For the thread that calls. */
void confine_dissecting(void);
void confine_reading(void);
void confine_main(void);
/* Of threads that deliver records: by sockets (not before confine()), and to files. */
void confine_sending(void);
void confine_writing(void);
/* Of the thread that answers others: started before, it denies itself all files, too. */
void confine_serving(void);
/* Of the thread that has the file of the history. */
void confine_keeping(void);
void confine_last(void);

/* For the process that makes files (keeper.h): all that it has to do, and no more. */
void confine_keeper(void);

/* Denied calls are not told while the terminal is drawn on, but here. */
void confine_tell(void);

#endif
