/*
 * events.c - VRRP and gratuitous ARP: header at every cut, what becomes a record and what is only
 * counted, and that tables and rates have their limits.
 */
#include "base/clock.h"
#include "core/engine.h"
#include "model/values.h"
#include "frame.h"

#define START (UINT64_C(1700000000) * SECOND)

/* ---- The header ---- */

/* RFC 3768, 5: version 2, VRID 7, priority 200, 2 addresses, simple password, 3 s. */
static void put_vrrp2(struct frame *f)
{
	put_ip(f, 112, 24);
	PUT(f, 0x21, 7, 200, 2, 1, 3, 0, 0, 10, 0, 0, 5, 10, 0, 0, 6);
	PUT(f, 's', 'e', 'c', 'r', 'e', 't', 0, 0);
}

static void test_version_2(void **state)
{
	static const struct header headers[] = {{"eth", 14}, {"ip", 34}, {"vrrp", 58}};
	struct frame f;

	(void)state;
	start(&f, LINK_ETH);
	put_eth(&f, 0x0800);
	put_vrrp2(&f);
	whole(&f);
	assert_counted(&f, NULL);
	assert_true(f.p.flags & PACKET_EVENT);
	assert_string_equal(f.p.event.dissector->name, "vrrp");
	assert_int_equal(f.p.event.len, 24);
	assert_memory_equal(f.p.event.head, "\x21\x07\xc8\x02\x01\x03", 6);
	each_cut(&f, headers, 3);
	each_short(&f, 0);
	finish(&f);
}

static void test_version_3(void **state)
{
	struct frame f;

	(void)state;
	start(&f, LINK_IPV6);
	put_ip6(&f, 112, 24);
	PUT(&f, 0x31, 9, 100, 1, 0xf0, 50, 0, 0, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		1);
	whole(&f);
	assert_counted(&f, NULL);
	assert_true(f.p.flags & PACKET_EVENT);
	assert_int_equal(f.p.event.len, 24);
	f.b[40] = 0x21; /* version 2 does not exist in IPv6 */
	whole(&f);
	assert_counted(&f, "malformed vrrp");
	assert_false(f.p.flags & PACKET_EVENT);
	f.b[40] = 0x32; /* not an advertisement */
	whole(&f);
	assert_counted(&f, NULL);
	assert_false(f.p.flags & PACKET_EVENT);
	f.b[40] = 0x31;
	f.b[43] = 2; /* an address that is not there */
	whole(&f);
	assert_counted(&f, "malformed vrrp");
	finish(&f);
}

/* ---- Records ---- */

struct run {
	struct engine_config config;
	struct engine *engine;
	uint64_t number, tick;
	char seen[4096]; /* action and adverts of each VRRP record, a letter each ARP record */
	uint64_t adverts, arps, left_out;
	/* Of the last one of VRRP. */
	uint64_t start, version, priority, interval, count, silent;
	uint32_t changed;
	struct addr previous;
	struct field_addrs addrs;
	const char *auth;
};

static void run_start(struct run *r)
{
	memset(r, 0, sizeof(*r));
	engine_config_defaults(&r->config);
	r->engine = engine_new(&r->config, (1u << SHARDS) - 1);
	r->tick = START + SECOND;
}

static void take(struct run *r, const struct record *rec)
{
	const uint32_t *changed = event_value(rec, "tsumari.vrrp.changed", FIELD_NAMES);
	const struct addr *previous = event_value(rec, "tsumari.vrrp.previous.ip", FIELD_IP);
	const struct field_addrs *addrs = event_value(rec, "vrrp.addresses", FIELD_IPS);

	assert_non_null(changed);
	assert_non_null(previous);
	assert_non_null(addrs);
	r->start = rec->start;
	r->version = event_number(rec, "vrrp.version", FIELD_U64);
	r->priority = event_number(rec, "vrrp.priority", FIELD_U64);
	r->interval = event_number(rec, "vrrp.advert_interval", FIELD_DURATION);
	r->count = event_number(rec, "vrrp.address_count", FIELD_U64);
	r->silent = event_number(rec, "tsumari.vrrp.silent", FIELD_DURATION);
	r->auth = event_name(rec, "vrrp.auth_type");
	r->changed = *changed;
	r->previous = *previous;
	r->addrs = *addrs;
}

static void drain(struct run *r)
{
	struct records *out = engine_records(r->engine);

	for (struct recblock *b = out->first; b; b = b->next)
		for (uint32_t at = 0; at < b->len;) {
			const struct record *rec = (const void *)(b->data + at);
			size_t n = strlen(r->seen);
			uint64_t adverts;

			at += rec->size;
			if (rec->kind != RECORD_EVENT)
				continue;
			if (strcmp(rec->type, "arp") == 0) {
				r->arps++;
				r->left_out += event_number(rec, "tsumari.arp.left_out", FIELD_U64);
				continue;
			}
			adverts = event_number(rec, "tsumari.vrrp.adverts", FIELD_U64);
			r->adverts += adverts;
			take(r, rec);
			if (n < sizeof(r->seen) - 32)
				snprintf(r->seen + n, 32, "%s%s-%u", n ? " " : "",
					event_name(rec, "event.action"), (unsigned)adverts);
		}
	records_free(out);
}

static void packet(struct run *r, uint64_t time, struct packet *p)
{
	struct packet *list[1] = {p};

	p->time = START + time;
	for (; p->time >= r->tick; r->tick += SECOND)
		engine_tick(r->engine, r->tick, r->number + 1);
	p->number = ++r->number;
	p->caplen = p->len = 60;
	assert_true(engine_route(&r->config, p));
	engine_packets(r->engine, list, 1);
	drain(r);
}

static void advert(struct run *r, uint64_t time, unsigned router, unsigned vrid, unsigned priority)
{
	const uint8_t head[20] = {
		0x21, (uint8_t)vrid, (uint8_t)priority, 1, 0, 1, 0, 0, 10, 0, 0, 9};
	uint8_t src[4] = {10, 0, (uint8_t)(router >> 8), (uint8_t)router};
	static const uint8_t dst[4] = {224, 0, 0, 18};
	struct packet p = {.flags = PACKET_IP, .ip_version = 4, .ip_proto = 112, .ttl = 255};

	p.src = addr_v4(src);
	p.dst = addr_v4(dst);
	packet_event(&p, registry_find("vrrp"), head, sizeof(head));
	packet(r, time, &p);
}

static void gratuitous(struct run *r, uint64_t time)
{
	static const uint8_t ip[4] = {10, 0, 0, 9};
	static const uint8_t head[28] = {0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 7, 10, 0, 0, 9};
	struct packet p = {.flags = PACKET_ARP};

	p.src = p.dst = addr_v4(ip);
	packet_event(&p, registry_find("arp"), head, sizeof(head));
	packet(r, time, &p);
}

static void run_end(struct run *r)
{
	while (engine_finish(r->engine, r->number + 1))
		;
	drain(r);
	engine_free(r->engine);
}

static void test_states(void **state)
{
	struct run r;

	(void)state;
	run_start(&r);
	for (unsigned i = 0; i < 5; i++)
		advert(&r, i * SECOND, 1, 7, 128);
	assert_string_equal(r.seen, "first-1");
	advert(&r, 5 * SECOND, 1, 7, 120);
	assert_string_equal(r.seen, "first-1 change-5");
	assert_int_equal(r.changed, 2);
	/* Silence is told from time alone, at 3 s and 136/256 s after the last one. */
	for (; r.tick <= START + 9 * SECOND; r.tick += SECOND)
		engine_tick(r.engine, r.tick, r.number + 1);
	drain(&r);
	assert_string_equal(r.seen, "first-1 change-5 silence-0");
	assert_int_equal(r.start, START + 5 * SECOND + 3531250000);
	assert_int_equal(r.silent, 3531250000);
	advert(&r, 9 * SECOND, 2, 7, 100);
	assert_string_equal(r.seen, "first-1 change-5 silence-0 first-1");
	assert_int_equal(r.previous.b[15], 1);
	advert(&r, 10 * SECOND, 1, 7, 120);
	assert_string_equal(r.seen, "first-1 change-5 silence-0 first-1 return-1");
	assert_int_equal(r.silent, 5 * SECOND);
	assert_int_equal(r.previous.b[15], 2);
	advert(&r, 10 * SECOND + 1, 2, 7, 0);
	assert_string_equal(r.seen, "first-1 change-5 silence-0 first-1 return-1 resign-1");
	/* After a resignation silence is no news; of the other one it is, then the end. */
	advert(&r, 11 * SECOND, 1, 7, 120);
	run_end(&r);
	assert_string_equal(r.seen, "first-1 change-5 silence-0 first-1 return-1 resign-1 end-1");
	assert_int_equal(r.adverts, 10);
}

/* What an advertisement says, of both versions, as the record has it. */
static void test_said(void **state)
{
	static const uint8_t two[] = {0x21, 7, 200, 2, 1, 3, 0, 0, 10, 0, 0, 5, 10, 0, 0, 6, 's',
		'e', 'c', 'r', 'e', 't', 0, 0};
	static const uint8_t three[] = {0x31, 9, 100, 1, 0xf0, 50, 0, 0, 0xfe, 0x80, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 1};
	const uint8_t src[4] = {10, 0, 0, 1}, dst[4] = {224, 0, 0, 18};
	struct packet p = {.flags = PACKET_IP, .ip_version = 4, .ip_proto = 112, .ttl = 255};
	struct run r;

	(void)state;
	run_start(&r);
	p.src = addr_v4(src);
	p.dst = addr_v4(dst);
	packet_event(&p, registry_find("vrrp"), two, sizeof(two));
	packet(&r, 0, &p);
	assert_int_equal(r.version, 2);
	assert_int_equal(r.priority, 200);
	assert_string_equal(r.auth, "simple");
	assert_int_equal(r.interval, 3 * SECOND);
	assert_int_equal(r.count, 2);
	assert_int_equal(r.addrs.n, 2);
	assert_memory_equal(r.addrs.a[1].b + 12, "\x0a\0\0\6", 4);
	p.ip_version = 6;
	packet_event(&p, registry_find("vrrp"), three, sizeof(three));
	packet(&r, 1, &p);
	assert_int_equal(r.version, 3);
	assert_int_equal(r.interval, SECOND / 2); /* the first four bits are reserved */
	assert_null(r.auth);
	assert_int_equal(r.addrs.n, 1);
	assert_int_equal(r.addrs.a[0].b[15], 1);
	run_end(&r);
}

/* A silence that ends before the next whole second is one all the same. */
static void test_between_ticks(void **state)
{
	struct run r;

	(void)state;
	run_start(&r);
	advert(&r, SECOND / 10, 1, 7, 255);
	advert(&r, 3 * SECOND + SECOND / 2, 1, 7, 255);
	assert_string_equal(r.seen, "first-1 silence-0 return-1");
	run_end(&r);
}

static void test_limits(void **state)
{
	struct run r;

	(void)state;
	run_start(&r);
	for (unsigned i = 0; i < 5000; i++)
		advert(&r, i, i % 2500, i, 100);
	for (unsigned i = 0; i < 350; i++)
		gratuitous(&r, SECOND + i);
	assert_int_equal(r.arps, 100);
	gratuitous(&r, 2 * SECOND);
	assert_int_equal(r.arps, 101);
	assert_int_equal(r.left_out, 250);
	run_end(&r);
	assert_int_equal(r.adverts, 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_version_2),
		cmocka_unit_test(test_version_3),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_said),
		cmocka_unit_test(test_between_ticks),
		cmocka_unit_test(test_limits),
	};

	registry_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
