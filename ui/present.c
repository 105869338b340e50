/*
 * present.c - the present with what is under way in it: a model of the records kept and of the last
 * moment (moments.h), as if the capture had ended there. It is made anew for each moment, a little
 * at a time, beside the one that is shown; nothing is ever taken out of a model.
 *
 * That is for what is listened to. A file that is being read shows its records as they come.
 */
#include "present.h"
#include "view.h"
#include "base/clock.h"
#include "capture/source.h"

#define SLICE                                                                                      \
	UINT64_C(4000000) /* ns at once: records that come are not kept waiting for longer         \
			   */
#define LOOK 32u          /* records between two looks at the clock */

bool present_used(const struct ui *u)
{
	return !u->over && (source_live(u->o.source) || source_progress(u->o.source) < 0);
}

void present_drop(struct ui *u)
{
	struct present *c = &u->present;

	model_free(c->model);
	moment_release(c->moment);
	c->model = NULL;
	c->moment = NULL;
}

void ui_feed(struct ui *u, struct model *m, const struct record *r)
{
	/* No filter knows of turns. */
	if (!u->filter || (!record_of_turns(r) && filter_match(u->filter, r)))
		model_record(m, r);
}

static bool feed(void *arg, uint64_t number, uint64_t when, const struct record *r)
{
	struct ui *u = arg;
	struct present *c = &u->present;

	(void)when;
	if (c->fed++ % LOOK == 0 && clock_monotonic() >= c->slice_end)
		return false;
	c->next = number + 1;
	ui_feed(u, c->model, r);
	return true;
}

static void feed_open(void *arg, const struct record *r)
{
	struct ui *u = arg;

	ui_feed(u, u->present.model, r);
}

void ui_feed_moment(struct ui *u, struct model *m)
{
	struct model *making = u->present.model;

	u->present.model = m;
	moment_feed(u->moment, feed_open, u);
	u->present.model = making;
}

static void show(struct ui *u)
{
	struct present *c = &u->present;

	moment_feed(c->moment, feed_open, u);
	model_finish(c->model);
	if (u->shown != u->live)
		model_free(u->shown);
	moment_release(u->moment);
	u->shown = c->model;
	u->moment = c->moment;
	c->model = NULL;
	c->moment = NULL;
	u->dirty = true;
}

bool present_work(struct ui *u)
{
	struct present *c = &u->present;
	struct instant *last = moments_last(u->moments);

	if (u->mode != MODE_LIVE || !present_used(u) || !last)
		return false;
	if (!c->model) {
		if (u->moment && u->moment->number == last->number && !c->again)
			return false;
		c->again = false;
		c->model = ui_model(u);
		c->moment = moment_hold(last);
		c->next = c->fed = 0;
	}
	c->slice_end = clock_monotonic() + SLICE;
	if (c->next < store_first(u->store))
		c->next = store_first(u->store);
	store_each(u->store, c->next, c->moment->until, feed, u);
	if (c->next < c->moment->until && store_first(u->store) < c->moment->until)
		return true;
	show(u);
	return false;
}
