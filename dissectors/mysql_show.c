/*
 * mysql_show.c - MySQL explained: the packets that begin in one segment, with what their first
 * bytes say. Which form a response's packet has depends on what was asked, so only those are told
 * apart that look like no other. Authentication data is not shown.
 */
#include "mysql.h"
#include "show.h"

#define PACKETS_MAX 100u

enum {
	D_LENGTH,
	D_SEQUENCE,
	D_COMMAND,
	D_QUERY,
	D_STATEMENT,
	D_VERSION,
	D_ERRNO,
	D_STATE,
	D_MESSAGE,
	D_AFFECTED,
	D_INSERT_ID,
	D_COLUMNS,
	D_KIND,
	D_REST
};

static const struct field parts[] = {
	[D_LENGTH] =
		FIELD_SHOWN("mysql.packet_length", "Length", "Bytes of the packet.", FIELD_BYTES),
	[D_SEQUENCE] = FIELD_SHOWN(
		"mysql.packet_number", "Number", "Counts packets of a command.", FIELD_U64),
	[D_COMMAND] = FIELD_SHOWN("mysql.command", "Command", "What is asked for.", FIELD_U64),
	[D_QUERY] = FIELD_SHOWN("mysql.query", "Statement", "The statement.", FIELD_STR),
	[D_STATEMENT] = FIELD_SHOWN(
		"mysql.statement_id", "Stmt", "Number of a prepared statement.", FIELD_U64),
	[D_VERSION] = FIELD_SHOWN("mysql.server_version", "Version", "Of the server.", FIELD_STR),
	[D_ERRNO] = FIELD_SHOWN("mysql.error_code", "Errno", "Number of the error.", FIELD_U64),
	[D_STATE] =
		FIELD_SHOWN("tsumari.mysql.sqlstate", "SQLSTATE", "Class of the error.", FIELD_STR),
	[D_MESSAGE] = FIELD_SHOWN("mysql.error_message", "Error", "The error in words.", FIELD_STR),
	[D_AFFECTED] = FIELD_SHOWN("mysql.affected_rows", "Affected", "Rows changed.", FIELD_U64),
	[D_INSERT_ID] = FIELD_SHOWN("mysql.insert_id", "Insert id", "The key given.", FIELD_U64),
	[D_COLUMNS] =
		FIELD_SHOWN("mysql.num_fields", "Fields", "Columns of the result.", FIELD_U64),
	[D_KIND] = FIELD_SHOWN("mysql.response", "Response", "What the packet is.", FIELD_NAME),
	[D_REST] = FIELD_SHOWN(
		"mysql.payload", "Bytes", "Bytes in the middle of a packet.", FIELD_BYTES),
};

static void command(struct show *s, struct view v)
{
	uint8_t c = *v.p;

	tsm_show_code(s, &parts[D_COMMAND], v.p, 1, c, mysql_command_name(c));
	v.p++;
	switch (c) {
	case COM_QUERY:
	case COM_STMT_PREPARE:
	case COM_INIT_DB:
		tsm_show_text(s, &parts[D_QUERY], v);
		break;
	case COM_STMT_EXECUTE:
	case COM_STMT_CLOSE:
	case COM_STMT_RESET:
	case COM_STMT_FETCH:
	case COM_STMT_SEND_LONG_DATA:
		if (view_len(&v) >= 4)
			tsm_show_u64(s, &parts[D_STATEMENT], v.p, 4,
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

	tsm_show_name(s, &parts[D_KIND], v.p, 1, "error");
	v.p++;
	tsm_show_u64(s, &parts[D_ERRNO], at, 2, view_le(&v, 2));
	if (view_len(&v) >= 6 && *v.p == '#') {
		tsm_show_text(s, &parts[D_STATE], view_of(v.p + 1, 5, 0));
		v.p += 6;
	}
	tsm_show_text(s, &parts[D_MESSAGE], v);
}

static void lenenc(struct show *s, const struct field *f, struct view *v)
{
	const uint8_t *at = v->p;
	uint64_t n = mysql_lenenc(v);

	if (!v->bad)
		tsm_show_u64(s, f, at, (size_t)(v->p - at), n);
}

static void greeting(struct show *s, struct view v)
{
	tsm_show_name(s, &parts[D_KIND], v.p, 1, "greeting");
	v.p++;
	tsm_show_text(s, &parts[D_VERSION], mysql_text(&v));
}

static void response(struct show *s, unsigned sequence, struct view v)
{
	size_t n = view_len(&v);

	if (*v.p == 0xff && n >= 3) {
		error(s, v);
	} else if (*v.p == 10 && sequence == 0 && n > 30) {
		greeting(s, v);
	} else if (*v.p == 0xfe && n <= 5) {
		tsm_show_name(s, &parts[D_KIND], v.p, 1, "end of rows");
	} else if (*v.p == 0 && sequence == 1 && n >= 7) {
		tsm_show_name(s, &parts[D_KIND], v.p, 1, "OK");
		v.p++;
		lenenc(s, &parts[D_AFFECTED], &v);
		lenenc(s, &parts[D_INSERT_ID], &v);
	} else if (sequence == 1 && n <= 3) {
		tsm_show_name(s, &parts[D_KIND], v.p, 1, "result set");
		lenenc(s, &parts[D_COLUMNS], &v);
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
		tsm_show_u64(s, &parts[D_LENGTH], at, 3, n);
		tsm_show_u64(s, &parts[D_SEQUENCE], at + 3, 1, sequence);
		if (view_len(&body) && side == SIDE_SERVER)
			response(s, sequence, body);
		else if (view_len(&body) && sequence == 0)
			command(s, body);
		tsm_show_end(s);
	}
	if (view_len(&v))
		tsm_show_u64(s, &parts[D_REST], v.p, view_len(&v), view_len(&v));
}
