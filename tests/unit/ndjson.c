/*
 * ndjson.c - what records say in JSON: read back with json-c and compared with what went in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "core/registry.h"
#include "out/jsonw.h"
#include "out/ndjson.h"

/* --- records made by hand --- */

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
	{.type = FIELD_END},
};

static struct take no_data(struct session *s, void *state, enum side side, struct view *v)
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

static void common(struct record *r)
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

static struct record_text add_text(struct made *m, const char *p, size_t n)
{
	struct record_text text = {(uint32_t)m->at, (uint32_t)n};

	memcpy((char *)m->room + m->at, p, n);
	m->at += (n + 7) / 8 * 8;
	return text;
}

static struct value *add_value(struct made *m, unsigned field)
{
	struct value *v = (struct value *)(void *)((char *)m->room + m->at);

	memset(v, 0, sizeof(*v));
	v->field = (uint16_t)field;
	m->at += sizeof(*v);
	m->txn.nvalues++;
	return v;
}

static void add_str(struct made *m, unsigned field, const char *p, size_t n)
{
	struct value *v = add_value(m, field);

	v->len = (uint16_t)n;
	v->room = (uint32_t)n;
	add_text(m, p, n);
}

static void make_txn(struct made *m)
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

static void finish_txn(struct made *m)
{
	m->r.size = (uint32_t)m->at;
}

static void make_flow(struct made *m)
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

/* --- writing and reading back --- */

static const char *iface_name(void *arg, unsigned i)
{
	(void)arg;
	return i == 3 ? "eth\x1b[0m" : NULL;
}

static struct schema_env env = {.version = "1.2.3", .iface = iface_name};

static struct jsonw_plan *plan_of(const struct record *r, bool flat)
{
	char err[200];
	struct schema *s = schema_new(r->dissector, err, sizeof(err));

	assert_non_null(s);
	return jsonw_plan_new(s, flat);
}

/* The line of a record; it stays within its bound, and no byte in it is a control byte. */
static char *line_of(const struct record *r, bool flat)
{
	struct jsonw_plan *p = plan_of(r, flat);
	struct time_cache times = {0};
	size_t bound = jsonw_bound(p, r);
	char *line = malloc(bound + 1), *end;

	assert_non_null(line);
	/* Twice: what the plan keeps from the first must not show in the second. */
	for (int i = 0; i < 2; i++) {
		end = jsonw_record(p, r, &env, &times, line);
		assert_true((size_t)(end - line) <= bound);
		assert_int_equal(end[-1], '\n');
		end[-1] = '\0';
		for (char *c = line; c < end - 1; c++)
			assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
	}
	jsonw_plan_free(p);
	return line;
}

static struct json_object *parse(const char *line)
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

static struct json_object *json_of(const struct record *r, bool flat)
{
	char *line = line_of(r, flat);
	struct json_object *o = parse(line);

	assert_memory_equal(line, "{\"@timestamp\":\"", 15);
	free(line);
	return o;
}

/* The member at a dotted path, or NULL. */
static struct json_object *at(struct json_object *o, const char *path)
{
	char word[128];
	const char *dot;

	while ((dot = strchr(path, '.'))) {
		snprintf(word, sizeof(word), "%.*s", (int)(dot - path), path);
		if (!json_object_object_get_ex(o, word, &o))
			return NULL;
		path = dot + 1;
	}
	return json_object_object_get_ex(o, path, &o) ? o : NULL;
}

static void says(struct json_object *o, const char *path, const char *want)
{
	struct json_object *v = at(o, path);

	if (!want) {
		if (v)
			print_error("%s is there\n", path);
		assert_null(v);
		return;
	}
	if (!v)
		print_error("%s is not there\n", path);
	assert_non_null(v);
	assert_string_equal(json_object_to_json_string_ext(
				    v, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
		want);
}

static void transaction_says_what_is_in_it(void **state)
{
	struct json_object *o;
	struct made m;

	(void)state;
	make_txn(&m);
	add_value(&m, UNIT_CODE)->u64 = 503;
	add_value(&m, 0xffff)->u64 = 1; /* superseded */
	add_str(&m, UNIT_AGENT, "curl/8", 6);
	add_value(&m, UNIT_SCHEME)->name = "http";
	add_value(&m, UNIT_DONE)->u64 = 1;
	add_value(&m, UNIT_WHEN)->u64 = 1000000000;
	add_value(&m, UNIT_FLAGS)->u64 = 5;
	finish_txn(&m);
	m.r.status = STATUS_SERVER_ERROR;
	m.r.quality = 1u << QUALITY_GAP | 1u << QUALITY_CONNECT;
	m.r.vlan = 12;
	m.r.iface = 3;
	m.r.tunnel = "vxlan";
	o = json_of(&m.r, false);
	says(o, "@timestamp", "\"2023-11-14T22:13:20.123456789Z\"");
	says(o, "event.start", "\"2023-11-14T22:13:20.123456789Z\"");
	says(o, "event.end", "\"2023-11-14T22:13:21.000000001Z\"");
	says(o, "event.duration", "876543212");
	says(o, "event.kind", "\"event\"");
	says(o, "event.category", "[\"network\"]");
	says(o, "event.type", "[\"connection\",\"protocol\"]");
	says(o, "event.dataset", "\"unit\"");
	says(o, "event.outcome", "\"failure\"");
	says(o, "ecs.version", "\"8.11.0\"");
	says(o, "type", "\"unit\"");
	says(o, "status", "\"Server Error\"");
	for (int i = 0; i < 2; i++) {
		struct json_object *c = at(o, i ? "client" : "source");
		struct json_object *s = at(o, i ? "server" : "destination");

		assert_non_null(c);
		assert_non_null(s);
		says(c, "ip", "\"192.0.2.7\"");
		says(c, "port", "51234");
		says(c, "mac", "\"02-42-AC-11-00-02\"");
		says(c, "bytes", "345");
		says(c, "packets", NULL);
		says(s, "ip", "\"198.51.100.80\"");
		says(s, "port", "8080");
		says(s, "mac", NULL);
		says(s, "bytes", "67890");
	}
	says(o, "network.type", "\"ipv4\"");
	says(o, "network.transport", "\"tcp\"");
	says(o, "network.iana_number", "6");
	says(o, "network.protocol", "\"unit\"");
	says(o, "network.bytes", "68235");
	says(o, "network.packets", NULL);
	says(o, "network.vlan.id", "12");
	says(o, "network.inner.vlan.id", NULL);
	says(o, "observer.product", "\"tsumari\"");
	says(o, "observer.version", "\"1.2.3\"");
	says(o, "observer.ingress.interface.name", "\"eth\\u001b[0m\"");
	says(o, "related.ip", "[\"192.0.2.7\",\"198.51.100.80\"]");
	says(o, "flow.id", "\"77\"");
	says(o, "method", "\"GET\"");
	says(o, "path", "\"/a/b.html?x=/1\"");
	says(o, "query", "\"GET /a/b.html?x=/1\"");
	says(o, "resource", "\"/a\"");
	says(o, "tsumari.tunnel", "\"vxlan\"");
	says(o, "tsumari.quality", "[\"gap\",\"connect\"]");
	says(o, "tsumari.time", "{\"request\":10,\"response\":30,\"wait\":20}");
	says(o, "tsumari.frame",
		"{\"request_first\":100,\"request_last\":101,\"response_first\":102,"
		"\"response_last\":103}");
	says(o, "tsumari.ledger",
		"{\"request\":10,\"stall\":{\"rto\":{\"server\":50}},\"total\":60}");
	says(o, "tsumari.resent", NULL);
	says(o, "unit",
		"{\"done\":true,\"flags\":[\"first\",\"third\"],"
		"\"response\":{\"status_code\":503},\"when\":\"1970-01-01T00:00:01.000000000Z\"}");
	says(o, "user_agent.original", "\"curl/8\"");
	says(o, "url.scheme", "\"http\"");
	json_object_put(o);
}

static void flow_says_what_is_in_it(void **state)
{
	struct json_object *o;
	struct made m;

	(void)state;
	make_flow(&m);
	o = json_of(&m.r, false);
	says(o, "type", "\"flow\"");
	says(o, "event.type", "[\"connection\",\"end\"]");
	says(o, "flow", "{\"final\":true,\"id\":\"77\"}");
	says(o, "network.packets", "10");
	says(o, "tsumari.tcp.state", "\"closed\"");
	says(o, "tsumari.tcp.close_reason", "\"fin\"");
	says(o, "tsumari.tcp.handshake", "1000");
	says(o, "tsumari.tcp.rtt_client", NULL);
	says(o, "tsumari.tcp.syn_gaps", "[1000000000,2000000000]");
	says(o, "tsumari.tcp.client", "{\"mss\":1460,\"retransmits\":0,\"sack\":true}");
	says(o, "tsumari.tcp.server", "{\"retransmits\":3,\"rtos\":1}");
	says(o, "tsumari.flow.icmp", NULL);
	says(o, "method", NULL);
	json_object_put(o);

	/* Not TCP, no ports, interim. */
	m.flow.tcp_state = NULL;
	m.flow.final = false;
	m.r.has_ports = 0;
	m.r.transport = 58;
	m.r.ip_version = 6;
	m.r.client.ip = m.r.server.ip = (struct addr){{0x20, 1, 0xd, 0xb8, [15] = 9}};
	o = json_of(&m.r, false);
	says(o, "event.type", "[\"connection\",\"info\"]");
	says(o, "flow.final", "false");
	says(o, "client.port", NULL);
	says(o, "destination.port", NULL);
	says(o, "network.transport", "\"ipv6-icmp\"");
	says(o, "related.ip", "[\"2001:db8::9\"]");
	says(o, "source.ip", "\"2001:db8::9\"");
	says(o, "tsumari.tcp", NULL);
	json_object_put(o);
}

/* --- nested and flat, and the values as filters and columns get them --- */

static unsigned count_leaves(struct json_object *o)
{
	struct json_object_iterator i = json_object_iter_begin(o), end = json_object_iter_end(o);
	unsigned n = 0;

	for (; !json_object_iter_equal(&i, &end); json_object_iter_next(&i)) {
		struct json_object *v = json_object_iter_peek_value(&i);

		n += json_object_is_type(v, json_type_object) ? count_leaves(v) : 1;
	}
	return n;
}

static const char *text_of(struct json_object *o)
{
	return json_object_to_json_string_ext(
		o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

/* A value from schema_get() against the JSON. */
static void compare_value(
	const struct schema_column *c, const struct schema_value *v, struct json_object *j)
{
	char ip[PUT_ADDR + 1];

	switch (c->field->type) {
	case FIELD_U64:
	case FIELD_BYTES:
	case FIELD_DURATION:
		assert_int_equal(json_object_get_uint64(j), v->u64);
		break;
	case FIELD_ID:
		assert_int_equal(strtoull(json_object_get_string(j), NULL, 10), v->u64);
		break;
	case FIELD_BOOL:
		assert_int_equal(json_object_get_boolean(j), v->u64 != 0);
		break;
	case FIELD_STR:
	case FIELD_NAME:
		if (c->field->flags & FIELD_F_LIST)
			j = json_object_array_get_idx(j, 0);
		assert_int_equal(json_object_get_string_len(j), v->n);
		assert_memory_equal(json_object_get_string(j), v->p, v->n);
		break;
	case FIELD_IP:
		*put_addr(ip, v->ip[0]) = '\0';
		if (c->field->flags & FIELD_F_LIST) {
			assert_int_equal(json_object_array_length(j), v->n);
			j = json_object_array_get_idx(j, 0);
		}
		assert_string_equal(json_object_get_string(j), ip);
		break;
	case FIELD_NAMES:
		assert_int_equal(json_object_array_length(j), (size_t)__builtin_popcountll(v->u64));
		break;
	case FIELD_U64S:
		assert_int_equal(json_object_array_length(j), v->list->n);
		break;
	default:
		break;
	}
}

/* All three ways to a record's fields agree on what is there and what it is. */
static void check_agreement(const struct record *r)
{
	struct json_object *nested = json_of(r, false), *flat = json_of(r, true);
	char err[200];
	struct schema *s = schema_new(r->dissector, err, sizeof(err));
	unsigned present = 0;

	assert_non_null(s);
	for (unsigned i = 0; i < s->n; i++) {
		const char *name = s->columns[i].field->name;
		struct schema_value v = {0};
		struct json_object *a = at(nested, name), *b = NULL;

		/* Deeper than objects go: the rest of the name stays dotted. */
		if (strcmp(name, "a.b.c.d.e.f.g.h.i.j") == 0 && (a = at(nested, "a.b.c.d.e.f.g")))
			json_object_object_get_ex(a, "h.i.j", &a);
		json_object_object_get_ex(flat, name, &b);
		if (!schema_get(&s->columns[i], r, &env, &v)) {
			assert_null(a);
			assert_null(b);
			continue;
		}
		present++;
		assert_non_null(a);
		assert_non_null(b);
		assert_string_equal(text_of(a), text_of(b));
		compare_value(&s->columns[i], &v, a);
	}
	assert_int_equal(present, count_leaves(nested));
	assert_int_equal(present, (unsigned)json_object_object_length(flat));
	schema_free(s);
	json_object_put(nested);
	json_object_put(flat);
}

static uint64_t seed = 88172645463325252u;

static uint64_t draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static uint64_t number(void)
{
	switch (draw() % 4) {
	case 0:
		return FIELD_ABSENT;
	case 1:
		return 0;
	default:
		return draw() >> draw() % 64;
	}
}

/* Text of all kinds of characters, well-formed, so that it can be compared as it is. */
static size_t random_text(char *p, size_t max)
{
	static const char *const pieces[] = {"a", "xyz", "\"", "\\", "/", "\n", "\x01", "\xc3\xbc",
		"\xe2\x80\xae", "\xf0\x9f\x98\x80", "\x7f", " and so on and so on ", "\xc2\x85"};
	size_t n = 0;

	for (uint64_t i = draw() % 12; i > 0; i--) {
		const char *piece = pieces[draw() % (sizeof(pieces) / sizeof(pieces[0]))];

		if (n + strlen(piece) > max)
			break;
		memcpy(p + n, piece, strlen(piece));
		n += strlen(piece);
	}
	return n;
}

static void random_common(struct record *r)
{
	static const char *const tunnels[] = {NULL, "gre", "vxlan"};

	common(r);
	r->start = draw() >> 1;
	r->end = number();
	r->duration = number();
	r->status = (uint8_t)(draw() % 6);
	r->quality = (uint32_t)draw() & ((1u << QUALITY_COUNT) - 1) & (uint32_t)draw();
	r->vlan = (uint16_t)(draw() % 3);
	r->inner_vlan = (uint16_t)(draw() % 2);
	r->has_ports = draw() % 3 != 0;
	r->transport = (uint8_t)draw();
	r->ip_version = draw() % 4 ? 4 : 0;
	r->client.bytes = number();
	r->server.bytes = number();
	r->client.packets = number();
	r->server.packets = number();
	r->flow_id = draw() % 1000;
	r->iface = (uint16_t)(draw() % 4);
	r->tunnel = tunnels[draw() % 3];
	if (draw() % 2)
		memset(r->client.mac, 0, 6);
	if (draw() % 4 == 0)
		for (unsigned i = 0; i < 16; i++)
			r->server.ip.b[i] = (uint8_t)(draw() % 3 ? 0 : draw());
	if (draw() % 8 == 0)
		r->server.ip = r->client.ip;
}

static void random_flow(struct made *m)
{
	make_flow(m);
	random_common(&m->r);
	m->flow.final = draw() % 2;
	m->flow.tcp_state = draw() % 3 ? "established" : NULL;
	m->flow.close_reason = draw() % 2 ? "timeout" : NULL;
	m->flow.protocol = draw() % 2 ? "http" : NULL;
	for (uint64_t *p = &m->flow.handshake; p <= &m->flow.syn_retries; p++)
		*p = number();
	m->flow.reset_phase = draw() % 2 ? "wait" : NULL;
	m->flow.syn_gaps.n = (uint32_t)(draw() % (FIELD_LIST_MAX + 1));
	m->flow.syn_frames.n = (uint32_t)(draw() % (FIELD_LIST_MAX + 1));
	for (uint64_t *p = &m->flow.syn_ack_retries; p <= &m->flow.transactions; p++)
		*p = number();
	for (uint64_t *p = &m->flow.side[0].payload; p <= &m->flow.side[1].sack; p++)
		*p = number();
}

static void random_txn(struct made *m)
{
	static const char *const schemes[] = {NULL, "http", "https"};
	char text[200];

	make_txn(m);
	random_common(&m->r);
	for (uint64_t *p = &m->txn.frame[0]; p <= &m->txn.lost[1]; p++)
		*p = number();
	m->at = sizeof(m->txn);
	m->txn.method = add_text(m, text, random_text(text, sizeof(text)));
	text[0] = '/';
	m->txn.object = add_text(m, text, draw() % 2 ? 1 + random_text(text + 1, 150) : 0);
	m->txn.query = add_text(m, text, random_text(text, sizeof(text)));
	m->txn.values = (uint32_t)m->at;
	for (unsigned f = 0; unit_fields[f].type != FIELD_END; f++) {
		if (draw() % 3 == 0)
			continue;
		if (draw() % 5 == 0)
			add_value(m, 0xffff)->u64 = draw();
		if (unit_fields[f].type == FIELD_STR)
			add_str(m, f, text, random_text(text, sizeof(text)));
		else if (unit_fields[f].type == FIELD_NAME)
			add_value(m, f)->name = schemes[draw() % 3];
		else if (unit_fields[f].type == FIELD_NAMES)
			add_value(m, f)->u64 = draw() % 8;
		else
			add_value(m, f)->u64 = number();
	}
	finish_txn(m);
}

static void any_facts_may_be_absent(void **state)
{
	static struct made m;

	(void)state;
	for (unsigned i = 0; i < 600; i++) {
		if (i % 2)
			random_flow(&m);
		else
			random_txn(&m);
		check_agreement(&m.r);
	}
}

/* One plan writes many records: nothing of one shows in the next. */
static void records_do_not_leak_into_each_other(void **state)
{
	static struct made m[16];
	struct jsonw_plan *p;
	struct time_cache times = {0};
	char *line = NULL;

	(void)state;
	for (unsigned i = 0; i < 16; i++)
		random_txn(&m[i]);
	p = plan_of(&m[0].r, false);
	for (unsigned i = 0; i < 500; i++) {
		const struct record *r = &m[draw() % 16].r;
		char *alone = line_of(r, false), *end;

		line = realloc(line, jsonw_bound(p, r));
		assert_non_null(line);
		end = jsonw_record(p, r, &env, &times, line);
		end[-1] = '\0';
		assert_string_equal(line, alone);
		free(alone);
	}
	free(line);
	jsonw_plan_free(p);
}

/* --- strings --- */

static void text_is(const char *in, size_t n, const char *want)
{
	char *out = malloc(JSONW_TEXT(n) + 1), *copy = malloc(n ? n : 1);

	assert_non_null(out);
	assert_non_null(copy);
	/* From memory that ends with the text: reading past it would be seen. */
	memcpy(copy, in, n);
	*jsonw_text(out, copy, n) = '\0';
	assert_string_equal(out, want);
	free(out);
	free(copy);
}

#define TEXT(in, want) text_is(in, sizeof(in) - 1, want)

static void hostile_text_is_harmless(void **state)
{
	(void)state;
	TEXT("", "");
	TEXT("\"", "\\\"");
	TEXT("a\\b/c", "a\\\\b/c");
	TEXT("\b\f\n\r\t", "\\b\\f\\n\\r\\t");
	TEXT("\0\x01\x1f\x7f", "\\u0000\\u0001\\u001f\\u007f");
	TEXT("\x1b]0;title\x07", "\\u001b]0;title\\u0007");
	TEXT("\xc2\x9b", "\\u009b");
	TEXT("\xe2\x80\xae\xe2\x81\xa7\xe2\x80\x8f\xd8\x9c", "\\u202e\\u2067\\u200f\\u061c");
	TEXT("\xe2\x80\xa8\xe2\x80\xa9", "\\u2028\\u2029");
	TEXT("\xff\xfe", "\\ufffd\\ufffd");
	TEXT("ok\xc0\xafok", "ok\\ufffd\\ufffdok");
	TEXT("\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd");
	TEXT("cut \xf0\x9f\x98", "cut \\ufffd\\ufffd\\ufffd");
	TEXT("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80", "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80");
}

/* Every byte at every place of every length up to 40, between plain letters. */
static void special_bytes_are_found_everywhere(void **state)
{
	(void)state;
	for (size_t n = 1; n <= 40; n++)
		for (size_t place = 0; place < n; place++)
			for (unsigned byte = 0; byte < 256; byte++) {
				char in[40], want[64], *w = want;

				memset(in, 'x', n);
				in[place] = (char)byte;
				memset(w, 'x', place);
				w += place;
				if (byte == '"' || byte == '\\')
					w += snprintf(w, 8, "\\%c", (int)byte);
				else if (byte >= '\b' && byte <= '\r' && byte != '\v')
					w += snprintf(w, 8, "\\%c", "btn?fr"[byte - '\b']);
				else if (byte < 0x20 || byte == 0x7f)
					w += snprintf(w, 8, "\\u%04x", byte);
				else if (byte >= 0x80)
					w += snprintf(w, 8, "\\ufffd");
				else
					*w++ = (char)byte;
				memset(w, 'x', n - place - 1);
				w[n - place - 1] = '\0';
				text_is(in, n, want);
			}
}

/* The longest text a transaction may hold, all of it in need of six bytes each. */
static void longest_record_stays_in_its_bound(void **state)
{
	static struct made m;
	static char bytes[2048];
	struct json_object *o;

	(void)state;
	memset(bytes, 0x01, sizeof(bytes));
	make_txn(&m);
	m.at = sizeof(m.txn);
	bytes[0] = '/';
	m.txn.method = add_text(&m, bytes, sizeof(bytes));
	m.txn.object = add_text(&m, bytes, sizeof(bytes));
	m.txn.query = add_text(&m, bytes, sizeof(bytes));
	m.txn.values = (uint32_t)m.at;
	add_str(&m, UNIT_AGENT, bytes, sizeof(bytes));
	finish_txn(&m);
	o = json_of(&m.r, false);
	assert_int_equal(json_object_get_string_len(at(o, "user_agent.original")), 2048);
	assert_int_equal(json_object_get_string_len(at(o, "path")), 2048);
	json_object_put(o);
}

/* --- schemas --- */

static void schema_refuses(const char *name, const char *other)
{
	struct field fields[] = {{.name = name, .type = FIELD_U64},
		{.name = other ? other : "unit.fine", .type = FIELD_U64}, {.type = FIELD_END}};
	struct dissector d = {TSM_HEAD, .name = "bad", .fields = fields};
	char err[200] = "";

	assert_null(schema_new(&d, err, sizeof(err)));
	assert_memory_equal(err, "bad: ", 5);
}

static void names_that_do_not_fit_are_refused(void **state)
{
	char err[200];
	struct schema *s;

	(void)state;
	schema_refuses("status", NULL);      /* taken */
	schema_refuses("client", NULL);      /* an object of others */
	schema_refuses("status.code", NULL); /* below a value */
	schema_refuses("unit.a", "unit.a.b");
	schema_refuses("unit.a", "unit.a");
	schema_refuses("", NULL);
	schema_refuses("a..b", NULL);
	schema_refuses("a.", NULL);
	schema_refuses(".a", NULL);
	schema_refuses("a\"b", NULL);
	schema_refuses("a\nb", NULL);
	s = schema_new(&unit, err, sizeof(err));
	assert_non_null(s);
	for (unsigned i = 1; i < s->n; i++)
		assert_true(schema_name_cmp(
				    s->columns[i - 1].field->name, s->columns[i].field->name) < 0);
	assert_non_null(schema_find(s, "unit.response.status_code"));
	assert_null(schema_find(s, "unit.response"));
	assert_string_equal(s->columns[0].field->name, "@timestamp");
	schema_free(s);
}

/* --- the sink --- */

static struct ndjson *open_sink(int fd, const char *types, bool lines, struct sink *sink)
{
	struct ndjson_options o = {.types = types, .line_buffered = lines, .version = "1"};
	char err[200];
	struct ndjson *n = ndjson_new_fd(&o, fd, err, sizeof(err));

	assert_non_null(n);
	*sink = ndjson_sink(n);
	return n;
}

static unsigned count_lines(int fd)
{
	FILE *f = fdopen(dup(fd), "r");
	char *line = NULL;
	size_t room = 0;
	unsigned n = 0;
	ssize_t len;

	assert_non_null(f);
	rewind(f);
	while ((len = getline(&line, &room, f)) > 0) {
		assert_int_equal(line[len - 1], '\n');
		json_object_put(parse(strtok_r(line, "\n", &(char *){NULL})));
		n++;
	}
	free(line);
	fclose(f);
	return n;
}

static int temp_file(void)
{
	char path[] = "/tmp/tsumari-unit-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	return fd;
}

static void lines_reach_the_file(void **state)
{
	static struct made flow, txn;
	int fd = temp_file();
	struct ndjson *n;
	struct sink s;

	(void)state;
	make_flow(&flow);
	make_txn(&txn);
	finish_txn(&txn);
	n = open_sink(fd, NULL, false, &s);
	for (unsigned i = 0; i < 1000; i++)
		s.record(s.arg, i % 2 ? &flow.r : &txn.r);
	assert_true(s.poll(s.arg));
	assert_int_equal(count_lines(fd), 1000);
	s.record(s.arg, &flow.r);
	assert_int_equal(count_lines(fd), 1000);
	assert_true(ndjson_finish(n));
	assert_int_equal(count_lines(fd), 1001);
	assert_null(ndjson_error(n));
	ndjson_free(n);
	close(fd);
}

static void line_buffered_lines_go_at_once(void **state)
{
	static struct made flow;
	int fd = temp_file();
	struct ndjson *n;
	struct sink s;

	(void)state;
	make_flow(&flow);
	n = open_sink(fd, NULL, true, &s);
	for (unsigned i = 1; i < 5; i++) {
		s.record(s.arg, &flow.r);
		assert_int_equal(count_lines(fd), i);
	}
	ndjson_free(n);
	close(fd);
}

static void types_are_chosen(void **state)
{
	static struct made flow, txn;
	struct ndjson_options o = {.types = "flow,nothing"};
	char err[200];
	int fd = temp_file();
	struct ndjson *n;
	struct sink s;

	(void)state;
	make_flow(&flow);
	make_txn(&txn);
	finish_txn(&txn);
	n = open_sink(fd, "unit", false, &s);
	s.record(s.arg, &flow.r);
	s.record(s.arg, &txn.r);
	assert_true(ndjson_finish(n));
	assert_int_equal(count_lines(fd), 1);
	ndjson_free(n);
	n = open_sink(fd, "unit,flow", false, &s);
	s.record(s.arg, &flow.r);
	s.record(s.arg, &txn.r);
	assert_true(ndjson_finish(n));
	assert_int_equal(count_lines(fd), 3);
	ndjson_free(n);
	assert_null(ndjson_new_fd(&o, fd, err, sizeof(err)));
	assert_string_equal(err, "no type of records named 'nothing'");
	o.types = "flow,";
	assert_null(ndjson_new_fd(&o, fd, err, sizeof(err)));
	o.types = "un";
	assert_null(ndjson_new_fd(&o, fd, err, sizeof(err)));
	close(fd);
}

static void closed_pipe_ends_quietly(void **state)
{
	static struct made flow;
	struct ndjson *n;
	struct sink s;
	int ends[2];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	make_flow(&flow);
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	n = open_sink(ends[1], NULL, false, &s);
	s.record(s.arg, &flow.r);
	assert_false(s.poll(s.arg));
	s.record(s.arg, &flow.r);
	assert_false(s.poll(s.arg));
	assert_true(ndjson_closed(n));
	assert_null(ndjson_error(n));
	assert_true(ndjson_finish(n));
	ndjson_free(n);
	close(ends[1]);
}

/* No room left in the middle of a line: an error, and the file ends with a whole line. */
static void full_disk_is_told_and_leaves_whole_lines(void **state)
{
	static struct made flow;
	struct rlimit old, small;
	int fd = temp_file();
	struct ndjson *n;
	struct sink s;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 10000;
	make_flow(&flow);
	n = open_sink(fd, NULL, false, &s);
	for (unsigned i = 0; i < 50; i++)
		s.record(s.arg, &flow.r);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_false(s.poll(s.arg));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_false(ndjson_finish(n));
	assert_non_null(ndjson_error(n));
	assert_non_null(strstr(ndjson_error(n), strerror(EFBIG)));
	assert_in_range(count_lines(fd), 5, 49);
	ndjson_free(n);
	close(fd);
}

static void unwritable_file_is_one_line(void **state)
{
	struct ndjson_options o = {.path = "/nonexistent/dir/file"};
	char err[200] = "";

	(void)state;
	assert_null(ndjson_new(&o, err, sizeof(err)));
	assert_string_equal(err, "cannot write /nonexistent/dir/file: No such file or directory");
}

static int setup(void **state)
{
	char err[200];

	(void)state;
	registry_init();
	return registry_add(&unit, err, sizeof(err)) ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transaction_says_what_is_in_it),
		cmocka_unit_test(flow_says_what_is_in_it),
		cmocka_unit_test(any_facts_may_be_absent),
		cmocka_unit_test(records_do_not_leak_into_each_other),
		cmocka_unit_test(hostile_text_is_harmless),
		cmocka_unit_test(special_bytes_are_found_everywhere),
		cmocka_unit_test(longest_record_stays_in_its_bound),
		cmocka_unit_test(names_that_do_not_fit_are_refused),
		cmocka_unit_test(lines_reach_the_file),
		cmocka_unit_test(line_buffered_lines_go_at_once),
		cmocka_unit_test(types_are_chosen),
		cmocka_unit_test(closed_pipe_ends_quietly),
		cmocka_unit_test(full_disk_is_told_and_leaves_whole_lines),
		cmocka_unit_test(unwritable_file_is_one_line),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
