/*
 * http_show.c - HTTP/1 explained: the lines of a message's head (RFC 9112), as far as one packet
 * holds them. A packet in the middle of a message is its bytes.
 */
#include "dissector.h"
#include "http_show.h"
#include "http_text.h"
#include "show.h"

#define HEADERS_MAX 200u

enum { D_METHOD, D_TARGET, D_VERSION, D_STATUS, D_PHRASE, D_HEADER, D_BODY };

static const struct field parts[] = {
	[D_METHOD] = FIELD_SHOWN("http.request.method", "Method", "What is asked for.", FIELD_STR),
	[D_TARGET] =
		FIELD_SHOWN("http.request.uri", "Target", "As the client wrote it.", FIELD_STR),
	[D_VERSION] = FIELD_SHOWN("http.version", "Version", "Version of the message.", FIELD_STR),
	[D_STATUS] = FIELD_SHOWN(
		"http.response.status_code", "Status", "How it was answered.", FIELD_U64),
	[D_PHRASE] = FIELD_SHOWN(
		"http.response.status_phrase", "Phrase", "The same in words.", FIELD_STR),
	[D_HEADER] = FIELD_SHOWN("http.header", "Header", "A line of the head.", FIELD_STR),
	[D_BODY] = FIELD_SHOWN("http.body", "Body", "Bytes of the body here.", FIELD_BYTES),
};

static void version(struct show *s, struct view v)
{
	if (view_len(&v) > 5)
		v.p += 5; /* HTTP/ */
	tsm_show_text(s, &parts[D_VERSION], v);
}

static void request_line(struct show *s, struct view line)
{
	struct view method = before(&line, ' '), target = line;
	const uint8_t *last = memrchr(line.p, ' ', view_len(&line));

	tsm_show_text(s, &parts[D_METHOD], method);
	if (last)
		target.end = last;
	tsm_show_text(s, &parts[D_TARGET], target);
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
	tsm_show_u64(s, &parts[D_STATUS], code.p, view_len(&code), n);
	if (view_len(&line))
		tsm_show_text(s, &parts[D_PHRASE], line);
}

void http_describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	struct view line;
	bool first = true;

	(void)p;
	if ((side == SIDE_CLIENT ? request_like(v) : status_like(v)) == PROBE_NO) {
		tsm_show_u64(s, &parts[D_BODY], v.p, view_len(&v), view_len(&v));
		return;
	}
	for (unsigned i = 0; i < HEADERS_MAX && view_line(&v, &line); i++) {
		if (!view_len(&line) && !first)
			break;
		if (!view_len(&line))
			continue;
		if (!first)
			tsm_show_text(s, &parts[D_HEADER], line);
		else if (side == SIDE_CLIENT)
			request_line(s, line);
		else
			status_line(s, line);
		first = false;
	}
	if (view_len(&v))
		tsm_show_u64(s, &parts[D_BODY], v.p, view_len(&v), view_len(&v));
}
