/*
 * prompt.h - questions that are put to the user: text, filters, columns, settings.
 */
#ifndef TSUMARI_UI_PROMPT_H
#define TSUMARI_UI_PROMPT_H

struct ui;

void prompt_search(struct ui *u);
void prompt_search_again(struct ui *u, int direction);
void prompt_filter(struct ui *u);
void prompt_capture(struct ui *u);
void prompt_columns(struct ui *u);
void prompt_sort(struct ui *u);
void prompt_settings(struct ui *u);
void prompt_write_config(struct ui *u);

#endif
