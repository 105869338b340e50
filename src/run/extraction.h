/*
 * extraction.h - what --extract names: records by a display filter, or a finding by its id.
 *
 * A finding is known when everything has been read: its capture is then read again for the records
 * that its filter isolates, and once more for their frames. So it must be a file.
 */
#ifndef TSUMARI_RUN_EXTRACTION_H
#define TSUMARI_RUN_EXTRACTION_H

#include "extract/extract.h"
#include "capture/inputs.h"
#include "run/pipeline.h"

struct extraction {
	const char *what;
	bool finding;
	struct filter *filter;   /* NULL: it is not known yet */
	struct extract *extract; /* NULL: nothing is extracted */
	/* The file again, opened while it may be; NULL: it cannot be read again. */
	struct source *again, *third;
};

/* False with one line in err. env: of filters. All zero where nothing is extracted. */
bool extraction_open(struct extraction *x, const char *what, const struct inputs *in,
	const struct source_options *o, const struct schema_env *env, char *err, size_t errsize);
/* The writer is open. memory: of frames that are kept, bytes. */
void extraction_start(
	struct extraction *x, struct capwriter *w, const struct engine_config *c, uint64_t memory);
/*
 * Everything was read, by p, whose source becomes the one being read; `progress` is a sink that
 * shows it. False, with one line in err, where it cannot be done in full.
 */
bool extraction_finish(struct extraction *x, struct pipeline *p, const struct schema_env *env,
	const struct sink *progress, char *err, size_t errsize);
void extraction_release(struct extraction *x);

#endif
