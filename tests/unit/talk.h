/*
 * talk.h - one connection of a client and a server, made by hand, and what comes out as text.
 *
 * The server speaks on talk_begin()'s port. Each transaction is a line: its method, query and
 * status, then its protocol's own fields by name, then its flags. Payloads lie in blocks of their
 * exact size, so that a sanitizer sees a read past them.
 */
#ifndef TSUMARI_TESTS_TALK_H
#define TSUMARI_TESTS_TALK_H

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

#define TALK_MS UINT64_C(1000000)

static struct {
	struct engine_config config;
	struct engine *engine;
	uint64_t number, time; /* of the last packet */
	uint32_t next[2];
	uint16_t port;
	unsigned records;
	uint64_t waited;               /* ns, of all ledgers */
	struct txn_record last;        /* of the records of transactions, without what follows it */
	struct flow_record flow;       /* of the records of flows */
	uint64_t ledger[LEDGER_COUNT]; /* of all transactions */
	char out[1 << 18];
	size_t len;
} talk;

static inline void talk_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static inline void talk_say(const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(talk.out + talk.len, sizeof(talk.out) - talk.len, format, ap);
	va_end(ap);
	assert_true(n >= 0 && (size_t)n < sizeof(talk.out) - talk.len);
	talk.len += (size_t)n;
}

static inline void talk_show(const struct txn_record *t)
{
	const struct value *v = (const void *)((const char *)t + t->values);
	const char *base = (const void *)t;

	for (int i = 0; i < LEDGER_COUNT; i++)
		talk.ledger[i] += t->ledger[i];
	talk_say("%s %.*s|%.*s|%u", t->r.type, (int)t->method.len, base + t->method.offset,
		(int)t->query.len, base + t->query.offset, t->r.status);
	for (uint32_t i = 0; i < t->nvalues; i++, v = value_next(v)) {
		const struct field *f;

		if (v->field >= VALUE_FACT)
			continue;
		f = &t->r.dissector->fields[v->field];
		if (f->type == FIELD_STR)
			talk_say(" %s=%.*s", f->name, (int)v->len, value_text(v));
		else if (f->type == FIELD_NAME)
			talk_say(" %s=%s", f->name, v->name ? v->name : "-");
		else
			talk_say(" %s=%llu", f->name, (unsigned long long)v->u64);
	}
	for (unsigned q = 0; q < QUALITY_COUNT; q++)
		if (t->r.quality >> q & 1 && q != QUALITY_CONNECT && q != QUALITY_NO_RTT)
			talk_say(" !%s", quality_names[q]);
	talk_say("\n");
}

static inline void talk_drain(void)
{
	struct records *out = engine_records(talk.engine);

	for (struct recblock *b = out->first; b; b = b->next)
		for (uint32_t at = 0; at < b->len;) {
			const struct record *r = (const void *)(b->data + at);

			if (r->kind == RECORD_FLOW) {
				struct flow_record room;

				memcpy(&talk.flow, record_whole(r, &room), sizeof(talk.flow));
			}
			if (r->kind == RECORD_TXN) {
				talk.records++;
				if (((const struct txn_record *)r)->total != FIELD_ABSENT)
					talk.waited += ((const struct txn_record *)r)->total;
				memcpy(&talk.last, r, sizeof(talk.last));
				if (talk.len < sizeof(talk.out) / 2)
					talk_show((const void *)r);
			}
			at += r->size;
		}
	records_free(out);
}

static inline void talk_packet(struct packet *k, unsigned side, const void *p, size_t n)
{
	static const uint8_t ends[2][4] = {{192, 0, 2, 1}, {192, 0, 2, 25}};
	uint8_t *own = malloc(n ? n : 1);

	assert_non_null(own);
	if (n)
		memcpy(own, p, n);
	k->linktype = 1;
	k->time = talk.time += TALK_MS / 10;
	k->number = ++talk.number;
	k->flags |= PACKET_IP;
	k->ip_version = 4;
	k->ttl = 64;
	k->src = addr_v4(ends[side]);
	k->dst = addr_v4(ends[!side]);
	k->sport = side ? talk.port : 40000;
	k->dport = side ? 40000 : talk.port;
	k->payload = own;
	k->paylen = (uint32_t)n;
	k->caplen = 54 + (uint32_t)n;
	k->len = k->caplen + k->paycut;
	if (engine_route(&talk.config, k))
		engine_packets(talk.engine, &k, 1);
	free(own);
	talk_drain();
}

/* A segment as it is said to be; what comes next does not change. */
static inline void talk_raw(
	unsigned side, uint8_t flags, uint32_t seq, uint32_t ack, const void *p, size_t n)
{
	struct packet k = {.flags = PACKET_TCP,
		.ip_proto = IP_PROTO_TCP,
		.tcp_flags = flags,
		.tcp_seq = seq,
		.tcp_ack = ack,
		.tcp_window = 0xffff};

	talk_packet(&k, side, p, n);
}

static inline void talk_segment(unsigned side, uint8_t flags, const void *p, size_t n, size_t cut)
{
	struct packet k = {.flags = PACKET_TCP,
		.ip_proto = IP_PROTO_TCP,
		.tcp_flags = flags,
		.tcp_seq = talk.next[side],
		.tcp_ack = flags & TCP_ACK ? talk.next[!side] : 0,
		.tcp_window = 0xffff,
		.paycut = (uint32_t)cut};

	talk_packet(&k, side, p, n);
	talk.next[side] += (uint32_t)(n + cut) + (flags & (TCP_SYN | TCP_FIN) ? 1 : 0);
}

static inline void talk_free(void)
{
	if (talk.engine)
		engine_free(talk.engine);
	talk.engine = NULL;
}

/* A new connection (with a handshake) or UDP flow. */
static inline void talk_begin(uint16_t port, bool handshake)
{
	talk_free();
	memset(&talk, 0, offsetof(__typeof__(talk), out));
	talk.len = 0;
	talk.out[0] = '\0';
	talk.port = port;
	registry_init();
	engine_config_defaults(&talk.config);
	talk.engine = engine_new(&talk.config, (1u << SHARDS) - 1);
	assert_non_null(talk.engine);
	talk.time = UINT64_C(1600000000) * 1000 * TALK_MS;
	talk.next[1] = 0xfffff000u; /* wraps soon */
	if (handshake) {
		talk_segment(0, TCP_SYN, NULL, 0, 0);
		talk_segment(1, TCP_SYN | TCP_ACK, NULL, 0, 0);
		talk_segment(0, TCP_ACK, NULL, 0, 0);
	}
}

/* Bytes of a side in segments of `step`, and the other's acknowledgment. */
static inline void talk_bytes(unsigned side, const void *p, size_t n, size_t step)
{
	for (size_t at = 0; at < n; at += step)
		talk_segment(
			side, TCP_ACK, (const uint8_t *)p + at, n - at < step ? n - at : step, 0);
	talk_segment(!side, TCP_ACK, NULL, 0, 0);
}

/* These bytes of the side are not captured. */
static inline void talk_lose(unsigned side, size_t n)
{
	talk.next[side] += (uint32_t)n;
	talk_segment(!side, TCP_ACK, NULL, 0, 0);
}

/* A datagram, the last `cut` of its bytes cut off by the snap length. */
static inline void talk_datagram(unsigned side, const void *p, size_t n, size_t cut)
{
	struct packet k = {.flags = PACKET_UDP, .ip_proto = IP_PROTO_UDP, .paycut = (uint32_t)cut};

	talk_packet(&k, side, p, n - cut);
}

/* Both sides close. */
static inline void talk_close(void)
{
	talk_segment(0, TCP_FIN | TCP_ACK, NULL, 0, 0);
	talk_segment(1, TCP_FIN | TCP_ACK, NULL, 0, 0);
	talk_segment(0, TCP_ACK, NULL, 0, 0);
}

/* The end of the capture; gives the lines. */
static inline const char *talk_end(void)
{
	bool more = true;

	while (more) {
		more = engine_finish(talk.engine, talk.number + 1);
		talk_drain();
	}
	return talk.out;
}

static inline uint64_t talk_counted(const char *name)
{
	const struct counters *c = engine_counters(talk.engine);

	for (uint32_t i = 0; i < c->n; i++)
		if (strcmp(c->c[i].name, name) == 0)
			return c->c[i].n;
	return 0;
}

/* Is this a part of what came out? */
static inline void talk_holds(const char *text)
{
	if (!strstr(talk.out, text))
		fail_msg("\"%s\" is not in:\n%s", text, talk.out);
}

static inline void talk_lacks(const char *text)
{
	if (strstr(talk.out, text))
		fail_msg("\"%s\" is in:\n%s", text, talk.out);
}

#endif
