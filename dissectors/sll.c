/*
 * sll.c - Linux cooked captures, versions 1 and 2 (tcpdump.org: LINKTYPE_LINUX_SLL and SLL2), as
 * captured on "any" and on interfaces without an Ethernet header.
 *
 * Both hold a protocol (an EtherType, or Linux' numbers below 0x0600), who the frame was for, and
 * only the sender's address: PACKET_MAC is not set.
 */
#include "dissector.h"
#include "layer.h"
#include "show.h"

#define SLL_HEADER  16u
#define SLL2_HEADER 20u

#define SLL_OUTGOING 4u /* packet type: sent by the capturing host */

/* ARPHRD_ values of interfaces whose protocol field is not an EtherType. */
#define ARPHRD_FRAD     770u
#define ARPHRD_RADIOTAP 803u
#define ARPHRD_NETLINK  824u

static void cooked(
	struct packet *p, struct next *next, unsigned type, unsigned hardware, unsigned protocol)
{
	if (type == SLL_OUTGOING)
		p->flags |= PACKET_OUTGOING;
	if (hardware == ARPHRD_FRAD || hardware == ARPHRD_RADIOTAP || hardware == ARPHRD_NETLINK)
		return;
	next->table = TABLE_ETHERTYPE;
	next->key = protocol;
}

static void sll_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h = view_take(v, SLL_HEADER);

	if (h)
		cooked(p, next, load16(h), load16(h + 2), load16(h + 14));
}

static void sll2_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h = view_take(v, SLL2_HEADER);

	if (h)
		cooked(p, next, h[10], load16(h + 8), load16(h));
}

enum { D_PKTTYPE, D_HATYPE, D_HALEN, D_SRC, D_ETYPE, D_IFINDEX };

static const struct field parts[] = {
	[D_PKTTYPE] =
		FIELD_SHOWN("sll.pkttype", "Packet type", "Who the frame was for.", FIELD_U64),
	[D_HATYPE] = FIELD_SHOWN(
		"sll.hatype", "Hardware", "ARPHRD_ number of the interface.", FIELD_U64),
	[D_HALEN] = FIELD_SHOWN("sll.halen", "Length", "Bytes of the sender's address.", FIELD_U64),
	[D_SRC] = FIELD_SHOWN("sll.src.eth", "Source", "MAC address of the sender.", FIELD_MAC),
	[D_ETYPE] = FIELD_SHOWN("sll.etype", "Protocol", "EtherType of what follows.", FIELD_ID),
	[D_IFINDEX] =
		FIELD_SHOWN("sll.ifindex", "Interface", "Number of the interface.", FIELD_U64),
	FIELDS_END,
};

static const char *kind(unsigned type)
{
	static const char *const names[] = {
		"to us", "broadcast", "multicast", "to another host", "sent by us"};

	return type < sizeof(names) / sizeof(names[0]) ? names[type] : NULL;
}

static void sll_describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	const uint8_t *h = view_peek(&v, SLL_HEADER);

	(void)p;
	(void)side;
	if (!h)
		return;
	tsm_show_code(s, &parts[D_PKTTYPE], h, 2, load16(h), kind(load16(h)));
	tsm_show_u64(s, &parts[D_HATYPE], h + 2, 2, load16(h + 2));
	tsm_show_u64(s, &parts[D_HALEN], h + 4, 2, load16(h + 4));
	if (load16(h + 4) == 6)
		tsm_show_mac(s, &parts[D_SRC], h + 6);
	tsm_show_code(
		s, &parts[D_ETYPE], h + 14, 2, load16(h + 14), ethertype_name(load16(h + 14)));
}

static void sll2_describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	const uint8_t *h = view_peek(&v, SLL2_HEADER);

	(void)p;
	(void)side;
	if (!h)
		return;
	tsm_show_code(s, &parts[D_ETYPE], h, 2, load16(h), ethertype_name(load16(h)));
	tsm_show_u64(s, &parts[D_IFINDEX], h + 4, 4, load32(h + 4));
	tsm_show_u64(s, &parts[D_HATYPE], h + 8, 2, load16(h + 8));
	tsm_show_code(s, &parts[D_PKTTYPE], h + 10, 1, h[10], kind(h[10]));
	tsm_show_u64(s, &parts[D_HALEN], h + 11, 1, h[11]);
	if (h[11] == 6)
		tsm_show_mac(s, &parts[D_SRC], h + 12);
}

static const struct claim sll_claims[] = {{TABLE_LINKTYPE, 113}, {TABLE_END, 0}};
static const struct claim sll2_claims[] = {{TABLE_LINKTYPE, 276}, {TABLE_END, 0}};

TSM_DISSECTOR(sll) = {
	TSM_HEAD,
	.name = "sll",
	.title = "Linux cooked capture",
	.claims = sll_claims,
	.fields = parts,
	.layer = sll_layer,
	.describe = sll_describe,
};

TSM_DISSECTOR(sll2) = {
	TSM_HEAD,
	.name = "sll2",
	.title = "Linux cooked capture, version 2",
	.claims = sll2_claims,
	.fields = parts,
	.layer = sll2_layer,
	.describe = sll2_describe,
};
