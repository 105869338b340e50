/*
 * portmap.c - the port mapper, version 2, and rpcbind, versions 3 and 4 (RFC 1833): on which port
 * of a host does a program listen?
 */
#include "rpcmsg.h"

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

/* The port of a universal address of IP: its last two numbers (RFC 5665, 5.2.3.4). */
static void on_address(struct tsm_txn t, struct view text)
{
	unsigned dots = 0, part = 0, port = 0;

	if (!view_len(&text))
		return;
	tsm_str(t, F_ADDRESS, text);
	for (const uint8_t *p = text.end; p > text.p && dots < 2; p--)
		dots += p[-1] == '.';
	if (dots < 2)
		return;
	for (const uint8_t *p = text.end; p > text.p; p--)
		if (p[-1] == '.' && --dots == 0) {
			text.p = p;
			break;
		}
	for (; text.p < text.end; text.p++) {
		if (*text.p == '.') {
			port = part;
			part = 0;
		} else if (*text.p < '0' || *text.p > '9' || part > 25) {
			return;
		} else {
			part = part * 10 + (*text.p - '0');
		}
	}
	if (port < 256 && part < 256)
		tsm_u64(t, F_PORT, port * 256 + part);
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
};
