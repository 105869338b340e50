/*
 * dns.c - what DNS bytes do to the reader of DNS. One byte 0x80 or more at the front: the rest are
 * datagrams, each with its side (0x01 the server), time (fuzz_span), length (2 bytes) and bytes;
 * else chunks of a TCP connection, read by talk.c.
 */
#include "fuzz.h"
#include <string.h>

static void datagram(struct fuzz_engine *f, struct fuzz_input *in, uint64_t *time)
{
	static const uint8_t client[4] = {192, 0, 2, 1}, server[4] = {192, 0, 2, 53};
	unsigned side = fuzz_u8(in) & 1;
	struct packet p = {.linktype = 1};
	uint32_t n;

	*time += fuzz_span(fuzz_u8(in));
	n = fuzz_u16(in) & 0xfff;
	p.time = *time;
	p.flags = PACKET_IP | PACKET_UDP;
	p.ip_version = 4;
	p.ip_proto = 17;
	p.src = addr_v4(side ? server : client);
	p.dst = addr_v4(side ? client : server);
	p.sport = side ? 53 : 40000;
	p.dport = side ? 40000 : 53;
	p.payload = fuzz_bytes(in, &n);
	p.paylen = n;
	p.caplen = p.len = 42 + n;
	fuzz_engine_packet(f, &p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {.p = data, .end = data + size};
	struct fuzz_engine f;
	uint64_t time = FUZZ_START;
	uint8_t run = fuzz_u8(&in);

	if (run < 0x80)
		return fuzz_talk(53, data, size);
	fuzz_engine_init(&f, 4 * 1024 * 1024, 0, 1 + (run & 7));
	for (unsigned i = 0; i < 256 && in.p < in.end; i++)
		datagram(&f, &in, &time);
	fuzz_engine_finish(&f);
	return 0;
}
