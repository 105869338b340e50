/*
 * screen_findings.c - what is wrong, ranked, and each finding with its proof: what was seen, what
 * it means, what to do next, what would speak against it, and the way to its packets.
 *
 * What findings_list() gives is gone at its next call, so a screen keeps copies.
 */
#include "view.h"
#include "base/mem.h"
#include "model/findings.h"
#include "run/source.h"
#include <curses.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct row {
	const char *id, *title, *severity_name, *part_of, *protocol, *counted;
	enum severity severity;
	struct addr server;
	uint64_t port, cost, share, count, of, first, last, peak;
	struct cell_text saw;
	uint64_t frames[FINDING_FRAMES];
	unsigned nframes;
	char *text[6]; /* saw, means, next, against, filter, bpf; ours */
};

enum { SAW, MEANS, NEXT, AGAINST, FILTER, BPF };

struct rows {
	struct row *row;
	uint32_t n;
	uint64_t hash; /* of what they are and where */
};

#define COLUMN(member, name, title, help, type, flags, width)                                      \
	{                                                                                          \
		name, title, help, type, flags, width, offsetof(struct row, member), NULL          \
	}

static const struct field fields[] = {
	COLUMN(severity_name, "severity", "Severity", "info, warning or critical.", FIELD_NAME, 0,
		8),
	COLUMN(title, "title", "Finding", "What it is.", FIELD_NAME, 0, 30),
	COLUMN(id, "id", "Id", "Its name in records.", FIELD_NAME, 0, 16),
	COLUMN(server, "server.ip", "Server", "Whom it is about.", FIELD_IP, 0, 15),
	COLUMN(port, "server.port", "Port", "Its port.", FIELD_U64, FIELD_F_NONZERO, 5),
	COLUMN(protocol, "protocol", "Protocol", "Protocol of the application.", FIELD_NAME, 0, 8),
	COLUMN(cost, "cost", "Cost", "Waiting that it explains.", FIELD_DURATION, FIELD_F_NONZERO,
		8),
	COLUMN(share, "share", "%", "Of all waiting, in percent.", FIELD_U64, 0, 3),
	COLUMN(count, "count", "Count", "So many of them,", FIELD_U64, FIELD_F_NONZERO, 7),
	COLUMN(of, "of", "Of", "of so many.", FIELD_U64, FIELD_F_NONZERO, 7),
	COLUMN(counted, "counted", "What", "What is counted.", FIELD_NAME, 0, 12),
	COLUMN(first, "first", "First", "When it was first seen.", FIELD_TIME, FIELD_F_NONZERO, 12),
	COLUMN(last, "last", "Last", "When it was last seen.", FIELD_TIME, FIELD_F_NONZERO, 12),
	COLUMN(peak, "peak", "Worst", "When it was worst.", FIELD_TIME, FIELD_F_NONZERO, 12),
	COLUMN(saw, "saw", "Seen", "What was seen.", FIELD_STR, 0, 40),
	{.type = FIELD_END},
};

static unsigned list_of(struct ui *u, const struct finding **list)
{
	struct findings *f = model_findings(u->shown);
	struct capture_stats st;

	memset(&st, 0, sizeof(st));
	source_position(u->o.source, &st.frames, &st.bytes);
	st.kernel_dropped = source_dropped(u->o.source);
	st.first = store_from(u->store);
	st.last = u->now;
	return f ? findings_list(f, &st, list) : 0;
}

unsigned findings_count(struct ui *u)
{
	const struct finding *list;
	unsigned n = list_of(u, &list), grave = 0;

	for (unsigned i = 0; i < n; i++)
		grave += list[i].severity != SEVERITY_INFO;
	return grave;
}

void findings_line(struct ui *u, struct text *out)
{
	const struct finding *list;
	unsigned n = list_of(u, &list);

	if (model_findings(u->shown))
		findings_verdict(model_findings(u->shown), list, n, out);
}

static void fill(struct row *r, const struct finding *f)
{
	const struct text *texts[] = {
		&f->saw, &f->means, &f->next, &f->against, &f->filter, &f->bpf};

	memset(r, 0, sizeof(*r));
	r->id = f->id;
	r->title = f->title;
	r->severity = f->severity;
	r->severity_name = severity_names[f->severity];
	r->part_of = f->part_of;
	r->protocol = f->protocol;
	r->counted = f->counted;
	r->server = f->server;
	r->port = f->port;
	r->cost = f->cost;
	r->share = f->waiting && f->cost
			   ? (uint64_t)((double)f->cost * 100 / (double)f->waiting + 0.5)
			   : FIELD_ABSENT;
	r->count = f->count;
	r->of = f->of;
	r->first = f->first;
	r->last = f->last;
	r->peak = f->peak;
	memcpy(r->frames, f->frames, sizeof(r->frames));
	r->nframes = f->nframes;
	for (int i = 0; i < 6; i++)
		r->text[i] = xstrdup(texts[i]->p ? texts[i]->p : "");
	r->saw.p = r->text[SAW];
	r->saw.n = strlen(r->saw.p);
}

static void clear_rows(struct rows *x)
{
	for (uint32_t i = 0; i < x->n; i++)
		for (int k = 0; k < 6; k++)
			free(x->row[i].text[k]);
	free(x->row);
	x->row = NULL;
	x->n = 0;
}

static void collect(struct ui *u, struct screen *s)
{
	struct rows *x = s->state ? s->state : (s->state = xcalloc(1, sizeof(struct rows)));
	const struct finding *list;
	unsigned n = list_of(u, &list);

	clear_rows(x);
	x->row = xcalloc(n + 1, sizeof(*x->row));
	for (unsigned i = 0; i < n; i++)
		fill(&x->row[i], &list[i]);
	x->n = s->table.n = n;
}

static const struct row *row_at(const struct screen *s, uint32_t row)
{
	const struct rows *x = s->state;

	return x && row < x->n ? &x->row[row] : NULL;
}

static bool value(
	struct ui *u, struct screen *s, uint32_t row, const struct field *f, struct schema_value *v)
{
	const struct row *r = row_at(s, row);

	(void)u;
	return r && cell_member(f, r, v);
}

static uint64_t row_id(const struct row *r)
{
	uint64_t h = r->port + 1;

	for (const char *p = r->id; *p; p++)
		h = (h ^ (uint8_t)*p) * UINT64_C(1099511628211);
	for (int i = 0; i < 16; i++)
		h = (h ^ r->server.b[i]) * UINT64_C(1099511628211);
	return h ? h : 1;
}

static uint64_t id(struct screen *s, uint32_t row)
{
	return row_id(row_at(s, row));
}

static enum role severity_role(enum severity severity)
{
	return severity == SEVERITY_CRITICAL  ? ROLE_BAD
	       : severity == SEVERITY_WARNING ? ROLE_WARN
					      : ROLE_TEXT;
}

static enum role role(struct screen *s, uint32_t row)
{
	return severity_role(row_at(s, row)->severity);
}

/* To the records or frames of a finding. */
static bool follow(struct ui *u, const struct row *r, int k)
{
	const struct screen_class *c = k == 'T' ? &transactions_class : &flows_class;
	struct screen *other;
	uint64_t frames[FINDING_FRAMES];
	char filter[SCOPE_MAX], label[128];
	unsigned n = r->nframes;

	if (k != 'T' && k != 'F' && k != 'P')
		return false;
	snprintf(filter, sizeof(filter), "%s", r->text[FILTER]);
	snprintf(label, sizeof(label), "of the finding \"%s\"", r->title);
	memcpy(frames, r->frames, sizeof(frames));
	if (k == 'P') {
		if (n)
			packets_open_list(u, frames, n, label);
		else
			ui_note(u, true, "it names no frames; T and F show its records");
		return true;
	}
	other = ui_push(u, c);
	if (other && !ui_scope(u, other, filter, label))
		ui_pop(u);
	return true;
}

static bool key(struct ui *u, struct screen *s, int k)
{
	const struct row *r = row_at(s, table_row(&s->table));

	return r && follow(u, r, k);
}

static void release(struct screen *s)
{
	struct rows *x = s->state;

	if (x)
		clear_rows(x);
	free(x);
}

/* One finding. */

struct one {
	struct row row;
	unsigned top, lines, height;
};

struct pen {
	const struct one *x;
	int row, rows;
	unsigned line;
};

static int next_line(struct pen *p)
{
	unsigned line = p->line++;

	if (line < p->x->top || line >= p->x->top + (unsigned)p->rows)
		return -1;
	return p->row + (int)(line - p->x->top);
}

/* Words of a text in lines as wide as the screen. */
static void paragraph(struct pen *p, const char *title, const char *text)
{
	size_t width = term_columns() > 20 ? (size_t)term_columns() - 4 : 16;

	if (!*text)
		return;
	next_line(p);
	term_put(next_line(p), 1, term_columns() - 1, title, ROLE_ACCENT);
	while (*text) {
		size_t n = strlen(text);

		if (n > width) {
			for (n = width; n > 0 && text[n] != ' '; n--)
				;
			n = n ? n : width;
		}
		term_text(next_line(p), 3, term_columns() - 3, text, n, ROLE_TEXT);
		text += n;
		text += strspn(text, " ");
	}
}

static void figures(struct pen *p, const struct row *r)
{
	char line[400];
	struct text t;

	text_init(&t, line, sizeof(line));
	text_printf(&t, "%s: %s", r->severity_name, r->title);
	if (!addr_is_zero(&r->server)) {
		text_str(&t, "  ");
		text_endpoint(&t, &r->server, (uint16_t)r->port);
		text_printf(&t, " %s", r->protocol ? r->protocol : "");
	}
	term_text(next_line(p), 1, term_columns() - 1, t.p, t.len, severity_role(r->severity));
	text_clear(&t);
	if (r->cost) {
		text_str(&t, "cost ");
		text_duration(&t, r->cost);
		if (r->share != FIELD_ABSENT)
			text_printf(&t, ", %" PRIu64 " %% of all waiting", r->share);
		text_str(&t, "  ");
	}
	if (r->count)
		text_printf(&t, "%" PRIu64 " of %" PRIu64 " %s  ", r->count, r->of,
			r->counted ? r->counted : "");
	if (r->first) {
		text_str(&t, "from ");
		cell_time(&t, r->first);
		text_str(&t, " to ");
		cell_time(&t, r->last);
	}
	if (r->part_of)
		text_printf(&t, "  (part of %s)", r->part_of);
	term_text(next_line(p), 1, term_columns() - 1, t.p, t.len, ROLE_TEXT);
}

static void draw(struct ui *u, struct screen *s, int row, int rows)
{
	struct one *x = s->state;
	struct pen p = {x, row, rows, 0};
	char line[256];
	struct text t;

	(void)u;
	x->height = (unsigned)rows;
	figures(&p, &x->row);
	paragraph(&p, "Seen", x->row.text[SAW]);
	paragraph(&p, "What it means", x->row.text[MEANS]);
	paragraph(&p, "What to do next", x->row.text[NEXT]);
	paragraph(&p, "What speaks against it", x->row.text[AGAINST]);
	paragraph(&p, "Display filter (T, F)", x->row.text[FILTER]);
	paragraph(&p, "Capture filter", x->row.text[BPF]);
	text_init(&t, line, sizeof(line));
	for (unsigned i = 0; i < x->row.nframes; i++)
		text_printf(&t, "%s%" PRIu64, i ? ", " : "", x->row.frames[i]);
	paragraph(&p, "Frames (P)", line);
	x->lines = p.line;
}

static bool one_key(struct ui *u, struct screen *s, int k)
{
	struct one *x = s->state;
	unsigned most = x->lines > x->height ? x->lines - x->height : 0;

	switch (k) {
	case KEY_UP:
	case 'k':
		x->top -= x->top > 0;
		return true;
	case KEY_DOWN:
	case 'j':
		x->top += x->top < most;
		return true;
	case '\r':
	case '\n':
	case KEY_ENTER:
		return follow(u, &x->row, 'P');
	default:
		return follow(u, &x->row, k);
	}
}

static void one_release(struct screen *s)
{
	struct one *x = s->state;

	for (int i = 0; x && i < 6; i++)
		free(x->row.text[i]);
	free(x);
}

static const struct key_help one_help[] = {
	{"Enter P", "the frames that show it"},
	{"T F", "the transactions, the connections that it is about"},
	{"j k", "scroll"},
	{NULL, NULL},
};

static const struct screen_class finding_class = {
	.name = "finding",
	.title = "Finding",
	.help = one_help,
	.draw = draw,
	.key = one_key,
	.free = one_release,
};

static void open_finding(struct ui *u, struct screen *s, uint32_t row)
{
	const struct row *r = row_at(s, row);
	struct screen *other = ui_push(u, &finding_class);
	struct one *x;

	if (!other)
		return;
	x = other->state = xcalloc(1, sizeof(*x));
	x->row = *r;
	for (int i = 0; i < 6; i++)
		x->row.text[i] = xstrdup(r->text[i]);
}

static const struct key_help help[] = {
	{"Enter", "the finding with its proof"},
	{"T F", "the transactions, the connections that it is about"},
	{"P", "the frames that show it"},
	{NULL, NULL},
};

const struct screen_class findings_class = {
	.name = "findings",
	.title = "Findings",
	.fields = fields,
	.columns = "severity title server.ip server.port cost share count of counted saw",
	.help = help,
	.collect = collect,
	.value = value,
	.id = id,
	.role = role,
	.open = open_finding,
	.key = key,
	.free = release,
};
