/*
 * icmp.c - ICMP (RFC 792) and ICMPv6 (RFC 4443).
 *
 * Questions and answers carry an identifier, which stands in for both ports so that they meet in
 * one flow. Errors quote the packet they speak of: its addresses and ports name the flow. A quote
 * may be cut anywhere; what it does not hold is left out, and is no fault of the message.
 */
#include "dissector.h"
#include "layer.h"
#include "show.h"

#define ICMP_HEADER  8u /* RFC 792: every message has eight bytes before its data */
#define ICMP6_HEADER 4u

#define IP_HEADER  20u
#define IP6_HEADER 40u

#define QUOTE_EXTENSIONS_MAX 8u

enum {
	ICMP_ECHO_REPLY = 0,
	ICMP_UNREACHABLE = 3,
	ICMP_SOURCE_QUENCH = 4,
	ICMP_REDIRECT = 5,
	ICMP_ECHO = 8,
	ICMP_TIME_EXCEEDED = 11,
	ICMP_PARAMETER = 12,
	ICMP_TIMESTAMP = 13,
	ICMP_MASK_REPLY = 18, /* 13 to 18 all carry an identifier */
	ICMP6_PARAMETER = 4,  /* 1 to 4 are the errors */
	ICMP6_ECHO = 128,
	ICMP6_ECHO_REPLY = 129,
};

static bool icmp_has_id(unsigned type)
{
	return type == ICMP_ECHO || type == ICMP_ECHO_REPLY ||
	       (type >= ICMP_TIMESTAMP && type <= ICMP_MASK_REPLY);
}

static bool icmp6_has_id(unsigned type)
{
	return type == ICMP6_ECHO || type == ICMP6_ECHO_REPLY;
}

static bool icmp_is_error(unsigned type)
{
	return type == ICMP_UNREACHABLE || type == ICMP_SOURCE_QUENCH || type == ICMP_REDIRECT ||
	       type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETER;
}

/* The quoted packet's ports, or its own echo identifier. */
static void quote_ports(struct packet_quote *q, const uint8_t *h, size_t n)
{
	load_ports(q->proto, h, n, &q->sport, &q->dport);
	if (n >= 6 && ((q->proto == IP_PROTO_ICMP && icmp_has_id(h[0])) ||
			      (q->proto == IP_PROTO_ICMP6 && icmp6_has_id(h[0]))))
		q->sport = q->dport = load16(h + 4);
}

static bool quote_ip(struct packet_quote *q, const struct view *v)
{
	const uint8_t *h = view_peek(v, IP_HEADER);
	size_t header;

	if (!h || h[0] >> 4 != 4)
		return false;
	header = (h[0] & 0x0fu) * 4u;
	if (header < IP_HEADER)
		return false;
	q->src = addr_v4(h + 12);
	q->dst = addr_v4(h + 16);
	q->proto = h[9];
	q->sport = q->dport = 0;
	if (!(load16(h + 6) & IP_OFFSET_MASK) && view_len(v) > header)
		quote_ports(q, h + header, view_len(v) - header);
	return true;
}

/* The length of an extension header that may stand before the ports; 0: not one. */
static size_t extension_length(uint8_t proto, const uint8_t *h)
{
	switch (proto) {
	case 0:   /* hop-by-hop options */
	case 43:  /* routing */
	case 60:  /* destination options */
	case 135: /* mobility */
	case 139: /* host identity */
	case 140: /* shim6 */
		return (h[1] + 1u) * 8u;
	case 44: /* fragment */
		return 8;
	case 51: /* authentication */
		return (h[1] + 2u) * 4u;
	default:
		return 0;
	}
}

static bool quote_ip6(struct packet_quote *q, struct view v)
{
	const uint8_t *h = view_take(&v, IP6_HEADER);
	bool first = true;

	if (!h || h[0] >> 4 != 6)
		return false;
	q->src = addr_v6(h + 8);
	q->dst = addr_v6(h + 24);
	q->proto = h[6];
	q->sport = q->dport = 0;
	for (unsigned i = 0; i < QUOTE_EXTENSIONS_MAX && first && view_len(&v) >= 8; i++) {
		size_t length = extension_length(q->proto, v.p);

		if (length == 0) {
			quote_ports(q, v.p, view_len(&v));
			break;
		}
		h = view_take(&v, length);
		if (!h)
			break;
		if (q->proto == 44 && (load16(h + 2) & 0xfff8u))
			first = false;
		q->proto = h[0];
	}
	return true;
}

static void icmp_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h = view_take(v, ICMP_HEADER);

	(void)next;
	if (!h)
		return;
	p->flags |= PACKET_ICMP;
	p->icmp_type = h[0];
	p->icmp_code = h[1];
	p->sport = p->dport = icmp_has_id(h[0]) ? load16(h + 4) : 0;
	if (icmp_is_error(h[0]) && quote_ip(&p->quote, v))
		p->flags |= PACKET_QUOTE;
}

static void icmp6_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h = view_peek(v, ICMP6_HEADER);
	bool error, id;

	(void)next;
	error = h && h[0] >= 1 && h[0] <= ICMP6_PARAMETER;
	id = h && icmp6_has_id(h[0]);
	h = view_take(v, error || id ? ICMP_HEADER : ICMP6_HEADER);
	if (!h)
		return;
	p->flags |= PACKET_ICMP;
	p->icmp_type = h[0];
	p->icmp_code = h[1];
	p->sport = p->dport = id ? load16(h + 4) : 0;
	if (error && quote_ip6(&p->quote, *v))
		p->flags |= PACKET_QUOTE;
}

enum { D_TYPE, D_CODE, D_CHECKSUM, D_ID, D_SEQUENCE, D_MTU };

static const struct field parts[2][7] = {
	{
		[D_TYPE] = FIELD_SHOWN("icmp.type", "Type", "What it says.", FIELD_U64),
		[D_CODE] = FIELD_SHOWN("icmp.code", "Code", "What it says in detail.", FIELD_U64),
		[D_CHECKSUM] = FIELD_SHOWN(
			"icmp.checksum", "Checksum", "Checksum of the message.", FIELD_ID),
		[D_ID] = FIELD_SHOWN("icmp.ident", "Identifier", "Of an echo's sender.", FIELD_U64),
		[D_SEQUENCE] = FIELD_SHOWN("icmp.seq", "Sequence", "Number of an echo.", FIELD_U64),
		[D_MTU] = FIELD_SHOWN(
			"icmp.mtu", "Next MTU", "What the next hop lets through.", FIELD_BYTES),
		FIELDS_END,
	},
	{
		[D_TYPE] = FIELD_SHOWN("icmpv6.type", "Type", "What it says.", FIELD_U64),
		[D_CODE] = FIELD_SHOWN("icmpv6.code", "Code", "What it says in detail.", FIELD_U64),
		[D_CHECKSUM] = FIELD_SHOWN(
			"icmpv6.checksum", "Checksum", "Checksum of the message.", FIELD_ID),
		[D_ID] = FIELD_SHOWN(
			"icmpv6.echo.identifier", "Identifier", "Of an echo's sender.", FIELD_ID),
		[D_SEQUENCE] = FIELD_SHOWN(
			"icmpv6.echo.sequence_number", "Sequence", "Number of an echo.", FIELD_U64),
		[D_MTU] = FIELD_SHOWN(
			"icmpv6.mtu", "MTU", "What the next hop lets through.", FIELD_BYTES),
		FIELDS_END,
	},
};

static const char *type_name(unsigned type)
{
	switch (type) {
	case ICMP_ECHO_REPLY:
		return "echo reply";
	case ICMP_UNREACHABLE:
		return "unreachable";
	case ICMP_REDIRECT:
		return "redirect";
	case ICMP_ECHO:
		return "echo request";
	case ICMP_TIME_EXCEEDED:
		return "time exceeded";
	case ICMP_PARAMETER:
		return "parameter problem";
	default:
		return NULL;
	}
}

static const char *type6_name(unsigned type)
{
	static const char *const errors[] = {
		NULL, "unreachable", "packet too big", "time exceeded", "parameter problem"};
	static const char *const neighbours[] = {"router solicitation", "router advertisement",
		"neighbor solicitation", "neighbor advertisement", "redirect"};

	if (type <= ICMP6_PARAMETER)
		return errors[type];
	if (type >= 133 && type <= 137)
		return neighbours[type - 133];
	return type == ICMP6_ECHO ? "echo request" : type == ICMP6_ECHO_REPLY ? "echo reply" : NULL;
}

static void head(struct show *s, const struct field *f, const uint8_t *h, const char *meaning)
{
	tsm_show_code(s, &f[D_TYPE], h, 1, h[0], meaning);
	tsm_show_u64(s, &f[D_CODE], h + 1, 1, h[1]);
	tsm_show_u64(s, &f[D_CHECKSUM], h + 2, 2, load16(h + 2));
}

static void icmp_describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	const uint8_t *h = view_peek(&v, ICMP_HEADER);

	(void)p;
	(void)side;
	if (!h)
		return;
	head(s, parts[0], h, type_name(h[0]));
	if (icmp_has_id(h[0])) {
		tsm_show_u64(s, &parts[0][D_ID], h + 4, 2, load16(h + 4));
		tsm_show_u64(s, &parts[0][D_SEQUENCE], h + 6, 2, load16(h + 6));
	} else if (h[0] == ICMP_UNREACHABLE && h[1] == 4) {
		tsm_show_u64(s, &parts[0][D_MTU], h + 6, 2, load16(h + 6));
	}
}

static void icmp6_describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	const uint8_t *h = view_peek(&v, ICMP6_HEADER);
	bool whole = view_len(&v) >= ICMP_HEADER;

	(void)p;
	(void)side;
	if (!h)
		return;
	head(s, parts[1], h, type6_name(h[0]));
	if (whole && icmp6_has_id(h[0])) {
		tsm_show_u64(s, &parts[1][D_ID], h + 4, 2, load16(h + 4));
		tsm_show_u64(s, &parts[1][D_SEQUENCE], h + 6, 2, load16(h + 6));
	} else if (whole && h[0] == 2) {
		tsm_show_u64(s, &parts[1][D_MTU], h + 4, 4, load32(h + 4));
	}
}

static const struct claim icmp_claims[] = {
	{TABLE_IP_PROTO, IP_PROTO_ICMP},
	{TABLE_END, 0},
};

TSM_DISSECTOR(icmp) = {
	TSM_HEAD,
	.name = "icmp",
	.title = "Internet Control Message Protocol",
	.claims = icmp_claims,
	.fields = parts[0],
	.layer = icmp_layer,
	.describe = icmp_describe,
};

static const struct claim icmp6_claims[] = {
	{TABLE_IP_PROTO, IP_PROTO_ICMP6},
	{TABLE_END, 0},
};

TSM_DISSECTOR(icmp6) = {
	TSM_HEAD,
	.name = "icmp6",
	.title = "Internet Control Message Protocol version 6",
	.claims = icmp6_claims,
	.fields = parts[1],
	.layer = icmp6_layer,
	.describe = icmp6_describe,
};
