/*
 * arp.c - the Address Resolution Protocol (RFC 826) for IPv4 on Ethernet.
 *
 * Other pairs of hardware and protocol are passed over: only these name an address that the
 * analysis knows. Gratuitous ARP (RFC 5227, 3), in which the sender names its own address as the
 * target, is an event: each is a record, at most RECORDS in a second of capture time; what is more
 * is counted in the next record.
 */
#include "dissector.h"
#include "event.h"
#include "layer.h"
#include "show.h"
#include <stddef.h>

TSM_DECLARE(arp);

#define ARP_FIXED  8u
#define ARP_HEADER 28u /* with two addresses each of 6 and 4 bytes */

#define ARP_ETHERNET 1u

static void arp_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h = view_peek(v, ARP_FIXED);

	(void)next;
	if (!h) {
		view_take(v, ARP_FIXED);
		return;
	}
	if (load16(h) != ARP_ETHERNET || load16(h + 2) != ETHERTYPE_IPV4)
		return;
	if (h[4] != 6 || h[5] != 4) {
		layer_malformed(v);
		return;
	}
	h = view_take(v, ARP_HEADER);
	if (!h)
		return;
	p->flags = (uint16_t)((p->flags & ~PACKET_NETWORK) | PACKET_ARP);
	p->ip_version = 0;
	p->ip_proto = 0;
	p->sport = p->dport = 0;
	p->src = addr_v4(h + 14);
	p->dst = addr_v4(h + 24);
	p->event.head = h;
	p->event.len = ARP_HEADER;
	if (memcmp(&p->src, &p->dst, sizeof(p->src)) == 0)
		packet_event(p, TSM_SELF(arp), h, ARP_HEADER);
	/* What follows is Ethernet's padding. */
	(void)view_trim(v, 0);
}

/* ---- Events ---- */

#define RECORDS 100u /* in a second */

struct arp_record {
	struct addr ip;
	uint8_t mac[6];
	bool gratuitous, announcement;
	uint64_t op;
	uint64_t left_out; /* such packets before this one that were too many to record */
};

enum {
	F_OP,
	F_IP,
	F_MAC,
	F_GRATUITOUS,
	F_ANNOUNCEMENT,
	F_LEFT_OUT,
	/* Only shown. */
	D_HARDWARE,
	D_PROTO,
	D_HSIZE,
	D_PSIZE,
	D_TMAC,
	D_TIP,
};

static const struct field event_fields[] = {
	[F_OP] = EVENT_FIELD(
		arp_record, op, "arp.opcode", "Op", "1: request, 2: reply.", FIELD_U64, 0, 3),
	[F_IP] = EVENT_FIELD(arp_record, ip, "arp.sender.ip", "IP",
		"Protocol address of the sender.", FIELD_IP, 0, 15),
	[F_MAC] = EVENT_FIELD(arp_record, mac, "arp.sender.mac", "MAC",
		"Hardware address of the sender.", FIELD_MAC, 0, 17),
	[F_GRATUITOUS] = EVENT_FIELD(arp_record, gratuitous, "arp.gratuitous", "Gratuitous",
		"The sender names its own address as the target.", FIELD_BOOL, FIELD_F_U8, 5),
	[F_ANNOUNCEMENT] = EVENT_FIELD(arp_record, announcement, "arp.announcement", "Announcement",
		"A gratuitous request: an announcement (RFC 5227, 2.3).", FIELD_BOOL,
		FIELD_F_U8 | FIELD_F_FALSE, 5),
	[F_LEFT_OUT] = EVENT_FIELD(arp_record, left_out, "tsumari.arp.left_out", "Left out",
		"Gratuitous ARP before this one that was not recorded, being more than 100 in a "
		"second; left out where 0.",
		FIELD_U64, FIELD_F_NONZERO, 6),
	[D_HARDWARE] = FIELD_SHOWN("arp.hw.type", "Hardware", "1: Ethernet.", FIELD_U64),
	[D_PROTO] =
		FIELD_SHOWN("arp.proto.type", "Protocol", "EtherType of the addresses.", FIELD_ID),
	[D_HSIZE] =
		FIELD_SHOWN("arp.hw.size", "Hardware size", "Bytes of a MAC address.", FIELD_U64),
	[D_PSIZE] =
		FIELD_SHOWN("arp.proto.size", "Protocol size", "Bytes of an address.", FIELD_U64),
	[D_TMAC] = FIELD_SHOWN(
		"arp.target.mac", "Target MAC", "Hardware address of the target.", FIELD_MAC),
	[D_TIP] =
		FIELD_SHOWN("arp.target.ip", "Target", "Protocol address of the target.", FIELD_IP),
	FIELDS_END,
};

struct state {
	uint64_t second, left_out;
	uint32_t records; /* in that second */
};

static void packet(struct events *e, void *state, const struct packet *p)
{
	const uint8_t *h = p->event.head;
	struct state *x = state;
	struct tsm_origin of;
	struct arp_record *o;

	if (p->time / TSM_SECOND > x->second) {
		x->second = p->time / TSM_SECOND;
		x->records = 0;
	}
	if (x->records == RECORDS) {
		x->left_out++;
		tsm_event_note(e, "arp: gratuitous, over the rate, not recorded");
		return;
	}
	x->records++;
	tsm_origin(e, p, &of);
	/* It says who its sender is; the frame's own address may be another's. */
	memcpy(of.mac_src, h + 8, sizeof(of.mac_src));
	memset(of.mac_dst, 0, sizeof(of.mac_dst));
	memset(&of.dst, 0, sizeof(of.dst));
	o = tsm_event_new(e, &of, p->time, p->number);
	o->ip = p->src;
	memcpy(o->mac, h + 8, sizeof(o->mac));
	o->op = load16(h + 6);
	o->gratuitous = true;
	o->announcement = o->op == 1;
	o->left_out = x->left_out;
	x->left_out = 0;
}

static const struct tsm_event_kind events = {
	.counted = "gratuitous ARPs",
	.total = "arp_events",
	.fields = event_fields,
	.record_size = sizeof(struct arp_record),
	.state_size = sizeof(struct state),
	.packet = packet,
};

/* ---- Explained ---- */

static void describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	const uint8_t *h = view_peek(&v, ARP_HEADER);

	(void)p;
	(void)side;
	if (!h)
		return;
	tsm_show_u64(s, &event_fields[D_HARDWARE], h, 2, load16(h));
	tsm_show_code(
		s, &event_fields[D_PROTO], h + 2, 2, load16(h + 2), ethertype_name(load16(h + 2)));
	tsm_show_u64(s, &event_fields[D_HSIZE], h + 4, 1, h[4]);
	tsm_show_u64(s, &event_fields[D_PSIZE], h + 5, 1, h[5]);
	tsm_show_code(s, &event_fields[F_OP], h + 6, 2, load16(h + 6),
		load16(h + 6) == 1   ? "request"
		: load16(h + 6) == 2 ? "reply"
				     : NULL);
	tsm_show_mac(s, &event_fields[F_MAC], h + 8);
	tsm_show_ip(s, &event_fields[F_IP], h + 14, 4);
	tsm_show_mac(s, &event_fields[D_TMAC], h + 18);
	tsm_show_ip(s, &event_fields[D_TIP], h + 24, 4);
}

static const struct claim arp_claims[] = {
	{TABLE_ETHERTYPE, ETHERTYPE_ARP},
	{TABLE_END, 0},
};

TSM_DISSECTOR(arp) = {
	TSM_HEAD,
	.name = "arp",
	.title = "Address Resolution Protocol",
	.claims = arp_claims,
	.layer = arp_layer,
	.describe = describe,
	.event = &events,
};
