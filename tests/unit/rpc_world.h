/*
 * rpc_world.h - calls and replies of RPC made by hand after the RFCs, the engine that reads them,
 * and what comes out as text: a line for each transaction, "name=value" of its fields.
 */
#ifndef TSUMARI_TESTS_RPC_WORLD_H
#define TSUMARI_TESTS_RPC_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api/layer.h"
#include "base/clock.h"
#include "core/engine.h"
#include "core/ports.h"
#include "core/registry.h"
#include "model/paths.h"

#define START   (UINT64_C(1600000000) * 1000 * MS)
#define SHOWN   8192u
#define RECORDS 1024u

/* ---- messages ---- */

struct msg {
	uint8_t b[70000];
	size_t n;
};

static inline void words(struct msg *m, unsigned n, ...)
{
	va_list ap;

	va_start(ap, n);
	for (unsigned i = 0; i < n; i++) {
		uint32_t x = va_arg(ap, uint32_t);

		for (int k = 24; k >= 0; k -= 8)
			m->b[m->n++] = (uint8_t)(x >> k);
	}
	va_end(ap);
}

#define COUNT(...) (sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))
#define W(m, ...)  words(m, COUNT(__VA_ARGS__), __VA_ARGS__)

static inline void fixed(struct msg *m, const char *text, size_t n)
{
	memset(m->b + m->n, 0, n);
	memcpy(m->b + m->n, text, strlen(text) < n ? strlen(text) : n);
	m->n += n;
}

static inline void opaque(struct msg *m, const char *text)
{
	W(m, (uint32_t)strlen(text));
	fixed(m, text, (strlen(text) + 3) / 4 * 4);
}

static inline void call(struct msg *m, uint32_t xid, uint32_t prog, uint32_t vers, uint32_t proc)
{
	m->n = 0;
	W(m, xid, 0u, 2u, prog, vers, proc, 1u, 28u, 7u);
	opaque(m, "host");
	W(m, 10u, 20u, 1u, 30u, 0u, 0u);
}

static inline void reply(struct msg *m, uint32_t xid, uint32_t status)
{
	m->n = 0;
	W(m, xid, 1u, 0u, 0u, 0u, status);
}

/* ---- the engine, and what comes out as text: "name=value" lines ---- */

struct world {
	struct engine_config config;
	struct engine *engine;
	struct paths *paths;
	struct ports *ports;
	uint16_t port; /* of the server; 0: that of NFS */
	uint64_t number, time;
	uint32_t next[2];
	unsigned n;                     /* records of transactions */
	char shown[RECORDS][SHOWN / 8]; /* each as text */
};

static inline void show(struct world *w, const struct record *r)
{
	const struct txn_record *t = (const void *)r;
	const struct value *v = (const void *)((const char *)r + t->values);
	char *at = w->shown[w->n];
	size_t size = sizeof(w->shown[0]), n;

	n = (size_t)snprintf(at, size, "%s %.*s path=%.*s status=%u quality=%x", r->type,
		(int)t->method.len, (const char *)r + t->method.offset, (int)t->object.len,
		(const char *)r + t->object.offset, r->status,
		r->quality & ~(1u << QUALITY_NO_RTT | 1u << QUALITY_CONNECT));
	for (uint32_t i = 0; i < t->nvalues; i++, v = value_next(v)) {
		const struct field *f = &r->dissector->fields[v->field];

		if (v->field >= VALUE_FACT || n >= size)
			continue;
		if (f->type == FIELD_STR)
			n += (size_t)snprintf(
				at + n, size - n, " %s=%.*s", f->name, (int)v->len, value_text(v));
		else if (f->type == FIELD_NAME)
			n += (size_t)snprintf(
				at + n, size - n, " %s=%s", f->name, v->name ? v->name : "-");
		else
			n += (size_t)snprintf(
				at + n, size - n, " %s=%llu", f->name, (unsigned long long)v->u64);
	}
	assert_true(n < size);
	for (char *p = at; *p; p++)
		if (*p == '\n')
			*p = ',';
	w->n++;
	assert_true(w->n < RECORDS);
}

static inline void drain(struct world *w)
{
	struct records *out = engine_records(w->engine);

	for (struct recblock *b = out->first; b; b = b->next)
		for (uint32_t at = 0; at < b->len;) {
			const struct record *r = (const void *)(b->data + at);

			if (r->kind == RECORD_TXN)
				show(w, paths_record(w->paths, r));
			at += r->size;
		}
	records_free(out);
}

static inline void packet(struct world *w, struct packet *p, unsigned side)
{
	static const uint8_t client[4] = {192, 0, 2, 1}, server[4] = {192, 0, 2, 49};
	uint8_t *own = malloc(p->paylen ? p->paylen : 1);

	p->flags |= PACKET_IP;
	p->ip_version = 4;
	p->src = addr_v4(side ? server : client);
	p->dst = addr_v4(side ? client : server);
	p->sport = side ? (w->port ? w->port : 2049) : 700;
	p->dport = side ? 700 : (w->port ? w->port : 2049);
	p->time = w->time += MS / 10;
	p->number = ++w->number;
	p->caplen = 54 + p->paylen;
	p->len = p->caplen + p->paycut;
	if (p->paylen)
		memcpy(own, p->payload, p->paylen);
	p->payload = own;
	assert_true(engine_route(&w->config, p));
	ports_packet(w->ports, p);
	engine_packets(w->engine, &p, 1);
	free(own);
	drain(w);
}

static inline void segment(
	struct world *w, unsigned side, uint8_t flags, const uint8_t *b, size_t n)
{
	struct packet p = {.flags = PACKET_TCP,
		.ip_proto = IP_PROTO_TCP,
		.tcp_flags = flags,
		.tcp_seq = w->next[side],
		.tcp_ack = flags & TCP_ACK ? w->next[!side] : 0,
		.tcp_window = 0xffff,
		.payload = b,
		.paylen = (uint32_t)n};

	packet(w, &p, side);
	w->next[side] += (uint32_t)n + !!(flags & (TCP_SYN | TCP_FIN));
}

static inline struct world *begin(bool handshake)
{
	struct world *w = calloc(1, sizeof(*w));

	registry_init();
	engine_config_defaults(&w->config);
	w->engine = engine_new(&w->config, (1u << SHARDS) - 1);
	w->paths = paths_new(64);
	w->ports = ports_new();
	w->time = START;
	if (handshake) {
		segment(w, 0, TCP_SYN, NULL, 0);
		segment(w, 1, TCP_SYN | TCP_ACK, NULL, 0);
		segment(w, 0, TCP_ACK, NULL, 0);
	}
	return w;
}

/* The end of the capture. */
static inline void finish(struct world *w)
{
	while (engine_finish(w->engine, w->number + 1))
		;
	drain(w);
}

static inline void destroy(struct world *w)
{
	finish(w);
	engine_free(w->engine);
	paths_free(w->paths);
	ports_free(w->ports);
	free(w);
}

static inline uint64_t counted(struct world *w, const char *name)
{
	const struct counters *c = engine_counters(w->engine);

	for (uint32_t i = 0; i < c->n; i++)
		if (strcmp(c->c[i].name, name) == 0)
			return c->c[i].n;
	return 0;
}

/* A record of one fragment; a client acknowledges it: then records leave. */
static inline void tcp(struct world *w, unsigned side, const struct msg *m)
{
	static struct msg r;

	r.n = 0;
	W(&r, (uint32_t)m->n | UINT32_C(1) << 31);
	memcpy(r.b + r.n, m->b, m->n);
	r.n += m->n;
	segment(w, side, TCP_ACK, r.b, r.n);
	if (side)
		segment(w, 0, TCP_ACK, NULL, 0);
}

static inline void udp(struct world *w, unsigned side, const struct msg *m, size_t captured)
{
	struct packet p = {.flags = PACKET_UDP,
		.ip_proto = IP_PROTO_UDP,
		.payload = m->b,
		.paylen = (uint32_t)captured,
		.paycut = (uint32_t)(m->n - captured)};

	packet(w, &p, side);
}

static inline void holds(const struct world *w, unsigned i, const char *text)
{
	assert_true(i < w->n);
	if (!strstr(w->shown[i], text))
		fail_msg("record %u: \"%s\" is not in: %s", i, text, w->shown[i]);
}

static inline void lacks(const struct world *w, unsigned i, const char *text)
{
	assert_true(i < w->n);
	if (strstr(w->shown[i], text))
		fail_msg("record %u: \"%s\" is in: %s", i, text, w->shown[i]);
}

static struct msg m;

/* One GETATTR that fails. */
static inline void getattr(struct world *w, uint32_t xid)
{
	call(&m, xid, 100003, 3, 1);
	opaque(&m, "file");
	tcp(w, 0, &m);
	reply(&m, xid, 0);
	W(&m, 70u);
	tcp(w, 1, &m);
}

#endif
