/*
 * smtp_mail.c - mail transactions (RFC 5321, 3.3), and the message in one (RFC 5322, 2.2).
 */
#include "smtp.h"

uint64_t smtp_tag_of(enum verb verb, uint32_t key, uint32_t number)
{
	return (uint64_t)verb | (uint64_t)(key & 0xffffff) << 8 | (uint64_t)number << 32;
}

struct mail *smtp_mail_of(struct smtp *x, uint32_t key)
{
	for (unsigned i = 0; key && i < MAILS_MAX; i++)
		if (x->mail[i].key == key)
			return &x->mail[i];
	return NULL;
}

void smtp_span(struct tsm_txn t, unsigned field, uint64_t from, uint64_t to)
{
	if (from && to)
		tsm_u64(t, field, to > from ? to - from : 0);
}

void smtp_recipients(struct smtp *x, struct tsm_txn t)
{
	if (x->to_len)
		tsm_str(t, F_TO, view_of(x->to, x->to_len, 0));
	if (x->to_cut)
		tsm_flag(t, QUALITY_TRUNCATED);
}

void smtp_mail_values(struct session *s, struct smtp *x, const struct mail *m)
{
	struct tsm_txn t = tsm_find(s, m->key);
	const uint64_t to_rcpt = m->rcpt ? m->rcpt : m->data;

	if (m->key == x->open)
		smtp_recipients(x, t);
	if (m->rcpts && !m->lost)
		tsm_u64(t, F_RCPT_COUNT, m->rcpts);
	if (m->rcpts && !m->lost && !m->replies_lost) {
		tsm_u64(t, F_ACCEPTED, m->accepted);
		tsm_u64(t, F_REJECTED, m->rejected);
	}
	if (m->lost)
		tsm_flag(t, QUALITY_GAP);
	smtp_span(t, F_TIME_MAIL, m->begin, to_rcpt);
	smtp_span(t, F_TIME_RCPT, m->rcpt, m->data);
	smtp_span(t, F_TIME_DATA, m->data, m->go);
	smtp_span(t, F_TIME_BODY, m->go ? m->go : m->data, m->end);
	if (m->end && !m->lost)
		tsm_u64(t, F_MESSAGE_BYTES, m->bytes);
}

void smtp_mail_forget(struct smtp *x, struct mail *m)
{
	if (m->key == x->open)
		x->open = 0;
	memset(m, 0, sizeof(*m));
}

void smtp_mail_give_up(struct session *s, struct smtp *x, struct mail *m)
{
	smtp_mail_values(s, x, m);
	tsm_doubt_of(tsm_find(s, m->key)); /* how it ended nobody has seen */
	tsm_abandon(s, tsm_find(s, m->key));
	smtp_mail_forget(x, m);
}

struct mail *smtp_mail_begin(struct session *s, struct smtp *x, const uint8_t *at)
{
	struct mail *m = &x->mail[0];
	struct tsm_txn t;

	for (unsigned i = 1; i < MAILS_MAX && m->key; i++)
		if (!x->mail[i].key || x->mail[i].key < m->key)
			m = &x->mail[i];
	if (m->key) {
		tsm_note(s, "smtp: too many mails unsettled, the oldest given up");
		smtp_mail_give_up(s, x, m);
	}
	memset(m, 0, sizeof(*m)); /* what was lost before is none of its */
	x->mails = x->mails % 0xffffff + 1;
	t = at ? tsm_request(s, x->mails, at) : tsm_open(s, x->mails);
	m->key = x->open = x->mails;
	m->begin = at ? tsm_time(s, at) : 0;
	m->lost = !at;
	m->begun_by = at ? x->commands : 0;
	x->to_len = 0;
	x->to_cut = false;
	tsm_composite(t);
	tsm_name(t, F_RECORD, "mail");
	tsm_op(t, text("mail"), nothing());
	if (x->helo_len)
		tsm_str(t, F_HELO, view_of(x->helo, x->helo_len, 0));
	return m;
}

struct mail *smtp_mail_open(struct session *s, struct smtp *x)
{
	if (!x->open && x->client_lost)
		return smtp_mail_begin(s, x, NULL);
	return smtp_mail_of(x, x->open);
}

void smtp_mail_sent(
	struct session *s, struct smtp *x, struct mail *m, uint32_t command, const uint8_t *end)
{
	m->settled_by = command;
	smtp_recipients(x, tsm_find(s, m->key));
	tsm_request_end(s, tsm_find(s, m->key), end);
	x->open = 0;
	x->to_len = 0;
	x->client_lost = false;
}

void smtp_message_begin(struct smtp *x)
{
	x->head_lines = x->head_bytes = 0;
	x->head_len = 0;
	x->header = H_OTHER;
	x->head_done = false;
	x->bytes = 0;
	x->body_lost = x->size_lost = false;
	x->matched = 2; /* the line before has ended */
}

void smtp_message_end(struct session *s, struct smtp *x, uint32_t command, const uint8_t *end)
{
	struct mail *m = smtp_mail_of(x, x->open);

	tsm_request_end(s, tsm_find(s, command_key(command)), end);
	if (m) {
		m->end = tsm_time(s, end ? end - 1 : NULL);
		m->bytes = x->size_lost ? FIELD_ABSENT : x->bytes;
		smtp_mail_sent(s, x, m, command, end);
	}
	x->chunks = 0;
	x->phase = COMMAND;
}

void smtp_chunk_end(struct session *s, struct smtp *x, const uint8_t *end)
{
	if (x->last_chunk) {
		smtp_message_end(s, x, x->commands, end);
		return;
	}
	tsm_request_end(s, tsm_find(s, command_key(x->commands)), end);
	x->phase = COMMAND;
}

void smtp_header_end(struct session *s, struct smtp *x)
{
	struct tsm_txn t = tsm_find(s, x->open);
	struct view v = trimmed(view_of(x->head, x->head_len, 0));

	if (view_len(&v) && x->header == H_SUBJECT && !tsm_mask_mail(s))
		tsm_str(t, F_SUBJECT, v);
	else if (view_len(&v) && x->header == H_MESSAGE_ID)
		tsm_str(t, F_MESSAGE_ID, v);
	x->header = H_OTHER;
	x->head_len = 0;
}

bool smtp_head_line(struct session *s, struct smtp *x, struct view line, size_t bytes)
{
	x->head_bytes += (uint32_t)bytes;
	if (view_len(&line) && (*line.p == ' ' || *line.p == '\t')) {
		if (x->header != H_OTHER)
			x->head_len = (uint16_t)(x->head_len +
						 put(x->head + x->head_len,
							 sizeof(x->head) - x->head_len, line));
		return ++x->head_lines < HEAD_LINES_MAX && x->head_bytes < HEAD_BYTES_MAX;
	}
	smtp_header_end(s, x);
	if (begins(line, "subject:")) {
		x->header = H_SUBJECT;
		line.p += 8;
	} else if (begins(line, "message-id:")) {
		x->header = H_MESSAGE_ID;
		line.p += 11;
	}
	if (x->header != H_OTHER)
		x->head_len = (uint16_t)put(x->head, sizeof(x->head), line);
	return view_len(&line) && ++x->head_lines < HEAD_LINES_MAX &&
	       x->head_bytes < HEAD_BYTES_MAX;
}

bool smtp_find_end(struct smtp *x, struct view *v)
{
	static const char mark[] = "\r\n.\r\n";
	const uint8_t *begin = v->p, *p;
	size_t n = 4;

	for (; x->matched && x->matched < 5 && v->p < v->end; v->p++) {
		if (*v->p == (uint8_t)mark[x->matched]) {
			x->matched++;
		} else if (*v->p == '\r') {
			x->matched = 1;
		} else {
			x->matched = 0;
			break;
		}
	}
	for (p = v->p; !x->matched && p < v->end; p++) {
		p = memchr(p, '.', (size_t)(v->end - p));
		if (!p || v->end - p < 3)
			break;
		if (p - v->p >= 2 && memcmp(p - 2, mark, 5) == 0) {
			v->p = p + 3;
			x->matched = 5;
		}
	}
	if (!x->matched) {
		n = view_len(v) < n ? view_len(v) : n;
		while (n && memcmp(v->end - n, mark, n) != 0)
			n--;
		x->matched = (uint8_t)n;
		v->p = v->end;
	}
	x->bytes += (uint64_t)(v->p - begin);
	return x->matched == 5;
}
