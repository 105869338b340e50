/*
 * present.h - a model of the present, made a little at a time when it is looked at (present.c).
 */
#ifndef TSUMARI_UI_PRESENT_H
#define TSUMARI_UI_PRESENT_H

#include "moments.h"

struct model;
struct record;
struct ui;

/* A model of the present that is being made. */
struct present {
	struct model *model; /* NULL: none is */
	struct instant *moment;
	uint64_t next, fed, slice_end;
	bool again; /* of the same moment: what is wanted has changed */
};

/* A record that is wanted goes into a model; so does what is under way. */
void ui_feed(struct ui *u, struct model *m, const struct record *r);
void ui_feed_moment(struct ui *u, struct model *m);

/* Whether the present is shown so; a little more of it, true: there is more to do. */
bool present_used(const struct ui *u);
bool present_work(struct ui *u);
void present_drop(struct ui *u);

#endif
