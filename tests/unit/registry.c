/*
 * registry.c - the registry of dissectors, and counters by name.
 */
#include "frame.h"
#include "api/event.h"

/* ---- Registry and counters ---- */

static void nothing(struct packet *p, struct view *v, struct next *next)
{
	(void)p;
	(void)v;
	(void)next;
}

static void test_registry(void **state)
{
	static const struct claim claims[] = {
		{TABLE_ETHERTYPE, 0x0800}, {TABLE_ETHERTYPE, 0x9999}, {TABLE_END, 0}};
	static const struct claim beyond[] = {{TABLE_UDP_PORT, 65536}, {TABLE_END, 0}};
	struct dissector d = {TSM_HEAD, .name = "unit", .claims = claims, .layer = nothing};
	unsigned n = registry_count();
	char err[128];

	(void)state;
	registry_init();
	assert_int_equal(registry_count(), n);
	assert_ptr_equal(registry_layer(TABLE_ETHERTYPE, 0x0800), registry_find("ip"));
	assert_ptr_equal(registry_layer(TABLE_UDP_PORT, 8472), registry_find("vxlan"));
	assert_null(registry_layer(TABLE_ETHERTYPE, 0x9999));
	assert_null(registry_layer(TABLE_COUNT, 1));
	assert_null(registry_layer(TABLE_IP_PROTO, 70000));
	assert_null(registry_find("unit"));
	d.abi++;
	assert_false(registry_add(&d, err, sizeof(err)));
	d.abi--;
	d.size--;
	assert_false(registry_add(&d, err, sizeof(err)));
	d.size++;
	d.name = "ip";
	assert_false(registry_add(&d, err, sizeof(err)));
	d.name = "Not a name";
	assert_false(registry_add(&d, err, sizeof(err)));
	d.name = "unit";
	d.claims = beyond;
	assert_false(registry_add(&d, err, sizeof(err)));
	assert_int_equal(registry_count(), n);

	static const struct dissector good = {
		TSM_HEAD, .name = "unit", .claims = claims, .layer = nothing};
	assert_true(registry_add(&good, err, sizeof(err)));
	assert_int_equal(registry_count(), n + 1);
	assert_ptr_equal(registry_get(n), &good);
	assert_null(registry_get(n + 1));
	/* The first to claim a key keeps it. */
	assert_ptr_equal(registry_layer(TABLE_ETHERTYPE, 0x0800), registry_find("ip"));
	assert_ptr_equal(registry_layer(TABLE_ETHERTYPE, 0x9999), &good);

	/* One compiled before there was describe() is taken, and nothing behind its end is read. */
	static const struct dissector old = {.abi = TSM_ABI,
		.size = offsetof(struct dissector, describe),
		.name = "old",
		.layer = nothing,
		.describe = (registry_describe_fn *)(uintptr_t)8};
	assert_true(registry_add(&old, err, sizeof(err)));
	assert_null(registry_describe(&old));
	assert_non_null(registry_describe(registry_find("ip")));
}

static void test_server_first(void **state)
{
	(void)state;
	assert_true(registry_server_first(25));
	assert_true(registry_server_first(3306));
	assert_false(registry_server_first(80));
	assert_false(registry_server_first(40000));
}

static const struct field *tables[2 * DISSECTORS_MAX + 8];
static unsigned ntables;

static void add_table(const struct field *f)
{
	if (f)
		tables[ntables++] = f;
}

/* What a record and a packet's explanation call by one name is one thing, told in the same words;
   fields that are only shown stand behind a table's others. */
static void test_fields(void **state)
{
	unsigned recorded = 0, shown = 0;

	(void)state;
	for (unsigned i = 0; i < registry_count(); i++) {
		const struct tsm_event_kind *events = registry_event(registry_get(i));

		add_table(registry_get(i)->fields);
		add_table(events ? events->fields : NULL);
	}
	for (unsigned i = 0; i < ntables; i++)
		for (const struct field *f = tables[i]; f->type != FIELD_END; f++) {
			assert_true(f->name && *f->name && f->title && *f->title && f->help &&
				    *f->help);
			assert_true(f == tables[i] || field_recorded(f - 1) || !field_recorded(f));
			recorded += field_recorded(f);
			shown += !field_recorded(f);
			for (unsigned k = 0; k < i; k++)
				for (const struct field *g = tables[k]; g->type != FIELD_END; g++)
					if (strcmp(f->name, g->name) == 0) {
						assert_string_equal(f->title, g->title);
						assert_string_equal(f->help, g->help);
						assert_int_equal(f->type, g->type);
						assert_int_equal(f->width, g->width);
					}
		}
	assert_true(recorded > 300 && shown > 200);
}

static void test_counters(void **state)
{
	static char names[COUNTERS_MAX + 10][16];
	static const char again[] = "n007";
	struct counters c = {0}, sum = {0};

	(void)state;
	for (unsigned i = 0; i < COUNTERS_MAX + 10; i++) {
		snprintf(names[i], sizeof(names[i]), "n%03u", COUNTERS_MAX + 9 - i);
		counters_add(&c, names[i], i + 1);
	}
	assert_int_equal(c.n, COUNTERS_MAX);
	assert_string_equal(c.c[COUNTERS_MAX - 1].name, "other"); /* the last eleven */
	assert_int_equal(c.c[COUNTERS_MAX - 1].n,
		256 + 257 + 258 + 259 + 260 + 261 + 262 + 263 + 264 + 265 + 266);
	counters_add(&sum, again, 1);
	counters_add(&sum, "n265", 5);
	counters_merge(&sum, &c);
	counters_sort(&sum);
	assert_int_equal(sum.n, COUNTERS_MAX);
	assert_string_equal(sum.c[0].name, "n007"); /* n000 to n010 went into "other" */
	assert_int_equal(sum.c[0].n, 1);
	assert_string_equal(sum.c[sum.n - 1].name, "other");
	assert_string_equal(sum.c[sum.n - 2].name, "n265");
	assert_int_equal(sum.c[sum.n - 2].n, 5 + 1);
	for (uint32_t i = 1; i < sum.n; i++)
		assert_true(strcmp(sum.c[i - 1].name, sum.c[i].name) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registry),
		cmocka_unit_test(test_server_first),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_counters),
	};

	registry_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
