/*
 * rpc.c - ONC RPC version 2 over TCP and UDP (RFC 5531): calls and replies paired by XID.
 *
 * Over TCP messages are records of one or more fragments, each behind a mark of 4 bytes (RFC 5531,
 * 11). The header is read in one piece, put together from fragments where it must be; what is
 * behind it goes to the program's own dissector, which says what to pass over unseen. Bytes that
 * were lost inside a record cost only that record; where the framing itself was lost, it goes on at
 * a plausible mark and header (rpcsync.c).
 */
#include "rpcmsg.h"

#define RECENT 64u /* answered calls that are remembered, to know what comes again */

enum phase { START, BODY, LOST };

struct message {
	uint8_t phase; /* enum phase */
	bool last;     /* this is the last fragment */
	bool ours;     /* it is the current transaction's */
	bool begun;    /* the body's state is set up */
	uint64_t left; /* bytes of the fragment still to come */
	uint64_t skip; /* bytes of the message to pass over; TAKE_TO_END */
	uint32_t version, procedure;
	uint64_t state[TSM_BODY_STATE / 8];
};

struct rpc {
	struct message m[2];
	bool calls; /* a call was seen */
	uint8_t next_recent;
	uint64_t recent[RECENT];
};

const struct field rpc_fields[] = {
	RPC_FIELDS,
	[D_LAST] = FIELD_SHOWN(
		"rpc.lastfrag", "Last", "The last fragment of its message.", FIELD_BOOL),
	[D_FRAGMENT] =
		FIELD_SHOWN("rpc.fraglen", "Fragment", "Bytes of the fragment.", FIELD_BYTES),
	[D_TYPE] = FIELD_SHOWN("rpc.msgtyp", "Type", "0: call, 1: reply.", FIELD_U64),
	[D_RPC] = FIELD_SHOWN("rpc.rpc_version", "RPC", "Version of RPC: 2.", FIELD_U64),
	[D_STATE] = FIELD_SHOWN("rpc.replystat", "Reply", "0: accepted, 1: denied.", FIELD_U64),
	[D_BODY] = FIELD_SHOWN(
		"rpc.body", "Body", "Bytes of the message behind its header.", FIELD_BYTES),
	FIELDS_END,
};

/* The transaction's tag. */
#define TAG(version, procedure)                                                                    \
	(((uint64_t)((version) > 0xffff ? 0xffff : (version)) << 16) |                             \
		((procedure) > 0xffff ? 0xffff : (procedure)))
#define TAG_CALL      UINT64_C(0xffffffff)
#define TAG_INTEGRITY (UINT64_C(1) << 32)
#define TAG_SEALED    (UINT64_C(1) << 33) /* the body cannot be read */
#define TAG_AGAIN     40                  /* from this bit on: times it was sent again */

/* Nothing can be said of such a message; its call or reply shows without it. */
#define HEADER_CUT "rpc: header not captured whole, message not read"

static uint64_t key_of(uint32_t xid)
{
	return (uint64_t)xid | UINT64_C(1) << 32;
}

static void start_over(struct message *m)
{
	m->phase = START;
	m->last = m->ours = m->begun = false;
	m->left = m->skip = 0;
}

/*
 * The next bytes of the message in one piece, `need` of them or all there are, put together in buf
 * (of TSM_BODY_NEED bytes) where a mark is between them. *last: the message ends with them. *want:
 * the bytes that must be in the view for there to be as many; 0: there are.
 */
static struct view look(const struct message *m, const struct view *v, size_t need, uint8_t *buf,
	bool *last, size_t *want)
{
	struct view in = *v, piece;
	uint64_t left = m->left;
	bool fin = m->last;
	size_t n = 0, have;

	*want = 0;
	for (;;) {
		while (!left && !fin && view_len(&in) >= 4) {
			uint32_t mark = (uint32_t)view_be(&in, 4);

			fin = mark >> 31;
			left = mark & 0x7fffffff;
		}
		have = left < view_len(&in) ? (size_t)left : view_len(&in);
		*last = fin && have == left;
		if (!n && (have >= need || *last || have < left)) {
			piece = view_of(in.p, have, 0);
			break;
		}
		if (have > need - n)
			have = need - n;
		if (have)
			memcpy(buf + n, in.p, have);
		in.p += have;
		left -= have;
		n += have;
		*last = fin && !left;
		piece = view_of(buf, n, 0);
		if (n == need || *last || left || view_len(&in) < 4)
			break;
	}
	if (view_len(&piece) >= need || *last)
		return piece;
	if (v->cut) { /* a datagram, and the rest of it was not captured */
		*last = true;
		piece.cut = v->cut;
	} else {
		*want = view_len(v) + (need - view_len(&piece));
	}
	return piece;
}

/* Moves over n bytes of the message, which are in the view. */
static void advance(struct message *m, struct view *v, size_t n)
{
	for (;;) {
		while (!m->left && !m->last) {
			uint32_t mark;

			if (view_len(v) < 4)
				return;
			mark = (uint32_t)view_be(v, 4);
			m->last = mark >> 31;
			m->left = mark & 0x7fffffff;
		}
		if (!n)
			return;
		size_t k = n < m->left ? n : (size_t)m->left;

		if (!k)
			return;
		(void)view_take(v, k);
		m->left -= k;
		n -= k;
	}
}

/* Was a call with this key and tag answered lately? */
static bool answered(const struct rpc *h, uint64_t key)
{
	for (unsigned i = 0; i < RECENT; i++)
		if (h->recent[i] == key)
			return true;
	return false;
}

static void remember(struct rpc *h, uint64_t key)
{
	h->recent[h->next_recent] = key;
	h->next_recent = (h->next_recent + 1) % RECENT;
}

static void values_of_call(struct tsm_txn t, const struct rpc_header *c)
{
	char xid[9];

	rpc_hex(xid, c->xid, 8);
	tsm_str(t, F_RPC_XID, view_of(xid, 8, 0));
	tsm_u64(t, F_RPC_PROGRAM, c->program);
	tsm_u64(t, F_RPC_VERSION, c->version);
	tsm_name(t, F_RPC_NAME, rpc_program_name(c->program));
	rpc_credential(t, c);
}

static void sent_again(struct session *s, struct tsm_txn t)
{
	uint64_t tag = tsm_tag(t), n = tag >> TAG_AGAIN;

	tsm_note(s, "rpc: call sent again");
	if (n < 0xffff)
		n++;
	tsm_set_tag(t, (tag & ((UINT64_C(1) << TAG_AGAIN) - 1)) | n << TAG_AGAIN);
	tsm_u64(t, F_RPC_RETRANSMITS, n);
}

/* The body ends before its reader expected it: what was read so far is all there is. */
static void cut_short(struct session *s, struct message *m, enum side side)
{
	struct body b = {side, true, m->version, m->procedure, m->state};
	struct view none = view_of("", 0, 1);
	struct tsm_txn t = m->ours ? tsm_current(s, side) : TSM_NONE;

	if (tsm_is(t) && m->begun)
		(void)tsm_body_read(s, t, &b, &none);
}

static void on_call(struct session *s, struct rpc *h, struct message *m, const struct rpc_header *c,
	const uint8_t *at)
{
	uint64_t key = key_of(c->xid), tag = TAG(c->version, c->procedure);
	struct tsm_txn t = tsm_find(s, key);

	h->calls = true;
	m->skip = TAKE_TO_END;
	if (tsm_is(t) && (tsm_tag(t) & TAG_CALL) == tag) {
		sent_again(s, t);
		tsm_repeated(s, t, at);
		return;
	}
	if (!tsm_is(t) && answered(h, key ^ tag << 33)) {
		tsm_note(s, "rpc: call sent again after its answer");
		return;
	}
	t = tsm_request(s, key, at);
	values_of_call(t, c);
	m->ours = true;
	m->version = c->version;
	m->procedure = c->procedure;
	if (c->flavor == RPC_GSS && c->gss_control)
		tag |= TAG_SEALED;
	else if (c->flavor == RPC_GSS && c->gss_service == 2)
		tag |= TAG_INTEGRITY;
	else if (c->flavor == RPC_GSS && c->gss_service == 3)
		tag |= TAG_SEALED;
	tsm_set_tag(t, tag);
	if (c->rpc_version != 2 || !tsm_body(s, t, TABLE_RPC_PROGRAM, c->program)) {
		rpc_procedure(t, NULL, c->procedure);
		return;
	}
	/* The program names its procedure, even where what follows cannot be read. */
	if (tag & TAG_SEALED) {
		memset(m->state, 0, sizeof(m->state));
		m->begun = true;
		cut_short(s, m, SIDE_CLIENT);
		return;
	}
	m->skip = tag & TAG_INTEGRITY ? 8 : 0;
}

static void on_reply(struct session *s, struct rpc *h, struct message *m,
	const struct rpc_header *r, const uint8_t *at)
{
	uint64_t key = key_of(r->xid), tag;
	struct tsm_txn t = tsm_find(s, key);
	bool called = tsm_is(t);

	m->skip = TAKE_TO_END;
	if (!tsm_is(t) && answered(h, key)) {
		tsm_note(s, "rpc: answer that came before");
		return;
	}
	t = tsm_response(s, key, at);
	tag = tsm_tag(t);
	remember(h, key);
	remember(h, key ^ (tag & TAG_CALL) << 33);
	m->ours = true;
	m->version = (uint32_t)(tag >> 16 & 0xffff);
	m->procedure = (uint32_t)(tag & 0xffff);
	if (!(tag & TAG_CALL)) { /* the NULL procedure of version 0, or no call was seen */
		char xid[9];

		rpc_hex(xid, r->xid, 8);
		tsm_str(t, F_RPC_XID, view_of(xid, 8, 0));
	}
	rpc_reply_status(t, r);
	if (!called && !r->denied && r->status == RPC_SUCCESS)
		tsm_status(t, 0); /* what the program itself says is not read */
	if (r->denied || r->status != RPC_SUCCESS || tag & TAG_SEALED)
		return;
	m->skip = tag & TAG_INTEGRITY ? 8 : 0;
}

/* The header of a message at the front of the view. False: *t says how to go on. */
static bool start(struct session *s, struct rpc *h, enum side side, struct view *v, struct take *t)
{
	struct message *m = &h->m[side];
	uint8_t buf[TSM_BODY_NEED];
	size_t need = RPC_HEADER_LEAST, want;
	struct rpc_header r;

	for (;;) {
		bool last;
		struct view piece = look(m, v, need, buf, &last, &want);

		if (want) {
			t->need = (uint32_t)want;
			return false;
		}
		need = rpc_header_read(&r, piece, last);
		if (need <= view_len(&piece))
			break;
		if (last || need > TSM_BODY_NEED) {
			need = 0;
			break;
		}
	}
	if (!need) {
		tsm_note(s, v->cut ? HEADER_CUT : "rpc: no message where one should begin");
		m->phase = LOST;
		return true;
	}
	m->phase = BODY;
	if ((r.reply ? SIDE_SERVER : SIDE_CLIENT) != side) {
		tsm_note(s, "rpc: message of the back channel passed over");
		m->skip = TAKE_TO_END;
	} else if (r.reply) {
		on_reply(s, h, m, &r, v->p);
	} else {
		on_call(s, h, m, &r, v->p);
	}
	advance(m, v, need);
	return true;
}

static void finish(struct session *s, struct message *m, enum side side, const uint8_t *end)
{
	struct tsm_txn t = m->ours ? tsm_current(s, side) : TSM_NONE;

	if (m->skip && m->skip != TAKE_TO_END) {
		if (!tsm_datagram(s)) /* of a datagram the rest may not have been captured */
			tsm_flag(t, QUALITY_MALFORMED);
		cut_short(s, m, side);
	}
	start_over(m);
	if (tsm_datagram(s))
		end = NULL;
	if (side == SIDE_CLIENT)
		tsm_request_end(s, t, end);
	else
		tsm_response_end(s, t, end);
}

/* Passes over what is to be passed over of this fragment; false: it is not all in the view. */
static bool pass_over(struct message *m, struct view *v, struct take *t)
{
	uint64_t n = m->skip < m->left ? m->skip : m->left;

	if (m->skip != TAKE_TO_END)
		m->skip -= n;
	m->left -= n;
	if (n > view_len(v)) {
		t->skip = n;
		return false;
	}
	(void)view_take(v, (size_t)n);
	return true;
}

/* Hands bytes to the program's dissector; false: *t says how to go on. */
static bool body(
	struct session *s, struct message *m, enum side side, struct view *v, struct take *t)
{
	struct body b = {side, false, m->version, m->procedure, m->state};
	struct tsm_txn txn = m->ours ? tsm_current(s, side) : TSM_NONE;
	uint8_t buf[TSM_BODY_NEED];
	size_t need = 1, want, had;

	if (!m->begun)
		memset(m->state, 0, sizeof(m->state));
	m->begun = true;
	for (;;) {
		struct view piece = look(m, v, need, buf, &b.last, &want);
		struct take r;

		if (want) {
			t->need = (uint32_t)want;
			return false;
		}
		had = view_len(&piece);
		r = tsm_body_read(s, txn, &b, &piece);
		if (had - view_len(&piece))
			advance(m, v, had - view_len(&piece));
		if (r.skip || b.last) {
			m->skip = r.skip ? r.skip : TAKE_TO_END;
			return true;
		}
		need = r.need > view_len(&piece) ? r.need : view_len(&piece) + 1;
		if (need > TSM_BODY_NEED) {
			m->skip = TAKE_TO_END;
			return true;
		}
	}
}

static struct take data(struct session *s, void *state, enum side side, struct view *v)
{
	struct rpc *h = state;
	struct message *m = &h->m[side];
	struct take t = {0, 0, false};
	bool datagram = tsm_datagram(s), go_on = true;

	if (datagram) {
		start_over(m);
		m->left = view_wire(v);
		m->last = true;
	}
	while (go_on) {
		if (m->phase == LOST) {
			start_over(m);
			t.need = TAKE_SEARCH;
			return t;
		} else if (m->phase == START) {
			go_on = start(s, h, side, v, &t);
		} else if (!m->left && m->last && m->skip) {
			finish(s, m, side, v->p);
			if (datagram)
				return t;
		} else if (!m->left && !m->last) {
			if (view_len(v) < 4) {
				t.need = 4;
				return t;
			}
			advance(m, v, 0);
		} else if (m->skip) {
			go_on = pass_over(m, v, &t);
			if (!go_on && datagram)
				finish(s, m, side, NULL);
		} else {
			go_on = body(s, m, side, v, &t);
		}
	}
	return t;
}

static void gap(struct session *s, void *state, enum side side, uint64_t n)
{
	struct rpc *h = state;
	struct message *m = &h->m[side];

	(void)s;
	if (m->phase == BODY && n <= m->left) { /* inside the fragment: its end is known */
		cut_short(s, m, side);
		m->left -= n;
		m->skip = TAKE_TO_END;
		if (!m->left && m->last)
			finish(s, m, side, NULL);
		tsm_go_on(s, side);
		return;
	}
	if (m->phase == START)
		tsm_note(s, HEADER_CUT);
	cut_short(s, m, side);
	if (m->ours && side == SIDE_SERVER)
		tsm_abandon(s, tsm_current(s, side));
	else if (m->ours)
		tsm_request_end(s, tsm_current(s, side), NULL);
	start_over(m);
}

static enum tsm_probe sync(struct session *s, void *state, enum side side, struct view *v)
{
	const struct rpc *h = state;

	return rpc_sync(s, side, v, !h->calls);
}

static const struct claim claims[] = {
	{TABLE_TCP_PORT, 111},
	{TABLE_UDP_PORT, 111},
	{TABLE_TCP_PORT, 2049},
	{TABLE_UDP_PORT, 2049},
	{TABLE_TCP_PORT, 20048},
	{TABLE_UDP_PORT, 20048},
	{TABLE_END, 0},
};

TSM_DISSECTOR(rpc) = {
	TSM_HEAD,
	.name = "rpc",
	.title = "ONC Remote Procedure Call",
	.claims = claims,
	.fields = rpc_fields,
	.state_size = sizeof(struct rpc),
	.probe = rpc_probe,
	.data = data,
	.gap = gap,
	.describe = rpc_describe,
	.sync = sync,
};
