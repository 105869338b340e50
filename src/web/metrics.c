/* metrics.c - see metrics.h: what the records come to. */
#include "web/metrics_impl.h"
#include "base/mem.h"
#include "model/tally.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Of OpenTelemetry's bounds for HTTP and for databases those of both, in ns. */
const uint64_t metrics_bounds[METRICS_BOUNDS] = {UINT64_C(1000000), UINT64_C(5000000),
	UINT64_C(10000000), UINT64_C(25000000), UINT64_C(50000000), UINT64_C(75000000),
	UINT64_C(100000000), UINT64_C(250000000), UINT64_C(500000000), UINT64_C(750000000),
	UINT64_C(1000000000), UINT64_C(2500000000), UINT64_C(5000000000), UINT64_C(7500000000),
	UINT64_C(10000000000)};

const char *const metrics_status[METRICS_STATES] = {
	"unknown", "ok", "error", "client_error", "server_error", "unanswered", "none"};

enum { UNKNOWN = 0, UNANSWERED = 5, NONE = 6 };

struct metrics *metrics_new(void)
{
	struct metrics *m = xcalloc(1, sizeof(*m));

	m->services = keyed_new(sizeof(struct metrics_service), sizeof(struct metrics_ledger),
		METRICS_SERVICES + METRICS_OTHERS);
	m->series = keyed_new(sizeof(struct metrics_key), sizeof(struct metrics_series),
		METRICS_SERIES + METRICS_OTHERS * METRICS_STATES);
	m->classes = keyed_new(
		sizeof(struct metrics_class), sizeof(uint32_t), METRICS_CLASSES * METRICS_OTHERS);
	m->protocols = keyed_new(sizeof(const char *), sizeof(uint32_t), METRICS_OTHERS);
	return m;
}

void metrics_free(struct metrics *m)
{
	if (!m)
		return;
	keyed_free(m->services);
	keyed_free(m->series);
	keyed_free(m->classes);
	keyed_free(m->protocols);
	free(m);
}

static bool of_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

/* The first word of a statement, else the method; "other" where it is no word. */
static void name_class(const struct txn_record *t, char *to)
{
	const struct record_text *from = &t->method;
	bool statement = record_model(&t->r)->naming == NAMING_STATEMENT && t->query.len;
	const char *p;
	size_t n = 0;

	if (statement)
		from = &t->query;
	p = (const char *)t + from->offset;
	for (size_t i = 0; i < from->len && n < METRICS_WORD; i++) {
		if (!n && statement && (p[i] == '(' || p[i] == ' '))
			continue;
		if (!of_word(p[i])) {
			if (p[i] != ' ')
				n = 0;
			break;
		}
		to[n++] = statement ? (char)toupper((unsigned char)p[i]) : p[i];
	}
	if (n && n < METRICS_WORD)
		to[n] = '\0';
	else
		snprintf(to, METRICS_WORD, METRICS_OTHER);
}

/* Each protocol has so many, that nobody fills the table by asking for what is none. */
static void bound_class(struct metrics *m, const char *protocol, char *name)
{
	struct metrics_class key;
	uint32_t *n;

	memset(&key, 0, sizeof(key));
	key.protocol = protocol;
	snprintf(key.name, sizeof(key.name), "%s", name);
	if (keyed_find(m->classes, &key))
		return;
	n = keyed_get(m->protocols, &protocol);
	if (n && *n < METRICS_CLASSES && keyed_get(m->classes, &key)) {
		++*n;
		return;
	}
	memset(name, 0, METRICS_WORD);
	snprintf(name, METRICS_WORD, METRICS_OTHER);
}

/* The ledger of a service, or of the others; NULL: there are too many protocols even for these. */
static struct metrics_ledger *service(struct metrics *m, const struct record *r,
	const char *protocol, struct metrics_service *key)
{
	struct metrics_ledger *l;

	memset(key, 0, sizeof(*key));
	key->server = r->server.ip;
	key->protocol = protocol;
	l = keyed_find(m->services, key);
	if (l)
		return l;
	if (keyed_count(m->services) >= METRICS_SERVICES) {
		memset(&key->server, 0, sizeof(key->server));
		key->other = true;
	}
	return keyed_get(m->services, key);
}

static uint8_t status_of(const struct txn_record *t)
{
	if (txn_unknown(t))
		return UNKNOWN;
	if (txn_failed(t) && !txn_answered(t))
		return UNANSWERED;
	return t->r.status && t->r.status < UNANSWERED ? t->r.status : NONE;
}

static void add_duration(struct metrics_series *s, const struct record *r)
{
	unsigned i = 0;

	while (i < METRICS_BOUNDS && r->duration > metrics_bounds[i])
		i++;
	s->bucket[i].n++;
	s->bucket[i].flow = r->flow_id;
	s->bucket[i].duration = r->duration;
	s->bucket[i].end = r->end != FIELD_ABSENT ? r->end : r->start;
	s->sum += r->duration;
	s->n++;
}

static void transaction(struct metrics *m, const struct txn_record *t)
{
	struct metrics_key key;
	struct metrics_series *s;
	struct metrics_ledger *l;

	memset(&key, 0, sizeof(key));
	l = service(m, &t->r, t->r.type, &key.service);
	if (!l) {
		m->refused++;
		return;
	}
	if (t->total != FIELD_ABSENT)
		for (int i = 0; i < LEDGER_COUNT; i++)
			l->ns[i] += t->ledger[i];
	key.status = status_of(t);
	name_class(t, key.operation);
	bound_class(m, t->r.type, key.operation);
	s = keyed_find(m->series, &key);
	if (!s && keyed_count(m->series) >= METRICS_SERIES) {
		memset(&key.service.server, 0, sizeof(key.service.server));
		key.service.other = true;
		memset(key.operation, 0, sizeof(key.operation));
		snprintf(key.operation, sizeof(key.operation), METRICS_OTHER);
	}
	if (!s)
		s = keyed_get(m->series, &key);
	if (!s) {
		m->refused++;
		return;
	}
	s->transactions++;
	if (t->r.duration != FIELD_ABSENT)
		add_duration(s, &t->r);
}

/* Waiting for a connection that no transaction has. */
static void flow(struct metrics *m, const struct flow_record *f)
{
	struct metrics_service key;
	struct metrics_ledger *l;

	if (!f->final || !f->ledger_retry || !f->r.has_ports)
		return;
	l = service(m, &f->r, f->protocol, &key);
	if (l)
		l->ns[LEDGER_CONNECT_RETRY] += f->ledger_retry;
	else
		m->refused++;
}

void metrics_record(struct metrics *m, const struct record *r)
{
	if (r->kind == RECORD_TXN && !r->composite)
		transaction(m, (const void *)r);
	else if (r->kind == RECORD_FLOW)
		flow(m, (const void *)r);
}
