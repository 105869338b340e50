/*
 * layers.c - Ethernet, IPv4, IPv6, TCP, UDP, ARP and ICMP headers: good ones, cut off at every byte
 * (as by a snap length, and as a short frame), and ones that lie.
 */
#include "frame.h"
#include "api/layer.h"
#include "core/flow.h"
#include "core/fastpath.h"
#include <stdlib.h>

/* ---- Ethernet, IPv4, TCP, UDP ---- */

/* Which frames take the shorter way; that it says the same is dissect()'s to see. */
static void test_plain(void **state)
{
	struct frame f;

	(void)state;
	assert_true(registry_chain.plain);
	for (unsigned tagged = 0; tagged < 2; tagged++) {
		start(&f, LINK_ETH);
		put_eth(&f, tagged ? 0x8100 : 0x0800);
		if (tagged)
			PUT(&f, 0x60, 0x64, 0x08, 0x00); /* priority 3, VLAN 100 */
		put_ip_tcp(&f);
		assert_ip_tcp(&f);
		assert_true(plain_frame(&f.p));
		assert_int_equal(f.p.nvlan, tagged);
		if (tagged)
			assert_int_equal(f.p.vlan[0], 100);
		f.b[14 + 4 * tagged + 6] = 0x20; /* more fragments */
		whole(&f);
		assert_false(plain_frame(&f.p));
		finish(&f);
	}
	start(&f, LINK_ETH);
	put_eth(&f, 0x0800);
	put_ip(&f, 17, 12);
	put_udp(&f, 6000, 4);
	PUT(&f, 'a', 'b', 'c', 'd');
	whole(&f);
	assert_true(plain_frame(&f.p));
	assert_int_equal(f.p.paylen, 4);
	f.b[36] = 4789 >> 8; /* VXLAN */
	f.b[37] = 4789 & 0xff;
	whole(&f);
	assert_false(plain_frame(&f.p));
	f.link = LINK_RAW;
	whole(&f);
	assert_false(plain_frame(&f.p));
	finish(&f);
}

static void test_eth_ip_tcp(void **state)
{
	static const struct header headers[] = {{"eth", 14}, {"ip", 34}, {"tcp", 54}};
	struct frame f;

	(void)state;
	start(&f, LINK_ETH);
	put_eth(&f, 0x0800);
	put_ip(&f, 6, 32 + 4);
	put_tcp(&f, 8);
	PUT(&f, 1, 1, 8, 10, 0, 0, 1, 2, 0, 0, 3, 4); /* RFC 7323, appendix A */
	PUT(&f, 'a', 'b', 'c', 'd');
	whole(&f);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.flags, PACKET_MAC | PACKET_IP | PACKET_TCP);
	assert_int_equal(f.p.depth, 3);
	assert_memory_equal(f.p.mac_dst, f.b, 6);
	assert_memory_equal(f.p.mac_src, f.b + 6, 6);
	assert_v4(&f.p.src, 1);
	assert_v4(&f.p.dst, 2);
	assert_int_equal(f.p.ip_version, 4);
	assert_int_equal(f.p.ip_proto, 6);
	assert_int_equal(f.p.ttl, 63);
	assert_int_equal(f.p.ecn, 2);
	assert_int_equal(f.p.ip_id, 0x1234);
	assert_int_equal(f.p.sport, 40000);
	assert_int_equal(f.p.dport, 80);
	assert_int_equal(f.p.tcp_seq, 0x11223344);
	assert_int_equal(f.p.tcp_ack, 0x55667788);
	assert_int_equal(f.p.tcp_flags, TCP_PSH | TCP_ACK);
	assert_int_equal(f.p.tcp_window, 501);
	assert_int_equal(f.p.tcp_opts, TCP_OPT_TIMES);
	assert_int_equal(f.p.tcp_tsval, 0x102);
	assert_int_equal(f.p.tcp_tsecr, 0x304);
	assert_int_equal(f.p.paylen, 4);
	assert_int_equal(f.p.paycut, 0);
	assert_memory_equal(f.p.payload, "abcd", 4);
	each_cut(&f, headers, 3);
	each_short(&f, 0);

	/* Cut inside the options and inside the payload: what is missing is known to the byte. */
	dissect(&f, 60, f.n);
	assert_int_equal(f.p.tcp_opts, TCP_OPT_CUT);
	assert_int_equal(f.p.paylen, 0);
	assert_int_equal(f.p.paycut, 4);
	dissect(&f, 67, f.n);
	assert_int_equal(f.p.tcp_opts, TCP_OPT_TIMES);
	assert_int_equal(f.p.paylen, 1);
	assert_int_equal(f.p.paycut, 3);
	finish(&f);
}

static void test_tcp_options(void **state)
{
	struct frame f;

	(void)state;
	start(&f, LINK_IPV4);
	put_ip(&f, 6, 60);
	put_tcp(&f, 15);
	PUT(&f, 2, 4, 0x05, 0xb4, 3, 3, 15, 4, 2); /* MSS 1460; shift 15; SACK permitted */
	PUT(&f, 1, 8, 10, 0xff, 0, 0, 1, 0, 0, 0, 2);
	PUT(&f, 5, 18, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4); /* RFC 2018, 3 */
	PUT(&f, 0, 0xff);
	whole(&f);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.tcp_opts,
		TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_SACK_OK | TCP_OPT_TIMES | TCP_OPT_SACK);
	assert_int_equal(f.p.tcp_mss, 1460);
	assert_int_equal(f.p.tcp_wscale, 14); /* RFC 7323, 2.3: more than 14 is 14 */
	assert_int_equal(f.p.tcp_tsval, 0xff000001);
	assert_int_equal(f.p.tcp_nsack, 2);
	assert_ptr_equal(f.p.tcp_sack, f.block + 40 + 22);
	assert_int_equal(f.p.paylen, 0);
	finish(&f);
}

/* Four bytes of options that no sender should write: the segment counts, the options end. */
static void odd_options(uint8_t a, uint8_t b, uint8_t c, uint8_t d, unsigned opts)
{
	uint8_t options[4] = {a, b, c, d};
	struct frame f;

	start(&f, LINK_IPV4);
	put_ip(&f, 6, 26);
	put_tcp(&f, 6);
	put(&f, options, 4);
	PUT(&f, 'x', 'y');
	whole(&f);
	assert_counted(&f, NULL);
	assert_true(f.p.flags & PACKET_TCP);
	assert_int_equal(f.p.tcp_opts, opts);
	assert_int_equal(f.p.paylen, 2);
	finish(&f);
}

static void test_tcp_hostile(void **state)
{
	struct frame f;

	(void)state;
	odd_options(2, 0, 5, 0xb4, 0);              /* length 0: would loop for ever */
	odd_options(2, 1, 5, 0xb4, 0);              /* length 1: within itself */
	odd_options(8, 10, 0, 0, 0);                /* past the data offset */
	odd_options(1, 1, 1, 3, 0);                 /* kind without a length */
	odd_options(4, 2, 3, 255, TCP_OPT_SACK_OK); /* what came before still holds */
	odd_options(5, 2, 4, 2, TCP_OPT_SACK_OK);   /* SACK without a block */
	odd_options(254, 4, 4, 2, 0); /* an experiment (RFC 4727) is passed over whole */

	for (unsigned words = 0; words < 16; words++) {
		start(&f, LINK_IPV4);
		put_ip(&f, 6, 20 + 8);
		put_tcp(&f, words);
		PUT(&f, 0, 0, 0, 0, 0, 0, 0, 0);
		whole(&f);
		/* Fewer words than the fixed header has, or more than the segment. */
		assert_counted(&f, words < 5 || words > 7 ? "malformed tcp" : NULL);
		assert_true(f.p.flags & PACKET_IP);
		assert_int_equal(!(f.p.flags & PACKET_TCP), words < 5 || words > 7);
		if (words < 5 || words > 7)
			assert_int_equal(f.p.paylen, 28);
		finish(&f);
	}
}

static void test_ip_lengths(void **state)
{
	struct frame f;

	(void)state;
	/* Padding behind the total length is not payload. */
	start(&f, LINK_ETH);
	put_eth(&f, 0x0800);
	put_ip(&f, 17, 8 + 2);
	put_udp(&f, 53, 2);
	PUT(&f, 'h', 'i', 0, 0, 0, 0, 0, 0, 0, 0);
	whole(&f);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.flags, PACKET_MAC | PACKET_IP | PACKET_UDP);
	assert_int_equal(f.p.sport, 5000);
	assert_int_equal(f.p.dport, 53);
	assert_int_equal(f.p.paylen, 2);

	f.b[16] = f.b[17] = 0; /* total length 0: offload, all the frame holds */
	whole(&f);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.paylen, 2); /* by UDP's own length */
	f.b[14 + 20 + 5] = 0;            /* UDP length 0: likewise */
	whole(&f);
	assert_int_equal(f.p.paylen, 10);
	f.b[17] = 19; /* less than the header */
	whole(&f);
	assert_counted(&f, "malformed ip");
	assert_int_equal(f.p.flags, PACKET_MAC);
	f.b[17] = (uint8_t)(f.n - 14 + 1); /* more than the frame held: cut, and nobody said so */
	for (size_t said = 0; said < 4; said++) {
		dissect(&f, f.n, f.n + said);
		assert_counted(&f, NULL);
		assert_int_equal(f.p.paylen, 10);
		assert_int_equal(f.p.paycut, 1);
		assert_int_equal(f.p.len, f.n + (said > 1 ? said : 1));
	}
	finish(&f);
}

/* An editor that cuts frames and writes the new length as that on the wire. */
static void test_sliced(void **state)
{
	struct frame f;

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		size_t ip = v6 ? 40 : 20;

		start(&f, LINK_ETH);
		put_eth(&f, v6 ? 0x86dd : 0x0800);
		if (v6)
			put_ip6(&f, 6, 20 + 100);
		else
			put_ip(&f, 6, 20 + 100);
		put_tcp(&f, 5);
		f.n += 100;
		for (size_t n = 14 + ip; n <= f.n; n++) {
			bool tcp = n >= 14 + ip + 20;

			dissect(&f, n, n);
			assert_counted(&f, tcp ? NULL : "cut tcp");
			assert_int_equal(f.p.sport, n >= 14 + ip + 4 ? 40000 : 0);
			assert_int_equal(f.p.len, f.n);
			if (!tcp)
				continue;
			assert_int_equal(f.p.paylen, n - 14 - ip - 20);
			assert_int_equal(f.p.paycut, f.n - n);
		}
		finish(&f);
	}
	/* Inside a tunnel the outer packet has the lengths of the frame. */
	start(&f, LINK_IPV4);
	put_ip(&f, 4, 20 + 20 + 7);
	put_ip(&f, 6, 20 + 100);
	put_tcp(&f, 5);
	f.n += 7;
	whole(&f);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.len, f.n);
	assert_int_equal(f.p.paylen, 7);
	assert_int_equal(f.p.paycut, 93);
	finish(&f);
}

static void test_ip_header(void **state)
{
	static const struct header headers[] = {{"ip", 28}, {"udp", 36}};
	struct frame f;

	(void)state;
	/* RFC 791, 3.1: two words of options (router alert, end, padding). */
	start(&f, LINK_IPV4);
	PUT(&f, 0x47, 0, 0, 37, 0, 1, 0, 0, 1, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2);
	PUT(&f, 0x94, 4, 0, 0, 0, 0, 0, 0);
	put_udp(&f, 9, 1);
	PUT(&f, 'z');
	whole(&f);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.dport, 9);
	assert_int_equal(f.p.paylen, 1);
	each_cut(&f, headers, 2);
	each_short(&f, 0);
	for (unsigned ihl = 0; ihl < 5; ihl++) {
		f.b[0] = (uint8_t)(0x40 | ihl);
		whole(&f);
		assert_counted(&f, "malformed ip");
	}
	f.b[0] = 0x4f; /* 60 bytes of header in 37 */
	whole(&f);
	assert_counted(&f, "malformed ip");
	f.b[0] = 0x57;
	whole(&f);
	assert_counted(&f, "malformed ip");
	finish(&f);
}

static void test_ip_fragment(void **state)
{
	struct frame f;

	(void)state;
	start(&f, LINK_RAW);
	put_ip(&f, 17, 16);
	put_udp(&f, 53, 100);
	PUT(&f, 1, 2, 3, 4, 5, 6, 7, 8);
	f.b[6] = 0x20 | 0x1f; /* more fragments, offset 0x1f05 units of 8 */
	f.b[7] = 0x05;
	whole(&f);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.flags, PACKET_IP | PACKET_FRAGMENT);
	assert_int_equal(f.p.frag.id, 0x1234);
	assert_int_equal(f.p.frag.offset, 0x1f05 * 8);
	assert_true(f.p.frag.more);
	assert_int_equal(f.p.frag.proto, 17);
	assert_int_equal(f.p.paylen, 16);
	f.b[6] = 0x1f;
	whole(&f);
	assert_false(f.p.frag.more);

	/* Put together again, the chain goes on. */
	f.b[24 + 1] = 16;
	layers_continue(&f.p, view_of(f.b + 20, 16, 0), 17, &f.c);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.flags, PACKET_IP | PACKET_UDP);
	assert_int_equal(f.p.dport, 53);
	assert_int_equal(f.p.paylen, 8);
	assert_int_equal(f.p.depth, 3);
	finish(&f);
}

static void test_udp_lengths(void **state)
{
	struct frame f;

	(void)state;
	for (unsigned length = 0; length < 20; length++) {
		bool good = length == 0 || (length >= 8 && length <= 12);

		start(&f, LINK_IPV4);
		put_ip(&f, 17, 12);
		put_udp(&f, 7, 4);
		PUT(&f, 1, 2, 3, 4);
		f.b[25] = (uint8_t)length;
		whole(&f);
		assert_counted(&f, good ? NULL : "malformed udp");
		assert_int_equal(!!(f.p.flags & PACKET_UDP), good);
		if (good)
			assert_int_equal(f.p.paylen, length ? length - 8 : 4);
		finish(&f);
	}
}

/* ---- IPv6 ---- */

static void test_ip6(void **state)
{
	static const struct header headers[] = {{"eth", 14}, {"ip6", 54}, {"udp", 62}};
	struct frame f;

	(void)state;
	start(&f, LINK_ETH);
	put_eth(&f, 0x86dd);
	put_ip6(&f, 17, 9);
	put_udp(&f, 53, 1);
	PUT(&f, 'q');
	whole(&f);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.flags, PACKET_MAC | PACKET_IP | PACKET_UDP);
	assert_int_equal(f.p.ip_version, 6);
	assert_int_equal(f.p.ip_proto, 17);
	assert_int_equal(f.p.ttl, 64);
	assert_int_equal(f.p.ecn, 3);
	assert_memory_equal(f.p.src.b, f.b + 22, 16);
	assert_memory_equal(f.p.dst.b, f.b + 38, 16);
	assert_int_equal(f.p.paylen, 1);
	each_cut(&f, headers, 3);
	each_short(&f, 0);
	PUT(&f, 0, 0); /* padding */
	whole(&f);
	assert_int_equal(f.p.paylen, 1);
	f.b[14 + 5] = 0; /* a jumbogram, or offload */
	f.b[14 + 40 + 5] = 0;
	whole(&f);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.paylen, 3);
	f.b[14] = 0x50;
	whole(&f);
	assert_counted(&f, "malformed ip6");
	finish(&f);
}

static void test_ip6_extensions(void **state)
{
	struct frame f;

	(void)state;
	/* RFC 8200, 4.3 hop-by-hop; 4.4 routing; 4.6 destination; RFC 4302, 2 AH; RFC 6275, 6.1.1
	   mobility; RFC 7401, 5.1 HIP; RFC 5533, 5.1 shim6; RFC 6946 an atomic fragment. */
	start(&f, LINK_IPV6);
	put_ip6(&f, 0, 8 + 24 + 8 + 16 + 8 + 8 + 8 + 8 + 20);
	PUT(&f, 43, 0, 1, 4, 0, 0, 0, 0);
	PUT(&f, 60, 2, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	PUT(&f, 51, 0, 1, 4, 0, 0, 0, 0);
	PUT(&f, 135, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0xaa, 0xbb, 0xcc, 0xdd);
	PUT(&f, 139, 0, 0, 0, 0, 0, 0, 0);
	PUT(&f, 140, 0, 0, 0, 0, 0, 0, 0);
	PUT(&f, 44, 0, 0, 0, 0, 0, 0, 0);
	PUT(&f, 6, 0, 0, 0, 0, 0, 0, 9);
	put_tcp(&f, 5);
	whole(&f);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.flags, PACKET_IP | PACKET_TCP);
	assert_int_equal(f.p.ip_proto, 6);
	assert_int_equal(f.p.dport, 80);
	assert_int_equal(f.p.depth, 3);
	each_short(&f, 0);
	for (size_t n = 40; n < f.n - 20; n++) {
		dissect(&f, n, f.n);
		assert_counted(&f, "cut ip6ext");
		assert_int_equal(f.p.flags, PACKET_IP);
	}
	f.b[41] = 255; /* a header longer than the packet */
	whole(&f);
	assert_counted(&f, "malformed ip6ext");
	finish(&f);

	start(&f, LINK_IPV6); /* RFC 8200, 4.7: nothing follows */
	put_ip6(&f, 59, 4);
	PUT(&f, 1, 2, 3, 4);
	whole(&f);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.ip_proto, 59);
	assert_int_equal(f.p.paylen, 4);
	finish(&f);

	start(&f, LINK_IPV4); /* AH in IPv4; IPv6's other numbers are nothing there */
	put_ip(&f, 51, 12 + 20);
	PUT(&f, 6, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1);
	put_tcp(&f, 5);
	whole(&f);
	assert_int_equal(f.p.flags, PACKET_IP | PACKET_TCP);
	f.b[9] = 60;
	whole(&f);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.flags, PACKET_IP);
	assert_int_equal(f.p.paylen, 32);
	finish(&f);
}

static void test_ip6_fragment(void **state)
{
	struct frame f;

	(void)state;
	start(&f, LINK_IPV6); /* RFC 8200, 4.5 */
	put_ip6(&f, 44, 16);
	PUT(&f, 17, 0xff, 0x05, 0xa9, 0xde, 0xad, 0xbe, 0xef);
	PUT(&f, 1, 2, 3, 4, 5, 6, 7, 8);
	whole(&f);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.flags, PACKET_IP | PACKET_FRAGMENT);
	assert_int_equal(f.p.frag.id, 0xdeadbeef);
	assert_int_equal(f.p.frag.offset, 0x05a8);
	assert_true(f.p.frag.more);
	assert_int_equal(f.p.frag.proto, 17);
	assert_int_equal(f.p.ip_proto, 17);
	assert_int_equal(f.p.paylen, 8);
	finish(&f);

	/* Less than a fragment header (CVE-2017-13031). */
	for (unsigned n = 1; n < 8; n++) {
		start(&f, LINK_IPV6);
		put_ip6(&f, 44, n);
		for (unsigned i = 0; i < n; i++)
			PUT(&f, 0xff);
		whole(&f);
		assert_counted(&f, "malformed ip6ext");
		assert_int_equal(f.p.flags, PACKET_IP);
		finish(&f);
	}
}

/* ---- ARP, ICMP ---- */

static void test_arp(void **state)
{
	static const struct header headers[] = {{"eth", 14}, {"arp", 42}};
	struct frame f;

	(void)state;
	start(&f, LINK_ETH); /* RFC 826, "Packet format": who has 10.0.0.2, tell 10.0.0.1 */
	put_eth(&f, 0x0806);
	PUT(&f, 0, 1, 0x08, 0x00, 6, 4, 0, 1, 2, 0, 0, 0, 0, 0xaa, 10, 0, 0, 1);
	PUT(&f, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2);
	whole(&f);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.flags, PACKET_MAC | PACKET_ARP);
	assert_int_equal(load16(f.p.event.head + 6), 1);
	assert_memory_equal(f.p.event.head + 8, f.b + 6, 6);
	assert_v4(&f.p.src, 1);
	assert_v4(&f.p.dst, 2);
	each_cut(&f, headers, 2);
	each_short(&f, 0);
	PUT(&f, 0, 0, 0, 0);
	whole(&f);
	assert_int_equal(f.p.paylen, 0);
	f.b[14 + 4] = 200; /* addresses longer than the packet */
	whole(&f);
	assert_counted(&f, "malformed arp");
	f.b[14 + 1] = 6; /* other hardware: none of ours */
	whole(&f);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.flags, PACKET_MAC);
	finish(&f);
}

static void test_icmp(void **state)
{
	static const struct header headers[] = {{"ip", 20}, {"icmp", 28}};
	struct frame f;

	(void)state;
	start(&f, LINK_IPV4); /* RFC 792, echo: identifier 0x0a0b */
	put_ip(&f, 1, 8 + 2);
	PUT(&f, 8, 0, 0, 0, 0x0a, 0x0b, 0, 1, 'h', 'i');
	whole(&f);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.flags, PACKET_IP | PACKET_ICMP);
	assert_int_equal(f.p.icmp_type, 8);
	assert_int_equal(f.p.sport, 0x0a0b);
	assert_int_equal(f.p.dport, 0x0a0b);
	assert_int_equal(f.p.paylen, 2);
	each_cut(&f, headers, 2);
	each_short(&f, 0);
	finish(&f);
}

static void test_icmp_quote(void **state)
{
	struct frame f;

	(void)state;
	/* RFC 792, destination unreachable: code 3, the IP header and 64 bits of the datagram. */
	start(&f, LINK_IPV4);
	put_ip(&f, 1, 8 + 28);
	PUT(&f, 3, 3, 0, 0, 0, 0, 0, 0);
	PUT(&f, 0x45, 0, 1, 0, 0, 9, 0, 0, 9, 17, 0, 0, 10, 0, 0, 2, 10, 0, 0, 9);
	PUT(&f, 0x13, 0x88, 0, 53, 0, 236, 0, 0);
	whole(&f);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.flags, PACKET_IP | PACKET_ICMP | PACKET_QUOTE);
	assert_int_equal(f.p.icmp_code, 3);
	assert_int_equal(f.p.sport, 0);
	assert_v4(&f.p.src, 1);
	assert_v4(&f.p.quote.src, 2);
	assert_v4(&f.p.quote.dst, 9);
	assert_int_equal(f.p.quote.proto, 17);
	assert_int_equal(f.p.quote.sport, 5000);
	assert_int_equal(f.p.quote.dport, 53);
	for (size_t n = 28; n <= f.n; n++) { /* what is there of the quote counts */
		dissect(&f, n, f.n);
		assert_counted(&f, NULL);
		assert_int_equal(!!(f.p.flags & PACKET_QUOTE), n >= 48);
		if (n >= 48)
			assert_int_equal(f.p.quote.dport, n >= 52 ? 53 : 0);
	}
	f.b[28 + 6] = 0x00; /* a later fragment has no ports */
	f.b[28 + 7] = 0x10;
	whole(&f);
	assert_true(f.p.flags & PACKET_QUOTE);
	assert_int_equal(f.p.quote.sport, 0);
	f.b[28] = 0x44;
	whole(&f);
	assert_false(f.p.flags & PACKET_QUOTE);
	assert_counted(&f, NULL);
	finish(&f);
}

/* RFC 9260, 3: the ports of the common header, and of one that ICMP quotes. */
static void test_sctp(void **state)
{
	struct frame f;

	(void)state;
	start(&f, LINK_IPV4);
	put_ip(&f, 132, 12 + 4);
	PUT(&f, 0x0b, 0x59, 0x0f, 0x1c, 1, 2, 3, 4, 0, 0, 0, 0, 14, 0, 0,
		4); /* SHUTDOWN COMPLETE */
	whole(&f);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.flags, PACKET_IP | PACKET_SCTP);
	assert_int_equal(f.p.ip_proto, 132);
	assert_int_equal(f.p.sport, 2905);
	assert_int_equal(f.p.dport, 3868);
	assert_int_equal(f.p.paylen, 4);
	assert_int_equal(f.p.payload[0], 14);
	for (size_t n = 20; n < 32; n++) { /* the ports are there where the rest was cut */
		dissect(&f, n, f.n);
		assert_counted(&f, "cut sctp");
		assert_int_equal(f.p.sport, n >= 24 ? 2905 : 0);
		assert_int_equal(f.p.dport, n >= 24 ? 3868 : 0);
	}
	finish(&f);
	start(&f, LINK_IPV4);
	put_ip(&f, 132, 11);
	PUT(&f, 0x0b, 0x59, 0x0f, 0x1c, 1, 2, 3, 4, 0, 0, 0);
	whole(&f);
	assert_counted(&f, "malformed sctp");
	assert_int_equal(f.p.sport, 0);
	finish(&f);

	start(&f, LINK_IPV4);
	put_ip(&f, 1, 8 + 20 + 8);
	PUT(&f, 3, 3, 0, 0, 0, 0, 0, 0);
	put_ip(&f, 132, 40);
	PUT(&f, 0x0b, 0x59, 0x0f, 0x1c, 1, 2, 3, 4);
	whole(&f);
	assert_true(f.p.flags & PACKET_QUOTE);
	assert_int_equal(f.p.quote.proto, 132);
	assert_int_equal(f.p.quote.sport, 2905);
	assert_int_equal(f.p.quote.dport, 3868);
	finish(&f);
}

/* The ports of a header that the snap length cut; of one that is too short they are not believed.
 */
static void test_cut_ports(void **state)
{
	struct frame f;

	(void)state;
	for (int udp = 0; udp < 2; udp++) {
		unsigned sport = udp ? 5000 : 40000, header = udp ? 8 : 20;

		start(&f, LINK_IPV4);
		put_ip(&f, udp ? 17 : 6, 20);
		if (udp)
			put_udp(&f, 80, 12);
		else
			put_tcp(&f, 5);
		f.n = 40;
		for (size_t n = 20; n < 20 + header; n++) {
			dissect(&f, n, f.n);
			assert_counted(&f, udp ? "cut udp" : "cut tcp");
			assert_int_equal(f.p.sport, n >= 24 ? sport : 0);
			assert_int_equal(f.p.dport, n >= 24 ? 80 : 0);
			assert_int_equal(f.p.flags, PACKET_IP);
		}
		f.b[3] = 20 + 7; /* the packet ends there */
		dissect(&f, 27, 27);
		assert_counted(&f, udp ? "malformed udp" : "malformed tcp");
		assert_int_equal(f.p.sport, 0);
		finish(&f);
	}
}

static void test_icmp6_quote(void **state)
{
	struct frame f;

	(void)state;
	/* RFC 4443, 3.3: time exceeded; the quote has a destination options header before TCP. */
	start(&f, LINK_IPV6);
	put_ip6(&f, 58, 8 + 40 + 8 + 20);
	PUT(&f, 3, 0, 0, 0, 0, 0, 0, 0);
	put_ip6(&f, 60, 28);
	PUT(&f, 6, 0, 1, 4, 0, 0, 0, 0);
	put_tcp(&f, 5);
	whole(&f);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.flags, PACKET_IP | PACKET_ICMP | PACKET_QUOTE);
	assert_memory_equal(f.p.quote.src.b, f.b + 48 + 8, 16);
	assert_int_equal(f.p.quote.proto, 6);
	assert_int_equal(f.p.quote.sport, 40000);
	assert_int_equal(f.p.quote.dport, 80);
	for (size_t n = 0; n < f.n; n++) {
		dissect(&f, n, f.n);
		assert_int_equal(!!(f.p.flags & PACKET_QUOTE), n >= 88);
	}
	finish(&f);

	start(&f, LINK_IPV6); /* RFC 4443, 4.2: echo reply */
	put_ip6(&f, 58, 8);
	PUT(&f, 129, 0, 0, 0, 0x77, 0x88, 0, 1);
	whole(&f);
	assert_int_equal(f.p.flags, PACKET_IP | PACKET_ICMP);
	assert_int_equal(f.p.icmp_type, 129);
	assert_int_equal(f.p.dport, 0x7788);
	finish(&f);
}

/* Both ways to the place of a packet of IPv4 say the same, and so do both directions. */
static void test_route(void **state)
{
	static const uint64_t key[4] = {3, 5, 7, 11};
	struct packet p = {.ip_version = 4, .ip_proto = IP_PROTO_TCP};

	(void)state;
	p.src.b[10] = p.src.b[11] = p.dst.b[10] = p.dst.b[11] = 0xff;
	srand(1);
	for (unsigned i = 0; i < 10000; i++) {
		uint16_t vlan = (uint16_t)(rand() % 2 ? rand() % 4096 : 0);
		struct flow_key k;
		struct packet back;
		uint8_t shard;

		for (unsigned j = 12; j < 16; j++) {
			p.src.b[j] = (uint8_t)(rand() % 3 * 127);
			p.dst.b[j] = (uint8_t)(rand() % 3 * 127);
		}
		p.sport = (uint16_t)(rand() % 3 * 32767);
		p.dport = (uint16_t)(rand() % 3 * 32767);
		p.tunnel = (uint32_t)(rand() % 3);
		flow_route_v4(key, &p, vlan);
		assert_int_equal(p.reverse, flow_reversed(&p.src, &p.dst, p.sport, p.dport));
		k = (struct flow_key){
			.ip = {p.reverse ? &p.dst : &p.src, p.reverse ? &p.src : &p.dst},
			.port = {p.reverse ? p.dport : p.sport, p.reverse ? p.sport : p.dport},
			.vlan = vlan,
			.proto = IP_PROTO_TCP,
			.tunnel = p.tunnel};
		assert_true(p.hash == flow_route(key, &k, &shard));
		assert_true(p.hash == flow_hash(key, &k));
		assert_int_equal(p.shard, shard);
		back = p;
		back.src = p.dst;
		back.dst = p.src;
		back.sport = p.dport;
		back.dport = p.sport;
		flow_route_v4(key, &back, vlan);
		assert_true(back.hash == p.hash);
		assert_int_equal(back.shard, p.shard);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_eth_ip_tcp),
		cmocka_unit_test(test_tcp_options),
		cmocka_unit_test(test_tcp_hostile),
		cmocka_unit_test(test_ip_lengths),
		cmocka_unit_test(test_sliced),
		cmocka_unit_test(test_ip_header),
		cmocka_unit_test(test_ip_fragment),
		cmocka_unit_test(test_udp_lengths),
		cmocka_unit_test(test_ip6),
		cmocka_unit_test(test_ip6_extensions),
		cmocka_unit_test(test_ip6_fragment),
		cmocka_unit_test(test_arp),
		cmocka_unit_test(test_icmp),
		cmocka_unit_test(test_icmp_quote),
		cmocka_unit_test(test_icmp6_quote),
		cmocka_unit_test(test_sctp),
		cmocka_unit_test(test_cut_ports),
		cmocka_unit_test(test_route),
	};

	registry_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
