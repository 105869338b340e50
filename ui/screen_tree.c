/*
 * screen_tree.c - one packet: its layers and their fields as a tree, its bytes beside it or below,
 * those of the selected field highlighted.
 */
#include "screens.h"
#include "columns.h"
#include "screen.h"
#include "table.h"
#include "view.h"
#include "base/mem.h"
#include "capture/source.h"
#include "out/packet_text.h"
#include <curses.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct state {
	struct show show;
	uint8_t *bytes;
	uint32_t n, wire;
	uint64_t frame, time;
	bool closed[SHOW_NODES];
	uint16_t visible[SHOW_NODES]; /* nodes that are shown, in order */
	unsigned nvisible, selected, top, hex_top;
	unsigned height;
};

struct load {
	struct state *x;
	const struct dissector *app;
	enum side side;
	bool found;
};

static bool load(void *arg, const struct packet *frame)
{
	struct load *l = arg;
	struct state *x = l->x;
	struct packet p = *frame;

	l->found = true;
	free(x->bytes);
	x->bytes = xmalloc(p.caplen ? p.caplen : 1);
	memcpy(x->bytes, p.data, p.caplen);
	x->n = p.caplen;
	x->wire = p.len;
	x->frame = p.number;
	x->time = p.time;
	p.data = x->bytes;
	show_frame(&x->show, &p, l->app, l->side);
	return false;
}

static void find_visible(struct state *x)
{
	unsigned hidden = UINT8_MAX; /* deeper than this is folded in */

	x->nvisible = 0;
	for (unsigned i = 0; i < x->show.n; i++) {
		unsigned depth = x->show.nodes[i].depth;

		if (depth > hidden)
			continue;
		hidden = x->closed[i] ? depth : UINT8_MAX;
		x->visible[x->nvisible++] = (uint16_t)i;
	}
	if (x->selected >= x->nvisible)
		x->selected = x->nvisible ? x->nvisible - 1 : 0;
}

static bool has_children(const struct state *x, unsigned i)
{
	return i + 1 < x->show.n && x->show.nodes[i + 1].depth > x->show.nodes[i].depth;
}

static void draw_node(const struct state *x, unsigned place, int y, int width)
{
	unsigned i = x->visible[place];
	const struct show_node *n = &x->show.nodes[i];
	char line[2048];
	struct text t;

	text_init(&t, line, sizeof(line));
	text_fill(&t, ' ', n->depth * 2u);
	if (has_children(x, i))
		text_str(&t, x->closed[i] ? (term_utf8() ? "\u25b8 " : "+ ")
					  : (term_utf8() ? "\u25be " : "- "));
	else
		text_str(&t, "  ");
	if (n->field) {
		text_printf(&t, "%s: ", n->field->title);
		packet_value(&t, &x->show, n);
	} else {
		text_printf(&t, "%s, %" PRIu32 " bytes", n->title, n->len);
	}
	term_text(y, 0, width, t.p, t.len,
		place == x->selected ? ROLE_SELECTED
		: n->field           ? ROLE_TEXT
				     : ROLE_ACCENT);
}

static void draw_bytes(struct state *x, int row, int column, int rows, int width)
{
	unsigned per = width >= 75 ? 16 : width >= 41 ? 8 : 4;
	const struct show_node *n = x->nvisible ? &x->show.nodes[x->visible[x->selected]] : NULL;
	unsigned from = n ? n->at : 0, to = n ? n->at + n->len : 0;

	if (from / per < x->hex_top)
		x->hex_top = from / per;
	if (from / per >= x->hex_top + (unsigned)rows)
		x->hex_top = from / per - (unsigned)rows + 1;
	for (int y = 0; y < rows; y++) {
		unsigned at = (x->hex_top + (unsigned)y) * per;
		char text[8];

		if (at >= x->n)
			break;
		snprintf(text, sizeof(text), "%04x", at & 0xffff);
		term_put(row + y, column, 5, text, ROLE_DIM);
		for (unsigned i = 0; i < per && at + i < x->n; i++) {
			uint8_t b = x->bytes[at + i];
			enum role role = at + i >= from && at + i < to ? ROLE_SELECTED : ROLE_TEXT;
			int gap = per == 16 && i >= 8;

			snprintf(text, sizeof(text), "%02x", b);
			term_put(row + y, column + 6 + (int)i * 3 + gap, 2, text, role);
			text[0] = b >= ' ' && b < 0x7f && b != '\\' ? (char)b : '.';
			text[1] = '\0';
			term_put(row + y, column + 8 + (int)per * 3 + (int)i, 1, text, role);
		}
	}
}

/* The comment that the file has on the frame. */
static void said(const struct ui *u, const struct state *x, struct text *t)
{
	uint64_t n = source_comments(u->o.source);

	for (uint64_t i = 0; i < n && i < COMMENTS_SHOWN; i++) {
		const struct capture_comment *c = source_comment(u->o.source, i);

		if (c->time != x->time)
			continue;
		text_str(t, "  comment: ");
		text_escape(t, c->text, strlen(c->text), 200);
		return;
	}
}

static void draw(struct ui *u, struct screen *s, int row, int rows)
{
	struct state *x = s->state;
	bool beside = term_columns() >= 96;
	int width = beside ? term_columns() - 78 : term_columns();
	int height = beside ? rows - 1 : (rows - 1) * 3 / 5;
	char line[400];
	struct text t;

	if (width < 40 && beside)
		width = term_columns() - 46;
	if (height < 1)
		height = 1;
	text_init(&t, line, sizeof(line));
	text_printf(&t, "frame %" PRIu64 ", %" PRIu32 " bytes", x->frame, x->wire);
	if (x->n < x->wire)
		text_printf(&t, " (%" PRIu32 " captured)", x->n);
	text_str(&t, "  ");
	cell_time(&t, x->time);
	if (x->nvisible) {
		const struct show_node *n = &x->show.nodes[x->visible[x->selected]];

		if (n->field)
			text_printf(&t, "  %s", n->field->name);
		if (n->len)
			text_printf(
				&t, "  bytes %" PRIu32 " to %" PRIu32, n->at, n->at + n->len - 1);
	}
	said(u, x, &t);
	term_text(row, 0, term_columns(), t.p, t.len, ROLE_HEAD);
	x->height = (unsigned)height;
	if (x->selected < x->top)
		x->top = x->selected;
	if (x->selected >= x->top + x->height)
		x->top = x->selected - x->height + 1;
	for (int i = 0; i < height && x->top + (unsigned)i < x->nvisible; i++)
		draw_node(x, x->top + (unsigned)i, row + 1 + i, width - 1);
	if (beside)
		draw_bytes(x, row + 1, width, rows - 1, term_columns() - width);
	else if (rows - 2 - height > 0)
		draw_bytes(x, row + 2 + height, 0, rows - 2 - height, term_columns());
}

static void move_to(struct state *x, int64_t place)
{
	if (place >= x->nvisible)
		place = x->nvisible ? x->nvisible - 1 : 0;
	x->selected = place < 0 ? 0 : (unsigned)place;
}

/* Opens or closes what the selected line, or the heading it is under, has below it. */
static void fold(struct state *x, bool toggle, bool closed)
{
	unsigned i;

	if (!x->nvisible)
		return;
	i = x->visible[x->selected];
	if (!has_children(x, i) || (!toggle && closed && x->closed[i])) {
		if (!closed && !toggle)
			return;
		while (x->selected > 0 &&
			x->show.nodes[x->visible[x->selected]].depth >= x->show.nodes[i].depth)
			x->selected--;
		return;
	}
	x->closed[i] = toggle ? !x->closed[i] : closed;
	find_visible(x);
}

/* The packet before or behind, of the list that this one was opened from. */
static void other_packet(struct ui *u, int key)
{
	struct screen *list = u->depth > 1 ? u->stack[u->depth - 2] : NULL;
	unsigned place;

	if (!list || list->class != &packets_class)
		return;
	place = ((struct state *)ui_top(u)->state)->selected;
	ui_pop(u);
	table_key(u, list, key);
	table_key(u, list, '\n');
	if (ui_top(u)->class == &tree_class)
		move_to(ui_top(u)->state, place);
}

static bool key(struct ui *u, struct screen *s, int k)
{
	struct state *x = s->state;

	switch (k) {
	case KEY_UP:
	case 'k':
		move_to(x, (int64_t)x->selected - 1);
		return true;
	case KEY_DOWN:
	case 'j':
		move_to(x, (int64_t)x->selected + 1);
		return true;
	case KEY_PPAGE:
	case 2:
	case 21:
		move_to(x, (int64_t)x->selected - x->height);
		return true;
	case KEY_NPAGE:
	case 6:
	case 4:
		move_to(x, (int64_t)x->selected + x->height);
		return true;
	case KEY_HOME:
	case 'g':
		move_to(x, 0);
		return true;
	case KEY_END:
	case 'G':
		move_to(x, x->nvisible);
		return true;
	case '\r':
	case '\n':
	case KEY_ENTER:
	case ' ':
		fold(x, true, false);
		return true;
	case KEY_LEFT:
	case 'h':
		fold(x, false, true);
		return true;
	case KEY_RIGHT:
	case 'l':
		fold(x, false, false);
		return true;
	case 'A':
		if (u->depth > 1 && u->stack[u->depth - 2]->class == &packets_class)
			packets_open_stream(u, u->stack[u->depth - 2]);
		return true;
	case 'J':
		other_packet(u, 'j');
		return true;
	case 'K':
		other_packet(u, 'k');
		return true;
	default:
		return false;
	}
}

static void release(struct screen *s)
{
	struct state *x = s->state;

	if (x)
		free(x->bytes);
	free(x);
}

static const struct key_help help[] = {
	{"j k g G ^F ^B", "move among the fields; their bytes are highlighted"},
	{"Enter Space", "open and close what is below a heading"},
	{"h l", "close, open"},
	{"J K", "the next packet, the one before"},
	{"A", "what both sides of its connection said, as text"},
	{NULL, NULL},
};

const struct screen_class tree_class = {
	.name = "packet",
	.title = "Packet",
	.help = help,
	.draw = draw,
	.key = key,
	.free = release,
};

bool tree_open(struct ui *u, struct frames *from, uint64_t frame, const struct dissector *app,
	enum side side)
{
	struct state *x = xcalloc(1, sizeof(*x));
	struct load l = {x, app, side, false};
	struct screen *s;

	frames_find(from, frame, load, &l);
	s = l.found ? ui_push(u, &tree_class) : NULL;
	if (!s) {
		free(x->bytes);
		free(x);
		return l.found;
	}
	s->state = x;
	find_visible(x);
	/* What the packet carries is at the end: there the reading begins. */
	for (unsigned i = 0; i < x->nvisible; i++)
		if (x->show.nodes[x->visible[i]].depth == 0)
			x->selected = x->top = i;
	return true;
}
