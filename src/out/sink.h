/*
 * sink.h - where records go: what the outputs and the live view have in common.
 */
#ifndef TSUMARI_OUT_SINK_H
#define TSUMARI_OUT_SINK_H

#include <stdbool.h>

struct record;

/* Called on the main thread, in their order. */
struct sink {
	void *arg;
	void (*record)(void *arg, const struct record *r);
	/* Now and then, at least each 100 ms: time to flush and to draw. Returns false to stop
	   (a closed pipe, a full disk). */
	bool (*poll)(void *arg);
	bool all;     /* records that are not wanted, too */
	bool turns;   /* records of turns, too */
	bool interim; /* and of requests that last, before they end */
	bool moments; /* and all that is under way, each second (engine_config.moments) */
};

#endif
