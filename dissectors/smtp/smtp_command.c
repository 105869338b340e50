/*
 * smtp_command.c - the commands of a client (RFC 5321, 4.1).
 */
#include "smtp.h"

/* Parameters of MAIL (RFC 1870, 6152, 6531). */
static void parameters(struct tsm_txn t, struct tsm_txn mail, struct view rest)
{
	for (unsigned i = 0; i < 32 && view_len(&rest); i++) {
		struct view p = word(&rest);
		uint64_t n;

		if (begins(p, "size=")) {
			p.p += 5;
			if (number(p, &n)) {
				tsm_u64(t, F_DECLARED, n);
				tsm_u64(mail, F_DECLARED, n);
			}
		} else if (begins(p, "body=")) {
			p.p += 5;
			tsm_str(t, F_BODY_TYPE, p);
			tsm_str(mail, F_BODY_TYPE, p);
		} else if (view_is(&p, "smtputf8")) {
			tsm_u64(t, F_UTF8, 1);
			tsm_u64(mail, F_UTF8, 1);
		}
	}
}

/* m: the mail that it begins; NULL where one is being made, and this will be refused. */
static void on_mail(struct session *s, struct tsm_txn t, const struct mail *m, struct view rest)
{
	struct view params, from = smtp_path_of(rest, 5, &params);
	struct tsm_txn mail = m ? tsm_find(s, m->key) : TSM_NONE;

	smtp_set_address(s, t, F_FROM, from);
	smtp_set_address(s, mail, F_FROM, from);
	parameters(t, mail, params);
}

static void on_rcpt(
	struct session *s, struct smtp *x, struct tsm_txn t, struct view rest, const uint8_t *at)
{
	struct mail *m = smtp_mail_of(x, x->open);
	struct view params, to = smtp_path_of(rest, 3, &params);
	uint8_t buf[320];
	size_t n = smtp_copy(s, buf, sizeof(buf), to);

	smtp_set_address(s, t, F_TO, to);
	if (!m)
		return;
	m->rcpts++;
	if (!m->rcpt)
		m->rcpt = tsm_time(s, at);
	if (x->to_len + n + 1 > sizeof(x->to)) {
		x->to_cut = true;
		return;
	}
	if (x->to_len)
		x->to[x->to_len++] = '\n';
	memcpy(x->to + x->to_len, buf, n);
	x->to_len = (uint16_t)(x->to_len + n);
}

/* BDAT: a size, perhaps LAST, and the bytes themselves right behind (RFC 3030, 2). */
static void on_bdat(struct smtp *x, struct tsm_txn t, struct view rest)
{
	struct view size = word(&rest);
	uint64_t n;

	if (!number(size, &n)) {
		tsm_flag(t, QUALITY_MALFORMED);
		return;
	}
	tsm_u64(t, F_CHUNK, n);
	x->chunk = n;
	x->last_chunk = view_is(&rest, "last");
	x->phase = CHUNK;
	if (!x->chunks++)
		smtp_message_begin(x);
	x->bytes += n;
}

static void start_hello(struct session *s, struct smtp *x, enum verb verb, struct view rest)
{
	struct view name = word(&rest);

	x->lmtp = verb == V_LHLO;
	x->hello = true;
	x->helo_len = (uint16_t)smtp_copy(s, x->helo, sizeof(x->helo), name);
}

/* What a command was for, in the columns method and path. */
static void describe(
	struct session *s, struct tsm_txn t, enum verb verb, struct view w, struct view rest)
{
	uint8_t name[16], buf[320];
	struct view object = rest, params;
	size_t n = 0;

	for (; n < sizeof(name) && n < view_len(&w); n++) {
		name[n] = upper(w.p[n]);
		if (name[n] < 'A' || name[n] > 'Z')
			break;
	}
	if (n < view_len(&w)) /* it could be anything, even a secret sent too late */
		n = 0;
	if (n)
		tsm_str(t, F_COMMAND, view_of(name, n, 0));
	if (verb == V_MAIL || verb == V_RCPT)
		object = smtp_path_of(rest, verb == V_MAIL ? 5 : 3, &params);
	else if (verb == V_BDAT || verb == V_AUTH || verb == V_EHLO || verb == V_HELO ||
		 verb == V_LHLO)
		object = word(&rest);
	else if (verb != V_VRFY && verb != V_EXPN && verb != V_ETRN)
		object = nothing();
	tsm_op(t, view_of(name, n, 0), view_of(buf, smtp_copy(s, buf, sizeof(buf), object), 0));
	if (verb == V_AUTH)
		tsm_str(t, F_MECHANISM, object);
}

/* A mail that is being made ends without a message: RSET, QUIT, a new hello. */
static void mail_dropped(struct session *s, struct smtp *x, const uint8_t *end)
{
	struct mail *m = smtp_mail_of(x, x->open);

	/* It may have been settled: by a message that was lost, or in a reply that was. */
	if (m && (m->replies_lost || (x->client_lost && (m->data || m->lost))))
		smtp_mail_give_up(s, x, m);
	else if (m)
		smtp_mail_sent(s, x, m, x->commands, end);
	x->client_lost = false;
}

/* Does a client that pipelines wait for the reply to this (RFC 2920, 3.1)? */
bool smtp_waits(enum verb verb)
{
	return verb != V_MAIL && verb != V_RCPT && verb != V_RSET && verb != V_BDAT &&
	       verb != V_OTHER && verb != V_NONE;
}

/* All commands up to this one have been answered, whatever was captured of it. */
void smtp_synchronise(struct session *s, struct smtp *x, uint32_t number)
{
	if (x->answered < number && number == x->commands)
		tsm_doubt(s); /* their replies were not seen, or nobody knows which these are */
	while (x->answered < number)
		tsm_abandon(s, tsm_find(s, command_key(++x->answered)));
	for (unsigned i = 0; i < MAILS_MAX; i++)
		if (x->mail[i].settled_by && x->mail[i].settled_by <= number)
			smtp_mail_give_up(s, x, &x->mail[i]);
	x->replies_lost = false;
	x->lost_before = 0;
	x->dropped = x->behind = false;
	x->tail = 0;
}

/* A number for a new command; where bytes were lost, what its coming says of the ones before. */
static void number_command(struct session *s, struct smtp *x, enum verb verb, const uint8_t *at)
{
	bool gap = x->lost_before == x->commands + 1;

	/* Where the one before was not captured nobody can tell whether it had been answered. */
	x->pipelines |= !x->heard && !gap && x->answered < x->commands;
	x->heard = false;
	if (x->replies_lost || x->lost_before) {
		if (gap ? !x->pipelines && !x->dropped && !x->behind
			: !x->pipelines || smtp_waits(x->last_verb))
			smtp_synchronise(s, x, x->commands);
	} else if (x->answered < x->commands) {
		x->pipelines = true;
	}
	x->hello |= !x->commands && !gap; /* the first of all: there was no hello */
	if (!x->commands++)
		x->since = tsm_time(s, at);
	x->last_verb = (uint8_t)verb;
}

void smtp_on_command(struct session *s, struct smtp *x, struct view line, const uint8_t *end)
{
	struct view rest = trimmed(line), w = word(&rest);
	enum verb verb = x->phase == RESYNC ? smtp_sure_command(line) : smtp_verb_of(w);
	struct mail *m = NULL;
	struct tsm_txn t;

	x->dropped |= verb == V_NONE && view_len(&w);
	if (verb == V_NONE || (begins(line, "PROXY TCP") && !x->commands))
		return;
	x->phase = COMMAND;
	/* Who has an answer for each recipient waits for all of them. */
	if (x->reply.open && !x->reply.under_way) {
		x->hello = true;
		smtp_reply_over(s, x, NULL);
	}
	number_command(s, x, verb, line.p);
	if (verb == V_MAIL && x->open && x->client_lost) /* how that ended was lost */
		smtp_mail_give_up(s, x, smtp_mail_of(x, x->open));
	if (verb == V_MAIL && !x->open) {
		m = smtp_mail_begin(s, x, line.p);
		x->client_lost = false; /* whatever was lost before */
	} else if (verb == V_RCPT || verb == V_DATA || verb == V_BDAT) {
		m = smtp_mail_open(s, x);
	}
	t = tsm_request(s, command_key(x->commands), line.p);
	tsm_set_tag(t, smtp_tag_of(verb, x->open, x->commands));
	tsm_name(t, F_RECORD, "command");
	describe(s, t, verb, w, rest);
	if (m && !m->data && (verb == V_DATA || verb == V_BDAT))
		m->data = tsm_time(s, line.p);
	switch (verb) {
	case V_EHLO:
	case V_HELO:
	case V_LHLO:
		start_hello(s, x, verb, rest);
		tsm_str(t, F_HELO, view_of(x->helo, x->helo_len, 0));
		mail_dropped(s, x, end);
		break;
	case V_MAIL:
		on_mail(s, t, m, rest);
		break;
	case V_RCPT:
		on_rcpt(s, x, t, rest, line.p);
		break;
	case V_DATA:
		x->phase = DATA_WAIT;
		x->chunks = 0;
		x->data_command = x->commands;
		x->unsure = false;
		smtp_message_begin(x);
		return; /* its end is that of the message, if the server wants one */
	case V_BDAT:
		on_bdat(x, t, rest);
		if (x->phase == CHUNK)
			return;
		break;
	case V_AUTH:
		x->phase = AUTH_WAIT;
		x->unsure = x->body_lost = false;
		return;
	case V_STARTTLS:
		x->phase = TLS_WAIT;
		x->unsure = false;
		mail_dropped(s, x, end);
		break;
	case V_RSET:
	case V_QUIT:
		mail_dropped(s, x, end);
		break;
	default:
		break;
	}
	tsm_request_end(s, t, end);
}
