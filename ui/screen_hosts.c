/*
 * screen_hosts.c - hosts: what each sent and received, asked and answered, waited and kept others
 * waiting, and where it is, where a database says so (--geoip).
 */
#include "screens.h"
#include "columns.h"
#include "rows.h"
#include "screen.h"
#include "table.h"
#include "view.h"
#include "model/geo.h"
#include "model/hosts.h"
#include <string.h>

struct row {
	struct addr ip;
	struct cell_text name, country, city, organization;
	uint64_t as_number, sent, received, packets, flows, asked, served;
	uint64_t requests, answers, errors, waited, kept_waiting, retransmits, lost;
	bool other;
};

static const struct field fields[] = {
	COLUMN(name, "host", "Host", "Its address.", FIELD_STR, 0, 15),
	COLUMN(country, "country", "Country", "Where it is, by the database.", FIELD_STR, 0, 7),
	COLUMN(city, "city", "City", "The same.", FIELD_STR, 0, 14),
	COLUMN(as_number, "as.number", "AS", "Number of its autonomous system.", FIELD_U64,
		FIELD_F_NONZERO, 6),
	COLUMN(organization, "as.organization", "Network", "Whose system it is.", FIELD_STR, 0, 22),
	COLUMN(sent, "sent", "Sent", "Bytes of its frames.", FIELD_BYTES, 0, 9),
	COLUMN(received, "received", "Received", "Bytes of frames to it.", FIELD_BYTES, 0, 9),
	COLUMN(packets, "packets", "Packets", "Packets of it and to it.", FIELD_U64, 0, 9),
	COLUMN(flows, "flows", "Flows", "Connections, those that go on too.", FIELD_U64, 0, 7),
	COLUMN(asked, "flows.client", "As client", "Of these, those that it began.", FIELD_U64, 0,
		7),
	COLUMN(served, "flows.server", "As server", "Of these, those that others began.", FIELD_U64,
		0, 7),
	COLUMN(requests, "requests", "Asked", "Transactions, as client.", FIELD_U64, 0, 7),
	COLUMN(answers, "answers", "Answers", "Requests that it answered, as server.", FIELD_U64, 0,
		7),
	COLUMN(errors, "errors", "Errors", "Errors of its answers, and requests not answered.",
		FIELD_U64, 0, 6),
	COLUMN(waited, "waited", "Waited", "Total wait time, as client.", FIELD_DURATION,
		FIELD_F_NONZERO, 9),
	COLUMN(kept_waiting, "kept_waiting", "Waited for",
		"Total wait time of others for it, as server.", FIELD_DURATION, FIELD_F_NONZERO, 9),
	COLUMN(retransmits, "retransmits", "Resent", "Segments that it sent again.", FIELD_U64, 0,
		6),
	COLUMN(lost, "lost", "Lost", "Bytes of it that the capture lost.", FIELD_BYTES,
		FIELD_F_NONZERO, 8),
	FIELDS_END,
};

static struct cell_text text_of(struct screen *s, const char *text)
{
	size_t n = strlen(text);

	return (struct cell_text){rows_text(s, text, n), n};
}

/* What a database gives is no more to be trusted than what a packet does. */
static void place(struct ui *u, struct screen *s, struct row *r)
{
	const struct geo_place *p = u->env.geo && !r->other ? geo_find(u->env.geo, &r->ip) : NULL;

	if (!p)
		return;
	r->country = text_of(s, p->country);
	r->city = text_of(s, p->city);
	r->organization = text_of(s, p->organization);
	r->as_number = p->as_number;
}

static void fill(struct ui *u, struct screen *s, struct row *r, const struct host *x)
{
	char name[64];
	struct text t;

	text_init(&t, name, sizeof(name));
	if (x->other)
		text_str(&t, "other");
	else
		text_addr(&t, &x->ip);
	r->name = text_of(s, name);
	r->ip = x->ip;
	r->other = x->other;
	r->sent = x->sent;
	r->received = x->received;
	r->packets = x->packets;
	r->asked = x->asked;
	r->served = x->served;
	r->flows = x->asked + x->served;
	r->requests = x->requests;
	r->answers = x->answers;
	r->errors = x->errors;
	r->waited = x->waited;
	r->kept_waiting = x->kept_waiting;
	r->retransmits = x->retransmits;
	r->lost = x->lost;
	place(u, s, r);
}

static void collect(struct ui *u, struct screen *s)
{
	const struct host **list;
	unsigned n = hosts_sorted(model_hosts(u->shown), &list);
	struct row *row = rows_begin(s, sizeof(*row), n);

	for (unsigned i = 0; i < n; i++)
		fill(u, s, &row[i], list[i]);
}

static uint64_t id(struct screen *s, uint32_t row)
{
	const struct row *r = rows_at(s, row);

	return rows_id(ROWS_ID + r->other, &r->ip, sizeof(r->ip));
}

static enum role role(struct screen *s, uint32_t row)
{
	const struct row *r = rows_at(s, row);

	if (r->other)
		return ROLE_DIM;
	if (r->errors * 20 > r->answers)
		return ROLE_BAD;
	return r->errors || r->lost ? ROLE_WARN : ROLE_TEXT;
}

static void drill(struct ui *u, const struct row *r, const struct screen_class *c)
{
	char filter[200];
	const char *ip = r->name.p;

	if (r->other)
		return;
	snprintf(filter, sizeof(filter), "client.ip == %s or server.ip == %s", ip, ip);
	ui_push_scope(u, c, filter, ip);
}

/* A host that neither asked nor answered has connections only. */
static void open_host(struct ui *u, struct screen *s, uint32_t row)
{
	const struct row *r = rows_at(s, row);

	drill(u, r, r->requests || r->answers ? &transactions_class : &flows_class);
}

static bool key(struct ui *u, struct screen *s, int k)
{
	const struct row *r = rows_at(s, table_row(&s->table));

	if (!r || (k != 'T' && k != 'F'))
		return false;
	drill(u, r, k == 'T' ? &transactions_class : &flows_class);
	return true;
}

static const struct key_help help[] = {
	{"Enter", "its transactions or, where it has none, its connections"},
	{"T F", "its transactions, its connections, as client and as server"},
	{NULL, NULL},
};

const struct screen_class hosts_class = {
	.name = "hosts",
	.title = "Hosts",
	.fields = fields,
	.columns = "host country kept_waiting waited errors sent received flows requests answers "
		   "packets retransmits as.number as.organization",
	.columns_less = "host kept_waiting waited errors sent received flows requests answers "
			"packets retransmits lost",
	.help = help,
	.collect = collect,
	.value = rows_value,
	.id = id,
	.role = role,
	.open = open_host,
	.key = key,
	.free = rows_release,
};
