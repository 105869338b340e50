/*
 * shard.h - the engine's inside: one shard, its sessions and transactions.
 */
#ifndef TSUMARI_CORE_SHARD_H
#define TSUMARI_CORE_SHARD_H

#include "core/flow.h"
#include "core/layers.h"
#include "core/registry.h"

#define TXN_OPEN_MAX   512u     /* open transactions of one session */
#define HELD_MAX       1024u    /* segments held above holes, one side */
#define HELD_BYTES_MAX 1048576u /* their bytes */
#define UNREAD_MAX     131072u  /* unread bytes kept for a dissector, one side */
#define UNREAD_FEW     16u      /* bytes of them that lie in the session itself */
#define TEXT_MAX       2048u    /* one value */
#define VALUES_MAX     8192u    /* all values of a transaction */
#define FACTS_MAX      32768u   /* what it tells of handles and names */

/* What is called for few packets only: it must not be put among what all go through. */
#define RARELY __attribute__((cold, noinline))

struct stamp { /* when a byte was there: first seen, and when its stream was whole up to it */
	uint64_t seen, seen_frame, whole, whole_frame;
};

struct span { /* where a packet's bytes begin in a stream */
	uint64_t offset;
	struct stamp at;
};
#define SPANS_MAX 64u

enum phase { PHASE_REQUEST, PHASE_WAIT, PHASE_RESPONSE, PHASE_COUNT };

/* What entries of the ledger have taken of a transaction's phases so far, ns. Most have none. */
struct spent {
	uint64_t by[PHASE_COUNT][LEDGER_COUNT];
	struct path_load load[2]; /* enum side: of the request, of the response */
};

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
	uint8_t has_bytes;                  /* by side, a bit each */
	uint64_t handshake_ns;
	uint64_t closed_at; /* the connection ended before the response did; 0: no */
	uint64_t resent_at; /* bytes of the whole response were sent again, and arrived; 0: no */
	uint32_t acked_by;  /* the ACK that says that the client has it, once it rests */
	uint32_t quality;
	uint8_t status;
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
	uint8_t cut;         /* the snap length cut its request or its answer (bits CUT_...) */
	uint8_t beyond;      /* behind lost bytes, in which there may have been requests */
	int32_t ahead;       /* beyond: that may wait before it, but for those that nobody saw, */
	uint32_t lost_ahead; /* which were among so many bytes */
	struct record_text method, object, query; /* offsets into buf */
	uint8_t *buf;
	uint32_t len, cap, nvalues, text, facts;
	uint64_t valued; /* bit by number, of the first 64 fields: it may have a value */
};

struct session_side {
	uint64_t pos;  /* stream offset of the next byte to deliver */
	uint64_t turn; /* where it took its turn last; UINT64_MAX: not known */
	uint64_t skip; /* bytes to pass over; TAKE_TO_END */
	uint32_t need;
	uint32_t len, cap; /* unread bytes in buf, just before pos */
	uint8_t nspans, span_cap;
	bool ended;
	bool missed;       /* there were bytes before the session was */
	uint32_t preamble; /* bytes of a PROXY header, which no dissector sees */
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

struct verdict { /* whose protocol it is */
	const struct dissector *d;
	enum tsm_probe r;
	bool there;
};

struct stall {
	uint64_t from, to;
	uint8_t entry; /* of the ledger */
};
#define STALLS_MAX 4u /* remembered of a connection */

/* Which request a response answers, by their order. */
struct pairing {
	bool in_step;      /* the first response was given to its request, or to none */
	bool behind;       /* the first request that was seen stands right behind a rest of one */
	bool blind;        /* it is not known how many are waited for */
	bool pipelined;    /* a request was sent while another was open, */
	bool windowed;     /* behind a response */
	bool lost_request; /* since the last request began: bytes of others were lost, or passed
			      over, */
	bool asking_lost, asking_cut; /* lost; cut by the snap length, */
	bool between;                 /* where none was under way, */
	bool answers_lost;            /* or bytes of responses */
	uint8_t turns;               /* requests that were sent when all before had been answered */
	uint32_t responses, unasked; /* since the last request; of them: nothing waited for it */
	uint32_t passed_over;        /* responses to come of requests that were given up */
	int32_t ahead;               /* blind: as of the next request; see struct txn */
	uint32_t lost, lost_now;     /* now: since the last request began */
	uint64_t least;              /* bytes of the shortest request, 0: not known */
	uint64_t responded;          /* when the last response began */
	uint64_t tail; /* when the client last sent what no request began with; 0: never */
};

struct session {
	struct shard *shard;
	struct session *older, *newer; /* of the shard's sessions */
	struct flow *flow;
	const struct dissector *d;
	struct verdict head; /* on the bytes that the session was opened for, until they are read */
	void *state;
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

struct shard {
	struct flow_table flows;
	struct pool ext, handshakes, copies, turns, messages, sessions, txns, spent;
	struct session *oldest, *newest;
	struct reading reading; /* of the session that is being read */
	struct early *early_first, *early_last;
	struct answers *answers_first, *answers_last;
	struct engine *engine;
	uint64_t budget, held_bytes, app_bytes; /* bytes */
	uint64_t ntxns;                         /* begun so far */
	uint32_t extensions, nhandshakes, ncopies;
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

/* record.c */
void *record_room(struct shard *sh, uint32_t size); /* zeroed, its key set */
/* capture_end: absent if the flow ended before that, or goes on (not final). */
void record_of_flow(
	struct shard *sh, struct flow *f, const char *reason, bool final, uint64_t capture_end);
/* Of one that goes on, or may: `requests` of it have had a record that says so (r.open). */
void record_of_open_flow(struct shard *sh, const struct flow *f, uint64_t now, uint64_t requests);
void record_of_txn(struct shard *sh, struct txn *t);
/* The same, before it ends: nothing but the record comes of it. */
void record_of_open_txn(struct shard *sh, const struct txn *t, enum record_open open);
/* The server answered in m->frame what the client had sent; a message was long in being sent. */
void record_of_turn(
	struct shard *sh, const struct flow *f, const struct message *m, enum record_open open);
void record_of_sent(
	struct shard *sh, const struct flow *f, const struct message *m, enum record_open open);
/* It was asked and not answered by now. */
void record_of_open_turn(struct shard *sh, const struct flow *f, uint64_t asked, uint64_t now,
	bool pending, enum record_open open);
uint32_t flow_quality(const struct flow *f);
/* How a connection that is over ended. */
const char *flow_ended_by(const struct flow *f, const char *otherwise);
/* Times that its last segment of this direction was sent again without being acknowledged. */
#define UNACKED 2u /* from so many on it is a wait of its own */
uint64_t flow_unacked(const struct flow *f, unsigned dir);
unsigned engine_tunnel(struct engine *e, const char *kind);

/* What a segment has shown: a connection that goes on, or that a SYN which waits began another one,
   with this segment or behind it. */
enum tcp_next { TCP_GOES_ON, TCP_COPY, TCP_ANEW, TCP_ANEW_BEHIND };
/* What to do with a SYN of another initial sequence number. */
enum tcp_syn { TCP_SYN_SAME, TCP_SYN_NEW, TCP_SYN_WAITS };

/*
 * tcpstat.c, tcp_*.c: one TCP segment; delivers to the stream. dir is the end that sent it. The
 * packet's time is the flow's when this returns: of a segment that has to wait it is that of the
 * one before.
 */
enum tcp_next tcp_segment(struct shard *sh, struct flow *f, struct packet *p, unsigned dir);
/* The same of one that waits no more, and is valid. */
void tcp_segment_now(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir);
struct flow_ext *flow_need_ext(struct shard *sh, struct flow *f);
/* Is a SYN one of this connection, its first, sent again or late, and not that of another one? */
bool tcp_same_connection(const struct flow *f, const struct packet *p, unsigned dir);

/* tcp_loss.c: nothing will be acknowledged any more; of a flow with an extension. end: the
   capture's, 0 where the connection ended. */
void tcp_settle(struct flow *f, uint64_t end);

/* tcp_valid.c */
enum tcp_syn tcp_on_other_syn(
	struct shard *sh, struct flow *f, const struct packet *p, unsigned dir);
struct waiting *tcp_take_syn(struct flow *f);
void tcp_drop_syn(struct shard *sh, struct flow *f); /* it was none */
/* The flow ends: whether what was in doubt counts. */
RARELY void tcp_end_doubt(struct shard *sh, struct flow *f);

/* early.c: true where the segment waits, or was done with before others that do. */
RARELY bool early_hold(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir);
RARELY void early_flush(
	struct shard *sh, struct flow *f);       /* nothing of the flow waits any longer */
void early_tick(struct shard *sh, uint64_t now); /* nor what has waited long enough */

/* stream.c */
void stream_hold(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir,
	uint32_t lo, const uint8_t *data, uint32_t caplen, uint32_t len);
/* Bytes at the place where the stream continues. */
void stream_deliver(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir,
	const uint8_t *data, uint32_t caplen, uint32_t len);
void stream_deliver_at(struct shard *sh, struct flow *f, unsigned dir, const uint8_t *data,
	uint32_t caplen, uint32_t len, const struct stamp *at);
void stream_drain(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir);
/* Why a hole is not waited for any longer: the peer has the bytes, so that the capture lost them; a
   limit was reached or the connection is over; the capture ended before they can have come. */
enum gap { GAP_ACKED, GAP_GIVEN_UP, GAP_OPEN, GAP_CUT };
/* p: the segment that says so. */
RARELY void stream_gap(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir,
	uint32_t upto, enum gap why);
/* No more segments will come: what is held above holes, in the order of its frames. end: the
   capture's, 0 where the connection ended. */
RARELY void stream_finish(struct shard *sh, struct flow *f, uint64_t end);
/* Keeps p, which was left out for its checksum: it is read where the receiver has it all the same.
 */
void stream_doubt(struct shard *sh, struct ext_side *e, const struct packet *p);
void stream_forget(struct shard *sh, struct ext_side *e);

/*
 * turns.c: `len` bytes of payload of the end `dir` of a TCP flow that no dissector reads. *turns is
 * made where there are none. flow_turns(): those of a flow so far, NULL: none.
 */
void turns_payload(struct shard *sh, const struct flow *f, struct flow_turns **turns, unsigned dir,
	uint32_t len, uint64_t now);
struct flow_turns *flow_turns(const struct flow *f);
/* What ledger_load() and txn_stall() are for transactions, of what is being sent. */
RARELY void turns_load(const struct flow *f, enum side side, uint64_t from, uint64_t to,
	uint64_t rtt, uint64_t behind);
RARELY void turns_stall(const struct flow *f, enum ledger_entry entry, uint64_t from, uint64_t to);
/* The connection ends: so does what was being sent. */
void turns_end(struct shard *sh, const struct flow *f);
/* Sending what was asked, and what was answered, so far; there are turns. */
void turns_sums(
	const struct shard *sh, const struct flow *f, uint64_t *request, uint64_t *response);
/* They were none: a dissector reads them. */
void turns_forget(struct shard *sh, struct flow_turns *t);
/* The client will not be answered: it closed now, or (pending) the capture ends. */
void turns_left(struct shard *sh, const struct flow *f, uint64_t now, bool pending);
/* Records of those that were held back: no dissector has read them. */
void turns_tell(struct shard *sh, const struct flow *f, struct flow_turns *t);
/* Of a moment: those held back, and the one that is not answered by now. */
void turns_open(struct shard *sh, const struct flow *f, uint64_t now);

/* Is there no place for n bytes of a connection that begins? It leaves a quarter of what all may
   use to those that there are. */
static inline bool shard_is_full(const struct shard *sh, uint64_t n)
{
	return sh->app_bytes + sh->held_bytes + n > sh->budget / 8 * 3;
}

/* session.c */
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
/* Its dissector (NULL: none) with a state of its own, and the end of both. */
void session_set(struct session *s, const struct dissector *d);
void session_unset(struct session *s);

static inline struct reading *reading_of(const struct session *s)
{
	return &s->shard->reading;
}

/* recognise.c */
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

/* sync.c */
/* Where the side takes its turn in what is being read of it; NULL: nowhere. */
const uint8_t *sync_turn_in(const struct session *s, enum side side);
/*
 * Where does the next message begin? True: at the front of the view. False: it must be asked again
 * when there is more of what is left in the view. `ask` may be NULL; `turn` is where the side takes
 * its turn, of these bytes, or NULL.
 */
bool sync_find(
	struct session *s, enum side side, tsm_sync *ask, const uint8_t *turn, struct view *v);
/* The same, of bytes that may not be this protocol's. */
bool sync_look(
	struct session *s, enum side side, tsm_sync *ask, const uint8_t *turn, struct view *v);
/* Bytes of the side that are being delivered begin at x->pos, and the other spoke last, or nobody.
 */
void sync_turn(struct session *s, enum side side);
/* Its protocol was found: which sides begin in the middle of something? */
void sync_place(struct session *s);

/* unread.c */
void unread_init(struct session_side *x); /* none, and room for few */
/* Gives back what they were kept in. */
void unread_drop(struct session *s, struct session_side *x);
/* Keeps n bytes at p (which may lie in the buffer already); false where they are too many. */
bool unread_keep(struct session *s, struct session_side *x, const uint8_t *p, size_t n);
/* Those from `offset` on came with this stamp; what was kept before and is read goes. */
void unread_span(
	struct session *s, struct session_side *x, uint64_t offset, const struct stamp *at);
void unread_swap(struct session *s); /* both sides with all they have */

/* pairing.c */
/* t is about to begin. */
void pairing_request(struct session *s, struct txn *t, const struct stamp *at);
void pairing_request_end(struct session *s, const struct txn *t);
/* n bytes of the side were lost; `between`: no message was under way there. */
void pairing_lost(struct session *s, enum side side, uint64_t n, bool cut, bool between);
/* These bytes were passed over in search of a message. */
void pairing_passed_over(
	struct session *s, enum side side, const uint8_t *p, size_t n, uint64_t time);
/* The same of those that are read, up to `end`, where it is not known yet what is read. */
void pairing_front(struct session *s, enum side side, const uint8_t *end, uint64_t time);
/* Bytes were lost where a dissector reads them. */
void pairing_gap(struct session *s, enum side side);
/* A response begins: *t is what it answers, NULL: nothing that is open. False: it may answer any.
 */
bool pairing_response(struct session *s, uint64_t now, struct txn **t);
/* t leaves, and no response to it will come; it will, and t is not there to get it. */
void pairing_not_asked(struct session *s, const struct txn *t);
void pairing_given_up(struct session *s, const struct txn *t);

/* txn.c */
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

/* ledger.c */
/*
 * A stretch of time is found to have been an entry's. It counts in the phases it fell into, and
 * once: what was given away before is not given again. Of one transaction, or of each open one.
 */
void txn_stall_one(struct txn *t, enum ledger_entry entry, uint64_t from, uint64_t to);
void txn_stall(struct session *s, enum ledger_entry entry, uint64_t from, uint64_t to);
/* The server was idle: of transactions that are being answered and whose request it has. */
void txn_idle(struct session *s, uint64_t from, uint64_t to);
/* It was an entry's whatever has been given away before: of one that ends. */
void ledger_take(struct txn *t, enum ledger_entry entry, uint64_t from, uint64_t to);
/*
 * Stamp i, which is set now, lies before the end of a stall (stalled_to): what was stalled behind
 * it is in the phase that begins there. Of T0, in the transaction.
 */
void ledger_stamped(struct session *s, struct txn *t, int i);
/* All of the waiting up to now that is no entry's yet was this one's. */
void ledger_waited(struct txn *t, enum ledger_entry entry, uint64_t now);
/* From..to a side's bytes were under way, and the round trip was this long, well above the least;
   of it `behind` was waiting behind the capture. */
void ledger_load(
	struct txn *t, enum side side, uint64_t from, uint64_t to, uint64_t rtt, uint64_t behind);
/* The same of any message: its first and last byte, as far as there were any. */
void ledger_load_of(struct path_load *x, uint64_t first, uint64_t last, uint64_t from, uint64_t to,
	uint64_t rtt, uint64_t behind);
struct spent *ledger_need(struct shard *sh, struct spent **s);
void ledger_drop(struct shard *sh, struct spent **s);
/* Shares the phases among the entries; what kept them first (NULL: nothing). */
void ledger_share(uint64_t *ledger, const struct spent *s, uint64_t rtt, uint64_t *span);
void ledger_copy(struct txn *to, const struct txn *from);
void ledger_forget(struct shard *sh, struct txn *t);
/* The spans between the stamps, and the ledger. rtt: to the server, ns; FIELD_ABSENT: not known. */
void ledger_account(struct txn_record *r, const struct txn *t, uint64_t rtt);

/* txn_connect.c */
void txn_take_connect(struct session *s, struct txn *t);   /* the first one, as it begins */
void txn_settle_connect(struct session *s, struct txn *t); /* as it ends */
/* Of each open one, until `to` the server had not taken the connection. */
void txn_wait_accept(struct session *s, uint64_t from, uint64_t to);
void txn_wait_accept_one(struct session *s, struct txn *t, uint64_t from, uint64_t to);

/* stale.c: did the server close the connection before the request began? */
bool stale_request(const struct session *s, uint64_t time);
/*
 * resting.c: a transaction whose response was captured whole rests until the client acknowledges
 * it; false: it has. resting_acked() and resting_wake() let its record leave. resting_resent():
 * what the server had sent from `lo` on was lost, and came at this time.
 */
bool txn_rest(struct session *s, struct txn *t);
void resting_acked(struct session *s, uint32_t ack);
void resting_wake(struct session *s);
void resting_resent(struct session *s, uint32_t lo, uint64_t at);

/* interleave.c */
void session_memory_release(struct session *s);

/* memo.c */
void memo_free(struct session *s);

/*
 * moment.c: what is under way, told without a change of it. moment_take(): all of a shard, at a
 * tick. moment_requests(): the requests of one flow, for interim records.
 */
void moment_take(struct shard *sh, uint64_t now);
void moment_requests(struct shard *sh, const struct flow *f, uint64_t now);

/* inflate.c */
void inflate_free(struct session *s);

/* engine.c: a segment with all that it changes but the counts of frames. */
void flow_segment(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir);
void flow_close(
	struct shard *sh, struct flow *f, const char *reason, enum tsm_end why, uint64_t now);

#endif
