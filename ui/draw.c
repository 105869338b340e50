/*
 * draw.c - the whole screen: the capture's state, the tabs, what is shown of all there is, the
 * screen on top, the keys.
 */
#include "draw.h"
#include "columns.h"
#include "screen.h"
#include "table.h"
#include "timetravel.h"
#include "view.h"
#include "base/clock.h"
#include "capture/source.h"
#include <curses.h>
#include <inttypes.h>
#include <string.h>

#define COST_SHARE 20u

static void rates(struct ui *u)
{
	struct capture_stats st;
	uint64_t now = clock_monotonic(), before;
	double seconds = (double)(now - u->rate_at) / (double)SECOND;

	if (seconds < 1)
		return;
	frames_stats(u->frames, &st);
	u->frame_rate = (double)(st.frames - u->frames_before) / seconds;
	u->byte_rate = (double)(st.bytes - u->bytes_before) / seconds;
	u->frames_before = st.frames;
	u->bytes_before = st.bytes;
	u->rate_at = now;
	before = u->cost.processor;
	u->cost = cost_now();
	u->processor = (double)(u->cost.processor - before) / 1e9 / seconds;
}

static void put_progress(struct text *t, double part)
{
	text_str(t, "READING");
	if (part >= 0)
		text_printf(t, " %d %%", (int)(part * 100));
}

static void put_mode(struct ui *u, struct text *t)
{
	static const char *const names[] = {"LIVE", "PAUSED", "REWOUND"};

	if (u->mode == MODE_LIVE && u->over)
		text_str(t, "END");
	else if (u->mode == MODE_LIVE && !source_live(u->o.source))
		put_progress(t, source_progress(u->o.source));
	else
		text_str(t, names[u->mode]);
	if (u->mode != MODE_LIVE && u->now > u->until_time) {
		text_str(t, " -");
		text_duration(t, u->now - u->until_time);
	}
}

static void draw_status(struct ui *u)
{
	struct capture_stats st;
	uint64_t shown = u->mode == MODE_LIVE ? u->now : u->until_time, drops;
	char line[512], mode[64];
	struct text t;
	int columns = term_columns(), width;
	enum role role = u->mode == MODE_LIVE ? ROLE_GOOD : ROLE_WARN;

	text_init(&t, mode, sizeof(mode));
	put_mode(u, &t);
	width = (int)strlen(mode) + 2;
	frames_stats(u->frames, &st);
	text_init(&t, line, sizeof(line));
	text_str(&t, " ");
	if (shown)
		cell_time(&t, shown);
	text_str(&t, "  ");
	text_count(&t, st.frames);
	text_str(&t, " frames ");
	text_bytes(&t, st.bytes);
	if (!u->over) {
		text_str(&t, "  ");
		text_count(&t, (uint64_t)u->frame_rate);
		text_str(&t, "/s ");
		text_bit_rate(&t, (uint64_t)u->byte_rate, SECOND);
	}
	drops = source_dropped(u->o.source);
	if (drops) {
		text_str(&t, "  DROPPED ");
		text_count(&t, drops);
	}
	if (u->moment && u->moment->requests) {
		text_str(&t, "  ");
		text_count(&t, u->moment->requests);
		text_str(&t, " under way");
	}
	if (store_to(u->store) > store_from(u->store)) {
		text_str(&t, "  kept ");
		text_duration(&t, store_to(u->store) - store_from(u->store));
	}
	text_printf(&t, "  %s", u->o.source_name);
	term_put(0, 0, columns, "", ROLE_BAR);
	term_put(0, 0, width, "", role);
	term_put(0, 1, width - 1, mode, role);
	term_put(0, width, columns - width, line, drops ? ROLE_BAD : ROLE_BAR);
}

#define TAB_LEAST 4 /* of a name: where less fits, only the screen shown has its name */
#define TAB_MOST  20

/* The widest names that fit are so wide; 0: only that of the screen shown. */
static int tab_room(int gap)
{
	for (int most = TAB_MOST; most >= TAB_LEAST; most--) {
		int sum = 0;

		for (unsigned i = 0; i < TABS; i++) {
			int n = (int)strlen(ui_tabs[i]->title);

			sum += gap + (n < most ? n : most);
		}
		if (sum <= term_columns())
			return most;
	}
	return 0;
}

/* " 3 Transacti… "; gives its width. */
static int tab_name(const struct ui *u, char *name, size_t size, unsigned i)
{
	const char *title = ui_tabs[i]->title;
	bool tight = tab_room(4) < TAB_MOST;
	int most = tab_room(tight ? 3 : 4), n = (int)strlen(title);
	const char *end = tight ? "" : " ";

	if (most == 0 && i != u->current)
		return snprintf(name, size, " %u", i + 1);
	if (most == 0 || n <= most)
		return snprintf(name, size, " %u %s%s", i + 1, title, end);
	n = snprintf(name, size, " %u %.*s", i + 1, most - 1, title);
	snprintf(name + n, size - (size_t)n, "%s", term_utf8() ? "\u2026" : "~");
	return n + 1;
}

unsigned ui_tab_at(const struct ui *u, int column)
{
	char name[64];
	int x = 0;

	for (unsigned i = 0; i < TABS; i++) {
		x += tab_name(u, name, sizeof(name), i);
		if (column < x)
			return i;
	}
	return TABS;
}

static void draw_tabs(struct ui *u)
{
	int x = 0, columns = term_columns();

	term_put(1, 0, columns, "", ROLE_TEXT);
	for (unsigned i = 0; i < TABS && x < columns; i++) {
		char name[64];
		int n = tab_name(u, name, sizeof(name), i);

		term_put(1, x, n, name, i == u->current ? ROLE_TAB : ROLE_TEXT);
		x += n;
	}
}

/* What is shown of all there is: where one has drilled down to, and the filter. */
static void draw_scope(struct ui *u, struct screen *s, int row)
{
	char line[2 * SCOPE_MAX + 128];
	struct text t;

	text_init(&t, line, sizeof(line));
	for (unsigned i = 0; i < u->depth; i++) {
		struct screen *x = u->stack[i];

		text_printf(&t, " %s %s", term_utf8() ? "\u203a" : ">", x->class->title);
		if (x->label[0])
			text_printf(&t, " (%s)", x->label);
	}
	if (u->display[0])
		text_printf(&t, "  filter: %s", u->display);
	if (!s->class->draw) {
		text_printf(&t, "  %" PRIu32 " row%s", s->table.n, s->table.n == 1 ? "" : "s");
		columns_tell(&s->table, &t);
	}
	if (u->nmarks)
		text_printf(&t, "  %u marked", u->nmarks);
	if (s->remark[0])
		text_printf(&t, "  %s", s->remark);
	term_text(row, 0, term_columns(), t.p, t.len, ROLE_DIM);
}

static const struct {
	const char *key, *name;
	int code;
} bar[] = {{"F1", "Help", KEY_F(1)}, {"F2", "Columns", KEY_F(2)}, {"F3", "Search", KEY_F(3)},
	{"F4", "Filter", KEY_F(4)}, {"F5", "Pause", KEY_F(5)}, {"F6", "Sort", KEY_F(6)},
	{"F7", "Back", KEY_F(7)}, {"F8", "Fwd", KEY_F(8)}, {"F9", "Save", KEY_F(9)},
	{"F10", "Quit", KEY_F(10)}};
#define BAR (sizeof(bar) / sizeof(bar[0]))

/* The keys that there is room for, as bits: of a narrow terminal those that matter most. */
static unsigned bar_shown(void)
{
	static const uint8_t first[BAR] = {0, 9, 3, 4, 5, 2, 1, 6, 7, 8};
	int room = term_columns();
	unsigned shown = 0;

	for (size_t i = 0; i < BAR; i++) {
		room -= (int)(strlen(bar[first[i]].key) + strlen(bar[first[i]].name) + 1);
		if (room < -1) /* the last one needs no blank behind it */
			break;
		shown |= 1u << first[i];
	}
	return shown;
}

static int bar_width(unsigned shown, size_t i)
{
	return shown >> i & 1 ? (int)(strlen(bar[i].key) + strlen(bar[i].name) + 1) : 0;
}

int ui_bar_key(int column)
{
	unsigned shown = bar_shown();
	int x = 0;

	for (size_t i = 0; i < BAR; i++) {
		x += bar_width(shown, i);
		if (column < x)
			return bar[i].code;
	}
	return KEY_NONE;
}

static void draw_bar(struct ui *u, int row)
{
	unsigned shown = bar_shown();
	int x = 0;

	(void)u;
	for (size_t i = 0; i < BAR; i++) {
		int key = (int)strlen(bar[i].key), width = bar_width(shown, i);

		if (!width)
			continue;
		term_put(row, x, key, bar[i].key, ROLE_KEY);
		term_put(row, x + key, width - key, bar[i].name, ROLE_BAR);
		x += width;
	}
	term_put(row, x, term_columns() - x, "", ROLE_BAR);
}

static void draw_foot(struct ui *u, int row)
{
	if (clock_monotonic() < u->note_until)
		term_put(row, 0, term_columns(), u->note, u->note_bad ? ROLE_BAD : ROLE_ACCENT);
	else
		draw_bar(u, row);
}

#define TOP_ROWS 3

/* Collecting takes a twentieth of a processor at most. */
void ui_collect(struct ui *u, struct screen *s)
{
	uint64_t now = clock_monotonic(), moment = u->moment ? u->moment->number : 0;

	if (!s->class->collect)
		return;
	if (s->stale ? now - s->collected < s->cost
		     : u->mode != MODE_LIVE ||
				(s->seen == ui_until(u) && s->seen_moment == moment) ||
				now - s->collected < s->cost * COST_SHARE)
		return;
	s->class->collect(u, s);
	if (!s->class->draw)
		table_collected(u, s);
	s->stale = false;
	s->seen = ui_until(u);
	s->seen_moment = moment;
	s->collected = clock_monotonic();
	s->cost = s->collected - now;
}

void ui_draw(struct ui *u)
{
	struct screen *s = ui_top(u);
	int rows = term_rows() - TOP_ROWS - 1;

	rates(u);
	ui_collect(u, s);
	term_clear();
	draw_status(u);
	draw_tabs(u);
	if (rows > 0) {
		if (s->class->draw)
			s->class->draw(u, s, TOP_ROWS, rows);
		else
			table_draw(u, s, TOP_ROWS, rows);
	}
	draw_scope(u, s, 2);
	draw_foot(u, term_rows() - 1);
	dialog_draw(u, TOP_ROWS, rows > 2 ? rows : 2);
	term_flush();
}
