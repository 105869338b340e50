/*
 * frame.h - frames built from byte arrays, and the promises that every dissected frame must keep.
 *
 * Headers are laid out as in the RFC figures named beside them. A frame is dissected from a block
 * of its exact size, so that a sanitizer sees a read past its end.
 */
#ifndef TSUMARI_TESTS_FRAME_H
#define TSUMARI_TESTS_FRAME_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <stdlib.h>
#include "core/layers.h"
#include "core/registry.h"

#define LINK_NULL  0
#define LINK_ETH   1
#define LINK_PPP   9
#define LINK_RAW   101
#define LINK_LOOP  108
#define LINK_SLL   113
#define LINK_IPV4  228
#define LINK_IPV6  229
#define LINK_NFLOG 239
#define LINK_SLL2  276

/* A frame being built, and what came of it. */
struct frame {
	uint8_t b[4096];
	size_t n;
	uint16_t link;
	uint8_t *block;
	struct packet p;
	struct counters c;
};

#define PUT(f, ...)                                                                                \
	do {                                                                                       \
		static const uint8_t bytes_[] = {__VA_ARGS__};                                     \
		put(f, bytes_, sizeof(bytes_));                                                    \
	} while (0)

static inline void put(struct frame *f, const uint8_t *bytes, size_t n)
{
	assert_true(f->n + n <= sizeof(f->b));
	memcpy(f->b + f->n, bytes, n);
	f->n += n;
}

static inline void put16(struct frame *f, unsigned x)
{
	uint8_t b[2] = {(uint8_t)(x >> 8), (uint8_t)x};

	put(f, b, 2);
}

static inline void start(struct frame *f, uint16_t link)
{
	memset(f, 0, sizeof(*f));
	f->link = link;
}

/* Dissect the first `captured` of `wire` bytes; the shorter way there may be says the same. */
static inline void dissect(struct frame *f, size_t captured, size_t wire)
{
	struct counters counted = {.n = 0};
	struct packet other;

	free(f->block);
	f->block = malloc(captured ? captured : 1);
	assert_non_null(f->block);
	memcpy(f->block, f->b, captured);
	memset(&f->p, 0, sizeof(f->p));
	f->c.n = 0;
	f->p.data = f->block;
	f->p.caplen = (uint32_t)captured;
	f->p.len = (uint32_t)wire;
	f->p.linktype = f->link;
	other = f->p;
	layers_dissect(&f->p, &f->c);
	layers_one_by_one(&other, &counted);
	assert_memory_equal(&f->p, &other, sizeof(other));
	assert_int_equal(f->c.n, counted.n);
	assert_true(f->p.depth <= LAYERS_MAX);
	assert_true(f->p.payload >= f->block);
	assert_true(f->p.payload + f->p.paylen <= f->block + captured);
}

static inline void whole(struct frame *f)
{
	dissect(f, f->n, f->n);
}

static inline void finish(struct frame *f)
{
	free(f->block);
	f->block = NULL;
}

static inline void assert_counted(const struct frame *f, const char *name)
{
	if (!name) {
		if (f->c.n)
			fail_msg("%s was counted", f->c.c[0].name);
		return;
	}
	assert_int_equal(f->c.n, 1);
	assert_string_equal(f->c.c[0].name, name);
	assert_int_equal(f->c.c[0].n, 1);
}

/* Where a header ends in the frame, and whose it is. */
struct header {
	const char *name;
	size_t end;
};

/*
 * Cut by the snap length at every byte: the first header that is not all there is counted as cut,
 * those before it count.
 */
static inline void each_cut(struct frame *f, const struct header *h, size_t headers)
{
	char name[64];

	for (size_t n = 0; n <= f->n; n++) {
		size_t i = 0;

		while (i < headers && n >= h[i].end)
			i++;
		dissect(f, n, f->n);
		if (n == f->n || i == headers) {
			assert_counted(f, NULL);
		} else {
			snprintf(name, sizeof(name), "cut %s", h[i].name);
			assert_counted(f, name);
		}
		assert_int_equal(f->p.depth, i);
	}
}

/* A frame that is short at every byte, and not said to be cut: never whole, never a read past its
   end. */
static inline void each_short(struct frame *f, size_t from)
{
	for (size_t n = from; n < f->n; n++) {
		dissect(f, n, n);
		if (!f->c.n) {
			assert_true(f->p.paycut > 0);
			continue;
		}
		assert_int_equal(f->c.n, 1);
		if (memcmp(f->c.c[0].name, "malformed ", 10) != 0)
			assert_memory_equal(f->c.c[0].name, "cut ", 4);
	}
}

/* IEEE 802.3, figure 3-1: destination, source, type. */
static inline void put_eth(struct frame *f, unsigned type)
{
	PUT(f, 0x02, 0, 0, 0, 0, 0xbb, 0x02, 0, 0, 0, 0, 0xaa);
	put16(f, type);
}

/* RFC 791, figure 4; 10.0.0.1 > 10.0.0.2, no options. */
static inline void put_ip(struct frame *f, unsigned proto, size_t payload)
{
	uint8_t b[20] = {
		0x45, 0x02, 0, 0, 0x12, 0x34, 0x40, 0, 63, 0, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2};

	b[2] = (uint8_t)((payload + 20) >> 8);
	b[3] = (uint8_t)(payload + 20);
	b[9] = (uint8_t)proto;
	put(f, b, sizeof(b));
}

/* RFC 8200, section 3; 2001:db8::1 > 2001:db8::2. */
static inline void put_ip6(struct frame *f, unsigned next, size_t payload)
{
	uint8_t b[40] = {0x60, 0x30, 0, 0, (uint8_t)(payload >> 8), (uint8_t)payload, (uint8_t)next,
		64, 0x20, 0x01, 0x0d, 0xb8};

	b[23] = 1;
	memcpy(b + 24, b + 8, 4);
	b[39] = 2;
	put(f, b, sizeof(b));
}

/* RFC 9293, figure 1: 40000 > 80, sequence 0x11223344, acknowledgement 0x55667788, PSH ACK. */
static inline void put_tcp(struct frame *f, unsigned words)
{
	uint8_t b[20] = {0x9c, 0x40, 0, 80, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
		(uint8_t)(words << 4), 0x18, 0x01, 0xf5};

	put(f, b, sizeof(b));
}

/* RFC 768: 5000 > port. */
static inline void put_udp(struct frame *f, unsigned port, size_t payload)
{
	put16(f, 5000);
	put16(f, port);
	put16(f, (unsigned)payload + 8);
	put16(f, 0);
}

static inline void assert_v4(const struct addr *a, unsigned last)
{
	uint8_t b[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, (uint8_t)last};

	assert_memory_equal(a->b, b, 16);
	assert_true(addr_is_v4(a));
}

static inline void put_ip_tcp(struct frame *f)
{
	put_ip(f, 6, 20);
	put_tcp(f, 5);
}

static inline void assert_ip_tcp(struct frame *f)
{
	whole(f);
	assert_counted(f, NULL);
	assert_int_equal(f->p.flags & (PACKET_IP | PACKET_TCP), PACKET_IP | PACKET_TCP);
	assert_v4(&f->p.src, 1);
	assert_int_equal(f->p.dport, 80);
	assert_int_equal(f->p.paylen, 0);
}

#endif
