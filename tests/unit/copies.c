/*
 * copies.c - one connection, captured more than once: behind itself, behind a burst, with another
 * tag, in a tunnel, under other addresses; and what looks like it and is none.
 */
#include "talk.h"
#include "api/layer.h"
#include "core/copies.h"
#include "core/twins.h"

static const char get[] = "GET /one HTTP/1.1\r\n\r\n";
static char answer[4000];

#define N(text) (sizeof(text) - 1)

/* How a segment is captured. */
struct way {
	uint16_t vlan;
	uint32_t tunnel;
	uint8_t hop;                  /* routers on the way */
	uint8_t client[4], server[4]; /* 0: as they are */
	uint16_t port[2];
	bool v6, times, ids;
	bool plain; /* SYNs without options, as those of scanners */
};

static struct {
	struct twins twins;
	struct counters counts;
	uint16_t id[2];
	uint32_t tsval[2];
	uint64_t records;
	struct segment {
		unsigned side;
		uint8_t flags;
		uint32_t seq, ack, tsval;
		uint16_t id;
		const char *p;
		size_t n;
	} sent[64];
	unsigned n;
} wire;

static void capture(const struct segment *s, const struct way *w)
{
	static const uint8_t ends[2][4] = {{192, 0, 2, 1}, {198, 51, 100, 25}};
	struct packet k = {.flags = PACKET_TCP | PACKET_IP,
		.ip_proto = IP_PROTO_TCP,
		.tcp_flags = s->flags,
		.tcp_seq = s->seq,
		.tcp_ack = s->ack,
		.tcp_window = 0xffff,
		.linktype = 1};
	struct packet *list[1] = {&k};
	bool client = w->client[0] != 0, server = w->server[0] != 0;
	struct addr from = addr_v4(client ? w->client : ends[0]);
	struct addr to = addr_v4(server ? w->server : ends[1]);
	uint16_t fport = w->port[0] ? w->port[0] : 40000, tport = w->port[1] ? w->port[1] : 80;

	if (w->v6) {
		from.b[0] = to.b[0] = 0x20;
	}
	k.ip_version = w->v6 ? 6 : 4;
	k.ip_id = w->ids ? s->id : 0;
	if (w->times) {
		k.tcp_opts = TCP_OPT_TIMES;
		k.tcp_tsval = s->tsval;
	}
	if (s->flags & TCP_SYN && !w->plain) {
		k.tcp_opts |= TCP_OPT_WSCALE | TCP_OPT_SACK_OK;
		k.tcp_wscale = 7;
	}
	k.ttl = (uint8_t)(64 - w->hop);
	k.vlan[0] = w->vlan;
	k.nvlan = w->vlan != 0;
	k.tunnel = w->tunnel;
	k.tunnel_kind = w->tunnel ? "vxlan" : NULL;
	k.time = talk.time += 10000;
	k.number = ++talk.number;
	k.src = s->side ? to : from;
	k.dst = s->side ? from : to;
	k.sport = s->side ? tport : fport;
	k.dport = s->side ? fport : tport;
	k.payload = (const uint8_t *)s->p;
	k.paylen = (uint32_t)s->n;
	k.caplen = k.len = 54 + k.paylen;
	assert_true(engine_route(&talk.config, &k));
	twins_packet(&wire.twins, &k, &wire.counts);
	engine_packets(talk.engine, list, 1);
	talk_drain();
}

static void speak(unsigned side, uint8_t flags, const char *p, size_t n)
{
	wire.sent[wire.n++] = (struct segment){side, flags, talk.next[side],
		flags & TCP_ACK ? talk.next[!side] : 0, wire.tsval[side], ++wire.id[side], p, n};
	talk.next[side] += (uint32_t)n + (flags & (TCP_SYN | TCP_FIN) ? 1 : 0);
}

/* A handshake, a request, an answer of three segments, the end. */
static void conversation(bool handshake)
{
	int head =
		snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n");
	size_t whole = (size_t)head + 3000;

	talk_begin(80, false);
	twins_release(&wire.twins);
	memset(&wire, 0, sizeof(wire));
	twins_init(&wire.twins, &talk.config);
	wire.id[0] = 100;
	wire.id[1] = 7000;
	wire.tsval[0] = 5000;
	wire.tsval[1] = 9000;
	talk.next[0] = 123456;
	talk.next[1] = 987654;
	if (handshake) {
		speak(0, TCP_SYN, NULL, 0);
		speak(1, TCP_SYN | TCP_ACK, NULL, 0);
		speak(0, TCP_ACK, NULL, 0);
	}
	speak(0, TCP_ACK | TCP_PSH, get, N(get));
	speak(1, TCP_ACK, NULL, 0);
	for (size_t at = 0; at < whole; at += 1400)
		speak(1, TCP_ACK, answer + at, whole - at < 1400 ? whole - at : 1400);
	speak(0, TCP_ACK, NULL, 0);
	speak(0, TCP_ACK | TCP_FIN, NULL, 0);
	speak(1, TCP_ACK | TCP_FIN, NULL, 0);
	speak(0, TCP_ACK, NULL, 0);
}

static void one_connection(unsigned copies, unsigned kinds)
{
	talk_end();
	assert_int_equal(talk.records, 1);
	talk_holds("GET /one|1");
	talk_lacks("!no_");
	talk_lacks("!gap");
	assert_int_equal(talk.flow.duplicates, copies);
	assert_int_equal(talk.flow.copy_kinds, kinds);
	assert_int_equal(talk.flow.r.client.packets + talk.flow.r.server.packets, wire.n);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(talk.flow.trouble[i].retransmits, 0);
		assert_int_equal(talk.flow.trouble[i].duplicate_acks, 0);
		assert_int_equal(talk.flow.trouble[i].gaps, 0);
		assert_int_equal(talk.flow.trouble[i].outside, 0);
	}
	assert_string_equal(talk.flow.close_reason, "fin");
}

/* Copies behind `late` further segments, of the same direction or the other. */
static void play(const struct way *first, const struct way *again, unsigned late)
{
	for (unsigned i = 0; i < wire.n + late; i++) {
		if (i < wire.n)
			capture(&wire.sent[i], first);
		if (i >= late)
			capture(&wire.sent[i - late], again);
	}
}

/* Every way to tell them: identifications, timestamps, both, neither; with and without a handshake.
 */
static void test_behind(void **state)
{
	(void)state;
	for (unsigned how = 0; how < 8; how++)
		for (unsigned late = 0; late < 4; late++) {
			struct way a = {.ids = how & 1, .times = how & 2, .v6 = how & 4}, b = a;

			if (how & 4 && how & 1)
				continue; /* IPv6 has none */
			b.hop = late & 1;
			conversation(true);
			play(&a, &b, late);
			/* Of an ACK that others overtook nobody can tell, until a copy is certain.
			 */
			one_connection(wire.n, COPY_SAME);
		}
}

static void test_other_ways(void **state)
{
	static const struct {
		struct way way;
		unsigned kinds;
	} list[] = {
		{{.vlan = 200}, COPY_VLAN},
		{{.tunnel = 42}, COPY_TUNNEL},
		{{.vlan = 200, .tunnel = 42}, COPY_VLAN | COPY_TUNNEL},
		{{.server = {172, 17, 0, 2}, .port = {0, 8080}, .hop = 1}, COPY_NAT},
		{{.client = {203, 0, 113, 9}, .port = {61001, 0}, .hop = 1}, COPY_NAT},
		{{.client = {203, 0, 113, 9}, .port = {61001, 0}, .tunnel = 7, .hop = 1},
			COPY_NAT | COPY_TUNNEL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		for (unsigned how = 0; how < 16; how++) {
			struct way a = {.ids = how & 1, .times = how & 2}, b = list[i].way;

			b.ids = a.ids;
			b.times = a.times;
			a.v6 = b.v6 = !a.ids;
			conversation(how & 4);
			if (how & 8 && how & 4) /* the other one is seen first */
				play(&b, &a, 0);
			else
				play(&a, &b, how & 4 ? 2 : 0);
			one_connection(wire.n, list[i].kinds);
			if (list[i].kinds & COPY_NAT && !(how & 8)) {
				static const uint8_t zero[4];

				if (memcmp(b.server, zero, 4) != 0)
					assert_memory_equal(
						talk.flow.copy_ip[1].b + 12, b.server, 4);
				if (memcmp(b.client, zero, 4) != 0)
					assert_memory_equal(
						talk.flow.copy_ip[0].b + 12, b.client, 4);
				assert_int_equal(
					talk.flow.copy_port[1], b.port[1] ? b.port[1] : 80);
			}
		}
}

/* Nothing but its number speaks for a SYN: its connection is known by what it says. */
static void test_plain(void **state)
{
	(void)state;
	for (unsigned how = 0; how < 2; how++) {
		struct way a = {.v6 = true, .plain = true}, b = a;

		b.hop = 1;
		b.server[0] = how ? 0 : 172;
		b.client[0] = how ? 203 : 0;
		conversation(true);
		play(&a, &b, 0);
		talk_end();
		assert_int_equal(talk.records, 1);
		talk_holds("GET /one|1");
		talk_lacks("!no_");
		talk_lacks("!gap");
	}
}

/* Connections to two servers that begin with one number: a scanner's, or by chance. */
static void test_same_number(void **state)
{
	static const struct way list[] = {
		{.server = {172, 17, 0, 2}, .hop = 1, .plain = true},
		{.server = {172, 17, 0, 2}, .hop = 0},
		{.server = {172, 17, 0, 2}, .hop = 2},
		{.client = {172, 17, 0, 3}, .server = {172, 17, 0, 2}, .hop = 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		struct way a = {.v6 = true, .plain = list[i].plain}, b = list[i];

		b.v6 = true;
		conversation(true);
		for (unsigned j = 0; j < wire.n; j++) {
			struct segment other = wire.sent[j];

			other.seq += other.side ? 70000000 : 0;
			other.ack += other.ack && !other.side ? 70000000 : 0;
			capture(&wire.sent[j], &a);
			capture(&other, &b);
		}
		talk_end();
		assert_int_equal(talk.records, 2);
		assert_int_equal(talk.flow.duplicates, 0);
	}
}

/* Each direction has a tag of its own, and is captured once. */
static void test_one_tag(void **state)
{
	(void)state;
	for (unsigned how = 0; how < 8; how++) {
		struct way a = {.vlan = 100, .ids = true, .times = how & 1}, b = a;

		b.vlan = how & 2 ? 0 : 300;
		conversation(how & 4);
		for (unsigned i = 0; i < wire.n; i++)
			capture(&wire.sent[i], wire.sent[i].side ? &b : &a);
		one_connection(0, 0);
	}
}

/* The same addresses on two VLANs: two connections with numbers of their own. */
static void test_two_worlds(void **state)
{
	(void)state;
	for (unsigned how = 0; how < 4; how++) {
		struct way a = {.vlan = 100, .ids = true, .times = how & 1}, b = a;
		struct segment other[64];
		unsigned n;

		b.vlan = 200;
		conversation(how & 2);
		n = wire.n;
		memcpy(other, wire.sent, sizeof(other));
		for (unsigned i = 0; i < n; i++) {
			other[i].seq += other[i].side ? 400000000 : 70000000;
			other[i].ack += other[i].ack ? (other[i].side ? 70000000 : 400000000) : 0;
			other[i].id = (uint16_t)(other[i].id + 333);
			other[i].tsval += 77777;
		}
		for (unsigned i = 0; i < n; i++) {
			capture(&wire.sent[i], &a);
			capture(&other[i], &b);
		}
		talk_end();
		assert_int_equal(talk.records, 2);
		assert_int_equal(talk.flow.duplicates, 0);
		assert_int_equal(talk.flow.r.client.packets + talk.flow.r.server.packets, n);
	}
}

/* What is sent again is no copy, as its identification or timestamp is newer. */
static void test_resent(void **state)
{
	(void)state;
	for (unsigned how = 1; how < 4; how++) {
		struct way a = {.ids = how & 1, .times = how & 2};

		conversation(true);
		for (unsigned i = 0; i < wire.n; i++) {
			struct segment s = wire.sent[i];

			capture(&s, &a);
			if (s.n != 1400)
				continue;
			s.id = (uint16_t)(s.id + 10);
			s.tsval++;
			capture(&s, &a);
			for (unsigned j = i + 1; j < wire.n; j++)
				if (wire.sent[j].side == s.side) {
					wire.sent[j].id = (uint16_t)(wire.sent[j].id + 11);
					wire.sent[j].tsval += 1;
				}
		}
		talk_end();
		assert_int_equal(talk.records, 1);
		assert_int_equal(talk.flow.duplicates, 0);
		assert_int_equal(talk.flow.trouble[1].retransmits, 2);
	}
}

/* An ACK that was overtaken on its way is no copy. */
static void test_overtaken(void **state)
{
	struct way a = {.ids = true, .times = true};

	(void)state;
	conversation(true);
	for (unsigned i = 0; i < 3; i++)
		capture(&wire.sent[i], &a);
	capture(&wire.sent[3], &a);
	for (unsigned i = 5; i < wire.n; i++) {
		capture(&wire.sent[i], &a);
		if (i == 5)
			capture(&wire.sent[4], &a);
	}
	one_connection(0, 0);
}

static int teardown(void **state)
{
	(void)state;
	twins_release(&wire.twins);
	talk_free();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_behind),
		cmocka_unit_test(test_other_ways),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_same_number),
		cmocka_unit_test(test_one_tag),
		cmocka_unit_test(test_two_worlds),
		cmocka_unit_test(test_resent),
		cmocka_unit_test(test_overtaken),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
