/*
 * packet.h - one frame and the headers that the layers found in it.
 *
 * The reader fills in the first part, and each layer dissector the values of its header. If headers
 * of one kind are stacked (tunnels), the values of the innermost remain, because its flow is
 * followed. Multi-byte values are in host order. Pointers point into the frame (or a reassembled
 * datagram) and are valid while the packet is processed.
 */
#ifndef TSUMARI_PACKET_H
#define TSUMARI_PACKET_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define TSM_SECOND UINT64_C(1000000000) /* times and durations are ns */

/* An address: IPv6, or IPv4 as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2). */
struct addr {
	uint8_t b[16];
};

static inline struct addr addr_v4(const uint8_t *p)
{
	struct addr a = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, p[0], p[1], p[2], p[3]}};
	return a;
}

static inline struct addr addr_v6(const uint8_t *p)
{
	struct addr a;

	memcpy(a.b, p, 16);
	return a;
}

static inline bool addr_is_zero(const struct addr *a)
{
	static const uint8_t zero[16];

	return memcmp(a->b, zero, 16) == 0;
}

static inline bool addr_is_v4(const struct addr *a)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	return memcmp(a->b, mapped, 12) == 0;
}

struct dissector;

/* packet.flags */
#define PACKET_IP       0x0001u /* src, dst, ip_proto, ttl are set */
#define PACKET_TCP      0x0002u /* the ports and the tcp part are set */
#define PACKET_UDP      0x0004u /* the ports are set */
#define PACKET_ICMP     0x0008u /* icmp_type, icmp_code; both ports hold the echo identifier, or 0 */
#define PACKET_QUOTE    0x0010u /* an ICMP error: quote identifies the flow it is about */
#define PACKET_FRAGMENT 0x0020u /* an IP fragment: frag is set, payload is this fragment's part */
#define PACKET_ARP      0x0040u /* event is set, src and dst hold the protocol addresses (IPv4) */
#define PACKET_MAC      0x0080u /* mac_src and mac_dst are set */
#define PACKET_OUTGOING 0x0100u /* the capturing host sent it (cooked captures) */
#define PACKET_EVENT    0x0200u /* it is an event (event.h): event is set */
#define PACKET_SCTP     0x0400u /* the ports are set */

/* The kinds of packet that have ports. */
#define PACKET_PORTS (PACKET_TCP | PACKET_UDP | PACKET_SCTP)

#define PACKET_TWIN                                                                                \
	0x0400u /* of a connection captured under another key, which this packet has now */
#define PACKET_TWIN_NAMED 0x0800u /* the first of these: twin is set */
#define PACKET_BAD_SUM                                                                             \
	0x2000u             /* a datagram with a wrong checksum, which offload does not explain */
#define PACKET_COPY 0x1000u /* a datagram that was captured before; its key is that one's */

/* TCP flags as on the wire (RFC 9293, 3.1). */
#define TCP_FIN 0x01u
#define TCP_SYN 0x02u
#define TCP_RST 0x04u
#define TCP_PSH 0x08u
#define TCP_ACK 0x10u
#define TCP_URG 0x20u
#define TCP_ECE 0x40u
#define TCP_CWR 0x80u

/* tcp_opts: which options are present. */
#define TCP_OPT_MSS     0x01u
#define TCP_OPT_WSCALE  0x02u
#define TCP_OPT_SACK_OK 0x04u
#define TCP_OPT_TIMES   0x08u
#define TCP_OPT_SACK    0x10u
#define TCP_OPT_MPTCP   0x20u /* of Multipath TCP: mptcp is set */
#define TCP_OPT_CUT     0x40u /* there may be others: the snap length cut them off */

struct packet_quote { /* the packet an ICMP error quotes, as its sender sent it */
	struct addr src, dst;
	uint16_t sport, dport;
	uint8_t proto;
};

struct packet_twin { /* the original key of a packet that got another one */
	struct addr src, dst;
	uint16_t sport, dport, vlan;
	uint32_t tunnel;
	const char *tunnel_kind;
};

struct packet_frag {
	uint32_t id;     /* Identification */
	uint32_t offset; /* bytes */
	bool more;       /* More Fragments */
	uint8_t proto;   /* what the whole datagram carries */
};

struct packet_event {                      /* a message that belongs to no connection */
	const struct dissector *dissector; /* whose event it is, with PACKET_EVENT */
	const uint8_t *head;               /* its first byte, as on the wire */
	uint32_t len;
};

/* An option of Multipath TCP (RFC 8684, 3). */
enum mptcp_subtype { MPTCP_CAPABLE, MPTCP_JOIN, MPTCP_DSS };
struct packet_mptcp {
	uint8_t subtype; /* others are passed over */
	uint8_t version; /* MPTCP_CAPABLE */
	uint8_t nkeys;   /* number of keys in it: the sender's, the receiver's */
	bool has_ack, has_map, has_token;
	uint16_t len; /* of the mapping, 0: up to the end of the subflow */
	uint64_t key[2];
	uint32_t token;         /* MPTCP_JOIN: the receiver's */
	uint32_t ack, dsn, ssn; /* MPTCP_DSS: the low 32 bits */
};

struct packet {
	/* The frame: set by the reader. */
	uint64_t time;       /* capture time, ns since the epoch */
	uint64_t number;     /* frame number in the capture, from 1; see order */
	const uint8_t *data; /* the frame's first byte */
	uint32_t caplen;     /* bytes captured */
	uint32_t len;        /* bytes on the wire */
	uint16_t iface;      /* capture interface, from 0 */
	uint16_t linktype;   /* LINKTYPE_ value of tcpdump.org's registry */

	/* What the layers found. */
	uint16_t flags;          /* PACKET_ */
	uint8_t depth;           /* headers read so far */
	uint8_t nvlan;           /* number of VLAN tags; may be more than vlan[] holds */
	uint16_t vlan[2];        /* VLAN identifiers: outer, inner */
	uint32_t tunnel;         /* identifies the innermost tunnel (VNI, GRE key); 0: none */
	const char *tunnel_kind; /* "vxlan" ...; NULL: none */
	const uint8_t *mac_src, *mac_dst;

	struct addr src, dst;
	uint8_t ip_version; /* 4 or 6 */
	uint8_t ip_proto;   /* of the innermost IP header's payload (after extension headers) */
	uint8_t ttl;
	uint8_t ecn;
	uint16_t ip_id; /* IPv4 Identification; 0 for IPv6 */
	uint16_t sport, dport;
	uint8_t icmp_type, icmp_code;

	uint8_t tcp_flags;
	uint8_t tcp_opts;   /* TCP_OPT_ */
	uint8_t tcp_wscale; /* shift, at most 14 */
	uint8_t tcp_nsack;  /* SACK blocks at tcp_sack, 8 bytes each, network order */
	uint8_t tcp_header; /* bytes of it before the payload; 0: cut */
	uint16_t tcp_mss;
	uint16_t tcp_window; /* as on the wire, not scaled */
	uint32_t tcp_seq, tcp_ack;
	uint32_t tcp_tsval, tcp_tsecr; /* TCP_OPT_TIMES; tcp_tsval is 0 without */
	const uint8_t *tcp_sack;

	/* The payload of the innermost header; its length is that of the headers, without padding.
	 */
	const uint8_t *payload;
	uint32_t paylen; /* bytes captured */
	uint32_t paycut; /* bytes on the wire behind them */

	union {
		struct packet_quote quote; /* PACKET_QUOTE */
		struct packet_frag frag;   /* PACKET_FRAGMENT */
		struct packet_event event; /* PACKET_EVENT, PACKET_ARP */
		struct packet_twin twin;   /* PACKET_TWIN_NAMED */
		struct packet_mptcp mptcp; /* TCP_OPT_MPTCP */
	};

	/* The engine's own. */
	uint64_t order; /* increases from each packet to the next */
	uint64_t hash;
	uint8_t shard;
	uint8_t reverse;
	uint8_t taught; /* the port of its source (1) or destination (2) was named (facts.h) */
	void *owned;    /* a reassembled datagram that lives as long as this packet */
};

#endif
