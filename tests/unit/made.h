/*
 * made.h - records of a protocol of their own, put together by hand, and JSON read back.
 */
#ifndef TSUMARI_TESTS_MADE_H
#define TSUMARI_TESTS_MADE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include "core/record.h"
#include "core/registry.h"

static const char *const unit_flags[] = {"first", "second", "third", NULL};

enum { UNIT_CODE, UNIT_BODY, UNIT_AGENT, UNIT_SCHEME, UNIT_DONE, UNIT_WHEN, UNIT_FLAGS, UNIT_DEEP };

static const struct field unit_fields[] = {
	[UNIT_CODE] = {.name = "unit.response.status_code", .type = FIELD_U64},
	[UNIT_BODY] = {.name = "unit.response.body.bytes",
		.type = FIELD_BYTES,
		.flags = FIELD_F_NONZERO},
	[UNIT_AGENT] = {.name = "user_agent.original", .type = FIELD_STR},
	[UNIT_SCHEME] = {.name = "url.scheme", .type = FIELD_NAME},
	[UNIT_DONE] = {.name = "unit.done", .type = FIELD_BOOL},
	[UNIT_WHEN] = {.name = "unit.when", .type = FIELD_TIME},
	[UNIT_FLAGS] = {.name = "unit.flags", .type = FIELD_NAMES, .names = unit_flags},
	[UNIT_DEEP] = {.name = "a.b.c.d.e.f.g.h.i.j", .type = FIELD_U64},
	FIELDS_END,
};

static inline struct take no_data(struct session *s, void *state, enum side side, struct view *v)
{
	(void)s;
	(void)state;
	(void)side;
	(void)v;
	return (struct take){0};
}

static const struct claim no_claims[] = {{TABLE_END, 0}};
static const struct dissector unit = {TSM_HEAD, .name = "unit", .title = "Unit",
	.claims = no_claims, .fields = unit_fields, .data = no_data};

/* A block that a record is put together in. */
struct made {
	union {
		struct record r;
		struct flow_record flow;
		struct txn_record txn;
		uint64_t room[4096];
	};
	size_t at;
};

static inline void common(struct record *r)
{
	static const uint8_t client[4] = {192, 0, 2, 7}, server[4] = {198, 51, 100, 80};

	r->transport = 6;
	r->ip_version = 4;
	r->status = STATUS_OK;
	r->start = 1700000000123456789u;
	r->end = 1700000001000000001u;
	r->duration = r->end - r->start;
	r->client.ip = addr_v4(client);
	r->server.ip = addr_v4(server);
	memcpy(r->client.mac, "\x02\x42\xac\x11\x00\x02", 6);
	r->client.port = 51234;
	r->server.port = 8080;
	r->client.bytes = 345;
	r->server.bytes = 67890;
	r->client.packets = r->server.packets = FIELD_ABSENT;
	r->flow_id = 77;
	r->has_ports = 1;
}

static inline struct record_text add_text(struct made *m, const char *p, size_t n)
{
	struct record_text text = {(uint32_t)m->at, (uint32_t)n};

	memcpy((char *)m->room + m->at, p, n);
	m->at += (n + 7) / 8 * 8;
	return text;
}

static inline struct value *add_value(struct made *m, unsigned field)
{
	struct value *v = (struct value *)(void *)((char *)m->room + m->at);

	memset(v, 0, sizeof(*v));
	v->field = (uint16_t)field;
	m->at += sizeof(*v);
	m->txn.nvalues++;
	return v;
}

static inline void add_str(struct made *m, unsigned field, const char *p, size_t n)
{
	struct value *v = add_value(m, field);

	v->len = (uint16_t)n;
	v->room = (uint32_t)n;
	add_text(m, p, n);
}

static inline void make_txn(struct made *m)
{
	memset(m, 0, sizeof(*m));
	common(&m->r);
	m->r.kind = RECORD_TXN;
	m->r.type = "unit";
	m->r.dissector = &unit;
	m->at = sizeof(m->txn);
	m->txn.method = add_text(m, "GET", 3);
	m->txn.object = add_text(m, "/a/b.html?x=/1", 14);
	m->txn.query = add_text(m, "GET /a/b.html?x=/1", 18);
	m->txn.request = 10;
	m->txn.wait = 20;
	m->txn.response = 30;
	m->txn.total = 60;
	m->txn.ledger[LEDGER_REQUEST] = 10;
	m->txn.ledger[LEDGER_STALL_RTO_SERVER] = 50;
	for (uint64_t i = 0; i < 4; i++)
		m->txn.frame[i] = 100 + i;
	m->txn.values = (uint32_t)m->at;
}

static inline void finish_txn(struct made *m)
{
	m->r.size = (uint32_t)m->at;
}

static inline void make_flow(struct made *m)
{
	memset(m, 0, sizeof(*m));
	common(&m->r);
	m->r.kind = RECORD_FLOW;
	m->r.type = "flow";
	m->r.size = sizeof(m->flow);
	m->r.client.packets = 4;
	m->r.server.packets = 6;
	m->flow.final = true;
	m->flow.tcp_state = "closed";
	m->flow.close_reason = "fin";
	m->flow.handshake = 1000;
	m->flow.connect_retry = m->flow.rtt_client = FIELD_ABSENT;
	m->flow.rtt_min = m->flow.rtt_server = 900;
	m->flow.icmp_type = m->flow.icmp_code = FIELD_ABSENT;
	m->flow.syn_gaps.n = 2;
	m->flow.syn_gaps.v[0] = 1000000000;
	m->flow.syn_gaps.v[1] = 2000000000;
	for (unsigned i = 0; i < 2; i++)
		m->flow.side[i].mss = m->flow.side[i].wscale = m->flow.side[i].sack = FIELD_ABSENT;
	m->flow.trouble[1].retransmits = 3;
	m->flow.trouble[1].rtos = 1;
	m->flow.side[0].mss = 1460;
	m->flow.side[0].sack = 1;
}

static inline struct json_object *parse(const char *line)
{
	struct json_tokener *t = json_tokener_new_ex(32);
	struct json_object *o;

	json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(t, line, (int)strlen(line) + 1);
	if (!o)
		print_error("%s: %s\n", json_tokener_error_desc(json_tokener_get_error(t)), line);
	assert_non_null(o);
	assert_int_equal(json_object_get_type(o), json_type_object);
	json_tokener_free(t);
	return o;
}

static inline int made_setup(void **state)
{
	char err[200];

	(void)state;
	registry_init();
	return registry_add(&unit, err, sizeof(err)) ? 0 : -1;
}

#endif
