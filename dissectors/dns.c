/*
 * dns.c - DNS over UDP and TCP (RFC 1035), with EDNS (RFC 6891).
 *
 * A query and its response are paired by the identifier and the question. A query that is sent
 * again before its response came is the same transaction; how often is counted. Over TCP each
 * message has its length in front. Names may point back into the message: a pointer must point to
 * an earlier place than the one before, so that no name can go on for ever.
 *
 * mDNS and LLMNR have ports of their own, which are not claimed, and are not read.
 */
#include "dissector.h"
#include "show.h"
#include <stddef.h>

#define HEADER      12u
#define NAME_TEXT   1024u /* of at most 255 bytes, each shown as up to four */
#define LIST_TEXT   2000u
#define RECORDS_MAX 256u   /* resource records looked at */
#define ASKED_MAX   32u    /* the last queries, to which a response may come twice */
#define MESSAGE_MAX 60000u /* over TCP */

enum {
	F_ID,
	F_OP_CODE,
	F_TYPE,
	F_FLAGS,
	F_RESPONSE_CODE,
	F_QUESTIONS,
	F_NAME,
	F_QTYPE,
	F_QCLASS,
	F_ANSWERS,
	F_AUTHORITIES,
	F_ADDITIONALS,
	F_RESOLVED,
	F_TTL,
	F_EDNS_SIZE,
	F_EDNS_DO,
	F_TRUNCATED,
	F_RETRIES,
};

static const struct field fields[] = {
	[F_ID] = {"dns.id", "ID", "Identifier of the query", FIELD_ID, 0, 6, 0, NULL},
	[F_OP_CODE] = {"dns.op_code", "Opcode", "QUERY, STATUS, NOTIFY, UPDATE ...", FIELD_STR, 0,
		7, 0, NULL},
	[F_TYPE] = {"dns.type", "Type", "answer, or query where no response was captured",
		FIELD_NAME, 0, 6, 0, NULL},
	[F_FLAGS] = {"dns.header_flags", "Flags",
		"Flags of the response, or of the query where there is none: AA TC RD RA AD CD",
		FIELD_STR, FIELD_F_LIST, 8, 0, NULL},
	[F_RESPONSE_CODE] = {"dns.response_code", "Rcode", "Response code by its name", FIELD_STR,
		0, 9, 0, NULL},
	[F_QUESTIONS] = {"dns.questions_count", "Qs", "Questions", FIELD_U64, 0, 3, 0, NULL},
	[F_NAME] = {"dns.question.name", "Question", "Name asked for", FIELD_STR, 0, 30, 0, NULL},
	[F_QTYPE] = {"dns.question.type", "Qtype", "Type of records asked for", FIELD_STR, 0, 6, 0,
		NULL},
	[F_QCLASS] = {"dns.question.class", "Qclass", "Class of records asked for", FIELD_STR, 0, 3,
		0, NULL},
	[F_ANSWERS] = {"dns.answers_count", "Answers", "Records in the answer section", FIELD_U64,
		0, 4, 0, NULL},
	[F_AUTHORITIES] = {"dns.authorities_count", "Auths", "Records in the authority section",
		FIELD_U64, 0, 4, 0, NULL},
	[F_ADDITIONALS] = {"dns.additionals_count", "Adds",
		"Records in the additional section, the OPT record too", FIELD_U64, 0, 4, 0, NULL},
	[F_RESOLVED] = {"dns.resolved_ip", "Addresses", "Addresses in the answer section",
		FIELD_STR, FIELD_F_LIST, 24, 0, NULL},
	[F_TTL] = {"tsumari.dns.ttl_min", "TTL", "Smallest TTL in the answer section, in seconds",
		FIELD_U64, 0, 6, 0, NULL},
	[F_EDNS_SIZE] = {"dns.opt.udp_size", "EDNS",
		"UDP payload size that the client can take (EDNS)", FIELD_U64, 0, 5, 0, NULL},
	[F_EDNS_DO] = {"dns.opt.do", "DO", "The client wants DNSSEC records", FIELD_BOOL, 0, 5, 0,
		NULL},
	[F_TRUNCATED] = {"dns.flags.truncated_response", "TC",
		"The response was cut; the client has to ask again over TCP", FIELD_BOOL, 0, 5, 0,
		NULL},
	[F_RETRIES] = {"tsumari.dns.retries", "Retries",
		"Times the query was sent again before its response", FIELD_U64, FIELD_F_NONZERO, 4,
		0, NULL},
	{NULL, NULL, NULL, FIELD_END, 0, 0, 0, NULL},
};

enum { FLAG_QR = 0x8000, FLAG_AA = 0x0400, FLAG_TC = 0x0200, FLAG_RD = 0x0100, FLAG_RA = 0x0080 };
enum { TYPE_A = 1, TYPE_NS = 2, TYPE_CNAME = 5, TYPE_PTR = 12, TYPE_AAAA = 28, TYPE_OPT = 41 };

struct number_name {
	uint16_t number;
	const char *name;
};

static const struct number_name types[] = {{1, "A"}, {2, "NS"}, {5, "CNAME"}, {6, "SOA"},
	{12, "PTR"}, {13, "HINFO"}, {15, "MX"}, {16, "TXT"}, {17, "RP"}, {28, "AAAA"}, {29, "LOC"},
	{33, "SRV"}, {35, "NAPTR"}, {39, "DNAME"}, {41, "OPT"}, {43, "DS"}, {44, "SSHFP"},
	{46, "RRSIG"}, {47, "NSEC"}, {48, "DNSKEY"}, {50, "NSEC3"}, {51, "NSEC3PARAM"},
	{52, "TLSA"}, {59, "CDS"}, {60, "CDNSKEY"}, {64, "SVCB"}, {65, "HTTPS"}, {99, "SPF"},
	{249, "TKEY"}, {250, "TSIG"}, {251, "IXFR"}, {252, "AXFR"}, {255, "ANY"}, {257, "CAA"},
	{0, NULL}};
static const struct number_name classes[] = {
	{1, "IN"}, {3, "CH"}, {4, "HS"}, {254, "NONE"}, {255, "ANY"}, {0, NULL}};
static const struct number_name codes[] = {{0, "NOERROR"}, {1, "FORMERR"}, {2, "SERVFAIL"},
	{3, "NXDOMAIN"}, {4, "NOTIMP"}, {5, "REFUSED"}, {6, "YXDOMAIN"}, {7, "YXRRSET"},
	{8, "NXRRSET"}, {9, "NOTAUTH"}, {10, "NOTZONE"}, {16, "BADVERS"}, {22, "BADTRUNC"},
	{23, "BADCOOKIE"}, {0, NULL}};
static const struct number_name opcodes[] = {{0, "QUERY"}, {1, "IQUERY"}, {2, "STATUS"},
	{4, "NOTIFY"}, {5, "UPDATE"}, {6, "DSO"}, {0, NULL}};

struct dns {
	bool lost[2];  /* TCP: the next length has to be found */
	uint32_t next; /* of asked[] */
	uint64_t asked[ASKED_MAX];
};

/* A message and where in it the reading is. */
struct message {
	const uint8_t *p;
	size_t n, at;
	bool bad;
};

static uint32_t take(struct message *m, unsigned bytes)
{
	uint32_t x = 0;

	if (m->n - m->at < bytes) {
		m->bad = true;
		m->at = m->n;
		return 0;
	}
	while (bytes--)
		x = x << 8 | m->p[m->at++];
	return x;
}

struct out {
	uint8_t *p;
	size_t n, max;
};

static void put(struct out *o, uint8_t c)
{
	if (o->n < o->max)
		o->p[o->n++] = c;
}

/* A byte of a label; what would end it or is not printable as \DDD (RFC 1035, 5.1). */
static void put_label_byte(struct out *o, uint8_t c)
{
	if (c > ' ' && c < 0x7f && c != '.' && c != '\\') {
		put(o, c);
		return;
	}
	put(o, '\\');
	put(o, (uint8_t)('0' + c / 100));
	put(o, (uint8_t)('0' + c / 10 % 10));
	put(o, (uint8_t)('0' + c % 10));
}

/* Reads a name (o may be NULL); false where it is none. */
static bool name(struct message *m, struct out *o)
{
	size_t at = m->at, after = 0, least = m->at, bytes = 0;

	for (;;) {
		uint8_t len;

		if (at >= m->n)
			return false;
		len = m->p[at++];
		if (len >= 0xc0) {
			size_t to;

			if (at >= m->n)
				return false;
			to = (size_t)(len & 0x3f) << 8 | m->p[at++];
			if (!after)
				after = at;
			if (to >= least) /* only ever further back */
				return false;
			at = least = to;
			continue;
		}
		if (len > 63 || len > m->n - at)
			return false;
		if (!len)
			break;
		bytes += len + 1u;
		if (bytes > 254)
			return false;
		if (o && o->n)
			put(o, '.');
		for (unsigned i = 0; o && i < len; i++)
			put_label_byte(o, m->p[at + i]);
		at += len;
	}
	m->at = after ? after : at;
	return true;
}

static void set_number(struct tsm_txn t, unsigned field, const struct number_name *list, uint16_t n,
	const char *prefix)
{
	uint8_t buf[16];
	struct out o = {buf, 0, sizeof(buf)};

	for (; list->name; list++)
		if (list->number == n) {
			tsm_str(t, field, view_of(list->name, strlen(list->name), 0));
			return;
		}
	while (*prefix)
		put(&o, (uint8_t)*prefix++);
	for (unsigned d = 10000; d; d /= 10)
		if (n >= d || d == 1)
			put(&o, (uint8_t)('0' + n / d % 10));
	tsm_str(t, field, view_of(buf, o.n, 0));
}

static void put_text(struct out *o, const char *text)
{
	while (*text)
		put(o, (uint8_t)*text++);
}

/* A number without leading zeros. */
static void put_number(struct out *o, unsigned x, unsigned base, unsigned highest)
{
	for (unsigned d = highest; d; d /= base)
		if (x >= d || d == 1)
			put(o, (uint8_t) "0123456789abcdef"[x / d % base]);
}

/* RFC 5952: the longest run of two or more zero groups is left out. */
static void put_ip6(struct out *o, const uint8_t *p)
{
	unsigned run = 8, len = 1;

	for (unsigned i = 0; i < 8; i++) {
		unsigned n = 0;

		while (i + n < 8 && !p[2 * (i + n)] && !p[2 * (i + n) + 1])
			n++;
		if (n > len) {
			run = i;
			len = n;
		}
	}
	for (unsigned i = 0; i < 8; i++) {
		if (i == run) {
			put_text(o, "::");
			i += len - 1;
			continue;
		}
		if (i && i != run + len)
			put(o, ':');
		put_number(o, (unsigned)(p[2 * i] << 8 | p[2 * i + 1]), 16, 0x1000);
	}
}

/* An address of the answers goes to the list; half of one does not. */
static void put_address(struct out *o, const uint8_t *p, bool v6)
{
	if (o->max - o->n < 48)
		return;
	if (o->n)
		put(o, '\n');
	if (v6) {
		put_ip6(o, p);
		return;
	}
	for (unsigned i = 0; i < 4; i++) {
		if (i)
			put(o, '.');
		put_number(o, p[i], 10, 100);
	}
}

/* The header and the first question. */
struct head {
	uint16_t id, flags, counts[4], type, class;
	uint8_t text[NAME_TEXT];
	size_t len;    /* of the name's text */
	uint64_t key;  /* 0: no question */
	bool question; /* it could be read */
};

static bool read_head(struct message *m, struct head *h)
{
	struct out o = {h->text, 0, sizeof(h->text)};

	memset(h, 0, offsetof(struct head, text));
	h->len = 0;
	h->key = 0;
	h->question = false;
	h->id = (uint16_t)take(m, 2);
	h->flags = (uint16_t)take(m, 2);
	for (int i = 0; i < 4; i++)
		h->counts[i] = (uint16_t)take(m, 2);
	if (m->bad)
		return false;
	if (!h->counts[0])
		return true;
	if (!name(m, &o))
		return false;
	h->len = o.n;
	h->type = (uint16_t)take(m, 2);
	h->class = (uint16_t)take(m, 2);
	h->question = !m->bad;
	h->key = 1469598103934665603u; /* FNV-1a; letters without case (RFC 4343) */
	for (size_t i = 0; i < h->len; i++) {
		uint8_t c = h->text[i];

		h->key = (h->key ^ (c >= 'A' && c <= 'Z' ? c + 32u : c)) * 1099511628211u;
	}
	h->key = (h->key ^ h->type ^ (uint64_t)h->class << 16) * 1099511628211u;
	h->key = h->key << 16 | h->id | UINT64_C(1) << 63;
	return h->question;
}

static void put_flags(struct tsm_txn t, uint16_t flags)
{
	static const struct number_name bits[] = {{FLAG_AA, "AA"}, {FLAG_TC, "TC"}, {FLAG_RD, "RD"},
		{FLAG_RA, "RA"}, {0x0020, "AD"}, {0x0010, "CD"}};
	uint8_t buf[24];
	struct out o = {buf, 0, sizeof(buf)};

	for (unsigned i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		if (flags & bits[i].number) {
			if (o.n)
				put(&o, '\n');
			put_text(&o, bits[i].name);
		}
	tsm_str(t, F_FLAGS, view_of(buf, o.n, 0));
}

/* What the resource records say: addresses, the smallest TTL, EDNS. Gives the extended code. */
static unsigned records(struct tsm_txn t, struct message *m, const struct head *h, bool response)
{
	uint8_t buf[LIST_TEXT];
	struct out list = {buf, 0, sizeof(buf)};
	unsigned n = 0u + h->counts[1] + h->counts[2] + h->counts[3], high = 0;
	uint32_t least = UINT32_MAX;

	for (unsigned i = 1; i < h->counts[0] && i < RECORDS_MAX; i++) {
		if (!name(m, NULL))
			return 0;
		(void)take(m, 4);
	}
	for (unsigned i = 0; i < n && i < RECORDS_MAX; i++) {
		uint32_t type, class, ttl, len;

		if (!name(m, NULL))
			break;
		type = take(m, 2);
		class = take(m, 2);
		ttl = take(m, 4);
		len = take(m, 2);
		if (m->bad || len > m->n - m->at)
			break;
		if (type == TYPE_OPT) {
			high = ttl >> 24;
			if (!response)
				tsm_u64(t, F_EDNS_SIZE, class);
			if (!response && ttl & 0x8000)
				tsm_u64(t, F_EDNS_DO, 1);
		} else if (response && i < h->counts[1]) {
			if (ttl < least)
				least = ttl;
			if (type == TYPE_A && len == 4)
				put_address(&list, m->p + m->at, false);
			else if (type == TYPE_AAAA && len == 16)
				put_address(&list, m->p + m->at, true);
		}
		m->at += len;
	}
	if (list.n)
		tsm_str(t, F_RESOLVED, view_of(buf, list.n, 0));
	if (least != UINT32_MAX)
		tsm_u64(t, F_TTL, least);
	return high;
}

static void question(struct tsm_txn t, const struct head *h)
{
	struct view method = view_of("QUERY", 5, 0), object = view_of(h->text, h->len, 0);

	for (const struct number_name *o = opcodes; o->name; o++)
		if (o->number == (h->flags >> 11 & 15))
			method = view_of(o->name, strlen(o->name), 0);
	if (!h->len)
		object = view_of(".", 1, 0);
	tsm_u64(t, F_ID, h->id);
	set_number(t, F_OP_CODE, opcodes, h->flags >> 11 & 15, "OPCODE");
	tsm_u64(t, F_QUESTIONS, h->counts[0]);
	if (!h->question)
		return;
	tsm_str(t, F_NAME, object);
	set_number(t, F_QTYPE, types, h->type, "TYPE");
	set_number(t, F_QCLASS, classes, h->class, "CLASS");
	tsm_op(t, method, object);
}

static void on_query(struct session *s, struct dns *x, struct message *m, const struct head *h,
	const uint8_t *at, const uint8_t *end)
{
	struct tsm_txn t = tsm_find(s, h->key);

	if (!h->key)
		return;
	if (tsm_is(t)) { /* sent again */
		tsm_set_tag(t, tsm_tag(t) + 1);
		tsm_u64(t, F_RETRIES, tsm_tag(t));
		return;
	}
	t = tsm_request(s, h->key, at);
	question(t, h);
	tsm_name(t, F_TYPE, "query");
	put_flags(t, h->flags);
	records(t, m, h, false);
	tsm_request_end(s, t, end);
	x->asked[x->next] = h->key;
	x->next = (x->next + 1) % ASKED_MAX;
}

/* The key of the query that a response answers; one without a question has its identifier only. 0:
   it was answered before (a copy, the next message of a zone transfer). */
static uint64_t key_of(struct session *s, const struct dns *x, const struct head *h)
{
	bool known = false;

	for (unsigned i = 0; i < ASKED_MAX; i++) {
		uint64_t key = x->asked[i];

		if (!key || (uint16_t)key != h->id || (h->key && h->key != key))
			continue;
		if (tsm_is(tsm_find(s, key)))
			return key;
		known = true;
	}
	return known ? 0 : h->key ? h->key : h->id | UINT64_C(1) << 63;
}

static enum tsm_status_code status_of(unsigned code)
{
	switch (code) {
	case 0:
		return STATUS_OK;
	case 1:
	case 3:
	case 5:
		return STATUS_CLIENT_ERROR;
	default:
		return STATUS_SERVER_ERROR;
	}
}

static void on_response(struct session *s, struct dns *x, struct message *m, const struct head *h,
	const uint8_t *at, const uint8_t *end)
{
	uint64_t key = key_of(s, x, h);
	bool asked = key && tsm_is(tsm_find(s, key));
	struct tsm_txn t;
	unsigned code;

	if (!key) {
		tsm_note(s, "dns: another response to a query that was answered");
		return;
	}
	t = tsm_response(s, key, at);
	if (!asked)
		question(t, h);
	tsm_name(t, F_TYPE, "answer");
	put_flags(t, h->flags);
	tsm_u64(t, F_ANSWERS, h->counts[1]);
	tsm_u64(t, F_AUTHORITIES, h->counts[2]);
	tsm_u64(t, F_ADDITIONALS, h->counts[3]);
	if (h->flags & FLAG_TC)
		tsm_u64(t, F_TRUNCATED, 1);
	code = records(t, m, h, true) << 4 | (h->flags & 15);
	set_number(t, F_RESPONSE_CODE, codes, (uint16_t)code, "RCODE");
	tsm_status(t, status_of(code));
	tsm_response_end(s, t, end);
}

/* A whole message of n bytes at p; `at` is where it begins on the wire. */
static void message(struct session *s, struct dns *x, enum side side, const uint8_t *at,
	const uint8_t *p, size_t n)
{
	struct message m = {p, n, 0, false};
	struct head h;

	if (!read_head(&m, &h)) {
		tsm_note(s, "dns: message that cannot be read");
		return;
	}
	if (!(h.flags & FLAG_QR) == (side == SIDE_SERVER)) {
		tsm_note(s, "dns: query of the server");
		return;
	}
	if (side == SIDE_CLIENT)
		on_query(s, x, &m, &h, at, p + n);
	else
		on_response(s, x, &m, &h, at, p + n);
}

/* A name of NetBIOS (RFC 1001, 14.1): half bytes as letters from A to P. Its messages look like
 * these. */
static bool netbios_like(const uint8_t *p)
{
	if (p[0] != 32)
		return false;
	for (unsigned i = 1; i <= 32; i++)
		if (p[i] < 'A' || p[i] > 'P')
			return false;
	return true;
}

/* "No", where these are surely not the first bytes of a message. */
static enum tsm_probe message_like(const uint8_t *p, size_t n, bool *response)
{
	struct message m = {p, n, 0, false};
	struct head h;

	if (n < HEADER || p[4] || p[5] != 1 || !read_head(&m, &h)) /* of one question */
		return PROBE_NO;
	if (n > HEADER + 32 && netbios_like(p + HEADER))
		return PROBE_NO;
	*response = (h.flags & FLAG_QR) != 0;
	if (h.flags & 0x0040 || (h.flags >> 11 & 15) > 6 || (h.class > 4 && h.class < 254) ||
		!h.class || h.class > 255 || !h.type)
		return PROBE_NO;
	if (!*response && (h.flags & 0x068f || h.counts[1] || h.counts[3] > 2))
		return PROBE_NO;
	/* Names are asked for in the like form by multicast, which knows no recursion and gives no
	   identifier (mDNS) or sets no such flag (LLMNR). */
	if (!h.id || h.class != 1)
		return PROBE_MAYBE;
	return h.flags & (*response ? FLAG_AA | FLAG_RD | FLAG_RA : FLAG_RD) ? PROBE_YES
									     : PROBE_MAYBE;
}

static enum tsm_probe probe(struct view head, enum side side)
{
	size_t n = view_len(&head), len;
	bool response = false;
	enum tsm_probe r = message_like(head.p, n, &response);

	if (n < 2)
		return PROBE_MAYBE;
	if (r == PROBE_NO) { /* over TCP */
		len = (size_t)head.p[0] << 8 | head.p[1];
		if (len < HEADER + 5)
			return PROBE_NO;
		if (n < 8)
			return PROBE_MAYBE;
		if (head.p[6] || head.p[7] != 1) /* one question */
			return PROBE_NO;
		r = message_like(head.p + 2, n - 2 < len ? n - 2 : len, &response);
		if (r == PROBE_NO && n - 2 < len && n < 300)
			return PROBE_MAYBE;
		if (r == PROBE_MAYBE) /* there is no multicast over TCP */
			r = PROBE_YES;
	}
	if (r != PROBE_YES)
		return r;
	return response == (side == SIDE_SERVER) ? PROBE_YES : PROBE_SWAPPED;
}

/* Over TCP; a message longer than what is kept is not read. */
static struct take stream(struct session *s, struct dns *x, enum side side, struct view *v)
{
	struct take t = {0, 0, false};
	bool response;

	while (view_len(v)) {
		const uint8_t *p = view_peek(v, 2);
		uint32_t n;

		if (!p) {
			t.need = 2;
			return t;
		}
		n = (uint32_t)p[0] << 8 | p[1];
		if (x->lost[side]) { /* a message often begins where a segment does */
			if (view_len(v) < 2 + HEADER || n < HEADER || n > view_len(v) - 2 ||
				message_like(p + 2, n, &response) == PROBE_NO ||
				response != (side == SIDE_SERVER)) {
				v->p = v->end;
				return t;
			}
			x->lost[side] = false;
		}
		if (n > MESSAGE_MAX) {
			tsm_note(s, "dns: message over the limit, not read");
			t.skip = n + 2;
			return t;
		}
		if (view_len(v) < n + 2) {
			t.need = n + 2;
			return t;
		}
		message(s, x, side, p, p + 2, n);
		v->p += n + 2;
	}
	return t;
}

static struct take data(struct session *s, void *state, enum side side, struct view *v)
{
	struct take t = {0, 0, false};

	if (!tsm_datagram(s))
		return stream(s, state, side, v);
	message(s, state, side, v->p, v->p, view_len(v));
	v->p = v->end;
	return t;
}

static void gap(struct session *s, void *state, enum side side, uint64_t n)
{
	(void)s;
	(void)n;
	((struct dns *)state)->lost[side] = true;
}

enum {
	D_LENGTH,
	D_ID,
	D_FLAGS,
	D_OPCODE,
	D_CODE,
	D_NAME,
	D_TYPE,
	D_CLASS,
	D_RR_NAME,
	D_RR_TYPE,
	D_RR_TTL,
	D_A,
	D_AAAA,
	D_RR_NAME_IN,
	D_RR_LENGTH,
};

static const char *const header_flags[] = {"NZ", "NZ", "NZ", "NZ", "CD", "AD", "Z", "RA", "RD",
	"TC", "AA", "OP", "OP", "OP", "OP", "QR", NULL};

static const struct field parts[] = {
	[D_LENGTH] = SHOW_FIELD("dns.length", "Length", "Bytes of the message.", FIELD_BYTES),
	[D_ID] = SHOW_FIELD("dns.id", "ID", "Identifier of the query.", FIELD_ID),
	[D_FLAGS] = {"dns.flags", "Flags", "QR: a response.", FIELD_NAMES, 0, 8, 0, header_flags},
	[D_OPCODE] = SHOW_FIELD("dns.op_code", "Opcode", "What is asked for.", FIELD_U64),
	[D_CODE] = SHOW_FIELD("dns.response_code", "Rcode", "How it was answered.", FIELD_U64),
	[D_NAME] = SHOW_FIELD("dns.question.name", "Question", "Name asked for.", FIELD_STR),
	[D_TYPE] = SHOW_FIELD("dns.question.type", "Qtype", "Type asked for.", FIELD_U64),
	[D_CLASS] = SHOW_FIELD("dns.question.class", "Qclass", "Class asked for.", FIELD_U64),
	[D_RR_NAME] = SHOW_FIELD("dns.resp.name", "Name", "Of a resource record.", FIELD_STR),
	[D_RR_TYPE] = SHOW_FIELD("dns.resp.type", "Type", "Of a resource record.", FIELD_U64),
	[D_RR_TTL] = SHOW_FIELD("dns.resp.ttl", "TTL", "Seconds it holds.", FIELD_U64),
	[D_A] = SHOW_FIELD("dns.a", "Address", "IPv4 address.", FIELD_IP),
	[D_AAAA] = SHOW_FIELD("dns.aaaa", "Address", "IPv6 address.", FIELD_IP),
	[D_RR_NAME_IN] = SHOW_FIELD("dns.rdata.name", "Refers to", "A name.", FIELD_STR),
	[D_RR_LENGTH] = SHOW_FIELD("dns.resp.len", "Data", "Bytes of data.", FIELD_BYTES),
};

static const char *name_of(const struct number_name *list, unsigned n)
{
	for (; list->name; list++)
		if (list->number == n)
			return list->name;
	return NULL;
}

static bool show_name(struct show *s, const struct field *f, struct message *m)
{
	uint8_t buf[NAME_TEXT];
	struct out o = {buf, 0, sizeof(buf)};
	size_t at = m->at;

	if (!name(m, &o))
		return false;
	if (!o.n)
		put(&o, '.');
	tsm_show_str(s, f, m->p + at, m->at - at, view_of(buf, o.n, 0));
	return true;
}

/* One resource record; false where the message ends in it. */
static bool show_record(struct show *s, struct message *m)
{
	uint32_t type, len;
	const uint8_t *p;

	if (!show_name(s, &parts[D_RR_NAME], m) || m->n - m->at < 10)
		return false;
	p = m->p + m->at;
	type = (uint32_t)p[0] << 8 | p[1];
	len = (uint32_t)p[8] << 8 | p[9];
	tsm_show_code(s, &parts[D_RR_TYPE], p, 2, type, name_of(types, type));
	if (type != TYPE_OPT)
		tsm_show_u64(s, &parts[D_RR_TTL], p + 4, 4,
			(uint64_t)p[4] << 24 | (uint64_t)p[5] << 16 | (uint64_t)p[6] << 8 | p[7]);
	tsm_show_u64(s, &parts[D_RR_LENGTH], p + 8, 2, len);
	m->at += 10;
	if (len > m->n - m->at)
		return false;
	p += 10;
	if ((type == TYPE_A && len == 4) || (type == TYPE_AAAA && len == 16)) {
		tsm_show_ip(s, &parts[type == TYPE_A ? D_A : D_AAAA], p, len);
	} else if (type == TYPE_NS || type == TYPE_CNAME || type == TYPE_PTR) {
		struct message inner = *m;

		(void)show_name(s, &parts[D_RR_NAME_IN], &inner);
	}
	m->at += len;
	return true;
}

static void show_sections(struct show *s, struct message *m, const uint8_t *counts)
{
	static const char *const titles[] = {"Question", "Answer", "Authority", "Additional"};

	for (unsigned k = 0; k < 4; k++) {
		unsigned n = (unsigned)counts[2 * k] << 8 | counts[2 * k + 1];
		bool good = true;

		for (unsigned i = 0; i < n && i < RECORDS_MAX && good && m->at < m->n; i++) {
			const uint8_t *at = m->p + m->at;

			tsm_show_group(s, titles[k], at, m->n - m->at);
			if (k) {
				good = show_record(s, m);
			} else if (!show_name(s, &parts[D_NAME], m) || m->n - m->at < 4) {
				good = false;
			} else {
				unsigned type = take(m, 2), class = take(m, 2);

				tsm_show_code(s, &parts[D_TYPE], m->p + m->at - 4, 2, type,
					name_of(types, type));
				tsm_show_code(s, &parts[D_CLASS], m->p + m->at - 2, 2, class,
					name_of(classes, class));
			}
			tsm_show_end(s);
		}
		if (!good)
			return;
	}
}

static void describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	struct message m;
	const uint8_t *h;
	unsigned flags;

	(void)side;
	if (p->flags & PACKET_TCP) {
		if (view_len(&v) < 2 + HEADER)
			return;
		show_be(s, &parts[D_LENGTH], &v, 2);
	}
	h = view_peek(&v, HEADER);
	if (!h)
		return;
	flags = (unsigned)h[2] << 8 | h[3];
	tsm_show_u64(s, &parts[D_ID], h, 2, (unsigned)h[0] << 8 | h[1]);
	tsm_show_u64(s, &parts[D_FLAGS], h + 2, 2, flags & 0x87b0u);
	tsm_show_code(s, &parts[D_OPCODE], h + 2, 2, flags >> 11 & 15,
		name_of(opcodes, flags >> 11 & 15));
	if (flags & FLAG_QR)
		tsm_show_code(s, &parts[D_CODE], h + 2, 2, flags & 15, name_of(codes, flags & 15));
	m = (struct message){h, view_len(&v), HEADER, false};
	show_sections(s, &m, h + 4);
}

static const struct claim claims[] = {
	{TABLE_UDP_PORT, 53},
	{TABLE_TCP_PORT, 53},
	{TABLE_END, 0},
};

TSM_DISSECTOR(dns) = {
	TSM_HEAD,
	.name = "dns",
	.title = "Domain Name System",
	.claims = claims,
	.fields = fields,
	.state_size = sizeof(struct dns),
	.probe = probe,
	.data = data,
	.gap = gap,
	.describe = describe,
};
