/*
 * progress.h - how far a file has been read: one line on a terminal, redrawn in its place.
 *
 * Nothing is written where stderr is not a terminal.
 */
#ifndef TSUMARI_UI_PROGRESS_H
#define TSUMARI_UI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
	bool on;
	bool drawn;
	uint64_t start, last; /* ns, monotonic */
};

void progress_init(struct progress *p);
/*
 * part: 0..1 of the file, negative where its size is not known; frames and bytes read so far. Draws
 * at most five times a second.
 */
void progress_show(struct progress *p, double part, uint64_t frames, uint64_t bytes);
void progress_erase(struct progress *p);

/* The line itself; elapsed in ns, not 0. For tests. */
void progress_line(
	char *line, size_t size, double part, uint64_t frames, uint64_t bytes, uint64_t elapsed);

#endif
