/*
 * portmap.c - the port mapper, version 2, and rpcbind, versions 3 and 4 (RFC 1833): on which port
 * of a host does a program listen?
 */
#include "rpcmsg.h"
#include "facts.h"
#include "layer.h"

enum {
	F_PROGRAM = F_RPC_FIELDS,
	F_VERSION,
	F_PROTOCOL,
	F_PORT,
	F_ADDRESS,
	F_ENTRIES,
	F_CALLED,
};

static const struct field fields[] = {
	RPC_FIELDS,
	[F_PROGRAM] = FIELD(
		"tsumari.portmap.program", "Asked", "Program that is asked about.", FIELD_U64, 7),
	[F_VERSION] = FIELD("tsumari.portmap.version", "Version", "Its version.", FIELD_U64, 4),
	[F_PROTOCOL] = FIELD("tsumari.portmap.protocol", "Protocol",
		"tcp, udp or the network identifier that is asked about.", FIELD_STR, 5),
	[F_PORT] = FIELD("tsumari.portmap.port", "Port",
		"Port the program listens on, as asked or answered; 0: it does not.", FIELD_U64, 5),
	[F_ADDRESS] = FIELD("tsumari.portmap.address", "Address",
		"Universal address of the program (rpcbind), as asked or answered.", FIELD_STR, 16),
	[F_ENTRIES] = FIELD(
		"tsumari.portmap.entries", "Entries", "Mappings that a dump lists.", FIELD_U64, 5),
	[F_CALLED] = FIELD("tsumari.portmap.procedure", "Called",
		"Procedure that is to be called on the caller's behalf.", FIELD_U64, 5),
	FIELDS_END,
};

/* Marks: p program, v version, t transport, P port; n network identifier, a address; e an entry. */
#define MAPPING "u@pu@vu@tu@P"
#define RPCB    "u@pu@vs@ns@ao"

static const struct procedure v2[] = {
	{"NULL", "", ""},
	{"SET", MAPPING, ""},
	{"UNSET", MAPPING, ""},
	{"GETPORT", "u@pu@vu@tu", "u@P"},
	{"DUMP", "", "{16x@e}"},
	{"CALLIT", "u@pu@vu@co", "u@Po"},
};

static const struct procedure v3[] = {
	{"NULL", "", ""},
	{"SET", RPCB, ""},
	{"UNSET", RPCB, ""},
	{"GETADDR", "u@pu@vs@noo", "s@a"},
	{"DUMP", "", "{uuooo@e}"},
	{"CALLIT", "u@pu@vu@co", "s@ao"},
	{"GETTIME", "", ""},
	{"UADDR2TADDR", "s@a", ""},
	{"TADDR2UADDR", "", "s@a"},
	{"GETVERSADDR", "u@pu@vs@noo", "s@a"},
	{"INDIRECT", "u@pu@vu@co", "s@ao"},
	{"GETADDRLIST", "u@pu@vs@noo", "{oouoo@e}"},
	{"GETSTAT", "", ""},
};

static const struct procedure *find(uint32_t version, uint32_t procedure)
{
	return version == 2                   ? RPC_PROCEDURE(v2, procedure)
	       : version == 3 || version == 4 ? RPC_PROCEDURE(v3, procedure)
					      : NULL;
}

const char *portmap_procedure(uint32_t version, uint32_t procedure)
{
	const struct procedure *p = find(version, procedure);

	return p ? p->name : NULL;
}

static const char *describe(struct tsm_txn t, const struct body *b)
{
	return rpc_by_procedure(t, b, find(b->version, b->procedure));
}

/* The port of a universal address of IP, its last two numbers (RFC 5665, 5.2.3.4); false: there is
   none. */
static bool address_port(struct view text, uint32_t *port)
{
	unsigned dots = 0, part = 0, high = 0;
	const uint8_t *p = text.end;

	while (p > text.p && (p[-1] != '.' || ++dots < 2))
		p--;
	if (dots < 2)
		return false;
	for (; p < text.end; p++) {
		if (*p == '.') {
			high = part;
			part = 0;
		} else if (*p < '0' || *p > '9' || part > 25) {
			return false;
		} else {
			part = part * 10 + (*p - '0');
		}
	}
	*port = high * 256 + part;
	return high < 256 && part < 256;
}

static void on_address(struct tsm_txn t, struct view text)
{
	uint32_t port;

	if (view_len(&text))
		tsm_str(t, F_ADDRESS, text);
	if (address_port(text, &port))
		tsm_u64(t, F_PORT, port);
}

static void mark(void *arg, char letter, uint64_t number, struct view text)
{
	struct tsm_txn t = *(const struct tsm_txn *)arg;
	char digits[10];

	switch (letter) {
	case 'p':
		tsm_u64(t, F_PROGRAM, number);
		break;
	case 'v':
		tsm_u64(t, F_VERSION, number);
		break;
	case 't':
		tsm_str(t, F_PROTOCOL,
			number == 6    ? rpc_text("tcp")
			: number == 17 ? rpc_text("udp")
				       : rpc_decimal(digits, (uint32_t)number));
		break;
	case 'P':
		tsm_u64(t, F_PORT, number);
		break;
	case 'c':
		tsm_u64(t, F_CALLED, number);
		break;
	case 'n':
		if (view_len(&text))
			tsm_str(t, F_PROTOCOL, text);
		break;
	case 'a':
		on_address(t, text);
		break;
	default:
		tsm_count(t, F_ENTRIES);
	}
}

static struct take body(struct session *s, struct tsm_txn t, const struct body *b, struct view *v)
{
	return rpc_body(s, t, b, v, describe, mark);
}

/* ---- What it teaches: the port of a program, told by an answer that was asked for ---- */

#define CALLS    256u  /* that wait for their answer; the oldest give way */
#define DUMP_MAX 4096u /* entries of a dump that are read */
#define MAPPER   111u

struct asked { /* a call that was not answered yet */
	struct addr client, server;
	uint16_t port; /* the client's */
	uint32_t xid;
	uint8_t version, procedure, proto; /* version 0: answered */
};

struct calls {
	uint32_t next;
	struct asked asked[CALLS];
};

static struct view opaque(struct view *v)
{
	uint32_t n = (uint32_t)view_be(v, 4);
	struct view text = view_of(v->p, n <= view_len(v) ? n : 0, 0);

	(void)view_take(v, ((size_t)n + 3) / 4 * 4);
	return text;
}

/* tcp, udp, tcp6, udp6 (RFC 5665, 5) */
static uint8_t proto_of(struct view netid)
{
	if (view_len(&netid) == 4 && netid.p[3] == '6')
		netid.end--;
	return view_is(&netid, "tcp") ? IP_PROTO_TCP : view_is(&netid, "udp") ? IP_PROTO_UDP : 0;
}

/* GETPORT and DUMP of version 2, GETADDR and DUMP of rpcbind, versions 3 and 4. */
static void on_call(
	struct calls *calls, const struct packet *k, const struct rpc_header *h, struct view v)
{
	struct asked a = {.client = k->src, .server = k->dst, .port = k->sport, .xid = h->xid};

	if (h->rpc_version != 2 || h->program != 100000 || h->version < 2 || h->version > 4 ||
		h->procedure < 3 || h->procedure > 4)
		return;
	a.version = (uint8_t)h->version;
	a.procedure = (uint8_t)h->procedure;
	if (a.procedure == 3) {
		(void)view_be(&v, 8);
		a.proto = a.version == 2 ? (uint8_t)view_be(&v, 4) : proto_of(opaque(&v));
	}
	if (!v.bad)
		calls->asked[calls->next++ % CALLS] = a;
}

static uint32_t answered_port(const struct asked *a, struct view *v)
{
	uint32_t port = 0;

	if (a->version == 2)
		return (uint32_t)view_be(v, 4);
	return address_port(opaque(v), &port) ? port : 0;
}

static void on_dump(struct facts *f, const struct asked *a, struct view *v)
{
	for (unsigned i = 0; i < DUMP_MAX && view_be(v, 4) == 1; i++) {
		uint64_t proto;
		uint32_t port;

		(void)view_be(v, 8);
		proto = a->version == 2 ? view_be(v, 4) : proto_of(opaque(v));
		port = answered_port(a, v);
		if (a->version != 2)
			(void)opaque(v);
		if (!v->bad)
			tsm_fact_server(f, &a->server, port, proto);
	}
}

static void on_reply(struct facts *f, struct calls *calls, const struct packet *k,
	const struct rpc_header *h, struct view v)
{
	struct asked *a = NULL;

	for (unsigned i = 0; i < CALLS; i++) {
		struct asked *x = &calls->asked[i];

		if (x->version && x->xid == h->xid && x->port == k->dport &&
			memcmp(&x->client, &k->dst, sizeof(k->dst)) == 0 &&
			memcmp(&x->server, &k->src, sizeof(k->src)) == 0)
			a = x;
	}
	if (!a)
		return;
	if (!h->denied && h->status == RPC_SUCCESS && a->procedure == 4) {
		on_dump(f, a, &v);
	} else if (!h->denied && h->status == RPC_SUCCESS) {
		uint32_t port = answered_port(a, &v);

		if (!v.bad)
			tsm_fact_server(f, &a->server, port, a->proto);
	}
	a->version = 0;
}

static void learn(struct facts *f, void *state, const struct packet *k)
{
	struct view v = view_of(k->payload, k->paylen, 0);
	struct rpc_header h;
	size_t n;

	if (k->flags & PACKET_TCP)
		(void)view_be(&v, 4); /* the record mark */
	n = rpc_header_read(&h, v, true);
	if (v.bad || !n || n > view_len(&v))
		return;
	v.p += n;
	if (!h.reply && k->dport == MAPPER)
		on_call(state, k, &h, v);
	else if (h.reply && k->sport == MAPPER)
		on_reply(f, state, k, &h, v);
}

static const uint16_t ports[] = {MAPPER, 0};

static const struct tsm_facts facts = {
	.ports = ports,
	.state_size = sizeof(struct calls),
	.packet = learn,
};

static const struct claim claims[] = {
	{TABLE_RPC_PROGRAM, 100000},
	{TABLE_END, 0},
};

TSM_DISSECTOR(portmap) = {
	TSM_HEAD,
	.name = "portmap",
	.title = "Port mapper and rpcbind",
	.claims = claims,
	.fields = fields,
	.body = body,
	.facts = &facts,
};
