/*
 * signals.h - what signals ask of a run: to end, to tell statistics, to begin its files anew, to
 * write out what is buffered. As those of tcpdump.
 */
#ifndef TSUMARI_RUN_SIGNALS_H
#define TSUMARI_RUN_SIGNALS_H

#include <stdbool.h>

struct pipeline;

/*
 * SIGINT and SIGTERM end p in good order from now on, and end the program at once when they come
 * again. SIGHUP does the same unless reopens is true and no terminal has gone away. What nohup
 * ignores stays ignored.
 */
void signals_catch(struct pipeline *p, bool reopens);
/* All is written, and what they would stop is closed. */
void signals_ignore(void);

bool signals_stopped(void);     /* one has asked for an end */
bool signals_interrupted(void); /* and it was SIGINT: the terminal shows "^C" */

struct signals_asked {
	bool statistics; /* SIGUSR1 */
	bool flush;      /* SIGUSR2 */
	bool reopen;     /* SIGHUP */
};
/* What was asked for since the last call; false: nothing. */
bool signals_asked(struct signals_asked *a);

#endif
