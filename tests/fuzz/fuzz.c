/* fuzz.c - see fuzz.h. */
#include "fuzz.h"
#include "json.h"
#include "base/mem.h"
#include "core/order.h"
#include "core/registry.h"
#include "model/values.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JSON_RECORDS 100u /* of an input, that are read as JSON, too */
/* Spans are differences of times: one that went below zero is a huge number. */
#define SPAN_MAX (UINT64_MAX / 2)

void fuzz_check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "fuzz: does not hold: %s\n", what);
	abort();
}

void fuzz_init(void)
{
	registry_init();
	fuzz_check(registry_find("http") && registry_find("tcp"), "dissectors are linked in");
}

/* Reads every byte, so that a sanitizer sees one that is not there or was never written. */
static void touch(const void *p, size_t n)
{
	static volatile uint8_t sum;
	const uint8_t *b = p;
	uint8_t s = 0;

	for (size_t i = 0; i < n; i++)
		s ^= b[i];
	sum = s;
	(void)sum;
}

static void check_span(uint64_t span, const char *what)
{
	fuzz_check(span == FIELD_ABSENT || span < SPAN_MAX, what);
}

static void check_flow(const struct flow_record *f)
{
	fuzz_check(!f->final || f->close_reason, "a flow's last record says why it ended");
	fuzz_check(f->syn_gaps.n <= FIELD_LIST_MAX, "list of SYN gaps within its bounds");
	check_span(f->handshake, "handshake >= 0");
	check_span(f->connect_retry, "connect_retry >= 0");
	check_span(f->rtt_min, "rtt_min >= 0");
	check_span(f->rtt_server, "rtt_server >= 0");
	check_span(f->rtt_client, "rtt_client >= 0");
	for (uint32_t i = 0; i < f->syn_gaps.n; i++)
		check_span(f->syn_gaps.v[i], "SYN gap >= 0");
	for (int i = 0; i < 2; i++) {
		const struct flow_trouble_record *s = &f->trouble[i];

		check_span(s->zero_window_time, "zero_window_time >= 0");
		check_span(s->window_full_time, "window_full_time >= 0");
		check_span(s->lost_in_capture, "lost_in_capture >= 0");
		check_span(f->side[i].payload, "payload >= 0");
	}
}

static void check_text(const struct record *r, struct record_text t)
{
	fuzz_check(!t.len || (t.offset >= sizeof(struct txn_record) && t.offset <= r->size &&
				     t.len <= r->size - t.offset),
		"text lies in its record");
	if (t.len)
		touch((const uint8_t *)r + t.offset, t.len);
}

static unsigned count_fields(const struct dissector *d)
{
	unsigned n = 0;

	while (d && d->fields && field_recorded(&d->fields[n]))
		n++;
	return n;
}

static void check_values(const struct txn_record *t)
{
	const struct record *r = &t->r;
	unsigned nfields = count_fields(r->dissector);
	size_t at = t->values;

	for (uint32_t i = 0; i < t->nvalues; i++) {
		const struct value *v = (const void *)((const uint8_t *)r + at);

		fuzz_check(at <= r->size && sizeof(*v) <= r->size - at, "value lies in its record");
		at = (size_t)((const uint8_t *)value_next(v) - (const uint8_t *)r);
		fuzz_check(at <= r->size && v->len <= v->room, "value's text lies in its record");
		if (v->field == VALUE_DEAD)
			continue;
		if (v->field == VALUE_FACT) {
			const struct fact *f = (const void *)value_text(v);

			fuzz_check(v->len >= sizeof(*f) && f->len == v->len - sizeof(*f) &&
					   f->field < nfields,
				"fact lies in its value");
			continue;
		}
		fuzz_check(v->field < nfields, "value has a field");
		if (r->dissector->fields[v->field].type == FIELD_STR)
			touch(value_text(v), v->len);
		else if (r->dissector->fields[v->field].type == FIELD_NAME)
			touch(v->name, strlen(v->name));
	}
}

static void check_ledger(const struct txn_record *t)
{
	uint64_t sum = 0;

	if (t->total == FIELD_ABSENT)
		return;
	fuzz_check(t->total < SPAN_MAX, "total >= 0");
	for (int i = 0; i < LEDGER_COUNT; i++) {
		fuzz_check(t->ledger[i] <= t->total, "ledger entry between 0 and total");
		sum += t->ledger[i];
	}
	fuzz_check(sum == t->total, "ledger sums to total");
}

static void check_txn(const struct txn_record *t)
{
	for (int i = 0; i < 4; i += 2)
		if (t->stamp[i] != FIELD_ABSENT && t->stamp[i + 1] != FIELD_ABSENT)
			fuzz_check(
				t->stamp[i] <= t->stamp[i + 1], "a message begins before it ends");
	check_span(t->request, "request >= 0");
	check_span(t->wait, "wait >= 0");
	check_span(t->response, "response >= 0");
	check_ledger(t);
	check_text(&t->r, t->method);
	check_text(&t->r, t->object);
	check_text(&t->r, t->query);
	check_values(t);
}

/* What is for the model alone. */
static void check_spans(const uint64_t *ledger, uint64_t duration)
{
	uint64_t sum = 0;

	for (int i = 0; i < LEDGER_COUNT; i++)
		sum += ledger[i];
	fuzz_check(sum == duration, "ledger of a turn sums to its duration");
}

static void check_event(const struct record *r)
{
	const struct tsm_event_kind *kind = registry_event(r->dissector);
	const struct field_addrs *addrs;
	const char *action;

	fuzz_check(kind && kind->fields, "an event has its fields");
	fuzz_check(r->size >= sizeof(struct event_record) + kind->record_size,
		"an event has its size");
	if (strcmp(r->type, "vrrp") != 0)
		return;
	action = event_name(r, "event.action");
	fuzz_check(action && *action, "a VRRP event has an action");
	addrs = event_value(r, "vrrp.addresses", FIELD_IPS);
	fuzz_check(addrs && addrs->n <= FIELD_ADDRS_MAX &&
			   addrs->n <= event_number(r, "vrrp.address_count", FIELD_U64),
		"no more addresses than there is room for");
	check_span(event_number(r, "tsumari.vrrp.silent", FIELD_DURATION), "silence >= 0");
}

static const char *types[DISSECTORS_MAX + 1];
static unsigned ntypes;

static void note_type(const char *type)
{
	unsigned i = 0;

	while (i < ntypes && strcmp(types[i], type) != 0)
		i++;
	if (i < ntypes)
		return;
	fuzz_check(ntypes < DISSECTORS_MAX + 1, "no more types than dissectors and flows");
	types[ntypes++] = type;
}

void fuzz_types(FILE *f)
{
	for (unsigned i = 0; i < ntypes; i++)
		fprintf(f, "%s\n", types[i]);
}

void fuzz_record(const struct record *r, uint64_t *last_key)
{
	static const size_t least[RECORD_KIND_COUNT] = {sizeof(struct flow_record),
		sizeof(struct txn_record), sizeof(struct event_record),
		sizeof(struct finding_record), sizeof(struct turn_record),
		sizeof(struct sent_record), sizeof(struct moment_record)};

	fuzz_check(r->kind < RECORD_KIND_COUNT, "record has a kind");
	fuzz_check(r->size % 8 == 0 && r->size >= least[r->kind], "record has its size");
	fuzz_check(r->key >= *last_key, "records come in order");
	*last_key = r->key;
	touch(r, r->size);
	fuzz_check(r->type && *r->type, "record has a type");
	if (!r->open && !record_of_turns(r))
		note_type(r->type);
	if (r->end != FIELD_ABSENT && r->duration != FIELD_ABSENT)
		fuzz_check(r->start <= r->end && r->duration == r->end - r->start,
			"record ends after it began");
	if (r->kind == RECORD_FLOW)
		check_flow((const void *)r);
	else if (r->kind == RECORD_TXN)
		check_txn((const void *)r);
	else if (r->kind == RECORD_EVENT)
		check_event(r);
	else if (r->kind == RECORD_TURN && !((const struct turn_record *)r)->open)
		check_spans(((const struct turn_record *)r)->ledger, r->duration);
	else if (r->kind == RECORD_SENT)
		check_spans(((const struct sent_record *)r)->ledger, r->duration);
}

/* Packets by hand. */

void fuzz_engine_init(struct fuzz_engine *f, uint64_t memory, uint64_t interval, unsigned batch)
{
	memset(f, 0, sizeof(*f));
	fuzz_init();
	engine_config_defaults(&f->config);
	f->config.memory = memory;
	f->config.flow_interval = interval;
	f->batch = batch < 1 ? 1 : batch > FUZZ_BATCH ? FUZZ_BATCH : batch;
	f->engine = engine_new(&f->config, (1u << SHARDS) - 1);
	f->paths = paths_new(16);
	f->ports = ports_new();
}

static void drain(struct fuzz_engine *f)
{
	struct records *out = engine_records(f->engine);

	struct flow_record room;

	for (struct recblock *b = out->first; b; b = b->next)
		for (uint32_t at = 0; at < b->len;) {
			const struct record *given = (const void *)(b->data + at);
			const struct record *r = record_whole(given, &room);

			fuzz_check(b->len - at >= sizeof(*r) && given->size <= b->len - at,
				"record lies in its block");
			fuzz_record(r, &f->last_key);
			r = paths_record(f->paths, r);
			fuzz_record(r, &f->last_key);
			if (!r->open && !record_of_turns(r) && f->as_json++ < JSON_RECORDS)
				fuzz_json_record(r);
			f->transactions += r->kind == RECORD_TXN;
			at += given->size;
		}
	records_free(out);
}

static void flush(struct fuzz_engine *f)
{
	struct packet *list[FUZZ_BATCH];

	for (unsigned i = 0; i < f->n; i++)
		list[i] = &f->packets[i];
	engine_packets(f->engine, list, f->n);
	for (unsigned i = 0; i < f->n; i++) {
		free((void *)(uintptr_t)f->packets[i].payload);
		free((void *)(uintptr_t)f->packets[i].tcp_sack);
	}
	f->n = 0;
	drain(f);
}

/* An allocation of exactly this size, even of none. */
static uint8_t *exactly(const uint8_t *p, size_t n)
{
	uint8_t *own = malloc(n);

	fuzz_check(own || !n, "memory");
	if (n)
		memcpy(own, p, n);
	return own;
}

void fuzz_engine_packet(struct fuzz_engine *f, const struct packet *p)
{
	struct packet *k;

	f->number++;
	if (p->time > f->now)
		f->now = p->time;
	if (!f->tick) {
		f->tick = f->now / FUZZ_SECOND * FUZZ_SECOND + FUZZ_SECOND;
	} else if (f->now >= f->tick) {
		flush(f);
		engine_tick(f->engine, f->now / FUZZ_SECOND * FUZZ_SECOND, order_of(f->number));
		f->tick = f->now / FUZZ_SECOND * FUZZ_SECOND + FUZZ_SECOND;
		drain(f);
	}
	k = &f->packets[f->n];
	*k = *p;
	k->number = f->number;
	k->order = order_of(f->number);
	if (!engine_route(&f->config, k))
		return;
	k->payload = exactly(p->payload, p->paylen);
	ports_packet(f->ports, k);
	k->tcp_sack = exactly(p->tcp_sack, (size_t)p->tcp_nsack * 8);
	if (++f->n == f->batch)
		flush(f);
}

void fuzz_engine_finish(struct fuzz_engine *f)
{
	bool more = true;

	flush(f);
	while (more) {
		more = engine_finish(f->engine, order_of(f->number + 1));
		drain(f);
	}
	engine_free(f->engine);
	paths_free(f->paths);
	ports_free(f->ports);
}

/* The input. */

uint8_t fuzz_u8(struct fuzz_input *in)
{
	if (in->p == in->end) {
		in->over = true;
		return 0;
	}
	return *in->p++;
}

uint16_t fuzz_u16(struct fuzz_input *in)
{
	unsigned high = fuzz_u8(in);

	return (uint16_t)(high << 8 | fuzz_u8(in));
}

const uint8_t *fuzz_bytes(struct fuzz_input *in, uint32_t *n)
{
	const uint8_t *p = in->p;

	if (*n > (size_t)(in->end - in->p))
		*n = (uint32_t)(in->end - in->p);
	in->p += *n;
	return p;
}

uint64_t fuzz_span(uint8_t b)
{
	unsigned power = (b >> 1) % 38;
	uint64_t span = UINT64_C(1) << power;

	if (!b)
		return 0;
	return b & 1 ? span + span / 2 : span;
}
