/*
 * mptcp.c - Multipath TCP: tokens, and transactions of those subflows only that carry all of their
 * connection's data.
 */
#include "segments.h"
#include "core/layers.h"

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"                  /* 27 bytes */
#define OK  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"  /* 43 bytes */
#define TOP "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello" /* 44 bytes, 45 to come */

/* Keys, and what their hashes say: tokens, and the low halves of the first data numbers. */
#define CLIENT_KEY UINT64_C(0xf375924ecec38574)
#define SERVER_KEY UINT64_C(0x64ef7339d9c0f842)
static const struct {
	uint32_t client_token, server_token, client_data, server_data;
} versions[2] = {{3179394157, 1133299159, 1987247856, 2162575274}, /* SHA-1 */
	{1334744633, 4111015763, 2757681187, 68723403}};           /* SHA-256 */

static enum way way;
static unsigned version;

static void say(double ms, unsigned side, uint8_t flags, uint32_t seq, uint32_t ack,
	const char *data, const struct packet_mptcp *m)
{
	struct segment s = {ms, side, flags, seq, ack, (uint32_t)ms + 1, 1, data};

	send_with(&s, way, 80, m);
}

static void capable(double ms, unsigned side, uint8_t flags, uint32_t seq, uint32_t ack)
{
	struct packet_mptcp m = {.subtype = MPTCP_CAPABLE, .version = (uint8_t)version};

	m.key[0] = side == C ? CLIENT_KEY : SERVER_KEY;
	m.key[1] = SERVER_KEY;
	m.nkeys = flags == ACK ? 2 : flags == SYN && version ? 0 : 1;
	say(ms, side, flags, seq, ack, NULL, &m);
}

static void begin_first(void)
{
	seen_begin();
	capable(0, C, SYN, 1000, 0);
	capable(10, S, SYN_ACK, 5000, 1001);
	capable(10.1, C, ACK, 1001, 5001);
}

/* Data whose first byte is the n-th of the side's (from 1), at `ssn` of the subflow. */
static void data(double ms, unsigned side, uint32_t seq, uint32_t ack, const char *text, uint32_t n,
	uint32_t ssn, uint32_t other)
{
	uint32_t own = side == C ? versions[version].client_data : versions[version].server_data;
	uint32_t its = side == C ? versions[version].server_data : versions[version].client_data;
	struct packet_mptcp m = {.subtype = MPTCP_DSS,
		.has_ack = true,
		.has_map = text != NULL,
		.len = text ? (uint16_t)strlen(text) : 0,
		.ack = its + other,
		.dsn = own + n,
		.ssn = ssn};

	say(ms, side, ACK, seq, ack, text, &m);
}

static void is_split(bool split, unsigned txns)
{
	assert_int_equal(seen.nflows, 1);
	assert_int_equal(seen.ntxns, txns);
	assert_int_equal(seen.flow[0].r.quality >> QUALITY_MPTCP & 1, split);
	assert_int_equal(seen.flow[0].multipath[SIDE_SERVER].token, versions[version].server_token);
}

/* All of it runs over the first subflow: as with plain TCP. */
static void alone(void)
{
	begin_first();
	data(20, C, 1001, 5001, GET, 1, 1, 1);
	data(30, S, 5001, 1028, NULL, 0, 0, 28);
	data(60, S, 5001, 1028, OK, 1, 1, 28);
	data(60.1, C, 1028, 5044, NULL, 0, 0, 44);
	data(70, C, 1028, 5044, GET, 28, 28, 44);
	data(110, S, 5044, 1055, OK, 44, 44, 55);
	data(110.1, C, 1055, 5087, NULL, 0, 0, 87);
	data(120, S, 5087, 1055, NULL, 0, 0, 56); /* the end of the data, acknowledged */
	seen_end();
	is_split(false, 2);
	assert_int_equal(seen.txn[0].r.duration, 40 * 1000 * US);
	assert_int_equal(seen.txn[1].r.duration, 40 * 1000 * US);
	assert_int_equal(seen.flow[0].multipath[SIDE_CLIENT].token, versions[version].client_token);
}

/* Bytes that the capture lost are not elsewhere. */
static void lost_by_capture(void)
{
	begin_first();
	data(20, C, 1001, 5001, GET, 1, 1, 1);
	data(30, S, 5001, 1028, NULL, 0, 0, 28);
	data(60.1, C, 1028, 5044, NULL, 0, 0, 44); /* the answer is missing */
	data(100, C, 1028, 5044, GET, 28, 28, 44);
	data(140, S, 5044, 1055, OK, 44, 44, 55);
	data(140.1, C, 1055, 5087, NULL, 0, 0, 87);
	seen_end();
	is_split(false, 2);
	assert_int_equal(seen.txn[1].r.duration, 40 * 1000 * US);
}

static void told_without_end(unsigned i)
{
	assert_true(seen.txn[i].r.duration == FIELD_ABSENT);
	assert_true(seen.txn[i].total == FIELD_ABSENT);
	assert_true(seen.txn[i].r.quality & 1u << QUALITY_MPTCP);
	assert_true(seen.txn[i].r.status == 0 || seen.txn[i].r.status == STATUS_OK);
	assert_null(seen.txn[i].ended_by);
}

/* A part of the second answer came over another subflow, then a whole one did. */
static void divided(void)
{
	begin_first();
	data(20, C, 1001, 5001, GET, 1, 1, 1);
	data(60, S, 5001, 1028, OK, 1, 1, 28);
	data(70, C, 1028, 5044, GET, 28, 28, 44);
	data(110, S, 5044, 1055, TOP, 44, 44, 55);
	data(111, S, 5088, 1055, OK, 100, 88, 55); /* 88 to 99 ran elsewhere */
	data(120, C, 1055, 5131, GET, 55, 55, 143);
	seen_end();
	is_split(true, 2);
	assert_int_equal(seen.txn[0].r.duration, 40 * 1000 * US);
	told_without_end(1);
}

/* The answer came over another subflow altogether: its acknowledgment shows it. */
static void answered_elsewhere(void)
{
	begin_first();
	data(20, C, 1001, 5001, GET, 1, 1, 1);
	data(30, S, 5001, 1028, NULL, 0, 0, 28);
	data(60, C, 1028, 5001, NULL, 0, 0, 44);
	data(70, C, 1028, 5001, GET, 28, 28, 44);
	data(110, S, 5001, 1055, OK, 44, 1, 55);
	seen_end();
	is_split(true, 1);
	told_without_end(0);
}

/* Nothing here says whether it was. */
static void never_answered(void)
{
	begin_first();
	data(20, C, 1001, 5001, GET, 1, 1, 1);
	data(30, S, 5001, 1028, NULL, 0, 0, 28);
	say(5000, C, RST | ACK, 1028, 5001, NULL, NULL);
	seen_end();
	assert_int_equal(seen.ntxns, 1);
	told_without_end(0);
}

static void joined(void)
{
	struct packet_mptcp token = {
		.subtype = MPTCP_JOIN, .has_token = true, .token = versions[version].server_token};
	struct packet_mptcp answer = {.subtype = MPTCP_JOIN};

	seen_begin();
	say(0, C, SYN, 1000, 0, NULL, &token);
	say(10, S, SYN_ACK, 5000, 1001, NULL, &answer);
	say(10.1, C, ACK, 1001, 5001, NULL, &answer);
	data(20, C, 1001, 5001, GET, 100, 1, 1);
	data(60, S, 5001, 1028, OK, 200, 1, 127);
	seen_end();
	is_split(true, 0);
	assert_int_equal(seen.flow[0].turns, 0);
	assert_int_equal(seen.flow[0].handshake, 10100 * US);
	assert_int_equal(seen.flow[0].side[SIDE_SERVER].payload, 43);
}

/* Begun before the capture: followed as long as the numbers go on. */
static void midway(void)
{
	seen_begin();
	data(20, C, 1001, 5001, GET, 1, 1, 1);
	data(60, S, 5001, 1028, OK, 1, 1, 28);
	data(70, C, 1028, 5044, GET, 28, 28, 44);
	data(110, S, 5044, 1055, OK, 44, 44, 55);
	data(120, C, 1055, 5087, GET, 155, 55, 87);
	data(160, S, 5087, 1082, OK, 87, 87, 182);
	seen_end();
	assert_int_equal(seen.ntxns, 2);
	assert_int_equal(seen.txn[1].r.duration, 40 * 1000 * US);
	assert_true(seen.flow[0].r.quality & 1u << QUALITY_MPTCP);
}

static void all(void **state)
{
	static void (*const cases[])(void) = {alone, lost_by_capture, divided, answered_elsewhere,
		never_answered, joined, midway};

	(void)state;
	for (version = 0; version < 2; version++)
		for (way = 0; way < WAYS; way++)
			for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
				cases[i]();
}

/* The server does not know of it: it is plain TCP. */
static void not_agreed(void **state)
{
	(void)state;
	version = 1;
	way = OVER_IPV4;
	seen_begin();
	capable(0, C, SYN, 1000, 0);
	say(10, S, SYN_ACK, 5000, 1001, NULL, NULL);
	say(10.1, C, ACK, 1001, 5001, NULL, NULL);
	say(20, C, ACK, 1001, 5001, GET, NULL);
	say(5000, C, RST | ACK, 1028, 5001, NULL, NULL);
	seen_end();
	assert_int_equal(seen.ntxns, 1);
	assert_int_equal(seen.flow[0].r.quality & 1u << QUALITY_MPTCP, 0);
	assert_string_equal(seen.txn[0].ended_by, "client_rst");
}

/* A segment with these options, of which the first `n` bytes are there. */
static void read_options(struct packet *p, const uint8_t *o, size_t n)
{
	uint8_t frame[20 + 20 + 40] = {0x45, [3] = 80, [8] = 64, [9] = 6, [12] = 10, [15] = 1,
		[16] = 10, [19] = 2, [20] = 0x9c, [21] = 0x40, [23] = 80, [32] = 0xf0, [33] = 0x10};
	struct counters *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	memcpy(frame + 40, o, n);
	memset(p, 0, sizeof(*p));
	p->data = frame;
	p->caplen = p->len = sizeof(frame);
	p->linktype = 101;
	layers_dissect(p, c);
	free(c);
	assert_true(p->flags & PACKET_TCP);
}

static void options(void **state)
{
	static const uint8_t dss[] = {30, 28, 0x20, 0x0f, 0, 0, 0, 9, 0, 0, 0, 8, 0, 0, 0, 7, 0, 0,
		0, 6, 0, 0, 0, 5, 0, 4, 0, 0};
	static const uint8_t dss4[] = {
		30, 18, 0x20, 0x05, 0, 0, 0, 8, 0, 0, 0, 6, 0, 0, 0, 5, 0, 4};
	static const uint8_t ack[] = {30, 8, 0x20, 0x01, 0, 0, 0, 8};
	static const uint8_t join[] = {30, 12, 0x10, 1, 0xf5, 9, 3, 0x53, 0, 0, 0, 1};
	static const uint8_t keys[] = {
		30, 20, 0x01, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
	static const uint8_t add_addr[] = {
		30, 8, 0x31, 1, 10, 0, 0, 1, 30, 8, 0x20, 0x01, 0, 0, 0, 8};
	struct packet p;

	(void)state;
	registry_init();
	read_options(&p, dss, sizeof(dss));
	assert_true(p.tcp_opts & TCP_OPT_MPTCP && p.mptcp.has_ack && p.mptcp.has_map);
	assert_int_equal(p.mptcp.ack, 8);
	assert_int_equal(p.mptcp.dsn, 6);
	assert_int_equal(p.mptcp.ssn, 5);
	assert_int_equal(p.mptcp.len, 4);
	read_options(&p, dss4, sizeof(dss4));
	assert_true(p.mptcp.ack == 8 && p.mptcp.dsn == 6 && p.mptcp.ssn == 5 && p.mptcp.len == 4);
	read_options(&p, ack, sizeof(ack));
	assert_true(p.mptcp.has_ack && !p.mptcp.has_map && p.mptcp.ack == 8);
	read_options(&p, join, sizeof(join));
	assert_true(p.mptcp.subtype == MPTCP_JOIN && p.mptcp.has_token);
	assert_int_equal(p.mptcp.token, 4111008595);
	read_options(&p, keys, sizeof(keys));
	assert_int_equal(p.mptcp.nkeys, 2);
	assert_int_equal(p.mptcp.version, 1);
	assert_true(p.mptcp.key[1] == UINT64_C(0x090a0b0c0d0e0f10));
	read_options(&p, add_addr, sizeof(add_addr)); /* not read; the one behind it is */
	assert_true(p.mptcp.subtype == MPTCP_DSS && p.mptcp.ack == 8);
	/* Shorter than what they say they hold. */
	for (uint8_t n = 3; n < sizeof(dss); n++) {
		uint8_t cut[sizeof(dss)];

		memcpy(cut, dss, sizeof(dss));
		cut[1] = n;
		read_options(&p, cut, n);
		if (p.tcp_opts & TCP_OPT_MPTCP)
			assert_true(n >= 26);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all),
		cmocka_unit_test(not_agreed),
		cmocka_unit_test(options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
