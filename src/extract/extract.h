/*
 * extract.h - the frames of chosen records, out of a capture (--extract).
 *
 * A file is read twice: the first time for the records, the second time for their frames. What
 * cannot be read twice (an interface, a pipe) is kept for a while in memory, in its order, and what
 * leaves that is written where a record has asked for it by then.
 */
#ifndef TSUMARI_EXTRACT_EXTRACT_H
#define TSUMARI_EXTRACT_EXTRACT_H

#include "out/filter.h"
#include "capture/capwriter.h"
#include "out/sink.h"

struct extract_options {
	/* The records that are meant; stays the caller's. NULL: none, until extract_filter(). */
	struct filter *filter;
	struct capwriter *writer; /* stays the caller's */
	const struct engine_config *config;
	uint64_t hold; /* bytes of frames that are kept; 0: the capture is a file, read again */
};

struct extract;

struct extract *extract_new(const struct extract_options *o);
void extract_free(struct extract *x);

void extract_filter(struct extract *x, struct filter *filter);
/* Gets every record, whether -Y wants it or not. */
struct sink extract_sink(struct extract *x);
/* Each frame of the first reading of a file that is read again; on another thread than the sink,
   too. */
bool extract_place(struct extract *x, const struct packet *p);
/* Each frame as it is read, where frames are kept; false: writing failed. On another thread than
   the sink, too. */
bool extract_frame(struct extract *x, const struct packet *p);
/* All records are there: writes what is kept. */
void extract_flush(struct extract *x);
/*
 * The second reading, of so many frames. `each` is called now and then. False where there were
 * less.
 */
bool extract_file(
	struct extract *x, struct source *s, uint64_t frames, void (*each)(void *arg), void *arg);

/* Records some of whose frames had left the memory before; that were too many to be remembered. */
uint64_t extract_missed(const struct extract *x);
uint64_t extract_refused(const struct extract *x);

#endif
