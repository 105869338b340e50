/*
 * screen_tiers.c - what the operations of web servers waited for behind them: for each the parts of
 * its server time, and, one deeper, the operations that it calls.
 */
#include "screens.h"
#include "columns.h"
#include "rows.h"
#include "screen.h"
#include "table.h"
#include "view.h"
#include "base/mem.h"
#include "base/share.h"
#include "model/tiers.h"
#include <stdlib.h>
#include <string.h>

struct row {
	struct cell_text text;
	struct addr ip;
	uint64_t port, requests, server, part[TIER_CLASSES], calls, id;
	/* Of a call. */
	uint64_t per_request, most, repeats, time;
	const char *protocol, *main_part;
	uint64_t share; /* of the main part, in percent */
	struct cell_text holder;
};

/* What one operation calls. */
struct calls {
	struct rows rows;
	struct addr ip;
	uint16_t port;
	char *parent;
	size_t nparent;
};

static const struct field fields[] = {
	COLUMN(text, "operation", "Operation", "What the web server was asked.", FIELD_STR, 0, 36),
	COLUMN(ip, "server.ip", "Server", "Its address.", FIELD_IP, 0, 15),
	COLUMN(port, "server.port", "Port", "Its port.", FIELD_U64, FIELD_F_NONZERO, 5),
	COLUMN(requests, "requests", "Requests", "How many.", FIELD_U64, 0, 8),
	COLUMN(server, "server", "Each", "Server time of a request, on average.", FIELD_DURATION, 0,
		9),
	COLUMN(main_part, "mostly", "Mostly", "Where most of it went.", FIELD_NAME, 0, 7),
	COLUMN(share, "share", "%", "How much of it that is, in percent.", FIELD_U64, 0, 3),
	COLUMN(holder, "held_by", "Held by",
		"Who has it most of the time: the service furthest behind, and what it was asked.",
		FIELD_STR, 0, 30),
	COLUMN(part[TIER_OWN], "own", "Own", "Of it, spent by itself.", FIELD_DURATION,
		FIELD_F_NONZERO, 8),
	COLUMN(part[TIER_DATABASE], "database", "Database", "Of it, waiting for databases.",
		FIELD_DURATION, FIELD_F_NONZERO, 8),
	COLUMN(part[TIER_FILES], "files", "Files", "Of it, waiting for file servers.",
		FIELD_DURATION, FIELD_F_NONZERO, 8),
	COLUMN(part[TIER_MAIL], "mail", "Mail", "Of it, waiting for mail servers.", FIELD_DURATION,
		FIELD_F_NONZERO, 8),
	COLUMN(part[TIER_WEB], "web", "Web", "Of it, waiting for other web servers.",
		FIELD_DURATION, FIELD_F_NONZERO, 8),
	COLUMN(part[TIER_NAMES], "dns", "DNS", "Of it, waiting for names.", FIELD_DURATION,
		FIELD_F_NONZERO, 8),
	COLUMN(part[TIER_OTHER], "other", "Other", "Of it, waiting for others.", FIELD_DURATION,
		FIELD_F_NONZERO, 8),
	COLUMN(calls, "calls", "Calls", "Calls of a request, on average.", FIELD_U64, 0, 6),
	FIELDS_END,
};

static const struct field call_fields[] = {
	COLUMN(text, "operation", "Operation", "What is called.", FIELD_STR, 0, 40),
	COLUMN(protocol, "protocol", "Protocol", "Protocol of the application.", FIELD_NAME, 0, 8),
	COLUMN(ip, "server.ip", "Server", "Who is called.", FIELD_IP, 0, 15),
	COLUMN(port, "server.port", "Port", "Its port.", FIELD_U64, FIELD_F_NONZERO, 5),
	COLUMN(calls, "calls", "Calls", "In all requests.", FIELD_U64, 0, 8),
	COLUMN(per_request, "per_request", "Each", "In a request that calls it, on average.",
		FIELD_U64, 0, 6),
	COLUMN(most, "most", "Most", "In one request, at most.", FIELD_U64, 0, 6),
	COLUMN(requests, "requests", "Requests", "Requests that call it.", FIELD_U64, 0, 8),
	COLUMN(repeats, "repeats", "Repeats", "Requests that call it ten times or more.", FIELD_U64,
		FIELD_F_NONZERO, 7),
	COLUMN(time, "time", "Waited", "Total wait time of these calls.", FIELD_DURATION, 0, 9),
	FIELDS_END,
};

static uint64_t each(uint64_t sum, uint64_t n)
{
	return n ? sum / n : FIELD_ABSENT;
}

static uint64_t whole(uint64_t calls, uint64_t n)
{
	return n ? (calls / n + TIERS_ONE / 2) / TIERS_ONE : FIELD_ABSENT;
}

static void name_row(struct screen *s, struct row *r, const struct service *service,
	const char *text, size_t len)
{
	r->text.n = service ? len : 5;
	r->text.p = rows_text(s, service ? text : "other", r->text.n);
	r->id = rows_id(ROWS_ID, r->text.p, r->text.n);
	if (!service)
		return;
	r->ip = service->ip;
	r->port = service->port;
	r->protocol = service->protocol;
	r->id = rows_id(rows_id(r->id, &r->ip, sizeof(r->ip)), &r->port, sizeof(r->port));
}

#define HOLDER 300 /* bytes of its name that are shown */
#define HOPS   6u  /* tiers that are gone down */

static int main_part(const struct tier *t)
{
	int most = 0;

	for (int k = 0; k < TIER_CLASSES; k++)
		most = t->time[k] > t->time[most] ? k : most;
	return most;
}

static const struct tier *tier_of(
	struct tiers *t, const struct service *service, const char *text, size_t len)
{
	const struct tier **list;
	unsigned n = tiers_sorted(t, &list);

	for (unsigned i = 0; i < n; i++)
		if (list[i]->service == service && list[i]->len == len &&
			memcmp(list[i]->text, text, len) == 0)
			return list[i];
	return NULL;
}

/* From tier to tier to the one that waits for no other. */
static void find_holder(struct tiers *tiers, const struct tier *t, struct text *out)
{
	const struct tier_pair *call = NULL;
	bool behind = false; /* somebody whose protocol is not read, so that he has no operations */

	for (unsigned i = 0; t && i < HOPS && main_part(t) != TIER_OWN; i++) {
		const struct tier_pair **pairs;

		behind = !tiers_pairs(tiers, t, &pairs);
		if (behind)
			break;
		call = pairs[0];
		t = call->service ? tier_of(tiers, call->service, call->text, call->len) : NULL;
	}
	if (!call) {
		text_str(out, behind ? "servers that are not read" : "itself");
		return;
	}
	if (call->service) {
		text_endpoint(out, &call->service->ip, call->service->port);
		text_char(out, ' ');
	}
	text_put(out, call->service ? call->text : "other", call->service ? call->len : 5);
	if (behind)
		text_str(out, ", and servers behind it that are not read");
}

static void collect(struct ui *u, struct screen *s)
{
	const struct tier **list;
	unsigned n = tiers_sorted(model_tiers(u->shown), &list);
	struct row *r = rows_begin(s, sizeof(*r), n);
	const struct tier **all = xmalloc((n + 1) * sizeof(const struct tier *));

	/* Looking for those behind makes the list anew. */
	memcpy(all, list, n * sizeof(const struct tier *));
	for (unsigned i = 0; i < n; i++, r++) {
		const struct tier *t = all[i];
		int most = main_part(t);
		uint64_t calls = 0;
		char holder[HOLDER];
		struct text text;

		name_row(s, r, t->service, t->text, t->len);
		r->requests = t->requests;
		r->server = each(t->server, t->requests);
		for (int k = 0; k < TIER_CLASSES; k++) {
			r->part[k] = each(t->time[k], t->requests);
			calls += t->calls[k];
		}
		r->main_part = tier_names[most];
		r->share = t->server ? share_of(t->time[most], t->server, 100) : FIELD_ABSENT;
		r->calls = whole(calls, t->requests);
		text_init(&text, holder, sizeof(holder));
		find_holder(model_tiers(u->shown), t, &text);
		r->holder.p = rows_text(s, text.p, text.len);
		r->holder.n = text.len;
	}
	free(all);
}

static const struct tier *find_parent(struct ui *u, const struct calls *x)
{
	const struct tier **list;
	unsigned n = tiers_sorted(model_tiers(u->shown), &list);

	for (unsigned i = 0; i < n; i++)
		if (list[i]->service && list[i]->len == x->nparent &&
			list[i]->service->port == x->port &&
			memcmp(&list[i]->service->ip, &x->ip, sizeof(x->ip)) == 0 &&
			memcmp(list[i]->text, x->parent, x->nparent) == 0)
			return list[i];
	return NULL;
}

static void collect_calls(struct ui *u, struct screen *s)
{
	const struct tier *parent = find_parent(u, s->state);
	const struct tier_pair **list = NULL;
	unsigned n = parent ? tiers_pairs(model_tiers(u->shown), parent, &list) : 0;
	struct row *r = rows_begin(s, sizeof(*r), n);

	for (unsigned i = 0; i < n; i++, r++) {
		const struct tier_pair *t = list[i];

		name_row(s, r, t->service, t->text, t->len);
		r->requests = t->requests;
		r->repeats = t->repeats;
		r->calls = whole(t->calls, 1);
		r->per_request = whole(t->calls, t->requests);
		r->most = whole(t->most, 1);
		r->time = t->time;
	}
}

static uint64_t id(struct screen *s, uint32_t row)
{
	return ((const struct row *)rows_at(s, row))->id;
}

static enum role role(struct screen *s, uint32_t row)
{
	return ((const struct row *)rows_at(s, row))->repeats ? ROLE_WARN : ROLE_TEXT;
}

static void release_calls(struct screen *s)
{
	free(((struct calls *)s->state)->parent);
	rows_release(s);
}

static void open_call(struct ui *u, struct screen *s, uint32_t row)
{
	const struct row *r = rows_at(s, row);
	char filter[200], ip[64];
	struct text t;

	if (!r->protocol)
		return;
	text_init(&t, ip, sizeof(ip));
	text_addr(&t, &r->ip);
	snprintf(filter, sizeof(filter), "server.ip == %s and server.port == %llu and type == %s",
		ip, (unsigned long long)r->port, r->protocol);
	ui_push_operation(u, filter, r->text.p, r->text.n);
}

/* The slowest request of the row's operation. */
static bool key(struct ui *u, struct screen *s, int k)
{
	const struct row *r = rows_at(s, table_row(&s->table));

	if (!r || !r->protocol || k != 'H')
		return false;
	ladder_open_operation(u, &r->ip, (uint16_t)r->port, r->text.p, r->text.n);
	return true;
}

static const struct key_help call_help[] = {
	{"Enter", "the transactions, the slowest first"},
	{"H", "the slowest one with its tiers: hop by hop"},
	{NULL, NULL},
};

static const struct screen_class calls_class = {
	.name = "calls",
	.title = "Calls",
	.fields = call_fields,
	.columns = "operation time protocol server.ip calls per_request most requests repeats",
	.sort = "-time",
	.help = call_help,
	.collect = collect_calls,
	.value = rows_value,
	.id = id,
	.role = role,
	.open = open_call,
	.key = key,
	.free = release_calls,
};

static void open_tier(struct ui *u, struct screen *s, uint32_t row)
{
	const struct row *r = rows_at(s, row);
	struct screen *other = r->protocol ? ui_push(u, &calls_class) : NULL;
	struct calls *x;

	if (!other)
		return;
	x = other->state = xcalloc(1, sizeof(*x));
	x->ip = r->ip;
	x->port = (uint16_t)r->port;
	x->nparent = r->text.n;
	x->parent = xmalloc(x->nparent + 1);
	memcpy(x->parent, r->text.p, x->nparent);
	snprintf(other->label, sizeof(other->label), "%.*s", (int)r->text.n, r->text.p);
}

static const struct key_help help[] = {
	{"Enter", "what the operation calls"},
	{"H", "its slowest request with its tiers: hop by hop"},
	{NULL, NULL},
};

const struct screen_class tiers_class = {
	.name = "tiers",
	.title = "Tiers",
	.fields = fields,
	.columns = "operation server mostly share held_by requests server.ip server.port own "
		   "database files mail web dns other calls",
	.help = help,
	.collect = collect,
	.value = rows_value,
	.id = id,
	.role = role,
	.open = open_tier,
	.key = key,
	.free = rows_release,
};
