/*
 * draw.h - draws what the terminal shows.
 */
#ifndef TSUMARI_UI_DRAW_H
#define TSUMARI_UI_DRAW_H

#include <stdbool.h>

struct screen;
struct ui;

void ui_draw(struct ui *u);
/* What a screen shows, where that has changed and there is time. */
void ui_collect(struct ui *u, struct screen *s);
unsigned ui_tab_at(const struct ui *u, int column); /* whose name is there; TABS: none */
int ui_bar_key(int column);                         /* of the last line; KEY_NONE */

#endif
