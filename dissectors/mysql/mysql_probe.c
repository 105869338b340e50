/*
 * mysql_probe.c - what bytes look like that may be a packet of MySQL: for recognising a connection
 * that began before the capture, and for getting back in step after bytes were lost.
 */
#include "mysql.h"

static bool printable(const uint8_t *p, const uint8_t *end)
{
	for (; p < end; p++)
		if (*p < ' ' || *p == 0x7f)
			return false;
	return true;
}

/*
 * An error in the greeting's place. It is not of protocol 4.1, as none was agreed on: no SQLSTATE
 * tells it from other bytes, but it is the only packet, and all of it is text.
 */
static enum tsm_probe refusal_like(const uint8_t *p, size_t n)
{
	uint32_t len = mysql_length(p), code;

	if (n < 8)
		return len > 8 && len < 512 ? PROBE_MAYBE : PROBE_NO;
	code = p[5] | (uint32_t)p[6] << 8;
	if (len < 9 || len >= 512 || code < 1000 || code > 9999 || (p[7] < 'A' && p[7] != '#') ||
		!printable(p + 7, p + (n < len + MYSQL_HEAD ? n : len + MYSQL_HEAD)))
		return PROBE_NO;
	if (n < len + MYSQL_HEAD)
		return PROBE_MAYBE;
	return n == len + MYSQL_HEAD ? PROBE_YES : PROBE_NO;
}

/* The server's first packet: Protocol::HandshakeV10, or an error. */
enum tsm_probe mysql_greeting_like(struct view v)
{
	size_t n = view_len(&v);
	const uint8_t *p = v.p, *zero;

	if (n < 6)
		return !n || (n < 3 || p[2] == 0) ? PROBE_MAYBE : PROBE_NO;
	if (p[3] == 0 && p[4] == 0xff)
		return refusal_like(p, n);
	if (p[3] != 0 || p[4] != 0x0a || p[5] < '0' || p[5] > '9' || p[2] || p[1] > 2)
		return PROBE_NO;
	zero = memchr(p + 5, 0, n - 5);
	if (!printable(p + 5, zero ? zero : v.end))
		return PROBE_NO;
	if (!zero)
		return n < 256 ? PROBE_MAYBE : PROBE_NO;
	return mysql_length(p) >= (size_t)(zero - p) - MYSQL_HEAD + 32 ? PROBE_YES : PROBE_NO;
}

/* A login before protocol 4.1 is little more than a name: nobody can be sure of it. */
static enum tsm_probe old_login_like(const uint8_t *p, size_t n, uint32_t len)
{
	const uint8_t *user = p + MYSQL_HEAD + 5, *zero;

	if (len < 7 || len > 255)
		return PROBE_NO;
	if (n <= MYSQL_HEAD + 5)
		return PROBE_MAYBE;
	zero = memchr(user, 0, n - MYSQL_HEAD - 5);
	return printable(user, zero ? zero : p + n) ? PROBE_MAYBE : PROBE_NO;
}

/* The client's first packet. */
enum tsm_probe mysql_login_like(struct view v)
{
	size_t n = view_len(&v);
	const uint8_t *p = v.p, *zero;
	uint32_t len;

	if (n < 6)
		return !n || n < 3 || (!p[2] && (n < 4 || p[3] == 1)) ? PROBE_MAYBE : PROBE_NO;
	len = mysql_length(p);
	if (p[3] != 1 || len > MYSQL_LOGIN_MAX)
		return PROBE_NO;
	if (!((p[4] | (uint32_t)p[5] << 8) & CLIENT_PROTOCOL_41))
		return old_login_like(p, n, len);
	if (len < 32)
		return PROBE_NO;
	for (size_t i = 13; i < 32 && i < n; i++) /* reserved, and MariaDB's own four bytes */
		if (p[i])
			return PROBE_NO;
	if (n < MYSQL_HEAD + 32)
		return PROBE_MAYBE;
	if (len == 32)
		return p[5] & CLIENT_SSL >> 8 ? PROBE_YES : PROBE_NO;
	zero = memchr(p + 36, 0, n - 36);
	if (!printable(p + 36, zero ? zero : v.end))
		return PROBE_NO;
	return zero ? PROBE_YES : n < 512 ? PROBE_MAYBE : PROBE_NO;
}

/* Does the text begin as a statement does? */
static bool statement_like(const uint8_t *p, const uint8_t *end)
{
	static const char *const verbs[] = {"alter", "analyze", "begin", "binlog", "call", "change",
		"check", "commit", "create", "deallocate", "delete", "desc", "describe", "do",
		"drop", "execute", "explain", "flush", "grant", "handler", "insert", "kill", "load",
		"lock", "optimize", "prepare", "purge", "release", "rename", "repair", "replace",
		"reset", "revoke", "rollback", "savepoint", "select", "set", "show", "signal",
		"start", "stop", "table", "truncate", "unlock", "update", "use", "values", "with",
		"xa"};
	struct view word = {p, end, 0, false};
	const uint8_t *q;

	while (word.p < end && (*word.p == ' ' || *word.p == '\n' || *word.p == '\r' ||
				       *word.p == '\t' || *word.p == '('))
		word.p++;
	if (end - word.p >= 2 && word.p[0] == '/' && word.p[1] == '*')
		return true;
	for (q = word.p; q < end && q - word.p < 12 && (*q | 32) >= 'a' && (*q | 32) <= 'z'; q++)
		;
	word.end = q;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (view_is(&word, verbs[i]))
			return true;
	return false;
}

static enum tsm_probe sql_like(const uint8_t *p, const uint8_t *end)
{
	if (end - p < 12)
		return statement_like(p, end) ? PROBE_YES : PROBE_MAYBE;
	if (p[1] == 1 && *p == 0) /* no query attributes */
		return sql_like(p + 2, end) == PROBE_NO ? PROBE_NO : PROBE_YES;
	if (p[1] == 1 && *p < 0xfb) { /* which of them are null; their types follow */
		size_t types = 2 + (*p + 7u) / 8;

		return types >= (size_t)(end - p) ? PROBE_MAYBE
		       : p[types] == 1            ? PROBE_YES
						  : PROBE_NO;
	}
	return statement_like(p, end) ? PROBE_YES : PROBE_NO;
}

/* Lengths that a command's packet may have; 0: it is looked at otherwise, or not known. */
static bool length_fits(uint8_t command, uint32_t len)
{
	switch (command) {
	case COM_QUIT:
	case COM_STATISTICS:
	case COM_PROCESS_INFO:
	case COM_DEBUG:
	case COM_PING:
	case COM_RESET_CONNECTION:
		return len == 1;
	case COM_REFRESH:
	case COM_SHUTDOWN:
		return len == 2;
	case COM_SET_OPTION:
		return len == 3;
	case COM_PROCESS_KILL:
	case COM_STMT_CLOSE:
	case COM_STMT_RESET:
		return len == 5;
	case COM_STMT_FETCH:
		return len == 9;
	case COM_STMT_EXECUTE:
		return len >= 10;
	case COM_INIT_DB:
	case COM_CREATE_DB:
	case COM_DROP_DB:
		return len >= 2 && len < 256;
	case COM_FIELD_LIST:
		return len >= 3 && len < 512;
	case COM_QUERY:
	case COM_STMT_PREPARE:
		return len >= 3;
	case COM_BINLOG_DUMP:
		return len >= 11 && len < 600;
	case COM_BINLOG_DUMP_GTID:
		return len >= 19 && len < 65536;
	case COM_REGISTER_SLAVE:
		return len >= 18 && len < 600;
	case COM_CHANGE_USER:
		return len >= 4 && len < 4096;
	case COM_STMT_BULK_EXECUTE:
	case COM_STMT_SEND_LONG_DATA:
		return len >= 7;
	default:
		return false;
	}
}

enum tsm_probe mysql_command_like(struct view v)
{
	size_t n = view_len(&v);
	const uint8_t *p = v.p, *end = v.end;
	uint32_t len;

	if (n < 5)
		return !n || (n < 4 || p[3] == 0) ? PROBE_MAYBE : PROBE_NO;
	len = mysql_length(p);
	if (p[3] != 0 || !length_fits(p[4], len))
		return PROBE_NO;
	/* A Query of PostgreSQL, of 17 letters, begins as a PREPARE of 80 does. */
	if (p[4] == COM_STMT_PREPARE && p[0] == 'Q' && !p[1] &&
		(n <= COM_STMT_PREPARE || !p[COM_STMT_PREPARE]))
		return n <= COM_STMT_PREPARE ? PROBE_MAYBE : PROBE_NO;
	if (n > len + MYSQL_HEAD)
		end = p + len + MYSQL_HEAD;
	switch (p[4]) {
	case COM_QUERY:
	case COM_STMT_PREPARE:
		return sql_like(p + 5, end);
	case COM_INIT_DB:
	case COM_CREATE_DB:
	case COM_DROP_DB:
		return n >= len + MYSQL_HEAD ? printable(p + 5, end) ? PROBE_YES : PROBE_NO
					     : PROBE_MAYBE;
	case COM_STMT_EXECUTE:
		if (n < 14)
			return PROBE_MAYBE;
		return p[9] <= 0x0f && memcmp(p + 10, "\1\0\0\0", 4) == 0 ? PROBE_YES : PROBE_NO;
	case COM_STMT_SEND_LONG_DATA:
		if (n < 11)
			return PROBE_MAYBE;
		return !p[7] && !p[8] && !p[10] ? PROBE_YES : PROBE_NO;
	case COM_BINLOG_DUMP_GTID:
		if (n < 15)
			return PROBE_MAYBE;
		return !p[12] && !p[13] && !p[14] && p[11] + 19u <= len ? PROBE_YES : PROBE_NO;
	case COM_FIELD_LIST:
	case COM_CHANGE_USER:
		if (n < len + MYSQL_HEAD)
			return PROBE_MAYBE;
		return memchr(p + 5, 0, (size_t)(end - p) - 5) && p[5] >= ' ' ? PROBE_YES
									      : PROBE_NO;
	default:
		return PROBE_YES;
	}
}

/* ERR_Packet of protocol 4.1. */
static bool error_like(const uint8_t *p, uint32_t len, size_t have)
{
	if (len < 9 || len > 700 || have < 9 || p[3] != '#' || !(p[2] | p[1]))
		return false;
	for (int i = 4; i < 9; i++)
		if (!((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'A' && p[i] <= 'Z')))
			return false;
	return true;
}

/* OK_Packet, or the answer to COM_STMT_PREPARE. */
static bool ok_like(const uint8_t *p, uint32_t len, size_t have)
{
	struct view v = view_of(p, have < len ? have : len, 0);
	uint64_t affected, status, left;

	if (len == 12 && have >= 12 && p[9] == 0 && p[4] == 0)
		return true;
	(void)view_le(&v, 1);
	affected = mysql_lenenc(&v);
	(void)mysql_lenenc(&v);
	status = view_le(&v, 2);
	if (len < 7 || len >= 1024 || status & 0x8000 || view_le(&v, 2) >= 0x4000 || v.bad ||
		affected >= UINT64_C(1) << 48)
		return false;
	/* A message behind it, with its length or (where nothing more can follow) without. */
	left = len - (uint64_t)(v.p - p);
	return !left || !view_len(&v) || *v.p + 1u == left || *v.p >= ' ' ||
	       (status & SERVER_SESSION_CHANGE && *v.p + 1u < left);
}

/*
 * Does what stands behind an OK_Packet that is like one, where something does, go on with it? Only
 * another result does, or the definitions of a prepared statement. Rows of a cursor are like it.
 */
static bool goes_on(const uint8_t *p, uint32_t len, size_t have)
{
	struct view v = view_of(p + MYSQL_HEAD + 1, len - 1, 0);
	const uint8_t *next = p + MYSQL_HEAD + len;

	if (have < len + 2 * MYSQL_HEAD || next[3] != (uint8_t)(p[3] + 1))
		return true;
	if (len == 12 && have >= len + 2 * MYSQL_HEAD + 4)
		return memcmp(next + MYSQL_HEAD, "\3def", 4) == 0;
	(void)mysql_lenenc(&v);
	(void)mysql_lenenc(&v);
	return len == 12 || view_le(&v, 2) & SERVER_MORE_RESULTS;
}

/* A column count with the first definition behind it. */
static bool result_like(const uint8_t *p, uint32_t len, size_t have, uint8_t seq)
{
	struct view v = view_of(p, len < have ? len : have, 0);
	uint64_t n = mysql_lenenc(&v);

	if (len > 5 || v.bad || !n || n > 4096 || view_len(&v) > 1 || have < len + 8)
		return false;
	return p[len + 3] == (uint8_t)(seq + 1) && memcmp(p + len + 4, "\3def", 4) == 0;
}

/* The server wants a file of the client's, and waits for it. */
static enum tsm_probe infile_like(struct view v, uint32_t len)
{
	const uint8_t *p = v.p;
	size_t n = view_len(&v);

	if (p[3] != 1 || len < 2 || n > len + MYSQL_HEAD || !printable(p + 5, v.end))
		return PROBE_NO;
	return n < len + MYSQL_HEAD ? PROBE_MAYBE : PROBE_YES;
}

enum tsm_probe mysql_response_like(struct view v)
{
	size_t n = view_len(&v), wants;
	const uint8_t *p = v.p;
	uint32_t len;
	bool yes;

	if (n < 5)
		return !n || n < 4 || p[3] ? PROBE_MAYBE : PROBE_NO;
	len = mysql_length(p);
	if (!len || len > 1024 || p[3] > 16 || (p[3] == 0 && p[4] != 0xff))
		return PROBE_NO;
	if (p[4] == 0xfb)
		return infile_like(v, len);
	wants = MYSQL_HEAD + (p[4] == 0xff ? 9 : p[4] == 0 ? 24 : p[4] == 0xfe ? 5 : len + 8);
	if (p[4] == 0 || p[4] > 0xfb)
		wants = wants < len + MYSQL_HEAD ? wants : len + MYSQL_HEAD;
	else if (len > 5)
		return PROBE_NO;
	if (n < wants)
		return PROBE_MAYBE;
	if (p[4] == 0xff)
		yes = error_like(p + 4, len, n - 4);
	else if (p[4] == 0)
		yes = ok_like(p + 4, len, n - 4) && goes_on(p, len, n);
	else if (p[4] == 0xfe)
		yes = len == 5 && p[5] == 0 && !(p[8] & 0x80);
	else
		yes = result_like(p + 4, len, n - 4, p[3]);
	return yes ? PROBE_YES : PROBE_NO;
}

/*
 * The packet that ends a result set: EOF_Packet (no warnings or few, known status flags), OK_Packet
 * in its place, or an error. Rows may hold anything, so that what follows, where there is
 * something, must be the next response, or the next result.
 */
static enum tsm_probe result_end_like(const struct view *v)
{
	size_t n = view_len(v), end = 9;
	const uint8_t *p = v->p;

	if (n < 5)
		return n < 2 || !p[1] ? PROBE_MAYBE : PROBE_NO;
	if (p[4] < 0xfe || p[2] || p[1] > 2)
		return PROBE_NO;
	end = MYSQL_HEAD + mysql_length(p);
	if (n < (p[4] == 0xff ? 13 : 11) && n < end)
		return PROBE_MAYBE;
	if (p[4] == 0xff   ? !error_like(p + MYSQL_HEAD, mysql_length(p), n - MYSQL_HEAD)
		: end == 9 ? p[6] >= 4 || p[8] & 0x80
			   : end != 11 || p[5] || p[6] || p[8] & 0x80 || p[10] >= 4)
		return PROBE_NO;
	return n < end + MYSQL_HEAD || p[end + 3] == 1 || p[end + 3] == (uint8_t)(p[3] + 1)
		       ? PROBE_YES
		       : PROBE_NO;
}

static bool status_like(unsigned status)
{
	return status & (SERVER_AUTOCOMMIT | SERVER_IN_TRANS) && !(status & 0x8000);
}

/* EOF_Packet, or OK_Packet in its place, of a result set: the packet's header is at p. */
static bool ends_rows(const uint8_t *p, uint32_t len, size_t have)
{
	/* The flags are behind the warnings, or behind two numbers that are 0. */
	return p[4] == 0xfe && (len == 5 || (len >= 7 && len < 256 && !p[5] && !p[6])) &&
	       have >= 9 && status_like(p[7] | (unsigned)p[8] << 8);
}

static enum tsm_probe client_sync(const struct mysql *h, const struct view *v, bool turn)
{
	const uint8_t *p = v->p;
	size_t n = view_len(v);

	if (h->side[SIDE_SERVER].phase == P_DUMP && mysql_ack_like(v)) {
		size_t all = MYSQL_HEAD + mysql_length(p);

		if (turn)
			return PROBE_YES;
		return n < all ? PROBE_MAYBE : printable(p + 13, p + all) ? PROBE_YES : PROBE_NO;
	}
	if (turn && (!h->begun || h->side[SIDE_CLIENT].phase == P_LOGIN) && !h->client_caps) {
		enum tsm_probe login = mysql_login_like(*v);

		if (login != PROBE_NO)
			return login;
	}
	/* Short commands are like parts of parameters. */
	if (!turn && n >= 5 && p[4] != COM_QUERY && p[4] != COM_STMT_PREPARE &&
		p[4] != COM_STMT_EXECUTE)
		return PROBE_NO;
	return mysql_command_like(*v);
}

/*
 * May a response begin with this packet? Packets are numbered on from the command's: another than
 * the first is of a response that began in the lost bytes. A login has several from each side, a
 * file many; an error that nobody asked for has number 0.
 */
static bool may_begin(const struct mysql *h, const uint8_t *p)
{
	const struct mysql_stream *client = &h->side[SIDE_CLIENT];
	unsigned phase = h->begun ? client->phase : P_LOGIN;

	return p[3] <= 1 || h->infile || phase == P_AUTH || (phase == P_LOGIN && !client->lost);
}

static enum tsm_probe server_sync(const struct mysql *h, const struct view *v, bool turn)
{
	unsigned phase = h->begun ? h->side[SIDE_SERVER].phase : P_GREETING;
	enum tsm_probe event, r;

	if (h->r.going)
		return result_end_like(v);
	event = mysql_event_like(*v);
	if (event == PROBE_YES || phase == P_DUMP)
		return event;
	r = phase == P_GREETING ? mysql_greeting_like(*v) : PROBE_NO;
	if (r == PROBE_YES)
		return r;
	if (r == PROBE_MAYBE)
		event = r;
	/* OK and EOF packets are like parts of rows, as is a file's name. */
	if (!turn && view_len(v) >= 5 && (!v->p[4] || v->p[4] == 0xfe || v->p[4] == 0xfb))
		return event;
	if (turn && h->fetch && h->waiting == 1 && !h->side[SIDE_CLIENT].lost && view_len(v) >= 5 &&
		v->p[3] == 1 && (!v->p[4] || ends_rows(v->p, mysql_length(v->p), view_len(v))))
		return PROBE_YES; /* rows that were asked for, or that there are none */
	r = mysql_response_like(*v);
	if (r == PROBE_YES && !may_begin(h, v->p))
		r = PROBE_NO;
	return r == PROBE_NO ? event : r;
}

enum tsm_probe mysql_sync(struct session *s, void *state, enum side side, struct view *v)
{
	bool turn = tsm_takes_turn(s, v->p);

	return side == SIDE_CLIENT ? client_sync(state, v, turn) : server_sync(state, v, turn);
}

/*
 * Recognising a connection asks for more than finding a packet in one that is known: the header is
 * a small number and a zero, as in many protocols of a binary kind. Sure is what holds text, or
 * what fills its packet and the segment to the byte. The rest is held until the other side's answer
 * tells.
 */

/* Whole at the front of the view, with nothing behind it, or with one that goes on with `seq`? */
static bool fills(struct view v, unsigned seq)
{
	size_t n = view_len(&v), len = mysql_length(v.p) + MYSQL_HEAD;

	return n == len || (n > len && n < len + MYSQL_HEAD) ||
	       (n >= len + MYSQL_HEAD && v.p[len + 3] == (uint8_t)seq && v.p[len + 2] == 0);
}

/* COM_STMT_EXECUTE, BINLOG_DUMP and their like: numbers only. */
static enum tsm_probe numbers_like(struct view v)
{
	const uint8_t *p = v.p + MYSQL_HEAD;
	uint32_t len = mysql_length(v.p);

	if (*p != COM_STMT_EXECUTE && *p != COM_BINLOG_DUMP_GTID && view_len(&v) < len + MYSQL_HEAD)
		return len < MYSQL_SHORT ? PROBE_MAYBE : PROBE_NO;
	switch (*p) {
	case COM_STMT_EXECUTE: /* how often: once */
		return view_len(&v) >= 14 && p[5] <= 0x0f && memcmp(p + 6, "\1\0\0\0", 4) == 0 &&
				       (view_len(&v) < len + MYSQL_HEAD || fills(v, 0))
			       ? PROBE_YES
			       : PROBE_NO;
	case COM_BINLOG_DUMP: /* flags; the name of a file */
		return fills(v, 0) && len > 11 && p[5] <= 3 && !p[6] && printable(p + 11, p + len)
			       ? PROBE_YES
			       : PROBE_NO;
	case COM_BINLOG_DUMP_GTID:
		if (view_len(&v) < MYSQL_HEAD + 11u + p[7])
			return PROBE_MAYBE;
		return p[2] == 0 && printable(p + 11, p + 11 + p[7]) ? PROBE_YES : PROBE_NO;
	case COM_REGISTER_SLAVE: /* host, user, password; port, rank, master */
		return fills(v, 0) && 5u + p[5] + 13u <= len && printable(p + 6, p + 6 + p[5]) &&
				       memcmp(p + len - 8, "\0\0\0\0", 4) == 0
			       ? PROBE_YES
			       : PROBE_NO;
	default:
		return fills(v, 0) ? PROBE_MAYBE : PROBE_NO;
	}
}

enum tsm_probe mysql_client_probe(struct view v)
{
	enum tsm_probe r = mysql_command_like(v);
	size_t n = view_len(&v);

	if (r != PROBE_YES)
		return r;
	switch (v.p[4]) {
	case COM_QUERY:
	case COM_STMT_PREPARE:
		return PROBE_YES;
	case COM_INIT_DB:
	case COM_CREATE_DB:
	case COM_DROP_DB:
	case COM_CHANGE_USER:
		return fills(v, v.p[4] == COM_CHANGE_USER ? 2 : 0) ? PROBE_MAYBE : PROBE_NO;
	default:
		return n > MYSQL_HEAD ? numbers_like(v) : PROBE_MAYBE;
	}
}

/* Rows to the end of a result, which fill the view: packets numbered on from the first, and an
 * EOF_Packet. */
static enum tsm_probe rows_like(struct view v)
{
	bool first = view_len(&v) >= 5 && v.p[3] == 1 && !v.p[4]; /* of a cursor */
	unsigned n = 0;

	while (view_len(&v) >= 5) {
		const uint8_t *p = v.p;
		uint32_t len = mysql_length(p);

		if (!len || p[4] == 0xff)
			return PROBE_NO;
		if (view_len(&v) < len + MYSQL_HEAD)
			break;
		v.p += len + MYSQL_HEAD;
		if (p[4] == 0xfe)
			return n && !view_len(&v) && ends_rows(p, len, (size_t)(v.end - p))
				       ? PROBE_YES
				       : PROBE_NO;
		n++;
		if (view_len(&v) >= MYSQL_HEAD && v.p[3] != (uint8_t)(p[3] + 1))
			return PROBE_NO;
	}
	return n || first ? PROBE_MAYBE : PROBE_NO;
}

enum tsm_probe mysql_server_probe(struct view v)
{
	enum tsm_probe r = mysql_response_like(v);
	const uint8_t *p = v.p + MYSQL_HEAD;
	enum tsm_probe rows = view_len(&v) >= 5 ? rows_like(v) : PROBE_NO;
	struct view body = {0};

	if (rows == PROBE_YES || (rows == PROBE_MAYBE && r == PROBE_NO))
		return rows;
	/* A definition, as a list of fields begins with. */
	if (view_len(&v) >= 8 && !v.p[2] && v.p[3] && memcmp(p, "\3def", 4) == 0)
		return PROBE_YES;
	if (r != PROBE_YES || *p == 0xff)
		return r;
	body = view_of(p + 1, view_len(&v) - MYSQL_HEAD - 1, 0);
	switch (*p) {
	case 0: /* OK_Packet, or the answer to COM_STMT_PREPARE with its definitions */
		if (mysql_length(v.p) == 12 && view_len(&v) >= 24 && v.p[19] == v.p[3] + 1 &&
			memcmp(v.p + 20, "\3def", 4) == 0)
			return PROBE_YES;
		(void)mysql_lenenc(&body);
		(void)mysql_lenenc(&body);
		return !fills(v, v.p[3] + 1u)                                  ? PROBE_NO
		       : status_like((unsigned)view_le(&body, 2)) && !body.bad ? PROBE_YES
									       : PROBE_MAYBE;
	case 0xfb:
		return PROBE_MAYBE;
	case 0xfe:
		return !fills(v, v.p[3] + 1u)                    ? PROBE_NO
		       : status_like(p[3] | (unsigned)p[4] << 8) ? PROBE_YES
								 : PROBE_MAYBE;
	default:
		return r;
	}
}
