/*
 * layers.c - the input is a link type (two bytes, network order), then frames: how much the snap
 * length cut off, a length (two bytes), the bytes. All go through the layers and the fragments'
 * reassembly; the frame is an allocation of its own.
 *
 * What the layers point to must lie inside the frame, or inside the datagram put together.
 */
#include "fuzz.h"
#include "core/defrag.h"
#include "core/layers.h"
#include "core/registry.h"
#include "core/show.h"
#include <stdlib.h>
#include <string.h>

#define FRAMES_MAX 64u
#define MIRROR_CUT 65535u

static bool inside(const struct packet *p, const uint8_t *at, size_t n)
{
	return at >= p->data && at <= p->data + p->caplen &&
	       n <= (size_t)(p->data + p->caplen - at);
}

static void touch(const uint8_t *p, size_t n)
{
	static volatile uint8_t sum;

	for (size_t i = 0; i < n; i++)
		sum = (uint8_t)(sum ^ p[i]);
}

static void check_pointers(const struct packet *p)
{
	if (p->flags & PACKET_MAC)
		fuzz_check(inside(p, p->mac_src, 6) && inside(p, p->mac_dst, 6),
			"MAC addresses lie in the frame");
	if (p->owned) {
		touch(p->payload, p->paylen); /* its allocation has an end that a sanitizer knows */
		return;
	}
	fuzz_check(inside(p, p->payload, p->paylen), "payload lies in the frame");
	/* A mirror (ERSPAN) that cut the frame inside does not say by how much. */
	fuzz_check((uint64_t)p->paylen + p->paycut <= (uint64_t)p->len + MIRROR_CUT,
		"payload is not longer than the frame");
	if (p->flags & PACKET_TCP && p->tcp_opts & TCP_OPT_SACK)
		fuzz_check(inside(p, p->tcp_sack, (size_t)p->tcp_nsack * 8),
			"SACK blocks lie in the frame");
}

/* Whoever is asked to explain what the frame carries: all that is shown lies in the frame. */
static void explain(const struct packet *p, unsigned which)
{
	static struct show tree;

	show_frame(&tree, p, which < registry_count() ? registry_get(which) : NULL,
		which & 1 ? SIDE_SERVER : SIDE_CLIENT);
	fuzz_check(tree.n <= SHOW_NODES && tree.used <= SHOW_TEXT, "the tree is bounded");
	for (unsigned i = 0; i < tree.n; i++)
		fuzz_check((uint64_t)tree.nodes[i].at + tree.nodes[i].len <= p->caplen,
			"what is shown lies in the frame");
}

static void one_frame(struct defrag *d, struct packet *p, struct counters *c)
{
	struct counters others = {.n = 0};
	struct engine_config config;
	struct packet other;
	uint8_t *frame = malloc(p->caplen);

	fuzz_check(frame || !p->caplen, "memory");
	if (p->caplen)
		memcpy(frame, p->data, p->caplen);
	p->data = frame;
	explain(p, p->caplen % 64);
	other = *p;
	layers_one_by_one(&other, &others);
	layers_dissect(p, c);
	fuzz_check(memcmp(&other, p, sizeof(other)) == 0, "the shorter way says the same");
	check_pointers(p);
	fuzz_check(p->depth <= LAYERS_MAX, "no more layers than there may be");
	if (p->flags & PACKET_FRAGMENT && defrag_packet(d, p, c))
		check_pointers(p);
	engine_config_defaults(&config);
	if (engine_route(&config, p))
		fuzz_check(p->shard < SHARDS, "packet has a shard");
	free(p->owned);
	free(frame);
}

int fuzz_layers(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {.p = data, .end = data + size};
	uint16_t linktype = fuzz_u16(&in);
	struct counters counters = {.n = 0};
	struct defrag *d;

	fuzz_init();
	d = defrag_new(256 * 1024);
	for (unsigned i = 0; i < FRAMES_MAX && in.p < in.end; i++) {
		uint32_t cut = fuzz_u8(&in), n = fuzz_u16(&in);
		struct packet p = {.time = FUZZ_START + i * FUZZ_SECOND, .number = i + 1};

		p.linktype = linktype;
		p.data = fuzz_bytes(&in, &n);
		p.caplen = n;
		p.len = n + cut;
		one_frame(d, &p, &counters);
	}
	defrag_free(d);
	return 0;
}
