/*
 * ui.c - the live view's sink (ui.h), and the screens that it has.
 */
#include "columns.h"
#include "draw.h"
#include "keys.h"
#include "present.h"
#include "reread.h"
#include "save.h"
#include "screen.h"
#include "screens.h"
#include "table.h"
#include "timetravel.h"
#include "view.h"
#include "base/clock.h"
#include "base/mem.h"
#include "capture/source.h"
#include "core/community.h"
#include "core/registry.h"
#include "findings/findings.h"
#include "model/operation.h"
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DRAW_EVERY UINT64_C(100000000)
#define NOTE_TIME  UINT64_C(4000000000)

static volatile sig_atomic_t stop_asked;

const struct screen_class *const ui_tabs[TABS] = {&overview_class, &services_class,
	&transactions_class, &digests_class, &flows_class, &findings_class, &tiers_class,
	&hosts_class};

void ui_note(struct ui *u, bool bad, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(u->note, sizeof(u->note), format, ap);
	va_end(ap);
	u->note_bad = bad;
	u->note_until = clock_monotonic() + NOTE_TIME;
	u->dirty = true;
}

void ui_stop(void)
{
	stop_asked = 1;
}

/* The schemas, and every field once. */

static int by_name(const void *a, const void *b)
{
	const struct field *const *x = a, *const *y = b;

	return schema_name_cmp((*x)->name, (*y)->name);
}

static bool add_schema(struct ui *u, const struct dissector *d, char *err, size_t errsize)
{
	struct schema *s = schema_new(d, err, errsize);

	if (!s)
		return false;
	u->schemas = xrealloc(u->schemas, (u->nschemas + 1) * sizeof(struct schema *));
	u->schemas[u->nschemas++] = s;
	u->fields = xrealloc(u->fields, (u->nfields + s->n) * sizeof(struct field *));
	for (unsigned i = 0; i < s->n; i++)
		u->fields[u->nfields++] = s->columns[i].field;
	return true;
}

static bool make_schemas(struct ui *u, char *err, size_t errsize)
{
	unsigned n = 0;

	if (!add_schema(u, NULL, err, errsize))
		return false;
	for (unsigned i = 0; i < registry_count(); i++)
		if (schema_has_records(registry_get(i)) &&
			!add_schema(u, registry_get(i), err, errsize))
			return false;
	qsort(u->fields, u->nfields, sizeof(struct field *), by_name);
	for (unsigned i = 0; i < u->nfields; i++)
		if (!n || strcmp(u->fields[n - 1]->name, u->fields[i]->name) != 0)
			u->fields[n++] = u->fields[i];
	u->nfields = n;
	return true;
}

const struct schema *ui_schema(struct ui *u, const struct record *r)
{
	const struct dissector *d = r->kind == RECORD_FLOW ? NULL : r->dissector;

	for (unsigned i = 0; i < u->nschemas; i++)
		if (u->schemas[i]->dissector == d)
			return u->schemas[i];
	return u->schemas[0];
}

struct model *ui_model(struct ui *u)
{
	struct model_config c = {.literal = u->o.literal};

	struct model *m = model_new(&c);

	findings_look(m, u->o.thresholds);
	model_keep_recent(m);
	return m;
}

/* Screens. */

static struct screen *screen_new(struct ui *u, const struct screen_class *c)
{
	struct screen *s = xcalloc(1, sizeof(*s));

	s->class = c;
	s->stale = true;
	if (!c->draw)
		table_init(u, s);
	return s;
}

static void screen_free(struct screen *s)
{
	if (!s)
		return;
	if (s->class->free)
		s->class->free(s);
	table_release(&s->table);
	filter_free(s->filter);
	free(s->operation);
	free(s);
}

struct screen *ui_top(struct ui *u)
{
	if (u->depth)
		return u->stack[u->depth - 1];
	if (!u->tab[u->current])
		u->tab[u->current] = screen_new(u, ui_tabs[u->current]);
	return u->tab[u->current];
}

struct screen *ui_push(struct ui *u, const struct screen_class *c)
{
	if (u->depth == STACK_MAX) {
		ui_note(u, true, "too deep: go back first (Esc)");
		return NULL;
	}
	u->dirty = true;
	return u->stack[u->depth++] = screen_new(u, c);
}

void ui_pop(struct ui *u)
{
	if (u->depth)
		screen_free(u->stack[--u->depth]);
	u->dirty = true;
}

void ui_tab(struct ui *u, unsigned i)
{
	while (u->depth)
		ui_pop(u);
	u->current = i % TABS;
	u->dirty = true;
}

bool ui_scope(struct ui *u, struct screen *s, const char *filter, const char *label)
{
	char err[256];
	struct filter *f = filter_new(filter, &u->env, err, sizeof(err));

	if (!f) {
		ui_note(u, true, "%s", err);
		return false;
	}
	filter_free(s->filter);
	s->filter = f;
	snprintf(s->scope, sizeof(s->scope), "%s", filter);
	snprintf(s->label, sizeof(s->label), "%s", label);
	s->stale = true;
	return true;
}

void ui_push_scope(
	struct ui *u, const struct screen_class *c, const char *filter, const char *label)
{
	struct screen *s = ui_push(u, c);

	if (s && !ui_scope(u, s, filter, label))
		ui_pop(u);
}

void ui_push_operation(struct ui *u, const char *filter, const char *operation, size_t n)
{
	struct screen *s = ui_push(u, &transactions_class);

	if (!s)
		return;
	if (!ui_scope(u, s, filter, "")) {
		ui_pop(u);
		return;
	}
	snprintf(s->label, sizeof(s->label), "%.*s", (int)(n < SCOPE_MAX ? n : SCOPE_MAX),
		operation);
	s->operation = xmalloc(n + 1);
	memcpy(s->operation, operation, n);
	s->noperation = n;
	table_set_sort(u, s, "-event.duration");
	s->table.follow = false;
}

void ui_stale(struct ui *u)
{
	for (unsigned i = 0; i < TABS; i++)
		if (u->tab[i])
			u->tab[i]->stale = true;
	for (unsigned i = 0; i < u->depth; i++)
		u->stack[i]->stale = true;
	u->dirty = true;
}

bool ui_wanted(struct ui *u, struct screen *s, const struct record *r)
{
	char buffer[OPERATION_MAX];
	struct text t;

	if ((u->filter && !filter_match(u->filter, r)) ||
		(s->filter && !filter_match(s->filter, r)))
		return false;
	if (!s->operation || r->kind != RECORD_TXN)
		return true;
	text_init(&t, buffer, sizeof(buffer));
	operation_of((const void *)r, u->o.literal, &t);
	return t.len == s->noperation && memcmp(t.p, s->operation, t.len) == 0;
}

bool ui_marked(const struct ui *u, uint64_t id)
{
	for (unsigned i = 0; i < u->nmarks; i++)
		if (u->marks[i] == id)
			return true;
	return false;
}

void ui_mark(struct ui *u, uint64_t id)
{
	for (unsigned i = 0; i < u->nmarks; i++)
		if (u->marks[i] == id) {
			u->marks[i] = u->marks[--u->nmarks];
			return;
		}
	if (u->nmarks == MARKS_MAX)
		ui_note(u, true, "no more than %u rows can be marked", MARKS_MAX);
	else
		u->marks[u->nmarks++] = id;
}

struct term_options ui_look(const struct ui *u)
{
	return (struct term_options){
		.theme = config_get(&u->config, "theme", "dark"),
		.ascii = config_flag(&u->config, "ascii", false),
		.mouse = config_flag(&u->config, "mouse", true),
	};
}

/* The sink. */

static void on_record(void *arg, const struct record *r)
{
	struct ui *u = arg;
	uint64_t end = r->end != FIELD_ABSENT && r->end > r->start ? r->end : r->start;

	if (end != FIELD_ABSENT && end > u->now)
		u->now = end;
	if (r->open) {
		u->dirty |= moments_add(u->moments, r, store_next(u->store));
		return;
	}
	model_record(u->live, r);
	if (r->kind == RECORD_FLOW && !((const struct flow_record *)r)->final)
		return; /* moments tell of it */
	store_add(u->store, r, u->now);
	if (u->shown != u->live && u->mode == MODE_LIVE && !present_used(u))
		ui_feed(u, u->shown, r);
	u->dirty |= !record_of_turns(r);
}

/* A finding that was not there the last time pauses the view, where that is wanted. */
static void freeze_on_finding(struct ui *u, uint64_t now)
{
	unsigned n;

	if (!u->freeze || u->mode != MODE_LIVE || now - u->looked < SECOND)
		return;
	n = findings_count(u);
	if (n > u->known_findings) {
		ui_pause(u, true);
		ui_note(u, false, "a new finding: paused (6 shows it, p goes on)");
	}
	u->known_findings = n;
	u->looked = now;
}

/* What takes longer, a little at a time: records that come are never kept waiting for long. */
static void work(struct ui *u)
{
	uint64_t begun = clock_monotonic(), end;

	if (!u->over && begun < u->work_at)
		return;
	u->working = save_work(u);
	u->working |= present_work(u);
	for (unsigned i = 0; i < u->depth; i++)
		if (u->stack[i]->class->work)
			u->working |= u->stack[i]->class->work(u, u->stack[i]);
	u->dirty |= u->working;
	end = clock_monotonic();
	u->work_at = end + 3 * (end - begun);
}

static bool poll_ui(void *arg)
{
	struct ui *u = arg;
	uint64_t now = clock_monotonic();

	if (stop_asked)
		u->quit = true;
	term_pause_if_asked();
	ui_keys(u);
	if (u->quit)
		return false;
	work(u);
	if ((u->dirty && now - u->drawn >= DRAW_EVERY) || now - u->drawn >= SECOND) {
		freeze_on_finding(u, now);
		ui_draw(u);
		u->dirty = false;
		u->drawn = now;
	}
	return true;
}

bool ui_frame(void *arg, const struct packet *p)
{
	struct ui *u = arg;

	frames_add(u->frames, p);
	return true;
}

struct sink ui_sink(struct ui *u)
{
	return (struct sink){
		.arg = u, .record = on_record, .poll = poll_ui, .turns = true, .moments = true};
}

void ui_stay(struct ui *u, const char *error)
{
	bool was;

	if (u->quit || stop_asked)
		return;
	was = present_used(u);
	u->over = true;
	model_finish(u->live);
	if (u->mode == MODE_LIVE && was)
		ui_remodel(u);
	else if (u->mode == MODE_LIVE && u->shown != u->live)
		model_finish(u->shown);
	ui_stale(u);
	if (error)
		ui_note(u, true, "%.250s", error);
	while (poll_ui(u)) {
		struct pollfd p = {.fd = term_fd(), .events = POLLIN};

		if (poll(&p, 1,
			    u->working ? 0
			    : u->dirty ? 20
				       : 250) > 0 &&
			p.revents & (POLLHUP | POLLERR))
			break;
	}
}

bool ui_open(struct ui *u, char *err, size_t errsize)
{
	struct term_options o = ui_look(u);

	u->freeze = config_flag(&u->config, "freeze", false);
	return term_open(&o, err, errsize);
}

static bool begin(struct ui *u, char *err, size_t errsize)
{
	return make_schemas(u, err, errsize) && config_load(&u->config, err, errsize) &&
	       (!u->o.display || ui_set_filter(u, u->o.display, err, errsize));
}

const char *ui_settings(const struct ui *u)
{
	return u->config.path;
}

bool ui_possible(void)
{
	return term_possible();
}

static uint64_t wall(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

struct ui *ui_new(const struct ui_options *o, char *err, size_t errsize)
{
	struct ui *u = xcalloc(1, sizeof(*u));

	u->o = *o;
	u->store = store_new(o->keep / 8 * 3);
	u->moments = moments_new(o->keep / 8);
	u->frames = frames_new(o->keep / 2);
	u->live = u->shown = ui_model(u);
	u->env = (struct schema_env){.version = o->version,
		.iface = o->iface,
		.iface_arg = o->iface_arg,
		.geo = o->geo,
		.identity = o->identity};
	u->env.community = community_cache_new();
	snprintf(u->capture, sizeof(u->capture), "%s", o->filter ? o->filter : "");
	u->rate_at = clock_monotonic();
	u->begun = source_live(o->source) ? wall() : 0;
	u->cost = cost_now();
	if (begin(u, err, errsize))
		return u;
	ui_free(u);
	return NULL;
}

void ui_free(struct ui *u)
{
	if (!u)
		return;
	term_close();
	save_stop(u);
	while (u->depth)
		ui_pop(u);
	for (unsigned i = 0; i < TABS; i++)
		screen_free(u->tab[i]);
	for (unsigned i = 0; i < u->nschemas; i++)
		schema_free(u->schemas[i]);
	free(u->schemas);
	free(u->fields);
	filter_free(u->filter);
	if (u->shown != u->live)
		model_free(u->shown);
	model_free(u->live);
	present_drop(u);
	moment_release(u->moment);
	moments_free(u->moments);
	store_free(u->store);
	frames_free(u->frames);
	config_release(&u->config);
	community_cache_free(u->env.community);
	free(u);
}
