/*
 * ndjson.c - what records say in JSON: read back with json-c and compared with what went in.
 */
#include <stdlib.h>
#include "made.h"
#include "api/layer.h"
#include "out/jsonw.h"
#include "tests/json_path.h"

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
	return jsonw_plan_new(s, &env, flat);
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

static struct json_object *json_of(const struct record *r, bool flat)
{
	char *line = line_of(r, flat);
	struct json_object *o = parse(line);

	assert_memory_equal(line, "{\"@timestamp\":\"", 15);
	free(line);
	return o;
}

static void says(struct json_object *o, const char *path, const char *want)
{
	struct json_object *v = json_at(o, path);

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
		struct json_object *c = json_at(o, i ? "client" : "source");
		struct json_object *s = json_at(o, i ? "server" : "destination");

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
	m.r.transport = IP_PROTO_ICMP6;
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
		struct json_object *a = json_at(nested, name), *b = NULL;

		/* Deeper than objects go: the rest of the name stays dotted. */
		if (strcmp(name, "a.b.c.d.e.f.g.h.i.j") == 0 &&
			(a = json_at(nested, "a.b.c.d.e.f.g")))
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
	m->flow.fast_open = draw() % 2 ? "taken" : NULL;
	m->flow.syn_ack_late = draw() % 2;
	m->flow.syn_gaps.n = (uint32_t)(draw() % (FIELD_LIST_MAX + 1));
	m->flow.syn_frames.n = (uint32_t)(draw() % (FIELD_LIST_MAX + 1));
	for (uint64_t *p = &m->flow.syn_ack_retries; p <= &m->flow.transactions; p++)
		*p = number();
	m->flow.copy_kinds = (uint32_t)draw() & 15; /* of four names */
	m->flow.copy_tunnel = draw() % 2 ? "gre" : NULL;
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

/*
 * One plan writes many records: nothing of one shows in the next. Some come again and again, and
 * there are more kinds of them than a plan keeps programs for.
 */
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
	for (unsigned i = 0; i < 1500; i++) {
		unsigned which = draw() % 16;
		const struct record *r = &m[which].r;
		char *alone, *end;

		if (i % 4 == 0)
			random_txn(&m[which]);
		alone = line_of(r, false);
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
	assert_int_equal(json_object_get_string_len(json_at(o, "user_agent.original")), 2048);
	assert_int_equal(json_object_get_string_len(json_at(o, "path")), 2048);
	json_object_put(o);
}

/* --- schemas --- */

static void schema_refuses(const char *name, const char *other)
{
	struct field fields[] = {{.name = name, .type = FIELD_U64},
		{.name = other ? other : "unit.fine", .type = FIELD_U64}, FIELDS_END};
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
	};

	return cmocka_run_group_tests(tests, made_setup, NULL);
}
