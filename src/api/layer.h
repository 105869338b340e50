/*
 * layer.h - helpers for layer dissectors: numbers at a fixed offset, addresses, tunnels.
 *
 * A layer checks once that its whole header was captured (view_peek or view_len) and then loads
 * from it directly. If the header is incomplete it calls view_take(v, needed), which marks the view
 * bad and moves it to its end; if the header is invalid it calls layer_malformed().
 */
#ifndef TSUMARI_LAYER_H
#define TSUMARI_LAYER_H

#include "packet.h"
#include "view.h"

/* EtherTypes (IEEE 802) that more than one layer names. */
#define ETHERTYPE_MIN        0x0600u /* below: a length, what follows is LLC (802.3) */
#define ETHERTYPE_LLC        0x0004u /* not on the wire: Linux' own number for 802.2 LLC */
#define ETHERTYPE_IPV4       0x0800u
#define ETHERTYPE_ARP        0x0806u
#define ETHERTYPE_BRIDGING   0x6558u /* Transparent Ethernet Bridging: an Ethernet frame */
#define ETHERTYPE_VLAN       0x8100u
#define ETHERTYPE_IPV6       0x86ddu
#define ETHERTYPE_PPP        0x880bu
#define ETHERTYPE_MPLS       0x8847u
#define ETHERTYPE_MPLS_MULTI 0x8848u
#define ETHERTYPE_QINQ       0x88a8u
#define ETHERTYPE_QINQ_OLD   0x9100u
#define ETHERTYPE_NSH        0x894fu /* RFC 8300 */
#define ETHERTYPE_ERSPAN     0x88beu /* in GRE: types I and II */
#define ETHERTYPE_ERSPAN3    0x22ebu /* in GRE: type III */

/* The front of IPv4's header (RFC 791, 3.1). */
#define IP_PLAIN       0x45u /* version 4, header of five words */
#define IP_MORE        0x2000u
#define IP_OFFSET_MASK 0x1fffu

/* NOP NOP Timestamps(10): RFC 7323, appendix A; nearly every segment of a modern connection. */
#define TCP_TIMES_ALIGNED 0x0101080au

/* IP protocol numbers (IANA) that more than one layer names. */
#define IP_PROTO_ICMP    1u
#define IP_PROTO_IPV4    4u
#define IP_PROTO_TCP     6u
#define IP_PROTO_UDP     17u
#define IP_PROTO_DCCP    33u
#define IP_PROTO_IPV6    41u
#define IP_PROTO_GRE     47u
#define IP_PROTO_ICMP6   58u
#define IP_PROTO_VRRP    112u
#define IP_PROTO_SCTP    132u
#define IP_PROTO_UDPLITE 136u

/* What packet.flags says of an IP packet and what it carries; each IP header starts it anew. */
#define PACKET_NETWORK                                                                             \
	(PACKET_IP | PACKET_TCP | PACKET_UDP | PACKET_ICMP | PACKET_QUOTE | PACKET_FRAGMENT |      \
		PACKET_ARP | PACKET_EVENT | PACKET_SCTP)

/* Network order numbers; compilers make one load of each. */
static inline uint16_t load16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t load32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* ::ffff:a.b.c.d in two stores. */
static inline void layer_addr_v4(struct addr *to, const uint8_t *v4)
{
	static const uint8_t zero[8];
	uint8_t mapped[8] = {0, 0, 0xff, 0xff};

	memcpy(mapped + 4, v4, 4);
	memcpy(to->b, zero, 8);
	memcpy(to->b + 8, mapped, 8);
}

/*
 * Removes the bytes behind the IP packet at h, which has `total` bytes according to its header. If
 * fewer are present, something truncated the frame without recording it (an editor, a mirror): the
 * missing bytes were on the wire, and the frame was longer.
 */
static inline void layer_ip_length(
	struct packet *p, struct view *v, const uint8_t *h, uint32_t total)
{
	if (view_trim(v, total))
		return;
	v->cut = total - (uint32_t)view_len(v);
	if (!(p->flags & PACKET_IP))
		p->len = (uint32_t)(h - p->data) + total;
}

/* The header is invalid. The view stays where it is. */
static inline void layer_malformed(struct view *v)
{
	v->bad = true;
}

/*
 * What follows runs inside a tunnel, told from others by its id (VNI, GRE key). The ids of tunnels
 * inside one another are mixed (FNV-1a), so that equal inner ids of two outer tunnels differ; a
 * tunnel without an id, or with id 0, gets one that says only that there is a tunnel.
 */
static inline void packet_tunnel(struct packet *p, const char *kind, uint32_t id)
{
	if (id == 0)
		id = UINT32_MAX;
	if (p->tunnel != 0)
		id = (p->tunnel ^ id) * 16777619u ^ id;
	p->tunnel = id != 0 ? id : 1;
	p->tunnel_kind = kind;
}

/* An IP protocol behind UDP: where it is a transport, and no IP header stands between, the datagram
   was only its envelope. */
static inline void packet_in_udp(struct packet *p, const char *kind, uint8_t proto)
{
	packet_tunnel(p, kind, 0);
	if (proto == IP_PROTO_TCP || proto == IP_PROTO_UDP || proto == IP_PROTO_SCTP ||
		proto == IP_PROTO_ICMP || proto == IP_PROTO_ICMP6) {
		p->flags &= (uint16_t)~PACKET_UDP;
		p->ip_proto = proto;
		p->sport = p->dport = 0;
	}
}

/* The EtherType of an IP packet that an IP protocol number announces; 0: it is something else. */
static inline uint32_t layer_ip_ethertype(uint8_t proto)
{
	return proto == IP_PROTO_IPV4   ? ETHERTYPE_IPV4
	       : proto == IP_PROTO_IPV6 ? ETHERTYPE_IPV6
					: 0;
}

/* The EtherType that says what the Next Protocol of VXLAN-GPE and NSH (RFC 8300, 2.2) says; 0:
 * none. */
static inline uint32_t layer_next_protocol(uint8_t next)
{
	static const uint16_t types[] = {0, ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_BRIDGING,
		ETHERTYPE_NSH, ETHERTYPE_MPLS};

	return next < sizeof(types) / sizeof(types[0]) ? types[next] : 0;
}

/*
 * The ports at the front of a transport header of which n bytes are there, for the protocols that
 * have them: 0 where they cannot be read.
 */
static inline void load_ports(
	uint8_t proto, const uint8_t *h, size_t n, uint16_t *sport, uint16_t *dport)
{
	*sport = *dport = 0;
	if (n < 4)
		return;
	if (proto == IP_PROTO_TCP || proto == IP_PROTO_UDP || proto == IP_PROTO_SCTP ||
		proto == IP_PROTO_DCCP || proto == IP_PROTO_UDPLITE) {
		*sport = load16(h);
		*dport = load16(h + 2);
	}
}

/*
 * A LAN header (Ethernet, VLAN tag) ends with two bytes that are an EtherType or, below
 * ETHERTYPE_MIN, the length of an LLC frame. Gives the EtherType to go on with and takes padding
 * off. A length that cannot be right is not held against the frame: real ones lie.
 */
static inline uint32_t layer_ethertype(struct view *v, uint32_t type)
{
	if (type >= ETHERTYPE_MIN)
		return type;
	(void)view_trim(v, type);
	return ETHERTYPE_LLC;
}

/* What a reader calls these numbers; NULL: no name. */
static inline const char *ethertype_name(unsigned type)
{
	switch (type) {
	case ETHERTYPE_IPV4:
		return "IPv4";
	case ETHERTYPE_ARP:
		return "ARP";
	case ETHERTYPE_BRIDGING:
		return "Ethernet";
	case ETHERTYPE_VLAN:
		return "802.1Q";
	case ETHERTYPE_QINQ:
		return "802.1ad";
	case ETHERTYPE_IPV6:
		return "IPv6";
	case ETHERTYPE_PPP:
		return "PPP";
	case ETHERTYPE_MPLS:
		return "MPLS";
	case 0x8863u:
		return "PPPoE discovery";
	case 0x8864u:
		return "PPPoE session";
	case 0x88ccu:
		return "LLDP";
	case ETHERTYPE_NSH:
		return "NSH";
	case ETHERTYPE_ERSPAN:
	case ETHERTYPE_ERSPAN3:
		return "ERSPAN";
	default:
		return NULL;
	}
}

static inline const char *ip_proto_name(unsigned proto)
{
	switch (proto) {
	case 0:
		return "hop-by-hop options";
	case IP_PROTO_ICMP:
		return "ICMP";
	case IP_PROTO_IPV4:
		return "IPv4";
	case IP_PROTO_TCP:
		return "TCP";
	case IP_PROTO_UDP:
		return "UDP";
	case IP_PROTO_IPV6:
		return "IPv6";
	case 43:
		return "routing";
	case 44:
		return "fragment";
	case IP_PROTO_GRE:
		return "GRE";
	case 50:
		return "ESP";
	case 51:
		return "AH";
	case IP_PROTO_ICMP6:
		return "ICMPv6";
	case 60:
		return "destination options";
	case 89:
		return "OSPF";
	case IP_PROTO_VRRP:
		return "VRRP";
	case IP_PROTO_SCTP:
		return "SCTP";
	default:
		return NULL;
	}
}

#endif
