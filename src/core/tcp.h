/*
 * tcp.h - TCP segments: tcpstat.c (the segment), tcp_*.c (the parts of it).
 */
#ifndef TSUMARI_CORE_TCP_H
#define TSUMARI_CORE_TCP_H

#include "base/clock.h"
#include "core/flow.h"
#include "core/shard.h"
#include "core/turns.h"

#define REORDER     (3 * MS)  /* a hole filled within this (or the initial RTT) was reordering */
#define EARLY_GRACE (10 * MS) /* what is out of order comes within this */
#define RTO_LEAST   (200 * MS)
#define TCP_IDS     1024 /* packets that a host sends between one and its copy, at most */
#define SEQ_REACH                                                                                  \
	(1 << 30) /* what is further ahead than the largest window is of no connection             \
		   */

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

struct waiting { /* a segment that is kept */
	struct waiting *next;
	struct packet p; /* its payload and SACK blocks are in data */
	uint32_t room;
	uint8_t dir;
	bool refuted; /* a SYN, after which that side went on; it may have been out of order */
	uint8_t data[];
};

/* tcp_valid.c */
struct waiting *waiting_new(struct shard *sh, const struct packet *p, unsigned dir);
void waiting_free(struct shard *sh, struct waiting *w);
/* Counts a segment that the receiver ignores. */
void tcp_outside(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir);
/* Does it, or is that not clear yet? Then the segment was counted, or kept. */
RARELY bool tcp_ignores(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir);
/* How far the side can acknowledge, by the window it offers. */
uint32_t tcp_may_ack(const struct flow *f, unsigned dir);
/* Is it the answer to the SYN that waits, or what follows one? The other side may show that the SYN
   was none. */
bool tcp_begins_anew(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir);
/* Nothing more comes: did a SYN that waits begin a connection? */
bool tcp_began_anew(const struct flow *f);

static inline void stall(struct flow *f, enum ledger_entry entry, uint64_t from, uint64_t to)
{
	if (!from || to <= from)
		return;
	if (flow_session(f))
		txn_stall(f->session, entry, from, to);
	turns_stall(f, entry, from, to);
}

static inline void rtt_sample(struct flow *f, unsigned dir, uint64_t rtt)
{
	uint32_t v = rtt < UINT32_MAX - 1 ? (uint32_t)rtt : UINT32_MAX - 1;

	if (v < f->rtt_min[dir])
		f->rtt_min[dir] = v;
}

/*
 * tcp_load.c: a segment of the other end was acknowledged after this time, which is more than twice
 * the least; a segment comes after a pause of its side, sent before what the other end sent last
 * had arrived: true where it was under way all the time.
 */
RARELY void tcp_on_long_trip(
	const struct flow *f, const struct packet *p, unsigned dir, uint64_t rtt);
/* tcp_window.c: the first data after a pause, before which the other's window was full. */
RARELY void tcp_on_opened(struct flow *f, const struct packet *p, unsigned dir);
RARELY bool tcp_was_under_way(const struct flow *f, const struct packet *p, unsigned dir);

/* tcpstat.c: a segment of the other end was acknowledged after this time, at once or late. */
void tcp_rtt_seen(struct flow *f, const struct packet *p, unsigned dir, uint64_t rtt);

/* What the windows of a side are shifted by, where both offered it. */
static inline unsigned tcp_scale(const struct flow_side *s, const struct flow_side *o)
{
	return s->wscale < WSCALE_CUT && o->wscale < WSCALE_CUT ? s->wscale : 0;
}

/* The window that a side offers, in bytes. */
static inline uint32_t window_of(
	const struct flow_side *s, const struct flow_side *o, const struct packet *p)
{
	return (uint32_t)p->tcp_window << (p->tcp_flags & TCP_SYN ? 0 : tcp_scale(s, o));
}

/* tcpstat.c: is one that waited a copy of another that did? It is in no other number then. */
bool tcp_was_copy(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir);

/* tcp_handshake.c: a segment with SYN. dir is the end that sent it. */
/* Gives whether bytes it carries are the stream's now. */
bool tcp_on_syn(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir);
/* One with ACK and without RST, of a handshake that has not ended. */
void tcp_on_handshake_ack(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir);
/*
 * Does it answer something else than the SYN that was sent? An ACK or RST of a connection that the
 * other end still has between these ports (RFC 5961, 4), or the RST to it: TCP takes no notice.
 */
bool tcp_is_stray(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir);
/* A SYN that is sent again comes later than its copy, and with a newer timestamp where it has one.
 */
bool tcp_is_duplicate_syn(const struct flow_side *s, const struct packet *p, uint64_t since);

/* tcp_fastopen.c: a SYN that carries data; how far it is acknowledged; where the client goes on. */
void tcp_fastopen_syn(struct shard *sh, struct flow *f, const struct packet *p);
void tcp_fastopen_answer(struct shard *sh, struct flow *f, uint32_t ack);
void tcp_fastopen_established(struct shard *sh, struct flow *f, uint32_t seq);
/* In-order bytes, some of which were sent with the SYN and not taken (WATCH_FASTOPEN). */
void tcp_fastopen_again(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir);
/*
 * Has the server answered data of the SYN, and its SYN/ACK not come? The client cannot take that;
 * what comes again of it ends a waiting (WATCH_UNHEARD).
 */
bool tcp_fastopen_unheard(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir);
void tcp_fastopen_heard(struct flow *f, const struct packet *p, unsigned dir, uint32_t len);
void tcp_fastopen_drop(struct shard *sh, struct handshake *h);

/* tcp_attempt.c: ns from the first SYN on that a connection which never stood was waited for. */
struct attempt {
	uint64_t retry; /* of the total: until the last SYN, or until the client gave up */
	uint64_t total; /* 0: it stood, or there was one SYN that nobody answered */
	uint64_t least,
		most; /* that it can have been, where nothing tells when the client gave up */
	bool pending; /* the next SYN was still to come when the capture ended */
};
/* capture_end: absent if the flow ended before that. */
struct attempt tcp_attempt(const struct flow *f, uint64_t capture_end);
/* tcp_accept.c: a SYN/ACK behind the ACK that ends the handshake; what follows (WATCH_ACCEPT). */
void tcp_accept_late(struct flow *f, const struct packet *p, unsigned dir);
/* It ends without having been taken. */
void tcp_accept_never(struct flow *f);
void tcp_accept_watch(struct flow *f, const struct packet *p, unsigned dir, uint32_t len);

/* tcp_mptcp.c: the option of Multipath TCP, asked before the segment's data is delivered. */
void tcp_mptcp(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir);

/*
 * tcp_loss.c: a segment of bytes up to `end` that were sent before. What it cost is known when it
 * is acknowledged: tcp_resend_acked(), to be asked before the ACK is taken over.
 */
void tcp_on_resent(
	struct shard *sh, struct flow *f, const struct packet *p, unsigned dir, uint32_t end);
void tcp_resend_acked(struct flow *f, const struct packet *p, unsigned dir);
/* A segment below what was seen sent already, into a missing range: reordered, or sent again. */
void tcp_on_filled(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir);

/*
 * tcp_window.c: what is sent into a closed window is not lost, but refused (RFC 9293, 3.8.6.1).
 * tcp_probes(): does the segment, which is the next one, ask with one byte whether it still is
 * closed? Then the byte is sent when it is acknowledged, or comes again. tcp_takes_probe(): it is.
 * tcp_refuses(): `dir` has taken what is before `from`; what follows was sent in vain, up to where
 * the window opened. tcp_refused(): was all that is sent again up to `end` sent in vain?
 */
bool tcp_probes(struct flow *f, const struct packet *p, unsigned dir, bool next);
void tcp_takes_probe(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir);
void tcp_refuses(struct flow *f, unsigned dir, uint32_t from);
bool tcp_refused(const struct flow *f, const struct packet *p, unsigned dir, uint32_t end);
/* The window that a segment with ACK offers. */
void tcp_on_window(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir);
/* The scale is told by both SYNs, or by one that does not offer any (RFC 7323, 2.2). */
static inline bool tcp_knows_scale(const struct flow_side *a, const struct flow_side *b)
{
	if (a->flags & FS_SYN && a->wscale == WSCALE_NONE)
		return true;
	return b->flags & FS_SYN &&
	       (b->wscale == WSCALE_NONE ||
		       (a->flags & FS_SYN && a->wscale != WSCALE_CUT && b->wscale != WSCALE_CUT));
}

/* Has the side sent all that the other's window lets it? */
static inline void tcp_fills_window(
	struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	const struct flow_side *o = &f->side[!dir];
	struct ext_side *x;

	if (!o->window || seq_diff(f->side[dir].nxt, o->ack) < (int32_t)o->window ||
		!tcp_knows_scale(&f->side[dir], o))
		return;
	x = &flow_need_ext(sh, f)->side[dir];
	if (!x->full_since) {
		x->full_since = p->time;
		x->window_full++;
	}
}

/*
 * Of a connection that began before the capture, and of which this side was not seen yet: what is
 * acknowledged now was under way when the capture began. Not so once the other side has sent
 * something to be answered.
 */
static inline bool tcp_before_capture(const struct flow *f, unsigned dir)
{
	return f->side[dir].flags & FS_MIDWAY && !f->packets[dir] && !f->payload[!dir];
}

#endif
