/*
 * handshake.h - the handshake of a TCP connection, where it did not go as usual: what was sent
 * again, what answered what, and what of it somebody waited for (RFC 9293, 3.5).
 *
 * The usual one needs none of this: struct flow has its three times. Times are ns.
 */
#ifndef TSUMARI_CORE_HANDSHAKE_H
#define TSUMARI_CORE_HANDSHAKE_H

#include "core/flow.h"

struct shard;

/* A SYN or SYN/ACK that was sent. */
struct sent_syn {
	uint64_t time, frame;
	uint32_t tsval;
};
#define SYNS_KEPT 10u /* of a side; the last one stands for all from the tenth on */
#define SYN_GAPS  8u  /* of them in the record */

/* Which of several something answers, by place: any from `least` to `last`. */
struct answer {
	uint8_t least, last;
	uint8_t which; /* as long as nothing else shows how long the path is */
};

/* flow_ext.watch */
#define WATCH_ACCEPT   0x01u /* has the server taken the connection? */
#define WATCH_FASTOPEN 0x02u /* data of the SYN was not taken, and has to come again */
#define WATCH_MPTCP    0x08u /* it is a subflow of Multipath TCP */
#define WATCH_SPLIT    0x10u /* and others carry data of its connection */
#define WATCH_COPIES   0x20u /* some were seen: what is sent is remembered */
#define WATCH_UNHEARD  0x04u /* what the server said before its SYN/ACK has to come again */

/* What became of data in the SYN, see tcp_fastopen.c. */
enum fastopen_fate { FASTOPEN_NONE, FASTOPEN_TAKEN, FASTOPEN_PARTLY, FASTOPEN_REFUSED };
struct fastopen {
	uint8_t *data; /* until that is known; NULL: none */
	uint32_t caplen, len, acked;
	uint32_t to; /* one past its last sequence number */
	struct sent_syn sent;
	uint8_t fate; /* enum fastopen_fate */
	bool unheard; /* the server has answered, but its SYN/ACK was lost */
};

/* Of Multipath TCP, by end; see tcp_mptcp.c. Data sequence numbers are their low 32 bits. */
struct multipath {
	uint64_t token[2]; /* 0: not known */
	uint8_t version;
	bool mapped[2]; /* delta is known: of data sequence numbers to those of the subflow */
	bool topped[2]; /* top is known: one past the highest that the subflow carries */
	uint32_t delta[2], top[2];
};

struct handshake {
	struct flow *flow;
	struct sent_syn syn[SYNS_KEPT], syn_ack[SYNS_KEPT];
	uint32_t nsyn, nsyn_ack;
	struct answer answered; /* the SYN that the first SYN/ACK answers */
	struct answer ended;    /* the SYN/ACK that the client's ACK answers */
	uint32_t rtt[2];        /* by them, where they are not sure; 0: they are */
	bool simultaneous;      /* both ends sent a SYN before they saw the other's */
	uint8_t crossed;        /* then, the end whose SYN was the second */
	uint8_t acked;          /* then, bit by end: whose SYN was acknowledged */
	uint32_t old_isn;       /* of the server, where its second SYN/ACK named another one */
	bool has_old_isn;
	uint32_t strays; /* segments of another connection between these ports */
	struct fastopen fastopen;
	struct multipath multipath;

	/* Of SYN/ACKs behind the ACK that ends the handshake, see tcp_accept.c. */
	uint32_t late;
	bool again;          /* one came, and nothing of the client since */
	bool spoke;          /* the client had something to say */
	bool queued;         /* it is proven that the connection was not taken */
	bool taken_late;     /* and that the client waited for the server to speak */
	uint64_t since;      /* from when on it was not taken */
	uint64_t taken;      /* when the last segment was sent that may have been taken */
	uint64_t late_frame; /* the first such SYN/ACK */
};

/* What a connection costs before its first request can be sent. */
struct connect_cost {
	uint64_t until;          /* when it stood, or had taken what came with the SYN */
	uint64_t retry, network; /* from the flow's first packet on; together they end at `until` */
	uint64_t accept;         /* of the first: until the server took it */
};

/* Those of the flow; made from what is known so far where there is none. */
struct handshake *handshake_need(struct shard *sh, struct flow *f);
void handshake_drop(struct shard *sh, struct flow *f);
/* The SYN that was sent last; there is one. */
const struct sent_syn *sent_latest(const struct handshake *h);
/*
 * False where it was not seen. fast: up to when the server had what came with the SYN, instead of
 * when the client could go on.
 */
bool handshake_cost(const struct flow *f, bool fast, struct connect_cost *c);
/* Had the server got a SYN before the one that was sent again in vain? What it was answered with
   was lost, or one of them came late. */
bool handshake_answer_late(const struct flow *f);
/* ns from an end's segments to the other's ACK, UINT32_MAX: not known. */
uint32_t handshake_rtt(const struct flow *f, unsigned dir);

static inline struct handshake *handshake_of(const struct flow *f)
{
	return f->ext ? f->ext->handshake : NULL;
}

/* When the client could go on: later than the handshake where the server took it late. 0: not seen.
 */
static inline uint64_t handshake_stands(const struct flow *f)
{
	const struct handshake *h = handshake_of(f);

	return h && h->taken_late ? h->taken : f->established;
}

#endif
