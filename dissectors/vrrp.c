/*
 * vrrp.c - the Virtual Router Redundancy Protocol, version 2 (RFC 3768) and 3 (RFC 5798).
 *
 * Only advertisements exist. The authentication data of version 2, which may be a password, is
 * never looked at. What changes from one advertisement to the next becomes records in the engine.
 */
#include "dissector.h"
#include "layer.h"

#define VRRP_HEADER    8u
#define VRRP_AUTH_DATA 8u /* behind the addresses, version 2 */
#define VRRP_ADVERT    1u

static void vrrp_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h = view_peek(v, VRRP_HEADER);
	unsigned version, width = p->ip_version == 6 ? 16 : 4;

	(void)next;
	if (!h) {
		view_take(v, VRRP_HEADER);
		return;
	}
	version = h[0] >> 4;
	if (version != 3 && !(version == 2 && p->ip_version == 4)) {
		layer_malformed(v);
		return;
	}
	h = view_take(v, VRRP_HEADER + h[3] * width + (version == 2 ? VRRP_AUTH_DATA : 0));
	if (!h || (h[0] & 0x0fu) != VRRP_ADVERT)
		return;
	p->flags |= PACKET_VRRP;
	p->vrrp.version = (uint8_t)version;
	p->vrrp.vrid = h[1];
	p->vrrp.priority = h[2];
	p->vrrp.naddrs = h[3];
	p->vrrp.auth = version == 2 ? h[4] : 0;
	p->vrrp.interval = version == 2 ? h[5] : load16(h + 4) & 0x0fffu;
	p->vrrp.addrs = h + VRRP_HEADER;
}

static const struct claim vrrp_claims[] = {
	{TABLE_IP_PROTO, IP_PROTO_VRRP},
	{TABLE_END, 0},
};

TSM_DISSECTOR(vrrp) = {
	TSM_HEAD,
	.name = "vrrp",
	.title = "Virtual Router Redundancy Protocol, versions 2 and 3",
	.claims = vrrp_claims,
	.layer = vrrp_layer,
};
