/*
 * ladder.h - a request with its tiers as a ladder: one line for each host, arrows between them in
 * the order of time, and the waits between the arrows with who let wait.
 */
#ifndef TSUMARI_UI_LADDER_H
#define TSUMARI_UI_LADDER_H

#include "hops.h"

#define LADDER_ENDS 24u /* hosts, the client's own first */

enum rung_kind { RUNG_CONNECT, RUNG_REQUEST, RUNG_SENT, RUNG_ANSWER, RUNG_END, RUNG_NONE };

/* An arrow, or the wait before one. */
struct rung {
	uint64_t time; /* when it was sent */
	uint64_t gap;  /* ns since the arrow before */
	uint32_t hop;
	uint8_t kind;     /* enum rung_kind */
	uint8_t from, to; /* ends */
	bool wait;        /* no arrow: `from` lets the others wait for `gap` ns */
};

struct ladder_end {
	struct addr ip;
	uint16_t port; /* 0: the client */
	const char *protocol;
	uint64_t held; /* ns that the others waited for it */
};

struct ladder {
	struct hops *hops;
	struct ladder_end end[LADDER_ENDS];
	unsigned nends;
	struct rung *rung;
	uint32_t n;
	uint32_t longest; /* the longest wait; n: there is none */
	unsigned holder;  /* the host that the others waited for longest, all together */
	uint64_t start, stop;
	uint32_t left_out; /* requests to further hosts */
};

struct ladder *ladder_new(struct hops *hops); /* which it takes */
void ladder_free(struct ladder *l);
/* Does a request wait for an answer? A QUIT does not. */
bool ladder_waits(const struct record *r);
/* What an arrow says: text from the wire. */
void ladder_label(const struct ladder *l, const struct rung *r, struct text *out);
/* Why a wait for an answer or a connection was long, where that was not the server: an entry of the
   ledger; NULL. */
const char *ladder_cause(const struct ladder *l, const struct rung *wait);

#endif
