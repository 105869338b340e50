/*
 * tcp.c - the header of the Transmission Control Protocol (RFC 9293, 3.1) with the options that
 * tell of timing and loss: maximum segment size, window scale and timestamps (RFC 7323), selective
 * acknowledgements (RFC 2018), and those of Multipath TCP that say to which connection a subflow
 * belongs and which of its bytes it carries (RFC 8684). The stream behind it is the engine's.
 *
 * A data offset that points before the fixed header or past the segment is malformed. An odd option
 * only ends the options: hosts take such segments. Where the snap length cut the options off, the
 * fixed header still counts, and so do the options that are there.
 */
#include "dissector.h"
#include "layer.h"
#include "show.h"

#define TCP_HEADER 20u
#define TCP_PORTS  4u

enum {
	OPT_END,
	OPT_NOP,
	OPT_MSS,
	OPT_WSCALE,
	OPT_SACK_OK,
	OPT_SACK,
	OPT_TIMES = 8,
	OPT_MPTCP = 30,
};

/* Of a DSS option (RFC 8684, 3.3). */
#define DSS_ACK  0x01u
#define DSS_ACK8 0x02u
#define DSS_MAP  0x04u
#define DSS_DSN8 0x08u

#define WSCALE_MAX 14u /* RFC 7323, 2.3 */
#define SACK_BLOCK 8u
#define SACK_MAX   4u

static void set_times(struct packet *p, const uint8_t *value)
{
	p->tcp_tsval = load32(value);
	p->tcp_tsecr = load32(value + 4);
	p->tcp_opts |= TCP_OPT_TIMES;
}

static void read_capable(struct packet_mptcp *m, size_t n, const uint8_t *v)
{
	m->version = v[0] & 15;
	m->nkeys = n >= 18 ? 2 : n >= 10 ? 1 : 0;
	for (unsigned i = 0; i < m->nkeys; i++)
		m->key[i] = (uint64_t)load32(v + 2 + 8 * (size_t)i) << 32 |
			    load32(v + 6 + 8 * (size_t)i);
}

/* A number of 4 or 8 bytes, of which the last 4 count; NULL: it is not there. */
static const uint8_t *read_low(const uint8_t *v, const uint8_t *end, bool eight, uint32_t *to)
{
	size_t n = eight ? 8 : 4;

	if (!v || (size_t)(end - v) < n)
		return NULL;
	*to = load32(v + n - 4);
	return v + n;
}

static bool read_dss(struct packet_mptcp *m, size_t n, const uint8_t *v)
{
	const uint8_t *end = v + n, *at = v + 2;
	uint8_t flags = v[1];

	if (flags & DSS_ACK)
		at = read_low(at, end, flags & DSS_ACK8, &m->ack);
	m->has_ack = at && flags & DSS_ACK;
	if (!(flags & DSS_MAP))
		return at != NULL;
	at = read_low(at, end, flags & DSS_DSN8, &m->dsn);
	at = read_low(at, end, false, &m->ssn);
	if (!at || end - at < 2)
		return false;
	m->has_map = true;
	m->len = load16(at);
	return true;
}

/* n bytes behind kind and length. The first option of those that are read counts. */
static void read_mptcp(struct packet *p, size_t n, const uint8_t *v)
{
	struct packet_mptcp m = {.subtype = v[0] >> 4};

	if (n < 2 || p->tcp_opts & TCP_OPT_MPTCP)
		return;
	if (m.subtype == MPTCP_CAPABLE) {
		read_capable(&m, n, v);
	} else if (m.subtype == MPTCP_JOIN) {
		m.has_token = n == 10;
		m.token = m.has_token ? load32(v + 2) : 0;
	} else if (m.subtype != MPTCP_DSS || !read_dss(&m, n, v)) {
		return;
	}
	p->mptcp = m;
	p->tcp_opts |= TCP_OPT_MPTCP;
}

/* One option: kind, its whole length, what is behind kind and length. */
static void read_option(struct packet *p, unsigned kind, size_t len, const uint8_t *value)
{
	switch (kind) {
	case OPT_MSS:
		if (len == 4) {
			p->tcp_mss = load16(value);
			p->tcp_opts |= TCP_OPT_MSS;
		}
		break;
	case OPT_WSCALE:
		if (len == 3) {
			p->tcp_wscale = value[0] > WSCALE_MAX ? WSCALE_MAX : value[0];
			p->tcp_opts |= TCP_OPT_WSCALE;
		}
		break;
	case OPT_SACK_OK:
		if (len == 2)
			p->tcp_opts |= TCP_OPT_SACK_OK;
		break;
	case OPT_SACK:
		if (len > 2 && (len - 2) % SACK_BLOCK == 0 && (len - 2) / SACK_BLOCK <= SACK_MAX) {
			p->tcp_nsack = (uint8_t)((len - 2) / SACK_BLOCK);
			p->tcp_sack = value;
			p->tcp_opts |= TCP_OPT_SACK;
		}
		break;
	case OPT_TIMES:
		if (len == 10)
			set_times(p, value);
		break;
	case OPT_MPTCP:
		if (len > 2)
			read_mptcp(p, len - 2, value);
		break;
	default:
		break;
	}
}

static __attribute__((noinline)) void read_options(
	struct packet *p, const uint8_t *o, const uint8_t *end)
{
	while (o < end && *o != OPT_END) {
		if (*o == OPT_NOP) {
			o++;
			continue;
		}
		if (end - o < 2 || o[1] < 2 || o[1] > end - o)
			return;
		read_option(p, o[0], o[1], o + 2);
		o += o[1];
	}
}

/* The header's end lies behind the captured bytes: read what is there of the options. */
static __attribute__((noinline)) void read_cut_options(
	struct packet *p, struct view *v, const uint8_t *options, size_t header)
{
	read_options(p, options, v->end);
	p->tcp_opts |= TCP_OPT_CUT;
	v->cut -= (uint32_t)(header - view_len(v));
	v->p = v->end;
}

static void tcp_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h = v->p;
	size_t have = view_len(v);
	uint32_t header;

	(void)next;
	if (have < TCP_HEADER) {
		/* The ports stand first: they are there where the rest was cut. */
		if (v->cut && have >= TCP_PORTS) {
			p->sport = load16(h);
			p->dport = load16(h + 2);
		}
		view_take(v, TCP_HEADER);
		return;
	}
	header = (uint32_t)h[12] >> 4 << 2;
	if (header < TCP_HEADER || header > have + v->cut) {
		layer_malformed(v);
		return;
	}
	p->flags |= PACKET_TCP;
	p->sport = load16(h);
	p->dport = load16(h + 2);
	p->tcp_seq = load32(h + 4);
	p->tcp_ack = load32(h + 8);
	p->tcp_flags = h[13];
	p->tcp_window = load16(h + 14);
	p->tcp_opts = 0;
	p->tcp_nsack = 0;
	p->tcp_header = header > have ? 0 : (uint8_t)header;
	p->tcp_tsval = 0;
	if (header > have) {
		read_cut_options(p, v, h + TCP_HEADER, header);
		return;
	}
	v->p = h + header;
	if (header == TCP_HEADER + 12 && load32(h + TCP_HEADER) == TCP_TIMES_ALIGNED)
		set_times(p, h + TCP_HEADER + 4);
	else if (header > TCP_HEADER)
		read_options(p, h + TCP_HEADER, h + header);
}

enum {
	D_SRC,
	D_DST,
	D_SEQ,
	D_ACK,
	D_HEADER,
	D_FLAGS,
	D_WINDOW,
	D_CHECKSUM,
	D_URGENT,
	D_MSS,
	D_WSCALE,
	D_SACK_OK,
	D_SACK_LEFT,
	D_SACK_RIGHT,
	D_TSVAL,
	D_TSECR,
	D_OPTION,
};

static const char *const flag_names[] = {
	"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "AE", NULL};

static const struct field parts[] = {
	[D_SRC] = FIELD_SHOWN("tcp.srcport", "Source port", "Port of the sender.", FIELD_U64),
	[D_DST] =
		FIELD_SHOWN("tcp.dstport", "Destination port", "Port of the receiver.", FIELD_U64),
	[D_SEQ] = FIELD_SHOWN("tcp.seq_raw", "Sequence", "Number of the first byte.", FIELD_U64),
	[D_ACK] = FIELD_SHOWN(
		"tcp.ack_raw", "Acknowledgment", "Number of the byte expected next.", FIELD_U64),
	[D_HEADER] = FIELD_SHOWN("tcp.hdr_len", "Header", "Bytes of the header.", FIELD_BYTES),
	[D_FLAGS] = FIELD_SHOWN_NAMES("tcp.flags", "Flags", "What the segment does.", flag_names),
	[D_WINDOW] = FIELD_SHOWN("tcp.window_size_value", "Window",
		"Bytes that may be sent, before scaling.", FIELD_U64),
	[D_CHECKSUM] =
		FIELD_SHOWN("tcp.checksum", "Checksum", "Checksum of the segment.", FIELD_ID),
	[D_URGENT] =
		FIELD_SHOWN("tcp.urgent_pointer", "Urgent", "Where urgent bytes end.", FIELD_U64),
	[D_MSS] =
		FIELD_SHOWN("tcp.options.mss_val", "MSS", "Largest segment it takes.", FIELD_BYTES),
	[D_WSCALE] = FIELD_SHOWN(
		"tcp.options.wscale.shift", "Window scale", "Its windows are shifted.", FIELD_U64),
	[D_SACK_OK] = FIELD_SHOWN(
		"tcp.options.sack_perm", "SACK permitted", "It can tell of holes.", FIELD_BOOL),
	[D_SACK_LEFT] = FIELD_SHOWN("tcp.options.sack_le", "SACK from",
		"First byte of a block that has arrived.", FIELD_U64),
	[D_SACK_RIGHT] = FIELD_SHOWN(
		"tcp.options.sack_re", "SACK to", "The byte behind that block.", FIELD_U64),
	[D_TSVAL] = FIELD_SHOWN(
		"tcp.options.timestamp.tsval", "Timestamp", "Clock of the sender.", FIELD_U64),
	[D_TSECR] = FIELD_SHOWN("tcp.options.timestamp.tsecr", "Echo",
		"Clock of the receiver, as last seen.", FIELD_U64),
	[D_OPTION] = FIELD_SHOWN("tcp.option_kind", "Option", "Kind of another option.", FIELD_U64),
	FIELDS_END,
};

static void describe_option(struct show *s, const uint8_t *o)
{
	switch (o[0] << 8 | o[1]) {
	case OPT_MSS << 8 | 4:
		tsm_show_u64(s, &parts[D_MSS], o + 2, 2, load16(o + 2));
		break;
	case OPT_WSCALE << 8 | 3:
		tsm_show_u64(s, &parts[D_WSCALE], o + 2, 1, o[2]);
		break;
	case OPT_SACK_OK << 8 | 2:
		tsm_show_u64(s, &parts[D_SACK_OK], o, 2, 1);
		break;
	case OPT_TIMES << 8 | 10:
		tsm_show_u64(s, &parts[D_TSVAL], o + 2, 4, load32(o + 2));
		tsm_show_u64(s, &parts[D_TSECR], o + 6, 4, load32(o + 6));
		break;
	default:
		if (o[0] != OPT_SACK || (o[1] - 2u) % SACK_BLOCK) {
			tsm_show_u64(s, &parts[D_OPTION], o, o[1], o[0]);
			break;
		}
		for (unsigned i = 2; i < o[1]; i += SACK_BLOCK) {
			tsm_show_u64(s, &parts[D_SACK_LEFT], o + i, 4, load32(o + i));
			tsm_show_u64(s, &parts[D_SACK_RIGHT], o + i + 4, 4, load32(o + i + 4));
		}
	}
}

static void describe_options(struct show *s, const uint8_t *o, const uint8_t *end)
{
	tsm_show_group(s, "Options", o, (size_t)(end - o));
	while (o < end && *o != OPT_END) {
		if (*o == OPT_NOP) {
			o++;
			continue;
		}
		if (end - o < 2 || o[1] < 2 || o[1] > end - o)
			break;
		describe_option(s, o);
		o += o[1];
	}
	tsm_show_end(s);
}

static void describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	const uint8_t *h = view_peek(&v, TCP_HEADER);
	size_t header;

	(void)p;
	(void)side;
	if (!h)
		return;
	header = (size_t)h[12] >> 4 << 2;
	tsm_show_u64(s, &parts[D_SRC], h, 2, load16(h));
	tsm_show_u64(s, &parts[D_DST], h + 2, 2, load16(h + 2));
	tsm_show_u64(s, &parts[D_SEQ], h + 4, 4, load32(h + 4));
	tsm_show_u64(s, &parts[D_ACK], h + 8, 4, load32(h + 8));
	tsm_show_u64(s, &parts[D_HEADER], h + 12, 1, header);
	tsm_show_u64(s, &parts[D_FLAGS], h + 12, 2, load16(h + 12) & 0x1ffu);
	tsm_show_u64(s, &parts[D_WINDOW], h + 14, 2, load16(h + 14));
	tsm_show_u64(s, &parts[D_CHECKSUM], h + 16, 2, load16(h + 16));
	tsm_show_u64(s, &parts[D_URGENT], h + 18, 2, load16(h + 18));
	if (header > view_len(&v))
		header = view_len(&v);
	if (header > TCP_HEADER)
		describe_options(s, h + TCP_HEADER, h + header);
}

static const struct claim tcp_claims[] = {
	{TABLE_IP_PROTO, IP_PROTO_TCP},
	{TABLE_END, 0},
};

TSM_DISSECTOR(tcp) = {
	TSM_HEAD,
	.name = "tcp",
	.title = "Transmission Control Protocol",
	.claims = tcp_claims,
	.fields = parts,
	.layer = tcp_layer,
	.describe = describe,
};
