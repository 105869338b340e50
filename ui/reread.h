/*
 * reread.h - frames that are not kept any more, read from the capture file once more.
 *
 * It is read in pieces of a few milliseconds, on the main thread, from its beginning (a capture has
 * no index); what is looked for and what becomes of it is the caller's. Frames have the numbers of
 * the first reading.
 */
#ifndef TSUMARI_UI_REREAD_H
#define TSUMARI_UI_REREAD_H

#include "view.h"

#define AGAIN_MEMORY ((uint64_t)32 << 20) /* of frames that a screen keeps of this reading */

struct reread;

/* Is it a file, not an interface or a pipe, which are read once? */
bool reread_possible(const struct ui *u);
/*
 * Each frame with a place (core/order.h) from..to is given to fn; false of it: enough. NULL, with
 * one line in err, where the file cannot be read or is another one by now.
 */
struct reread *reread_new(struct ui *u, uint64_t from, uint64_t to,
	bool (*fn)(void *arg, const struct packet *p), void *arg, char *err, size_t errsize);
void reread_to(struct reread *a, uint64_t to); /* another end */
/* Reads on for a while; false: it is done. */
bool reread_step(struct reread *a);
unsigned reread_percent(const struct reread *a);
void reread_free(struct reread *a);

#endif
