/*
 * links.c - link types, LLC, VLAN tags, PPP and MPLS, and the limit on stacked headers.
 */
#include "frame.h"

/* ---- Link layers ---- */

static void test_link_types(void **state)
{
	static const struct header sll[] = {{"sll", 16}, {"ip", 36}, {"tcp", 56}};
	static const struct header sll2[] = {{"sll2", 20}, {"ip", 40}, {"tcp", 60}};
	static const struct header null[] = {{"null", 4}, {"ip", 24}, {"tcp", 44}};
	struct frame f;

	(void)state;
	start(&f, LINK_SLL); /* outgoing, ARPHRD_ETHER, 6 bytes of address */
	PUT(&f, 0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0x08, 0x00);
	put_ip_tcp(&f);
	assert_ip_tcp(&f);
	assert_true(f.p.flags & PACKET_OUTGOING);
	assert_false(f.p.flags & PACKET_MAC);
	each_cut(&f, sll, 3);
	f.b[1] = 0;
	assert_ip_tcp(&f);
	assert_false(f.p.flags & PACKET_OUTGOING);
	finish(&f);

	start(&f, LINK_SLL2);
	PUT(&f, 0x08, 0x00, 0, 0, 0, 0, 0, 2, 0, 1, 4, 6, 2, 0, 0, 0, 0, 1, 0, 0);
	put_ip_tcp(&f);
	assert_ip_tcp(&f);
	assert_true(f.p.flags & PACKET_OUTGOING);
	each_cut(&f, sll2, 3);
	finish(&f);

	start(&f, LINK_NULL);
	PUT(&f, 2, 0, 0, 0);
	put_ip_tcp(&f);
	assert_ip_tcp(&f);
	each_cut(&f, null, 3);
	f.b[0] = 0;
	f.b[3] = 2; /* the other byte order, as LINKTYPE_LOOP always has it */
	assert_ip_tcp(&f);
	f.link = LINK_LOOP;
	assert_ip_tcp(&f);
	f.b[3] = 7;
	whole(&f);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.paylen, 40);
	finish(&f);

	start(&f, LINK_RAW);
	put_ip_tcp(&f);
	assert_ip_tcp(&f);
	f.b[0] = 0x35;
	whole(&f);
	assert_counted(&f, "malformed raw");
	dissect(&f, 0, 0);
	assert_counted(&f, "malformed raw");
	f.link = 60000;
	whole(&f);
	assert_counted(&f, "unknown link type 60000");
	assert_int_equal(f.p.depth, 0);
	assert_int_equal(f.p.paylen, 40);
	finish(&f);
}

/* Logged by netfilter: a family, attributes of either byte order, one of which is the packet. */
static void test_nflog(void **state)
{
	static const struct header list[] = {{"nflog", 24}, {"ip", 44}, {"tcp", 64}};
	struct frame f;

	(void)state;
	for (unsigned big = 0; big < 2; big++) {
		start(&f, LINK_NFLOG);
		PUT(&f, 2, 0, 0, 7);
		if (big) {
			PUT(&f, 0, 8, 0, 1, 0x08, 0x00, 4, 0); /* POST_ROUTING */
			PUT(&f, 0, 6, 0, 10, 'x', 0, 0, 0);
			PUT(&f, 0, 44, 0, 9);
		} else {
			PUT(&f, 8, 0, 1, 0, 0x08, 0x00, 4, 0);
			PUT(&f, 6, 0, 10, 0, 'x', 0, 0, 0);
			PUT(&f, 44, 0, 9, 0);
		}
		put_ip_tcp(&f);
		assert_ip_tcp(&f);
		assert_true(f.p.flags & PACKET_OUTGOING);
		f.b[10] = 0; /* PRE_ROUTING */
		assert_ip_tcp(&f);
		assert_false(f.p.flags & PACKET_OUTGOING);
		f.b[0] = 7; /* of a bridge: the attribute says the protocol */
		assert_ip_tcp(&f);
		if (!big)
			each_cut(&f, list, 3);
		f.b[12 + big] = 3; /* no attribute is that short */
		whole(&f);
		assert_counted(&f, "malformed nflog");
		finish(&f);
	}
}

static void test_llc(void **state)
{
	struct frame f;

	(void)state;
	/* RFC 1042: length, AA AA 03, OUI 0, EtherType; 4 bytes of padding. */
	start(&f, LINK_ETH);
	put_eth(&f, 8 + 40);
	PUT(&f, 0xaa, 0xaa, 0x03, 0, 0, 0, 0x08, 0x00);
	put_ip_tcp(&f);
	PUT(&f, 0, 0, 0, 0);
	assert_ip_tcp(&f);
	assert_int_equal(f.p.depth, 4);
	dissect(&f, 20, f.n);
	assert_counted(&f, "cut llc");
	finish(&f);

	start(&f, LINK_ETH); /* spanning tree: no SNAP, padding goes */
	put_eth(&f, 5);
	PUT(&f, 0x42, 0x42, 0x03, 1, 2, 0, 0, 0);
	whole(&f);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.paylen, 5);
	finish(&f);
}

static void test_vlan(void **state)
{
	static const struct header headers[] = {
		{"eth", 14}, {"vlan", 18}, {"vlan", 22}, {"vlan", 26}, {"ip", 46}, {"tcp", 66}};
	struct frame f;

	(void)state;
	start(&f, LINK_ETH); /* 802.1ad 100, priority tag, 802.1Q 0xfff with priority 7 */
	put_eth(&f, 0x88a8);
	PUT(&f, 0x00, 100, 0x81, 0x00, 0xe0, 0, 0x81, 0x00, 0xff, 0xff, 0x08, 0x00);
	put_ip_tcp(&f);
	assert_ip_tcp(&f);
	assert_int_equal(f.p.nvlan, 2);
	assert_int_equal(f.p.vlan[0], 100);
	assert_int_equal(f.p.vlan[1], 0xfff);
	each_cut(&f, headers, 6);
	finish(&f);

	start(&f, LINK_ETH); /* more than two: counted, not kept */
	put_eth(&f, 0x9100);
	PUT(&f, 0, 1, 0x81, 0, 0, 2, 0x81, 0, 0, 3, 0x08, 0x00);
	put_ip_tcp(&f);
	assert_ip_tcp(&f);
	assert_int_equal(f.p.nvlan, 3);
	assert_int_equal(f.p.vlan[1], 2);
	finish(&f);

	start(&f, LINK_ETH); /* tags without end */
	put_eth(&f, 0x8100);
	for (unsigned i = 0; i < 500; i++)
		PUT(&f, 0, 1, 0x81, 0);
	whole(&f);
	assert_counted(&f, "too many layers");
	assert_int_equal(f.p.depth, LAYERS_MAX);
	assert_int_equal(f.p.nvlan, LAYERS_MAX - 1);
	finish(&f);
}

static void test_ppp(void **state)
{
	static const struct header headers[] = {
		{"eth", 14}, {"pppoe", 20}, {"ppp", 22}, {"ip", 42}, {"tcp", 62}};
	struct frame f;

	(void)state;
	start(&f, LINK_ETH); /* RFC 2516, 4: version 1 type 1, session data, session 7, length */
	put_eth(&f, 0x8864);
	PUT(&f, 0x11, 0, 0, 7, 0, 42, 0x00, 0x21);
	put_ip_tcp(&f);
	assert_ip_tcp(&f);
	each_cut(&f, headers, 5);
	f.b[14 + 5] = 43;
	whole(&f);
	assert_counted(&f, "malformed pppoe");
	f.b[14 + 5] = 42;
	f.b[14] = 0x21;
	whole(&f);
	assert_counted(&f, "malformed pppoe");
	f.b[12] = 0x88;
	f.b[13] = 0x63; /* discovery: PADI carries tags */
	f.b[14] = 0x11;
	f.b[15] = 0x09;
	whole(&f);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.flags, PACKET_MAC);
	finish(&f);

	start(&f, LINK_PPP); /* RFC 1662, 3.1: address and control; then IPv6, compressed to 57 */
	PUT(&f, 0xff, 0x03, 0x57);
	put_ip6(&f, 6, 20);
	put_tcp(&f, 5);
	whole(&f);
	assert_counted(&f, NULL);
	assert_int_equal(f.p.ip_version, 6);
	assert_int_equal(f.p.dport, 80);
	finish(&f);
}

static void test_mpls(void **state)
{
	static const struct header headers[] = {{"eth", 14}, {"mpls", 23}, {"ip", 42}, {"tcp", 62}};
	struct frame f;

	(void)state;
	start(&f, LINK_ETH); /* RFC 3032, figure 1: label, class, bottom of stack, TTL */
	put_eth(&f, 0x8847);
	PUT(&f, 0x00, 0x01, 0x00, 0x40, 0x00, 0x02, 0x01, 0x40);
	put_ip_tcp(&f);
	assert_ip_tcp(&f);
	each_cut(&f, headers, 4); /* the label stack needs the byte behind it */
	finish(&f);

	for (int word = 0; word < 2; word++) { /* RFC 4448: with and without a control word */
		start(&f, LINK_ETH);
		put_eth(&f, 0x8847);
		PUT(&f, 0x00, 0x01, 0x01, 0x40);
		if (word)
			PUT(&f, 0, 0, 0, 0);
		put_eth(&f, 0x0800);
		put_ip_tcp(&f);
		assert_ip_tcp(&f);
		assert_ptr_equal(f.p.mac_dst, f.block + 18 + 4 * word);
		finish(&f);
	}

	start(&f, LINK_ETH); /* labels without end */
	put_eth(&f, 0x8847);
	for (unsigned i = 0; i < 500; i++)
		PUT(&f, 0, 1, 0, 0x40);
	whole(&f);
	assert_counted(&f, "malformed mpls");
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_link_types),
		cmocka_unit_test(test_nflog),
		cmocka_unit_test(test_llc),
		cmocka_unit_test(test_vlan),
		cmocka_unit_test(test_ppp),
		cmocka_unit_test(test_mpls),
	};

	registry_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
