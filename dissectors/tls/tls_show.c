/* tls_show.c - one packet of TLS, explained. */
#include "tls.h"
#include "show.h"

static const char *record_name(unsigned type)
{
	static const char *const names[] = {
		"change cipher spec", "alert", "handshake", "application data"};

	return type >= CHANGE_CIPHER_SPEC && type <= APPLICATION ? names[type - CHANGE_CIPHER_SPEC]
								 : NULL;
}

static const char *message_name(unsigned type)
{
	switch (type) {
	case CLIENT_HELLO:
		return "client hello";
	case SERVER_HELLO:
		return "server hello";
	case 4:
		return "new session ticket";
	case 11:
		return "certificate";
	case 12:
		return "server key exchange";
	case 14:
		return "server hello done";
	case 16:
		return "client key exchange";
	case 20:
		return "finished";
	default:
		return NULL;
	}
}

static void show_extensions(struct show *s, struct view v, enum side side)
{
	struct view all = view_sub(&v, (size_t)view_be(&v, 2));

	for (unsigned i = 0; i < 64 && view_len(&all) >= 4; i++) {
		const uint8_t *at = all.p;
		uint64_t type = view_be(&all, 2);
		struct view body = view_sub(&all, (size_t)view_be(&all, 2));

		tsm_show_u64(s, &tls_fields[D_EXT], at, 2, type);
		if (type == EXT_NAME && side == SIDE_CLIENT && view_len(&body) > 5)
			tsm_show_text(s, &tls_fields[F_NAME],
				view_of(body.p + 5, view_len(&body) - 5, 0));
		else if (type == EXT_ALPN && view_len(&body) > 3 &&
			 body.p[2] <= view_len(&body) - 3)
			tsm_show_text(s, &tls_fields[F_ALPN], view_of(body.p + 3, body.p[2], 0));
		if (all.bad)
			return;
	}
}

static void show_hello(struct show *s, struct view v, enum side side)
{
	show_be(s, &tls_fields[D_HELLO_VERSION], &v, 2);
	(void)view_take(&v, 32);
	(void)view_sub(&v, (size_t)view_be(&v, 1));
	if (side == SIDE_CLIENT) {
		(void)view_sub(&v, (size_t)show_be(s, &tls_fields[D_SUITES], &v, 2));
		(void)view_sub(&v, (size_t)view_be(&v, 1));
	} else {
		const uint8_t *at = v.p;
		unsigned id = (unsigned)view_be(&v, 2);

		if (!v.bad)
			tsm_show_id(s, &tls_fields[F_CIPHER], at, 2, id, tls_suite_name(id));
		(void)view_be(&v, 1);
	}
	if (!v.bad && view_len(&v) > 2)
		show_extensions(s, v, side);
}

/* The first message of a handshake record in the clear: an encrypted one does not look like it. */
static void show_message(struct show *s, struct view v)
{
	const uint8_t *h = view_peek(&v, 4);
	size_t n;

	if (!h || h[1] || !message_name(h[0]))
		return;
	n = (size_t)h[2] << 8 | h[3];
	tsm_show_code(s, &tls_fields[D_MESSAGE], h, 1, h[0], message_name(h[0]));
	tsm_show_u64(s, &tls_fields[D_MESSAGE_LENGTH], h + 1, 3, n);
	v.p += 4;
	if (n < view_len(&v))
		v.end = v.p + n;
	if (h[0] == CLIENT_HELLO || h[0] == SERVER_HELLO)
		show_hello(s, v, h[0] == CLIENT_HELLO ? SIDE_CLIENT : SIDE_SERVER);
}

void tls_describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	(void)p;
	(void)side;
	for (unsigned i = 0; i < 64 && view_len(&v) >= HEADER; i++) {
		const uint8_t *h = v.p;
		size_t n = (size_t)h[3] << 8 | h[4];
		struct view body;

		if (!record_name(h[0]) || h[1] != 3 || !n || n > RECORD_MAX)
			break;
		v.p += HEADER;
		body = v;
		if (n < view_len(&v))
			body.end = v.p + n;
		v.p = body.end;
		tsm_show_group(s, "Record", h, HEADER + view_len(&body));
		tsm_show_code(s, &tls_fields[D_TYPE], h, 1, h[0], record_name(h[0]));
		tsm_show_u64(s, &tls_fields[D_VERSION], h + 1, 2, (unsigned)h[1] << 8 | h[2]);
		tsm_show_u64(s, &tls_fields[D_LENGTH], h + 3, 2, n);
		if (h[0] == HANDSHAKE)
			show_message(s, body);
		if (h[0] == ALERT && n == 2 && view_len(&body) == 2) {
			tsm_show_u64(s, &tls_fields[D_LEVEL], body.p, 1, body.p[0]);
			tsm_show_u64(s, &tls_fields[F_ALERT], body.p + 1, 1, body.p[1]);
		}
		tsm_show_end(s);
	}
	if (view_len(&v))
		tsm_show_u64(s, &tls_fields[D_REST], v.p, view_len(&v), view_len(&v));
}
