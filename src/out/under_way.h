/*
 * under_way.h - what is under way at the last moment that the engine told of (core/moment.h): how
 * much, and the requests that have been waited for longest.
 */
#ifndef TSUMARI_OUT_UNDER_WAY_H
#define TSUMARI_OUT_UNDER_WAY_H

#include "core/record.h"

#define UNDER_WAY_SHOWN 20u
#define UNDER_WAY_NAME  400u /* bytes of a request's name */

struct under_way_request {
	const char *protocol;
	const char *cause; /* what most of the waiting so far was; NULL: nobody can tell */
	struct addr client, server;
	uint16_t port;
	uint64_t start, frame;
	size_t len;
	char operation[UNDER_WAY_NAME]; /* bytes from the wire */
};

struct under_way {
	uint64_t time; /* 0: no moment was told of yet */
	uint64_t flows, bytes, requests;
	unsigned n;
	struct under_way_request list[UNDER_WAY_SHOWN]; /* the oldest first */
};

/* All of a moment is shown, or nothing of it. */
struct moments_seen {
	bool literal; /* as of operation_of() */
	struct under_way shown, making;
};

/* A record with r.open == RECORD_OF_MOMENT. */
void under_way_record(struct moments_seen *m, const struct record *r);

struct json_object;
void under_way_put(struct json_object *all, const struct under_way *u);

#endif
