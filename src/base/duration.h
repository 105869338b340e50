/*
 * duration.h - lengths of time as people write them: 200ms, "200 ms", 1.5s, 5m. The same on the
 * command line, in display filters, and in the filters that the program writes itself.
 */
#ifndef TSUMARI_BASE_DURATION_H
#define TSUMARI_BASE_DURATION_H

#include <stdbool.h>
#include <stdint.h>
#include "base/text.h"

/*
 * ns, us, ms, s, m or min, h, d behind a decimal number; one blank may stand between. The whole
 * text. 0 needs no unit; nor does any number where `bare` says so: it is of seconds. False: it is
 * none, or more than fits; *ns is then untouched.
 */
bool duration_parse(const char *text, bool bare, uint64_t *ns);
/* Is it one of the units? */
bool duration_unit(const char *text);
/* Exactly, with the largest unit up to seconds in which it needs no more than three decimals; reads
 * back as the same. */
void duration_put(struct text *t, uint64_t ns);

#endif
