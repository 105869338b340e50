/*
 * dns_transfer.c - zone transfers: AXFR (RFC 5936) and IXFR (RFC 1995). The answer is as many
 * messages as it takes, and ends with the SOA record that it began with.
 */
#include "dns.h"

/* The serial of an SOA record whose data begins where m stands. */
static uint32_t serial_of(struct dns_message m)
{
	if (!dns_name(&m, NULL) || !dns_name(&m, NULL))
		return 0;
	return dns_take(&m, 4);
}

/*
 * In an IXFR that tells differences, one of them begins with the new serial again before the end
 * (RFC 1995, 4); its second record is an SOA of an old one. One that tells the whole zone is as an
 * AXFR.
 */
static void on_soa(struct dns_transfer *r, uint32_t serial)
{
	if (!r->records) {
		r->serial = serial;
		r->last = 2;
	} else if (r->records == 1 && r->incremental && serial != r->serial) {
		r->last = 3;
	}
	if (serial == r->serial)
		r->seen++;
}

/* The answer section; false where it has come to its end, or is none of a transfer. */
static bool answers(struct dns_transfer *r, struct dns_message *m, const struct dns_head *h)
{
	for (unsigned i = 1; i < h->counts[0]; i++) {
		if (!dns_name(m, NULL))
			return true;
		(void)dns_take(m, 4);
	}
	for (unsigned i = 0; i < h->counts[1]; i++) {
		uint32_t type, len;

		if (!dns_name(m, NULL))
			return r->records != 0;
		type = dns_take(m, 2);
		(void)dns_take(m, 4);
		(void)dns_take(m, 2);
		len = dns_take(m, 2);
		if (m->bad || len > m->n - m->at)
			return r->records != 0;
		if (type == TYPE_SOA)
			on_soa(r, serial_of(*m));
		if (!r->seen)
			return false;
		r->records++;
		m->at += len;
		if (r->seen >= r->last)
			return false;
	}
	return r->records != 0;
}

#define ASKED (UINT64_C(1) << 32) /* the tag of a query that names a serial, which is below it */

uint64_t dns_transfer_asked(const struct dns_head *h, struct dns_message m)
{
	if (h->type != TYPE_IXFR || h->counts[0] != 1 || h->counts[1] || !h->counts[2] ||
		!dns_name(&m, NULL) || dns_take(&m, 2) != TYPE_SOA)
		return 0;
	(void)dns_take(&m, 4);
	(void)dns_take(&m, 4);
	return ASKED | serial_of(m);
}

/* A single SOA says that there is nothing newer, or is the first of more messages. */
static bool is_newer(const struct dns_transfer *r)
{
	uint64_t asked = tsm_tag(r->t);

	return asked & ASKED && (int32_t)(r->serial - (uint32_t)asked) > 0; /* RFC 1982 */
}

bool dns_transfer_begins(struct dns_transfer *list, struct tsm_txn t, const struct dns_head *h,
	struct dns_message *m)
{
	struct dns_transfer r = {.t = t, .id = h->id, .incremental = h->type == TYPE_IXFR};

	if (!h->question || (h->type != TYPE_AXFR && !r.incremental))
		return false;
	if (!answers(&r, m, h) || (r.incremental && r.records == 1 && !is_newer(&r)))
		return false;
	for (unsigned i = 0; i < DNS_TRANSFERS; i++)
		if (!tsm_is(list[i].t)) {
			list[i] = r;
			return true;
		}
	return false;
}

struct dns_transfer *dns_transfer_of(struct dns_transfer *list, uint16_t id)
{
	for (unsigned i = 0; i < DNS_TRANSFERS; i++)
		if (list[i].id == id && tsm_is(list[i].t))
			return &list[i];
	return NULL;
}

bool dns_transfer_goes_on(struct dns_transfer *r, struct dns_message *m, const struct dns_head *h)
{
	return answers(r, m, h);
}
