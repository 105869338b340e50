/*
 * recognise.h - whose protocol a flow's bytes are.
 */
#ifndef TSUMARI_CORE_RECOGNISE_H
#define TSUMARI_CORE_RECOGNISE_H

#include "core/flow.h"

struct session;
struct shard;

struct verdict { /* whose protocol it is */
	const struct dissector *d;
	enum tsm_probe r;
	bool there;
};

#define HEAD_MAX  512u /* bytes of a side that are kept until its protocol is known */
#define TURNS_MAX 64u  /* attempts at recognising a protocol before a connection is left alone */

static inline bool is_sure(enum tsm_probe r)
{
	return r == PROBE_YES || r == PROBE_SWAPPED;
}

/*
 * A flow gets a session when its port or its bytes speak for a protocol; one whose first payloads
 * say nothing to anybody is left alone.
 */
bool recognise_worth(
	struct shard *sh, struct flow *f, enum side side, struct view head, struct verdict *v);
/* Whose protocol begins at the front of head? Where that is sure the session has its dissector. */
enum tsm_probe recognise_at(struct session *s, enum side side, struct view head);
/*
 * The same of what is read of a side, whose front is moved to where it begins. *pass: nobody knows
 * its front.
 */
enum tsm_probe recognise_in(struct session *s, enum side side, struct view *v, bool *pass);
/* Nobody knows it: pass over this turn. False: leave the connection alone after enough of them. */
bool recognise_failed(struct session *s, enum side side);
/* Bytes were lost: a protocol may be found behind them within the same turn. */
void recognise_after_gap(struct session *s);
/* Nothing more comes of a side whose unread bytes may be the port's: then they are. */
bool recognise_by_port(struct session *s, enum side side);

#endif
