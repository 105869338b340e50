/*
 * smtp.c - SMTP and LMTP (RFC 5321, 2033), with pipelining (2920), size (1870), chunks (3030),
 * STARTTLS (3207), AUTH (4954), enhanced status codes (2034, 3463) and UTF-8 addresses (6531).
 *
 * Each command and its reply is a transaction, the greeting is one, and so is each mail: from MAIL
 * to the reply that settles it. An intermediate reply (3yz) is not the reply. A message's head is
 * read for its subject and identifier, its body is searched for its end and never kept; credentials
 * are not looked at. After lost bytes a line counts as a command only where it reads like one.
 *
 * Status: 4yz, the server cannot now, is an error of the server; 5yz, it will not take this, one
 * of the client, but for the greeting: who refuses everybody blames nobody.
 */
#include "smtp.h"

const struct field smtp_fields[] = {
	[F_RECORD] = FIELD("tsumari.smtp.record", "Record",
		"greeting, command, or mail (MAIL to the reply that settles it)", FIELD_NAME, 8),
	[F_COMMAND] = FIELD("smtp.command", "Command", "Command, in capitals", FIELD_STR, 8),
	[F_HELO] = FIELD(
		"smtp.helo", "Helo", "Name the client gave in EHLO, HELO or LHLO", FIELD_STR, 20),
	[F_REPLY_CODE] = FIELD("smtp.reply_code", "Code", "Code of the final reply", FIELD_U64, 4),
	[F_REPLY] = FIELD(
		"smtp.reply", "Reply", "Text of the final reply, its lines kept", FIELD_STR, 30),
	[F_RCPT_COUNT] = FIELD(
		"smtp.rcpt_count", "Rcpts", "Recipients the client named in a mail", FIELD_U64, 5),
	[F_TLS] = FIELD("smtp.tls", "TLS", "The connection goes on in TLS", FIELD_BOOL, 5),
	[F_FROM] =
		FIELD("email.from.address", "From", "Envelope sender (MAIL FROM)", FIELD_STR, 24),
	[F_TO] = FIELD_WITH("email.to.address", "To", "Envelope recipients (RCPT TO)", FIELD_STR,
		24, FIELD_F_LIST),
	[F_SUBJECT] = FIELD("email.subject", "Subject", "Subject header, as sent", FIELD_STR, 30),
	[F_MESSAGE_ID] =
		FIELD("email.message_id", "Message-ID", "Message-ID header", FIELD_STR, 30),
	[F_ENHANCED] = FIELD("tsumari.smtp.enhanced_code", "Enhanced",
		"Enhanced status code of the final reply (RFC 3463)", FIELD_STR, 8),
	[F_MECHANISM] =
		FIELD("tsumari.smtp.auth_mechanism", "AUTH", "Mechanism asked for", FIELD_STR, 10),
	[F_DECLARED] = FIELD("tsumari.smtp.declared_size", "Declared", "SIZE that MAIL declared",
		FIELD_BYTES, 9),
	[F_BODY_TYPE] = FIELD("tsumari.smtp.body_type", "Body",
		"BODY that MAIL declared: 7BIT, 8BITMIME or BINARYMIME", FIELD_STR, 10),
	[F_UTF8] = FIELD("tsumari.smtp.utf8", "UTF-8", "MAIL asked for SMTPUTF8", FIELD_BOOL, 5),
	[F_CHUNK] = FIELD(
		"tsumari.smtp.chunk_size", "Chunk", "Size of this BDAT chunk", FIELD_BYTES, 9),
	[F_MESSAGE_BYTES] = FIELD("tsumari.smtp.message_bytes", "Message",
		"Message on the wire, without the line that ends it", FIELD_BYTES, 9),
	[F_ACCEPTED] = FIELD("tsumari.smtp.rcpt_accepted", "Accepted",
		"Recipients the server accepted", FIELD_U64, 5),
	[F_REJECTED] = FIELD("tsumari.smtp.rcpt_rejected", "Rejected",
		"Recipients the server rejected", FIELD_U64, 5),
	[F_OUTCOME] = FIELD("tsumari.smtp.outcome", "Outcome",
		"Of a mail: accepted, rejected, partial (LMTP: refused for some recipients), or "
		"reset (the client gave it up)",
		FIELD_NAME, 8),
	[F_TIME_MAIL] = FIELD("tsumari.smtp.time.mail", "T mail",
		"MAIL to the first RCPT: the sender and its reply", FIELD_DURATION, 9),
	[F_TIME_RCPT] = FIELD("tsumari.smtp.time.rcpt", "T rcpt",
		"First RCPT to DATA (or BDAT): the recipients and their replies", FIELD_DURATION,
		9),
	[F_TIME_DATA] = FIELD("tsumari.smtp.time.data", "T data", "DATA to the server's go-ahead",
		FIELD_DURATION, 9),
	[F_TIME_BODY] = FIELD("tsumari.smtp.time.body", "T body",
		"Go-ahead (or first BDAT) to the end of the message", FIELD_DURATION, 9),
	[F_TIME_QUEUE] = FIELD("tsumari.smtp.time.queue", "T queue",
		"End of the message to the reply to it", FIELD_DURATION, 9),
	[D_COMMAND] = FIELD_SHOWN("smtp.req.command", "Command", "Verb of the command.", FIELD_STR),
	[D_PARAMETER] =
		FIELD_SHOWN("smtp.req.parameter", "Parameter", "What follows it.", FIELD_STR),
	[D_CODE] = FIELD_SHOWN("smtp.response.code", "Code", "Code of the reply.", FIELD_U64),
	[D_TEXT] = FIELD_SHOWN("smtp.rsp.parameter", "Text", "The reply in words.", FIELD_STR),
	[D_LINE] = FIELD_SHOWN("smtp.line", "Line", "A line that is no command.", FIELD_STR),
	[D_REST] = FIELD_SHOWN("smtp.rest", "Bytes", "Bytes without a line's end.", FIELD_BYTES),
	FIELDS_END,
};

/* Nobody will say how the server answered: reads on by what comes. False: more is needed. */
static bool decide(struct session *s, struct smtp *x, struct view *v, struct take *t)
{
	struct view rest = *v, line;

	if (x->phase == TLS_WAIT && *v->p == 0x16) {
		tsm_switch(s, NULL);
		return false;
	}
	if (x->phase != DATA_WAIT) {
		x->phase = RESYNC;
		return true;
	}
	if (!view_line(&rest, &line)) {
		if (view_len(v) < 512) {
			t->need = (uint32_t)view_len(v) + 1;
			return false;
		}
		line = rest;
	}
	if (smtp_sure_command(line) != V_NONE) {
		x->phase = RESYNC;
		return true;
	}
	x->phase = x->body_lost ? BODY : HEAD;
	if (x->replies_lost || x->lost_before)
		smtp_synchronise(s, x, x->data_command - 1);
	return true;
}

/* A whole line of the client, or as much of it as is read. */
static void client_line(struct session *s, struct smtp *x, struct view line, const uint8_t *end)
{
	bool crlf = end[-1] == '\n' && end - line.p >= 2 && end[-2] == '\r';

	if (x->phase == CREDENTIALS) {
		x->phase = AUTH_WAIT;
		return;
	}
	if (x->phase != HEAD) {
		smtp_on_command(s, x, line, end);
		return;
	}
	x->bytes += (uint64_t)(end - line.p);
	if (view_len(&line) == 1 && *line.p == '.' && crlf && x->matched == 2) {
		smtp_header_end(s, x);
		x->bytes -= 3;
		smtp_message_end(s, x, x->data_command, end);
		return;
	}
	x->matched = crlf ? 2 : 0;
	if (!smtp_head_line(s, x, line, (size_t)(end - line.p))) {
		smtp_header_end(s, x);
		x->phase = BODY;
	}
}

/* Within a chunk: the message's head is read where the chunk holds it, the rest is passed over. */
static bool chunk(struct session *s, struct smtp *x, struct view *v, struct take *t)
{
	struct view part, line;

	while (x->chunk && !x->head_done) {
		size_t have = view_len(v) < x->chunk ? view_len(v) : (size_t)x->chunk;

		part = view_of(v->p, have, 0);
		if (!view_line(&part, &line)) {
			if (have < x->chunk && have < 1024) {
				t->need = (uint32_t)have + 1;
				return false;
			}
			x->head_done = true; /* the chunk or a long line ends it */
			break;
		}
		if (!smtp_head_line(s, x, line, (size_t)(part.p - line.p)))
			x->head_done = true;
		x->chunk -= (uint64_t)(part.p - v->p);
		v->p = part.p;
	}
	if (x->chunk) {
		t->skip = x->chunk;
		x->chunk = 0;
		return false;
	}
	if (x->last_chunk || x->head_done)
		smtp_header_end(s, x);
	smtp_chunk_end(s, x, v->p);
	return true;
}

/* Does what comes next of the client depend on the server's reply? */
static bool waits(const struct smtp *x)
{
	return x->phase == DATA_WAIT || x->phase == AUTH_WAIT || x->phase == TLS_WAIT;
}

static struct take client_data(struct session *s, struct smtp *x, struct view *v)
{
	struct take t = {0, 0, false};
	struct view line;

	x->holds = false;
	for (;;) {
		size_t have = view_len(v);

		if (x->phase == CHUNK) {
			if (!chunk(s, x, v, &t))
				return t;
			continue;
		}
		if (!have)
			return t;
		if (waits(x)) {
			t.need = TAKE_HOLD;
			x->holds = x->begun[SIDE_SERVER] && !x->unsure;
			if (x->holds)
				return t;
			t.need = 0;
			if (!decide(s, x, v, &t))
				return t;
			continue;
		}
		if (x->phase == BODY) {
			if (!smtp_find_end(x, v))
				return t;
			x->bytes -= 3;
			smtp_message_end(s, x, x->data_command, v->p);
			continue;
		}
		if (!view_line_from(v, &line, x->scanned[0])) {
			if (have < LINE_BYTES_MAX) {
				x->scanned[0] = (uint32_t)have;
				t.need = (uint32_t)have + 1;
				return t;
			}
			x->scanned[0] = 0;
			if (x->phase == HEAD) {
				smtp_header_end(s, x);
				x->phase = BODY;
				x->matched = 0;
				continue;
			}
			tsm_note(s, "smtp: line over the limit, not read");
			x->rest_of_line = true;
			v->p = v->end;
			return t;
		}
		x->scanned[0] = 0;
		if (x->rest_of_line)
			x->rest_of_line = false;
		else
			client_line(s, x, line, v->p);
	}
}

/* Did the server's go-ahead make it send what was announced? */
static bool goes_on(const struct smtp *x)
{
	return x->phase == HEAD || x->phase == BODY || x->phase == CREDENTIALS;
}

static struct take server_data(struct session *s, struct smtp *x, struct view *v)
{
	struct take t = {0, 0, false};
	struct view line;

	x->heard = true;
	while (view_len(v)) {
		size_t have = view_len(v);

		if (!view_line_from(v, &line, x->scanned[1])) {
			x->scanned[1] = (uint32_t)have;
			t.need = (uint32_t)have + 1;
			if (have < LINE_BYTES_MAX)
				return t;
			tsm_note(s, "smtp: line over the limit, not read");
			x->scanned[1] = 0;
			t.need = 0;
			v->p = v->end;
			return t;
		}
		x->scanned[1] = 0;
		if (smtp_reply_line(s, x, line, v->p)) {
			for (unsigned i = 0; i < MAILS_MAX; i++)
				if (x->mail[i].key)
					smtp_mail_give_up(s, x, &x->mail[i]);
			tsm_switch(s, NULL);
			return t;
		}
		/* What the client sent without waiting for the go-ahead comes before the rest. */
		if (view_len(v) && !x->reply.under_way &&
			((x->reply.interim && x->begun[SIDE_CLIENT] && goes_on(x)) ||
				(x->holds && !waits(x)))) {
			x->reply.interim = false;
			t.need = TAKE_HOLD;
			return t;
		}
	}
	return t;
}

/* What the client has said before its first byte that was captured: something or nothing. */
static void client_unknown(struct smtp *x, bool unknown)
{
	if (x->commands || (x->phase != COMMAND && x->phase != RESYNC))
		return;
	x->client_lost = x->joined = unknown;
	x->lost_before = unknown ? 1 : 0;
	x->phase = unknown ? RESYNC : COMMAND;
}

static struct take data(struct session *s, void *state, enum side side, struct view *v)
{
	struct smtp *x = state;

	/* Lines show where one is; what a line is not known to be is passed over here. */
	if (!x->begun[SIDE_CLIENT] && !x->begun[SIDE_SERVER]) {
		tsm_go_on(s, SIDE_CLIENT);
		tsm_go_on(s, SIDE_SERVER);
	}
	if (!x->begun[side] && view_len(v)) {
		x->begun[side] = true;
		if (side == SIDE_SERVER) {
			x->greeting = tsm_from_start(s, side);
			x->server_lost = !x->greeting;
			if (!x->greeting && !x->begun[SIDE_CLIENT])
				client_unknown(x, true);
			/* It may have answered in what was not captured. */
			x->replies_lost = !x->greeting && x->commands;
		} else {
			client_unknown(x, !tsm_from_start(s, side));
			x->behind = x->joined && tsm_behind_rest(s, v->p);
		}
	}
	if (side == SIDE_SERVER)
		return server_data(s, x, v);
	return client_data(s, x, v);
}

static void client_gap(struct session *s, struct smtp *x, uint64_t n)
{
	struct mail *m = smtp_mail_of(x, x->open);

	x->client_lost = true;
	x->rest_of_line = false;
	x->scanned[0] = 0;
	x->header = H_OTHER;
	x->head_len = 0;
	if (m)
		tsm_flag(tsm_find(s, m->key), QUALITY_GAP);
	switch (x->phase) {
	case HEAD:
	case BODY:
		x->phase = BODY;
		x->matched = 0;
		x->bytes += n;
		x->body_lost = true;
		return;
	case DATA_WAIT:
	case AUTH_WAIT:
	case CREDENTIALS:
	case TLS_WAIT:
		x->size_lost = true;
		x->body_lost = true;
		return;
	case CHUNK:
		x->head_done = true;
		if (n <= x->chunk) {
			x->chunk -= n;
			if (!x->chunk)
				smtp_chunk_end(s, x, NULL);
			return;
		}
		break;
	default:
		break;
	}
	if (m)
		m->lost = true;
	/* A client that speaks on has its replies, if it is one that waits for them. */
	if (x->replies_lost && (!x->pipelines || smtp_waits(x->last_verb)))
		smtp_synchronise(s, x, x->commands);
	x->lost_before = x->commands + 1;
	x->phase = RESYNC;
}

static void server_gap(struct session *s, struct smtp *x)
{
	for (unsigned i = 0; i < MAILS_MAX; i++) {
		struct mail *m = &x->mail[i];

		m->replies_lost = true;
		if (m->key && m->settled_by && m->settled_by == x->reply.number)
			smtp_mail_give_up(s, x, m);
	}
	x->server_lost = true;
	x->heard = true;
	x->greeting = false;
	x->scanned[1] = 0;
	x->tail = x->reply.under_way && !x->reply.interim ? x->reply.code : 0;
	x->replies_lost = x->answered < x->commands;
	if (x->phase == BODY && x->body_lost) /* both the end and the reply to it may be gone */
		x->phase = RESYNC;
	x->reply.under_way = false;
	x->reply.more = 0;
	x->reply.open = false;
	x->reply.number = x->reply.key = 0;
	x->unsure = true;
}

static void gap(struct session *s, void *state, enum side side, uint64_t n)
{
	struct smtp *x = state;

	x->begun[side] = true;
	tsm_go_on(s, side);
	if (side == SIDE_CLIENT)
		client_gap(s, x, n);
	else
		server_gap(s, x);
}

static void end(struct session *s, void *state, enum side side, enum tsm_end why)
{
	struct smtp *x = state;

	x->ended[side] = true;
	if (side == SIDE_SERVER && x->reply.open && (why == END_FIN || why == END_RST))
		smtp_reply_over(s, x, NULL);
	for (unsigned i = 0; x->ended[!side] && i < MAILS_MAX; i++)
		if (x->mail[i].key) {
			/* LMTP: those that were accepted may still be refused. */
			x->mail[i].replies_lost |= x->lmtp || !x->hello;
			smtp_mail_values(s, x, &x->mail[i]);
			x->mail[i].key = 0;
		}
}

/* A line that a server surely sends, or may send. */
static enum tsm_probe reply_like(struct view v)
{
	struct view rest = v, line, enhanced;
	unsigned class = view_len(&v) ? *v.p - '0' : 0;

	for (size_t i = 0; i < 4 && i < view_len(&v); i++)
		if (i < 3 ? !is_digit(v.p[i]) : v.p[i] != ' ' && v.p[i] != '-')
			return PROBE_NO;
	if (view_len(&v) && (class < 2 || class > 5))
		return PROBE_NO;
	if (!view_line(&rest, &line))
		return view_len(&v) < 512 ? PROBE_MAYBE : PROBE_NO;
	if (rest.p - v.p < 2 || rest.p[-2] != '\r') /* as lines of texts that begin with a number */
		return PROBE_MAYBE;
	line.p += 4 < view_len(&line) ? 4 : view_len(&line);
	enhanced = smtp_enhanced_code(line, class * 100);
	if (view_len(&enhanced))
		return PROBE_YES;
	for (; view_len(&line) >= 4; line.p++)
		if (begins(line, "smtp") || begins(line, "lmtp"))
			return PROBE_YES;
	return begins(v, "354 ") ? PROBE_YES : PROBE_MAYBE;
}

/* A line that a client surely sends, or may send: other protocols have a QUIT as well. */
static enum tsm_probe command_like(struct view v)
{
	struct view rest = v, line;

	if (view_len(&v) && (upper(*v.p) < 'A' || upper(*v.p) > 'Z'))
		return PROBE_NO;
	if (!view_line(&rest, &line)) {
		for (size_t i = 0; i < view_len(&v); i++)
			if (v.p[i] < ' ' && v.p[i] != '\r' && v.p[i] != '\t')
				return PROBE_NO;
		return view_len(&v) < 512 ? PROBE_MAYBE : PROBE_NO;
	}
	switch (smtp_sure_command(line)) {
	case V_EHLO:
	case V_HELO:
	case V_LHLO:
	case V_MAIL:
	case V_RCPT:
	case V_DATA:
	case V_BDAT:
		return PROBE_YES;
	case V_NONE:
		return PROBE_NO;
	default:
		return PROBE_MAYBE;
	}
}

static enum tsm_probe probe(struct view head, enum side side)
{
	enum tsm_probe reply = reply_like(head), command = command_like(head);

	if (!view_len(&head))
		return PROBE_MAYBE;
	if (side == SIDE_SERVER) {
		enum tsm_probe t = reply;

		reply = command;
		command = t;
	}
	if (command == PROBE_YES)
		return PROBE_YES;
	if (reply == PROBE_YES)
		return PROBE_SWAPPED;
	return command == PROBE_MAYBE || reply == PROBE_MAYBE ? PROBE_MAYBE : PROBE_NO;
}

/*
 * Lines of a message may be commands. Where one ends behind them, with a dot, they are: the dot's
 * line, or NULL.
 */
static const uint8_t *message_end(struct view v)
{
	struct view line;

	while (view_line(&v, &line)) {
		enum verb verb = smtp_sure_command(line);

		if (verb == V_DATA || verb == V_BDAT)
			return NULL;
		if (view_len(&line) == 1 && *line.p == '.')
			return line.p;
	}
	return NULL;
}

/* Where the connection began before the capture: a line of the client that is a command. */
static enum tsm_probe sync(struct session *s, void *state, enum side side, struct view *v)
{
	bool first = tsm_takes_turn(s, v->p);
	struct view rest = *v, line;
	const uint8_t *lf;

	(void)state;
	if (side == SIDE_SERVER) {
		enum tsm_probe r = first ? reply_like(*v) : PROBE_NO;

		/* Whose protocol it is, the client has shown, or does. */
		return r == PROBE_MAYBE && view_line(&rest, &line) ? PROBE_YES : r;
	}
	if (!first) {
		lf = memchr(v->p, '\n', view_len(v));
		v->p = lf ? lf : v->end;
		if (!lf)
			return PROBE_NO;
		rest.p = lf + 1;
	}
	if (!view_line(&rest, &line))
		return PROBE_MAYBE;
	if (smtp_sure_command(line) == V_NONE)
		return PROBE_NO;
	lf = first ? NULL : message_end(rest);
	if (lf) {
		v->p = lf; /* the line behind it is asked of next */
		return PROBE_NO;
	}
	v->p = line.p;
	return PROBE_YES;
}

static const struct claim claims[] = {
	{TABLE_TCP_PORT, 24}, /* LMTP */
	{TABLE_TCP_PORT, 25},
	{TABLE_TCP_PORT, 587},
	{TABLE_TCP_PORT, 2003}, /* LMTP */
	{TABLE_TCP_PORT, 2525},
	{TABLE_END, 0},
};

static const char *const checks[] = {
	"greeting", "HELO", "EHLO", "LHLO", "NOOP", "RSET", "QUIT", NULL};

static const struct tsm_model model = {.kind = KIND_MAIL, .check_methods = checks};

TSM_DISSECTOR(smtp) = {
	TSM_HEAD,
	.name = "smtp",
	.title = "Simple Mail Transfer Protocol, and LMTP",
	.claims = claims,
	.fields = smtp_fields,
	.state_size = sizeof(struct smtp),
	.traits = TRAIT_SERVER_FIRST | TRAIT_IN_ORDER,
	.probe = probe,
	.data = data,
	.gap = gap,
	.end = end,
	.describe = smtp_describe,
	.sync = sync,
	.model = &model,
};
