/*
 * vrrp.c - the Virtual Router Redundancy Protocol, version 2 (RFC 3768) and 3 (RFC 5798).
 *
 * Only advertisements exist. The authentication data of version 2, which may be a password, is
 * never looked at. What changes from one advertisement to the next becomes records in the engine.
 */
#include "dissector.h"
#include "layer.h"
#include "show.h"

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

enum { D_VERSION, D_TYPE, D_VRID, D_PRIORITY, D_COUNT, D_AUTH, D_INTERVAL, D_CHECKSUM, D_ADDR };

static const struct field parts[] = {
	[D_VERSION] = SHOW_FIELD("vrrp.version", "Version", "VRRP version.", FIELD_U64),
	[D_TYPE] = SHOW_FIELD("vrrp.type", "Type", "1: an advertisement.", FIELD_U64),
	[D_VRID] = SHOW_FIELD(
		"vrrp.virtual_router_id", "VRID", "Virtual router identifier.", FIELD_U64),
	[D_PRIORITY] = SHOW_FIELD("vrrp.priority", "Priority", "0: the master resigns.", FIELD_U64),
	[D_COUNT] = SHOW_FIELD(
		"vrrp.address_count", "Addresses", "Number of virtual addresses.", FIELD_U64),
	[D_AUTH] = SHOW_FIELD("vrrp.auth_type", "Auth", "Authentication type.", FIELD_U64),
	[D_INTERVAL] = SHOW_FIELD(
		"vrrp.advert_interval", "Interval", "Time between advertisements.", FIELD_DURATION),
	[D_CHECKSUM] = SHOW_FIELD("vrrp.checksum", "Checksum", "Checksum.", FIELD_ID),
	[D_ADDR] = SHOW_FIELD("vrrp.addresses", "Address", "A virtual address.", FIELD_IP),
};

/* What follows the addresses in version 2, which may be a password, is not shown as text. */
static void describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	const uint8_t *h = view_take(&v, VRRP_HEADER), *at;
	unsigned width = p->ip_version == 6 ? 16 : 4;

	(void)side;
	if (!h)
		return;
	tsm_show_u64(s, &parts[D_VERSION], h, 1, h[0] >> 4);
	tsm_show_u64(s, &parts[D_TYPE], h, 1, h[0] & 0x0f);
	tsm_show_u64(s, &parts[D_VRID], h + 1, 1, h[1]);
	tsm_show_u64(s, &parts[D_PRIORITY], h + 2, 1, h[2]);
	tsm_show_u64(s, &parts[D_COUNT], h + 3, 1, h[3]);
	if (h[0] >> 4 == 2) {
		tsm_show_u64(s, &parts[D_AUTH], h + 4, 1, h[4]);
		tsm_show_u64(s, &parts[D_INTERVAL], h + 5, 1, h[5] * UINT64_C(1000000000));
	} else {
		tsm_show_u64(s, &parts[D_INTERVAL], h + 4, 2,
			(load16(h + 4) & 0x0fffu) * UINT64_C(10000000));
	}
	tsm_show_u64(s, &parts[D_CHECKSUM], h + 6, 2, load16(h + 6));
	for (unsigned i = 0; i < h[3] && (at = view_take(&v, width)); i++)
		tsm_show_ip(s, &parts[D_ADDR], at, width);
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
	.describe = describe,
};
