/*
 * find_smtp.c - SMTP: late greetings, greylisting, delays after errors, slow acceptance of mails.
 */
#include "findings/find_impl.h"

#define TRIES  4096u /* recipients that were put off */
#define ERRING 4096u /* connections with errors */

struct smtp_state {
	struct proof greeting, tarpit, queue, slow;
	uint64_t greetings, mails, longest_queue;
	struct top slow_top;
	struct proof grey; /* recipients put off, and accepted later */
	uint64_t put_off, delay, longest_delay;
};

struct try_key {
	struct addr server;
	uint64_t recipient; /* a hash */
};
struct
try {
	uint64_t first; /* when it was put off first; 0: not now */
	uint64_t frame;
};
struct smtp_all {
	struct keyed *tries, *errors; /* errors: uint64_t by flow */
};

static struct value_name record_kind = {"tsumari.smtp.record", NULL, -1},
			 reply_code = {"smtp.reply_code", NULL, -1},
			 command = {"smtp.command", NULL, -1},
			 recipient = {"email.to.address", NULL, -1};

static bool command_is(const struct txn_record *t, const char *what)
{
	const struct value *v = value_named(t, &command);

	return v && v->len == strlen(what) && memcmp(value_text(v), what, v->len) == 0;
}

static struct try *try_of(struct findings *f, const struct txn_record *t)
{
	struct smtp_all *all = f->state[DETECTOR_SMTP];
	const struct value *v = value_named(t, &recipient);
	struct try_key key;

	if (!v || !v->len)
		return NULL;
	if (!all->tries)
		all->tries = keyed_new(sizeof(key), sizeof(struct try), findings_room(f, TRIES));
	memset(&key, 0, sizeof(key));
	key.server = t->r.server.ip;
	key.recipient = hash_same(0, value_text(v), v->len);
	return keyed_renew(all->tries, &key);
}

static void add_recipient(
	struct findings *f, struct smtp_state *c, const struct txn_record *t, uint64_t code)
{
	struct try *x = code >= 200 && code < 500 ? try_of(f, t) : NULL;
	uint64_t delay;

	if (!x)
		return;
	if (code >= 400) {
		c->put_off++;
		if (!x->first) {
			x->first = t->r.start;
			x->frame = t->frame[3];
		}
		return;
	}
	if (!x->first)
		return;
	delay = t->r.end > x->first ? t->r.end - x->first : 0;
	proof_add(&c->grey, x->first, delay, x->frame);
	proof_frame(&c->grey, delay, t->frame[3]);
	proof_until(&c->grey, t->r.end);
	proof_client(&c->grey, &t->r.client.ip);
	c->delay += delay;
	c->longest_delay = delay > c->longest_delay ? delay : c->longest_delay;
	x->first = 0;
}

/* Replies of the connection that were errors, before this one. */
static uint64_t errors_before(struct findings *f, const struct txn_record *t, uint64_t code)
{
	struct smtp_all *all = f->state[DETECTOR_SMTP];
	uint64_t *n, before;

	if (!all->errors)
		all->errors =
			keyed_new(sizeof(uint64_t), sizeof(uint64_t), findings_room(f, ERRING));
	n = code >= 400 && code != FIELD_ABSENT ? keyed_renew(all->errors, &t->r.flow_id)
						: keyed_find(all->errors, &t->r.flow_id);
	before = n ? *n : 0;
	if (n && code >= 400 && code != FIELD_ABSENT)
		++*n;
	return before;
}

static void waited(
	struct findings *f, enum wait_class c, struct proof *p, const struct txn_record *t)
{
	claim(f, c);
	proof_add(p, t->r.start, t->ledger[LEDGER_SERVER], t->frame[2]);
	proof_until(p, t->r.end);
	proof_client(p, &t->r.client.ip);
}

static void add_command(struct findings *f, struct smtp_state *c, const struct txn_record *t)
{
	const struct value *v = value_named(t, &record_kind);
	uint64_t code = number_named(t, &reply_code), errors = errors_before(f, t, code);
	uint64_t server = t->total == FIELD_ABSENT ? 0 : t->ledger[LEDGER_SERVER];
	bool data = command_is(t, "DATA") || command_is(t, "BDAT");

	if (command_is(t, "RCPT"))
		add_recipient(f, c, t, code);
	if (v && v->name && strcmp(v->name, "greeting") == 0) {
		c->greetings++;
		if (server < f->limit.v[THRESHOLD_GREETING])
			return;
		waited(f, CLASS_GREETING, &c->greeting, t);
		return;
	}
	c->mails += data;
	if (server < f->limit.v[THRESHOLD_SLOW])
		return;
	if ((errors || (!data && code >= 400 && code != FIELD_ABSENT)) &&
		server >= f->limit.v[THRESHOLD_TARPIT]) {
		waited(f, CLASS_TARPIT, &c->tarpit, t);
	} else if (command_is(t, "QUIT")) {
		claim(f, CLASS_IDLE); /* what it had to say is said, and it need not wait */
	} else if (data) {
		waited(f, CLASS_QUEUE, &c->queue, t);
		c->longest_queue = server > c->longest_queue ? server : c->longest_queue;
	} else {
		waited(f, CLASS_SLOW, &c->slow, t);
		top_operation(&c->slow_top, t, server);
	}
}

static void record(struct findings *f, struct svc *s, const struct record *r)
{
	if (s && r->kind == RECORD_TXN && !r->composite && strcmp(r->type, "smtp") == 0 &&
		!((const struct txn_record *)r)->ended_by)
		add_command(f, svc_state(s, DETECTOR_SMTP), (const void *)r);
}

/* Of what a health check says: a greeting answers nothing. */
static void take_out(struct findings *f, struct svc *s, const struct record *r)
{
	const struct txn_record *t = (const void *)r;
	struct smtp_state *c = svc_has(s, DETECTOR_SMTP);
	uint64_t server;

	if (!c || r->kind != RECORD_TXN || strcmp(r->type, "smtp") != 0 || t->ended_by)
		return;
	server = t->total == FIELD_ABSENT ? 0 : t->ledger[LEDGER_SERVER];
	c->greetings -= !t->frame[0];
	if (!t->frame[0] && server >= f->limit.v[THRESHOLD_GREETING])
		proof_take_out(&c->greeting, r->start, server, t->frame[2]);
	else if (t->frame[0] && server >= f->limit.v[THRESHOLD_SLOW])
		proof_take_out(&c->slow, r->start, server, t->frame[2]);
}

static void list_greeting(struct findings *f, const struct svc *s, const struct smtp_state *c)
{
	struct finding *x = finding_new(f, "smtp-greeting", "Mail server greets late", s,
		&c->greeting, "tsumari.smtp.record == greeting");

	finding_claims(x, s, ALL_ENTRIES, CLASS(GREETING));
	x->of = c->greetings;
	say(&x->saw,
		"On %C of %C connections the server's greeting (220) took %T and more, up to "
		"%T.",
		x->count, x->of, f->limit.v[THRESHOLD_GREETING], proof_most(&c->greeting));
	say(&x->means, "Before it greets the server looks up the client's name, asks block lists, "
		       "or waits on purpose for clients that speak first (postscreen_greet_wait).");
	say(&x->next, "DNS from the server (the reverse name of the client, its block lists); "
		      "postscreen; max number of processes (smtpd in master.cf).");
	say(&x->against, "A pause before the greeting is a usual and wanted defence against "
			 "spammers.");
}

static void list_grey(struct findings *f, const struct svc *s, const struct smtp_state *c)
{
	struct finding *x = finding_new(f, "smtp-greylist", "Mail is greylisted", s, &c->grey,
		"smtp.command == RCPT and smtp.reply_code in {250, 450, 451, 452, 454}");

	x->beyond = c->grey.cost; /* between connections nothing is seen to wait */
	finding_at_least(x, SEVERITY_WARNING);
	x->counted = "recipients";
	x->of = FIELD_ABSENT;
	say(&x->saw,
		"%C recipient%1 refused for the time being (4yz, %C replies) and accepted "
		"later: after %T on average, at most %T.",
		x->count, x->count, c->put_off, c->delay / x->count, c->longest_delay);
	say(&x->means, "The server lets unknown senders come again: mail is late by the client's "
		       "retry time, nothing is lost.");
	say(&x->next, "The server's greylisting (delay, its list of known senders); the client's "
		      "queue (minimal_backoff_time); a fixed address for sending.");
	say(&x->against, "A recipient whose mailbox was full or locked for a while looks the same: "
			 "the reply's text tells.");
}

static void list_tarpit(struct findings *f, const struct svc *s, const struct smtp_state *c)
{
	struct finding *x = finding_new(f, "smtp-tarpit", "Delays after errors", s, &c->tarpit,
		"type == smtp and tsumari.ledger.server > 200ms");

	finding_claims(x, s, ALL_ENTRIES, CLASS(TARPIT));
	x->counted = "commands";
	x->of = s->transactions;
	say(&x->saw, "%C command%1 waited %T for replies that were errors, or came after errors.",
		x->count, x->count, x->local);
	say(&x->means, "The server slows down clients that make mistakes (Postfix: "
		       "smtpd_error_sleep_time after smtpd_soft_error_limit).");
	say(&x->next,
		"Why the client makes errors: unknown recipients, commands out of order, wrong "
		"credentials; only then the limits.");
	say(&x->against, "A server that is just slow would be slow before the first error, too.");
}

static void list_queue(struct findings *f, const struct svc *s, const struct smtp_state *c)
{
	struct finding *x = finding_new(f, "smtp-queue", "Mails are taken slowly", s, &c->queue,
		"smtp.command in {DATA, BDAT} and tsumari.ledger.server > 200ms");

	finding_claims(x, s, ALL_ENTRIES, CLASS(QUEUE));
	x->counted = "mails";
	x->of = c->mails;
	say(&x->saw, "Behind the end of %C of %C mails the reply took more than %T, up to %T.",
		x->count, x->of, f->limit.v[THRESHOLD_SLOW], c->longest_queue);
	say(&x->means,
		"Before it answers the server writes the mail to its queue and has it looked "
		"at: a slow disk (fsync), a content filter before the queue.");
	say(&x->next, "Milters and smtpd_proxy_filter (their log), iostat of the queue's disk, "
		      "scanning after the queue instead.");
	say(&x->against, "A large mail that is scanned for viruses takes its time.");
}

static void list_slow(struct findings *f, const struct svc *s, const struct smtp_state *c)
{
	struct finding *x = finding_new(f, "slow-server", "Slow answers of the server", s, &c->slow,
		"type == smtp and tsumari.ledger.server > 200ms");

	finding_claims(x, s, ALL_ENTRIES, CLASS(SLOW));
	x->counted = "commands";
	x->of = s->transactions;
	say(&x->saw, "%C of %C commands took the server more than %T. ", x->count, x->of,
		f->limit.v[THRESHOLD_SLOW]);
	say_top(&x->saw, "The costliest", &c->slow_top);
	say(&x->means, "The server worked before it answered: lookups, policy services.");
	say(&x->next, "Its log; policy services and address verification "
		      "(smtpd_recipient_restrictions), DNS, LDAP or SQL tables.");
	say(&x->against, "Some delays are meant to keep spammers busy.");
}

static void prepare(struct findings *f)
{
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		const struct smtp_state *c = svc_has(s, DETECTOR_SMTP);

		f->more += c ? c->grey.cost : 0;
	}
}

static void list(struct findings *f)
{
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		const struct smtp_state *c = svc_has(s, DETECTOR_SMTP);

		if (!c)
			continue;
		if (c->greeting.count)
			list_greeting(f, s, c);
		if (c->grey.count)
			list_grey(f, s, c);
		if (c->tarpit.count)
			list_tarpit(f, s, c);
		if (c->queue.count)
			list_queue(f, s, c);
		if (c->slow.count)
			list_slow(f, s, c);
	}
}

static void release(void *state)
{
	struct smtp_all *all = state;

	keyed_free(all->tries);
	keyed_free(all->errors);
}

static void release_service(void *state)
{
	top_release(&((struct smtp_state *)state)->slow_top);
}

const struct detector detect_smtp = {.size = sizeof(struct smtp_all),
	.service_size = sizeof(struct smtp_state),
	.protocol = "smtp",
	.table = {{offsetof(struct smtp_all, tries), "findings: recipients forgotten, too many"},
		{offsetof(struct smtp_all, errors),
			"findings: mail connections with errors forgotten, too many"}},
	.kinds = OF_TXN,
	.record = record,
	.take_out = take_out,
	.prepare = prepare,
	.list = list,
	.release = release,
	.release_service = release_service};
