/*
 * ui.h - the live view: the sink that draws records on a terminal and answers to keys.
 *
 * It keeps the last records and frames within a budget, and a model of all records. Its record()
 * and poll() run on the main thread; ui_frame() on the reader's. Drawing is done in poll(), ten
 * times a second at most.
 */
#ifndef TSUMARI_UI_H
#define TSUMARI_UI_H

#include "out/sink.h"

struct ui_options {
	const char *source_name; /* what is listened to or read */
	const char *filter;      /* the capture filter it began with, or NULL */
	const char *display;     /* the display filter to begin with, or NULL */
	const char *version;     /* of the program */
	struct source *source;
	const struct inputs *inputs;               /* files that are read; NULL: interfaces */
	const struct source_options *file_options; /* it was opened with */
	const char *(*iface)(void *arg, unsigned i);
	void *iface_arg;
	const struct thresholds *thresholds; /* of findings */
	struct geo *geo;                     /* where addresses are; NULL: nobody knows */
	const struct identity *identity;     /* of what is saved; NULL: none */
	bool literal;                        /* statements come with their values (--literal) */
	uint64_t keep;                       /* bytes of records and frames kept */
};

struct ui;

/* Is there a terminal to draw on, with keys? */
bool ui_possible(void);

/* NULL, with one line in err, where the configuration or the display filter is wrong. */
struct ui *ui_new(const struct ui_options *o, char *err, size_t errsize);
/* The file of the settings; "": there is no place for it. */
const char *ui_settings(const struct ui *u);
/* Takes the terminal. False, with one line in err, where it cannot be had. */
bool ui_open(struct ui *u, char *err, size_t errsize);
struct sink ui_sink(struct ui *u);
bool ui_frame(void *arg, const struct packet *p);
/* The capture has ended: shows what there is until the user leaves. `error`: why it ended, NULL. */
void ui_stay(struct ui *u, const char *error);
/* Asks for an end; async-signal-safe. */
void ui_stop(void);
void ui_free(struct ui *u); /* gives the terminal back */

#endif
