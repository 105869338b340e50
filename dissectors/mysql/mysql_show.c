/*
 * mysql_show.c - MySQL explained: the packets that begin in one segment, with what their first
 * bytes say. Which form a response's packet has depends on what was asked, so only those are told
 * apart that look like no other. Authentication data is not shown.
 */
#include "mysql.h"
#include "show.h"

#define PACKETS_MAX 100u

static void command(struct show *s, struct view v)
{
	uint8_t c = *v.p;

	tsm_show_code(s, &mysql_fields[F_COMMAND], v.p, 1, c, mysql_command_name(c));
	v.p++;
	switch (c) {
	case COM_QUERY:
	case COM_STMT_PREPARE:
	case COM_INIT_DB:
		tsm_show_text(s, &mysql_fields[D_QUERY], v);
		break;
	case COM_STMT_EXECUTE:
	case COM_STMT_CLOSE:
	case COM_STMT_RESET:
	case COM_STMT_FETCH:
	case COM_STMT_SEND_LONG_DATA:
		if (view_len(&v) >= 4)
			tsm_show_u64(s, &mysql_fields[F_STATEMENT], v.p, 4,
				v.p[0] | (uint64_t)v.p[1] << 8 | (uint64_t)v.p[2] << 16 |
					(uint64_t)v.p[3] << 24);
		break;
	default:
		break;
	}
}

static void error(struct show *s, struct view v)
{
	const uint8_t *at = v.p + 1;

	tsm_show_name(s, &mysql_fields[D_KIND], v.p, 1, "error");
	v.p++;
	tsm_show_u64(s, &mysql_fields[F_ERRNO], at, 2, view_le(&v, 2));
	if (view_len(&v) >= 6 && *v.p == '#') {
		tsm_show_text(s, &mysql_fields[F_SQLSTATE], view_of(v.p + 1, 5, 0));
		v.p += 6;
	}
	tsm_show_text(s, &mysql_fields[F_MESSAGE], v);
}

static void lenenc(struct show *s, const struct field *f, struct view *v)
{
	const uint8_t *at = v->p;
	uint64_t n = mysql_lenenc(v);

	if (!v->bad)
		tsm_show_number(s, f, at, (size_t)(v->p - at), n, NULL);
}

static void greeting(struct show *s, struct view v)
{
	tsm_show_name(s, &mysql_fields[D_KIND], v.p, 1, "greeting");
	v.p++;
	tsm_show_text(s, &mysql_fields[F_VERSION], view_text(&v));
}

static void response(struct show *s, unsigned sequence, struct view v)
{
	size_t n = view_len(&v);

	if (*v.p == 0xff && n >= 3) {
		error(s, v);
	} else if (*v.p == 10 && sequence == 0 && n > 30) {
		greeting(s, v);
	} else if (*v.p == 0xfe && n <= 5) {
		tsm_show_name(s, &mysql_fields[D_KIND], v.p, 1, "end of rows");
	} else if (*v.p == 0 && sequence == 1 && n >= 7) {
		tsm_show_name(s, &mysql_fields[D_KIND], v.p, 1, "OK");
		v.p++;
		lenenc(s, &mysql_fields[F_AFFECTED], &v);
		lenenc(s, &mysql_fields[F_INSERT_ID], &v);
	} else if (sequence == 1 && n <= 3) {
		tsm_show_name(s, &mysql_fields[D_KIND], v.p, 1, "result set");
		lenenc(s, &mysql_fields[F_FIELDS], &v);
	}
}

void mysql_describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	(void)p;
	for (unsigned i = 0; i < PACKETS_MAX && view_len(&v) >= MYSQL_HEAD; i++) {
		const uint8_t *at = v.p;
		size_t n = (size_t)view_le(&v, 3);
		unsigned sequence = (unsigned)view_le(&v, 1);
		struct view body = v;

		/* A client's packet that begins here holds a command or a login. */
		if (i == 0 && n > view_len(&v) + v.cut && n > MYSQL_SQL_MAX) {
			v.p = at;
			break;
		}
		if (n < view_len(&v))
			body.end = v.p + n;
		v.p = body.end;
		tsm_show_group(s, "Packet", at, MYSQL_HEAD + view_len(&body));
		tsm_show_u64(s, &mysql_fields[D_LENGTH], at, 3, n);
		tsm_show_u64(s, &mysql_fields[D_SEQUENCE], at + 3, 1, sequence);
		if (view_len(&body) && side == SIDE_SERVER)
			response(s, sequence, body);
		else if (view_len(&body) && sequence == 0)
			command(s, body);
		tsm_show_end(s);
	}
	if (view_len(&v))
		tsm_show_u64(s, &mysql_fields[D_REST], v.p, view_len(&v), view_len(&v));
}
