/*
 * timetravel.h - what was shown before: a pause, and going back in time.
 */
#ifndef TSUMARI_UI_TIMETRAVEL_H
#define TSUMARI_UI_TIMETRAVEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ui;

/* The time that what is shown was listened for, ns. */
uint64_t ui_listened(const struct ui *u);
/* Makes the model that is shown anew. */
void ui_remodel(struct ui *u);
void ui_pause(struct ui *u, bool on);
void ui_rewind(struct ui *u, int64_t seconds);
void ui_live(struct ui *u);

/* The number of the record that the view ends before. */
uint64_t ui_until(const struct ui *u);

bool ui_set_filter(struct ui *u, const char *text, char *err, size_t errsize);

#endif
