/*
 * har.h - the sink that writes HTTP requests with their responses as an HTTP Archive (HAR 1.2,
 * http://www.softwareishard.com/blog/har-12-spec/), as viewers of waterfalls and tools that replay
 * load read it.
 *
 * Entries leave one by one, in the order of records (of the ends of transactions); nothing is kept.
 */
#ifndef TSUMARI_OUT_HAR_H
#define TSUMARI_OUT_HAR_H

#include <stddef.h>
#include "out/sink.h"

struct har;

/* path: made anew, "-" is standard output. NULL, with one line in err, where it is not to be had.
 */
struct har *har_new(const char *path, const char *version, char *err, size_t errsize);
struct sink har_sink(struct har *h);
/* Writes the end. False where anything failed (not: a closed pipe); see har_error(). */
bool har_finish(struct har *h);
const char *har_error(const struct har *h); /* one line, or NULL */
void har_free(struct har *h);

#endif
