/*
 * tcp_mptcp.c - Multipath TCP (RFC 8684; version 0: RFC 6824): to which connection a subflow
 * belongs, and whether all of the connection's data runs over it.
 *
 * Tokens name a connection at each of its ends; they are made of the keys in the first subflow's
 * handshake, and the others name one as they join. The data of a connection may be divided among
 * its subflows in any way. Where a mapping, or an acknowledgment of data, shows that some of it ran
 * elsewhere, what goes over this subflow is half a conversation: no transactions are made of it
 * from there on. What was complete before that had all its bytes here, one after the other.
 */
#include "core/handshake.h"
#include "core/session.h"
#include "core/shard.h"
#include "core/tcp.h"
#include "core/turns.h"
#include "core/txn.h"
#include <openssl/evp.h>

/* What the key's hash tells (RFC 8684, 3.2): its first 32 bits are the token, the last 64 where the
   data's numbers begin. */
static void learn_key(struct multipath *m, unsigned end, uint64_t key)
{
	uint8_t in[8], hash[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	for (int i = 0; i < 8; i++)
		in[i] = (uint8_t)(key >> (56 - 8 * i));
	if (m->token[end] ||
		!EVP_Digest(in, sizeof(in), hash, &n, m->version ? EVP_sha256() : EVP_sha1(), NULL))
		return;
	m->token[end] = (uint32_t)hash[0] << 24 | (uint32_t)hash[1] << 16 | (uint32_t)hash[2] << 8 |
			hash[3];
	m->delta[end] = (uint32_t)hash[n - 4] << 24 | (uint32_t)hash[n - 3] << 16 |
			(uint32_t)hash[n - 2] << 8 | hash[n - 1];
	m->top[end] = m->delta[end] + 1;
	m->mapped[end] = m->topped[end] = true;
}

static void on_capable(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	struct multipath *m = &handshake_need(sh, f)->multipath;

	m->version = p->mptcp.version;
	if (p->mptcp.nkeys)
		learn_key(m, dir, p->mptcp.key[0]);
	if (p->mptcp.nkeys > 1)
		learn_key(m, !dir, p->mptcp.key[1]);
	if (!(p->tcp_flags & TCP_SYN) || p->tcp_flags & TCP_ACK)
		f->ext->watch |= WATCH_MPTCP;
}

/* Others carry some of the connection's data: what of it is here is not read any more. */
static void split(struct shard *sh, struct flow *f)
{
	f->ext->watch |= WATCH_SPLIT;
	if (flow_session(f)) {
		txn_elsewhere(f->session);
		session_close(f->session, END_SWITCH, 0);
	}
	turns_drop(sh, f);
	f->flags |= FLOW_OPAQUE;
	f->flow_tries = FLOW_TRIES_MAX;
	counters_add(&sh->engine->counters, "mptcp: data on several subflows, not followed", 1);
}

static void on_join(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	struct multipath *m = &handshake_need(sh, f)->multipath;

	if (p->mptcp.has_token)
		m->token[!dir] = p->mptcp.token;
	if (!(p->tcp_flags & TCP_ACK) || f->ext->watch & WATCH_SPLIT)
		return;
	f->ext->watch |= WATCH_MPTCP;
	split(sh, f);
}

/* How far the data goes that the side has sent here. */
static uint32_t top_of(const struct flow *f, const struct multipath *m, unsigned dir)
{
	const struct flow_side *s = &f->side[dir];
	uint32_t sent = m->delta[dir] + (s->nxt - s->isn) - ((s->flags & FS_FIN) != 0);

	if (s->flags & FS_SYN && m->mapped[dir] && seq_diff(sent, m->top[dir]) > 0)
		return sent;
	return m->top[dir];
}

/* Does the mapping go on where the one before it ended, in both numbers? */
static bool maps_elsewhere(struct multipath *m, const struct packet_mptcp *o, unsigned dir)
{
	uint32_t end = o->dsn + o->len;

	if (!o->ssn || !o->len) /* the end of the data alone; a fallback to TCP */
		return false;
	if (m->mapped[dir] && m->delta[dir] != o->dsn - o->ssn)
		return true;
	m->delta[dir] = o->dsn - o->ssn;
	if (!m->topped[dir] || seq_diff(end, m->top[dir]) > 0)
		m->top[dir] = end;
	m->mapped[dir] = m->topped[dir] = true;
	return false;
}

/* Is data of the other side acknowledged (or its end, which has a number, too) that it has not sent
 * here? */
static bool acks_elsewhere(
	const struct flow *f, const struct multipath *m, uint32_t ack, unsigned dir)
{
	bool whole = f->side[!dir].flags & FS_SYN || !f->ext->side[!dir].gaps;

	return m->topped[!dir] && whole && seq_diff(ack, top_of(f, m, !dir)) > 1;
}

void tcp_mptcp(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	const struct packet_mptcp *o = &p->mptcp;
	struct multipath *m;

	if (o->subtype == MPTCP_CAPABLE) {
		on_capable(sh, f, p, dir);
		return;
	}
	if (o->subtype == MPTCP_JOIN) {
		on_join(sh, f, p, dir);
		return;
	}
	m = &handshake_need(sh, f)->multipath;
	f->ext->watch |= WATCH_MPTCP;
	if (f->ext->watch & WATCH_SPLIT)
		return;
	if ((o->has_ack && acks_elsewhere(f, m, o->ack, dir)) ||
		(o->has_map && maps_elsewhere(m, o, dir)))
		split(sh, f);
}
