/*
 * operation.c - the names of operations: what is folded, and what stays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include "model/operation.h"
#include "model/values.h"

static void folds(const char *path, const char *want)
{
	char out[4096];
	size_t n = operation_fold(path, strlen(path), out);

	out[n] = '\0';
	assert_string_equal(out, want);
}

static void what_names_single_things_is_folded(void **state)
{
	(void)state;
	folds("/", "/");
	folds("/page/42", "/page/?");
	folds("/page/42/edit", "/page/?/edit");
	folds("/img/cat-17.jpg", "/img/cat-?.jpg");
	folds("/s/p36.html", "/s/p?.html");
	folds("/u/550e8400-e29b-41d4-a716-446655440000/x", "/u/?/x");
	folds("/u/550e8400-e29b-41d4-a716-446655440000", "/u/?");
	/* One digit too many: no UUID, but numbers all the same. */
	folds("/550e8400-e29b-41d4-a716-4466554400000", "/?-e?b-?d?-a?-?");
	folds("/a/9f86d081884c7d65", "/a/?");
	folds("/commit/DEADBEE1", "/commit/?");
	folds("/v/dQw4w9WgXcQ", "/v/?");
	folds("/t/AbCdEfGhIjKlMnOpQrS1", "/t/?");
	folds("/2024-01-15/log", "/?-?-?/log");
	folds("12", "?");
}

static void what_does_not_stays(void **state)
{
	(void)state;
	folds("", "");
	folds("/index.html", "/index.html");
	folds("/api/v2/users/7", "/api/v2/users/?");
	folds("/v12", "/v12");
	folds("/v123", "/v?");
	folds("/facade/decade", "/facade/decade");
	folds("/music/song.mp3", "/music/song.mp3");
	folds("/mp3.d/x", "/mp?.d/x");
	folds("/font.woff2", "/font.woff2");
	folds("/a%20b%2f7", "/a%20b%2f?");
	folds("/a%2", "/a%?");
	folds("/caf\xc3\xa9/5", "/caf\xc3\xa9/?");
	folds("/a//b/", "/a//b/");
}

struct made {
	struct txn_record t;
	char text[512];
};

static struct dissector dissector = {TSM_HEAD};

static const char *operation(
	const char *type, const char *method, const char *object, const char *query, bool literal)
{
	static char out[OPERATION_MAX];
	struct made m = {.t.r.type = type, .t.r.dissector = &dissector};
	size_t at = 0;
	struct text text;
	const char *part[] = {method, object, query};
	const struct dissector *real = registry_find(type);
	struct record_text *to[] = {&m.t.method, &m.t.object, &m.t.query};

	dissector.model = real ? real->model : NULL;

	for (int i = 0; i < 3; i++) {
		size_t n = strlen(part[i]);

		memcpy(m.text + at, part[i], n);
		*to[i] = (struct record_text){
			n ? (uint32_t)(offsetof(struct made, text) + at) : 0, (uint32_t)n};
		at += n;
	}
	text_init(&text, out, sizeof(out));
	operation_of(&m.t, literal, &text);
	return out;
}

static void each_protocol_has_its_way(void **state)
{
	(void)state;
	assert_string_equal(
		operation("http", "GET", "/a/1?b=2", "GET /a/1?b=2", false), "GET /a/?");
	assert_string_equal(operation("http2", "POST", "/x", "POST /x", false), "POST /x");
	assert_string_equal(operation("http", "GET", "http://h1.example:8080/p/3?q", "", false),
		"GET http://h1.example:8080/p/?");
	assert_string_equal(operation("http", "GET", "http://h1.example:8080", "", false),
		"GET http://h1.example:8080");
	assert_string_equal(operation("http", "CONNECT", "h1.example:443", "", false),
		"CONNECT h1.example:443");
	assert_string_equal(operation("http", "OPTIONS", "*", "", false), "OPTIONS *");
	assert_string_equal(operation("mysql", "SELECT", "", "select * from t where id=?", false),
		"select * from t where id=?");
	assert_string_equal(operation("mysql", "SELECT", "", "(select ?) union (select ?)", false),
		"(select ?) union (select ?)");
	assert_string_equal(
		operation("mysql", "PREPARE", "", "select ?", false), "PREPARE select ?");
	assert_string_equal(operation("mysql", "QUIT", "", "QUIT", false), "QUIT");
	assert_string_equal(
		operation("mysql", "INIT_DB", "shop", "INIT_DB shop", false), "INIT_DB shop");
	assert_string_equal(operation("mysql", "SELECT", "", "SELECT 'secret' FROM t", true),
		"select ? from t");
	assert_string_equal(operation("nfs", "READ", "/srv/spool/77", "READ /srv/spool/77", false),
		"READ /srv/spool/?");
	assert_string_equal(operation("smtp", "RCPT", "bob@example.com", "", false), "RCPT");
	assert_string_equal(
		operation("tls", "HELLO", "www.example.com", "", false), "HELLO www.example.com");
	assert_string_equal(operation("", "", "", "", false), "");
}

/* The type asked for is a value of its own. */
static void dns_says_the_type(void **state)
{
	static const struct field fields[] = {
		FIELD("dns.id", "", "", FIELD_U64, 0),
		FIELD("dns.question.type", "", "", FIELD_STR, 0),
		FIELDS_END,
	};
	struct dissector dns = {TSM_HEAD, .name = "dns", .fields = fields};
	struct {
		struct txn_record t;
		struct value id, type;
		char text[8], method[8];
	} m = {
		.t = {.r = {.type = "dns", .dissector = &dns}, .nvalues = 2},
		.id = {.field = 0},
		.type = {.field = 1, .len = 4, .room = 4},
		.text = "AAAA",
		.method = "QUERY",
	};
	char out[64];
	struct text text;

	(void)state;
	dns.model = registry_find("dns")->model;
	m.t.values = (uint32_t)((char *)&m.id - (char *)&m);
	m.t.method = (struct record_text){(uint32_t)(m.method - (char *)&m), 5};
	text_init(&text, out, sizeof(out));
	operation_of(&m.t, false, &text);
	assert_string_equal(out, "QUERY AAAA");
}

/* Whoever asks for a value by its name gets the same, of each dissector from its own place. */
static void a_value_has_one_name(void **state)
{
	static const struct field first[] = {
		FIELD("unit.a", "", "", FIELD_U64, 0),
		FIELD("unit.b", "", "", FIELD_U64, 0),
		FIELD_SHOWN("unit.c", "", "", FIELD_U64),
		FIELDS_END,
	};
	static const struct field second[] = {
		FIELD("unit.b", "", "", FIELD_U64, 0),
		FIELD("unit.c", "", "", FIELD_U64, 0),
		FIELDS_END,
	};
	static const struct dissector one = {TSM_HEAD, .name = "one", .fields = first},
				      two = {TSM_HEAD, .name = "two", .fields = second},
				      none = {TSM_HEAD, .name = "none"};
	struct value_name b = {.name = "unit.b"}, c = {.name = "unit.c"}, other = {.name = "x"};
	struct {
		struct txn_record t;
		struct value dead, v, w;
	} m = {
		.t = {.r = {.dissector = &one}, .nvalues = 3},
		.dead = {.field = VALUE_DEAD, .u64 = 1},
		.v = {.field = 1, .u64 = 2},
		.w = {.field = 0, .u64 = 3},
	};

	(void)state;
	m.t.values = (uint32_t)((char *)&m.dead - (char *)&m);
	assert_int_equal(number_named(&m.t, &b), 2);
	assert_ptr_equal(value_named(&m.t, &b), txn_value(&m.t, "unit.b"));
	assert_null(value_named(&m.t, &c)); /* it is only shown */
	assert_null(value_named(&m.t, &other));
	m.t.r.dissector = &two;
	assert_int_equal(number_named(&m.t, &b), 3);
	assert_int_equal(number_named(&m.t, &c), 2);
	assert_ptr_equal(value_named(&m.t, &c), txn_value(&m.t, "unit.c"));
	m.t.r.dissector = &none;
	assert_null(value_named(&m.t, &b));
	m.t.r.dissector = NULL;
	assert_null(txn_value(&m.t, "unit.b"));
	assert_int_equal(number_named(&m.t, &c), FIELD_ABSENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_names_single_things_is_folded),
		cmocka_unit_test(what_does_not_stays),
		cmocka_unit_test(each_protocol_has_its_way),
		cmocka_unit_test(dns_says_the_type),
		cmocka_unit_test(a_value_has_one_name),
	};

	registry_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
