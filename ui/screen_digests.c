/*
 * screen_digests.c - operations: what each service was asked (SQL digests, URIs, NFS operations),
 * how it answered, where the time went.
 */
#include "screens.h"
#include "columns.h"
#include "rows.h"
#include "screen.h"
#include "table.h"
#include "view.h"
#include "base/share.h"
#include "model/digests.h"

struct row {
	struct addr ip;
	uint64_t port, transactions, errors, p50, p99, max, mean, total, share, id;
	const char *protocol, *main_cause;
	struct cell_text text;
	uint64_t frame; /* of the slowest one */
	bool other;
};

static const struct field fields[] = {
	COLUMN(text, "operation", "Operation", "What is done, without the values.", FIELD_STR, 0,
		40),
	COLUMN(protocol, "protocol", "Protocol", "Protocol of the application.", FIELD_NAME, 0, 8),
	COLUMN(ip, "server.ip", "Server", "Address of the service.", FIELD_IP, 0, 15),
	COLUMN(port, "server.port", "Port", "Its port.", FIELD_U64, 0, 5),
	COLUMN(transactions, "transactions", "Count", "Transactions.", FIELD_U64, 0, 8),
	COLUMN(errors, "errors", "Errors", "Errors, and requests that were not answered.",
		FIELD_U64, 0, 6),
	COLUMN(p50, "p50", "p50", "Half of them took no longer.", FIELD_DURATION, 0, 8),
	COLUMN(p99, "p99", "p99", "All but one in a hundred took no longer.", FIELD_DURATION, 0, 8),
	COLUMN(max, "max", "Longest", "The longest.", FIELD_DURATION, 0, 8),
	COLUMN(mean, "mean", "Mean", "Wait time of each, on average.", FIELD_DURATION, 0, 8),
	COLUMN(total, "total", "Waited", "Total wait time.", FIELD_DURATION, 0, 9),
	COLUMN(share, "share", "%", "Share of the total wait time, in percent.", FIELD_U64, 0, 3),
	COLUMN(main_cause, "cause", "Mostly", "Where most of the wait time went.", FIELD_NAME, 0,
		16),
	FIELDS_END,
};

static void fill(struct screen *s, struct row *r, const struct digest *d, uint64_t all)
{
	const struct tally *t = &d->sum;

	r->other = d->other;
	r->id = d->id + UINT64_C(1);
	if (d->service) {
		r->ip = d->service->ip;
		r->port = d->service->port;
		r->protocol = d->service->protocol;
	} else {
		r->port = FIELD_ABSENT;
	}
	r->text.n = d->other ? 5 : d->len;
	r->text.p = rows_text(s, d->other ? "other" : d->text, r->text.n);
	r->transactions = t->transactions;
	r->errors = t->errors;
	r->p50 = t->duration.n ? hist_at(&t->duration, 0.5) : FIELD_ABSENT;
	r->p99 = t->duration.n ? hist_at(&t->duration, 0.99) : FIELD_ABSENT;
	r->max = t->duration.n ? t->duration.max : FIELD_ABSENT;
	r->total = t->total;
	r->mean = t->transactions ? t->total / t->transactions : FIELD_ABSENT;
	r->share = all ? share_of(t->total, all, 100) : FIELD_ABSENT;
	r->main_cause = tally_cause(t);
	r->frame = d->nslowest ? d->slowest[0].frame : 0;
}

static void collect(struct ui *u, struct screen *s)
{
	const struct digest **list;
	unsigned n = digests_sorted(model_digests(u->shown), &list);
	uint64_t all = services_total(model_services(u->shown))->sum.total;
	struct row *row = rows_begin(s, sizeof(*row), n);

	for (unsigned i = 0; i < n; i++)
		fill(s, &row[i], list[i], all);
}

static uint64_t id(struct screen *s, uint32_t row)
{
	return ((const struct row *)rows_at(s, row))->id;
}

static enum role role(struct screen *s, uint32_t row)
{
	const struct row *r = rows_at(s, row);

	if (r->other)
		return ROLE_DIM;
	if (r->errors * 20 > r->transactions)
		return ROLE_BAD;
	return r->errors ? ROLE_WARN : ROLE_TEXT;
}

static void open_digest(struct ui *u, struct screen *s, uint32_t row)
{
	const struct row *r = rows_at(s, row);
	char filter[200], ip[64];
	struct text t;

	if (!r || r->other)
		return;
	text_init(&t, ip, sizeof(ip));
	text_addr(&t, &r->ip);
	snprintf(filter, sizeof(filter), "server.ip == %s and server.port == %llu and type == %s",
		ip, (unsigned long long)r->port, r->protocol);
	ui_push_operation(u, filter, r->text.p, r->text.n);
}

static bool key(struct ui *u, struct screen *s, int k)
{
	const struct row *r = rows_at(s, table_row(&s->table));

	if (!r || (k != 'P' && k != 'H'))
		return false;
	if (k == 'H') {
		ladder_open_operation(u, &r->ip, (uint16_t)r->port, r->text.p, r->text.n);
		return true;
	}
	if (r->frame)
		packets_open_list(u, &r->frame, 1, "the slowest one");
	return true;
}

static const struct key_help help[] = {
	{"Enter", "its transactions, the slowest first"},
	{"P", "the first packet of the slowest one"},
	{"H", "the slowest one with its tiers: hop by hop"},
	{NULL, NULL},
};

const struct screen_class digests_class = {
	.name = "digests",
	.title = "Digests",
	.fields = fields,
	.columns = "operation total cause p99 transactions errors protocol share p50 max",
	.sort = "-total",
	.help = help,
	.collect = collect,
	.value = rows_value,
	.id = id,
	.role = role,
	.open = open_digest,
	.key = key,
	.free = rows_release,
};
