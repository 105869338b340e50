/*
 * comparison.h - reads two captures, one after the other, and puts out what differs (--compare).
 */
#ifndef TSUMARI_RUN_COMPARISON_H
#define TSUMARI_RUN_COMPARISON_H

#include "out/compare.h"
#include "run/pipeline.h"

struct comparison {
	struct compare_side side[2]; /* before, after: their names are the caller's */
	struct stream *out;
	bool json;
};

/* path: NULL or "-" is standard output. False with one line in err. */
bool comparison_open(struct comparison *c, const char *path, char *err, size_t errsize);
void comparison_release(struct comparison *c);
/*
 * Reads one of the two. The pipeline has all but its source, model and the sinks behind its own
 * nsinks, of which it has room for one more. As pipeline_run().
 */
int comparison_read(struct comparison *c, int which, struct pipeline *p, struct source *s,
	const struct model_config *config);
/* False with one line in err where writing fails; a closed pipe is no failure. */
bool comparison_write(struct comparison *c, char *err, size_t errsize);

#endif
