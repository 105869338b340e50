/*
 * tunnels.c - tunnels: what is inside counts, which tunnel it was is known, and no bytes whatever
 * break the chain.
 */
#include "frame.h"

/* ---- Tunnels ---- */

/* The inner packet: 10.0.0.1 > 10.0.0.2; the outer one is IPv6 and UDP or GRE. */
static void test_vxlan(void **state)
{
	static const struct header headers[] = {
		{"ip6", 40}, {"udp", 48}, {"vxlan", 56}, {"eth", 70}, {"ip", 90}, {"tcp", 110}};
	struct frame f;

	(void)state;
	start(&f, LINK_IPV6); /* RFC 7348, figure 1 */
	put_ip6(&f, 17, 8 + 8 + 54);
	put_udp(&f, 4789, 8 + 54);
	PUT(&f, 0x08, 0, 0, 0, 0x12, 0x34, 0x56, 0);
	put_eth(&f, 0x0800);
	put_ip_tcp(&f);
	assert_ip_tcp(&f);
	assert_int_equal(f.p.flags, PACKET_MAC | PACKET_IP | PACKET_TCP);
	assert_int_equal(f.p.ip_version, 4);
	assert_int_equal(f.p.tunnel, 0x123456);
	assert_string_equal(f.p.tunnel_kind, "vxlan");
	for (size_t n = 49; n <= f.n; n++) {
		size_t i = 0;

		while (i < 6 && n >= headers[i].end)
			i++;
		dissect(&f, n, f.n);
		assert_int_equal(f.p.depth, i);
	}
	/* A bad inner header: the packet is the outer one. */
	f.b[70] = 0x44;
	whole(&f);
	assert_counted(&f, "malformed ip");
	assert_int_equal(f.p.ip_version, 6);
	assert_int_equal(f.p.dport, 4789);
	assert_int_equal(f.p.paylen, 40);
	/* The source port names the tunnel too; without the I bit it is none. */
	f.b[70] = 0x45;
	f.b[40] = 8472 >> 8;
	f.b[41] = 8472 & 0xff;
	f.b[42] = f.b[43] = 9;
	assert_ip_tcp(&f);
	f.b[48] = 0;
	whole(&f);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.tunnel, 0);
	assert_null(f.p.tunnel_kind);
	assert_int_equal(f.p.flags, PACKET_IP | PACKET_UDP);
	assert_int_equal(f.p.paylen, 62);
	finish(&f);
}

static void test_nested_tunnels(void **state)
{
	uint32_t first = 0;
	struct frame f;

	(void)state;
	for (unsigned vni = 1; vni < 3; vni++) { /* equal inner tunnels of two outer ones */
		start(&f, LINK_IPV4);
		put_ip(&f, 17, 8 + 8 + 14 + 20 + 8 + 8 + 54);
		put_udp(&f, 4789, 8 + 14 + 20 + 8 + 8 + 54);
		PUT(&f, 0x08, 0, 0, 0, 0, 0, 0, 0);
		f.b[f.n - 2] = (uint8_t)vni;
		put_eth(&f, 0x0800);
		put_ip(&f, 17, 8 + 8 + 54);
		put_udp(&f, 4789, 8 + 54);
		PUT(&f, 0x08, 0, 0, 0, 0, 0, 7, 0);
		put_eth(&f, 0x0800);
		put_ip_tcp(&f);
		assert_ip_tcp(&f);
		assert_int_not_equal(f.p.tunnel, 0);
		assert_int_not_equal(f.p.tunnel, 7);
		assert_int_not_equal(f.p.tunnel, first);
		first = f.p.tunnel;
		finish(&f);
	}
}

static void test_geneve(void **state)
{
	struct frame f;

	(void)state;
	start(&f, LINK_IPV4); /* RFC 8926, 3.4: one option of two words */
	put_ip(&f, 17, 8 + 16 + 54);
	put_udp(&f, 6081, 16 + 54);
	PUT(&f, 0x02, 0x40, 0x65, 0x58, 0, 0, 5, 0, 1, 2, 0x80, 1, 0, 0, 0, 0);
	put_eth(&f, 0x0800);
	put_ip_tcp(&f);
	assert_ip_tcp(&f);
	assert_int_equal(f.p.tunnel, 5);
	assert_string_equal(f.p.tunnel_kind, "geneve");
	for (size_t n = 0; n < f.n; n++)
		dissect(&f, n, f.n);
	dissect(&f, 40, f.n);
	assert_counted(&f, "cut geneve");
	f.b[28] = 0x3f; /* more options than there are bytes */
	whole(&f);
	assert_counted(&f, "malformed geneve");
	assert_int_equal(f.p.dport, 6081);
	f.b[28] = 0x42; /* another version */
	whole(&f);
	assert_counted(&f, NULL);
	assert_null(f.p.tunnel_kind);
	finish(&f);
}

static void test_gre(void **state)
{
	static const struct header headers[] = {{"ip", 20}, {"gre", 36}, {"ip", 56}, {"tcp", 76}};
	struct frame f;

	(void)state;
	start(&f, LINK_IPV4); /* RFC 2890, 2: checksum, key and sequence number */
	put_ip(&f, 47, 16 + 40);
	PUT(&f, 0xb0, 0, 0x08, 0x00, 0, 0, 0, 0, 0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 1);
	put_ip_tcp(&f);
	assert_ip_tcp(&f);
	assert_int_equal(f.p.tunnel, 0xcafebabe);
	assert_string_equal(f.p.tunnel_kind, "gre");
	each_cut(&f, headers, 4);
	finish(&f);

	start(&f, LINK_IPV4); /* RFC 8086, 2: the same inside UDP */
	put_ip(&f, 17, 8 + 8 + 40);
	put_udp(&f, 4754, 8 + 40);
	PUT(&f, 0x20, 0, 0x08, 0x00, 0, 0, 0, 7);
	put_ip_tcp(&f);
	assert_ip_tcp(&f);
	assert_int_equal(f.p.tunnel, 7);
	assert_string_equal(f.p.tunnel_kind, "gre");
	f.b[28 + 1] = 1; /* PPTP is over IP only */
	whole(&f);
	assert_counted(&f, NULL);
	assert_null(f.p.tunnel_kind);
	assert_int_equal(f.p.dport, 4754);
	finish(&f);

	start(&f, LINK_IPV4); /* RFC 1701: bridging */
	put_ip(&f, 47, 4 + 54);
	PUT(&f, 0, 0, 0x65, 0x58);
	put_eth(&f, 0x0800);
	put_ip_tcp(&f);
	assert_ip_tcp(&f);
	assert_true(f.p.flags & PACKET_MAC);
	assert_int_not_equal(f.p.tunnel, 0);
	finish(&f);

	start(&f, LINK_IPV4); /* RFC 2637, 4.1: key and sequence; PPP inside, IPv4 */
	put_ip(&f, 47, 12 + 4 + 40);
	PUT(&f, 0x30, 0x01, 0x88, 0x0b, 0, 44, 0, 9, 0, 0, 0, 1, 0xff, 0x03, 0, 0x21);
	put_ip_tcp(&f);
	assert_ip_tcp(&f);
	assert_string_equal(f.p.tunnel_kind, "pptp");
	f.b[25] = 45; /* more than there is */
	whole(&f);
	assert_counted(&f, "malformed gre");
	finish(&f);
}

static void test_erspan(void **state)
{
	struct frame f;

	(void)state;
	start(&f, LINK_IPV4); /* draft-foschiano-erspan-03, 4.2: type II, session 0x101 */
	put_ip(&f, 47, 8 + 8 + 54);
	PUT(&f, 0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0x01, 0x01, 0x01, 0, 0, 0, 0);
	put_eth(&f, 0x0800);
	put_ip_tcp(&f);
	assert_ip_tcp(&f);
	assert_int_equal(f.p.tunnel, 0x101);
	assert_string_equal(f.p.tunnel_kind, "erspan");
	f.b[28 + 2] |= 0x04;         /* truncated by the mirror: */
	f.b[20 + 16 + 14 + 3] = 200; /* the lengths inside say by how much */
	whole(&f);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.paycut, 160);
	finish(&f);

	start(&f, LINK_IPV4); /* 4.3: type III with its optional 8 bytes, session 5 */
	put_ip(&f, 47, 8 + 20 + 54);
	PUT(&f, 0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1);
	PUT(&f, 0, 0, 0, 0, 0, 0, 0, 0);
	put_eth(&f, 0x0800);
	put_ip_tcp(&f);
	assert_ip_tcp(&f);
	assert_int_equal(f.p.tunnel, 5);
	finish(&f);
}

/* Type I has no header but GRE's, and no sequence number; type III may mirror IP without Ethernet.
 */
static void test_erspan_kinds(void **state)
{
	static const struct header headers[] = {
		{"ip", 20}, {"gre", 28}, {"erspan", 48}, {"ip", 68}, {"tcp", 88}};
	struct frame f;

	(void)state;
	start(&f, LINK_IPV4);
	put_ip(&f, 47, 4 + 54);
	PUT(&f, 0, 0, 0x88, 0xbe);
	put_eth(&f, 0x0800);
	put_ip_tcp(&f);
	assert_ip_tcp(&f);
	assert_string_equal(f.p.tunnel_kind, "erspan");
	assert_true(f.p.flags & PACKET_MAC);
	finish(&f);

	start(&f, LINK_IPV4); /* frame type 2, platform's bytes, session 0x155 */
	put_ip(&f, 47, 8 + 20 + 40);
	PUT(&f, 0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 1, 0x01, 0x55, 0, 0, 0, 0, 0, 0, 0x08, 1);
	PUT(&f, 0, 0, 0, 0, 0, 0, 0, 0);
	put_ip_tcp(&f);
	assert_ip_tcp(&f);
	assert_int_equal(f.p.tunnel, 0x155);
	each_cut(&f, headers, 5);
	f.b[28 + 10] = 0x7c; /* a frame type that nobody knows */
	whole(&f);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.paylen, 40);
	f.b[28] =
		0x30; /* a version that nobody knows: the packet is the outer one, with all of it */
	whole(&f);
	assert_counted(&f, NULL);
	assert_null(f.p.tunnel_kind);
	assert_int_equal(f.p.ip_proto, 47);
	assert_int_equal(f.p.paylen, 60);
	finish(&f);

	start(&f, LINK_IPV4); /* and IPv6 in it */
	put_ip(&f, 47, 8 + 12 + 60);
	PUT(&f, 0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0x08, 0);
	put_ip6(&f, 6, 20);
	put_tcp(&f, 5);
	whole(&f);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.ip_version, 6);
	assert_int_equal(f.p.dport, 80);
	finish(&f);
}

/* draft-ietf-nvo3-vxlan-gpe-13, 3: the next protocol, or Ethernet where none is named. */
static void test_vxlan_gpe(void **state)
{
	static const struct header headers[] = {
		{"ip", 20}, {"udp", 28}, {"vxlan-gpe", 36}, {"ip", 56}, {"tcp", 76}};
	struct frame f;

	(void)state;
	start(&f, LINK_IPV4);
	put_ip(&f, 17, 8 + 8 + 40);
	put_udp(&f, 4790, 8 + 40);
	PUT(&f, 0x0c, 0, 0, 1, 0x12, 0x34, 0x56, 0);
	put_ip_tcp(&f);
	assert_ip_tcp(&f);
	assert_int_equal(f.p.tunnel, 0x123456);
	assert_string_equal(f.p.tunnel_kind, "vxlan-gpe");
	each_cut(&f, headers, 5);
	f.b[28] = 0x0d; /* about the tunnel itself */
	whole(&f);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.dport, 4790);
	assert_int_equal(f.p.paylen, 40);
	f.b[28] = 0x0c;
	f.b[31] = 9; /* a protocol that nobody knows */
	whole(&f);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.paylen, 40);
	f.b[31] = 2; /* IPv6, which it is not */
	whole(&f);
	assert_counted(&f, "malformed ip6");
	f.b[28] = 0x1c; /* another version */
	whole(&f);
	assert_counted(&f, NULL);
	assert_null(f.p.tunnel_kind);
	f.b[28] = 0x04; /* no VNI */
	whole(&f);
	assert_counted(&f, NULL);
	assert_null(f.p.tunnel_kind);
	assert_int_equal(f.p.paylen, 48);
	finish(&f);

	for (int named = 0; named < 2; named++) { /* Ethernet; unnamed the byte means nothing */
		start(&f, LINK_IPV4);
		put_ip(&f, 17, 8 + 8 + 54);
		put_udp(&f, 4790, 8 + 54);
		PUT(&f, 0x08, 0, 0, 3, 0, 0, 7, 0);
		f.b[28] |= named ? 0x04 : 0;
		f.b[31] = named ? 3 : 1;
		put_eth(&f, 0x0800);
		put_ip_tcp(&f);
		assert_ip_tcp(&f);
		assert_int_equal(f.p.tunnel, 7);
		assert_true(f.p.flags & PACKET_MAC);
		finish(&f);
	}
}

/* RFC 8300, 2: base header, service path, four words of metadata; IPv4, MPLS and NSH behind it. */
static void test_nsh(void **state)
{
	static const struct header headers[] = {
		{"ip", 20}, {"udp", 28}, {"vxlan-gpe", 36}, {"nsh", 60}, {"ip", 80}, {"tcp", 100}};
	struct frame f;

	(void)state;
	start(&f, LINK_IPV4);
	put_ip(&f, 17, 8 + 8 + 24 + 40);
	put_udp(&f, 4790, 8 + 24 + 40);
	PUT(&f, 0x0c, 0, 0, 4, 0, 0, 1, 0);
	PUT(&f, 0x0f, 0xc6, 1, 1, 0, 0, 42, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	put_ip_tcp(&f);
	assert_ip_tcp(&f);
	assert_int_equal(f.p.tunnel, 1);
	each_cut(&f, headers, 6);
	f.b[36] |= 0x20; /* about the path itself */
	whole(&f);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.paylen, 40);
	f.b[36] = 0x4f; /* another version */
	whole(&f);
	assert_counted(&f, "malformed nsh");
	f.b[36] = 0x0f;
	f.b[37] = 0xc1; /* shorter than it can be */
	whole(&f);
	assert_counted(&f, "malformed nsh");
	f.b[37] = 0xff; /* longer than there are bytes */
	whole(&f);
	assert_counted(&f, "malformed nsh");
	finish(&f);
}

/* draft-ietf-intarea-gue-09, 3.2 and 4: with a header and without. */
static void test_gue(void **state)
{
	static const struct header headers[] = {
		{"ip", 20}, {"udp", 28}, {"gue", 36}, {"ip", 56}, {"tcp", 76}};
	struct frame f;

	(void)state;
	start(&f, LINK_IPV4); /* one optional word, IPv4 */
	put_ip(&f, 17, 8 + 8 + 40);
	put_udp(&f, 6080, 8 + 40);
	PUT(&f, 0x01, 4, 0x80, 0, 1, 2, 3, 4);
	put_ip_tcp(&f);
	assert_ip_tcp(&f);
	assert_string_equal(f.p.tunnel_kind, "gue");
	assert_int_not_equal(f.p.tunnel, 0);
	each_cut(&f, headers, 5);
	f.b[28] = 0x21; /* a control message */
	whole(&f);
	assert_counted(&f, NULL);
	assert_null(f.p.tunnel_kind);
	assert_int_equal(f.p.paylen, 40);
	f.b[28] = 0x01;
	f.b[29] = 59; /* nothing follows */
	whole(&f);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.dport, 6080);
	f.b[28] = 0x1f; /* more optional words than there are bytes */
	whole(&f);
	assert_counted(&f, "malformed gue");
	f.b[28] = 0x81; /* a variant that nobody knows */
	whole(&f);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.paylen, 48);
	finish(&f);

	start(&f, LINK_IPV6); /* variant 1: IPv4, IPv6 */
	put_ip6(&f, 17, 8 + 40);
	put_udp(&f, 6080, 40);
	put_ip_tcp(&f);
	assert_ip_tcp(&f);
	assert_string_equal(f.p.tunnel_kind, "gue");
	finish(&f);
	start(&f, LINK_IPV4);
	put_ip(&f, 17, 8 + 60);
	put_udp(&f, 6080, 60);
	put_ip6(&f, 6, 20);
	put_tcp(&f, 5);
	whole(&f);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.ip_version, 6);
	assert_int_equal(f.p.dport, 80);
	finish(&f);

	start(&f, LINK_IPV4); /* GRE with a key; TCP itself, between the outer addresses */
	put_ip(&f, 17, 8 + 4 + 8 + 40);
	put_udp(&f, 6080, 4 + 8 + 40);
	PUT(&f, 0, 47, 0, 0, 0x20, 0, 0x08, 0x00, 0, 0, 0, 7);
	put_ip_tcp(&f);
	assert_ip_tcp(&f);
	assert_string_equal(f.p.tunnel_kind, "gre");
	finish(&f);
	start(&f, LINK_IPV4);
	put_ip(&f, 17, 8 + 4 + 20);
	put_udp(&f, 6080, 4 + 20);
	PUT(&f, 0, 6, 0, 0);
	put_tcp(&f, 5);
	assert_ip_tcp(&f);
	assert_int_equal(f.p.flags, PACKET_IP | PACKET_TCP);
	assert_int_equal(f.p.ip_proto, 6);
	assert_int_equal(f.p.sport, 40000);
	finish(&f);
}

/* As the user says of a port: an IP protocol straight behind UDP, a tunnel of another port, none.
 */
static void test_decode(void **state)
{
	struct frame f;

	(void)state;
	start(&f, LINK_IPV4);
	put_ip(&f, 17, 8 + 8 + 40);
	put_udp(&f, 5555, 8 + 40);
	PUT(&f, 0x20, 0, 0x08, 0x00, 0, 0, 0, 7);
	put_ip_tcp(&f);
	whole(&f);
	assert_int_equal(f.p.dport, 5555);
	assert_true(registry_decode_fou(5555, 47));
	assert_ip_tcp(&f);
	assert_string_equal(f.p.tunnel_kind, "gre");
	finish(&f);

	start(&f, LINK_IPV4);
	put_ip(&f, 17, 8 + 40);
	put_udp(&f, 5556, 40);
	put_ip_tcp(&f);
	assert_true(registry_decode_fou(5556, 4));
	assert_ip_tcp(&f);
	assert_string_equal(f.p.tunnel_kind, "fou");
	f.b[20] = 5556 >> 8; /* known by the other port, too */
	f.b[21] = 5556 & 0xff;
	f.b[22] = f.b[23] = 9;
	assert_ip_tcp(&f);
	finish(&f);
	for (uint16_t i = 0; i < REGISTRY_FOU - 2; i++)
		assert_true(registry_decode_fou((uint16_t)(6000 + i), 47));
	assert_false(registry_decode_fou(7000, 47));

	start(&f, LINK_IPV4);
	put_ip(&f, 17, 8 + 8 + 54);
	put_udp(&f, 14789, 8 + 54);
	PUT(&f, 0x08, 0, 0, 0, 0, 0, 7, 0);
	put_eth(&f, 0x0800);
	put_ip_tcp(&f);
	whole(&f);
	assert_null(f.p.tunnel_kind);
	registry_decode_udp(14789, registry_find("vxlan"));
	assert_ip_tcp(&f);
	assert_int_equal(f.p.tunnel, 7);
	registry_decode_udp(14789, NULL);
	whole(&f);
	assert_null(f.p.tunnel_kind);
	assert_int_equal(f.p.paylen, 62);
	finish(&f);
}

static void test_ipip(void **state)
{
	struct frame f;

	(void)state;
	start(&f, LINK_IPV6); /* IPv4 in IPv6 */
	put_ip6(&f, 4, 40);
	put_ip_tcp(&f);
	assert_ip_tcp(&f);
	assert_string_equal(f.p.tunnel_kind, "ipip");
	assert_int_not_equal(f.p.tunnel, 0);
	f.b[40] = 0x15;
	whole(&f);
	assert_counted(&f, "malformed ipip");
	assert_int_equal(f.p.ip_version, 6);
	finish(&f);

	start(&f, LINK_IPV4); /* RFC 4213: IPv6 in IPv4; then IPv4 for ever */
	put_ip(&f, 41, 60);
	put_ip6(&f, 6, 20);
	put_tcp(&f, 5);
	whole(&f);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.ip_version, 6);
	assert_int_equal(f.p.dport, 80);
	finish(&f);

	start(&f, LINK_IPV4);
	for (unsigned i = 0; i < 100; i++)
		put_ip(&f, 4, (99 - i) * 20);
	whole(&f);
	assert_counted(&f, "too many layers");
	finish(&f);
}

/* ---- Everything at once ---- */

static uint32_t random_next(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	*x ^= *x << 5;
	return *x;
}

/* Frames of all layers with a few bytes changed: the promises of dissect() hold for each. */
static void test_mutations(void **state)
{
	static const unsigned types[] = {
		0x0800, 0x86dd, 0x8100, 0x8847, 0x8864, 0x0806, 0x6558, 46};
	static const unsigned protos[] = {1, 4, 6, 17, 41, 47, 51, 0, 43, 44, 60, 132};
	static const unsigned ports[] = {4789, 4790, 6080, 6081};
	uint32_t x = 20240607;
	struct frame f;

	(void)state;
	start(&f, LINK_ETH);
	for (unsigned i = 0; i < 200000; i++) {
		f.n = 0;
		put_eth(&f, types[random_next(&x) % 8]);
		while (f.n < 160) {
			unsigned proto = protos[random_next(&x) % 12];

			if (x & 0x100)
				put_ip(&f, proto, 200 - f.n);
			else if (x & 0x200)
				put_ip6(&f, proto, 200 - f.n);
			else if (x & 0x400)
				put_udp(&f, ports[x >> 11 & 3], 200 - f.n);
			else
				PUT(&f, 0x08, 0, 0x65, 0x58, 0, 0, 7, 0);
		}
		for (unsigned k = random_next(&x) % 4; k > 0; k--)
			f.b[random_next(&x) % f.n] = (uint8_t)(x >> 24);
		dissect(&f, f.n - x % 64, f.n);
	}
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vxlan),
		cmocka_unit_test(test_nested_tunnels),
		cmocka_unit_test(test_geneve),
		cmocka_unit_test(test_gre),
		cmocka_unit_test(test_erspan),
		cmocka_unit_test(test_erspan_kinds),
		cmocka_unit_test(test_vxlan_gpe),
		cmocka_unit_test(test_nsh),
		cmocka_unit_test(test_gue),
		cmocka_unit_test(test_ipip),
		cmocka_unit_test(test_mutations),
		cmocka_unit_test(test_decode),
	};

	registry_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
