/*
 * stream.h - the bytes of a flow in their order: what is delivered, held above missing bytes, given
 * up as lost. Segments above missing bytes are held; bytes that will not come any more are a gap.
 */
#ifndef TSUMARI_CORE_STREAM_H
#define TSUMARI_CORE_STREAM_H

#include "core/flow.h"

#define HELD_MAX       1024u    /* segments held above holes, one side */
#define HELD_BYTES_MAX 1048576u /* their bytes */

struct stamp { /* when a byte was there: first seen, and when its stream was whole up to it */
	uint64_t seen, seen_frame, whole, whole_frame;
};

void stream_hold(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir,
	uint32_t lo, const uint8_t *data, uint32_t caplen, uint32_t len);
/* Bytes at the place where the stream continues. */
void stream_deliver(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir,
	const uint8_t *data, uint32_t caplen, uint32_t len);
void stream_deliver_at(struct shard *sh, struct flow *f, unsigned dir, const uint8_t *data,
	uint32_t caplen, uint32_t len, const struct stamp *at);
void stream_drain(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir);
/* Why a hole is not waited for any longer: the peer has the bytes, so that the capture lost them; a
   limit was reached or the connection is over; the capture ended before they can have come. */
enum gap { GAP_ACKED, GAP_GIVEN_UP, GAP_OPEN, GAP_CUT };
/* p: the segment that says so. */
RARELY void stream_gap(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir,
	uint32_t upto, enum gap why);
/* No more segments will come: what is held above holes, in the order of its frames. end: the
   capture's, 0 where the connection ended. */
RARELY void stream_finish(struct shard *sh, struct flow *f, uint64_t end);
/* Keeps p, which was left out for its checksum: it is read where the receiver has it all the same.
 */
void stream_doubt(struct shard *sh, struct ext_side *e, const struct packet *p);
void stream_forget(struct shard *sh, struct ext_side *e);

#endif
