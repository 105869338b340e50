/*
 * compare.h - two captures side by side: what changed, by how much, as text or as JSON.
 */
#ifndef TSUMARI_OUT_COMPARE_H
#define TSUMARI_OUT_COMPARE_H

#include <stdio.h>
#include "core/stats.h"
#include "model/change.h"

struct compare_side {
	const char *name; /* of the capture, as the user gave it */
	struct capture_stats capture;
	struct change_side of;
};

void compare_text(FILE *f, const struct compare_side side[2], const struct changes *c);
void compare_json(FILE *f, const struct compare_side side[2], const struct changes *c);

#endif
