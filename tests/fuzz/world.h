/*
 * world.h - conversations as frames: an input's operations (world.c) become Ethernet frames with
 * whole TCP connections around messages of real protocols, and what networks do to them.
 */
#ifndef TSUMARI_TESTS_FUZZ_WORLD_H
#define TSUMARI_TESTS_FUZZ_WORLD_H

#include "fuzz.h"

struct fuzz_message {
	uint8_t side; /* enum side: who sends it */
	uint16_t len;
	const char *bytes;
};

struct fuzz_protocol {
	const struct fuzz_message *message;
	unsigned n;
	uint16_t port;
	bool datagrams; /* over UDP, too */
};

#define FUZZ_PROTOCOLS 8u
extern const struct fuzz_protocol fuzz_protocols[FUZZ_PROTOCOLS]; /* messages.c */

/* A frame as it is captured: `caplen` of its `len` bytes are there. */
typedef void fuzz_frame_fn(
	void *arg, uint64_t time, const uint8_t *frame, uint32_t caplen, uint32_t len);

/* Reads operations until the input or the patience is at its end. */
void fuzz_world(struct fuzz_input *in, fuzz_frame_fn *fn, void *arg);

/* The same as a capture file (pcap, nanoseconds) in memory of its own. */
uint8_t *fuzz_world_capture(struct fuzz_input *in, size_t *n);

#endif
