/*
 * memcached.c - memcached's text, meta and binary protocol (doc/protocol.txt and
 * doc/protocol-binary.txt of memcached 1.6).
 *
 * Requests are answered in their order. Some are answered only sometimes: quiet ones of the binary
 * protocol and of meta commands (flag q) where there is nothing to tell, those with noreply never.
 * What is quiet is kept in a short list with its place among the others, so that an answer finds
 * the request that it fits; what the answers have passed was not answered on purpose. Values are
 * passed over unread.
 */
#include "dissector.h"
#include "show.h"

#define LINE_MOST  2048u               /* a line of commands: memcached's own limit of most */
#define VALUE_MOST (UINT64_C(1) << 30) /* bytes of one: the largest that -I takes */
#define KEY_MOST   250u
#define KEYS_SHOWN 10u /* of a get */
#define HEADER     24u /* of the binary protocol */
#define REQUEST    0x80u
#define RESPONSE   0x81u
#define QUIET_MOST 64u
#define QUIET_KEY  (UINT64_C(1) << 48) /* keys of quiet requests begin here */

enum {
	F_PROTOCOL,
	F_COMMAND,
	F_KEYS,
	F_NUMBER_OF_KEYS,
	F_QUIET,
	F_REQUEST_BYTES,
	F_STATUS,
	F_ERROR,
	F_VALUES,
	F_VALUE,
	F_RESPONSE_BYTES,
	/* Only shown. */
	D_OPCODE,
	D_CODE,
	D_OPAQUE,
	D_LENGTH,
	D_BYTES,
	D_REST,
};

static const struct field fields[] = {
	[F_PROTOCOL] =
		FIELD("memcache.protocol_type", "Protocol", "text or binary.", FIELD_NAME, 6),
	[F_COMMAND] = FIELD("memcache.request.command", "Command",
		"Command; those of the binary protocol by their name in the text protocol.",
		FIELD_STR, 8),
	[F_KEYS] = FIELD_WITH("memcache.request.keys", "Keys", "Keys asked for, the first ten.",
		FIELD_STR, 24, FIELD_F_LIST),
	[F_NUMBER_OF_KEYS] =
		FIELD("tsumari.memcached.keys", "Keys", "Number of keys asked for.", FIELD_U64, 4),
	[F_QUIET] = FIELD("memcache.request.quiet", "Quiet",
		"Answered only where there is something to tell, or (noreply) never.", FIELD_BOOL,
		5),
	[F_REQUEST_BYTES] = FIELD("memcache.request.bytes", "Stored",
		"Bytes of the value to be stored.", FIELD_BYTES, 8),
	[F_STATUS] = FIELD("memcache.response.status", "Status",
		"First word of the answer that ends it; of the binary protocol the name of its "
		"status.",
		FIELD_STR, 10),
	[F_ERROR] = FIELD("memcache.response.error_msg", "Error",
		"What the server says of an error.", FIELD_STR, 30),
	[F_VALUES] = FIELD("memcache.response.count_values", "Values",
		"Values in the answer: keys that were found.", FIELD_U64, 4),
	[F_VALUE] = FIELD(
		"memcache.response.value", "Number", "What incr or decr made of it.", FIELD_U64, 8),
	[F_RESPONSE_BYTES] = FIELD("memcache.response.bytes", "Read",
		"Bytes of the values in the answer.", FIELD_BYTES, 8),
	[D_OPCODE] = FIELD_SHOWN(
		"memcache.opcode", "Opcode", "Command of the binary protocol.", FIELD_U64),
	[D_CODE] = FIELD_SHOWN("memcache.status", "Status", "0: no error.", FIELD_U64),
	[D_OPAQUE] =
		FIELD_SHOWN("memcache.opaque", "Opaque", "Comes back in the answer.", FIELD_ID),
	[D_LENGTH] = FIELD_SHOWN(
		"memcache.total_body_length", "Body", "Bytes behind the header.", FIELD_BYTES),
	[D_BYTES] =
		FIELD_SHOWN("memcache.value.length", "Value", "Bytes of the value.", FIELD_BYTES),
	[D_REST] = FIELD_SHOWN(
		"memcache.rest", "Bytes", "Bytes of a value that began before.", FIELD_BYTES),
	FIELDS_END,
};

struct quiet { /* a request that need not be answered */
	struct tsm_txn t;
	uint64_t key;
	uint64_t after;  /* requests before it that will be answered */
	uint32_t opaque; /* of the binary protocol; a hash of a meta command's */
	uint8_t code;    /* opcode; the letter of a meta command */
};

struct memcached {
	struct {
		struct tsm_txn t;
		bool value;  /* is being passed over: data() comes next behind it */
		bool ends;   /* with it the message */
		bool silent; /* the request gets no answer */
	} side[2];
	bool answering; /* t of the server's side has begun and not ended */
	bool unsure;    /* bytes were lost: nothing is known of what is quiet */
	bool quiets;    /* there are quiet meta commands */
	uint64_t asked, answered, serial;
	uint32_t first, n;
	struct quiet quiet[QUIET_MOST];
};

/* ---- A message, read in one place ---- */

struct message {
	struct view verb, key, rest; /* rest: behind the verb */
	uint64_t bytes;              /* of a value and its CRLF, or the binary body, that follow */
	uint64_t value;              /* bytes of the value itself */
	uint64_t number;             /* of an answer that is one */
	uint32_t opaque, status;
	uint8_t code; /* as of struct quiet */
	bool binary, valued, quiet, noreply, numbered;
	bool last; /* of an answer: nothing more of it follows */
	bool weak; /* words that others say, too */
};

static bool among(const struct view *word, const char *const *list)
{
	for (; *list; list++)
		if (view_len(word) == strlen(*list) && memcmp(word->p, *list, view_len(word)) == 0)
			return true;
	return false;
}

static bool key_like(struct view key)
{
	if (!view_len(&key) || view_len(&key) > KEY_MOST)
		return false;
	for (; key.p < key.end; key.p++)
		if (*key.p <= ' ' || *key.p == 0x7f)
			return false;
	return true;
}

static struct view nth(struct view v, unsigned n)
{
	struct view word = view_word(&v);

	while (n--)
		word = view_word(&v);
	return word;
}

static bool ends_noreply(struct view v)
{
	struct view word, last = view_of(v.p, 0, 0);

	while (word = view_word(&v), view_len(&word))
		last = word;
	return view_is(&last, "noreply");
}

/* The flags of a meta command or of its answer: is there this one, and what stands behind it? */
static bool meta_flag(struct view flags, uint8_t letter, struct view *what)
{
	struct view word;

	while (word = view_word(&flags), view_len(&word))
		if (*word.p == letter) {
			*what = view_of(word.p + 1, view_len(&word) - 1, 0);
			return true;
		}
	return false;
}

static uint32_t hash(struct view v)
{
	uint32_t h = 2166136261u;

	for (; v.p < v.end; v.p++)
		h = (h ^ *v.p) * 16777619u;
	return h | 1;
}

/* What of a meta command names it in its answer: its opaque, else its key, if that is asked for. */
static void meta_names(struct message *m, struct view flags, bool asked)
{
	struct view what;

	if (meta_flag(flags, 'O', &what))
		m->opaque = hash(what);
	else if (meta_flag(flags, 'k', &what))
		m->opaque = hash(asked ? m->key : what);
}

static bool stored(struct message *m, struct view size)
{
	m->valued = view_decimal(&size, VALUE_MOST, &m->value);
	m->bytes = m->value + 2;
	return m->valued;
}

static bool read_request_line(struct view v, struct message *m)
{
	static const char *const gets[] = {"get", "gets", NULL}, *const touches[] = {
									 "gat", "gats", NULL};
	static const char *const stores[] = {
		"set", "add", "replace", "append", "prepend", "cas", NULL};
	static const char *const singles[] = {"delete", "incr", "decr", "touch", NULL};
	static const char *const others[] = {"stats", "flush_all", "version", "verbosity", "quit",
		"shutdown", "watch", "lru_crawler", "lru", "slabs", "cache_memlimit", "mn", NULL};
	static const char *const metas[] = {"mg", "ms", "md", "ma", "me", NULL};
	/* What may be watched; other servers have a watch, too. */
	static const char *const logs[] = {"fetchers", "mutations", "evictions", "connevents",
		"proxyreqs", "proxyevents", "proxyuser", "deletions", NULL};
	struct view what;
	uint64_t n;

	m->verb = view_word(&v);
	m->rest = v;
	m->key = nth(v, 0);
	if (among(&m->verb, others)) {
		m->weak = view_is(&m->verb, "quit") || view_is(&m->verb, "stats") ||
			  (view_is(&m->verb, "watch") && !among(&m->key, logs));
		m->key = view_of(v.p, 0, 0);
		m->noreply = ends_noreply(v) || view_is(&m->verb, "quit") ||
			     view_is(&m->verb, "shutdown");
		return true;
	}
	if (among(&m->verb, touches))
		m->key = nth(v, 1);
	if (!key_like(m->key))
		return false;
	if (among(&m->verb, gets) || among(&m->verb, touches)) {
		/* A request line of HTTP in small letters is none. */
		struct view last = v;

		while (last.p < last.end && memchr(last.p, ' ', view_len(&last)))
			last.p++;
		return !view_literal(&last, "HTTP/");
	}
	if (among(&m->verb, stores)) {
		m->noreply = ends_noreply(v);
		what = nth(v, 1);
		return view_decimal(&what, UINT32_MAX, &n) && stored(m, nth(v, 3));
	}
	if (among(&m->verb, singles)) {
		m->noreply = ends_noreply(v);
		/* "delete 7": a job of beanstalkd's, too. */
		m->weak = view_decimal(&m->key, UINT64_MAX, &n) && m->key.end == m->rest.end;
		return true;
	}
	if (!among(&m->verb, metas))
		return false;
	m->code = m->verb.p[1];
	(void)view_word(&v); /* the key */
	if (m->code == 's' && !stored(m, view_word(&v)))
		return false;
	m->quiet = meta_flag(v, 'q', &what);
	meta_names(m, v, true);
	return true;
}

static bool read_answer_line(struct view v, struct message *m)
{
	static const char *const ends[] = {"END", "STORED", "NOT_STORED", "EXISTS", "NOT_FOUND",
		"DELETED", "TOUCHED", "OK", "RESET", "ERROR", "MN", "EN", "BUSY", NULL};
	static const char *const told[] = {"CLIENT_ERROR", "SERVER_ERROR", "VERSION", "ME",
		"BLOCKED", "INVALID", "BADCLASS", NULL};
	static const char *const metas[] = {"HD", "NS", "EX", "NF", NULL};
	struct view size, flags;

	m->verb = view_word(&v);
	m->rest = v;
	m->last = true;
	m->weak = view_is(&m->verb, "OK") || view_is(&m->verb, "ERROR") || view_is(&m->verb, "END");
	if (among(&m->verb, ends))
		return view_len(&m->rest) == 0;
	if (among(&m->verb, told))
		return true;
	if (among(&m->verb, metas)) {
		m->code = 'm';
		meta_names(m, v, false);
		return true;
	}
	size = nth(v, 0);
	if (view_is(&m->verb, "VA")) {
		m->code = 'm';
		flags = v;
		(void)view_word(&flags);
		meta_names(m, flags, false);
		return stored(m, size);
	}
	if (view_is(&m->verb, "VALUE")) {
		m->last = false;
		m->key = size;
		return key_like(size) && stored(m, nth(v, 2));
	}
	if (view_is(&m->verb, "STAT")) {
		m->last = false;
		return view_len(&size) > 0;
	}
	m->weak = true;
	m->numbered = view_decimal(&m->verb, UINT64_MAX, &m->number);
	return m->numbered && view_len(&m->rest) == 0;
}

/* Commands of the binary protocol by their names in the text protocol; a capital: a quiet one. */
static const char *const opcodes[] = {"get", "set", "add", "replace", "delete", "incr", "decr",
	"quit", "flush_all", "Get", "noop", "version", "get", "Get", "append", "prepend", "stats",
	"Set", "Add", "Replace", "Delete", "Incr", "Decr", "Quit", "Flush_all", "Append", "Prepend",
	"verbosity", "touch", "gat", "Gat", NULL, "sasl_list", "sasl_auth", "sasl_step", "gat",
	"Gat"};
#define OPCODES (sizeof(opcodes) / sizeof(opcodes[0]))

static const char *opcode_name(uint8_t code)
{
	static const char *const small[] = {"get", "set", "add", "replace", "delete", "incr",
		"decr", "quit", "flush_all", "append", "prepend", "gat", NULL};
	const char *name = code < OPCODES ? opcodes[code] : NULL;

	for (unsigned i = 0; name && small[i]; i++)
		if (strcmp(name + 1, small[i] + 1) == 0 && (*name | 32) == *small[i])
			return small[i];
	return name;
}

static const char *status_name(uint32_t status)
{
	static const char *const names[] = {
		"OK", "NOT_FOUND", "EXISTS", "TOO_LARGE", "INVALID", "NOT_STORED", "NON_NUMERIC"};

	return status < sizeof(names) / sizeof(names[0]) ? names[status]
	       : status == 0x20                          ? "AUTH_ERROR"
	       : status == 0x21                          ? "AUTH_CONTINUE"
	       : status == 0x81                          ? "UNKNOWN_COMMAND"
	       : status == 0x82                          ? "OUT_OF_MEMORY"
							 : NULL;
}

/* The header and key at the front of v, which moves behind them; MAYBE: they are not all there. */
static enum tsm_probe read_binary(struct view *v, enum side side, struct message *m)
{
	const uint8_t *h = v->p;
	size_t n = view_len(v), key, extras, body;

	if (h[0] != (side == SIDE_CLIENT ? REQUEST : RESPONSE) || (n > 1 && !opcode_name(h[1])) ||
		(n > 5 && h[5]))
		return PROBE_NO;
	if (n < HEADER)
		return PROBE_MAYBE;
	key = (size_t)h[2] << 8 | h[3];
	extras = h[4];
	body = (size_t)h[8] << 24 | (size_t)h[9] << 16 | (size_t)h[10] << 8 | h[11];
	if (key > KEY_MOST || extras > 20 || body < key + extras || body > VALUE_MOST ||
		(side == SIDE_SERVER && !status_name((uint32_t)h[6] << 8 | h[7])))
		return PROBE_NO;
	if (n < HEADER + extras + key)
		return PROBE_MAYBE;
	m->binary = true;
	m->code = h[1];
	m->status = side == SIDE_SERVER ? (uint32_t)h[6] << 8 | h[7] : 0;
	m->opaque = (uint32_t)h[12] << 24 | (uint32_t)h[13] << 16 | (uint32_t)h[14] << 8 | h[15];
	m->verb = view_of(opcode_name(h[1]), strlen(opcode_name(h[1])), 0);
	m->key = view_of(h + HEADER + extras, key, 0);
	m->quiet = *opcodes[m->code] < 'a';
	m->noreply = m->code == 0x17; /* a quiet quit */
	m->bytes = m->value = body - key - extras;
	m->valued = m->bytes > 0;
	m->last = m->code != 0x10 || !key; /* stats end with an empty one */
	v->p += HEADER + extras + key;
	m->rest = view_of(v->p, m->bytes < view_len(v) ? m->bytes : view_len(v), 0);
	return PROBE_YES;
}

/* The message at the front of v, which moves behind it, but for the bytes that follow. */
static enum tsm_probe read_message(struct view *v, enum side side, struct message *m)
{
	struct view line;

	memset(m, 0, sizeof(*m));
	if (!view_len(v))
		return PROBE_MAYBE;
	if (*v->p >= 0x80)
		return read_binary(v, side, m);
	if (*v->p < '0' || *v->p > 'z')
		return PROBE_NO;
	if (!view_line(v, &line))
		return view_len(v) < LINE_MOST ? PROBE_MAYBE : PROBE_NO;
	return (side == SIDE_CLIENT ? read_request_line : read_answer_line)(line, m) ? PROBE_YES
										     : PROBE_NO;
}

/* May the word at the front, as far as it is there, be one that this side says? */
static bool known_word(struct view v, enum side side)
{
	static const char *const client[] = {"get", "gets", "gat", "gats", "set", "add", "replace",
		"append", "prepend", "cas", "delete", "incr", "decr", "touch", "stats", "flush_all",
		"version", "verbosity", "quit", "shutdown", "watch", "lru_crawler", "lru", "slabs",
		"cache_memlimit", "mn", "mg", "ms", "md", "ma", "me", NULL};
	static const char *const server[] = {"VALUE", "VA", "END", "STORED", "NOT_STORED", "EXISTS",
		"NOT_FOUND", "DELETED", "TOUCHED", "OK", "RESET", "ERROR", "CLIENT_ERROR",
		"SERVER_ERROR", "VERSION", "STAT", "MN", "EN", "HD", "NS", "EX", "NF", "ME", "BUSY",
		NULL};

	for (const char *const *w = side == SIDE_CLIENT ? client : server; *w; w++) {
		size_t n, have = view_len(&v);

		if ((uint8_t)(*w)[0] != *v.p)
			continue;
		n = strlen(*w);
		if (memcmp(v.p, *w, n < have ? n : have) == 0 &&
			(have <= n || v.p[n] == ' ' || v.p[n] == '\r' || v.p[n] == '\n'))
			return true;
	}
	return false;
}

/* Words that others say, too, are followed by one that they do not, or decide nothing. */
static enum tsm_probe probe(struct view head, enum side side)
{
	for (unsigned i = 0; i < 16 && view_len(&head); i++) {
		struct message m;
		enum tsm_probe r;

		if (*head.p < 0x80 && !known_word(head, side))
			return PROBE_NO;
		r = read_message(&head, side, &m);
		if (r != PROBE_YES)
			return r;
		if (!m.weak && (side == SIDE_CLIENT || m.binary || m.valued))
			return PROBE_YES;
		if (m.bytes > view_len(&head))
			break;
		head.p += m.bytes;
	}
	return PROBE_MAYBE;
}

/* ---- What need not be answered ---- */

static struct quiet *quiet_first(struct memcached *x)
{
	return x->n ? &x->quiet[x->first] : NULL;
}

/* The first is over: it was answered, or passed. */
static void quiet_pass(struct session *s, struct memcached *x, bool unanswered)
{
	if (unanswered) {
		tsm_status(quiet_first(x)->t, STATUS_OK);
		tsm_unanswered(s, quiet_first(x)->t);
	}
	x->first = (x->first + 1) % QUIET_MOST;
	x->n--;
}

static void quiet_add(struct session *s, struct memcached *x, struct tsm_txn t, uint64_t key,
	const struct message *m)
{
	if (x->n == QUIET_MOST)
		quiet_pass(s, x, true);
	x->quiet[(x->first + x->n++) % QUIET_MOST] =
		(struct quiet){t, key, x->asked, m->opaque, m->code};
}

/* Quiet meta commands keep to themselves what their client expects. */
static bool fits(const struct quiet *q, const struct message *m)
{
	if (m->binary)
		return q->code == m->code && q->opaque == m->opaque;
	if (m->code != 'm' || q->opaque != m->opaque)
		return false;
	if (q->code == 'g')
		return view_is(&m->verb, "VA") || view_is(&m->verb, "HD");
	return !view_is(&m->verb, "HD") || q->code == 'a';
}

/* Nothing is known any more of which quiet requests are open. */
static void quiet_forget(struct session *s, struct memcached *x)
{
	while (x->n) {
		tsm_abandon(s, quiet_first(x)->t);
		quiet_pass(s, x, false);
	}
	x->asked = x->answered = 0;
	x->unsure = true;
}

static bool is_error(const struct message *m)
{
	return !m->binary && (view_is(&m->verb, "ERROR") || view_is(&m->verb, "CLIENT_ERROR") ||
				     view_is(&m->verb, "SERVER_ERROR"));
}

/* Whose answer begins. */
static struct tsm_txn answer(
	struct session *s, struct memcached *x, const struct message *m, const uint8_t *at)
{
	bool found = false;
	uint32_t skip = 0;

	/* Which of them it answers cannot be told: one that is quiet, or the one behind it. */
	if (is_error(m) && x->n && quiet_first(x)->after <= x->answered)
		quiet_forget(s, x);
	if (x->unsure &&
		(m->binary ? *opcodes[m->code] < 'a' : x->quiets && (m->code || is_error(m)))) {
		tsm_doubt(s);
		return TSM_NONE;
	}
	while (skip < x->n && !found) {
		const struct quiet *q = &x->quiet[(x->first + skip) % QUIET_MOST];

		if (q->after > x->answered)
			break;
		found = fits(q, m);
		skip += !found;
	}
	while (skip--)
		quiet_pass(s, x, true);
	if (found) {
		uint64_t key = quiet_first(x)->key;

		quiet_pass(s, x, false);
		return tsm_response(s, key, at);
	}
	x->answered++;
	return tsm_response(s, 0, at);
}

/* ---- Messages ---- */

static void on_keys(struct tsm_txn t, const struct message *m)
{
	struct view rest = m->rest, key = m->key;
	uint64_t n = 0;

	if (!view_len(&key))
		return;
	if (m->binary || (*m->verb.p != 'g' && *m->verb.p != 'G')) {
		tsm_add(t, F_KEYS, key);
		tsm_u64(t, F_NUMBER_OF_KEYS, 1);
		return;
	}
	rest.p = key.p;
	for (key = view_word(&rest); view_len(&key); key = view_word(&rest))
		if (n++ < KEYS_SHOWN)
			tsm_add(t, F_KEYS, key);
	tsm_u64(t, F_NUMBER_OF_KEYS, n);
}

static struct tsm_txn on_request(
	struct session *s, struct memcached *x, const struct message *m, const uint8_t *at)
{
	bool quiet = m->quiet && !x->unsure && !m->noreply;
	uint64_t key = quiet ? QUIET_KEY + ++x->serial : 0;
	struct tsm_txn t = tsm_request(s, key, at);

	x->quiets = x->quiets || (m->quiet && !m->binary);
	tsm_op(t, m->verb, m->key);
	tsm_name(t, F_PROTOCOL, m->binary ? "binary" : "text");
	tsm_str(t, F_COMMAND, m->verb);
	on_keys(t, m);
	if (m->valued)
		tsm_u64(t, F_REQUEST_BYTES, m->value);
	if (m->quiet || m->noreply)
		tsm_u64(t, F_QUIET, 1);
	if (quiet) {
		quiet_add(s, x, t, key, m);
	} else if (!m->noreply && !m->quiet) {
		x->asked++;
	}
	x->side[SIDE_CLIENT].silent = m->noreply || (m->quiet && !quiet);
	return t;
}

static void on_status(struct tsm_txn t, const struct message *m)
{
	struct view status = m->verb;

	if (m->binary) {
		const char *name = status_name(m->status);

		status = view_of(name, strlen(name), 0);
		tsm_status(
			t, m->status == 0x82 ? STATUS_SERVER_ERROR
			   : m->status == 3 || m->status == 4 || m->status == 6 || m->status >= 0x20
				   ? STATUS_CLIENT_ERROR
				   : STATUS_OK);
		if (m->status > 2 && m->status != 5)
			tsm_str(t, F_ERROR, m->rest);
	} else if (view_is(&m->verb, "SERVER_ERROR")) {
		tsm_status(t, STATUS_SERVER_ERROR);
		tsm_str(t, F_ERROR, m->rest);
	} else if (view_is(&m->verb, "CLIENT_ERROR") || view_is(&m->verb, "ERROR")) {
		tsm_status(t, STATUS_CLIENT_ERROR);
		if (view_len(&m->rest))
			tsm_str(t, F_ERROR, m->rest);
	} else {
		tsm_status(t, STATUS_OK);
	}
	if (m->numbered)
		tsm_u64(t, F_VALUE, m->number);
	else
		tsm_str(t, F_STATUS, status);
}

/* A value that was found: what the server sends of others is not one. */
static void on_value(struct tsm_txn t, const struct message *m)
{
	if (!m->valued || (m->binary && (m->status || *m->verb.p != 'g')))
		return;
	tsm_count(t, F_VALUES);
	tsm_set_tag(t, tsm_tag(t) + m->value);
	tsm_u64(t, F_RESPONSE_BYTES, tsm_tag(t));
}

static struct tsm_txn on_answer(
	struct session *s, struct memcached *x, const struct message *m, const uint8_t *at)
{
	struct tsm_txn t = x->side[SIDE_SERVER].t;

	if (!x->answering)
		t = answer(s, x, m, at);
	on_value(t, m);
	if (m->last)
		on_status(t, m);
	if (m->last && view_is(&m->verb, m->binary ? "noop" : "MN"))
		x->unsure = false; /* all before it is answered */
	x->answering = !m->last;
	return t;
}

static void end_message(struct session *s, struct memcached *x, enum side side, const uint8_t *end)
{
	struct tsm_txn t = x->side[side].t;

	if (side == SIDE_SERVER) {
		tsm_response_end(s, t, end);
		return;
	}
	tsm_request_end(s, t, end);
	if (x->side[side].silent) {
		tsm_status(t, STATUS_OK);
		tsm_unanswered(s, t);
	}
}

/* A line where a command must be is answered, whatever it says: by ERROR. */
static bool unknown_command(const uint8_t *at, const struct view *v, struct message *m)
{
	struct view line = view_of(at, (size_t)(v->p - at), 0);

	if (!view_len(&line) || *at < '!' || *at > '~' || line.end[-1] != '\n')
		return false;
	memset(m, 0, sizeof(*m));
	while (line.end > line.p && (line.end[-1] == '\n' || line.end[-1] == '\r'))
		line.end--;
	m->verb = view_word(&line);
	m->key = m->rest = view_of(line.p, 0, 0);
	return true;
}

static struct take data(struct session *s, void *state, enum side side, struct view *v)
{
	struct memcached *x = state;

	if (x->side[side].value) { /* it has been passed over */
		x->side[side].value = false;
		if (x->side[side].ends)
			end_message(s, x, side, v->p);
	}
	while (view_len(v)) {
		const uint8_t *at = v->p;
		struct message m;
		enum tsm_probe r = read_message(v, side, &m);

		if (r == PROBE_MAYBE)
			return take_more();
		if (r == PROBE_NO && !(side == SIDE_CLIENT && unknown_command(at, v, &m))) {
			tsm_note(s, "memcached: no message where one should begin");
			return take_search();
		}
		if (m.binary && m.status && m.bytes <= LINE_MOST && view_len(v) < m.bytes) {
			uint32_t whole = (uint32_t)((size_t)(v->p - at) + m.bytes);

			v->p = at; /* what is said of an error is read */
			return take_need(whole);
		}
		x->side[side].t =
			side == SIDE_CLIENT ? on_request(s, x, &m, at) : on_answer(s, x, &m, at);
		x->side[side].ends = side == SIDE_CLIENT || m.last;
		if (m.bytes) {
			x->side[side].value = true;
			return take_skip(m.bytes);
		}
		if (x->side[side].ends)
			end_message(s, x, side, v->p);
	}
	return take_more();
}

/* ---- Lost bytes ---- */

static void gap(struct session *s, void *state, enum side side, uint64_t n)
{
	struct memcached *x = state;

	(void)n;
	x->side[side].value = false;
	x->answering = x->answering && side != SIDE_SERVER;
	quiet_forget(s, x);
}

/* A value may hold anything: a message is believed where its side takes its turn. */
static enum tsm_probe sync(struct session *s, void *state, enum side side, struct view *v)
{
	struct view from = *v;
	struct message m;

	(void)state;
	return tsm_takes_turn(s, v->p) ? read_message(&from, side, &m) : PROBE_NO;
}

/* ---- Explained ---- */

static void show_binary(struct show *s, const uint8_t *h, const struct message *m, enum side side)
{
	tsm_show_number(s, &fields[D_OPCODE], h + 1, 1, m->code, opcode_name(m->code));
	if (side == SIDE_SERVER)
		tsm_show_code(s, &fields[D_CODE], h + 6, 2, m->status, status_name(m->status));
	tsm_show_u64(s, &fields[D_LENGTH], h + 8, 4,
		m->bytes + (uint64_t)h[4] + ((uint64_t)h[2] << 8 | h[3]));
	tsm_show_u64(s, &fields[D_OPAQUE], h + 12, 4, m->opaque);
}

static void describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	(void)p;
	while (view_len(&v)) {
		const uint8_t *at = v.p;
		struct message m;

		if (read_message(&v, side, &m) != PROBE_YES) {
			v.p = at;
			break;
		}
		if (m.binary)
			show_binary(s, at, &m, side);
		else if (m.numbered)
			tsm_show_u64(s, &fields[F_VALUE], at, view_len(&m.verb), m.number);
		else
			tsm_show_text(
				s, &fields[side == SIDE_CLIENT ? F_COMMAND : F_STATUS], m.verb);
		if (view_len(&m.key))
			tsm_show_text(s, &fields[F_KEYS], m.key);
		if (m.valued)
			tsm_show_u64(s, &fields[D_BYTES], at, (size_t)(v.p - at), m.value);
		v.p += m.bytes < view_len(&v) ? m.bytes : view_len(&v);
	}
	if (view_len(&v))
		tsm_show_u64(s, &fields[D_REST], v.p, view_len(&v), view_len(&v));
}

/* ---- What it is ---- */

static const struct claim claims[] = {{TABLE_TCP_PORT, 11211}, {TABLE_END, 0}};

static const char *const checks[] = {"version", "mn", "noop", "stats", NULL};
static const char *const waiting[] = {"watch", NULL}; /* log lines, as long as the client stays */
static const struct tsm_model model = {.kind = KIND_DATABASE,
	.naming = NAMING_KEY,
	.check_methods = checks,
	.idle_methods = waiting};

TSM_DISSECTOR(memcached) = {
	TSM_HEAD,
	.name = "memcached",
	.title = "memcached: text, meta and binary protocol",
	.claims = claims,
	.fields = fields,
	.state_size = sizeof(struct memcached),
	.traits = TRAIT_IN_ORDER,
	.probe = probe,
	.data = data,
	.gap = gap,
	.sync = sync,
	.describe = describe,
	.model = &model,
};
