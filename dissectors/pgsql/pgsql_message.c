/*
 * pgsql_message.c - which bytes are a message: types, lengths, and what must be inside.
 */
#include "pgsql.h"

#define CHAIN 8u /* messages that are looked at */

/* Types by letter; least and most bytes behind the header. */
static const struct type {
	uint8_t letter;
	const char *name;
	uint32_t least, most;
} client[] =
	{
		{'Q', "Query", 1, PGSQL_MOST},
		{'P', "Parse", 4, PGSQL_MOST},
		{'B', "Bind", 8, PGSQL_MOST},
		{'E', "Execute", 5, 1u << 16},
		{'D', "Describe", 2, 1u << 16},
		{'C', "Close", 2, 1u << 16},
		{'S', "Sync", 0, 0},
		{'H', "Flush", 0, 0},
		{'d', "CopyData", 0, PGSQL_MOST},
		{'c', "CopyDone", 0, 0},
		{'f', "CopyFail", 1, 1u << 16},
		{'X', "Terminate", 0, 0},
		{'F', "FunctionCall", 10, PGSQL_MOST},
		{'p', "Authentication", 1, 1u << 16},
		{0, NULL, 0, 0},
},
  server[] = {
	  {'D', "DataRow", 2, PGSQL_MOST},
	  {'C', "CommandComplete", 2, 256},
	  {'Z', "ReadyForQuery", 1, 1},
	  {'T', "RowDescription", 2, 1u << 20},
	  {'1', "ParseComplete", 0, 0},
	  {'2', "BindComplete", 0, 0},
	  {'3', "CloseComplete", 0, 0},
	  {'n', "NoData", 0, 0},
	  {'t', "ParameterDescription", 2, 1u << 19},
	  {'s', "PortalSuspended", 0, 0},
	  {'I', "EmptyQueryResponse", 0, 0},
	  {'E', "ErrorResponse", 4, 1u << 20},
	  {'N', "NoticeResponse", 4, 1u << 20},
	  {'A', "NotificationResponse", 6, 1u << 16},
	  {'S', "ParameterStatus", 3, 1u << 16},
	  {'K', "BackendKeyData", 8, 4 + 256},
	  {'R', "Authentication", 4, 1u << 16},
	  {'G', "CopyInResponse", 3, 1u << 16},
	  {'H', "CopyOutResponse", 3, 1u << 16},
	  {'W', "CopyBothResponse", 3, 1u << 16},
	  {'d', "CopyData", 0, PGSQL_MOST},
	  {'c', "CopyDone", 0, 0},
	  {'V', "FunctionCallResponse", 4, PGSQL_MOST},
	  {'v', "NegotiateProtocolVersion", 8, 1u << 16},
	  {0, NULL, 0, 0},
};

static const struct type *type_of(enum side side, uint8_t letter)
{
	for (const struct type *t = side == SIDE_CLIENT ? client : server; t->letter; t++)
		if (t->letter == letter)
			return t;
	return NULL;
}

const char *pgsql_type_name(enum side side, uint8_t letter)
{
	const struct type *t = type_of(side, letter);

	return t ? t->name : NULL;
}

bool pgsql_plausible(enum side side, uint8_t letter, uint32_t len)
{
	const struct type *t = type_of(side, letter);

	return t && len >= t->least && len <= t->most;
}

static bool printable(struct view v)
{
	for (; v.p < v.end; v.p++)
		if (*v.p < ' ' && *v.p != '\n' && *v.p != '\r' && *v.p != '\t')
			return false;
	return true;
}

/* A text that ends by a NUL, in letters that people write. */
static bool text_like(struct view *v, size_t least)
{
	const uint8_t *nul = view_len(v) ? memchr(v->p, 0, view_len(v)) : NULL;
	struct view text = *v;

	if (!nul)
		return false;
	text.end = nul;
	v->p = nul + 1;
	return view_len(&text) >= least && printable(text);
}

/* Does the text begin as a statement does? It may go on behind the view. */
static bool statement_like(struct view text)
{
	static const char *const verbs[] = {"select", "insert", "update", "delete", "with", "begin",
		"commit", "rollback", "set", "show", "copy", "create", "alter", "drop", "start",
		"listen", "unlisten", "notify", "deallocate", "discard", "prepare", "execute",
		"fetch", "declare", "close", "savepoint", "release", "explain", "truncate",
		"vacuum", "analyze", "lock", "call", "do", "reset", "grant", "revoke", "values",
		"table", "merge", "end", "abort", "move", "refresh", "comment", "checkpoint",
		"identify_system", "start_replication", "base_backup", "timeline_history",
		"create_replication_slot", "reindex", "cluster", NULL};
	struct view word;

	while (view_len(&text) && (*text.p == ' ' || *text.p == '\n' || *text.p == '('))
		text.p++;
	if (view_len(&text) > 1 && (memcmp(text.p, "/*", 2) == 0 || memcmp(text.p, "--", 2) == 0))
		return true;
	word = text;
	for (word.end = word.p;
		word.end < text.end &&
		(((*word.end | 32) >= 'a' && (*word.end | 32) <= 'z') || *word.end == '_');)
		word.end++;
	for (const char *const *w = verbs; *w; w++)
		if (view_is(&word, *w))
			return true;
	return false;
}

static bool sql_like(struct view *v)
{
	struct view text = *v;

	if (!text_like(v, 0))
		return false;
	text.end = v->p - 1;
	return !view_len(&text) || statement_like(text); /* there are empty ones */
}

/* A statement that goes on behind the view. */
static bool long_like(uint8_t type, struct view v)
{
	if (type == 'P')
		return text_like(&v, 0) && view_len(&v) >= 32 && printable(v) && statement_like(v);
	return type == 'Q' && view_len(&v) >= 32 && printable(v) && statement_like(v);
}

/* n values, each behind its length; -1: NULL. */
static bool values_like(struct view *v, unsigned n)
{
	while (n-- && !v->bad) {
		uint32_t len = (uint32_t)view_be(v, 4);

		if (len != UINT32_MAX)
			(void)view_take(v, len);
	}
	return !v->bad;
}

static bool bind_like(struct view v)
{
	unsigned n;

	if (!text_like(&v, 0) || !text_like(&v, 0))
		return false;
	for (n = (unsigned)view_be(&v, 2); n && !v.bad; n--)
		if (view_be(&v, 2) > 1)
			return false;
	if (!values_like(&v, (unsigned)view_be(&v, 2)))
		return false;
	for (n = (unsigned)view_be(&v, 2); n && !v.bad; n--)
		if (view_be(&v, 2) > 1)
			return false;
	return !v.bad && view_len(&v) == 0;
}

static bool description_like(struct view v)
{
	unsigned n = (unsigned)view_be(&v, 2);

	while (n-- && !v.bad) {
		if (!text_like(&v, 0) || !view_take(&v, 16) || view_be(&v, 2) > 1)
			return false;
	}
	return !v.bad && view_len(&v) == 0;
}

/* Fields of errors and notices; the first is always the severity. */
static bool error_like(struct view v)
{
	if (!view_len(&v) || *v.p != 'S')
		return false;
	while (view_len(&v) > 1) {
		if (!((*v.p | 32) >= 'a' && (*v.p | 32) <= 'z'))
			return false;
		v.p++;
		if (!memchr(v.p, 0, view_len(&v)))
			return false;
		v.p = (const uint8_t *)memchr(v.p, 0, view_len(&v)) + 1;
	}
	return view_len(&v) == 1 && *v.p == 0;
}

static bool tag_like(struct view v)
{
	struct view text = view_text(&v);

	if (view_len(&v) || view_len(&text) < 2 || !printable(text))
		return false;
	for (; text.p < text.end && *text.p != ' ' && (*text.p < '0' || *text.p > '9'); text.p++)
		if (*text.p < 'A' || *text.p > 'Z')
			return *text.p == '_';
	return true;
}

static bool client_body(uint8_t type, struct view v)
{
	switch (type) {
	case 'Q':
		return sql_like(&v) && view_len(&v) == 0;
	case 'P':
		if (!text_like(&v, 0) || !sql_like(&v))
			return false;
		return view_take(&v, 4 * (size_t)view_be(&v, 2)) && view_len(&v) == 0;
	case 'B':
		return bind_like(v);
	case 'E':
		return text_like(&v, 0) && view_len(&v) == 4;
	case 'D':
	case 'C':
		return view_len(&v) > 1 && (*v.p == 'S' || *v.p == 'P') &&
		       (v.p++, text_like(&v, 0)) && view_len(&v) == 0;
	default:
		return true;
	}
}

static bool server_body(uint8_t type, struct view v)
{
	switch (type) {
	case 'T':
		return description_like(v);
	case 'D':
		return values_like(&v, (unsigned)view_be(&v, 2)) && view_len(&v) == 0;
	case 'C':
		return tag_like(v);
	case 'Z':
		return *v.p == 'I' || *v.p == 'T' || *v.p == 'E';
	case 'E':
	case 'N':
		return error_like(v);
	case 'S':
		return text_like(&v, 1) && text_like(&v, 0) && view_len(&v) == 0;
	case 'R':
		return view_be(&v, 4) <= 12;
	case 't':
		return view_len(&v) == 2 + 4 * (size_t)view_be(&v, 2);
	default:
		return true;
	}
}

/* Types whose bodies hold no more than bytes, or nothing: they alone say little. */
static bool says_little(enum side side, uint8_t type)
{
	return strchr(side == SIDE_CLIENT ? "SHdcXpFf" : "123nsdcIGHWVKvA", type) != NULL;
}

/* Messages in a row, to the view's end; at least one that says what it is. */
enum tsm_probe pgsql_like(struct view v, enum side side)
{
	bool sure = false;

	for (unsigned i = 0; i < CHAIN && view_len(&v); i++) {
		struct view body;
		uint32_t len;
		uint8_t type = *v.p;

		if (!type_of(side, type))
			return PROBE_NO;
		if (view_len(&v) < PGSQL_HEAD)
			return sure ? PROBE_YES : PROBE_MAYBE;
		len = pgsql_be32(v.p + 1);
		if (len < 4 || !pgsql_plausible(side, type, len - 4))
			return PROBE_NO;
		v.p += PGSQL_HEAD;
		len -= 4;
		if (len > view_len(&v)) { /* how it ends is not known */
			sure |= side == SIDE_CLIENT && long_like(type, v);
			return sure ? PROBE_YES : PROBE_MAYBE;
		}
		body = view_of(v.p, len, 0);
		if (!(side == SIDE_CLIENT ? client_body : server_body)(type, body))
			return PROBE_NO;
		sure |= !says_little(side, type);
		v.p += len;
	}
	return sure ? PROBE_YES : PROBE_MAYBE;
}

enum tsm_probe pgsql_startup_like(struct view v)
{
	uint32_t len, code;

	if (view_len(&v) && *v.p)
		return PROBE_NO;
	if (view_len(&v) < 8)
		return view_len(&v) > 1 && v.p[1] ? PROBE_NO : PROBE_MAYBE;
	len = pgsql_be32(v.p);
	code = pgsql_be32(v.p + 4);
	if (code == CODE_SSL || code == CODE_GSS)
		return len == 8 ? PROBE_YES : PROBE_NO;
	if (code == CODE_CANCEL)
		return len >= 16 && len <= 12 + 256 ? PROBE_YES : PROBE_NO;
	if (code < CODE_VERSION || code > CODE_VERSION + 0xffff || len < 9 || len > PGSQL_STARTUP)
		return PROBE_NO;
	if (view_len(&v) >= len)
		return v.p[len - 1] == 0 ? PROBE_YES : PROBE_NO;
	v.p += 8;
	if (view_len(&v) < 5)
		return PROBE_MAYBE;
	return (*v.p | 32) >= 'a' && (*v.p | 32) <= 'z' ? PROBE_YES : PROBE_NO;
}
