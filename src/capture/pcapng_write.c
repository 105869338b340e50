/* pcapng_write.c - see pcapng_write.h. */
#include "capture/pcapng_write.h"
#include <string.h>

#define BLOCK_SECTION   0x0a0d0d0au
#define BLOCK_INTERFACE 1u
#define BLOCK_ENHANCED  6u
#define ORDER_MAGIC     0x1a2b3c4du

#define OPT_IF_NAME    2u
#define OPT_IF_TSRESOL 9u
#define NANOSECONDS    9u

#define PACKET_AROUND 32u /* bytes of an enhanced packet block besides its frame */

static uint8_t *put16(uint8_t *to, unsigned v)
{
	uint16_t x = (uint16_t)v;

	memcpy(to, &x, sizeof(x));
	return to + sizeof(x);
}

static uint8_t *put32(uint8_t *to, uint32_t v)
{
	memcpy(to, &v, sizeof(v));
	return to + sizeof(v);
}

static uint32_t padded(uint32_t n)
{
	return (n + 3u) & ~3u;
}

static uint8_t *put_option(uint8_t *to, unsigned code, const void *value, unsigned n)
{
	to = put16(to, code);
	to = put16(to, n);
	memset(to, 0, padded(n));
	memcpy(to, value, n);
	return to + padded(n);
}

/* The length at both ends of a block that began at `from`. */
static size_t end_block(uint8_t *from, uint8_t *to)
{
	uint32_t length = (uint32_t)(to - from) + 4;

	put32(from + 4, length);
	put32(to, length);
	return length;
}

size_t ng_write_section(uint8_t *to)
{
	uint8_t *p = put32(to, BLOCK_SECTION) + 4;

	p = put32(p, ORDER_MAGIC);
	p = put16(p, 1);
	p = put16(p, 0);
	p = put32(p, UINT32_MAX); /* how long it will be is not known */
	p = put32(p, UINT32_MAX);
	return end_block(to, p);
}

size_t ng_write_interface(uint8_t *to, uint16_t linktype, uint32_t snaplen, const char *name)
{
	const uint8_t resolution = NANOSECONDS;
	uint8_t *p = put32(to, BLOCK_INTERFACE) + 4;

	p = put16(p, linktype);
	p = put16(p, 0);
	p = put32(p, snaplen);
	if (name)
		p = put_option(p, OPT_IF_NAME, name, (unsigned)strnlen(name, NG_WRITE_NAME));
	p = put_option(p, OPT_IF_TSRESOL, &resolution, 1);
	p = put32(p, 0); /* no more options */
	return end_block(to, p);
}

size_t ng_write_packet(uint8_t *to, uint32_t iface, uint64_t time, uint32_t caplen, uint32_t len)
{
	uint8_t *p = put32(to, BLOCK_ENHANCED);

	p = put32(p, PACKET_AROUND + padded(caplen));
	p = put32(p, iface);
	p = put32(p, (uint32_t)(time >> 32));
	p = put32(p, (uint32_t)time);
	p = put32(p, caplen);
	p = put32(p, len);
	return (size_t)(p - to);
}

size_t ng_write_packet_end(uint8_t *to, uint32_t caplen)
{
	uint32_t padding = padded(caplen) - caplen;

	memset(to, 0, padding);
	put32(to + padding, PACKET_AROUND + padded(caplen));
	return padding + 4;
}
