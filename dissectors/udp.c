/*
 * udp.c - the User Datagram Protocol (RFC 768).
 *
 * Length 0 stands for a datagram too long for the field (RFC 2675) or left to segmentation offload:
 * then it is what the IP packet holds. What follows is a tunnel where a layer claims a port, else
 * the datagram's payload.
 */
#include "dissector.h"
#include "layer.h"
#include "show.h"

#define UDP_HEADER 8u
#define UDP_PORTS  4u

static void udp_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h = v->p;
	uint32_t length;

	if (view_len(v) < UDP_HEADER) {
		/* The ports stand first: they are there where the rest was cut. */
		if (v->cut && view_len(v) >= UDP_PORTS) {
			p->sport = load16(h);
			p->dport = load16(h + 2);
		}
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

enum { D_SRC, D_DST, D_LENGTH, D_CHECKSUM };

static const struct field parts[] = {
	[D_SRC] = FIELD_SHOWN("udp.srcport", "Source port", "Port of the sender.", FIELD_U64),
	[D_DST] =
		FIELD_SHOWN("udp.dstport", "Destination port", "Port of the receiver.", FIELD_U64),
	[D_LENGTH] = FIELD_SHOWN("udp.length", "Length", "Bytes with this header.", FIELD_BYTES),
	[D_CHECKSUM] = FIELD_SHOWN("udp.checksum", "Checksum", "Checksum; 0: none.", FIELD_ID),
	FIELDS_END,
};

static void describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	(void)p;
	(void)side;
	for (unsigned i = D_SRC; i <= D_CHECKSUM; i++)
		show_be(s, &parts[i], &v, 2);
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
	.fields = parts,
	.layer = udp_layer,
	.describe = describe,
};
