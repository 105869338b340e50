/*
 * dns_message.c - names, numbers, addresses and the head of a DNS message (RFC 1035, 4.1).
 *
 * Names may point back into the message: a pointer must point to an earlier place than the one
 * before, so that no name can go on for ever.
 */
#include "dns.h"
#include <stddef.h>
#include <string.h>

const struct dns_number dns_types[] = {{1, "A"}, {2, "NS"}, {5, "CNAME"}, {6, "SOA"}, {12, "PTR"},
	{13, "HINFO"}, {15, "MX"}, {16, "TXT"}, {17, "RP"}, {28, "AAAA"}, {29, "LOC"}, {33, "SRV"},
	{35, "NAPTR"}, {39, "DNAME"}, {41, "OPT"}, {43, "DS"}, {44, "SSHFP"}, {46, "RRSIG"},
	{47, "NSEC"}, {48, "DNSKEY"}, {50, "NSEC3"}, {51, "NSEC3PARAM"}, {52, "TLSA"}, {59, "CDS"},
	{60, "CDNSKEY"}, {64, "SVCB"}, {65, "HTTPS"}, {99, "SPF"}, {249, "TKEY"}, {250, "TSIG"},
	{251, "IXFR"}, {252, "AXFR"}, {255, "ANY"}, {257, "CAA"}, {0, NULL}};
const struct dns_number dns_classes[] = {
	{1, "IN"}, {3, "CH"}, {4, "HS"}, {254, "NONE"}, {255, "ANY"}, {0, NULL}};
const struct dns_number dns_codes[] = {{0, "NOERROR"}, {1, "FORMERR"}, {2, "SERVFAIL"},
	{3, "NXDOMAIN"}, {4, "NOTIMP"}, {5, "REFUSED"}, {6, "YXDOMAIN"}, {7, "YXRRSET"},
	{8, "NXRRSET"}, {9, "NOTAUTH"}, {10, "NOTZONE"}, {16, "BADVERS"}, {22, "BADTRUNC"},
	{23, "BADCOOKIE"}, {0, NULL}};
const struct dns_number dns_opcodes[] = {{0, "QUERY"}, {1, "IQUERY"}, {2, "STATUS"}, {4, "NOTIFY"},
	{5, "UPDATE"}, {6, "DSO"}, {0, NULL}};

const char *dns_number_name(const struct dns_number *list, unsigned n)
{
	for (; list->name; list++)
		if (list->number == n)
			return list->name;
	return NULL;
}

uint32_t dns_take(struct dns_message *m, unsigned bytes)
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

void dns_put(struct dns_text *o, uint8_t c)
{
	if (o->n < o->max)
		o->p[o->n++] = c;
}

/* A byte of a label; what would end it or is not printable as \DDD (RFC 1035, 5.1). */
static void put_label_byte(struct dns_text *o, uint8_t c)
{
	if (c > ' ' && c < 0x7f && c != '.' && c != '\\') {
		dns_put(o, c);
		return;
	}
	dns_put(o, '\\');
	dns_put(o, (uint8_t)('0' + c / 100));
	dns_put(o, (uint8_t)('0' + c / 10 % 10));
	dns_put(o, (uint8_t)('0' + c % 10));
}

/* Reads a name (o may be NULL); false where it is none. */
bool dns_name(struct dns_message *m, struct dns_text *o)
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
			dns_put(o, '.');
		for (unsigned i = 0; o && i < len; i++)
			put_label_byte(o, m->p[at + i]);
		at += len;
	}
	m->at = after ? after : at;
	return true;
}

void dns_put_text(struct dns_text *o, const char *text)
{
	while (*text)
		dns_put(o, (uint8_t)*text++);
}

/* A number without leading zeros. */
static void put_number(struct dns_text *o, unsigned x, unsigned base, unsigned highest)
{
	for (unsigned d = highest; d; d /= base)
		if (x >= d || d == 1)
			dns_put(o, (uint8_t) "0123456789abcdef"[x / d % base]);
}

/* RFC 5952: the longest run of two or more zero groups is left out. */
static void put_ip6(struct dns_text *o, const uint8_t *p)
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
			dns_put_text(o, "::");
			i += len - 1;
			continue;
		}
		if (i && i != run + len)
			dns_put(o, ':');
		put_number(o, (unsigned)(p[2 * i] << 8 | p[2 * i + 1]), 16, 0x1000);
	}
}

/* An address of the answers goes to the list; half of one does not. */
void dns_put_address(struct dns_text *o, const uint8_t *p, bool v6)
{
	if (o->max - o->n < 48)
		return;
	if (o->n)
		dns_put(o, '\n');
	if (v6) {
		put_ip6(o, p);
		return;
	}
	for (unsigned i = 0; i < 4; i++) {
		if (i)
			dns_put(o, '.');
		put_number(o, p[i], 10, 100);
	}
}

bool dns_read_head(struct dns_message *m, struct dns_head *h)
{
	struct dns_text o = {h->text, 0, sizeof(h->text)};

	memset(h, 0, offsetof(struct dns_head, text));
	h->len = 0;
	h->key = 0;
	h->question = false;
	h->id = (uint16_t)dns_take(m, 2);
	h->flags = (uint16_t)dns_take(m, 2);
	for (int i = 0; i < 4; i++)
		h->counts[i] = (uint16_t)dns_take(m, 2);
	if (m->bad)
		return false;
	if (!h->counts[0])
		return true;
	if (!dns_name(m, &o))
		return false;
	h->len = o.n;
	h->type = (uint16_t)dns_take(m, 2);
	h->class = (uint16_t)dns_take(m, 2);
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
