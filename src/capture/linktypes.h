/*
 * linktypes.h - frames of link types that no dissector reads: said in a line, not passed over.
 */
#ifndef TSUMARI_CAPTURE_LINKTYPES_H
#define TSUMARI_CAPTURE_LINKTYPES_H

#include "capture/source.h"

/* Before anything is captured: false, with one line in err, where no frame could be read. True of a
   file, where everything is said when it was read. */
bool linktypes_check(const struct source *s, const char *name, char *err, size_t errsize);
/*
 * Everything was read. LINKTYPES_ALL: no frame could be read, LINKTYPES_SOME: some could not; then
 * there is one line in err.
 */
enum linktypes { LINKTYPES_READ, LINKTYPES_SOME, LINKTYPES_ALL };
enum linktypes linktypes_unread(
	uint64_t frames, const struct counters *c, const char *name, char *err, size_t errsize);

#endif
