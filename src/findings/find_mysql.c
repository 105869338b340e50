/*
 * find_mysql.c - MySQL: slow statements, statements without an index, errors, the same statement
 * over and over, replicas that are behind.
 */
#include "findings/find_impl.h"
#include "base/duration.h"
#include <ctype.h>
#include <stdio.h>

#define BURSTS 4096u      /* connections whose last statement is remembered */
#define PAUSE  (100 * MS) /* a burst ends where the connection is idle for longer */

/* Ends of transactions, which release locks, and of slow writes, which may have waited for them. */
#define MOMENTS  16u
#define RELEASED (10 * MS) /* from the end of a transaction to the answer of who waited */
struct moment {
	uint64_t from, to, flow;
	bool counted;
};
struct locks {
	struct moment ended[MOMENTS], slow[MOMENTS];
	unsigned nended, nslow;
	uint64_t first, last; /* ends of transactions */
	uint64_t taken;       /* ns of these: in which an end by chance would be one of them */
	uint64_t waits, cost; /* slow writes that ended when another's transaction did */
};

struct mysql_state {
	struct locks locks;
	struct proof slow, no_index, errors;
	struct top slow_top, index_top, error_top;
	uint64_t of_locks, full; /* errors: 1205 and 1213; no room for another connection */
	uint64_t barred;         /* 1129 and 1130: the host is not let in */
	uint64_t slowest, rows;  /* rows sent by statements without an index */
	uint64_t both;      /* slow ones without an index: the finding of these has their time */
	struct proof again; /* bursts of one statement */
	struct top again_top;
	uint64_t repeated, longest; /* statements in such bursts; in the longest */
	uint64_t beyond;            /* ns that these waited for the way to their client */
	struct proof no_login;      /* the server waited for it, and closed the connection */
	struct proof behind;        /* events of the binary log */
	uint64_t events, lag, semi_sync, acks;
};

/* The statements that a connection sends in turn, without a pause. */
#define IN_TURN 6u
struct burst {
	uint64_t last;     /* the end of the last one */
	uint64_t repeated; /* of the connection, in bursts */
	struct {
		uint64_t digest, count, cost, first, frame;
	} of[IN_TURN];
};
struct mysql_all {
	struct keyed *bursts; /* by flow */
};

static struct value_name command = {"mysql.command", NULL, -1},
			 error_code = {"mysql.error_code", NULL, -1},
			 no_index_used = {"tsumari.mysql.no_index_used", NULL, -1},
			 no_good_index = {"tsumari.mysql.no_good_index_used", NULL, -1},
			 num_rows = {"mysql.num_rows", NULL, -1},
			 schema = {"mysql.schema", NULL, -1},
			 binlog_lag = {"tsumari.mysql.binlog.lag", NULL, -1},
			 ack_wait = {"tsumari.mysql.binlog.ack_wait", NULL, -1};

static bool is_select(const struct txn_record *t)
{
	const char *p = (const char *)t + t->query.offset;

	return t->query.len > 6 && strncasecmp(p, "select", 6) == 0;
}

/* The query text begins with one of these words. */
static bool begins_with(const struct txn_record *t, const char *const *words)
{
	const char *p = (const char *)t + t->query.offset;
	size_t n = t->query.len, len;

	while (n && (*p == ' ' || *p == '(')) {
		p++;
		n--;
	}
	for (; *words; words++) {
		len = strlen(*words);
		if (n >= len && strncasecmp(p, *words, len) == 0 &&
			(n == len || !isalnum((unsigned char)p[len])))
			return true;
	}
	return false;
}

static bool holds(const char *p, size_t n, const char *word)
{
	return memmem(p, n, word, strlen(word)) != NULL;
}

/*
 * Does it look for rows in tables? What asks about the server or a statement, or copies a whole
 * table, needs no index; tables that the server makes up when they are asked for have none.
 */
static bool needs_index(const struct txn_record *t)
{
	static const char *const others[] = {"show", "explain", "desc", "describe", "help",
		"analyze", "check", "checksum", "optimize", "repair", "alter", NULL};
	static const char *const made_up[] = {"information_schema", "performance_schema"};
	const char *query = (const char *)t + t->query.offset;
	const struct value *in = value_named(t, &schema);

	if (begins_with(t, others))
		return false;
	for (size_t i = 0; i < sizeof(made_up) / sizeof(made_up[0]); i++)
		if (holds(query, t->query.len, made_up[i]) ||
			(in && holds(value_text(in), in->len, made_up[i])))
			return false;
	return true;
}

/* The server says that it used no index, or no good one, where one is of use. */
static bool is_without_index(const struct txn_record *t)
{
	return (number_named(t, &no_index_used) == 1 || number_named(t, &no_good_index) == 1) &&
	       needs_index(t);
}

static uint64_t digest_of(const struct txn_record *t)
{
	return hash_same(0, (const char *)t + t->query.offset, t->query.len);
}

/* Its place among those of the burst: the one seen least gives way. */
static unsigned place_of(struct burst *b, uint64_t digest)
{
	unsigned least = 0;

	for (unsigned i = 0; i < IN_TURN; i++) {
		if (b->of[i].digest == digest && b->of[i].count)
			return i;
		if (b->of[i].count < b->of[least].count)
			least = i;
	}
	memset(&b->of[least], 0, sizeof(b->of[least]));
	b->of[least].digest = digest;
	return least;
}

/* The same statement again on its connection, at once or in turn with a few others. */
static void add_burst(
	struct findings *f, struct mysql_state *c, const struct txn_record *t, uint64_t cost)
{
	struct mysql_all *all = f->state[DETECTOR_MYSQL];
	uint64_t digest = digest_of(t), least = f->limit.v[THRESHOLD_REPEATS];
	struct burst *b;
	unsigned i;

	if (!all->bursts)
		all->bursts =
			keyed_new(sizeof(uint64_t), sizeof(struct burst), findings_room(f, BURSTS));
	b = keyed_renew(all->bursts, &t->r.flow_id);
	if (t->r.start > b->last + PAUSE)
		memset(b->of, 0, sizeof(b->of));
	i = place_of(b, digest);
	if (!b->of[i].count) {
		b->of[i].first = t->r.start;
		b->of[i].frame = t->frame[0];
	}
	b->of[i].count++;
	if (cost)
		claim(f, CLASS_REPEATED); /* as far as it is */
	b->of[i].cost += cost;
	b->last = t->r.end;
	if (b->of[i].count < least)
		return;
	if (b->of[i].count == least) {
		proof_add(&c->again, b->of[i].first, b->of[i].cost, b->of[i].frame);
		proof_client(&c->again, &t->r.client.ip);
		c->repeated += least;
		b->repeated += least;
		top_operation(&c->again_top, t, b->of[i].cost);
	} else {
		proof_cost(&c->again, t->r.start, cost, t->frame[0]);
		c->repeated++;
		b->repeated++;
		top_operation(&c->again_top, t, cost);
	}
	proof_until(&c->again, t->r.end);
	c->longest = b->of[i].count > c->longest ? b->of[i].count : c->longest;
}

/* The client's half of their round trips is known when the connection ends. */
static void add_flow(struct findings *f, struct svc *s, const struct flow_record *r)
{
	struct mysql_all *all = f->state[DETECTOR_MYSQL];
	struct burst *b = all->bursts ? keyed_find(all->bursts, &r->r.flow_id) : NULL;
	struct mysql_state *c = svc_has(s, DETECTOR_MYSQL);
	uint64_t half = r->rtt_client, beyond;

	if (!b || !c || half == FIELD_ABSENT || half < MS || half >= f->limit.v[THRESHOLD_FAR])
		return; /* of a long path that is told of its own */
	beyond = b->repeated * half;
	beyond = beyond < r->r.duration ? beyond : r->r.duration;
	c->beyond += beyond;
	b->repeated = 0;
	proof_cost(&c->again, r->r.start, beyond, 0);
}

static void add_error(struct mysql_state *c, const struct txn_record *t, uint64_t code)
{
	char room[200];
	struct text text;
	const struct value *v;
	static struct value_name message = {"mysql.error_message", NULL, -1};

	text_init(&text, room, sizeof(room));
	v = value_named(t, &message);
	text_printf(&text, "%llu ", (unsigned long long)code);
	if (v)
		text_put(&text, value_text(v), v->len < 120 ? v->len : 120);
	c->of_locks += code == 1205 || code == 1213;
	c->full += code == 1040 || code == 1203 || code == 1226;
	c->barred += code == 1129 || code == 1130;
	proof_add(&c->errors, t->r.start, own_waiting(t), t->frame[2]);
	proof_client(&c->errors, &t->r.client.ip);
	top_add(&c->error_top, text.p, text.len, own_waiting(t));
}

static void add_replication(struct mysql_state *c, const struct txn_record *t)
{
	uint64_t lag = number_named(t, &binlog_lag), wait = number_named(t, &ack_wait);

	c->events++;
	if (wait != FIELD_ABSENT) {
		c->acks++;
		c->semi_sync += wait;
	}
	if (lag == FIELD_ABSENT)
		return;
	if (lag >= 2 * (uint64_t)SECOND) {
		proof_add(&c->behind, t->r.start, 0, 0);
		proof_frame(&c->behind, lag, t->frame[2]);
		proof_client(&c->behind, &t->r.client.ip);
	}
	c->lag = lag > c->lag ? lag : c->lag;
}

/* Did the one end while the other released what it held? */
static void match(struct locks *l, struct moment *slow, const struct moment *ended)
{
	if (slow->counted || slow->flow == ended->flow || slow->from >= ended->from ||
		slow->to < ended->from || slow->to > ended->to + RELEASED)
		return;
	slow->counted = true;
	l->waits++;
	l->cost += slow->to - slow->from;
}

static void add_lock(struct locks *l, const struct txn_record *t, bool slow)
{
	static const char *const ends[] = {"commit", "rollback", NULL};
	static const char *const writes[] = {"update", "delete", "insert", "replace", NULL};
	struct moment m = {t->r.start, t->r.end, t->r.flow_id, false};

	if (t->r.end == FIELD_ABSENT)
		return;
	if (begins_with(t, ends)) {
		l->ended[l->nended++ % MOMENTS] = m;
		l->first = l->first ? l->first : m.from;
		l->last = m.to;
		l->taken += m.to - m.from + RELEASED;
		for (unsigned i = 0; i < MOMENTS && i < l->nslow; i++)
			match(l, &l->slow[i], &m);
	} else if (slow && (begins_with(t, writes) || holds((const char *)t + t->query.offset,
							      t->query.len, "for update"))) {
		l->slow[l->nslow % MOMENTS] = m;
		for (unsigned i = 0; i < MOMENTS && i < l->nended; i++)
			match(l, &l->slow[l->nslow % MOMENTS], &l->ended[i]);
		l->nslow++;
	}
}

/* Most slow writes, and where transactions do not end all the time. */
static bool waits_for_locks(const struct locks *l)
{
	return l->waits >= 2 && l->waits * 2 >= l->nslow &&
	       (l->taken * 5 < l->last - l->first || l->waits == l->nslow);
}

static void add_statement(
	struct findings *f, struct mysql_state *c, const struct txn_record *t, bool without)
{
	uint64_t server = t->total == FIELD_ABSENT ? 0 : t->ledger[LEDGER_SERVER];
	uint64_t rows = number_named(t, &num_rows);
	bool slow = server >= f->limit.v[THRESHOLD_SLOW];

	add_lock(&c->locks, t, slow);
	if (without) {
		proof_add(&c->no_index, t->r.start, server, t->frame[1]);
		proof_client(&c->no_index, &t->r.client.ip);
		top_operation(&c->index_top, t, server);
		c->rows += rows == FIELD_ABSENT ? 0 : rows;
		c->both += slow;
	} else if (slow) {
		proof_add(&c->slow, t->r.start, server, t->frame[1]);
		proof_until(&c->slow, t->r.end);
		proof_client(&c->slow, &t->r.client.ip);
		top_operation(&c->slow_top, t, server);
	}
	if (without || slow)
		claim(f, without ? CLASS_NO_INDEX : CLASS_SLOW);
	if (slow && server > c->slowest)
		c->slowest = server;
	if (is_select(t))
		add_burst(f, c, t, without || slow ? 0 : own_waiting(t));
}

/* A login that never came: what the server waited for it. */
static bool is_unsent(const struct txn_record *t)
{
	return t->total != FIELD_ABSENT && t->stamp[1] == FIELD_ABSENT &&
	       t->stamp[2] == FIELD_ABSENT && t->r.status == STATUS_ERROR;
}

static void record(struct findings *f, struct svc *s, const struct record *r)
{
	const struct txn_record *t = (const void *)r;
	const struct value *v;
	const char *name;
	uint64_t code;

	if (s && r->kind == RECORD_FLOW)
		add_flow(f, s, (const void *)r);
	if (!s || r->kind != RECORD_TXN || r->composite || strcmp(r->type, "mysql") != 0 ||
		t->ended_by || t->unacked)
		return;
	if (is_unsent(t)) {
		struct mysql_state *c = svc_state(s, DETECTOR_MYSQL);

		claim(f, CLASS_NO_LOGIN);
		proof_add(&c->no_login, r->start, t->ledger[LEDGER_REQUEST], r->flow_id);
		proof_until(&c->no_login, r->end);
		proof_client(&c->no_login, &r->client.ip);
		return;
	}
	v = value_named(t, &command);
	name = v && v->name ? v->name : "";
	if (strcmp(name, "BINLOG_EVENT") == 0 || strcmp(name, "SEMISYNC_ACK") == 0) {
		add_replication(svc_state(s, DETECTOR_MYSQL), t);
		return;
	}
	code = number_named(t, &error_code);
	if (code != FIELD_ABSENT)
		claim(f, CLASS_ERROR);
	if (code != FIELD_ABSENT)
		add_error(svc_state(s, DETECTOR_MYSQL), t, code);
	else if (strcmp(name, "COM_BINLOG_DUMP") != 0 && !is_greeting(t))
		add_statement(f, svc_state(s, DETECTOR_MYSQL), t, is_without_index(t));
}

/* Of a health check, whose values are not kept: what fails one is an error. */
static void take_out(struct findings *f, struct svc *s, const struct record *r)
{
	const struct txn_record *t = (const void *)r;
	struct mysql_state *c = svc_has(s, DETECTOR_MYSQL);

	(void)f;
	if (c && r->kind == RECORD_TXN && strcmp(r->type, "mysql") == 0 && !t->ended_by &&
		r->status == STATUS_ERROR && !is_unsent(t))
		proof_take_out(&c->errors, r->start, own_waiting(t), t->frame[2]);
}

static void list_slow(struct findings *f, const struct svc *s, const struct mysql_state *c)
{
	char filter[80];
	struct finding *x;
	struct text t;

	text_init(&t, filter, sizeof(filter));
	text_str(&t, "type == mysql and tsumari.ledger.server >= ");
	duration_put(&t, f->limit.v[THRESHOLD_SLOW]);
	x = finding_new(f, "mysql-slow", "Slow statements", s, &c->slow, filter);
	finding_claims(x, s, ALL_ENTRIES, CLASS(SLOW));
	x->counted = "statements";
	x->may_be_slight = true;
	x->of = s->transactions;
	x->count += c->both;
	say(&x->saw, "%C of %C statements took the server more than %T, the slowest %T. ", x->count,
		x->of, f->limit.v[THRESHOLD_SLOW], c->slowest);
	if (c->both)
		say(&x->saw,
			"%C of them used no index: their time is in the finding mysql-no-index. ",
			c->both);
	say_top(&x->saw, "The costliest", &c->slow_top);
	if (waits_for_locks(&c->locks)) {
		say(&x->saw,
			" %C writes (%T) ended at the moment of another connection's COMMIT or "
			"ROLLBACK.",
			c->locks.waits, c->locks.cost);
		say(&x->means, "They waited for locks that a transaction of another connection "
			       "held until its end. ");
		say(&x->next, "What the transaction that holds the locks does between its "
			      "statements: shorter ones, COMMIT before calls to others, rows "
			      "taken in one order; innodb_lock_wait_timeout. ");
	} else {
		say(&x->means,
			"The database worked, or waited for a lock or a disk, before it answered.");
	}
	say(&x->next, "EXPLAIN ANALYZE of these; SHOW ENGINE INNODB STATUS and "
		      "performance_schema.data_locks for locks; innodb_buffer_pool_size against "
		      "what is read; the slow query log (long_query_time).");
	say(&x->against, "SLEEP(), GET_LOCK() and reports at night wait on purpose.");
}

static void list_index(struct findings *f, const struct svc *s, const struct mysql_state *c)
{
	struct finding *x = finding_new(f, "mysql-no-index", "Statements without an index", s,
		&c->no_index,
		"(tsumari.mysql.no_index_used == true or tsumari.mysql.no_good_index_used == true) "
		"and not query ~ \"(?i)^ *(show|explain|desc|help|analyze|check|optimize|repair|"
		"alter)|information_schema|performance_schema\"");

	finding_claims(x, s, ALL_ENTRIES, CLASS(NO_INDEX));
	x->counted = "statements";
	x->of = s->transactions;
	say(&x->saw,
		"The server says of %C of %C statements that it used no (good) index; they "
		"sent %C rows. ",
		x->count, x->of, c->rows);
	say_top(&x->saw, "The costliest", &c->index_top);
	say(&x->means, "It read whole tables for them: their time grows with the tables.");
	say(&x->next,
		"EXPLAIN of these statements; an index on the columns of their WHERE and JOIN "
		"(log_queries_not_using_indexes finds more).");
	say(&x->against, "For a small table, or all of its rows, no index is needed.");
}

static void list_errors(struct findings *f, const struct svc *s, const struct mysql_state *c)
{
	struct finding *x = finding_new(
		f, "mysql-error", "Errors of the database", s, &c->errors, "mysql.error_code > 0");

	finding_claims(x, s, ALL_ENTRIES, CLASS(ERROR));
	x->counted = "commands";
	x->of = svc_ended(s);
	if (reaches(x->count, x->of, f->limit.v[THRESHOLD_ERRORS]))
		finding_at_least(x, SEVERITY_WARNING);
	say(&x->saw, "%C of %C commands ended with an error. ", x->count, x->of);
	say_top(&x->saw, "Most of them", &c->error_top);
	say(&x->means, "%S",
		c->of_locks * 2 >= x->count
			? "Statements waited for locks of other transactions, until the wait "
			  "timed out (1205) or was a deadlock (1213)."
		: c->full * 2 >= x->count
			? "All connections that the server, or the user, may have are in use: "
			  "whoever has them holds them for long, or too many ask."
		: c->barred * 2 >= x->count
			? "The server does not let the client's host in: no account names it "
			  "(1130), or too many of its connections broke off before they had "
			  "logged in (1129)."
			: "The database refused what it was asked.");
	say(&x->next, "By number: 1040 max_connections, 1045 password and host, 1062 a duplicate, "
		      "1064 and 1146 the statement, 1129 mysqladmin flush-hosts and "
		      "max_connect_errors, 1130 an account for the host (its address, where "
		      "skip_name_resolve is on), 1205 and 1213 locks "
		      "(innodb_lock_wait_timeout, the order of updates).");
	say(&x->against, "A program may count on an error (a duplicate key) and handle it.");
}

static void list_again(struct findings *f, const struct svc *s, const struct mysql_state *c)
{
	struct finding *x = finding_new(f, "n-plus-one", "One statement over and over", s,
		&c->again, "type == mysql and query ~ \"^(?i)select\"");

	finding_claims(x, s, ALL_ENTRIES, CLASS(REPEATED));
	x->beyond = c->beyond;
	x->counted = "bursts";
	x->of = FIELD_ABSENT;
	x->if_felt = true;
	finding_at_least(x, SEVERITY_WARNING);
	say(&x->saw,
		"%C time%1 a connection sent the same SELECT again and again without a pause: "
		"%C of them, %C in the longest. ",
		x->count, x->count, c->repeated, c->longest);
	say_top(&x->saw, "Which", &c->again_top);
	say_repeats(f, s, &x->saw);
	say(&x->means,
		"A list is read, and then for each of its rows one more statement: many round "
		"trips where one would do (N+1).");
	say(&x->next, "Read them together: a JOIN, WHERE id IN (...), the eager loading of the "
		      "object mapper.");
	say(&x->against, "A benchmark, a cache that warms up or an export repeats one statement on "
			 "purpose.");
}

static void list_no_login(struct findings *f, const struct svc *s, const struct mysql_state *c)
{
	struct finding *x = finding_new(f, "mysql-no-login", "Clients connect and do not log in", s,
		&c->no_login, "mysql.command == LOGIN and status == Error");

	finding_claims(x, s, ALL_ENTRIES, CLASS(NO_LOGIN));
	x->counted = "connections";
	x->of = s->flows;
	finding_at_most(x, SEVERITY_WARNING);
	say(&x->saw,
		"On %C of %C connections the server greeted, nothing came, and the server "
		"closed after up to %T.",
		x->count, x->of, proof_most(&c->no_login));
	say(&x->means,
		"The client hangs, or it is none: a check that leaves its connection open, a "
		"pool that connects ahead. Each takes a place of max_connections for that "
		"time, and the server counts it as a failed login (Aborted_connects).");
	say(&x->next, "What runs at these clients; connect_timeout; after max_connect_errors of "
		      "them the server refuses the host (error 1129, FLUSH HOSTS).");
	say(&x->against, "Nobody may have waited: the time is the server's timeout.");
}

static void list_lag(struct findings *f, const struct svc *s, const struct mysql_state *c)
{
	struct finding *x = finding_new(f, "replication-lag", "A replica is behind", s, &c->behind,
		"tsumari.mysql.binlog.lag >= 2s");

	x->counted = "events";
	x->of = c->events;
	finding_at_least(x, c->lag >= 60 * (uint64_t)SECOND ? SEVERITY_CRITICAL : SEVERITY_WARNING);
	say(&x->saw,
		"%C of %C events of the binary log came up to %T later than the event with the "
		"least delay.",
		x->count, x->of, c->lag);
	if (c->acks)
		say(&x->saw,
			" Semi-synchronous commits waited %T on average for their "
			"acknowledgment.",
			c->semi_sync / c->acks);
	say(&x->means, "The replica gets changes this much after their statement began on the "
		       "master. How fast it applies them is not seen here.");
	say(&x->next,
		"On the replica SHOW REPLICA STATUS (Seconds_Behind_Source, Relay_Log_Space); "
		"large transactions; the network between them; sync_binlog and "
		"replica_parallel_workers.");
	say(&x->against,
		"A timestamp is the beginning of its statement, in whole seconds: one long "
		"statement, or a replica that catches up after it was stopped, looks the "
		"same. The clock's offset is taken from the least delay.");
}

static void list(struct findings *f)
{
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		const struct mysql_state *c = svc_has(s, DETECTOR_MYSQL);

		if (!c)
			continue;
		if (c->slow.count)
			list_slow(f, s, c);
		if (c->no_index.count)
			list_index(f, s, c);
		if (c->errors.count)
			list_errors(f, s, c);
		if (c->again.count)
			list_again(f, s, c);
		if (c->no_login.count)
			list_no_login(f, s, c);
		if (c->behind.count)
			list_lag(f, s, c);
	}
}

static void prepare(struct findings *f)
{
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		const struct mysql_state *c = svc_has(s, DETECTOR_MYSQL);

		f->more += c && c->again.count ? c->beyond : 0;
	}
}

static void release(void *state)
{
	keyed_free(((struct mysql_all *)state)->bursts);
}

static void release_service(void *state)
{
	struct mysql_state *c = state;

	top_release(&c->slow_top);
	top_release(&c->index_top);
	top_release(&c->error_top);
	top_release(&c->again_top);
}

const struct detector detect_mysql = {.size = sizeof(struct mysql_all),
	.service_size = sizeof(struct mysql_state),
	.protocol = "mysql",
	.table = {{offsetof(struct mysql_all, bursts),
		"findings: connections with statements in a row forgotten, too many"}},
	.kinds = OF_FLOW | OF_TXN,
	.record = record,
	.take_out = take_out,
	.prepare = prepare,
	.list = list,
	.release = release,
	.release_service = release_service};
