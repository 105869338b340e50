/*
 * smtp_reply.c - the replies of a server (RFC 5321, 4.2): whose they are and what they settle.
 */
#include "smtp.h"

/* The server's reply ends a wait, or a message whose end was not seen. */
static void client_answered(struct session *s, struct smtp *x, struct tsm_txn t, struct mail *m)
{
	bool ours = x->reply.verb == V_DATA && x->reply.number == x->data_command;

	if ((x->phase == HEAD || x->phase == BODY) && ours) {
		bool ended = x->body_lost || x->reply.code < 400;

		if (ended) { /* in the lost bytes, or in another way than CRLF.CRLF */
			tsm_flag(t, x->body_lost ? QUALITY_GAP : QUALITY_AMBIGUOUS);
			x->phase = RESYNC;
		}
		if (m && !m->settled_by) {
			smtp_recipients(x, tsm_find(s, m->key));
			m->settled_by = x->reply.number;
			m->lost |= ended;
			x->open = 0;
		}
	} else if (x->phase == DATA_WAIT && ours) {
		tsm_request_end(s, t, NULL);
		x->phase = COMMAND;
	} else if ((x->phase == AUTH_WAIT || x->phase == CREDENTIALS) && x->reply.verb == V_AUTH) {
		if (!x->body_lost)
			tsm_request_end(s, t, NULL);
		x->phase = COMMAND;
	} else if (x->phase == TLS_WAIT && x->reply.verb == V_STARTTLS && x->reply.code != 220) {
		x->phase = COMMAND;
	} else if (!x->reply.number) {
		x->unsure = true;
	}
}

/*
 * Can a reply that begins with `line` be to the command? Its code, and its enhanced code (RFC
 * 3463), are of a sender's or a recipient's address, or of the farewell.
 */
static bool fits(struct session *s, const struct smtp *x, uint32_t number, struct view line)
{
	enum verb verb = (enum verb)(tsm_tag(tsm_find(s, command_key(number))) & 0xff);
	struct view words = view_of(line.p, view_len(&line), 0);
	bool sender, recipient, address;

	words.p += view_len(&words) < 4 ? view_len(&words) : 4;
	sender = begins(words, "2.1.0 ");
	recipient = begins(words, "2.1.5 ");
	address = begins(words, "5.1.") || begins(words, "4.1.");
	if (x->reply.code >= 400)
		return verb == V_QUIT ? x->reply.code == 421
				      : !address || verb == V_MAIL || verb == V_RCPT;
	if (x->reply.code == 220) /* else it is the greeting */
		return verb == V_STARTTLS;
	if (verb == V_QUIT || x->reply.code == 221)
		return verb == V_QUIT && x->reply.code == 221;
	return !(sender && (verb == V_RCPT || verb == V_BDAT)) &&
	       !(recipient && (verb == V_MAIL || verb == V_BDAT));
}

#define NOBODY UINT32_MAX /* it cannot be told whose reply it is */

/* The number of the command that a reply belongs to; 0: it was lost. Commands are answered in turn.
 */
static uint32_t whose(struct session *s, struct smtp *x, struct view line)
{
	uint32_t next = x->answered + 1, open = x->commands - x->answered;
	bool before_go = x->last_verb == V_DATA && x->phase == DATA_WAIT && x->reply.code < 400;

	/* Who the client is may show only when the server has said something already. */
	if (!open || (!x->answered && tsm_time(s, line.p) < x->since))
		return 0;
	if (x->joined && !fits(s, x, next, line)) { /* to one before the capture */
		x->pipelines = true;
		return open > 1 ? NOBODY : 0;
	}
	if (!x->replies_lost && (!x->lost_before || next < x->lost_before))
		return next;
	/* One that waits alone, if the reply can be to it, and not to a later one that was lost. */
	if (open > 1 || (x->lost_before == next && (x->dropped || x->behind)) ||
		(x->replies_lost && x->lost_before > next))
		return NOBODY;
	return before_go ? 0 : next;
}

/* The reply's first line tells whose it is. An intermediate one (3yz) is not yet the reply. */
static void reply_begin(struct session *s, struct smtp *x, struct view line)
{
	const uint8_t *at = line.p;
	struct tsm_txn t;
	struct mail *m;
	uint64_t tag;
	uint32_t number;

	x->reply.under_way = true;
	x->reply.len = 0;
	x->reply.interim = x->reply.code / 100 == 3;
	if (x->reply.interim || x->reply.more || x->reply.open) /* LMTP: the next recipient's */
		return;
	x->reply.first = x->greeting;
	x->greeting = false;
	if (x->reply.first) {
		t = tsm_greeting(s, at);
		x->reply.verb = V_NONE;
		x->reply.key = x->reply.number = 0;
		tsm_name(t, F_RECORD, "greeting");
		tsm_op(t, text("greeting"), nothing());
		return;
	}
	number = whose(s, x, line);
	x->reply.verb = V_NONE;
	x->reply.key = x->reply.number = 0;
	x->dropped &= number != 0;
	if (number == NOBODY || (!number && x->tail == x->reply.code)) {
		if (number == NOBODY) {
			tsm_note(s, "smtp: reply after a loss, its command not certain");
			tsm_doubt(s);
			for (unsigned i = 0; i < MAILS_MAX; i++)
				x->mail[i].replies_lost = true;
		}
		x->tail = 0;
		x->unsure = true;
		return;
	}
	t = number ? tsm_find(s, command_key(number)) : TSM_NONE;
	if (number)
		x->answered = number;
	for (unsigned i = 0; number && !tsm_is(t) && i < MAILS_MAX; i++)
		x->mail[i].replies_lost = true; /* too many were open to know whose it is */
	if (tsm_is(t))
		t = tsm_response(s, command_key(number), at);
	else if (!number)
		t = tsm_response(s, 0, at);
	tag = tsm_tag(t);
	x->reply.verb = (uint8_t)tag;
	x->reply.key = (uint32_t)(tag >> 8) & 0xffffff;
	x->reply.number = number;
	tsm_name(t, F_RECORD, "command");
	for (unsigned i = 0; i < MAILS_MAX; i++) /* of an earlier one: it was lost */
		if (x->mail[i].settled_by && x->mail[i].settled_by < x->reply.number)
			smtp_mail_give_up(s, x, &x->mail[i]);
	m = smtp_mail_of(x, x->reply.key);
	client_answered(s, x, t, m);
	if (!m)
		return;
	if (m->begun_by == x->reply.number && x->reply.code >= 400 && !m->settled_by)
		smtp_mail_sent(s, x, m, x->reply.number, NULL);
	if (m->settled_by != x->reply.number)
		return;
	if (tsm_is(tsm_find(s, m->key)))
		tsm_response(s, m->key, at);
	m->answered = tsm_time(s, at);
	if (!m->end)
		return;
	/* SMTP has one reply to a message, LMTP one for each recipient. */
	if (x->lmtp && m->accepted && !m->replies_lost && !m->lost)
		x->reply.more = m->accepted;
	else
		x->reply.open =
			x->lmtp ? m->lost || m->replies_lost
				: !x->hello && (m->accepted > 1 || m->lost || m->replies_lost);
}

/* 4yz and 5yz: whose error it is. */
static enum tsm_status_code status_of(unsigned code, bool greeting)
{
	if (code < 400)
		return STATUS_OK;
	return code < 500 || greeting ? STATUS_SERVER_ERROR : STATUS_CLIENT_ERROR;
}

static void reply_values(const struct smtp *x, struct tsm_txn t)
{
	struct view v = view_of(x->reply.text, x->reply.len, 0);
	struct view enhanced = smtp_enhanced_code(v, x->reply.code);

	tsm_u64(t, F_REPLY_CODE, x->reply.code);
	if (view_len(&v))
		tsm_str(t, F_REPLY, v);
	if (view_len(&enhanced))
		tsm_str(t, F_ENHANCED, enhanced);
	tsm_status(t, status_of(x->reply.code, x->reply.first));
}

/* The reply that ends a mail is complete. */
static void mail_settled(struct session *s, struct smtp *x, struct mail *m, const uint8_t *end)
{
	struct tsm_txn t = tsm_find(s, m->key);
	uint8_t verb = x->reply.verb;

	smtp_span(t, F_TIME_QUEUE, m->end, m->answered);
	if (verb == V_DATA || verb == V_BDAT || verb == V_MAIL) {
		reply_values(x, t);
		if (m->bad_code && x->lmtp) /* one recipient's is as good as all */
			tsm_status(t, status_of(m->bad_code, false));
		tsm_name(t, F_OUTCOME,
			x->reply.code < 400     ? "accepted"
			: m->failed && m->taken ? "partial"
						: "rejected");
	} else {
		if (m->bad_code)
			tsm_u64(t, F_REPLY_CODE, m->bad_code);
		tsm_status(t, status_of(m->bad_code, false));
		tsm_name(t, F_OUTCOME, m->bad_code ? "rejected" : "reset");
	}
	smtp_mail_values(s, x, m);
	tsm_response_end(s, t, end);
	smtp_mail_forget(x, m);
}

static void count_reply(struct smtp *x, struct mail *m)
{
	bool bad = x->reply.code >= 400;

	if (bad)
		m->bad_code = x->reply.code;
	if (x->reply.verb == V_RCPT) {
		m->accepted += !bad;
		m->rejected += bad;
	}
}

/*
 * LMTP (RFC 2033, 4.2): one of the replies to a message, each a recipient's. The message's own is
 * the first refusal, whichever place it has among them.
 */
static void recipient_reply(struct smtp *x, struct mail *m)
{
	size_t n = x->reply.len < sizeof(x->reply.bad) ? x->reply.len : sizeof(x->reply.bad);

	if (x->reply.code < 400) {
		m->taken++;
		return;
	}
	m->failed++;
	if (m->accepted)
		m->accepted--;
	m->rejected++;
	if (x->reply.bad_code)
		return;
	x->reply.bad_code = x->reply.code;
	x->reply.bad_len = (uint16_t)n;
	memcpy(x->reply.bad, x->reply.text, n);
}

static void first_refusal(struct smtp *x)
{
	if (!x->reply.bad_code)
		return;
	x->reply.code = x->reply.bad_code;
	x->reply.len = x->reply.bad_len;
	memcpy(x->reply.text, x->reply.bad, x->reply.bad_len);
	x->reply.bad_code = 0;
}

/* The server wants what DATA or AUTH announced. */
static void go_ahead(struct session *s, struct smtp *x, const uint8_t *end)
{
	struct mail *m;
	struct tsm_txn t;

	if (x->reply.code == 334) {
		if (x->phase == AUTH_WAIT || x->phase == RESYNC)
			x->phase = CREDENTIALS;
		return;
	}
	if (x->reply.code != 354 || x->phase == HEAD || x->phase == BODY)
		return;
	if (x->phase == DATA_WAIT) {
		if (x->replies_lost || x->lost_before)
			smtp_synchronise(s, x, x->data_command - 1);
	} else {
		if (!x->client_lost)
			return;
		smtp_synchronise(s, x, x->commands);
		smtp_mail_open(s, x); /* DATA itself was lost */
		x->data_command = ++x->commands;
		x->last_verb = V_DATA;
		t = tsm_open(s, command_key(x->commands));
		tsm_set_tag(t, smtp_tag_of(V_DATA, x->open, x->commands));
		tsm_name(t, F_RECORD, "command");
		tsm_op(t, text("DATA"), nothing());
		tsm_str(t, F_COMMAND, text("DATA"));
		smtp_message_begin(x);
	}
	x->phase = x->body_lost ? BODY : HEAD;
	m = smtp_mail_of(x, x->open);
	if (m)
		m->go = tsm_time(s, end - 1);
}

void smtp_reply_over(struct session *s, struct smtp *x, const uint8_t *end)
{
	struct tsm_txn t = tsm_current(s, SIDE_SERVER);
	struct mail *m = smtp_mail_of(x, x->reply.key);
	bool stuck;

	x->reply.open = false;
	first_refusal(x);
	reply_values(x, t);
	if (x->reply.verb == V_STARTTLS && x->reply.code == 220 && !x->reply.first)
		tsm_u64(t, F_TLS, 1);
	if (m && m->settled_by && m->settled_by == x->reply.number)
		mail_settled(s, x, m, end);
	/* A message that ended unseen will not mark the request's end. */
	stuck = tsm_same(tsm_current(s, SIDE_CLIENT), t) && x->phase != HEAD && x->phase != BODY;
	tsm_response_end(s, t, end);
	if (stuck)
		tsm_abandon(s, t);
	x->reply.number = x->reply.key = 0;
	x->reply.verb = V_NONE;
}

/* A reply is complete; true: the connection goes over to TLS. */
static bool reply_end(struct session *s, struct smtp *x, const uint8_t *end)
{
	struct mail *m = smtp_mail_of(x, x->reply.key);
	bool tls = x->reply.verb == V_STARTTLS && x->reply.code == 220 && !x->reply.first;

	x->reply.under_way = false;
	if (x->reply.interim) {
		go_ahead(s, x, end);
		return false;
	}
	if (m)
		count_reply(x, m);
	if (m && (x->reply.more || (x->reply.open && x->lmtp)))
		recipient_reply(x, m);
	if (x->reply.open || (x->reply.more && --x->reply.more))
		return false;
	smtp_reply_over(s, x, end);
	return tls;
}

/*
 * A reply behind the one to a message, where nobody knows how many there are: is it the next
 * recipient's? It is where no command waits for one, or one that it cannot be to. `at`: where it
 * begins.
 */
static void next_recipient(struct session *s, struct smtp *x, struct view line, uint16_t code)
{
	enum verb verb = (enum verb)(tsm_tag(tsm_find(s, command_key(x->reply.number + 1))) & 0xff);
	bool waits = x->commands > x->reply.number;
	struct mail *m = smtp_mail_of(x, x->reply.key);

	if (m && waits && verb != V_QUIT && !x->hello) { /* it may be either's */
		smtp_mail_give_up(s, x, m);
		tsm_abandon(s, tsm_current(s, SIDE_SERVER));
		x->reply.open = false;
		x->replies_lost = true;
		return;
	}
	/* 421: the server gives up, whoever waits. */
	if (!m || code == 421 || (waits && (verb != V_QUIT || code == 221))) {
		smtp_reply_over(s, x, line.p);
		return;
	}
	if (!x->lmtp) {
		x->lmtp = x->hello = true;
		recipient_reply(x, m); /* the one before was the first recipient's */
	}
	if (!m->lost && !m->replies_lost && m->accepted + m->failed > 1) {
		x->reply.more = m->accepted + m->failed - 1;
		x->reply.open = false;
	}
}

bool smtp_reply_line(struct session *s, struct smtp *x, struct view line, const uint8_t *end)
{
	bool last = view_len(&line) < 4 || line.p[3] == ' ';
	size_t room;

	if (!smtp_is_reply(line)) {
		if (!x->server_lost)
			tsm_note(s, "smtp: not a reply where one should be");
		return false;
	}
	x->server_lost = false;
	if (!x->reply.under_way) {
		uint16_t code = (uint16_t)((line.p[0] - 48) * 100 + (line.p[1] - 48) * 10 +
					   (line.p[2] - 48));

		if (x->reply.open)
			next_recipient(s, x, line, code);
		x->reply.code = code;
		reply_begin(s, x, line);
	}
	if (x->reply.len && x->reply.len < sizeof(x->reply.text))
		x->reply.text[x->reply.len++] = '\n';
	room = sizeof(x->reply.text) - x->reply.len;
	line.p += view_len(&line) < 4 ? 3 : 4;
	x->reply.len = (uint16_t)(x->reply.len +
				  smtp_copy(s, x->reply.text + x->reply.len, room, trimmed(line)));
	return last && reply_end(s, x, end);
}
