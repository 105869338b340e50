/*
 * screen_services.c - services: what each was asked, how it answered, where its time went.
 */
#include "screens.h"
#include "api/layer.h"
#include "columns.h"
#include "rows.h"
#include "screen.h"
#include "table.h"
#include "timetravel.h"
#include "view.h"
#include "model/services.h"
#include <string.h>

struct row {
	struct addr ip;
	uint64_t port, flows, transactions, errors, unanswered, pending, rate, bytes;
	uint64_t p50, p90, p99, max, wait99, total, failed, retries;
	uint64_t ledger[LEDGER_COUNT];
	const char *protocol, *main_cause;
	uint8_t transport;
	bool other;
};

static const struct field fields[] = {
	COLUMN(ip, "server.ip", "Server", "Address of the service.", FIELD_IP, 0, 20),
	COLUMN(port, "server.port", "Port", "Its port.", FIELD_U64, 0, 5),
	COLUMN(protocol, "protocol", "Protocol", "Protocol of the application.", FIELD_NAME, 0, 8),
	COLUMN(transactions, "transactions", "Requests", "Transactions.", FIELD_U64, 0, 9),
	COLUMN(pending, "under_way", "Under way", "Of these, requests that wait for their answer.",
		FIELD_U64, FIELD_F_NONZERO, 9),
	COLUMN(rate, "rate", "Rate", "Answers a second, over the time listened.", CELL_RATE, 0, 9),
	COLUMN(errors, "errors", "Errors", "Errors, and requests that were not answered.",
		FIELD_U64, 0, 7),
	COLUMN(unanswered, "unanswered", "No answer", "Of these, requests that were not answered.",
		FIELD_U64, 0, 7),
	COLUMN(p50, "p50", "p50", "Half of the transactions took no longer.", FIELD_DURATION, 0, 8),
	COLUMN(p90, "p90", "p90", "Nine in ten took no longer.", FIELD_DURATION, 0, 8),
	COLUMN(p99, "p99", "p99", "All but one in a hundred took no longer.", FIELD_DURATION, 0, 8),
	COLUMN(max, "max", "Longest", "The longest.", FIELD_DURATION, 0, 8),
	COLUMN(wait99, "wait_p99", "Wait p99", "The same of the time to the first byte.",
		FIELD_DURATION, 0, 8),
	COLUMN(total, "total", "Waited", "Total wait time.", FIELD_DURATION, 0, 9),
	COLUMN(main_cause, "cause", "Mostly", "Where most of the wait time went.", FIELD_NAME, 0,
		16),
	COLUMN(ledger[LEDGER_SERVER], "ledger.server", "Server", "Waiting for the server.",
		FIELD_DURATION, 0, 8),
	COLUMN(ledger[LEDGER_NETWORK], "ledger.network", "Network", "Waiting for the path.",
		FIELD_DURATION, 0, 8),
	COLUMN(flows, "flows", "Flows", "Connections, those that go on too.", FIELD_U64, 0, 7),
	COLUMN(bytes, "bytes", "Bytes", "Bytes of these connections.", FIELD_BYTES, 0, 9),
	COLUMN(failed, "failed", "Failed", "Connections that were not made.", FIELD_U64, 0, 6),
	COLUMN(retries, "syn_retries", "SYNs resent", "SYNs that were sent again.", FIELD_U64, 0,
		6),
	FIELDS_END,
};

static uint64_t at(const struct hist *h, double part)
{
	return h->n ? hist_at(h, part) : FIELD_ABSENT;
}

static void fill(struct row *r, const struct service *x, uint64_t listened)
{
	const struct tally *t = &x->sum;
	r->ip = x->ip;
	r->port = x->port;
	r->transport = x->transport;
	r->other = x->other;
	r->protocol = x->other                       ? "other"
		      : x->protocol                  ? x->protocol
		      : x->transport == IP_PROTO_UDP ? "udp"
						     : "tcp";
	r->flows = x->flows;
	r->bytes = x->bytes;
	r->transactions = t->transactions;
	r->errors = t->errors;
	r->unanswered = t->unanswered;
	r->pending = t->pending;
	r->rate = tally_rate(t, listened);
	r->p50 = at(&t->duration, 0.5);
	r->p90 = at(&t->duration, 0.9);
	r->p99 = at(&t->duration, 0.99);
	r->max = t->duration.n ? t->duration.max : FIELD_ABSENT;
	r->wait99 = at(&t->wait, 0.99);
	r->total = t->total;
	r->main_cause = tally_cause(t);
	r->failed = x->failed_connects;
	r->retries = x->syn_retries;
	memcpy(r->ledger, t->ledger, sizeof(r->ledger));
}

static void collect(struct ui *u, struct screen *s)
{
	const struct service **list;
	unsigned n = services_sorted(model_services(u->shown), &list);
	struct row *row = rows_begin(s, sizeof(*row), n);

	for (unsigned i = 0; i < n; i++)
		fill(&row[i], list[i], ui_listened(u));
}

static uint64_t id(struct screen *s, uint32_t row)
{
	const struct row *r = rows_at(s, row);
	uint64_t h = rows_id(ROWS_ID, &r->ip, sizeof(r->ip));

	h = rows_id(h, &r->port, sizeof(r->port));
	h = rows_id(h, &r->transport, sizeof(r->transport));
	return rows_id(h, r->protocol, strlen(r->protocol));
}

static enum role role(struct screen *s, uint32_t row)
{
	const struct row *r = rows_at(s, row);

	if (r->transactions && r->errors * 20 > r->transactions)
		return ROLE_BAD;
	return r->errors || r->failed ? ROLE_WARN : ROLE_TEXT;
}

static void drill(struct ui *u, struct screen *s, uint32_t row, const struct screen_class *c)
{
	const struct row *r = rows_at(s, row);
	char filter[200], label[100], ip[64];
	struct text t;

	if (r->other)
		return;
	text_init(&t, ip, sizeof(ip));
	text_addr(&t, &r->ip);
	snprintf(filter, sizeof(filter), "server.ip == %s and server.port == %llu", ip,
		(unsigned long long)r->port);
	snprintf(label, sizeof(label), "%s:%llu %s", ip, (unsigned long long)r->port, r->protocol);
	ui_push_scope(u, c, filter, label);
}

static void open_service(struct ui *u, struct screen *s, uint32_t row)
{
	drill(u, s, row, &transactions_class);
}

static bool key(struct ui *u, struct screen *s, int k)
{
	uint32_t row = table_row(&s->table);

	if (row == UINT32_MAX || k != 'F')
		return false;
	drill(u, s, row, &flows_class);
	return true;
}

static const struct key_help help[] = {
	{"Enter", "the transactions of the service"},
	{"F", "its connections"},
	{NULL, NULL},
};

const struct screen_class services_class = {
	.name = "services",
	.title = "Services",
	.fields = fields,
	.columns = "server.ip server.port protocol total cause p99 transactions under_way errors "
		   "rate p50 "
		   "p90 max flows",
	.sort = "-total",
	.help = help,
	.collect = collect,
	.value = rows_value,
	.id = id,
	.role = role,
	.open = open_service,
	.key = key,
	.free = rows_release,
};
