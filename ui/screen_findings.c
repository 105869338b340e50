/*
 * screen_findings.c - what is wrong, ranked, and each finding with its proof: its
 * evidence, its meaning, the next steps, caveats, and the way to its packets.
 */
#include "screens.h"
#include "columns.h"
#include "lines.h"
#include "rows.h"
#include "screen.h"
#include "table.h"
#include "view.h"
#include "base/mem.h"
#include "base/share.h"
#include "capture/source.h"
#include "findings/findings.h"
#include <curses.h>
#include <inttypes.h>
#include <string.h>

struct row {
	const char *id, *title, *severity_name, *part_of, *protocol, *counted;
	enum severity severity;
	bool at_least;
	struct addr server;
	uint64_t port, cost, share, count, of, first, last, peak;
	struct cell_text saw;
	uint64_t frames[FINDING_FRAMES];
	unsigned nframes;
	const char *text[6]; /* saw, means, next, against, filter, bpf */
};

enum { SAW, MEANS, NEXT, AGAINST, FILTER, BPF };

static const struct field fields[] = {
	COLUMN(severity_name, "severity", "Severity", "info, warning or critical.", FIELD_NAME, 0,
		8),
	COLUMN(title, "title", "Finding", "What it is.", FIELD_NAME, 0, 30),
	COLUMN(id, "id", "Id", "Its name in records.", FIELD_NAME, 0, 16),
	COLUMN(server, "server.ip", "Server", "Whom it is about.", FIELD_IP, 0, 15),
	COLUMN(port, "server.port", "Port", "Its port.", FIELD_U64, FIELD_F_NONZERO, 5),
	COLUMN(protocol, "protocol", "Protocol", "Protocol of the application.", FIELD_NAME, 0, 8),
	COLUMN(cost, "cost", "Cost", "Wait time that it explains.", FIELD_DURATION, FIELD_F_NONZERO,
		8),
	COLUMN(share, "share", "%", "Share of the total wait time, in percent.", FIELD_U64, 0, 3),
	COLUMN(count, "count", "Count", "How many.", FIELD_U64, FIELD_F_NONZERO, 7),
	COLUMN(of, "of", "Of", "Of how many.", FIELD_U64, FIELD_F_NONZERO, 7),
	COLUMN(counted, "counted", "What", "What is counted.", FIELD_NAME, 0, 12),
	COLUMN(first, "first", "First", "When it was first seen.", FIELD_TIME, FIELD_F_NONZERO, 12),
	COLUMN(last, "last", "Last", "When it was last seen.", FIELD_TIME, FIELD_F_NONZERO, 12),
	COLUMN(peak, "peak", "Worst", "When it was worst.", FIELD_TIME, FIELD_F_NONZERO, 12),
	COLUMN(saw, "saw", "Evidence", "What shows it.", FIELD_STR, 0, 40),
	FIELDS_END,
};

static unsigned list_of(struct ui *u, const struct finding **list)
{
	struct findings *f = findings_of(u->shown);
	struct capture_stats st;

	memset(&st, 0, sizeof(st));
	frames_stats(u->frames, &st);
	st.kernel_dropped = source_dropped(u->o.source);
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

	if (findings_of(u->shown))
		findings_verdict(findings_of(u->shown), list, n, out);
}

static void fill(struct screen *s, struct row *r, const struct finding *f)
{
	const struct text *texts[] = {
		&f->saw, &f->means, &f->next, &f->against, &f->filter, &f->bpf};

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
	r->at_least = f->cost && f->at_least;
	r->share = f->waiting && f->cost ? share_of(f->cost, f->waiting, 100) : FIELD_ABSENT;
	r->count = f->count;
	r->of = f->of;
	r->first = f->first;
	r->last = f->last;
	r->peak = f->peak;
	memcpy(r->frames, f->frames, sizeof(r->frames));
	r->nframes = f->nframes;
	for (int i = 0; i < 6; i++)
		r->text[i] = rows_text(s, texts[i]->p, texts[i]->len);
	r->saw.p = r->text[SAW];
	r->saw.n = f->saw.len;
}

static void collect(struct ui *u, struct screen *s)
{
	const struct finding *list;
	unsigned n = list_of(u, &list);
	struct row *row = rows_begin(s, sizeof(*row), n);

	for (unsigned i = 0; i < n; i++)
		fill(s, &row[i], &list[i]);
}

static uint64_t id(struct screen *s, uint32_t row)
{
	const struct row *r = rows_at(s, row);
	uint64_t h = rows_id(ROWS_ID, r->id, strlen(r->id));

	h = rows_id(h, &r->port, sizeof(r->port));
	return rows_id(h, &r->server, sizeof(r->server));
}

static enum role severity_role(enum severity severity)
{
	return severity == SEVERITY_CRITICAL  ? ROLE_BAD
	       : severity == SEVERITY_WARNING ? ROLE_WARN
					      : ROLE_TEXT;
}

static enum role role(struct screen *s, uint32_t row)
{
	return severity_role(((const struct row *)rows_at(s, row))->severity);
}

/* To the records or frames of a finding. */
static bool follow(struct ui *u, const struct row *r, int k)
{
	const struct screen_class *c = k == 'T' ? &transactions_class : &flows_class;
	uint64_t frames[FINDING_FRAMES];
	char filter[SCOPE_MAX], label[128];
	unsigned n = r->nframes;

	if (k != 'T' && k != 'F' && k != 'P' && k != 'H')
		return false;
	if (k == 'H') {
		snprintf(filter, sizeof(filter), "%s", r->text[FILTER]);
		ladder_open_matching(u, filter);
		return true;
	}
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
	ui_push_scope(u, c, filter, label);
	return true;
}

static bool key(struct ui *u, struct screen *s, int k)
{
	const struct row *r = rows_at(s, table_row(&s->table));

	return r && follow(u, r, k);
}

/* One finding. */

struct one {
	struct rows rows; /* one */
	struct lines lines;
};

static void figures(struct lines *p, const struct row *r)
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
	lines_text(p, 1, line, severity_role(r->severity));
	text_clear(&t);
	if (r->cost) {
		text_str(&t, r->at_least ? "cost at least " : "cost ");
		text_duration(&t, r->cost);
		if (r->share != FIELD_ABSENT)
			text_printf(&t, ", %" PRIu64 " %% of the total wait time", r->share);
		text_str(&t, "  ");
	}
	if (r->count) {
		text_counts(&t, r->count, r->of, r->counted);
		text_str(&t, "  ");
	}
	if (r->first) {
		text_str(&t, "from ");
		cell_time(&t, r->first);
		text_str(&t, " to ");
		cell_time(&t, r->last);
	}
	if (r->part_of)
		text_printf(&t, "  (part of %s)", r->part_of);
	lines_text(p, 1, line, ROLE_TEXT);
}

static void draw(struct ui *u, struct screen *s, int row, int rows)
{
	struct lines *p = &((struct one *)s->state)->lines;
	const struct row *r = rows_at(s, 0);
	char line[256];
	struct text t;

	(void)u;
	lines_begin(p, row, rows);
	figures(p, r);
	lines_paragraph(p, "Evidence", r->text[SAW]);
	lines_paragraph(p, "Meaning", r->text[MEANS]);
	lines_paragraph(p, "Next steps", r->text[NEXT]);
	lines_paragraph(p, "Caveats", r->text[AGAINST]);
	lines_paragraph(p, "Display filter (T, F)", r->text[FILTER]);
	lines_paragraph(p, "Capture filter", r->text[BPF]);
	text_init(&t, line, sizeof(line));
	for (unsigned i = 0; i < r->nframes; i++)
		text_printf(&t, "%s%" PRIu64, i ? ", " : "", r->frames[i]);
	lines_paragraph(p, "Frames (P)", line);
}

static bool one_key(struct ui *u, struct screen *s, int k)
{
	if (lines_key(&((struct one *)s->state)->lines, k))
		return true;
	if (k == '\r' || k == '\n' || k == KEY_ENTER)
		k = 'P';
	return follow(u, rows_at(s, 0), k);
}

static const struct key_help one_help[] = {
	{"Enter P", "the frames that show it"},
	{"T F", "the transactions, the connections that it is about"},
	{"H", "the slowest request of these with its tiers: hop by hop"},
	{"j k Space ^F ^B g G", "scroll"},
	{NULL, NULL},
};

static const struct screen_class finding_class = {
	.name = "finding",
	.title = "Finding",
	.help = one_help,
	.draw = draw,
	.key = one_key,
	.free = rows_release,
};

static void open_finding(struct ui *u, struct screen *s, uint32_t row)
{
	struct screen *other = ui_push(u, &finding_class);
	const struct row *from = rows_at(s, row);
	struct row *r;

	if (!other)
		return;
	other->state = xcalloc(1, sizeof(struct one));
	r = rows_begin(other, sizeof(*r), 1);
	*r = *from;
	for (int i = 0; i < 6; i++)
		r->text[i] = rows_text(other, from->text[i], strlen(from->text[i]));
}

static const struct key_help help[] = {
	{"Enter", "the finding with its proof"},
	{"T F", "the transactions, the connections that it is about"},
	{"P", "the frames that show it"},
	{"H", "the slowest request of these with its tiers: hop by hop"},
	{NULL, NULL},
};

const struct screen_class findings_class = {
	.name = "findings",
	.title = "Findings",
	.fields = fields,
	.columns = "severity cost share title server.ip server.port count of counted saw",
	.help = help,
	.collect = collect,
	.value = rows_value,
	.id = id,
	.role = role,
	.open = open_finding,
	.key = key,
	.free = rows_release,
};
