/*
 * http_show.c - HTTP/1 explained: the lines of a message's head (RFC 9112), as far as one packet
 * holds them. A packet in the middle of a message is its bytes.
 */
#include "dissector.h"
#include "http_show.h"
#include "http.h"
#include "show.h"

#define HEADERS_MAX 200u

static void version(struct show *s, struct view v)
{
	if (view_len(&v) > 5)
		v.p += 5; /* HTTP/ */
	tsm_show_text(s, &http_fields[F_VERSION], v);
}

static void request_line(struct show *s, struct view line)
{
	struct view method = before(&line, ' '), target = line;
	const uint8_t *last = memrchr(line.p, ' ', view_len(&line));

	tsm_show_text(s, &http_fields[F_REQ_METHOD], method);
	if (last)
		target.end = last;
	tsm_show_text(s, &http_fields[D_TARGET], target);
	if (last)
		version(s, view_of(last + 1, (size_t)(line.end - last) - 1, 0));
}

static void status_line(struct show *s, struct view line)
{
	struct view v = before(&line, ' '), code = before(&line, ' ');
	unsigned n = 0;

	version(s, v);
	for (const uint8_t *p = code.p; p < code.end && is_digit(*p) && n < 1000; p++)
		n = n * 10 + (*p - 48u);
	tsm_show_u64(s, &http_fields[F_RES_STATUS], code.p, view_len(&code), n);
	if (view_len(&line))
		tsm_show_text(s, &http_fields[F_RES_PHRASE], line);
}

void http_describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	struct view line;
	bool first = true;

	(void)p;
	if ((side == SIDE_CLIENT ? request_like(v) : status_like(v)) == PROBE_NO) {
		tsm_show_u64(s, &http_fields[D_BODY], v.p, view_len(&v), view_len(&v));
		return;
	}
	for (unsigned i = 0; i < HEADERS_MAX && view_line(&v, &line); i++) {
		if (!view_len(&line) && !first)
			break;
		if (!view_len(&line))
			continue;
		if (!first)
			tsm_show_text(s, &http_fields[D_HEADER], line);
		else if (side == SIDE_CLIENT)
			request_line(s, line);
		else
			status_line(s, line);
		first = false;
	}
	if (view_len(&v))
		tsm_show_u64(s, &http_fields[D_BODY], v.p, view_len(&v), view_len(&v));
}
