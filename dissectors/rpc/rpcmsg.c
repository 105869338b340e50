/*
 * rpcmsg.c - the header of an RPC message (RFC 5531, 9; RPCSEC_GSS: RFC 2203, 5) and its values.
 */
#include "rpcmsg.h"

#define GIDS_MAX    16u
#define MACHINE_MAX 255u

/* The credential or verifier at the front of v; false: it is none. */
static bool auth(struct view *v, uint32_t *flavor, struct view *what)
{
	uint32_t n;

	*flavor = (uint32_t)view_be(v, 4);
	n = (uint32_t)view_be(v, 4);
	if (!v->bad && n > RPC_AUTH_MAX)
		return false;
	*what = view_of(v->p, n <= view_len(v) ? n : 0, 0);
	(void)view_take(v, (n + 3) / 4 * 4);
	return true;
}

static bool read_call(struct rpc_header *r, struct view *v)
{
	struct view verifier, c;
	uint32_t flavor;

	r->rpc_version = (uint32_t)view_be(v, 4);
	r->program = (uint32_t)view_be(v, 4);
	r->version = (uint32_t)view_be(v, 4);
	r->procedure = (uint32_t)view_be(v, 4);
	if (!v->bad && r->rpc_version > 16)
		return false;
	if (!auth(v, &r->flavor, &r->credential) || v->bad)
		return v->bad;
	if (r->flavor == RPC_GSS) {
		c = r->credential;
		(void)view_be(&c, 4);
		r->gss_control = view_be(&c, 4) != 0;
		(void)view_be(&c, 4);
		r->gss_service = (uint32_t)view_be(&c, 4);
	}
	return auth(v, &flavor, &verifier);
}

static bool read_reply(struct rpc_header *r, struct view *v)
{
	struct view verifier;
	uint32_t flavor, stat = (uint32_t)view_be(v, 4);

	r->denied = stat == 1;
	if (stat > 1)
		return false;
	if (!r->denied) {
		if (!auth(v, &flavor, &verifier))
			return false;
		r->status = (uint32_t)view_be(v, 4);
		return v->bad || r->status <= 5;
	}
	r->status = (uint32_t)view_be(v, 4);
	r->why = (uint32_t)view_be(v, 4);
	return v->bad || r->status <= 1;
}

/* How far a reading got that went past the end: the size that would have been enough for it. */
static size_t size_wanted(struct view v)
{
	struct view at = v;
	bool reply;
	uint32_t n;

	(void)view_take(&at, 4);
	reply = view_be(&at, 4) == 1;
	if (view_len(&v) < 24)
		return reply && view_len(&v) < RPC_HEADER_LEAST ? RPC_HEADER_LEAST : 24;
	if (!reply) {
		if (view_len(&v) < 40)
			return 40;
		(void)view_take(&at, 20);
		n = (uint32_t)view_be(&at, 4);
		(void)view_take(&at, (n + 3) / 4 * 4);
		if (at.bad || view_len(&at) < 8)
			return 32 + (n + 3) / 4 * 4 + 8;
		(void)view_take(&at, 4);
		n = (uint32_t)view_be(&at, 4);
		return (size_t)(at.p - v.p) + (n + 3) / 4 * 4;
	}
	(void)view_take(&at, 8);
	n = (uint32_t)view_be(&at, 4);
	return 20 + (n + 3) / 4 * 4 + 4;
}

size_t rpc_header_read(struct rpc_header *r, struct view v, bool last)
{
	struct view in = v;
	uint32_t type;

	memset(r, 0, sizeof(*r));
	if (view_len(&v) < RPC_HEADER_LEAST)
		return last ? 0 : RPC_HEADER_LEAST;
	r->xid = (uint32_t)view_be(&in, 4);
	type = (uint32_t)view_be(&in, 4);
	r->reply = type == 1;
	if (type > 1 || !(r->reply ? read_reply(r, &in) : read_call(r, &in)))
		return 0;
	return in.bad ? size_wanted(v) : (size_t)(in.p - v.p);
}

const char *rpc_program_name(uint32_t program)
{
	static const struct {
		uint32_t number;
		const char *name;
	} names[] = {
		{100000, "portmap"},
		{100001, "rstat"},
		{100002, "rusers"},
		{100003, "nfs"},
		{100004, "ypserv"},
		{100005, "mount"},
		{100007, "ypbind"},
		{100008, "walld"},
		{100009, "yppasswd"},
		{100011, "rquota"},
		{100012, "spray"},
		{100020, "llockmgr"},
		{100021, "nlm"},
		{100024, "nsm"},
		{100026, "bootparam"},
		{100028, "ypupdated"},
		{100068, "cmsd"},
		{100069, "ypxfrd"},
		{100083, "tooltalk"},
		{100227, "nfsacl"},
		{100232, "sadmind"},
		{100300, "nisd"},
		{150001, "pcnfsd"},
		{300019, "amd"},
		{390103, "nsr"},
		{0x40000000, "nfs_callback"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].number == program)
			return names[i].name;
	return NULL;
}

void rpc_hex(char *to, uint64_t n, unsigned digits)
{
	for (unsigned i = digits; i > 0; i--, n >>= 4)
		to[i - 1] = "0123456789abcdef"[n & 15];
}

struct view rpc_decimal(char *to, uint32_t n)
{
	unsigned i = 10;

	do
		to[--i] = (char)('0' + n % 10);
	while (n /= 10);
	return view_of(to + i, 10 - i, 0);
}

void rpc_procedure(struct tsm_txn t, const char *name, uint32_t number)
{
	char digits[10];
	struct view v = name      ? rpc_text(name)
			: !number ? rpc_text("NULL") /* of any program (RFC 5531, 12.1) */
				  : rpc_decimal(digits, number);

	tsm_str(t, F_RPC_PROCEDURE, v);
	tsm_op(t, v, view_of(v.p, 0, 0));
}

const char *rpc_by_procedure(struct tsm_txn t, const struct body *b, const struct procedure *p)
{
	if (b->side == SIDE_SERVER)
		return p ? p->results : NULL;
	rpc_procedure(t, p ? p->name : NULL, b->procedure);
	return p ? p->args : NULL;
}

/* AUTH_SYS (RFC 5531, appendix A). */
static void unix_credential(struct tsm_txn t, struct view c)
{
	uint32_t stamp = (uint32_t)view_be(&c, 4), n = (uint32_t)view_be(&c, 4), uid, gid, ngids;
	struct view machine = view_of(c.p, n <= view_len(&c) && n <= MACHINE_MAX ? n : 0, 0);
	char gids[GIDS_MAX * 11];
	size_t len = 0;

	if (n > MACHINE_MAX)
		c.bad = true;
	(void)view_take(&c, c.bad ? 0 : (n + 3) / 4 * 4);
	uid = (uint32_t)view_be(&c, 4);
	gid = (uint32_t)view_be(&c, 4);
	ngids = (uint32_t)view_be(&c, 4);
	if (c.bad || ngids > GIDS_MAX) {
		tsm_flag(t, QUALITY_MALFORMED);
		return;
	}
	tsm_u64(t, F_RPC_STAMP, stamp);
	if (view_len(&machine))
		tsm_str(t, F_RPC_MACHINE, machine);
	tsm_u64(t, F_RPC_UID, uid);
	tsm_u64(t, F_RPC_GID, gid);
	for (uint32_t i = 0; i < ngids && view_len(&c) >= 4; i++) {
		char digits[10];
		struct view d = rpc_decimal(digits, (uint32_t)view_be(&c, 4));

		if (len)
			gids[len++] = '\n';
		memcpy(gids + len, d.p, view_len(&d));
		len += view_len(&d);
	}
	if (len)
		tsm_str(t, F_RPC_GIDS, view_of(gids, len, 0));
}

void rpc_credential(struct tsm_txn t, const struct rpc_header *c)
{
	static const char *const flavors[] = {
		[RPC_NONE] = "none",
		[RPC_SYS] = "unix",
		[RPC_SHORT] = "short",
		[RPC_DH] = "des",
		[RPC_GSS] = "rpcsec_gss",
	};
	static const char *const services[] = {NULL, "none", "integrity", "privacy"};
	const char *flavor = RPC_NAME(flavors, c->flavor);
	char digits[10];

	tsm_str(t, F_RPC_FLAVOR, flavor ? rpc_text(flavor) : rpc_decimal(digits, c->flavor));
	if (c->flavor == RPC_SYS)
		unix_credential(t, c->credential);
	if (c->flavor == RPC_GSS)
		tsm_name(t, F_RPC_GSS,
			c->gss_control ? "control" : RPC_NAME(services, c->gss_service));
}

void rpc_reply_status(struct tsm_txn t, const struct rpc_header *r)
{
	static const char *const accepted[] = {"success", "prog_unavail", "prog_mismatch",
		"proc_unavail", "garbage_args", "system_err"};
	static const char *const why[] = {"ok", "badcred", "rejectedcred", "badverf",
		"rejectedverf", "tooweak", "invalidresp", "failed", "kerb_generic", "timeexpire",
		"tkt_file", "decode", "net_addr", "rpcsec_gsserr_credproblem",
		"rpcsec_gsserr_ctxproblem"};

	if (r->denied) {
		tsm_name(t, F_RPC_STATUS, r->status ? "auth_error" : "rpc_mismatch");
		if (r->status)
			tsm_name(t, F_RPC_AUTH_STATUS, RPC_NAME(why, r->why));
		tsm_status(t, STATUS_CLIENT_ERROR);
		return;
	}
	tsm_name(t, F_RPC_STATUS, RPC_NAME(accepted, r->status));
	tsm_status(t, r->status == RPC_SUCCESS ? STATUS_OK
		      : r->status == 5         ? STATUS_SERVER_ERROR
		      : r->status == 4         ? STATUS_CLIENT_ERROR
					       : STATUS_ERROR);
}

struct take rpc_body(struct session *s, struct tsm_txn t, const struct body *b, struct view *v,
	const char *(*describe)(struct tsm_txn t, const struct body *b),
	void (*mark)(void *t, char letter, uint64_t number, struct view text))
{
	struct rpc_walk {
		struct xdr x;
		bool begun;
	} *w = b->state;
	const struct xdr_reader r = {mark, NULL};
	struct take take;

	_Static_assert(sizeof(*w) <= TSM_BODY_STATE, "the carrier keeps no more");
	(void)s;
	if (!w->begun) {
		const char *description = describe(t, b);

		xdr_begin(&w->x, description ? description : "");
		w->begun = true;
	}
	take = xdr_read(&w->x, &r, &t, v, b->last);
	if (w->x.bad)
		tsm_flag(t, QUALITY_MALFORMED);
	return take;
}
