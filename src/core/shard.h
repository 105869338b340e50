/*
 * shard.h - a shard: its flows and what they need, on the way of every packet; and the engine that
 * owns it.
 */
#ifndef TSUMARI_CORE_SHARD_H
#define TSUMARI_CORE_SHARD_H

#include "core/flow.h"
#include "core/registry.h"
#include "core/session.h"

struct early;
struct events;

struct shard {
	struct flow_table flows;
	struct pool ext, apps, handshakes, copies, turns, messages, sessions, txns, spent;
	struct session *oldest, *newest;
	struct reading reading; /* of the session that is being read */
	struct early *early_first, *early_last;
	struct answers *answers_first, *answers_last;
	struct engine *engine;
	uint64_t budget, held_bytes, app_bytes; /* bytes */
	uint64_t ntxns;                         /* begun so far */
	uint32_t extensions, nhandshakes, ncopies;
	uint64_t few; /* of these three together: an eighth of the budget at most */
	unsigned index;
	struct events *events;
	uint64_t key_order; /* what records are ordered by now: struct packet's order */
	uint64_t key_frame; /* number of the frame that came last */
	bool key_tick;
};

struct engine {
	const struct engine_config *config;
	struct arena arena; /* of everything the shards keep but buffers */
	struct counters counters;
	struct records out;
	struct recblock *spare; /* to be used again */
	unsigned nspare, spare_most;
	uint64_t full_bytes;
	void (*full)(void *arg); /* may be NULL */
	void *full_arg;
	struct shard *shards[SHARDS]; /* those it owns, others NULL */
	const char *tunnels[64];
	unsigned ntunnels;
	const struct dissector *apps[2][DISSECTORS_MAX]; /* over TCP, over UDP */
	unsigned napps[2];
	unsigned finish_shard, finish_slot;
	uint64_t last; /* the time of the capture's last frame; 0: not known */
};

/* Is there no place for n bytes of a connection that begins? It leaves a quarter of what all may
   use to those that there are. */
static inline bool shard_is_full(const struct shard *sh, uint64_t n)
{
	return sh->app_bytes + sh->held_bytes + n > sh->budget / 8 * 3;
}

static inline struct reading *reading_of(const struct session *s)
{
	return &s->shard->reading;
}

/* hash_key: of the flow table. */
struct shard *shard_new(struct engine *e, unsigned index, const uint64_t hash_key[4]);
void shard_free(struct shard *sh);
/* expected: the flow it was for when it was fetched ahead, or NULL. */
void shard_packet(struct shard *sh, struct packet *p, struct flow *expected);
void shard_tick(struct shard *sh, uint64_t now, uint64_t order);
/* The capture has ended: closes flows from *slot on, until *closed is a step's worth; true: all. */
bool shard_finish(struct shard *sh, uint64_t order, uint32_t *slot, unsigned *closed);
/* What is known of a flow's application; NULL: nothing. */
static inline struct flow_app *flow_app(const struct flow *f)
{
	if (f->flags & FLOW_OPAQUE)
		return f->app;
	return f->session ? &f->session->app : NULL;
}

/* Has a dissector read it? */
static inline bool flow_app_is_known(const struct flow_app *a)
{
	return a->transactions || a->by;
}

/* The dissector that read a flow; NULL: none did. */
static inline const struct dissector *flow_app_by(const struct flow *f)
{
	const struct flow_app *a = flow_app(f);

	return a ? a->by : NULL;
}

struct flow_app *flow_app_new(struct shard *sh, const struct flow_app *a); /* a copy */
/* A flow without a session has these turns now, which take over what was known of it. */
void flow_app_put(struct shard *sh, struct flow *f, struct flow_turns *t);
/* The session leaves what it knows to its flow, and gets it from there. */
void flow_app_leave(struct session *s);
void flow_app_take(struct session *s);
/* The extension of a flow, made where there is none. */
struct flow_ext *flow_need_ext(struct shard *sh, struct flow *f);
/* A segment with all that it changes but the counts of frames. */
void flow_segment(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir);
void flow_close(
	struct shard *sh, struct flow *f, const char *reason, enum tsm_end why, uint64_t now);

#endif
