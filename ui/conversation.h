/*
 * conversation.h - what both sides of a connection said, in order: the bytes of its packets put
 * together as they came, without what was sent again, with the gaps that the capture has.
 *
 * Packets are added in the order of the capture. It is bounded: what does not fit is left out, and
 * that is said.
 */
#ifndef TSUMARI_UI_CONVERSATION_H
#define TSUMARI_UI_CONVERSATION_H

#include "ends.h"

#define CONVERSATION_BYTES (1u << 20)
#define CONVERSATION_TURNS 16384u
#define CONVERSATION_AHEAD 256u /* segments of a side that came too early */

/* What one side said until the other one did, or until bytes are missing. */
struct turn {
	uint64_t time, frame; /* of its first packet */
	uint64_t wait;        /* ns since the packet with bytes before it */
	uint32_t at, len;     /* its bytes */
	uint64_t missing;     /* bytes that the capture has not, before these */
	uint8_t side;         /* enum side */
};

struct conversation;

struct conversation *conversation_new(const struct ends *e);
void conversation_free(struct conversation *c);
/* A frame of the capture, as it was captured; false: no more of them are wanted. */
bool conversation_add(struct conversation *c, const struct packet *frame);
/* There are no more for now: what came too early is put behind a gap. */
void conversation_flush(struct conversation *c);

uint32_t conversation_turns(const struct conversation *c, const struct turn **list);
const uint8_t *conversation_bytes(const struct conversation *c, uint32_t *n);
/* Bytes that did not fit any more. */
uint64_t conversation_left_out(const struct conversation *c);
/* Which bytes a frame brought; false: none. */
bool conversation_find(const struct conversation *c, uint64_t frame, uint32_t *from, uint32_t *to);

#endif
