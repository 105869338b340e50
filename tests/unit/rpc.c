/*
 * rpc.c - RPC and NFS from messages made by hand after the RFCs: what no server at hand says, what
 * is wrong on purpose, and every cut of the same bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/engine.h"
#include "core/ports.h"
#include "core/registry.h"
#include "model/paths.h"

#define MS      UINT64_C(1000000)
#define START   (UINT64_C(1600000000) * 1000 * MS)
#define SHOWN   8192u
#define RECORDS 1024u

/* ---- messages ---- */

struct msg {
	uint8_t b[70000];
	size_t n;
};

static void words(struct msg *m, unsigned n, ...)
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

static void fixed(struct msg *m, const char *text, size_t n)
{
	memset(m->b + m->n, 0, n);
	memcpy(m->b + m->n, text, strlen(text) < n ? strlen(text) : n);
	m->n += n;
}

static void opaque(struct msg *m, const char *text)
{
	W(m, (uint32_t)strlen(text));
	fixed(m, text, (strlen(text) + 3) / 4 * 4);
}

static void call(struct msg *m, uint32_t xid, uint32_t prog, uint32_t vers, uint32_t proc)
{
	m->n = 0;
	W(m, xid, 0u, 2u, prog, vers, proc, 1u, 28u, 7u);
	opaque(m, "host");
	W(m, 10u, 20u, 1u, 30u, 0u, 0u);
}

static void reply(struct msg *m, uint32_t xid, uint32_t status)
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

static void show(struct world *w, const struct record *r)
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

static void drain(struct world *w)
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

static void packet(struct world *w, struct packet *p, unsigned side)
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

static void segment(struct world *w, unsigned side, uint8_t flags, const uint8_t *b, size_t n)
{
	struct packet p = {.flags = PACKET_TCP,
		.ip_proto = 6,
		.tcp_flags = flags,
		.tcp_seq = w->next[side],
		.tcp_ack = flags & TCP_ACK ? w->next[!side] : 0,
		.tcp_window = 0xffff,
		.payload = b,
		.paylen = (uint32_t)n};

	packet(w, &p, side);
	w->next[side] += (uint32_t)n + !!(flags & (TCP_SYN | TCP_FIN));
}

static struct world *begin(bool handshake)
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
static void finish(struct world *w)
{
	while (engine_finish(w->engine, w->number + 1))
		;
	drain(w);
}

static void destroy(struct world *w)
{
	finish(w);
	engine_free(w->engine);
	paths_free(w->paths);
	ports_free(w->ports);
	free(w);
}

static uint64_t counted(struct world *w, const char *name)
{
	const struct counters *c = engine_counters(w->engine);

	for (uint32_t i = 0; i < c->n; i++)
		if (strcmp(c->c[i].name, name) == 0)
			return c->c[i].n;
	return 0;
}

/* A record of one fragment. */
static void tcp(struct world *w, unsigned side, const struct msg *m)
{
	static struct msg r;

	r.n = 0;
	W(&r, (uint32_t)m->n | UINT32_C(1) << 31);
	memcpy(r.b + r.n, m->b, m->n);
	r.n += m->n;
	segment(w, side, TCP_ACK, r.b, r.n);
}

static void udp(struct world *w, unsigned side, const struct msg *m, size_t captured)
{
	struct packet p = {.flags = PACKET_UDP,
		.ip_proto = 17,
		.payload = m->b,
		.paylen = (uint32_t)captured,
		.paycut = (uint32_t)(m->n - captured)};

	packet(w, &p, side);
}

static void holds(const struct world *w, unsigned i, const char *text)
{
	assert_true(i < w->n);
	if (!strstr(w->shown[i], text))
		fail_msg("record %u: \"%s\" is not in: %s", i, text, w->shown[i]);
}

static void lacks(const struct world *w, unsigned i, const char *text)
{
	assert_true(i < w->n);
	if (strstr(w->shown[i], text))
		fail_msg("record %u: \"%s\" is in: %s", i, text, w->shown[i]);
}

static struct msg m;

/* ---- version 2 (RFC 1094) ---- */

static void attributes2(struct msg *to)
{
	/* type mode nlink uid gid size blocksize rdev blocks fsid fileid atime mtime ctime */
	W(to, 1u, 0100644u, 1u, 0u, 0u, 8u, 4096u, 0u, 1u, 2u, 77u, 1u, 2u, 1000u, 500000u, 3u, 4u);
}

static void test_version2(void **state)
{
	struct world *w = begin(true);

	(void)state;
	call(&m, 1, 100003, 2, 4); /* LOOKUP */
	fixed(&m, "directory", 32);
	opaque(&m, "file");
	tcp(w, 0, &m);
	reply(&m, 1, 0);
	W(&m, 0u);
	fixed(&m, "the file", 32);
	attributes2(&m);
	tcp(w, 1, &m);
	call(&m, 2, 100003, 2, 6); /* READ */
	fixed(&m, "the file", 32);
	W(&m, 4u, 8u, 0u);
	tcp(w, 0, &m);
	reply(&m, 2, 0);
	W(&m, 0u);
	attributes2(&m);
	opaque(&m, "abcdefg");
	tcp(w, 1, &m);
	call(&m, 3, 100003, 2, 8); /* WRITE */
	fixed(&m, "the file", 32);
	W(&m, 0u, 16u, 0u);
	opaque(&m, "12345");
	tcp(w, 0, &m);
	reply(&m, 3, 0);
	W(&m, 28u);
	tcp(w, 1, &m);
	call(&m, 4, 100003, 2, 11); /* RENAME */
	fixed(&m, "directory", 32);
	opaque(&m, "file");
	fixed(&m, "directory", 32);
	opaque(&m, "other");
	tcp(w, 0, &m);
	reply(&m, 4, 0);
	W(&m, 0u);
	tcp(w, 1, &m);
	call(&m, 5, 100003, 2, 16); /* READDIR */
	fixed(&m, "directory", 32);
	W(&m, 0u, 400u);
	tcp(w, 0, &m);
	reply(&m, 5, 0);
	W(&m, 0u, 1u, 7u);
	opaque(&m, "entry");
	W(&m, 1u, 0u, 1u);
	tcp(w, 1, &m);
	assert_int_equal(w->n, 5);
	holds(w, 0, "nfs LOOKUP path= status=1 quality=0 ");
	holds(w, 0, "nfs.version=2 nfs.opcode=LOOKUP");
	holds(w, 0, "tsumari.nfs.name=file");
	holds(w, 0,
		"nfs.status=NFS_OK tsumari.nfs.type=file tsumari.nfs.size=8 "
		"tsumari.nfs.fileid=77 tsumari.nfs.mtime=1000500000000");
	holds(w, 1, "tsumari.nfs.offset=4 tsumari.nfs.count=8");
	holds(w, 1, "tsumari.nfs.done=7");
	holds(w, 2,
		"tsumari.nfs.offset=16 tsumari.nfs.count=5 rpc.status=success "
		"nfs.status=NFSERR_NOSPC");
	holds(w, 2, "status=4 ");
	holds(w, 3, "tsumari.nfs.name=file");
	holds(w, 3, "tsumari.nfs.to_name=other");
	holds(w, 4, "tsumari.nfs.count=400");
	holds(w, 4, "tsumari.nfs.eof=1");
	for (unsigned i = 0; i < 5; i++) {
		holds(w, i,
			"rpc.auth_flavor=unix rpc.cred.stamp=7 rpc.cred.machinename=host "
			"rpc.cred.uid=10 rpc.cred.gid=20 rpc.cred.gids=30");
		lacks(w, i, "quality=1");
	}
	destroy(w);
}

/* One GETATTR that fails. */
static void getattr(struct world *w, uint32_t xid)
{
	call(&m, xid, 100003, 3, 1);
	opaque(&m, "file");
	tcp(w, 0, &m);
	reply(&m, xid, 0);
	W(&m, 70u);
	tcp(w, 1, &m);
}

/* ---- the same bytes, cut everywhere ---- */

/* A conversation: READ of 3,000 bytes with what is behind it, in fragments of this size. */
static size_t conversation(uint8_t *to, unsigned side, size_t fragment)
{
	static struct msg all, one;

	all.n = 0;
	for (uint32_t xid = 1; xid <= 3; xid++) {
		if (!side) {
			call(&one, xid, 100003, 4, 1);
			opaque(&one, "tag");
			W(&one, 0u, 4u, 22u);
			opaque(&one, "handle of a file");
			W(&one, 25u, 1u, 2u, 3u, 4u, 0u, 8u * xid, 3000u);  /* READ */
			W(&one, 38u, 1u, 2u, 3u, 4u, 0u, 4000u, 2u, 1001u); /* WRITE */
			fixed(&one, "data", 1004);
			W(&one, 9u, 1u, 0x10u);
		} else {
			reply(&one, xid, 0);
			W(&one, 0u);
			opaque(&one, "tag");
			W(&one, 4u, 22u, 0u, 25u, 0u, 1u, 3000u);
			fixed(&one, "data", 3000);
			W(&one, 38u, 0u, 1001u, 2u, 9u, 9u);
			W(&one, 9u, 0u, 1u, 0x10u, 8u, 0u, 12345u);
		}
		for (size_t at = 0; at < one.n; at += fragment) {
			size_t n = one.n - at < fragment ? one.n - at : fragment;

			W(&all, (uint32_t)n | (uint32_t)(at + n == one.n) << 31);
			memcpy(all.b + all.n, one.b + at, n);
			all.n += n;
		}
	}
	memcpy(to, all.b, all.n);
	return all.n;
}

static void check_conversation(struct world *w)
{
	assert_int_equal(w->n, 4);
	for (unsigned i = 1; i < 4; i++) {
		holds(w, i, "nfs READ path= status=1 quality=0 ");
		holds(w, i, "nfs.tag=tag");
		holds(w, i, "nfs.opcode=READ");
		holds(w, i, "tsumari.nfs.done=3000");
		holds(w, i, "tsumari.nfs.committed=file_sync");
		holds(w, i, "tsumari.nfs.size=12345");
		holds(w, i, "tsumari.nfs.statuses=NFS_OK,NFS_OK,NFS_OK,NFS_OK");
	}
	holds(w, 3, "tsumari.nfs.offset=24 tsumari.nfs.count=3000");
}

static void test_cuts(void **state)
{
	static const size_t fragments[] = {70000, 1000, 96, 40, 7, 1};
	static uint8_t bytes[2][300000];

	(void)state;
	for (size_t f = 0; f < sizeof(fragments) / sizeof(fragments[0]); f++)
		for (size_t step = 1; step < 60000; step = step * 7 + 1) {
			struct world *w = begin(true);

			getattr(w, 100); /* which is recognised by its first fragment */
			for (unsigned side = 0; side < 2; side++) {
				size_t n = conversation(bytes[side], side, fragments[f]);

				if (f > 3 && step == 1) /* enough of single bytes */
					step = 8;
				for (size_t at = 0; at < n; at += step)
					segment(w, side, TCP_ACK, bytes[side] + at,
						n - at < step ? n - at : step);
			}
			check_conversation(w);
			destroy(w);
		}
}

/* ---- loss ---- */

/* One segment of a conversation is missing; the other side acknowledges it all the same. */
static void lose(struct world *w, unsigned side, size_t begin_at, size_t size)
{
	static uint8_t bytes[20000];
	size_t n = conversation(bytes, side, 70000);

	for (size_t at = 0; at < n; at += size) {
		size_t k = n - at < size ? n - at : size;

		if (at <= begin_at && begin_at < at + size)
			w->next[side] += (uint32_t)k;
		else
			segment(w, side, TCP_ACK, bytes + at, k);
		segment(w, !side, TCP_ACK, NULL, 0);
	}
}

static void test_loss(void **state)
{
	static uint8_t bytes[20000];
	size_t calls = conversation(bytes, 0, 70000), replies = conversation(bytes, 1, 70000);

	(void)state;
	for (unsigned side = 0; side < 2; side++)
		for (size_t at = 0; at < (side ? replies : calls); at += 100) {
			struct world *w = begin(true);
			unsigned whole = 0;
			size_t n;

			getattr(w, 100);
			if (side) {
				n = conversation(bytes, 0, 70000);
				segment(w, 0, TCP_ACK, bytes, n);
				lose(w, 1, at, 100);
			} else {
				lose(w, 0, at, 100);
				n = conversation(bytes, 1, 70000);
				segment(w, 1, TCP_ACK, bytes, n);
			}
			finish(w);
			/* One segment touches two messages at most, and mostly only one's data. */
			for (unsigned i = 0; i < w->n; i++)
				whole += strstr(w->shown[i], "tsumari.nfs.size=12345") &&
					 strstr(w->shown[i], "tsumari.nfs.count=3000");
			assert_in_range(whole, 1, 3);
			destroy(w);
		}
}

/* A megabyte read, of which one packet was lost: nothing but a mark on that transaction. */
static void test_loss_in_read(void **state)
{
	struct world *w = begin(true);
	static uint8_t data[1000];

	(void)state;
	call(&m, 1, 100003, 3, 6);
	opaque(&m, "file");
	W(&m, 0u, 0u, 1000000u);
	tcp(w, 0, &m);
	call(&m, 2, 100003, 3, 1);
	opaque(&m, "file");
	tcp(w, 0, &m);
	m.n = 0;
	W(&m, 0x80000000u | (24 + 4 + 4 + 12 + 1000000), 1u, 1u, 0u, 0u, 0u, 0u);
	W(&m, 0u, 0u, 1000000u, 1u, 1000000u);
	segment(w, 1, TCP_ACK, m.b, m.n);
	for (unsigned i = 0; i < 1000; i++) {
		if (i == 500)
			w->next[1] += sizeof(data);
		else
			segment(w, 1, TCP_ACK, data, sizeof(data));
		segment(w, 0, TCP_ACK, NULL, 0);
	}
	reply(&m, 2, 0);
	W(&m, 70u);
	tcp(w, 1, &m);
	assert_int_equal(w->n, 2);
	holds(w, 0, "nfs READ path= status=1 quality=4 "); /* gap */
	holds(w, 0, "tsumari.nfs.done=1000000 tsumari.nfs.eof=1");
	holds(w, 1, "nfs GETATTR path= status=2 quality=0 ");
	holds(w, 1, "nfs.status=NFSERR_STALE");
	destroy(w);
}

/* ---- records that are wrong ---- */

static void test_bad_records(void **state)
{
	struct world *w = begin(true);

	(void)state;
	getattr(w, 1);
	m.n = 0; /* a record too short for a header, an empty one, one of nothing but zeros */
	W(&m, 0x80000008u, 2u, 0u, 0x80000000u, 0x80000020u, 0u, 0u, 0u, 0u, 0u, 0u, 0u, 0u);
	segment(w, 0, TCP_ACK, m.b, m.n);
	segment(w, 1, TCP_ACK, m.b, m.n);
	getattr(w, 3);
	assert_int_equal(w->n, 2);
	holds(w, 1, "rpc.xid=00000003");
	holds(w, 1, "nfs.status=NFSERR_STALE");
	assert_true(counted(w, "rpc: no message where one should begin") >= 2);
	/* A mark of 2 GiB with a header that is right: counted in, and nothing is kept. */
	call(&m, 4, 100003, 3, 7);
	opaque(&m, "file");
	W(&m, 0u, 0u, 0x7fffff00u, 2u, 0x7fffff00u);
	memmove(m.b + 4, m.b, m.n);
	m.n += 4;
	memcpy(m.b, "\xff\xff\xff\xff", 4);
	segment(w, 0, TCP_ACK, m.b, m.n);
	for (unsigned i = 0; i < 200; i++)
		segment(w, 0, TCP_ACK, m.b, 60000);
	finish(w);
	assert_int_equal(w->n, 3);
	holds(w, 2, "nfs WRITE");
	destroy(w);
}

/* Lengths within a message that go past it: the message ends, the next one begins. */
static void test_bad_lengths(void **state)
{
	struct world *w = begin(true);

	(void)state;
	for (uint32_t xid = 1; xid < 9; xid++) {
		call(&m, xid, 100003, xid % 2 ? 3 : 4, xid % 2 ? 3 : 1);
		if (xid % 2)
			opaque(&m, "file");
		else
			W(&m, 0u, 0u, 0xffffffffu, 22u);
		W(&m, xid < 5 ? 0xffffffffu : 0x10000u);
		opaque(&m, "name");
		tcp(w, 0, &m);
		reply(&m, xid, 0);
		W(&m, 0u, xid < 5 ? 0xfffffffdu : 400u);
		tcp(w, 1, &m);
	}
	getattr(w, 99);
	assert_int_equal(w->n, 9);
	for (unsigned i = 0; i < 8; i++)
		holds(w, i, "quality=800 "); /* malformed */
	holds(w, 8, "nfs.status=NFSERR_STALE");
	destroy(w);
}

/* Calls that nobody answers: the oldest give way. */
static void test_unanswered(void **state)
{
	struct world *w = begin(true);

	(void)state;
	for (uint32_t xid = 1; xid <= 700; xid++) {
		call(&m, xid, 100003, 3, 1);
		opaque(&m, "file");
		tcp(w, 0, &m);
	}
	assert_int_equal(w->n, 700 - 512);
	reply(&m, 700, 0);
	W(&m, 0u);
	tcp(w, 1, &m);
	assert_int_equal(w->n, 700 - 512 + 1);
	holds(w, 700 - 512, "rpc.xid=000002bc");
	destroy(w);
}

/* ---- credentials, denials ---- */

static void gss(struct msg *to, uint32_t xid, uint32_t proc, uint32_t control, uint32_t service)
{
	to->n = 0;
	W(to, xid, 0u, 2u, 100003u, 3u, proc, 6u, 24u, 1u, control, 5u, service, 4u);
	fixed(to, "ctx", 4);
	W(to, 6u, 4u, 0u);
}

static void test_gss(void **state)
{
	struct world *w = begin(true);

	(void)state;
	gss(&m, 1, 0, 1, 1); /* its own call */
	opaque(&m, "token");
	tcp(w, 0, &m);
	reply(&m, 1, 0);
	tcp(w, 1, &m);
	gss(&m, 2, 1, 0, 2); /* integrity: length, sequence, arguments, checksum */
	W(&m, 12u, 5u);
	opaque(&m, "file");
	opaque(&m, "checksum");
	tcp(w, 0, &m);
	reply(&m, 2, 0);
	W(&m, 8u, 5u, 70u);
	opaque(&m, "checksum");
	tcp(w, 1, &m);
	gss(&m, 3, 1, 0, 3); /* privacy */
	opaque(&m, "sealed");
	tcp(w, 0, &m);
	reply(&m, 3, 0);
	opaque(&m, "sealed");
	tcp(w, 1, &m);
	assert_int_equal(w->n, 3);
	holds(w, 0, "nfs NULL");
	holds(w, 0, "tsumari.rpc.gss_service=control");
	holds(w, 1, "rpc.auth_flavor=rpcsec_gss tsumari.rpc.gss_service=integrity");
	holds(w, 1, "tsumari.nfs.handle=");
	holds(w, 1, "nfs.status=NFSERR_STALE");
	holds(w, 2, "nfs GETATTR path= status=1 quality=0 ");
	holds(w, 2, "gss_service=privacy");
	lacks(w, 2, "nfs.status");
	destroy(w);
}

static void test_denied(void **state)
{
	struct world *w = begin(true);

	(void)state;
	for (uint32_t xid = 1; xid <= 2; xid++) {
		call(&m, xid, 100003, 3, 0);
		tcp(w, 0, &m);
		m.n = 0;
		if (xid == 1)
			W(&m, xid, 1u, 1u, 0u, 2u, 2u);
		else
			W(&m, xid, 1u, 1u, 1u, 13u);
		tcp(w, 1, &m);
	}
	call(&m, 3, 390000, 1, 5);
	m.b[24 + 8 + 4 + 3] = 0xff; /* a machine's name longer than its credential */
	tcp(w, 0, &m);
	reply(&m, 3, 1);
	tcp(w, 1, &m);
	assert_int_equal(w->n, 3);
	holds(w, 0, "rpc.status=rpc_mismatch");
	holds(w, 1, "rpc.status=auth_error tsumari.rpc.auth_status=rpcsec_gsserr_credproblem");
	holds(w, 2, "rpc 5 path= status=2 quality=800 ");
	holds(w, 2, "rpc.status=prog_unavail");
	lacks(w, 2, "rpc.cred");
	destroy(w);
}

/* ---- UDP ---- */

static void test_udp(void **state)
{
	struct world *w = begin(false);

	(void)state;
	call(&m, 1, 100003, 3, 1);
	opaque(&m, "file");
	udp(w, 0, &m, m.n);
	udp(w, 0, &m, m.n); /* sent again */
	reply(&m, 1, 0);
	W(&m, 70u);
	udp(w, 1, &m, m.n);
	udp(w, 1, &m, m.n); /* and answered again */
	call(&m, 1, 100003, 3, 1);
	opaque(&m, "file");
	udp(w, 0, &m, m.n);
	assert_int_equal(w->n, 1);
	holds(w, 0, "tsumari.rpc.retransmits=1");
	assert_int_equal(counted(w, "rpc: call sent again"), 1);
	assert_int_equal(counted(w, "rpc: call sent again after its answer"), 1);
	assert_int_equal(counted(w, "rpc: answer that came before"), 1);
	/* A datagram that is cut, and one that ends too soon, leave the next ones alone. */
	call(&m, 2, 100003, 3, 3);
	opaque(&m, "file");
	opaque(&m, "a name that is cut");
	udp(w, 0, &m, m.n - 10);
	call(&m, 3, 100003, 3, 3);
	opaque(&m, "file");
	m.n -= 4;
	udp(w, 0, &m, m.n);
	for (uint32_t xid = 3; xid >= 2; xid--) {
		reply(&m, xid, 0);
		W(&m, 2u, 0u);
		udp(w, 1, &m, m.n);
	}
	assert_int_equal(w->n, 3);
	holds(w, 1, "rpc.xid=00000003");
	holds(w, 1, "quality=808 "); /* snaplen (of the flow), malformed */
	holds(w, 2, "rpc.xid=00000002");
	holds(w, 2, "quality=8 ");
	holds(w, 2, "nfs.status=NFSERR_NOENT");
	destroy(w);
}

/* ---- what was not there from the beginning ---- */

static void test_midstream(void **state)
{
	struct world *w = begin(false);

	(void)state;
	memset(m.b, 'd', 5000); /* inside the data of a READ */
	segment(w, 1, TCP_ACK, m.b, 1001);
	call(&m, 7, 100003, 3, 1);
	opaque(&m, "file");
	tcp(w, 0, &m);
	memset(m.b, 'd', 5000);
	segment(w, 1, TCP_ACK, m.b, 998);
	reply(&m, 6, 0); /* to a call that was not seen */
	W(&m, 0u);
	tcp(w, 1, &m);
	reply(&m, 7, 0);
	W(&m, 70u);
	tcp(w, 1, &m);
	getattr(w, 8);
	finish(w);
	assert_int_equal(w->n, 2);
	holds(w, 0, "rpc.xid=00000007");
	holds(w, 0, "NFSERR_STALE");
	holds(w, 1, "rpc.xid=00000008");
	destroy(w);
}

/* ---- callbacks, lists of names ---- */

static void test_callback(void **state)
{
	struct world *w = begin(true);

	(void)state;
	call(&m, 1, 0x40000000, 1, 1);
	W(&m, 0u, 1u, 0u, 2u, 11u, 1u, 2u, 3u, 4u, 9u, 0u, 1u, 0u, 1u, 1u, 2u, 3u, 4u, 1u, 5u, 6u);
	W(&m, 4u, 1u, 2u, 3u, 4u, 0u); /* CB_RECALL */
	opaque(&m, "file");
	tcp(w, 0, &m);
	reply(&m, 1, 0);
	W(&m, 0u, 0u, 2u, 11u, 0u, 1u, 2u, 3u, 4u, 9u, 0u, 1u, 1u, 4u, 0u);
	tcp(w, 1, &m);
	assert_int_equal(w->n, 1);
	holds(w, 0, "nfs CB_RECALL path= status=1 quality=0 ");
	holds(w, 0, "tsumari.nfs.operations=CB_SEQUENCE,CB_RECALL");
	holds(w, 0, "tsumari.nfs.sequence=9 tsumari.nfs.slot=0");
	destroy(w);
}

/* A directory of many entries: all are learned that fit, and looked up by handle. */
static void test_paths(void **state)
{
	struct world *w = begin(true);

	(void)state;
	call(&m, 1, 100005, 3, 1);
	opaque(&m, "/export/home/");
	tcp(w, 0, &m);
	reply(&m, 1, 0);
	W(&m, 0u);
	opaque(&m, "root");
	W(&m, 1u, 1u);
	tcp(w, 1, &m);
	call(&m, 2, 100003, 3, 17); /* READDIRPLUS */
	opaque(&m, "root");
	W(&m, 0u, 0u, 0u, 0u, 4096u, 4096u);
	tcp(w, 0, &m);
	reply(&m, 2, 0);
	W(&m, 0u, 0u, 0u, 0u);
	for (unsigned i = 0; i < 30; i++) {
		char name[16];

		snprintf(name, sizeof(name), i == 29 ? ".." : "entry %02u", i);
		W(&m, 1u, 0u, i);
		opaque(&m, name);
		W(&m, 0u, i, 0u, 1u);
		snprintf(name, sizeof(name), "handle %02u", i);
		opaque(&m, i == 29 ? "root" : name);
	}
	W(&m, 0u, 1u);
	tcp(w, 1, &m);
	for (uint32_t xid = 3; xid < 5; xid++) {
		call(&m, xid, 100003, 3, 1);
		opaque(&m, xid == 3 ? "handle 17" : "not seen");
		tcp(w, 0, &m);
		reply(&m, xid, 0);
		W(&m, 70u);
		tcp(w, 1, &m);
	}
	holds(w, 0, "mount MNT path=/export/home ");
	holds(w, 1, "nfs READDIRPLUS path=/export/home ");
	holds(w, 2, "nfs GETATTR path=/export/home/entry 17 ");
	holds(w, 2, "tsumari.nfs.path=/export/home/entry 17");
	holds(w, 3, "nfs GETATTR path= ");
	lacks(w, 3, "tsumari.nfs.path");
	destroy(w);
}

/* More handles than are kept: the one used longest ago gives way, and is not made up. */
static void test_paths_limit(void **state)
{
	struct world *w = begin(true);
	struct counters c = {0};

	(void)state;
	for (uint32_t xid = 1; xid <= 100; xid++) { /* 64 are kept */
		char path[16];

		call(&m, xid, 100005, 3, 1);
		snprintf(path, sizeof(path), "/%u", xid);
		opaque(&m, path);
		tcp(w, 0, &m);
		reply(&m, xid, 0);
		W(&m, 0u);
		opaque(&m, path);
		W(&m, 0u);
		tcp(w, 1, &m);
	}
	for (uint32_t xid = 101; xid < 103; xid++) {
		call(&m, xid, 100003, 3, 1);
		opaque(&m, xid == 101 ? "/36" : "/37");
		tcp(w, 0, &m);
		reply(&m, xid, 0);
		W(&m, 70u);
		tcp(w, 1, &m);
	}
	holds(w, 100, "nfs GETATTR path= ");
	holds(w, 101, "nfs GETATTR path=/37 ");
	paths_counters(w->paths, &c);
	assert_int_equal(c.n, 1);
	assert_int_equal(c.c[0].n, 36);
	destroy(w);
}

/* Asks for a port, in one of three ways, over UDP. */
static void ask_for_port(struct world *w, unsigned how)
{
	w->port = 111;
	call(&m, 1, 100000, how ? 4 : 2, how == 2 ? 4 : 3);
	if (how < 2)
		W(&m, 100021u, 4u);
	if (how == 0)
		W(&m, 6u, 0u);
	if (how == 1) {
		opaque(&m, "tcp");
		W(&m, 0u, 0u);
	}
	udp(w, 0, &m, m.n);
	reply(&m, 1, 0);
	if (how == 0) {
		W(&m, 40000u);
	} else if (how == 1) {
		opaque(&m, "192.0.2.49.156.64");
	} else {
		W(&m, 1u, 100021u, 4u);
		opaque(&m, "tcp");
		opaque(&m, "192.0.2.49.156.64");
		opaque(&m, "owner");
		W(&m, 0u);
	}
	udp(w, 1, &m, m.n);
	w->port = 0;
}

/* Far inside of something long, on a port that nothing else speaks for. */
static void test_taught_port(void **state)
{
	(void)state;
	for (unsigned how = 0; how < 4; how++) {
		struct world *w = begin(false);

		if (how < 3)
			ask_for_port(w, how);
		w->n = 0;
		w->port = 40000;
		memset(m.b, 'd', 1000);
		for (unsigned i = 0; i < 40; i++)
			segment(w, 1, TCP_ACK, m.b, 1000);
		getattr(w, 7);
		finish(w);
		assert_int_equal(w->n, how < 3);
		if (how < 3)
			holds(w, 0, "rpc.xid=00000007");
		destroy(w);
	}
}

/* A program's table begins with the fields of RPC, which sets them by place. */
static void test_tables(void **state)
{
	const struct dissector *rpc;
	unsigned bodies = 0, n = 0;

	(void)state;
	registry_init();
	rpc = registry_find("rpc");
	while (rpc->fields[n].type != FIELD_END)
		n++;
	assert_true(n > 10);
	for (unsigned i = 0; i < registry_count(); i++) {
		const struct dissector *d = registry_get(i);

		if (!d->body)
			continue;
		bodies++;
		for (unsigned k = 0; k < n; k++) {
			assert_string_equal(d->fields[k].name, rpc->fields[k].name);
			assert_int_equal(d->fields[k].type, rpc->fields[k].type);
		}
	}
	assert_int_equal(bodies, 7);
}

/* A header that the snap length or a gap has cut: the message is counted, not guessed. */
static void test_header_cut(void **state)
{
	struct world *w = begin(true);

	(void)state;
	call(&m, 1, 100003, 3, 0);
	tcp(w, 0, &m);
	reply(&m, 1, 0);
	tcp(w, 1, &m);
	call(&m, 2, 100003, 3, 0);
	segment(w, 0, TCP_ACK, (const uint8_t *)"\x80\0\0", 3);
	w->next[0] += (uint32_t)m.n + 1;
	reply(&m, 2, 0);
	tcp(w, 1, &m);
	call(&m, 3, 100003, 3, 0);
	tcp(w, 0, &m);
	reply(&m, 3, 0);
	tcp(w, 1, &m);
	finish(w);
	assert_int_equal(counted(w, "rpc: header not captured whole, message not read"), 1);
	assert_int_equal(w->n, 3); /* of the second the reply */
	destroy(w);
	w = begin(false);
	call(&m, 1, 100003, 3, 0);
	udp(w, 0, &m, m.n);
	call(&m, 2, 100003, 3, 0);
	udp(w, 0, &m, 20);
	finish(w);
	assert_int_equal(counted(w, "rpc: header not captured whole, message not read"), 1);
	assert_int_equal(w->n, 1);
	destroy(w);
}

/* What might be the reply to an accepted call might be anything else: here DHCP's number is 1. */
static void test_alike(void **state)
{
	struct world *w = begin(false);

	(void)state;
	w->port = 67;
	m.n = 0;
	W(&m, 0x02010600u, 1u, 0u, 0u, 0u, 0u, 0u, 0u);
	udp(w, 1, &m, m.n);
	udp(w, 1, &m, m.n);
	finish(w);
	assert_int_equal(w->n, 0);
	destroy(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alike),
		cmocka_unit_test(test_header_cut),
		cmocka_unit_test(test_version2),
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_loss_in_read),
		cmocka_unit_test(test_bad_records),
		cmocka_unit_test(test_bad_lengths),
		cmocka_unit_test(test_unanswered),
		cmocka_unit_test(test_gss),
		cmocka_unit_test(test_denied),
		cmocka_unit_test(test_udp),
		cmocka_unit_test(test_midstream),
		cmocka_unit_test(test_callback),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_paths_limit),
		cmocka_unit_test(test_taught_port),
		cmocka_unit_test(test_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
