/*
 * event.h - events: what packets say that belong to no connection, such as VRRP's advertisements.
 *
 * A layer that has read such a packet marks it (packet_event()). The engine hands all of a
 * dissector's packets to its packet(), in the order of the capture, however many threads there are.
 * The dissector keeps what it knows in its state and makes a record where something changes.
 *
 * `fields` describes the dissector's own part of the record, a struct, by offsets from its start.
 * Every event record also has the sender and receiver, the time and the frame.
 */
#ifndef TSUMARI_EVENT_H
#define TSUMARI_EVENT_H

#include "dissector.h"
#include <string.h>

struct events; /* the events of one dissector; passed to the calls below */

struct tsm_event_kind {
	const char *counted;        /* the plural in the report: "VRRP events" */
	const char *total;          /* the counter's name in the JSON report: "vrrp_events" */
	const struct field *fields; /* of the record's own part; ends with FIELD_END */
	uint32_t record_size;       /* bytes of that part */
	uint32_t state_size;        /* bytes, zeroed at first */

	/* A packet that the layer marked. */
	void (*packet)(struct events *e, void *state, const struct packet *p);
	/* A second of capture time is over. May be NULL. */
	void (*tick)(struct events *e, void *state, uint64_t now);
	/* The capture has ended. May be NULL. */
	void (*end)(struct events *e, void *state);
};

/* Who sent it to whom, and how it was captured. A copy may be kept in the state. */
struct tsm_origin {
	struct addr src, dst;           /* dst all zero: to nobody */
	uint8_t mac_src[6], mac_dst[6]; /* all zero: not known */
	const char *tunnel_kind;        /* NULL: none */
	uint32_t tunnel;
	uint16_t vlan, inner_vlan, iface;
	uint8_t ip_version, ip_proto; /* 0: it is no IP packet */
	uint64_t flow_id;             /* of the packet's flow; FIELD_ABSENT: it is of none */
};

/* Of a packet, within packet(). */
void tsm_origin(const struct events *e, const struct packet *p, struct tsm_origin *o);

/*
 * A new record, which leaves when the dissector returns: gives its own part, record_size bytes,
 * zeroed. time: ns since the epoch; frame: of the packet that says so, 0: time alone does.
 */
void *tsm_event_new(struct events *e, const struct tsm_origin *o, uint64_t time, uint64_t frame);
/* What limits the record that was made last. */
void tsm_event_flag(struct events *e, enum tsm_quality quality);
/* Counts something odd by a constant name, as tsm_note() does. */
void tsm_event_note(struct events *e, const char *what);

/* A member of the record's own part. */
#define EVENT_FIELD(type_of, member, name, title, help, type, flags, width)                        \
	FIELD_AT(name, title, help, type, width, flags, offsetof(struct type_of, member), NULL)

/* For a layer: the packet is an event of dissector d, whose message is at `head`. */
static inline void packet_event(
	struct packet *p, const struct dissector *d, const uint8_t *head, uint32_t len)
{
	p->flags |= PACKET_EVENT;
	p->event.dissector = d;
	p->event.head = head;
	p->event.len = len;
}

#endif
