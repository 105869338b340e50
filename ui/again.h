/*
 * again.h - frames that are not kept any more, read from the capture file once more.
 *
 * It is read in pieces of a few milliseconds, on the main thread, from its beginning (a capture has
 * no index); what is looked for and what becomes of it is the caller's. Frames have the numbers of
 * the first reading.
 */
#ifndef TSUMARI_UI_AGAIN_H
#define TSUMARI_UI_AGAIN_H

#include "view.h"

#define AGAIN_MEMORY ((uint64_t)32 << 20) /* of frames that a screen keeps of this reading */

struct again;

/* Is it a file, not an interface or a pipe, which are read once? */
bool again_possible(const struct ui *u);
/*
 * Each frame with a place (core/order.h) from..to is given to fn; false of it: enough. NULL, with
 * one line in err, where the file cannot be read or is another one by now.
 */
struct again *again_new(struct ui *u, uint64_t from, uint64_t to,
	bool (*fn)(void *arg, const struct packet *p), void *arg, char *err, size_t errsize);
void again_to(struct again *a, uint64_t to); /* another end */
/* Reads on for a while; false: it is done. */
bool again_step(struct again *a);
unsigned again_percent(const struct again *a);
void again_free(struct again *a);

#endif
