/*
 * segments.h - connections made segment by segment: at which millisecond, from whom, with which
 * numbers and timestamps; and the records that come out.
 *
 * play() tells a conversation between 40000 and `port`: over IPv4, IPv6 or in a VLAN, with or
 * without TCP timestamps.
 */
#ifndef TSUMARI_TESTS_SEGMENTS_H
#define TSUMARI_TESTS_SEGMENTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "api/layer.h"
#include "core/engine.h"
#include "core/registry.h"

#define US UINT64_C(1000)

#define SYN     TCP_SYN
#define SYN_ACK (TCP_SYN | TCP_ACK)
#define ACK     TCP_ACK
#define FIN     (TCP_FIN | TCP_ACK)
#define RST     TCP_RST
enum { C, S }; /* who sends */

struct segment {
	double ms;
	unsigned side;
	uint8_t flags;
	uint32_t seq, ack;
	uint32_t tsval, tsecr; /* 0: without timestamps */
	const char *data;
};

enum way { OVER_IPV4, OVER_IPV6, IN_VLAN, NO_TIMES, WAYS };

static struct {
	struct engine_config config;
	struct engine *engine;
	uint64_t number;
	unsigned nflows, ntxns;
	struct flow_record flow[8];
	struct txn_record txn[8];
} seen;

static inline void seen_drain(void)
{
	struct records *out = engine_records(seen.engine);

	for (struct recblock *b = out->first; b; b = b->next)
		for (uint32_t at = 0; at < b->len;) {
			const struct record *r = (const void *)(b->data + at);
			struct flow_record whole;

			if (r->kind == RECORD_FLOW && ((const struct flow_record *)r)->final) {
				assert_true(seen.nflows < 8);
				memcpy(&seen.flow[seen.nflows++], record_whole(r, &whole),
					sizeof(whole));
			} else if (r->kind == RECORD_TXN) {
				assert_true(seen.ntxns < 8);
				memcpy(&seen.txn[seen.ntxns++], r, sizeof(struct txn_record));
			}
			at += r->size;
		}
	records_free(out);
}

/* mptcp: what its option of Multipath TCP says, NULL: it has none. */
static inline void send_with(
	const struct segment *s, enum way way, uint16_t port, const struct packet_mptcp *mptcp)
{
	static const uint8_t v4[2][4] = {{192, 0, 2, 1}, {192, 0, 2, 25}};
	static const uint8_t v6[2][16] = {{0x20, 1, [15] = 1}, {0x20, 1, [15] = 25}};
	size_t n = s->data ? strlen(s->data) : 0;
	uint8_t *own = malloc(n ? n : 1);
	struct packet k = {
		.flags = PACKET_TCP | PACKET_IP, .ip_proto = IP_PROTO_TCP, .linktype = 1};
	struct packet *p = &k;

	assert_non_null(own);
	if (n)
		memcpy(own, s->data, n);
	k.time = UINT64_C(1600000000) * 1000000000u + (uint64_t)(s->ms * 1000 + .5) * US;
	k.number = ++seen.number;
	k.ip_version = way == OVER_IPV6 ? 6 : 4;
	k.ip_id = way == OVER_IPV6 ? 0 : (uint16_t)k.number;
	k.ttl = 64;
	k.src = way == OVER_IPV6 ? addr_v6(v6[s->side]) : addr_v4(v4[s->side]);
	k.dst = way == OVER_IPV6 ? addr_v6(v6[!s->side]) : addr_v4(v4[!s->side]);
	if (way == IN_VLAN) {
		k.nvlan = 1;
		k.vlan[0] = 7;
	}
	k.sport = s->side == C ? 40000 : port;
	k.dport = s->side == C ? port : 40000;
	k.tcp_flags = s->flags;
	k.tcp_seq = s->seq;
	k.tcp_ack = s->ack;
	k.tcp_window = 0xffff;
	if (s->tsval && way != NO_TIMES) {
		k.tcp_opts = TCP_OPT_TIMES;
		k.tcp_tsval = s->tsval;
		k.tcp_tsecr = s->tsecr;
	}
	if (mptcp) {
		k.tcp_opts |= TCP_OPT_MPTCP;
		k.mptcp = *mptcp;
	}
	k.payload = own;
	k.paylen = (uint32_t)n;
	k.caplen = k.len = 54 + (uint32_t)n;
	if (engine_route(&seen.config, p))
		engine_packets(seen.engine, &p, 1);
	free(own);
	seen_drain();
}

static inline void send_segment(const struct segment *s, enum way way, uint16_t port)
{
	send_with(s, way, port, NULL);
}

static inline void seen_begin(void)
{
	memset(&seen, 0, sizeof(seen));
	registry_init();
	engine_config_defaults(&seen.config);
	seen.engine = engine_new(&seen.config, (1u << SHARDS) - 1);
	assert_non_null(seen.engine);
}

static inline void seen_end(void)
{
	bool more = true;

	while (more) {
		more = engine_finish(seen.engine, seen.number + 1);
		seen_drain();
	}
	engine_free(seen.engine);
	seen.engine = NULL;
}

static inline void play(const struct segment *s, size_t n, enum way way, uint16_t port)
{
	seen_begin();
	for (size_t i = 0; i < n; i++)
		send_segment(&s[i], way, port);
	seen_end();
}
#define PLAY(segments, way) play(segments, sizeof(segments) / sizeof((segments)[0]), way, 80)

/* ns of an entry in the first transaction's ledger, which must add up. */
static inline uint64_t entry_of(enum ledger_entry entry)
{
	uint64_t sum = 0;

	assert_true(seen.ntxns > 0);
	for (int i = 0; i < LEDGER_COUNT; i++)
		sum += seen.txn[0].ledger[i];
	assert_true(sum == seen.txn[0].total);
	return seen.txn[0].ledger[entry];
}

#endif
