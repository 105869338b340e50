/*
 * rpc_show.c - ONC RPC explained (RFC 5531, 9 and 11): record mark and header of the messages that
 * begin where a segment or datagram does, with the names of the programs and procedures called.
 */
#include "rpcmsg.h"
#include "nfs.h"
#include "nfs_show.h"
#include "show.h"

#define MESSAGES_MAX 100u

/* AUTH_SYS: stamp, machine, uid, gid (RFC 5531, appendix A). */
static void credential(struct show *s, struct view v)
{
	size_t n;

	(void)view_be(&v, 4);
	n = (size_t)view_be(&v, 4);
	if (n > view_len(&v))
		return;
	tsm_show_text(s, &rpc_fields[F_RPC_MACHINE], view_of(v.p, n, 0));
	(void)view_take(&v, (n + 3) / 4 * 4);
	show_be(s, &rpc_fields[F_RPC_UID], &v, 4);
	show_be(s, &rpc_fields[F_RPC_GID], &v, 4);
}

static bool is_nfs(const struct rpc_header *h)
{
	return h->program == 100003 || h->program == NFS_CALLBACK;
}

static const char *procedure_name(const struct rpc_header *h)
{
	if (h->program == 100000)
		return portmap_procedure(h->version, h->procedure);
	if (h->program == 100005)
		return mount_procedure(h->version, h->procedure);
	if (h->program == 100227)
		return nfsacl_procedure(h->version, h->procedure);
	return is_nfs(h) ? nfs_procedure(h->version, h->procedure) : NULL;
}

static void call(struct show *s, struct view *v, const struct rpc_header *h)
{
	const uint8_t *at;

	show_be(s, &rpc_fields[D_RPC], v, 4);
	at = v->p;
	tsm_show_code(
		s, &rpc_fields[F_RPC_PROGRAM], at, 4, h->program, rpc_program_name(h->program));
	tsm_show_u64(s, &rpc_fields[F_RPC_VERSION], at + 4, 4, h->version);
	tsm_show_code(s, &rpc_fields[F_RPC_PROCEDURE], at + 8, 4, h->procedure, procedure_name(h));
	tsm_show_u64(s, &rpc_fields[F_RPC_FLAVOR], at + 12, 4, h->flavor);
	if (h->flavor == RPC_SYS)
		credential(s, h->credential);
}

static void reply(struct show *s, struct view *v, const struct rpc_header *h)
{
	size_t n;

	show_be(s, &rpc_fields[D_STATE], v, 4);
	if (!h->denied) {
		(void)view_be(v, 4);
		n = (size_t)view_be(v, 4);
		(void)view_take(v, (n + 3) / 4 * 4);
	}
	show_be(s, &rpc_fields[F_RPC_STATUS], v, 4);
}

/* What is encrypted, or in an envelope of RPCSEC_GSS, is not the program's. */
static bool program(struct show *s, struct view body, const struct rpc_header *h)
{
	if (h->reply)
		return !h->denied && !h->status && nfs_show_reply(s, body);
	return h->flavor != RPC_GSS && is_nfs(h) &&
	       nfs_show_call(s, h->version, h->procedure, body);
}

/* A message's first bytes; false: they are none. */
static bool message(struct show *s, struct view v)
{
	struct rpc_header h;
	size_t n = rpc_header_read(&h, v, false);
	struct view rest = v;

	if (!n || n > view_len(&v))
		return false;
	rest.p += n;
	tsm_show_id(s, &rpc_fields[F_RPC_XID], v.p, 4, h.xid, NULL);
	(void)view_take(&v, 4);
	tsm_show_code(s, &rpc_fields[D_TYPE], v.p, 4, h.reply, h.reply ? "reply" : "call");
	(void)view_take(&v, 4);
	if (h.reply)
		reply(s, &v, &h);
	else
		call(s, &v, &h);
	if (view_len(&rest) && !program(s, rest, &h))
		tsm_show_u64(s, &rpc_fields[D_BODY], rest.p, view_len(&rest), view_len(&rest));
	return true;
}

void rpc_describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	bool whole = true;

	(void)side;
	if (!(p->flags & PACKET_TCP)) {
		whole = message(s, v);
		v.p = whole ? v.end : v.p;
	}
	for (unsigned i = 0; i < MESSAGES_MAX && whole && view_len(&v) > 4; i++) {
		struct rpc_header h;
		struct view in = v;
		uint32_t mark = (uint32_t)view_be(&in, 4), n = mark & 0x7fffffffu;
		struct view body = in;
		size_t header;

		if (n < view_len(&in))
			body.end = in.p + n;
		header = rpc_header_read(&h, body, false);
		whole = header && header <= view_len(&body) && header <= n;
		if (!whole)
			break;
		tsm_show_group(s, "Record", v.p, 4 + view_len(&body));
		tsm_show_u64(s, &rpc_fields[D_LAST], v.p, 4, mark >> 31);
		tsm_show_u64(s, &rpc_fields[D_FRAGMENT], v.p, 4, n);
		(void)message(s, body);
		tsm_show_end(s);
		v.p = body.end;
	}
	if (view_len(&v))
		tsm_show_u64(s, &rpc_fields[D_BODY], v.p, view_len(&v), view_len(&v));
}
