/*
 * under_way.h - what is under way now, in the overview.
 */
#ifndef TSUMARI_UI_UNDER_WAY_H
#define TSUMARI_UI_UNDER_WAY_H

struct text;
struct ui;

/* Lines of the overview, up to a row; gives the next one. How much there is; nothing:
   it is not known, or there is nothing. */
int under_way_draw(struct ui *u, int y, int end);
void under_way_line(const struct ui *u, struct text *t);

#endif
