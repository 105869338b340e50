/*
 * session.h - the application's side of a flow: its dissector, what it has not read yet, and the
 * transactions under way.
 */
#ifndef TSUMARI_CORE_SESSION_H
#define TSUMARI_CORE_SESSION_H

#include "core/pairing.h"
#include "core/recognise.h"
#include "core/stream.h"
#include "core/txn.h"

struct answers;
struct memo;
struct memory;
struct inner;

#define UNREAD_MAX 131072u /* unread bytes kept for a dissector, one side */
#define UNREAD_FEW 16u     /* bytes of them that lie in the session itself */

struct span { /* where a packet's bytes begin in a stream */
	uint64_t offset;
	struct stamp at;
};
#define SPANS_MAX 64u

struct session_side {
	uint64_t pos;  /* stream offset of the next byte to deliver */
	uint64_t turn; /* where it took its turn last; UINT64_MAX: not known */
	uint64_t skip; /* bytes to pass over; TAKE_TO_END */
	uint32_t need;
	uint32_t len, cap; /* unread bytes in buf, just before pos */
	uint8_t nspans, span_cap;
	bool ended;
	bool missed;       /* there were bytes before the session was */
	uint32_t preamble; /* bytes of headers in front (prefix.h), which data() does not see */
	bool search;       /* it is not known where the next message begins */
	bool search_inner; /* the same of what comes out of compressed bytes */
	uint8_t *buf;      /* few, or allocated */
	struct txn *current;
	struct stamp last;  /* of the last byte delivered */
	struct span *spans; /* of the unread bytes; one, or allocated */
	struct span one;
	uint8_t few[UNREAD_FEW];
};

#define INNERS 4u

struct stall {
	uint64_t from, to;
	uint8_t entry; /* of the ledger */
};
#define STALLS_MAX 4u /* remembered of a connection */

struct session {
	struct shard *shard;
	struct session *older, *newer; /* of the shard's sessions */
	struct flow *flow;
	const struct dissector *d;
	struct verdict head; /* on the bytes that the session was opened for, until they are read */
	void *state;
	struct flow_app app;         /* of its flow */
	struct session_side side[2]; /* enum side */
	struct txn *first, *last;    /* open, in order of their requests */
	struct txn *resting, *resting_last;
	uint32_t open, nresting;
	struct flow_turns *turned; /* until the protocol is recognised, and by tsm_opaque() */
	uint8_t turns;             /* attempts at recognising the protocol */
	uint8_t turn_of;           /* whose turn it was last, 2: nobody's */
	uint8_t spoke;             /* who sent the last byte, 2: nobody */
	bool placed;               /* a protocol was found, and with it where the sides are */
	uint32_t tried;            /* bytes in which one was looked for within turns */
	struct pairing pairing;
	bool in_data; /* data() is running */
	bool stopped, switched;
	bool begun; /* the client's first bytes were looked at for a PROXY header */
	bool interleaved;
	uint8_t closer;     /* side + 1 that sent the first FIN with a transaction open; 0: none */
	uint64_t closer_at; /* when */
	uint64_t last_response;          /* time of the last byte the server sent */
	uint64_t answered;               /* when the last of those that come in turn was over */
	uint64_t server_fin;             /* time of its FIN; 0: none */
	struct stall stalls[STALLS_MAX]; /* the latest; number i lies at i % STALLS_MAX */
	uint32_t nstalls;
	uint64_t stalled_to;  /* the end of the last one */
	struct txn *upgraded; /* made by tsm_pass_on() for tsm_upgraded() */
	struct memory *memory;
	uint64_t memory_bytes;
	struct memo *memo;           /* texts kept by key; NULL: none */
	struct answers *answers;     /* that wait for their request; NULL: none */
	struct inner *inner[INNERS]; /* what comes out of compressed bytes, by side; behind these:
					out of bytes that came out of compressed ones; NULL: none */
};

/* What a dissector is being given. */
struct reading {
	const uint8_t *inner_begin, *inner_end; /* the bytes being inflated; NULL: none */
	const uint8_t *base;                    /* the first byte it sees; NULL: it sees none */
	uint64_t base_offset, now_offset;       /* of base in the stream; of what came now */
	const uint8_t *turn; /* where the side takes its turn, of what is searched; NULL: nowhere */
	struct stamp now;
	uint64_t ended; /* in end(): when, ns; 0: not known */
	enum side side;
	const struct dissector *to; /* by tsm_switch() */
	bool may_wait;              /* an answer whose request was not seen is read another time: */
	bool waits;                 /* this one */
};

void session_data(struct session *s, enum side side, const uint8_t *p, uint32_t caplen,
	uint32_t len, const struct stamp *at);
/*
 * A datagram. True: it is an answer to what was not asked yet, it may wait, and nothing was made of
 * it.
 */
bool session_datagram(
	struct session *s, enum side side, struct view v, const struct stamp *at, bool may_wait);
/*
 * n bytes are missing, between the packets before and behind them. seen: when they had been sent
 * for sure; seen_frame: 0 where it was the other side that said so.
 */
void session_gap(struct session *s, enum side side, uint64_t n, enum gap why, uint64_t since,
	uint64_t seen, uint64_t seen_frame);
void session_end(struct session *s, enum side side, enum tsm_end why, uint64_t now);
/* May find that there is nothing to follow, and give NULL. `head` is the first that was seen. */
struct session *session_open(struct shard *sh, struct flow *f, enum side side, struct view head);
/* Something that is followed is expected here, whatever its first bytes are. */
void session_expect(struct shard *sh, struct flow *f);
void session_close(struct session *s, enum tsm_end why, uint64_t now);
/* Counts what is odd, by name. */
void session_count(struct session *s, const char *what);
/* Its dissector (NULL: none) with a state of its own, and the end of both. */
void session_set(struct session *s, const struct dissector *d);
void session_unset(struct session *s);

#endif
