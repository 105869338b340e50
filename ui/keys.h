/*
 * keys.h - what keys and the mouse do.
 */
#ifndef TSUMARI_UI_KEYS_H
#define TSUMARI_UI_KEYS_H

struct ui;

void ui_keys(struct ui *u); /* all that were pressed */

#endif
