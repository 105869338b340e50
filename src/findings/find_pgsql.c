/*
 * find_pgsql.c - PostgreSQL: errors by SQLSTATE (manual, appendix "PostgreSQL Error Codes"), and
 * which of them are waits for locks. Its slow statements are those of any server.
 */
#include "findings/find_impl.h"

struct pgsql_state {
	struct proof errors;
	struct top error_top;
	uint64_t of_locks, full, barred, cancelled; /* of them */
	uint64_t lock_cost;                         /* ns */
};

static struct value_name error_code = {"pgsql.error_code", NULL, -1},
			 error_message = {"pgsql.error_message", NULL, -1};

static bool is_of(const struct txn_record *t)
{
	return t->r.kind == RECORD_TXN && !t->r.composite && strcmp(t->r.type, "pgsql") == 0;
}

bool pgsql_claims(const struct txn_record *t)
{
	return is_of(t) && value_named(t, &error_code);
}

static bool among(const struct value *code, const char *const *list)
{
	for (; *list; list++)
		if (code->len >= strlen(*list) &&
			memcmp(value_text(code), *list, strlen(*list)) == 0)
			return true;
	return false;
}

static void add_error(struct pgsql_state *c, const struct txn_record *t, const struct value *code)
{
	static const char *const locks[] = {"55P03", "40P01", "40001", NULL};
	static const char *const full[] = {"53300", NULL};
	static const char *const barred[] = {"28", "3D000", NULL};
	static const char *const cancelled[] = {"57014", "25P03", NULL};
	const struct value *message = value_named(t, &error_message);
	char room[200];
	struct text text;

	text_init(&text, room, sizeof(room));
	text_put(&text, value_text(code), code->len < 5 ? code->len : 5);
	text_char(&text, ' ');
	if (message)
		text_put(&text, value_text(message), message->len < 120 ? message->len : 120);
	if (among(code, locks)) {
		c->of_locks++;
		c->lock_cost += own_waiting(t);
	}
	c->full += among(code, full);
	c->barred += among(code, barred);
	c->cancelled += among(code, cancelled);
	proof_add(&c->errors, t->r.start, own_waiting(t), t->frame[2]);
	proof_until(&c->errors, t->r.end);
	proof_client(&c->errors, &t->r.client.ip);
	top_add(&c->error_top, text.p, text.len, own_waiting(t));
}

static void record(struct findings *f, struct svc *s, const struct record *r)
{
	const struct txn_record *t = (const void *)r;
	const struct value *code;

	if (!s || !is_of(t) || t->ended_by || t->unacked)
		return;
	code = value_named(t, &error_code);
	if (!code)
		return;
	claim(f, CLASS_ERROR);
	add_error(svc_state(s, DETECTOR_PGSQL), t, code);
}

/* Of a health check, whose values are not kept: what fails one is an error. */
static void take_out(struct findings *f, struct svc *s, const struct record *r)
{
	const struct txn_record *t = (const void *)r;
	struct pgsql_state *c = svc_has(s, DETECTOR_PGSQL);

	(void)f;
	if (c && is_of(t) && !t->ended_by && r->status == STATUS_ERROR)
		proof_take_out(&c->errors, r->start, own_waiting(t), t->frame[2]);
}

static void list_errors(struct findings *f, const struct svc *s, const struct pgsql_state *c)
{
	struct finding *x = finding_new(f, "pgsql-error", "Errors of the database", s, &c->errors,
		"pgsql.error_code ~ \".\"");

	finding_claims(x, s, ALL_ENTRIES, CLASS(ERROR));
	x->counted = "requests";
	x->of = svc_ended(s);
	if (reaches(x->count, x->of, f->limit.v[THRESHOLD_ERRORS]))
		finding_at_least(x, SEVERITY_WARNING);
	say(&x->saw, "%C of %C requests ended with an error. ", x->count, x->of);
	say_top(&x->saw, "Most of them", &c->error_top);
	if (c->of_locks && c->of_locks * 2 < x->count)
		say(&x->saw, " %C of them had waited for locks (%T).", c->of_locks, c->lock_cost);
	say(&x->means, "%S",
		c->of_locks * 2 >= x->count
			? "Statements waited for locks of other transactions, until the wait "
			  "timed out (55P03), was a deadlock (40P01) or met a newer change "
			  "(40001)."
		: c->full * 2 >= x->count
			? "All connections that the server, or the user, may have are in use: "
			  "whoever has them holds them for long, or too many ask."
		: c->barred * 2 >= x->count
			? "The server does not let the client in: the password, the user, the "
			  "database or the host is not one that it knows."
		: c->cancelled * 2 >= x->count
			? "Statements were cancelled: a timeout (statement_timeout) ended them, or "
			  "their client did not want to wait any longer. What they waited for, "
			  "a lock or their own work, is not in the error."
			: "The database refused what it was asked.");
	say(&x->next, "By SQLSTATE: 53300 max_connections, 28P01 password, 28000 pg_hba.conf, "
		      "23505 a duplicate, 42601 and 42P01 the statement, 57014 "
		      "statement_timeout, 55P03 lock_timeout or NOWAIT, 40P01 the order of "
		      "updates; pg_stat_activity (wait_event_type), pg_blocking_pids(), "
		      "log_lock_waits.");
	say(&x->against,
		"A program may count on an error (a duplicate key, NOWAIT) and handle it.");
}

static void list(struct findings *f)
{
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		const struct pgsql_state *c = svc_has(s, DETECTOR_PGSQL);

		if (c && c->errors.count)
			list_errors(f, s, c);
	}
}

static void release_service(void *state)
{
	top_release(&((struct pgsql_state *)state)->error_top);
}

const struct detector detect_pgsql = {.service_size = sizeof(struct pgsql_state),
	.kinds = OF_TXN,
	.record = record,
	.take_out = take_out,
	.list = list,
	.release_service = release_service};
