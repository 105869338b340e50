/*
 * sll.c - Linux cooked captures, versions 1 and 2 (tcpdump.org: LINKTYPE_LINUX_SLL and SLL2), as
 * captured on "any" and on interfaces without an Ethernet header.
 *
 * Both hold a protocol (an EtherType, or Linux' numbers below 0x0600), who the frame was for, and
 * only the sender's address: PACKET_MAC is not set.
 */
#include "dissector.h"
#include "layer.h"

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

static const struct claim sll_claims[] = {{TABLE_LINKTYPE, 113}, {TABLE_END, 0}};
static const struct claim sll2_claims[] = {{TABLE_LINKTYPE, 276}, {TABLE_END, 0}};

TSM_DISSECTOR(sll) = {
	TSM_HEAD,
	.name = "sll",
	.title = "Linux cooked capture",
	.claims = sll_claims,
	.layer = sll_layer,
};

TSM_DISSECTOR(sll2) = {
	TSM_HEAD,
	.name = "sll2",
	.title = "Linux cooked capture, version 2",
	.claims = sll2_claims,
	.layer = sll2_layer,
};
