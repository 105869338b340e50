/*
 * timetravel.c - the time that the view shows: the present, the moment at which it was paused, or
 * one before. For the past a model is made anew of the records kept up to then.
 */
#include "base/clock.h"
#include "timetravel.h"
#include "present.h"
#include "view.h"

/* Number of the record that what is shown ends before, where it ends with the last moment. */
static uint64_t until_moment(const struct ui *u)
{
	return u->moment ? u->moment->until : store_next(u->store);
}

uint64_t ui_until(const struct ui *u)
{
	return u->mode == MODE_LIVE ? until_moment(u) : u->until;
}

/* Of records that had to go nothing is shown, and the time goes with them. */
uint64_t ui_listened(const struct ui *u)
{
	uint64_t to = u->mode != MODE_LIVE ? u->until_time : u->moment ? u->moment->time : u->now;
	uint64_t from = u->begun;
	struct capture_stats st;

	if (!from) {
		frames_stats(u->frames, &st);
		from = st.first;
		to = u->mode == MODE_LIVE && !u->moment ? st.last : to;
	}
	if (u->shown != u->live && store_first(u->store) && store_from(u->store) > from)
		from = store_from(u->store);
	return to > from ? to - from : 0;
}

static bool feed(void *arg, uint64_t number, uint64_t when, const struct record *r)
{
	struct ui *u = arg;

	(void)number;
	(void)when;
	ui_feed(u, u->shown, r);
	return true;
}

static void show_moment(struct ui *u, struct instant *m)
{
	moment_hold(m);
	moment_release(u->moment);
	u->moment = m;
}

/* The one of all records, or of those kept that are wanted, with what was under way. */
void ui_remodel(struct ui *u)
{
	present_drop(u);
	u->present.again = true;
	ui_stale(u);
	if (u->mode == MODE_LIVE && present_used(u))
		return; /* another one is made soon */
	if (u->shown != u->live)
		model_free(u->shown);
	u->shown = u->live;
	if (u->mode == MODE_LIVE) {
		show_moment(u, NULL);
		if (!u->filter)
			return;
	}
	u->shown = ui_model(u);
	store_each(u->store, 0, ui_until(u), feed, u);
	ui_feed_moment(u, u->shown);
	if (u->mode != MODE_LIVE || u->over)
		model_finish(u->shown);
}

void ui_pause(struct ui *u, bool on)
{
	if (on == (u->mode != MODE_LIVE))
		return;
	if (!on) {
		ui_live(u);
		return;
	}
	u->mode = MODE_PAUSED;
	u->until = until_moment(u);
	u->until_time = u->moment ? u->moment->time : u->now;
	ui_note(u, false, "paused; the capture goes on");
	ui_remodel(u);
}

void ui_live(struct ui *u)
{
	if (u->mode == MODE_LIVE)
		return;
	u->mode = MODE_LIVE;
	ui_note(u, false, u->over ? "at the end" : "live");
	ui_remodel(u);
}

void ui_rewind(struct ui *u, int64_t seconds)
{
	uint64_t from = store_from(u->store), to = u->now;
	uint64_t at = u->mode == MODE_LIVE ? to : u->until_time;
	uint64_t by = (uint64_t)(seconds < 0 ? -seconds : seconds) * SECOND;

	if (seconds < 0)
		at = at - from > by ? at - by : from;
	else
		at += by;
	if (at >= to) {
		ui_live(u);
		return;
	}
	u->mode = MODE_REWOUND;
	show_moment(u, moments_at(u->moments, at));
	u->until_time = u->moment ? u->moment->time : at;
	u->until = u->moment ? u->moment->until : store_after(u->store, at);
	ui_remodel(u);
}

bool ui_set_filter(struct ui *u, const char *text, char *err, size_t errsize)
{
	struct filter *f = NULL;

	text += strspn(text, " ");
	if (*text) {
		f = filter_new(text, &u->env, err, errsize);
		if (!f)
			return false;
	}
	filter_free(u->filter);
	u->filter = f;
	snprintf(u->display, sizeof(u->display), "%s", text);
	ui_remodel(u);
	return true;
}
