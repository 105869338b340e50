/*
 * One application message of bench-gen: spans of stored text and of described filler, read back in
 * pieces as TCP cuts and repeats them.
 */
#include "gen.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPAN_TEXT = -1 };

void message_reset(struct message *msg)
{
	msg->nspans = msg->text_len = msg->len = msg->hint = 0;
}

void message_release(struct message *msg)
{
	free(msg->spans);
	free(msg->text);
	memset(msg, 0, sizeof(*msg));
}

static void add_span(struct message *msg, int32_t kind, uint32_t from, uint32_t len)
{
	struct span *last = msg->nspans ? &msg->spans[msg->nspans - 1] : NULL;

	if (last && kind == SPAN_TEXT && last->kind == SPAN_TEXT) {
		last->len += len;
	} else {
		if (msg->nspans == msg->span_cap) {
			msg->span_cap = msg->span_cap ? msg->span_cap * 2 : 2;
			msg->spans = xrealloc(msg->spans, msg->span_cap, sizeof(*msg->spans));
		}
		msg->spans[msg->nspans++] =
			(struct span){.start = msg->len, .len = len, .from = from, .kind = kind};
	}
	msg->len += len;
}

static char *text_room(struct message *msg, size_t len)
{
	if (msg->text_len + len > msg->text_cap) {
		msg->text_cap = (uint32_t)(msg->text_len + len) * 2;
		msg->text = xrealloc(msg->text, msg->text_cap, 1);
	}
	return msg->text + msg->text_len;
}

static void text_added(struct message *msg, size_t len)
{
	add_span(msg, SPAN_TEXT, msg->text_len, (uint32_t)len);
	msg->text_len += (uint32_t)len;
}

void message_bytes(struct message *msg, const void *bytes, size_t len)
{
	if (!len)
		return;
	memcpy(text_room(msg, len), bytes, len);
	text_added(msg, len);
}

void message_printf(struct message *msg, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(line))
		die("message line too long");
	message_bytes(msg, line, (size_t)n);
}

void message_fill(struct sim *sim, struct message *msg, enum fill kind, uint32_t len)
{
	if (len)
		add_span(msg, (int32_t)kind, rnd_below(sim, FILL_SIZE), len);
}

void message_copy(
	const struct sim *sim, struct message *msg, uint32_t off, uint32_t len, uint8_t *to)
{
	uint32_t i = msg->hint;

	if (off < msg->spans[i].start)
		i = 0;
	while (off >= msg->spans[i].start + msg->spans[i].len)
		i++;
	msg->hint = i;
	for (; len; i++) {
		const struct span *s = &msg->spans[i];
		const uint32_t skip = off - s->start;
		const uint32_t n = s->len - skip < len ? s->len - skip : len;

		if (s->kind == SPAN_TEXT)
			memcpy(to, msg->text + s->from + skip, n);
		else
			memcpy(to, sim->fill[s->kind] + (s->from + skip) % FILL_SIZE, n);
		to += n;
		off += n;
		len -= n;
	}
}
