/*
 * reorder.h - frames put in order of time, within a window.
 *
 * Captures of several interfaces, taps and bridges are written by the block: what one interface
 * received stands behind later frames of another. A frame that is earlier than one before it waits
 * for its turn and is handed out in order of time; frames of one time keep their order. A frame
 * that is earlier than the window reaches is handed out where it stands, behind all that was read
 * before it: after a step of the clock, or in files that were put one behind the other, the order
 * is that of the file.
 *
 * The window is the source's `window` in time, and `memory` bytes of chunks. While frames come in
 * order no more is looked ahead than stays in the processor's cache; the first one that does not
 * makes the window whole again. At the beginning it is whole. What is handed out depends on the
 * frames alone, where they are there when they are read (a file); of an interface and a pipe no
 * frame waits longer than the window.
 */
#ifndef TSUMARI_CAPTURE_REORDER_H
#define TSUMARI_CAPTURE_REORDER_H

#include "capture/source_impl.h"

struct reorder;

struct reorder *reorder_new(uint64_t window, uint64_t memory);
void reorder_free(struct reorder *r);

/* As source_read(). */
enum source_state reorder_read(struct reorder *r, struct source *s, struct packet *out,
	unsigned max, unsigned *n, struct chunk **chunk);

/* Frames that were handed out before one that they stand behind. */
uint64_t reorder_moved(const struct reorder *r);

#endif
