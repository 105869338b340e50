/*
 * save.h - saves frames that were chosen into a capture file.
 */
#ifndef TSUMARI_UI_SAVE_H
#define TSUMARI_UI_SAVE_H

#include <stdbool.h>

struct ui;

void save_ask(struct ui *u);
bool save_work(struct ui *u); /* as class->work */
void save_stop(struct ui *u); /* where something is being saved: no more of it */

#endif
