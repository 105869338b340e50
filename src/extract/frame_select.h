/*
 * frame_select.h - which frames are meant by records: those of a transaction with its connection's
 * handshake, of a whole connection, of an event.
 *
 * Of a transaction: the frames of its connection, of both directions, from the first of its four
 * stamps to the last, or to the connection's end where the response was not seen to end; and the
 * connection's frames before its first data. ICMP errors that quote the connection are its frames.
 *
 * A frame's number stands for its place (core/order.h); of those that were moved it must be told.
 * Frames must be asked for in the order of their places; records may be added at any time before
 * the frames they mean are asked for. Bounded: past `memory` records are counted as refused. Not
 * for several threads.
 */
#ifndef TSUMARI_EXTRACT_FRAME_SELECT_H
#define TSUMARI_EXTRACT_FRAME_SELECT_H

#include "core/record.h"

struct frame_select;

/* A frame as it is asked for. */
struct frame_key {
	struct addr ip[2]; /* the smaller end first */
	uint16_t port[2];
	uint16_t vlan; /* outer tag; 0: none, or not looked at */
	uint8_t proto, v6;
	uint32_t tunnel;
	uint64_t hash; /* of these, once it is asked for; 0: not yet */
	bool known;    /* false: it belongs to no connection */
	bool syn;      /* TCP with the SYN flag */
	bool data;     /* carries bytes of the application */
};

struct frame_select *frame_select_new(uint64_t memory);
void frame_select_free(struct frame_select *w);

/* The frame of that number was moved; before records are added that mean it. */
void frame_select_moved(struct frame_select *w, uint64_t number, uint64_t place);
/*
 * The frames of a record; `from` is the least place that will be asked for. False where some of
 * them lie before it.
 */
bool frame_select_add(struct frame_select *w, const struct record *r, uint64_t from);
/* Of any record of a connection: where it ends, which those that are wanted need to know. */
void frame_select_end(struct frame_select *w, const struct record *r);
bool frame_select_frame(
	struct frame_select *w, uint64_t place, uint64_t time, const struct frame_key *k);
/*
 * Frames that will be asked for have their connections fetched, which lie anywhere in memory: where
 * each is looked for at once, a while later what was found there.
 */
void wanted_fetch(const struct frame_select *w, struct frame_key *k);
void wanted_fetch_connection(const struct frame_select *w, const struct frame_key *k);
uint64_t frame_select_refused(const struct frame_select *w);

/* The key of a frame whose headers were read. */
void frame_key_make(struct frame_key *k, const struct packet *p, bool ignore_vlan);

#endif
