/*
 * flow.h - what is kept of a connection, and the table that finds it.
 *
 * A flow is keyed by both ends, the transport, the outer VLAN tag (switchable) and the tunnel it
 * was found in. Both ends are kept in one order (the smaller first), `client` says which of them
 * asks. The entry is four cache lines, three where it is no TCP connection; what only unusual
 * connections need (loss, stalls, retries) is an extension, what only recognised applications need
 * is the session.
 */
#ifndef TSUMARI_CORE_FLOW_H
#define TSUMARI_CORE_FLOW_H

#include "api/layer.h"
#include "base/arena.h"
#include "base/mem.h"
#include "core/engine.h"

/* What is called for few packets only: it must not be put among what all go through. */
#define RARELY __attribute__((cold, noinline))

/* flow_side.flags */
#define FS_SEQ      0x01u /* nxt is set */
#define FS_SYN      0x02u /* sent a SYN */
#define FS_FIN      0x04u /* sent a FIN */
#define FS_SACK     0x08u /* offered SACK */
#define FS_ACK      0x10u /* ack and window are set */
#define FS_BARE_ACK 0x20u /* its last packet was an ACK without data */
#define FS_SHORT    0x40u /* its last packet was data, less than a full segment */
#define FS_MIDWAY   0x80u /* its stream was not followed from the first byte */

/* flow_side.more */
#define FS_RTT_BOUND  0x01u /* rtt_min is no sample: it was not longer, perhaps shorter */
#define FS_SUMS_RIGHT 0x10u /* its checksums are right, or were all that were looked at */
#define FS_SUMS_WRONG 0x20u /* some are not, as an offload adds them later */
#define FS_RESTS      0x02u /* what it answered waits for the other end's ACK: resting.c */

#define WSCALE_NONE 0xffu /* not offered */
#define WSCALE_CUT  0xfeu /* the snap length cut the options: nobody knows */

struct flow_side {       /* what TCP says */
	uint32_t nxt;    /* one past the highest sequence number sent */
	uint32_t ack;    /* highest acknowledgment sent */
	uint32_t window; /* last advertised, scaled */
	uint32_t isn;
	uint32_t tsval;
	uint32_t rtt_seq;
	uint16_t ip_id, mss;
	uint8_t dup_run; /* duplicate ACKs in a row, as far as it counts */
	uint8_t more;
	uint8_t wscale; /* a shift, or WSCALE_* */
	uint8_t flags;
};

enum flow_state {
	FLOW_NEW,
	FLOW_SYN,
	FLOW_SYN_ACK,
	FLOW_ESTABLISHED,
	FLOW_CLOSING,
	FLOW_CLOSED,
	FLOW_RESET
};

/* flow.flags */
#define FLOW_V6       0x01u
#define FLOW_OPAQUE   0x02u /* its application is of no interest (any more) */
#define FLOW_MIDWAY   0x04u /* began before the capture */
#define FLOW_CLIENT   0x08u /* client is known by handshake or content */
#define FLOW_SNAPLEN  0x10u /* frames were cut */
#define FLOW_INTERIM  0x20u /* there were packets since the last interim record */
#define FLOW_TIMEBACK 0x40u
#define FLOW_HAD_TXN  0x80u /* a transaction has taken the connection's own cost */

#define FLOW_IFACE_OTHER 15u /* flow.iface: one that has no number here */

struct flow_ext;
struct handshake;
struct session;

/* What is known of a flow's application: in its session while there is one, then behind flow.app.
 */
struct flow_app {
	uint64_t transactions;
	const struct dissector *by; /* that read it last; NULL: none did */
	/* Of its first transaction, of the last, and when an end closed; 0: not, or not seen. */
	uint64_t first_asked, first_answered, last_answered, closed;
	bool turns; /* it is the beginning of a struct flow_turns */
};

struct flow {
	struct addr ip[2]; /* the smaller end first */
	uint16_t port[2];
	unsigned vlan : 12, inner_vlan : 12, iface : 4, flow_tries : 4;
	uint32_t tunnel;
	uint8_t proto, state, flags;
	uint8_t who; /* bit 0: the end that is the client; 1..6: the tunnel's kind; 7: the end that
			reset */
	uint8_t mac[2][6];
	uint32_t slot;

	/* The second cache line: with the first all that a datagram touches. */
	union {
		struct session *session; /* see flow_session() */
		struct flow_app *app;    /* FLOW_OPAQUE; NULL: nothing is known */
	};
	uint64_t last[2];    /* time of the last packet, by the end that sent it */
	uint64_t bytes[2];   /* of frames, on the wire */
	uint64_t payload[2]; /* of datagrams, or of the TCP stream, each byte once */
	uint32_t packets[2];

	struct flow_ext *ext;
	uint64_t first, first_frame;
	uint64_t established; /* time of the handshake's last ACK; 0: none */
	union {
		uint64_t syn_ack; /* time of the first SYN/ACK; 0: none */
		struct {
			uint8_t icmp_type, icmp_code; /* of the first packet */
		};
	};
	union {
		uint64_t rtt_time[2]; /* when the segment ending at rtt_seq was sent; 0: none is
					 timed */
		struct {              /* of another flow than TCP: its copies (copies.h) */
			uint64_t copy_frame; /* the first one */
			uint32_t ncopies;
			uint16_t copy_vlan;
			uint8_t copy_kinds;
		};
	};
	uint32_t rtt_min[2]; /* ns from an end's segments to the other's ACK; see flow_rtt() */

	/* Of TCP only, see flow_said(): others have no memory for it. */
	struct flow_side side[2];
};
#define FLOW_SIZE_TCP   sizeof(struct flow)
#define FLOW_SIZE_OTHER offsetof(struct flow, side)
#define FLOW_DATAGRAM   offsetof(struct flow, ext) /* what a datagram touches */
_Static_assert(FLOW_SIZE_TCP == 256 && FLOW_SIZE_OTHER == 192, "whole cache lines");

/* Where a connection was when it was reset. */
enum reset_phase {
	RESET_NONE,
	RESET_SYN,     /* nothing but SYNs had been sent */
	RESET_SYN_ACK, /* answered, the handshake not ended */
	RESET_ACK,     /* by the server, at once after the ACK that ends the handshake */
	RESET_REQUEST,
	RESET_WAIT,
	RESET_RESPONSE,
	RESET_IDLE,    /* no transaction was open */
	RESET_OPEN,    /* of a protocol that is not followed */
	RESET_CLOSE,   /* after a FIN */
	RESET_STALE,   /* a request came to a connection that the server had closed */
	RESET_UNKNOWN, /* the bytes that would tell were not captured */
};

/* A held segment above a hole. */
struct held {
	struct held *next;
	uint32_t lo, hi, caplen;
	uint32_t room; /* allocated for data */
	uint32_t tsval;
	uint64_t time, frame;
	uint8_t data[];
};

/*
 * Segments of a side that were sent again, until the ACK says what became of them: [lo, hi) of its
 * stream. Before it is known that they had been lost, nothing was waited for.
 */
struct resend {
	uint64_t from;   /* since when they were missed */
	uint64_t first;  /* when the first was sent again; */
	uint64_t at;     /* the last one */
	uint64_t worst;  /* ns that the one waited for the longest took, */
	uint64_t frame;  /* and that one */
	uint32_t lo, hi; /* kept when it is known, for a late D-SACK */
	uint32_t tsval;  /* of the first; 0: it has none */
	uint32_t n;      /* segments; 0: nothing is open */
	uint32_t judged; /* of those before, that were found to have been needed */
	uint32_t fast;   /* of them by duplicate ACKs, */
	uint32_t rtos;   /* after a timeout */
	bool until_ack;  /* waited for to the ACK, not to `at`: see tcp_on_resent() */
};

struct ext_side {
	/* Since when it is so (see zero_time, full_time, expect); 0: it is not. */
	uint64_t zero_since, full_since, hole_since;
	uint64_t full_from, full_until; /* when the other's window was full last */
	uint32_t retransmits, fast, rtos, spurious, out_of_order, dup_acks, outside, bad_sums;
	uint32_t zero_windows, window_full, gaps, nheld;
	uint64_t zero_time, full_time;
	uint64_t lost, resent;
	uint64_t resent_worst, zero_worst; /* ns, the longest stall of its kind ... */
	uint64_t resent_frame, zero_frame; /* ... and the frame that ended, or began it */
	uint64_t lost_frame, oversized_frame, again_frame, outside_frame, bad_sum_frame;
	uint32_t oversized; /* segments larger than the MSS, put together by an offload */
	uint64_t again_since, again_last;     /* when it was first sent (nearly), and last */
	uint32_t again_seq, again_len, again; /* the segment sent again last, and how often */
	uint64_t dup_since;                   /* first duplicate ACK of the present run */
	uint32_t expect;                      /* where the first hole begins, if there is one */
	struct resend resend;
	uint64_t clock_time; /* when it sent what had this timestamp, near its first hole; 0: none
			      */
	uint32_t clock_tsval;
	uint32_t recover; /* of missing bytes below, those that came had been sent again */
	/* Bytes of it had been sent at this time and did not come; 0: none that are known of. */
	uint64_t lost_since;
	/* Sent into the other's closed window, which takes none of it; refused: how many bytes. */
	uint32_t refused_from, refused;
	uint32_t held_bytes;
	struct held *held, *held_last;
	struct held *doubtful; /* the last one that was left out for its checksum, or NULL */
	struct waiting *doubt; /* ahead of the window, or a reset ahead of what was sent */
	/* A segment without data said at this time that all bytes below sent_to had been sent. */
	uint64_t sent_time, sent_frame;
	uint32_t sent_to, sent_tsval;
	/* Its first segment, a byte that may be a probe; probe_frame 0: no. probing: the byte at
	   nxt was sent to see whether the other's window still is closed. */
	bool probing;
	uint64_t probe_time, probe_frame;
	uint32_t probe_seq;
	uint8_t probe_caplen, probe_byte;
};

/* flow_ext.waits: segments are kept ... */
#define WAITS_EARLY 0x01u /* that acknowledge what was not seen */
#define WAITS_SYN   0x02u /* a SYN on a connection that may live */
#define WAITS_DOUBT 0x04u /* of either side */

struct copies;
struct early;
struct waiting;

struct flow_ext {
	struct ext_side side[2];
	struct flow *flow;
	struct handshake *handshake; /* NULL: it went as usual */
	struct copies *copies;       /* NULL: none were seen */
	uint32_t duplicates, icmp_errors;
	uint8_t icmp_type, icmp_code;
	uint8_t watch;      /* WATCH_: each segment is looked at (handshake.h) */
	uint64_t icmp_time; /* of the first error */
	uint64_t duplicate_frame, reset_frame;
	uint8_t reset_phase;   /* enum reset_phase */
	uint8_t stale;         /* bytes of the client came behind the server's FIN, unread */
	struct addr forwarded; /* on whose behalf a proxy connected (api/prefix.h); all zero: not
				  said */
	uint64_t first_from, first_late; /* since when the client's first bytes were sent again,
					    and for how long, ns */
	uint64_t closed; /* when an end closed, of a flow without an app; 0: not, or not seen */
	struct early *early;
	struct waiting *syn;
	uint8_t waits; /* WAITS_ */
	bool untold;   /* the transaction that has the connection's own cost has no total */
};

struct bucket {
	uint32_t slot[8];
	uint16_t tag[8]; /* 0: empty */
	uint32_t passed; /* entries that found no room here and went on */
	uint32_t pad[3];
};

#define FLOW_CHUNK 256u
#define FLOW_BLOCK 64u        /* slots whose least alarm is kept */
#define FLOW_NONE  UINT32_MAX /* no slot */
#define FLOW_NEVER UINT32_MAX /* an alarm that is not set */

struct alarms {
	uint32_t least[FLOW_CHUNK / FLOW_BLOCK];
	uint32_t at[FLOW_CHUNK]; /* second at which to look at the flow, or FLOW_NEVER */
};

/* Flows of one size. What went back has none: a slot of it is nobody's. */
struct flow_chunk {
	uint8_t *at;
	struct alarms *alarms;
	uint16_t size; /* 0: it went back */
	bool tcp;
	uint32_t used;
	uint32_t free;       /* the first removed flow's slot, FLOW_NONE: none */
	uint32_t next, prev; /* chunks of its size with removed flows; or the next that went back */
};

/* The slots of one size. */
struct flow_slots {
	uint32_t chunk;      /* the first with removed flows, FLOW_NONE: none */
	uint32_t fresh, end; /* slots of the last chunk that were never used */
};

struct flow_table {
	struct arena *arena; /* of the chunks */
	struct pool alarms;
	struct bucket *buckets;
	uint32_t mask;         /* number of buckets less one */
	uint32_t used;         /* flows */
	uint32_t slots, limit; /* slots that there were; flows at most */
	uint32_t carved;       /* slots that there are */
	uint32_t nempty;       /* chunks that had flows and have none */
	uint32_t gone;         /* the first chunk that went back */
	struct flow_chunk *chunks;
	struct flow_slots tcp, other;
	uint32_t hand;   /* where eviction looks next */
	uint64_t key[4]; /* of the hash */
};

/* What identifies a flow, made from a packet, whose addresses it points to. */
struct flow_key {
	const struct addr *ip[2];
	uint16_t port[2];
	uint16_t vlan;
	uint8_t proto, v6;
	uint32_t tunnel;
};

static inline uint16_t flow_vlan_of(const struct engine_config *c, const struct packet *p)
{
	return c->ignore_vlan || !p->nvlan ? 0 : p->vlan[0];
}

/*
 * By what its flow is found, once the order of its ends is known. quote: PACKET_QUOTE is set, which
 * it hardly ever is.
 */
static inline __attribute__((always_inline)) void flow_key_of(
	const struct engine_config *c, const struct packet *p, bool quote, struct flow_key *k)
{
	const struct addr *src = quote ? &p->quote.src : &p->src;
	const struct addr *dst = quote ? &p->quote.dst : &p->dst;
	uint16_t sport = quote ? p->quote.sport : p->sport;
	uint16_t dport = quote ? p->quote.dport : p->dport;

	k->ip[0] = p->reverse ? dst : src;
	k->ip[1] = p->reverse ? src : dst;
	k->port[0] = p->reverse ? dport : sport;
	k->port[1] = p->reverse ? sport : dport;
	k->vlan = flow_vlan_of(c, p);
	k->proto = quote ? p->quote.proto : p->ip_proto;
	k->v6 = p->ip_version == 6;
	k->tunnel = p->tunnel;
}

/* Is the source the second end? */
bool flow_reversed(const struct addr *src, const struct addr *dst, uint16_t sport, uint16_t dport);
uint64_t flow_hash(const uint64_t key[4], const struct flow_key *k);
/* The same, and by a fixed hash the shard it belongs to. */
uint64_t flow_route(const uint64_t key[4], const struct flow_key *k, uint8_t *shard);
/* The same for a packet of IPv4, whose ends it puts in order. */
void flow_route_v4(const uint64_t key[4], struct packet *p, uint16_t vlan);

void flow_table_init(struct flow_table *t, struct arena *a, uint32_t limit, const uint64_t key[4]);
void flow_table_release(struct flow_table *t);
void flow_prefetch_bucket(const struct flow_table *t, uint64_t hash);
/*
 * What is likely to be the flow: it may be another, or none by the time it is used. Of a flow that
 * is not TCP only what a datagram needs is fetched.
 */
struct flow *flow_prefetch_entry(const struct flow_table *t, uint64_t hash, bool tcp);
/* Of a flow that is there already: what it points to and the packet will need. */
void flow_prefetch_more(const struct flow_table *t, const struct flow *f, const struct packet *p);
/* What else closing the flow needs: its bucket, its session. */
void flow_prefetch_end(const struct flow_table *t, const struct flow *f);
/* Of one that was found before: is it still alive, and this one? */
bool flow_is(const struct flow *f, const struct flow_key *k);
struct flow *flow_find(struct flow_table *t, const struct flow_key *k, uint64_t hash);
/* A new, zeroed entry; the table must hold fewer than its limit. */
struct flow *flow_insert(struct flow_table *t, const struct flow_key *k, uint64_t hash);
void flow_remove(struct flow_table *t, struct flow *f);
/*
 * Has it all the slots that it may have, and none that is free and large enough for TCP? Then
 * *chunk is the one of smaller slots with the fewest flows, whose room is needed.
 */
bool flow_cramped(const struct flow_table *t, uint32_t *chunk);
/* Chunks without flows go back, where there are many free slots: nobody may point to one. */
void flow_give_back(struct flow_table *t);
/*
 * The flow that is given up where there is no room: half-open ones first, then the longest idle.
 * unusual: only of those with an extension. NULL: there is none.
 */
struct flow *flow_victim(struct flow_table *t, bool unusual);

/* The cache lines of n bytes at p, where it is aligned to one. */
static inline void prefetch(const void *p, size_t n)
{
	for (size_t i = 0; i < n; i += 64)
		__builtin_prefetch((const char *)p + i);
}

static inline struct flow *flow_at(const struct flow_table *t, uint32_t slot)
{
	const struct flow_chunk *c = &t->chunks[slot / FLOW_CHUNK];

	return (struct flow *)(void *)(c->at + (size_t)(slot % FLOW_CHUNK) * c->size);
}

/* How far a is behind b in TCP's sequence numbers, which wrap around. */
static inline int32_t seq_diff(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

/* What an end said; of another flow than TCP, that it said nothing. */
static inline const struct flow_side *flow_said(const struct flow *f, unsigned dir)
{
	static const struct flow_side nothing = {.wscale = WSCALE_NONE};

	return f->proto == IP_PROTO_TCP ? &f->side[dir] : &nothing;
}

/* The round trip from the capture to the other end, ns; UINT32_MAX: not known. */
static inline uint32_t flow_rtt(const struct flow *f, unsigned dir)
{
	return flow_said(f, dir)->more & FS_RTT_BOUND ? UINT32_MAX : f->rtt_min[dir];
}

static inline struct session *flow_session(const struct flow *f)
{
	return f->flags & FLOW_OPAQUE ? NULL : f->session;
}

/* Payloads that are looked at before a flow whose protocol nobody knows is left alone: of one that
   began before the capture, and of one seen from its start. */
#define FLOW_TRIES_MAX   15u
#define FLOW_TRIES_START 4u

/* It is not followed, and may still be, by what its next payload is. */
static inline bool flow_may_try(const struct flow *f)
{
	return f->flow_tries < (f->flags & FLOW_MIDWAY ? FLOW_TRIES_MAX : FLOW_TRIES_START);
}

/* Datagrams that were captured more than once. */
static inline uint32_t flow_datagrams_copied(const struct flow *f)
{
	return f->proto == IP_PROTO_TCP ? 0 : f->ncopies;
}

static inline unsigned flow_client(const struct flow *f)
{
	return f->who & 1;
}

static inline enum side side_of(const struct flow *f, unsigned dir)
{
	return dir == flow_client(f) ? SIDE_CLIENT : SIDE_SERVER;
}

static inline uint64_t flow_last(const struct flow *f)
{
	return f->last[0] > f->last[1] ? f->last[0] : f->last[1];
}

/* The second that a time (ns) lies in, as alarms have it: what is behind 2106 is one second. */
static inline uint32_t flow_second(uint64_t time)
{
	uint64_t second = time / 1000000000u;

	return second < FLOW_NEVER ? (uint32_t)second : FLOW_NEVER - 1;
}

/* Of removed and never used slots, too: first_frame is 0, or slot is FLOW_NONE. */
static inline bool flow_alive(const struct flow *f)
{
	return f->first_frame && f->slot != FLOW_NONE;
}

/* Look at the flow at this second, if not before. */
void flow_alarm(struct flow_table *t, uint32_t slot, uint32_t second);

#endif
