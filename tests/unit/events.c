/*
 * events.c - VRRP and gratuitous ARP: header at every cut, what becomes a record and what is only
 * counted, and that tables and rates have their limits.
 */
#include "core/engine.h"
#include "frame.h"

#define SECOND UINT64_C(1000000000)
#define START  (UINT64_C(1700000000) * SECOND)

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
	assert_true(f.p.flags & PACKET_VRRP);
	assert_int_equal(f.p.vrrp.version, 2);
	assert_int_equal(f.p.vrrp.vrid, 7);
	assert_int_equal(f.p.vrrp.priority, 200);
	assert_int_equal(f.p.vrrp.auth, 1);
	assert_int_equal(f.p.vrrp.interval, 3);
	assert_int_equal(f.p.vrrp.naddrs, 2);
	assert_memory_equal(f.p.vrrp.addrs, "\x0a\0\0\5\x0a\0\0\6", 8);
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
	assert_true(f.p.flags & PACKET_VRRP);
	assert_int_equal(f.p.vrrp.version, 3);
	assert_int_equal(f.p.vrrp.interval, 50); /* the first four bits are reserved */
	assert_int_equal(f.p.vrrp.naddrs, 1);
	f.b[40] = 0x21; /* version 2 does not exist in IPv6 */
	whole(&f);
	assert_counted(&f, "malformed vrrp");
	assert_false(f.p.flags & PACKET_VRRP);
	f.b[40] = 0x32; /* not an advertisement */
	whole(&f);
	assert_counted(&f, NULL);
	assert_false(f.p.flags & PACKET_VRRP);
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
	struct vrrp_record last;
};

static void run_start(struct run *r)
{
	memset(r, 0, sizeof(*r));
	engine_config_defaults(&r->config);
	r->engine = engine_new(&r->config, (1u << SHARDS) - 1);
	r->tick = START + SECOND;
}

static void drain(struct run *r)
{
	struct records *out = engine_records(r->engine);

	for (struct recblock *b = out->first; b; b = b->next)
		for (uint32_t at = 0; at < b->len;) {
			const struct record *rec = (const void *)(b->data + at);
			size_t n = strlen(r->seen);

			at += rec->size;
			if (rec->kind != RECORD_EVENT)
				continue;
			if (strcmp(rec->type, "arp") == 0) {
				r->arps++;
				r->left_out += ((const struct arp_record *)rec)->left_out;
				continue;
			}
			r->last = *(const struct vrrp_record *)rec;
			r->adverts += r->last.adverts;
			if (n < sizeof(r->seen) - 32)
				snprintf(r->seen + n, 32, "%s%s-%u", n ? " " : "", r->last.action,
					(unsigned)r->last.adverts);
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
	static const uint8_t addrs[4] = {10, 0, 0, 9};
	uint8_t src[4] = {10, 0, (uint8_t)(router >> 8), (uint8_t)router};
	static const uint8_t dst[4] = {224, 0, 0, 18};
	struct packet p = {
		.flags = PACKET_IP | PACKET_VRRP, .ip_version = 4, .ip_proto = 112, .ttl = 255};

	p.src = addr_v4(src);
	p.dst = addr_v4(dst);
	p.vrrp = (struct packet_vrrp){.version = 2,
		.vrid = (uint8_t)vrid,
		.priority = (uint8_t)priority,
		.naddrs = 1,
		.interval = 1,
		.addrs = addrs};
	packet(r, time, &p);
}

static void gratuitous(struct run *r, uint64_t time)
{
	static const uint8_t ip[4] = {10, 0, 0, 9};
	struct packet p = {.flags = PACKET_ARP, .arp = {.op = 1}};

	p.src = p.dst = addr_v4(ip);
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
	assert_int_equal(r.last.changed, 2);
	/* Silence is told from time alone, at 3 s and 136/256 s after the last one. */
	for (; r.tick <= START + 9 * SECOND; r.tick += SECOND)
		engine_tick(r.engine, r.tick, r.number + 1);
	drain(&r);
	assert_string_equal(r.seen, "first-1 change-5 silence-0");
	assert_int_equal(r.last.r.start, START + 5 * SECOND + 3531250000);
	assert_int_equal(r.last.silent, 3531250000);
	advert(&r, 9 * SECOND, 2, 7, 100);
	assert_string_equal(r.seen, "first-1 change-5 silence-0 first-1");
	assert_int_equal(r.last.previous.b[15], 1);
	advert(&r, 10 * SECOND, 1, 7, 120);
	assert_string_equal(r.seen, "first-1 change-5 silence-0 first-1 return-1");
	assert_int_equal(r.last.silent, 5 * SECOND);
	assert_int_equal(r.last.previous.b[15], 2);
	advert(&r, 10 * SECOND + 1, 2, 7, 0);
	assert_string_equal(r.seen, "first-1 change-5 silence-0 first-1 return-1 resign-1");
	/* After a resignation silence is no news; of the other one it is, then the end. */
	advert(&r, 11 * SECOND, 1, 7, 120);
	run_end(&r);
	assert_string_equal(r.seen, "first-1 change-5 silence-0 first-1 return-1 resign-1 end-1");
	assert_int_equal(r.adverts, 10);
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
		cmocka_unit_test(test_between_ticks),
		cmocka_unit_test(test_limits),
	};

	registry_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
