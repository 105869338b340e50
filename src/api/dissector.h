/*
 * dissector.h - what a dissector is, and what it may call.
 *
 * One struct registers a protocol, whether it is linked in or loaded from a .so. It may be a layer
 * (a header at the front of a frame), an application on top of TCP or UDP, or both. A dissector
 * does not allocate, does no I/O and keeps no global state.
 *
 * A layer dissector is stateless: it reads its header from the front of the view, fills in the
 * packet and names what follows. The engine calls layers in a loop, without recursion. If a header
 * is incomplete, it marks the view bad, and the packet is counted as malformed (or as truncated by
 * the snap length).
 *
 * An application dissector gets the bytes of each direction in order. It reads from the front of
 * the view as far as it can and says how to continue (struct take). It marks requests and responses
 * by four stamps; the engine pairs them, measures their times and makes the ledger.
 *
 * Over UDP each view is one whole datagram: bytes that are unread when data() returns are
 * discarded, and of its answer only `stop` has an effect. view.cut counts the bytes that the snap
 * length cut off.
 *
 * A body dissector reads what another protocol carries (NFS inside RPC), as a part of the
 * transaction that the carrier has begun.
 */
#ifndef TSUMARI_DISSECTOR_H
#define TSUMARI_DISSECTOR_H

#include "field.h"
#include "model.h"
#include "packet.h"
#include "view.h"

#define TSM_ABI 3u

/* Where a key is looked up; (table, key) names the dissector of what follows. */
enum tsm_table {
	TABLE_END,         /* ends a list of claims; as `next`: no layer follows */
	TABLE_LINKTYPE,    /* LINKTYPE_ of tcpdump.org */
	TABLE_ETHERTYPE,   /* IEEE 802 EtherType */
	TABLE_IP_PROTO,    /* IANA protocol number */
	TABLE_TCP_PORT,    /* for an application: a hint; the content decides */
	TABLE_UDP_PORT,    /* for a layer (tunnel): decides; for an application: a hint */
	TABLE_PPP,         /* PPP protocol number (RFC 1661) */
	TABLE_RPC_PROGRAM, /* ONC RPC program number (RFC 5531): for a body */
	TABLE_COUNT
};

struct claim {
	uint16_t table; /* enum tsm_table */
	uint32_t key;
};

struct next {
	uint16_t table; /* enum tsm_table; TABLE_END: the rest is the packet's payload */
	uint32_t key;
};

enum side { SIDE_CLIENT, SIDE_SERVER }; /* who sent the bytes */

enum tsm_probe {
	PROBE_NO,      /* not this protocol */
	PROBE_MAYBE,   /* more bytes needed to tell */
	PROBE_YES,     /* this protocol, and the side is right */
	PROBE_SWAPPED, /* this protocol, but client and server are the other way round */
};

enum tsm_end {
	END_FIN,     /* the side closed the connection; all its bytes were delivered */
	END_RST,     /* the connection was reset */
	END_TIMEOUT, /* the flow's idle timeout passed, or it was evicted */
	END_CAPTURE, /* the capture ended */
	END_SWITCH,  /* another dissector continues */
};

#define TAKE_TO_END UINT64_MAX /* take.skip: everything until the side ends */
#define TAKE_HOLD   UINT32_MAX /* take.need: keep bytes until the other side makes progress */
/* take.need: no message begins at the front of the view; call again where one does (sync()). */
#define TAKE_SEARCH (UINT32_MAX - 1)

/* How to continue after the bytes that were read. At most one of skip and need is not zero. */
struct take {
	uint64_t skip; /* skip this many bytes unread; then data() is called with the bytes after
			  them, possibly none */
	uint32_t need; /* call again when at least this many bytes are available; 0: as soon as
			  there is one more than now. Unread bytes are kept and passed again. */
	bool stop;     /* ignore the rest of this connection */
};

/* The return values of data(). */
static inline struct take take_more(void) /* call again when there is more */
{
	struct take t = {0, 0, false};
	return t;
}

static inline struct take take_need(uint32_t n) /* ... when at least n bytes are there */
{
	struct take t = {0, n, false};
	return t;
}

static inline struct take take_skip(uint64_t n) /* ... after the next n bytes */
{
	struct take t = {n, 0, false};
	return t;
}

static inline struct take take_search(void) /* ... where a message begins */
{
	return take_need(TAKE_SEARCH);
}

static inline struct take take_stop(void)
{
	struct take t = {0, 0, true};
	return t;
}

struct tsm_event_kind;
struct tsm_facts;
struct tsm_prefix;
struct show;    /* the output of describe() */
struct session; /* a connection (or UDP flow) as an application dissector sees it */
struct txn;     /* the engine's side of a transaction */

/*
 * A handle of one request and its response: a slot, and the number of the transaction in it. It is
 * a value that may be kept anywhere for any time. The engine may finish a transaction at any call
 * (bytes were lost, too many are open). From then on the handle is invalid, whatever its slot is
 * used for later. All calls accept an invalid handle and do nothing.
 */
struct tsm_txn {
	struct txn *place; /* NULL: none */
	uint64_t number;
};
#define TSM_NONE ((struct tsm_txn){NULL, 0})

/* Is the handle valid: is there such a transaction, not finished yet? */
bool tsm_is(struct tsm_txn t);
/* Are both handles valid and of the same transaction? */
bool tsm_same(struct tsm_txn a, struct tsm_txn b);

#define TSM_SYNC_MAX   1024u /* bytes that sync() gets at once, at most */
#define TSM_BODY_STATE 1024u /* bytes of state for a body dissector */
#define TSM_BODY_NEED  1100u /* bytes that a body dissector may need at once */

/* What the carrier tells the body dissector about the message. */
struct body {
	enum side side;              /* the request's or the response's */
	bool last;                   /* the message ends where the view ends */
	uint32_t version, procedure; /* of the request, in the carrier's numbering */
	void *state; /* TSM_BODY_STATE bytes, zeroed where the body begins; 8-byte aligned */
};

/* Properties of an application that hold before any byte was captured. */
#define TRAIT_SERVER_FIRST 0x1u /* the server speaks first; until then the client waits */
/* Answers come in the order of their requests, whatever their keys, so requests can queue. */
#define TRAIT_IN_ORDER 0x2u
/* data() reads the captured part of a message that the snap length has cut (view.cut > 0). */
#define TRAIT_READS_CUT 0x8u
/* It is probed only on the ports it claims, because its bytes resemble other protocols. */
#define TRAIT_BY_PORT 0x4u
/* Of a connection that began before the capture it is asked on the ports it claims only: bytes from
   the middle are too little to go by elsewhere. */
#define TRAIT_MIDWAY_BY_PORT 0x20u
/* It hides what is asked: its transactions are handshakes, and what follows is told by turns. */
#define TRAIT_ENCRYPTED 0x10u
typedef enum tsm_probe tsm_sync(struct session *s, void *state, enum side side, struct view *v);

/* New members are appended only; a dissector compiled with a shorter struct still loads. */
struct dissector {
	uint32_t abi;  /* TSM_ABI */
	uint32_t size; /* sizeof(struct dissector) */
	const char *name;
	const char *title;
	const struct claim *claims; /* ends with TABLE_END; may be NULL */
	const struct field *fields; /* the transaction's own values; ends with FIELDS_END; may be
				       NULL */

	/* A layer. */
	void (*layer)(struct packet *p, struct view *v, struct next *next);

	/* An application. state_size bytes, zeroed, are kept for each session. */
	uint32_t state_size;
	uint32_t traits; /* TRAIT_ */
	enum tsm_probe (*probe)(struct view head, enum side side);
	struct take (*data)(struct session *s, void *state, enum side side, struct view *v);
	/* n bytes are missing from where data() would have continued, outside of a skip (they were
	   not captured, or were kept unread and evicted). Then data() is called where a message
	   begins after them (sync()), or with the first bytes after them (tsm_go_on()). */
	void (*gap)(struct session *s, void *state, enum side side, uint64_t n);
	/* A side has ended; called once a side. Open transactions are closed after both. */
	void (*end)(struct session *s, void *state, enum side side, enum tsm_end why);

	/* A body, as tsm_body_read() passes it on. Reads from the front of the view. `need` is at
	   most TSM_BODY_NEED; `skip` skips payload unread, TAKE_TO_END all the rest. */
	struct take (*body)(
		struct session *s, struct tsm_txn t, const struct body *b, struct view *v);

	/* Shows the fields of one frame to the user (show.h): the header of a layer, or the payload
	   of an application's packet, sent by `side`. p holds what the layers have found so far.
	   May be NULL. */
	void (*describe)(struct show *out, const struct packet *p, enum side side, struct view v);

	/*
	 * Does a message of `side` begin at the front of the view? Called byte by byte if the
	 * position in the stream is unknown: after lost bytes, if the connection began before the
	 * capture, and after TAKE_SEARCH. data() continues at the first YES. The view may begin
	 * anywhere, so YES is wrong for bytes that are likely inside a message; a weak sign is
	 * enough where the side takes its turn (tsm_takes_turn()).
	 * MAYBE: more bytes are needed. They are kept and passed again with later ones, up to
	 * TSM_SYNC_MAX bytes; then it counts as NO.
	 * For speed, it may move the front past bytes at which surely no message begins. It must
	 * not change anything: of this header it may call only tsm_takes_turn(), tsm_find(),
	 * tsm_is() and tsm_tag(). NULL: a message begins where the side takes its turn.
	 */
	tsm_sync *sync;

	/* What the report must know about the protocol (model.h). May be NULL. */
	const struct tsm_model *model;

	/* The events that its layer marks (event.h). May be NULL. */
	const struct tsm_event_kind *event;

	/* What its packets say about other services (facts.h). May be NULL. */
	const struct tsm_facts *facts;

	/* A header that it puts in front of other protocols (prefix.h). May be NULL. */
	const struct tsm_prefix *prefix;
};

/*
 * The four stamps. `at` points to the first byte, in the view that data() was given, and `end` one
 * past the last byte; NULL stands for the last byte delivered on that side. Within end() only NULL
 * is allowed.
 *
 * Key 0 pairs first in, first out; any other key (an RPC xid) pairs by key. tsm_response() returns
 * the oldest open transaction that fits, or a new one without a request (flagged). It returns
 * TSM_NONE only if the memory budget is used up, or if (first in, first out, after lost bytes)
 * several requests are possible and nothing decides between them; the response is then counted and
 * not attributed. tsm_request() returns TSM_NONE only if the budget is used up.
 * A transaction is finished once both ends were marked; later calls for it have no effect.
 */
struct tsm_txn tsm_request(struct session *s, uint64_t key, const uint8_t *at);
void tsm_request_end(struct session *s, struct tsm_txn t, const uint8_t *end);
struct tsm_txn tsm_response(struct session *s, uint64_t key, const uint8_t *at);
void tsm_response_end(struct session *s, struct tsm_txn t, const uint8_t *end);

/*
 * For messages of several transactions that are interleaved on one connection (HTTP/2 streams): the
 * next bytes of this side belong to t, or (TSM_NONE) to no known transaction. From the first call
 * on, a gap ends no transaction, the end of a response does not finish a transaction whose request
 * continues, and tsm_current() returns TSM_NONE.
 */
void tsm_turn(struct session *s, enum side side, struct tsm_txn t);
/* Sets the size of its message on this side, instead of the bytes between its stamps. */
void tsm_bytes(struct tsm_txn t, enum side side, uint64_t bytes);
/*
 * The application's own flow control: the receiver, `side`, allows no more bytes of t's message
 * (closed, by the last byte before `at` in the sender's bytes), or allows them again (`at` in the
 * receiver's bytes). Returns how long the window was closed, in ns. Not allowed in end().
 */
uint64_t tsm_window(
	struct session *s, struct tsm_txn t, enum side side, bool closed, const uint8_t *at);
/* Finishes a transaction that this side cancelled with the bytes before `at`. */
void tsm_reset(struct session *s, struct tsm_txn t, enum side side, const uint8_t *at);
/*
 * Cases beyond the four stamps:
 * A server that speaks first answers the connection itself: tsm_greeting() replaces tsm_response().
 * The request has no bytes; its time is the end of the handshake.
 * tsm_established() returns when the handshake ended, in ns since the epoch, or 0 if unknown.
 * tsm_unsent(), for end(), returns a request that the server waited for, from its own last byte
 * until it closed the connection; TSM_NONE if the server did not close first. It is an error, and
 * its time is the client's.
 * A transaction of several requests (a mail) is a composite one with its own key. tsm_find()
 * returns the open transaction with a key (not 0), or TSM_NONE; one that is not composite is found
 * only until its response begins. tsm_open() creates a transaction without a stamp if its beginning
 * was not captured. tsm_composite() marks it as composite: its time is already in other
 * transactions, and tsm_current() does not return it.
 */
struct tsm_txn tsm_greeting(struct session *s, const uint8_t *at);
uint64_t tsm_established(const struct session *s);
struct tsm_txn tsm_unsent(struct session *s);
struct tsm_txn tsm_open(struct session *s, uint64_t key);
struct tsm_txn tsm_find(struct session *s, uint64_t key);
void tsm_composite(struct tsm_txn t);

/* The transaction is a handshake: its time, without stalls, is connect.tls in the ledger. `ns` is
   its duration if it went on after the response; 0: not known (yet). */
void tsm_handshake(struct tsm_txn t, uint64_t ns);

/* The transaction whose request (response) has begun and not ended on this side, or TSM_NONE. */
struct tsm_txn tsm_current(struct session *s, enum side side);

/* Deletes it without a record; the next transaction carries the cost of the connection. */
void tsm_withdraw(struct session *s, struct tsm_txn t);

/* Finishes a transaction that gets no (further) response, with what is known of it. */
void tsm_abandon(struct session *s, struct tsm_txn t);

/*
 * What does not fit a request and its response:
 * tsm_unanswered() finishes a request, marked to its end, that the protocol does not answer.
 * tsm_event() begins a message of the server that answers nothing; tsm_response_end() ends it.
 * tsm_doubt(): a response came, and nobody can tell whose: what is open may have been answered.
 * tsm_doubt_of(): the same of one, of which it is known.
 * tsm_awaits(): the client sends the rest of a request when the server has said that it wants it.
 * tsm_lasting() keeps a response that has begun over bytes that are lost within it: the dissector
 * finds its end, or abandons it.
 */
void tsm_unanswered(struct session *s, struct tsm_txn t);
struct tsm_txn tsm_event(struct session *s, const uint8_t *at);
void tsm_doubt(struct session *s);
void tsm_doubt_of(struct tsm_txn t);
void tsm_awaits(struct tsm_txn t);
void tsm_lasting(struct tsm_txn t);

/*
 * The place in a stream (see sync()).
 * tsm_takes_turn(): is the byte at `at`, in the view that sync() was given, the first byte that its
 * side sends after the other side has spoken?
 * tsm_behind_rest(): does a client's message end right before the byte at `at`, whose beginning was
 * not captured, and which the server has not answered yet?
 * tsm_go_on(): the position of `side` is known, so the engine does not search for a message: data()
 * gets the bytes as they come. Within gap(), they begin right after the missing bytes.
 */
bool tsm_takes_turn(const struct session *s, const uint8_t *at);
bool tsm_behind_rest(const struct session *s, const uint8_t *at);
void tsm_go_on(struct session *s, enum side side);

/*
 * The unanswered request of t was sent again in the datagram that contains `at`: the wait until now
 * was for the retransmission, not for the server. No effect over TCP, which retransmits itself.
 */
void tsm_repeated(struct session *s, struct tsm_txn t, const uint8_t *at);

/* When the stream was complete up to this byte of data()'s view: ns since the epoch. */
uint64_t tsm_time(const struct session *s, const uint8_t *at);

/* A number that the dissector keeps with a transaction (a flag for HEAD, a state). */
void tsm_set_tag(struct tsm_txn t, uint64_t tag);
uint64_t tsm_tag(struct tsm_txn t);

enum tsm_status_code { STATUS_OK = 1, STATUS_ERROR, STATUS_CLIENT_ERROR, STATUS_SERVER_ERROR };

/* Sets the operation ("GET", "/index.html"): the fields method, path and query. An empty view means
   unknown. */
void tsm_op(struct tsm_txn t, struct view method, struct view object);
/* Sets the field query, if it is not the method and the object. */
void tsm_query(struct tsm_txn t, struct view text);
/* Sets the outcome. */
void tsm_status(struct tsm_txn t, enum tsm_status_code status);
/* Set the dissector's own fields, by their index in its table; the last value set counts. Text is
   copied, up to 2,048 bytes per value and 8 KiB per transaction; longer text is cut and flagged. */
void tsm_u64(struct tsm_txn t, unsigned field, uint64_t value);
void tsm_str(struct tsm_txn t, unsigned field, struct view text);
void tsm_name(struct tsm_txn t, unsigned field, const char *constant); /* NULL: no value */
/* Adds 1 to a number, which starts at 0. */
void tsm_count(struct tsm_txn t, unsigned field);
/* Adds an item to a list of texts (FIELD_F_LIST); it must not contain a line feed. */
void tsm_add(struct tsm_txn t, unsigned field, struct view item);

/*
 * Names of the objects that a protocol identifies by handles (passed as a hash). They are learned
 * from all connections to a server's address, in the order of the records; a move or a removal
 * counts if the transaction's status is OK.
 *
 * tsm_learn() says that `name` in `parent` will get a handle; tsm_learned(), with the same k, says
 * which one. A name may have several parts, separated by "/"; an empty one is the parent itself.
 * tsm_where() names the object of the transaction: `field`, and the record's path and query, get
 * the path of `name` (which may be empty) in `handle`, if it is known by then.
 */
#define TSM_HERE 0u /* the handle that tsm_where() was given */
#define TSM_ROOT 1u /* the root of the server's tree */
void tsm_learn(struct tsm_txn t, unsigned k, uint64_t parent, struct view name);
void tsm_learned(struct tsm_txn t, unsigned k, uint64_t handle);
void tsm_moved(struct tsm_txn t, uint64_t to, struct view name); /* the object moves to there */
void tsm_removed(struct tsm_txn t, uint64_t parent, struct view name);
void tsm_where(struct tsm_txn t, unsigned field, uint64_t handle, struct view name);

/*
 * Bodies. tsm_body() finds the dissector that claims the key and assigns the transaction to it: the
 * record gets its name and its fields, the first of which must be the carrier's, at the same
 * indices. It returns false if no dissector claims the key. tsm_body_read() passes bytes to that
 * dissector; without one, all bytes are skipped.
 */
bool tsm_body(struct session *s, struct tsm_txn t, enum tsm_table table, uint32_t key);
struct take tsm_body_read(
	struct session *s, struct tsm_txn t, const struct body *b, struct view *v);

enum tsm_quality {
	QUALITY_ONE_WAY,        /* only one direction of the connection was captured */
	QUALITY_MIDSTREAM,      /* the connection began before the capture */
	QUALITY_GAP,            /* bytes between the stamps were not captured */
	QUALITY_SNAPLEN,        /* frames were cut by the snap length */
	QUALITY_DUPLICATE,      /* frames were captured twice */
	QUALITY_EARLY_RESPONSE, /* the response began before the request had ended */
	QUALITY_NO_REQUEST,     /* the request was not captured */
	QUALITY_NO_RESPONSE,    /* no response was captured */
	QUALITY_UNFINISHED,     /* the response did not come to its end */
	QUALITY_TRUNCATED,      /* a value was longer than what is kept */
	QUALITY_AMBIGUOUS,      /* framing that two implementations may read differently */
	QUALITY_MALFORMED,      /* violates the protocol's grammar */
	QUALITY_NO_RTT,         /* no round-trip time was seen: network time is inside server */
	QUALITY_TIME_BACK,      /* capture times ran backwards */
	QUALITY_CONNECT,        /* the ledger carries the connection's own cost */
	QUALITY_PENDING,        /* open when the capture ended: its times are lower bounds */
	QUALITY_STALE,          /* sent on a connection that the server had closed already */
	QUALITY_MPTCP, /* a subflow of Multipath TCP, others carry data of its connection, too */
	QUALITY_RESENT_END, /* the ledger ends with bytes that were sent again behind the response's
			       last, and arrived: it is longer than the duration */
	QUALITY_GAVE_UP,    /* when its client gave up is not in the packets: it is estimated */
	QUALITY_COUNT
};
void tsm_flag(struct tsm_txn t, enum tsm_quality quality);

/* Counts an anomaly by a constant name ("http: header too long"); shown in the summary. */
void tsm_note(struct session *s, const char *what);

/*
 * Texts that are kept with the connection by a key (the statement of a prepared statement's
 * number), at most TSM_MEMO_MAX and 256 KiB in all; the least recently used is evicted.
 * tsm_recall() returns an empty view with p NULL if there is none. The view is valid until the next
 * call of tsm_memo().
 */
#define TSM_MEMO_MAX 1024u
void tsm_memo(struct session *s, uint64_t key, struct view text);
struct view tsm_recall(struct session *s, uint64_t key);
void tsm_forget(struct session *s, uint64_t key);

/*
 * Compressed bytes inside a stream. tsm_inflate() takes the next bytes of a unit (a packet, a
 * body); `first` is true for its first bytes. It passes the decompressed bytes to `reader`, piece
 * by piece, as data() gets its bytes: unread bytes are kept and passed again, skipped bytes are not
 * passed. Consecutive units form one stream. A unit yields at most `limit` bytes. `in` lies in the
 * view that data() was given, and everything decompressed from it is stamped with its first and
 * last byte; so pass pieces that do not depend on the segmentation. It returns false if the data is
 * broken, too long, or over budget. Then unread bytes are discarded, as by tsm_inflate_reset(), and
 * `sync`, which works as a dissector's sync(), finds the next message in the decompressed bytes.
 * tsm_inflate_alone() is for a whole unit by itself, or its beginning, which may come from another
 * unit's decompressed bytes. Bytes that its reader leaves unread are discarded; it sets no stamps.
 */
enum tsm_coding { CODING_NONE, CODING_ZLIB, CODING_ZSTD };
typedef struct take tsm_reader(struct session *s, void *state, enum side side, struct view *v);
bool tsm_inflate(struct session *s, enum side side, enum tsm_coding coding, struct view in,
	bool first, uint64_t limit, tsm_reader *reader, tsm_sync *sync);
bool tsm_inflate_alone(struct session *s, enum side side, enum tsm_coding coding, struct view in,
	uint64_t limit, tsm_reader *reader);
void tsm_inflate_reset(struct session *s, enum side side);

/* Are literals shown (--literal)? If not, a dissector shows only a statement's digest. */
bool tsm_literal(const struct session *s);

/*
 * Another dissector reads both sides from the current position: `name`, or NULL for any that
 * recognises the bytes, or "" for none. The caller's end() is not called. Its transactions stay
 * open until their ends are marked, so mark them before. data() must return right after the call.
 */
void tsm_switch(struct session *s, const char *name);

/*
 * The request of a transaction is answered in the protocol that tsm_switch() changes to (HTTP's
 * Upgrade: h2c, whose 101 is an interim response). tsm_pass_on(), before the switch, removes the
 * transaction itself from the records. tsm_upgraded() returns its continuation: a transaction with
 * the stamps of the request and this key, whose method and object are still to be set; or TSM_NONE
 * if there is none or it was returned before. The views are valid until the transaction gets
 * values.
 */
void tsm_pass_on(struct session *s, struct tsm_txn t);
struct tsm_txn tsm_upgraded(
	struct session *s, uint64_t key, struct view *method, struct view *object);

/*
 * Memory for a library that needs it. Works as realloc(); size 0 frees it. It is bounded per
 * session (TSM_MEMORY_MAX) and by the budget: returns NULL if that is used up, and `old` stays
 * valid. The engine frees the rest when the session ends or another dissector takes over.
 */
#define TSM_MEMORY_MAX (256u * 1024u)
void *tsm_memory(struct session *s, void *old, size_t size);

/*
 * The bytes of the view before `end` are payload that this dissector cannot read (TLS application
 * data before the end of the handshake): from here on the flow counts turns, as for a protocol
 * without a dissector.
 */
void tsm_opaque(struct session *s, enum side side, const uint8_t *end);

/* Is this UDP: does each view hold one datagram? */
bool tsm_datagram(const struct session *s);

/* Must mail addresses be shown as their domain only, and subjects not at all? */
bool tsm_mask_mail(const struct session *s);

/* Is the first byte that this side sent on its connection still unread? */
bool tsm_from_start(const struct session *s, enum side side);

/*
 * Registers a dissector, at file scope:
 *     TSM_DISSECTOR(http) = { TSM_HEAD, .name = "http", ... };
 * A plugin is compiled with -DTSM_PLUGIN and holds exactly one.
 * TSM_SELF(http) is its address; TSM_DECLARE(http) stands before the first use of that.
 */
#define TSM_HEAD .abi = TSM_ABI, .size = sizeof(struct dissector)
#ifdef TSM_PLUGIN
#define TSM_DECLARE(id) extern const struct dissector tsm_plugin
#define TSM_SELF(id)    (&tsm_plugin)
#define TSM_DISSECTOR(id)                                                                          \
	extern const struct dissector tsm_plugin;                                                  \
	__attribute__((visibility("default"))) const struct dissector tsm_plugin
#else
#define TSM_DECLARE(id) extern const struct dissector tsm_dissector_##id
#define TSM_SELF(id)    (&tsm_dissector_##id)
#define TSM_DISSECTOR(id)                                                                          \
	extern const struct dissector tsm_dissector_##id;                                          \
	static const struct dissector *const tsm_entry_##id                                        \
		__attribute__((used, section("tsm_dissectors"))) = &tsm_dissector_##id;            \
	const struct dissector tsm_dissector_##id
#endif

#endif
