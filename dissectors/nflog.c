/*
 * nflog.c - packets that netfilter logs (tcpdump.org: LINKTYPE_NFLOG): a family and a group, then
 * attributes, each with length and type in the byte order of the host that captured, padded to four
 * bytes. One of them is the packet.
 */
#include "dissector.h"
#include "layer.h"
#include "show.h"

#define NFLOG_HEADER 4u
#define ATTRIBUTE    4u  /* bytes of its length and type */
#define ATTRIBUTES   32u /* that are looked at; there are about 20 kinds */

/* enum nfulnl_attr_type of Linux */
enum { NFULA_PACKET_HDR = 1, NFULA_PAYLOAD = 9 };
/* enum nf_inet_hooks: what the host sends, and what leaves it */
enum { NF_LOCAL_OUT = 3, NF_POST_ROUTING = 4 };

/* Types are small: the byte order is known by where the one byte of theirs stands. */
static uint16_t load_host(const uint8_t *p, bool big)
{
	return big ? load16(p) : (uint16_t)(p[1] << 8 | p[0]);
}

static void nflog_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h = view_take(v, NFLOG_HEADER);
	unsigned protocol = 0;

	if (!h)
		return;
	if (h[0] == 2)
		protocol = ETHERTYPE_IPV4;
	else if (h[0] == 10)
		protocol = ETHERTYPE_IPV6;
	for (unsigned i = 0; i < ATTRIBUTES; i++) {
		const uint8_t *a = view_take(v, ATTRIBUTE), *value = v->p;
		bool big = a && !a[2] && a[3];
		unsigned type = a ? load_host(a + 2, big) : 0;
		unsigned len = a ? load_host(a, big) : 0;

		if (!a)
			return;
		if (len < ATTRIBUTE)
			break;
		len -= ATTRIBUTE;
		if (type == NFULA_PAYLOAD) {
			if (!view_trim(v, len))
				break;
			next->table = TABLE_ETHERTYPE;
			next->key = protocol;
			return;
		}
		if (!view_take(v, (len + 3u) & ~3u))
			return;
		if (type == NFULA_PACKET_HDR && len >= 4) {
			if (!protocol)
				protocol = load16(value);
			if (value[2] == NF_LOCAL_OUT || value[2] == NF_POST_ROUTING)
				p->flags |= PACKET_OUTGOING;
		}
	}
	v->p = h;
	layer_malformed(v);
}

enum { D_FAMILY, D_VERSION, D_GROUP };

static const struct field parts[] = {
	[D_FAMILY] = FIELD_SHOWN("nflog.family", "Family", "Address family.", FIELD_U64),
	[D_VERSION] = FIELD_SHOWN("nflog.version", "Version", "Of the form, 0.", FIELD_U64),
	[D_GROUP] = FIELD_SHOWN("nflog.res_id", "Group", "Given by the rule that logs.", FIELD_U64),
	FIELDS_END,
};

static void describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	(void)p;
	(void)side;
	show_be(s, &parts[D_FAMILY], &v, 1);
	show_be(s, &parts[D_VERSION], &v, 1);
	show_be(s, &parts[D_GROUP], &v, 2);
}

static const struct claim claims[] = {{TABLE_LINKTYPE, 239}, {TABLE_END, 0}};

TSM_DISSECTOR(nflog) = {
	TSM_HEAD,
	.name = "nflog",
	.title = "Packets logged by netfilter",
	.claims = claims,
	.fields = parts,
	.layer = nflog_layer,
	.describe = describe,
};
