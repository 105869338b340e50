/*
 * sctp.c - the Stream Control Transmission Protocol (RFC 9260, 3): its common header, so that
 * associations are told apart. Chunks are the payload.
 */
#include "dissector.h"
#include "layer.h"
#include "show.h"

#define SCTP_HEADER 12u
#define SCTP_PORTS  4u

static void sctp_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h = view_peek(v, SCTP_HEADER);

	(void)next;
	/* The ports stand first: they are there where the rest was cut. */
	if (!h && v->cut && view_len(v) >= SCTP_PORTS)
		h = v->p;
	if (h) {
		p->flags |= PACKET_SCTP;
		p->sport = load16(h);
		p->dport = load16(h + 2);
	}
	view_take(v, SCTP_HEADER);
}

enum { D_SRC, D_DST, D_TAG, D_CHECKSUM };

static const struct field parts[] = {
	[D_SRC] = FIELD_SHOWN("sctp.srcport", "Source port", "Port of the sender.", FIELD_U64),
	[D_DST] =
		FIELD_SHOWN("sctp.dstport", "Destination port", "Port of the receiver.", FIELD_U64),
	[D_TAG] = FIELD_SHOWN(
		"sctp.verification_tag", "Tag", "Names the association to its receiver.", FIELD_ID),
	[D_CHECKSUM] = FIELD_SHOWN("sctp.checksum", "Checksum", "CRC32c of the packet.", FIELD_ID),
	FIELDS_END,
};

static void describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	(void)p;
	(void)side;
	show_be(s, &parts[D_SRC], &v, 2);
	show_be(s, &parts[D_DST], &v, 2);
	show_be(s, &parts[D_TAG], &v, 4);
	show_be(s, &parts[D_CHECKSUM], &v, 4);
}

static const struct claim sctp_claims[] = {
	{TABLE_IP_PROTO, IP_PROTO_SCTP},
	{TABLE_END, 0},
};

TSM_DISSECTOR(sctp) = {
	TSM_HEAD,
	.name = "sctp",
	.title = "Stream Control Transmission Protocol",
	.claims = sctp_claims,
	.fields = parts,
	.layer = sctp_layer,
	.describe = describe,
};
