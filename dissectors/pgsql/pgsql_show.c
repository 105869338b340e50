/*
 * pgsql_show.c - PostgreSQL explained: the messages that begin in one segment. Passwords, keys and
 * values of rows are not shown.
 */
#include "pgsql.h"
#include "show.h"

#define MESSAGES_MAX 100u

static void named(struct show *s, unsigned field, struct view *v)
{
	struct view text = view_text(v);

	if (view_len(&text))
		tsm_show_text(s, &pgsql_fields[field], text);
}

static void error(struct show *s, struct view v)
{
	while (view_len(&v) > 1) {
		uint8_t what = *v.p++;

		switch (what) {
		case 'S':
			named(s, F_ERROR_SEVERITY, &v);
			break;
		case 'C':
			named(s, F_ERROR_CODE, &v);
			break;
		case 'M':
			named(s, F_ERROR_MESSAGE, &v);
			break;
		default:
			(void)view_text(&v);
		}
	}
}

static void of_client(struct show *s, uint8_t type, struct view v)
{
	switch (type) {
	case 'Q':
		named(s, D_QUERY, &v);
		break;
	case 'P':
		named(s, F_STATEMENT, &v);
		named(s, D_QUERY, &v);
		break;
	case 'B':
		named(s, F_PORTAL, &v);
		named(s, F_STATEMENT, &v);
		break;
	case 'E':
		named(s, F_PORTAL, &v);
		break;
	case 'D':
	case 'C':
		type = view_len(&v) ? *v.p++ : 0;
		named(s, type == 'S' ? F_STATEMENT : F_PORTAL, &v);
		break;
	default:
		break;
	}
}

static void of_server(struct show *s, uint8_t type, struct view v)
{
	switch (type) {
	case 'E':
	case 'N':
		error(s, v);
		break;
	case 'C':
		named(s, F_TAG, &v);
		break;
	case 'S':
		named(s, D_PARAMETER, &v);
		named(s, D_VALUE, &v);
		break;
	case 'T':
		(void)show_be(s, &pgsql_fields[F_FIELDS], &v, 2);
		break;
	case 'Z':
		if (view_len(&v))
			tsm_show_code(s, &pgsql_fields[D_STATUS], v.p, 1, *v.p,
				*v.p == 'I'   ? "idle"
				: *v.p == 'T' ? "in a transaction"
					      : "in a failed transaction");
		break;
	case 'R':
		(void)show_be(s, &pgsql_fields[D_AUTH], &v, 4);
		break;
	case 'K':
		(void)show_be(s, &pgsql_fields[F_PROCESS], &v, 4);
		break;
	default:
		break;
	}
}

/* The first message, which has no type. */
static bool first(struct show *s, struct view *v)
{
	uint32_t len, code;
	struct view body;

	if (view_len(v) < 8 || pgsql_startup_like(*v) != PROBE_YES)
		return false;
	len = pgsql_be32(v->p);
	code = pgsql_be32(v->p + 4);
	body = view_of(v->p + 8, (len < view_len(v) ? len : view_len(v)) - 8, 0);
	tsm_show_group(s,
		code == CODE_SSL      ? "SSLRequest"
		: code == CODE_GSS    ? "GSSENCRequest"
		: code == CODE_CANCEL ? "CancelRequest"
				      : "StartupMessage",
		v->p, view_len(&body) + 8);
	tsm_show_u64(s, &pgsql_fields[D_LENGTH], v->p, 4, len);
	tsm_show_u64(s, &pgsql_fields[D_CODE], v->p + 4, 4, code);
	if (code == CODE_CANCEL)
		(void)show_be(s, &pgsql_fields[F_PROCESS], &body, 4);
	else
		while (view_len(&body) > 1) {
			named(s, D_PARAMETER, &body);
			named(s, D_VALUE, &body);
		}
	tsm_show_end(s);
	v->p += len < view_len(v) ? len : view_len(v);
	return true;
}

void pgsql_describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	(void)p;
	if (side == SIDE_CLIENT && first(s, &v) && !view_len(&v))
		return;
	for (unsigned i = 0; i < MESSAGES_MAX && view_len(&v) >= PGSQL_HEAD; i++) {
		const uint8_t *at = v.p;
		uint32_t len = pgsql_be32(at + 1), have;
		struct view body;

		if (len < 4 || !pgsql_plausible(side, *at, len - 4))
			break;
		have = len - 4 < view_len(&v) - PGSQL_HEAD ? len - 4
							   : (uint32_t)(view_len(&v) - PGSQL_HEAD);
		body = view_of(at + PGSQL_HEAD, have, 0);
		tsm_show_group(s, pgsql_type_name(side, *at), at, PGSQL_HEAD + have);
		tsm_show_name(s, &pgsql_fields[D_TYPE], at, 1, pgsql_type_name(side, *at));
		tsm_show_u64(s, &pgsql_fields[D_LENGTH], at + 1, 4, len);
		if (side == SIDE_CLIENT)
			of_client(s, *at, body);
		else
			of_server(s, *at, body);
		tsm_show_end(s);
		v.p += PGSQL_HEAD + have;
	}
	if (view_len(&v))
		tsm_show_u64(s, &pgsql_fields[D_REST], v.p, view_len(&v), view_len(&v));
}
