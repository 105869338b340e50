/*
 * dns.c - DNS over UDP and TCP (RFC 1035), with EDNS (RFC 6891).
 *
 * A query and its response are paired by the identifier and the question. A query that is sent
 * again before its response came is the same transaction; how often is counted. Over TCP each
 * message has its length in front, and a zone transfer is answered by several (dns_transfer.c).
 */
#include "dns.h"
#include <string.h>

#define NAME_WIRE   255u /* bytes of the longest name */
#define LIST_TEXT   2000u
#define NO_QUESTION (UINT64_C(1) << 63) /* key of a message without one, with its identifier */
#define ASKED_MAX   32u                 /* the last queries, to which a response may come twice */

static const char *const header_flags[] = {"NZ", "NZ", "NZ", "NZ", "CD", "AD", "Z", "RA", "RD",
	"TC", "AA", "OP", "OP", "OP", "OP", "QR", NULL};

const struct field dns_fields[] = {
	[F_ID] = FIELD("dns.id", "ID", "Identifier of the query", FIELD_ID, 6),
	[F_OP_CODE] =
		FIELD("dns.op_code", "Opcode", "QUERY, STATUS, NOTIFY, UPDATE ...", FIELD_STR, 7),
	[F_TYPE] = FIELD("dns.type", "Type", "answer, or query where no response was captured",
		FIELD_NAME, 6),
	[F_FLAGS] = FIELD_WITH("dns.header_flags", "Flags",
		"Flags of the response, or of the query where there is none: AA TC RD RA AD CD",
		FIELD_STR, 8, FIELD_F_LIST),
	[F_RESPONSE_CODE] =
		FIELD("dns.response_code", "Rcode", "Response code by its name", FIELD_STR, 9),
	[F_QUESTIONS] = FIELD("dns.questions_count", "Qs", "Questions", FIELD_U64, 3),
	[F_NAME] = FIELD("dns.question.name", "Question", "Name asked for", FIELD_STR, 30),
	[F_QTYPE] = FIELD("dns.question.type", "Qtype", "Type of records asked for", FIELD_STR, 6),
	[F_QCLASS] =
		FIELD("dns.question.class", "Qclass", "Class of records asked for", FIELD_STR, 3),
	[F_ANSWERS] = FIELD(
		"dns.answers_count", "Answers", "Records in the answer section", FIELD_U64, 4),
	[F_AUTHORITIES] = FIELD(
		"dns.authorities_count", "Auths", "Records in the authority section", FIELD_U64, 4),
	[F_ADDITIONALS] = FIELD("dns.additionals_count", "Adds",
		"Records in the additional section, the OPT record too", FIELD_U64, 4),
	[F_RESOLVED] = FIELD_WITH("dns.resolved_ip", "Addresses", "Addresses in the answer section",
		FIELD_STR, 24, FIELD_F_LIST),
	[F_TTL] = FIELD("tsumari.dns.ttl_min", "TTL",
		"Smallest TTL in the answer section, in seconds", FIELD_U64, 6),
	[F_EDNS_SIZE] = FIELD("dns.opt.udp_size", "EDNS",
		"UDP payload size that the client can take (EDNS)", FIELD_U64, 5),
	[F_EDNS_DO] = FIELD("dns.opt.do", "DO", "The client wants DNSSEC records", FIELD_BOOL, 5),
	[F_TRUNCATED] = FIELD("dns.flags.truncated_response", "TC",
		"The response was cut; the client has to ask again over TCP", FIELD_BOOL, 5),
	[F_RETRIES] = FIELD_WITH("tsumari.dns.retries", "Retries",
		"Times the query was sent again before its response", FIELD_U64, 4,
		FIELD_F_NONZERO),
	[D_LENGTH] = FIELD_SHOWN("dns.length", "Length", "Bytes of the message.", FIELD_BYTES),
	[D_FLAGS] = FIELD_SHOWN_NAMES("dns.flags", "Flags", "QR: a response.", header_flags),
	[D_RR_NAME] = FIELD_SHOWN("dns.resp.name", "Name", "Of a resource record.", FIELD_STR),
	[D_RR_TYPE] = FIELD_SHOWN("dns.resp.type", "Type", "Of a resource record.", FIELD_U64),
	[D_RR_TTL] = FIELD_SHOWN("dns.resp.ttl", "TTL", "Seconds it holds.", FIELD_U64),
	[D_A] = FIELD_SHOWN("dns.a", "Address", "IPv4 address.", FIELD_IP),
	[D_AAAA] = FIELD_SHOWN("dns.aaaa", "Address", "IPv6 address.", FIELD_IP),
	[D_RR_NAME_IN] = FIELD_SHOWN("dns.rdata.name", "Refers to", "A name.", FIELD_STR),
	[D_RR_LENGTH] = FIELD_SHOWN("dns.resp.len", "Data", "Bytes of data.", FIELD_BYTES),
	FIELDS_END,
};

struct dns {
	uint32_t next; /* of asked[] */
	uint64_t asked[ASKED_MAX];
	struct dns_transfer transfers[DNS_TRANSFERS];
};

static void set_number(struct tsm_txn t, unsigned field, const struct dns_number *list, uint16_t n,
	const char *prefix)
{
	uint8_t buf[16];
	struct dns_text o = {buf, 0, sizeof(buf)};

	for (; list->name; list++)
		if (list->number == n) {
			tsm_str(t, field, view_of(list->name, strlen(list->name), 0));
			return;
		}
	while (*prefix)
		dns_put(&o, (uint8_t)*prefix++);
	for (unsigned d = 10000; d; d /= 10)
		if (n >= d || d == 1)
			dns_put(&o, (uint8_t)('0' + n / d % 10));
	tsm_str(t, field, view_of(buf, o.n, 0));
}

static void put_flags(struct tsm_txn t, uint16_t flags)
{
	static const struct dns_number bits[] = {{FLAG_AA, "AA"}, {FLAG_TC, "TC"}, {FLAG_RD, "RD"},
		{FLAG_RA, "RA"}, {0x0020, "AD"}, {0x0010, "CD"}};
	uint8_t buf[24];
	struct dns_text o = {buf, 0, sizeof(buf)};

	for (unsigned i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		if (flags & bits[i].number) {
			if (o.n)
				dns_put(&o, '\n');
			dns_put_text(&o, bits[i].name);
		}
	tsm_str(t, F_FLAGS, view_of(buf, o.n, 0));
}

/* What the resource records say: addresses, the smallest TTL, EDNS. Gives the extended code. */
static unsigned records(
	struct tsm_txn t, struct dns_message *m, const struct dns_head *h, bool response)
{
	uint8_t buf[LIST_TEXT];
	struct dns_text list = {buf, 0, sizeof(buf)};
	unsigned n = 0u + h->counts[1] + h->counts[2] + h->counts[3], high = 0;
	uint32_t least = UINT32_MAX;

	for (unsigned i = 1; i < h->counts[0] && i < DNS_RECORDS_MAX; i++) {
		if (!dns_name(m, NULL))
			return 0;
		(void)dns_take(m, 4);
	}
	for (unsigned i = 0; i < n && i < DNS_RECORDS_MAX; i++) {
		uint32_t type, class, ttl, len;

		if (!dns_name(m, NULL))
			break;
		type = dns_take(m, 2);
		class = dns_take(m, 2);
		ttl = dns_take(m, 4);
		len = dns_take(m, 2);
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
				dns_put_address(&list, m->p + m->at, false);
			else if (type == TYPE_AAAA && len == 16)
				dns_put_address(&list, m->p + m->at, true);
		}
		m->at += len;
	}
	if (list.n)
		tsm_str(t, F_RESOLVED, view_of(buf, list.n, 0));
	if (least != UINT32_MAX)
		tsm_u64(t, F_TTL, least);
	return high;
}

static void question(struct tsm_txn t, const struct dns_head *h)
{
	struct view method = view_of("QUERY", 5, 0), object = view_of(h->text, h->len, 0);

	for (const struct dns_number *o = dns_opcodes; o->name; o++)
		if (o->number == (h->flags >> 11 & 15))
			method = view_of(o->name, strlen(o->name), 0);
	if (!h->len)
		object = view_of(".", 1, 0);
	tsm_u64(t, F_ID, h->id);
	set_number(t, F_OP_CODE, dns_opcodes, h->flags >> 11 & 15, "OPCODE");
	tsm_u64(t, F_QUESTIONS, h->counts[0]);
	if (!h->question) {
		tsm_op(t, method, view_of(h->text, 0, 0));
		return;
	}
	tsm_str(t, F_NAME, object);
	set_number(t, F_QTYPE, dns_types, h->type, "TYPE");
	set_number(t, F_QCLASS, dns_classes, h->class, "CLASS");
	tsm_op(t, method, object);
}

static void on_query(struct session *s, struct dns *x, struct dns_message *m,
	const struct dns_head *h, const uint8_t *at, const uint8_t *end)
{
	/* STATUS asks nothing, nor who only wants a cookie (RFC 7873, 5.4). */
	uint64_t key = h->question ? h->key : NO_QUESTION | h->id;
	struct tsm_txn t = tsm_find(s, key);

	if (tsm_is(t)) { /* sent again */
		tsm_repeated(s, t, at);
		tsm_set_tag(t, tsm_tag(t) + 1);
		tsm_u64(t, F_RETRIES, tsm_tag(t));
		return;
	}
	t = tsm_request(s, key, at);
	question(t, h);
	tsm_name(t, F_TYPE, "query");
	put_flags(t, h->flags);
	if (!tsm_datagram(s))
		tsm_set_tag(t, dns_transfer_asked(h, *m));
	records(t, m, h, false);
	tsm_request_end(s, t, end);
	x->asked[x->next] = key;
	x->next = (x->next + 1) % ASKED_MAX;
}

/* The key of the query that a response answers; one without a question has its identifier only. 0:
   it was answered before (a copy, the next message of a zone transfer). */
static uint64_t key_of(struct session *s, const struct dns *x, const struct dns_head *h)
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
	return known ? 0 : h->key ? h->key : NO_QUESTION | h->id;
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

static void on_response(struct session *s, struct dns *x, struct dns_message *m,
	const struct dns_head *h, const uint8_t *at, const uint8_t *end)
{
	uint64_t key = key_of(s, x, h);
	bool asked = key && tsm_is(tsm_find(s, key));
	struct tsm_txn t;
	struct dns_message answers = *m;
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
	set_number(t, F_RESPONSE_CODE, dns_codes, (uint16_t)code, "RCODE");
	tsm_status(t, status_of(code));
	if (code || tsm_datagram(s) || !dns_transfer_begins(x->transfers, t, h, &answers))
		tsm_response_end(s, t, end);
}

/* Another message of a zone transfer that goes on; false where it is none. */
static bool on_transfer(struct session *s, struct dns *x, struct dns_message *m,
	const struct dns_head *h, const uint8_t *end)
{
	struct dns_transfer *r = tsm_datagram(s) ? NULL : dns_transfer_of(x->transfers, h->id);
	unsigned code = h->flags & 15;
	bool goes_on;

	if (!r)
		return false;
	goes_on = dns_transfer_goes_on(r, m, h);
	tsm_u64(r->t, F_ANSWERS, r->records);
	if (code) {
		set_number(r->t, F_RESPONSE_CODE, dns_codes, (uint16_t)code, "RCODE");
		tsm_status(r->t, status_of(code));
	}
	if (code || !goes_on)
		tsm_response_end(s, r->t, end);
	return true;
}

/* A whole message of n bytes at p; `at` is where it begins on the wire. */
static void message(struct session *s, struct dns *x, enum side side, const uint8_t *at,
	const uint8_t *p, size_t n)
{
	struct dns_message m = {p, n, 0, false};
	struct dns_head h;

	if (!dns_read_head(&m, &h)) {
		tsm_note(s, "dns: message that cannot be read");
		return;
	}
	if (!(h.flags & FLAG_QR) == (side == SIDE_SERVER)) {
		tsm_note(s, "dns: query of the server");
		return;
	}
	if (side == SIDE_CLIENT)
		on_query(s, x, &m, &h, at, p + n);
	else if (!on_transfer(s, x, &m, &h, p + n))
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

/*
 * Could these be the flags and counts of what a client sends? NOTIFY may be authoritative and bring
 * the new SOA (RFC 1996, 3.7), and UPDATE has its prerequisites where answers are (RFC 2136, 2.2).
 */
static bool query_like(const struct dns_head *h)
{
	bool notify = (h->flags >> 11 & 15) == 4;
	bool update = (h->flags >> 11 & 15) == 5;
	unsigned never = notify ? 0x028fu : 0x068fu, answers = notify ? 2 : update ? 255 : 0;

	return !(h->flags & never) && h->counts[1] <= answers && h->counts[3] <= 2;
}

static bool has_one_question(const uint8_t *p, size_t n)
{
	return n >= DNS_HEADER && !p[4] && p[5] == 1;
}

/* "No", where these are surely not the first bytes of a message. */
static enum tsm_probe message_like(const uint8_t *p, size_t n, bool *response)
{
	struct dns_message m = {p, n, 0, false};
	struct dns_head h;

	if (!has_one_question(p, n) || !dns_read_head(&m, &h))
		return PROBE_NO;
	if (n > DNS_HEADER + 32 && netbios_like(p + DNS_HEADER))
		return PROBE_NO;
	*response = (h.flags & FLAG_QR) != 0;
	if ((h.flags >> 11 & 15) > 6 || (h.class > 4 && h.class < 254) || !h.class ||
		h.class > 255 || !h.type)
		return PROBE_NO;
	if (!*response && !query_like(&h))
		return PROBE_NO;
	/* Names are asked for in the like form by multicast, which knows no recursion and gives no
	   identifier (mDNS) or sets no such flag (LLMNR). */
	if (!h.id || h.class != 1)
		return PROBE_MAYBE;
	return h.flags & (*response ? FLAG_AA | FLAG_RD | FLAG_RA : FLAG_RD) ? PROBE_YES
									     : PROBE_MAYBE;
}

static enum tsm_probe message_at(struct view head, enum side side)
{
	size_t n = view_len(&head), len = (size_t)head.p[0] << 8 | head.p[1];
	bool response = false;
	enum tsm_probe r = message_like(head.p, n, &response);

	if (r == PROBE_NO) { /* over TCP */
		if (len < DNS_HEADER + 5)
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

static enum tsm_probe probe(struct view head, enum side side)
{
	size_t n = view_len(&head);

	if (n < 2)
		return PROBE_MAYBE;
	/* Most of what is no message asks nothing, with a length in front of it or without. */
	if (!has_one_question(head.p, n) && n >= 8 && (head.p[6] || head.p[7] != 1))
		return PROBE_NO;
	return message_at(head, side);
}

/* Over TCP; a message longer than what is kept is not read. */
static struct take stream(struct session *s, struct dns *x, enum side side, struct view *v)
{
	struct take t = {0, 0, false};

	while (view_len(v)) {
		const uint8_t *p = view_peek(v, 2);
		uint32_t n;

		if (!p) {
			t.need = 2;
			return t;
		}
		n = (uint32_t)p[0] << 8 | p[1];
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

/* Over TCP: a length, and a message with a question that fits it. */
static enum tsm_probe sync(struct session *s, void *state, enum side side, struct view *v)
{
	size_t n, have;
	bool response = false;

	(void)s;
	(void)state;
	/* The number of questions is 1; most places end here. */
	while (view_len(v) >= 8 && (v->p[6] || v->p[7] != 1))
		v->p++;
	if (view_len(v) < 2 + DNS_HEADER)
		return PROBE_MAYBE;
	n = (size_t)v->p[0] << 8 | v->p[1];
	have = view_len(v) - 2;
	if (n < DNS_HEADER + 5 || (v->p[4] & 0x80) != (side == SIDE_SERVER ? 0x80 : 0))
		return PROBE_NO;
	if (message_like(v->p + 2, have < n ? have : n, &response) != PROBE_NO)
		return PROBE_YES;
	return have < n && have < DNS_HEADER + NAME_WIRE + 4 ? PROBE_MAYBE : PROBE_NO;
}

static const struct claim claims[] = {
	{TABLE_UDP_PORT, 53},
	{TABLE_TCP_PORT, 53},
	{TABLE_END, 0},
};

static const struct tsm_model model = {
	.kind = KIND_NAMES, .naming = NAMING_FIELD, .named = "dns.question.type"};

TSM_DISSECTOR(dns) = {
	TSM_HEAD,
	.name = "dns",
	.title = "Domain Name System",
	.claims = claims,
	.fields = dns_fields,
	.state_size = sizeof(struct dns),
	.probe = probe,
	.data = data,
	.describe = dns_describe,
	.sync = sync,
	.model = &model,
};
