/*
 * udp.c - the User Datagram Protocol (RFC 768).
 *
 * Length 0 stands for a datagram too long for the field (RFC 2675) or left to segmentation offload:
 * then it is what the IP packet holds. What follows is a tunnel where a layer claims a port, else
 * the datagram's payload.
 */
#include "dissector.h"
#include "layer.h"

#define UDP_HEADER 8u

static void udp_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h = v->p;
	uint32_t length;

	if (view_len(v) < UDP_HEADER) {
		view_take(v, UDP_HEADER);
		return;
	}
	length = load16(h + 4);
	if (length != 0 && (length < UDP_HEADER || !view_trim(v, length))) {
		layer_malformed(v);
		return;
	}
	v->p = h + UDP_HEADER;
	p->flags |= PACKET_UDP;
	p->sport = load16(h);
	p->dport = load16(h + 2);
	next->table = TABLE_UDP_PORT;
	next->key = p->dport;
}

static const struct claim udp_claims[] = {
	{TABLE_IP_PROTO, IP_PROTO_UDP},
	{TABLE_END, 0},
};

TSM_DISSECTOR(udp) = {
	TSM_HEAD,
	.name = "udp",
	.title = "User Datagram Protocol",
	.claims = udp_claims,
	.layer = udp_layer,
};
