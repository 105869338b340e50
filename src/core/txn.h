/*
 * txn.h - a transaction, from its first byte to its record (txn.c, txn_close.c, txn_connect.c,
 * txn_value.c).
 */
#ifndef TSUMARI_CORE_TXN_H
#define TSUMARI_CORE_TXN_H

#include "core/ledger.h"
#include "core/record.h"
#include "core/stream.h"

struct session;

#define TXN_OPEN_MAX 512u   /* open transactions of one session */
#define TEXT_MAX     2048u  /* one value */
#define VALUES_MAX   8192u  /* all values of a transaction */
#define FACTS_MAX    32768u /* what it tells of handles and names */

/* The end of what the snap length has cut was seen, not its bytes. */
#define CUT_REQUEST 1u
#define CUT_ANSWER  2u

struct txn {
	struct txn *next;
	uint64_t number; /* of its shard's transactions, from 1; 0: the place is nobody's */
	struct session *session;
	const struct dissector *by; /* who began it, whatever the connection went over to */
	const struct dissector *d;  /* whose record and values it is: by, or the body's reader */
	uint64_t key, tag;
	uint64_t stamp[4], frame[4], offset[4];
	struct spent *spent; /* NULL: nothing yet */
	uint64_t counted_to; /* entries have taken what they can up to here */
	uint64_t resent[2], lost[2];
	uint64_t connect_retry, connect_network;
	uint64_t bytes[2], window_since[2]; /* by tsm_bytes(), tsm_window() */
	uint64_t turned[2]; /* when each side began to speak last, by tsm_turn(); 0: never */
	uint8_t has_bytes;  /* by side, a bit each */
	uint64_t handshake_ns;
	uint64_t closed_at; /* the connection ended before the response did; 0: no */
	uint64_t resent_at; /* bytes of the whole response were sent again, and arrived; 0: no */
	uint32_t acked_by;  /* the ACK that says that the client has it, once it rests */
	uint32_t quality;
	uint8_t status;
	uint8_t awaits;   /* its rest is sent when the server has spoken */
	uint8_t doubtful; /* bytes were lost since: its response may have been among them */
	uint8_t marks;    /* bit i: stamp i was marked */
	uint8_t carries_connect;
	uint8_t stale;       /* the server had closed the connection, or did not know it */
	uint8_t handshake;   /* of a connection: all of it goes to connect.tls */
	uint8_t composite;   /* its time is in other transactions' already */
	uint8_t lasting;     /* its response is kept over lost bytes */
	uint8_t unanswered;  /* the protocol does not answer it */
	uint8_t pending;     /* open at the end of the capture */
	uint8_t called_off;  /* by the client, tsm_reset() */
	uint8_t passed_on;   /* no record: another has its request, or it was none */
	uint8_t unsent;      /* its request never came: stamp 0 is when the wait for it began */
	uint8_t broken_off;  /* the connection ended within its answer, whatever was lost of that */
	uint8_t cut;         /* the snap length cut its request or its answer (bits CUT_...) */
	uint8_t beyond;      /* behind lost bytes, in which there may have been requests */
	int32_t ahead;       /* beyond: that may wait before it, but for those that nobody saw, */
	uint32_t lost_ahead; /* which were among so many bytes */
	struct record_text method, object, query; /* offsets into buf */
	uint8_t *buf;
	uint32_t len, cap, nvalues, text, facts;
	uint32_t ordinal; /* the number it was given, which its record tells */
	uint64_t valued;  /* bit by number, of the first 64 fields: it may have a value */
};

void txn_resent(struct session *s, enum side side, uint64_t bytes);
void txn_lost(struct session *s, enum side side, uint64_t bytes);
void txn_after_gap(struct session *s, enum side side);
/* These bytes of a side, the last of which has this stamp, were passed over in search of a message.
 */
void txn_passed_over(
	struct session *s, enum side side, const uint8_t *p, size_t n, const struct stamp *last);
void txn_finish(struct session *s, struct txn *t);
/* What the snap length has cut of t ended with the last packet of its side so far. */
void txn_end_cut(const struct session *s, struct txn *t, uint64_t now);
/* A side says something: as the client goes on, an answer that was cut is over. */
void txn_answer_over(struct session *s, enum side side, uint32_t len);
/* What else is known of one that ends: of its quality, and of its connection. */
void txn_settle(struct session *s, struct txn *t);
void txn_elsewhere(struct session *s);
/* The waiting for its response ended at this time, or at its last stamp where time runs back. */
void txn_closed_at(struct txn *t, uint64_t time);
void txn_close_all(struct session *s, uint64_t closed_at, bool pending);
/* Does somebody wait for its answer, or for more of it? */
bool txn_waits(const struct session *s, const struct txn *t, uint64_t now);
/* The record of one that is open, as if the capture ended now. */
void txn_tell_open(struct session *s, const struct txn *t, uint64_t now, enum record_open open);
/* A client that closed its side before the answer began, and refused that when it came, had waited
   until then: takes the answer's stamps back. */
void txn_too_late(struct session *s, struct txn *t);
struct stamp txn_stamp(
	const struct session *s, enum side side, const uint8_t *at, uint64_t *offset);
struct txn *txn_new(struct session *s, uint64_t key);
void txn_discard(struct shard *sh, struct txn *t);
void txn_append(struct session *s, struct txn *t);

/* What a dissector names; NULL: it is finished, or was none. Places are never given back to the
   system while there is an engine, so that one may always be looked at. */
static inline struct txn *txn_of(struct tsm_txn name)
{
	return name.place && name.place->number == name.number ? name.place : NULL;
}

static inline struct tsm_txn txn_name(struct txn *t)
{
	return t ? (struct tsm_txn){t, t->number} : TSM_NONE;
}

void txn_take_connect(struct session *s, struct txn *t);   /* the first one, as it begins */
void txn_settle_connect(struct session *s, struct txn *t); /* as it ends */
/* Of each open one, until `to` the server had not taken the connection. */
void txn_wait_accept(struct session *s, uint64_t from, uint64_t to);
void txn_wait_accept_one(struct session *s, struct txn *t, uint64_t from, uint64_t to);

#endif
