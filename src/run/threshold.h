/* threshold.h - --threshold NAME=VALUE: from when on something is a finding. */
#ifndef TSUMARI_RUN_THRESHOLD_H
#define TSUMARI_RUN_THRESHOLD_H

#include <stdio.h>
#include "findings/findings.h"

/* Durations as 200ms, parts as 2% or 0.5%, others as a number. False with one line in err. */
bool threshold_set(struct thresholds *t, const char *text, char *err, size_t errsize);
/* All names with their defaults. */
void threshold_list(FILE *f);

#endif
