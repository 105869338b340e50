/* services.c - see services.h. */
#include "model/services.h"
#include "api/layer.h"
#include "base/hash.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

#define SLOTS (SERVICES_MAX * 2) /* a power of two */

struct services {
	struct service *slot[SLOTS];
	const struct service *sorted[SERVICES_MAX + 1];
	unsigned n, most;
	struct hist_room *room;
	struct service other, total;
	struct flow_totals flows;
	struct hash_key key;
};

struct services *services_new(unsigned most, struct hist_room *room)
{
	struct services *s = xcalloc(1, sizeof(*s));

	s->most = most;
	s->room = room;
	s->other.other = true;
	hash_key_draw(&s->key);
	return s;
}

static void service_release(struct service *x)
{
	tally_release(&x->sum);
}

void services_free(struct services *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < SLOTS; i++)
		if (s->slot[i]) {
			service_release(s->slot[i]);
			free(s->slot[i]);
		}
	service_release(&s->other);
	service_release(&s->total);
	free(s);
}

static unsigned slot_of(const struct services *s, const struct record *r)
{
	uint64_t ends = (uint64_t)r->server.port << 8 | r->transport;

	return (unsigned)(hash_bytes(&s->key, ends, &r->server.ip, sizeof(r->server.ip)) % SLOTS);
}

static bool same_name(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static struct service *find(struct services *s, const struct record *r, const char *protocol)
{
	unsigned i;

	for (i = slot_of(s, r); s->slot[i]; i = (i + 1) % SLOTS) {
		struct service *x = s->slot[i];

		if (memcmp(&x->ip, &r->server.ip, sizeof(x->ip)) == 0 &&
			x->port == r->server.port && x->transport == r->transport &&
			same_name(x->protocol, protocol))
			return x;
	}
	if (s->n == s->most)
		return &s->other;
	s->n++;
	s->slot[i] = xcalloc(1, sizeof(struct service));
	tally_init(&s->slot[i]->sum, s->room);
	s->slot[i]->ip = r->server.ip;
	s->slot[i]->port = r->server.port;
	s->slot[i]->transport = r->transport;
	s->slot[i]->ip_version = r->ip_version;
	s->slot[i]->protocol = protocol;
	return s->slot[i];
}

static void add_flow(struct flow_totals *t, const struct flow_record *f)
{
	const struct record *r = &f->r;

	t->flows++;
	t->open += r->open && strcmp(f->close_reason, "capture_end") == 0;
	t->bytes += r->client.bytes + r->server.bytes;
	t->packets += r->client.packets + r->server.packets;
	t->icmp_errors += f->icmp_errors;
	if (r->transport != IP_PROTO_TCP) {
		*(r->transport == IP_PROTO_UDP ? &t->udp
			: r->transport == IP_PROTO_ICMP || r->transport == IP_PROTO_ICMP6
				? &t->icmp
				: &t->others) += 1;
		return;
	}
	t->tcp++;
	t->established += f->handshake != FIELD_ABSENT;
	t->failed += f->tcp_state && strncmp(f->tcp_state, "syn_", 4) == 0;
	t->reset += f->tcp_state && strcmp(f->tcp_state, "reset") == 0;
	t->midstream += (r->quality >> QUALITY_MIDSTREAM) & 1;
	t->one_way += (r->quality >> QUALITY_ONE_WAY) & 1;
	t->syn_retries += f->syn_retries;
	t->connect_retry += f->ledger_retry;
	t->duplicates += f->duplicates;
	for (int i = 0; i < 2; i++) {
		const struct flow_trouble_record *s = &f->trouble[i];

		t->retransmits += s->retransmits;
		t->rtos += s->rtos;
		t->fast_retransmits += s->fast_retransmits;
		t->spurious += s->spurious_retransmits;
		t->out_of_order += s->out_of_order;
		t->duplicate_acks += s->duplicate_acks;
		t->zero_windows += s->zero_windows;
		t->zero_window_time += s->zero_window_time;
		t->lost += s->lost_in_capture;
		t->outside += s->outside;
		t->bad_sums += s->bad_sums;
	}
}

static void add_event(struct flow_totals *t, const struct dissector *d)
{
	unsigned i = 0;

	while (i < t->nevents && t->events[i].of != d)
		i++;
	if (i == EVENT_KINDS)
		return;
	if (i == t->nevents)
		t->events[t->nevents++].of = d;
	t->events[i].count++;
}

uint64_t services_events(const struct flow_totals *t, const struct dissector *d)
{
	for (unsigned i = 0; i < t->nevents; i++)
		if (t->events[i].of == d)
			return t->events[i].count;
	return 0;
}

struct service *services_record(struct services *s, const struct record *r)
{
	const struct flow_record *f = (const void *)r;
	struct service *x;

	if (r->kind == RECORD_TXN && r->composite)
		return NULL;
	if (r->kind == RECORD_TXN) {
		x = find(s, r, r->type);
		tally_add(&x->sum, (const void *)r);
		tally_add(&s->total.sum, (const void *)r);
		return x;
	}
	if (r->kind == RECORD_EVENT) {
		add_event(&s->flows, r->dissector);
		return NULL;
	}
	if (!f->final)
		return NULL;
	add_flow(&s->flows, f);
	if (!r->has_ports)
		return NULL;
	x = find(s, r, f->protocol);
	x->flows++;
	x->bytes += r->client.bytes + r->server.bytes;
	x->syn_retries += f->syn_retries;
	x->failed_connects += f->tcp_state && strncmp(f->tcp_state, "syn_", 4) == 0;
	return x;
}

void services_take_out(struct services *s, struct service *service, const struct tally *what)
{
	tally_subtract(&service->sum, what);
	tally_subtract(&s->total.sum, what);
}

const struct flow_totals *services_flows(const struct services *s)
{
	return &s->flows;
}

const struct service *services_total(const struct services *s)
{
	return &s->total;
}

static int compare(const void *a, const void *b)
{
	const struct service *x = *(const struct service *const *)a;
	const struct service *y = *(const struct service *const *)b;
	int c;

	if (x->sum.total != y->sum.total)
		return x->sum.total > y->sum.total ? -1 : 1;
	if (x->sum.transactions != y->sum.transactions)
		return x->sum.transactions > y->sum.transactions ? -1 : 1;
	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	c = memcmp(&x->ip, &y->ip, sizeof(x->ip));
	if (c)
		return c;
	if (x->port != y->port)
		return x->port < y->port ? -1 : 1;
	if (x->transport != y->transport)
		return x->transport < y->transport ? -1 : 1;
	return strcmp(x->protocol ? x->protocol : "", y->protocol ? y->protocol : "");
}

unsigned services_sorted(struct services *s, const struct service ***list)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SLOTS; i++)
		if (s->slot[i] && (s->slot[i]->flows || s->slot[i]->sum.transactions))
			s->sorted[n++] = s->slot[i];
	if (s->other.flows || s->other.sum.transactions)
		s->sorted[n++] = &s->other;
	qsort(s->sorted, n, sizeof(s->sorted[0]), compare);
	*list = s->sorted;
	return n;
}
