/*
 * raw.c - frames that begin with the IP header (tcpdump.org: LINKTYPE_RAW, and the DLT_RAW numbers
 * 12 and 14 that some systems wrote to files). The version tells IPv4 from IPv6; link types that
 * hold only one of them are claimed by ip and ip6 themselves.
 */
#include "dissector.h"
#include "layer.h"

static void raw_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h = view_peek(v, 1);

	(void)p;
	if (!h) {
		view_take(v, 1);
		return;
	}
	next->table = TABLE_ETHERTYPE;
	if (h[0] >> 4 == 4)
		next->key = ETHERTYPE_IPV4;
	else if (h[0] >> 4 == 6)
		next->key = ETHERTYPE_IPV6;
	else
		layer_malformed(v);
}

static const struct claim raw_claims[] = {
	{TABLE_LINKTYPE, 101},
	{TABLE_LINKTYPE, 12},
	{TABLE_LINKTYPE, 14},
	{TABLE_END, 0},
};

TSM_DISSECTOR(raw) = {
	TSM_HEAD,
	.name = "raw",
	.title = "Raw IP",
	.claims = raw_claims,
	.layer = raw_layer,
};
