/*
 * redis.c - an example of a dissector outside the tree: the Redis serialization protocol (RESP 2
 * and 3, redis.io/docs/reference/protocol-spec). A request is an array of bulk strings
 * ("*2\r\n$3\r\nGET\r\n $1\r\nk\r\n"), a response is one value of any type. Requests are answered
 * in order. Commands written as a line of words are not read.
 *
 * Build, with tsumari installed:
 *     cc -shared -fPIC -o redis.so redis.c $(pkg-config --cflags tsumari)
 * Use:
 *     tsumari --plugin ./redis.so -r FILE
 */
#include <dissector.h>

#define DEPTH_MAX  8u
#define LENGTH_MAX (UINT64_C(512) << 20) /* the protocol's own limit of a bulk string */
#define LINE_BYTES 4096u

enum { F_COMMAND, F_KEY, F_ERROR, F_TYPE };

static const struct field fields[] = {
	FIELD("redis.command", "Command", "Name of the command", FIELD_STR, 10),
	FIELD("redis.key", "Key", "First argument of the command", FIELD_STR, 20),
	FIELD("redis.error", "Error", "Error line of the response", FIELD_STR, 30),
	FIELD("redis.type", "Type",
		"What the response is: string, error, integer, bulk, array, map ...", FIELD_NAME,
		8),
	FIELDS_END,
};

struct side_state {
	uint64_t left[DEPTH_MAX]; /* values missing at each depth of arrays */
	uint32_t depth;
	uint32_t args; /* bulk strings of a request read so far */
	bool bulk;
	uint64_t bulk_len;
	struct tsm_txn txn;
	uint8_t command[64];
	uint32_t command_len;
};

struct redis {
	struct side_state s[2];
};

/* A decimal number; false where it is none. -1 (nil) gives *nil. */
static bool number(struct view v, uint64_t *n, bool *nil)
{
	*n = 0;
	*nil = view_len(&v) == 2 && v.p[0] == '-' && v.p[1] == '1';
	if (*nil)
		return true;
	if (!view_len(&v) || view_len(&v) > 10)
		return false;
	for (; v.p < v.end; v.p++) {
		if (*v.p < '0' || *v.p > '9')
			return false;
		*n = *n * 10 + (*v.p - 48u);
	}
	return *n <= LENGTH_MAX;
}

static enum tsm_probe probe(struct view head, enum side side)
{
	const uint8_t *p = view_peek(&head, 1);
	struct view line, count;
	uint64_t n;
	bool nil;

	if (side != SIDE_CLIENT)
		return PROBE_NO;
	if (!p)
		return PROBE_MAYBE;
	if (*p != '*')
		return PROBE_NO;
	if (!view_line(&head, &line))
		return view_len(&head) < 16 ? PROBE_MAYBE : PROBE_NO;
	count = view_of(line.p + 1, view_len(&line) - 1, 0);
	if (!number(count, &n, &nil) || nil || !n)
		return PROBE_NO;
	p = view_peek(&head, 1);
	return !p ? PROBE_MAYBE : *p == '$' ? PROBE_YES : PROBE_NO;
}

static void begin(struct session *s, struct side_state *x, enum side side, const uint8_t *at)
{
	if (side == SIDE_CLIENT)
		x->txn = tsm_request(s, 0, at);
	else
		x->txn = tsm_response(s, 0, at);
	x->args = 0;
	x->command_len = 0;
}

/* One value is complete; so may be the arrays it was the last of. */
static void value_end(struct session *s, struct side_state *x, enum side side, const uint8_t *end)
{
	while (x->depth && --x->left[x->depth - 1] == 0)
		x->depth--;
	if (x->depth)
		return;
	if (side == SIDE_CLIENT)
		tsm_request_end(s, x->txn, end);
	else
		tsm_response_end(s, x->txn, end);
	x->txn = TSM_NONE;
}

static void argument(struct side_state *x, struct view text)
{
	if (x->args == 0) {
		size_t n =
			view_len(&text) < sizeof(x->command) ? view_len(&text) : sizeof(x->command);

		memcpy(x->command, text.p, n);
		x->command_len = (uint32_t)n;
		tsm_str(x->txn, F_COMMAND, text);
		tsm_op(x->txn, text, view_of(text.p, 0, 0));
	} else if (x->args == 1) {
		tsm_str(x->txn, F_KEY, text);
		tsm_op(x->txn, view_of(x->command, x->command_len, 0), text);
	}
	x->args++;
}

enum shape { LINE, BULK, ARRAY, PAIRS };

/* The types by their first byte; those from '_' on are of RESP 3. */
static const struct type {
	uint8_t c;
	enum shape shape;
	const char *name;
} types[] = {
	{'+', LINE, "string"},
	{'-', LINE, "error"},
	{':', LINE, "integer"},
	{'$', BULK, "bulk"},
	{'*', ARRAY, "array"},
	{'_', LINE, "null"},
	{'#', LINE, "boolean"},
	{',', LINE, "double"},
	{'(', LINE, "big number"},
	{'!', BULK, "error"},
	{'=', BULK, "verbatim"},
	{'%', PAIRS, "map"},
	{'~', ARRAY, "set"},
	{'>', ARRAY, "push"},
	{'|', PAIRS, "attribute"},
};

static const struct type *type_of(uint8_t c)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].c == c)
			return &types[i];
	return NULL;
}

/* A value that is not inside of another begins. What a server sends unasked answers nothing. */
static void on_first(struct session *s, struct side_state *x, enum side side,
	const struct type *type, struct view line)
{
	if (type->c == '>')
		return;
	begin(s, x, side, line.p);
	if (side == SIDE_CLIENT)
		return;
	tsm_name(x->txn, F_TYPE, type->name);
	tsm_status(x->txn, type->c == '-' || type->c == '!' ? STATUS_ERROR : STATUS_OK);
	if (type->c == '-')
		tsm_str(x->txn, F_ERROR, view_of(line.p + 1, view_len(&line) - 1, 0));
}

/* A line that begins a value; false where it is none. */
static bool on_line(struct session *s, struct side_state *x, enum side side, struct view line,
	const uint8_t *end)
{
	const struct type *type;
	uint64_t n;
	bool nil;

	if (!view_len(&line))
		return side == SIDE_CLIENT && !x->depth; /* redis-cli --pipe sends one */
	type = type_of(*line.p);
	if (!type)
		return false;
	if (!x->depth)
		on_first(s, x, side, type, line);
	if (type->shape == LINE) {
		value_end(s, x, side, end);
		return true;
	}
	if (!number(view_of(line.p + 1, view_len(&line) - 1, 0), &n, &nil))
		return false;
	if (type->shape == PAIRS)
		n *= 2;
	if (type->c == '|')
		n++; /* the value that has the attributes */
	if (type->shape == BULK && !nil) {
		x->bulk = true;
		x->bulk_len = n;
	} else if (type->shape != BULK && !nil && n) {
		if (x->depth == DEPTH_MAX)
			return false;
		x->left[x->depth++] = n;
	} else {
		value_end(s, x, side, end);
	}
	return true;
}

static struct take lost(struct session *s, struct side_state *x)
{
	struct take t = {0, 0, false};

	tsm_note(s, "redis: not a value where one should begin");
	tsm_abandon(s, x->txn);
	memset(x, 0, sizeof(*x));
	t.need = TAKE_SEARCH;
	return t;
}

static struct take data(struct session *s, void *state, enum side side, struct view *v)
{
	struct side_state *x = &((struct redis *)state)->s[side];
	struct take t = {0, 0, false};
	struct view line;

	for (;;) {
		if (x->bulk) {
			/* Arguments of interest are read, everything else is passed over. */
			bool wanted =
				side == SIDE_CLIENT && x->args < 2 && x->bulk_len < LINE_BYTES;

			if (wanted && view_len(v) < x->bulk_len + 2) {
				t.need = (uint32_t)x->bulk_len + 2;
				return t;
			}
			if (wanted) {
				argument(x, view_of(v->p, x->bulk_len, 0));
				v->p += x->bulk_len + 2;
			} else if (x->bulk_len != UINT64_MAX) {
				t.skip = x->bulk_len + 2;
				x->bulk_len =
					UINT64_MAX; /* passed over when data() is called again */
				x->args++;
				return t;
			}
			x->bulk = false;
			value_end(s, x, side, v->p);
			continue;
		}
		if (!view_line(v, &line)) {
			if (view_len(v) > LINE_BYTES)
				return lost(s, x);
			return t;
		}
		if (!on_line(s, x, side, line, v->p))
			return lost(s, x);
	}
}

/* Bytes were lost: forget the value that was under way. */
static void gap(struct session *s, void *state, enum side side, uint64_t n)
{
	(void)s;
	(void)n;
	memset(&((struct redis *)state)->s[side], 0, sizeof(struct side_state));
}

/* Where does the next one begin? Values of a reply look like replies; a request has a form. */
static enum tsm_probe sync(struct session *s, void *state, enum side side, struct view *v)
{
	(void)state;
	if (side == SIDE_CLIENT)
		return probe(*v, side);
	return tsm_takes_turn(s, v->p) && type_of(*v->p) ? PROBE_YES : PROBE_NO;
}

static const struct claim claims[] = {{TABLE_TCP_PORT, 6379}, {TABLE_END, 0}};

/* Whose answer comes when there is something, or when the time that the client named is over. */
static const char *const blocking[] = {"BLPOP", "BRPOP", "BLMOVE", "BRPOPLPUSH", "BLMPOP",
	"BZPOPMIN", "BZPOPMAX", "BZMPOP", "XREAD", "XREADGROUP", "WAIT", NULL};
static const char *const checks[] = {"PING", "HELLO", "SELECT", "INFO", "QUIT", NULL};

static const struct tsm_model model = {
	.kind = KIND_DATABASE, .check_methods = checks, .idle_methods = blocking};

TSM_DISSECTOR(redis) = {
	TSM_HEAD,
	.name = "redis",
	.title = "Redis serialization protocol",
	.claims = claims,
	.fields = fields,
	.state_size = sizeof(struct redis),
	.probe = probe,
	.data = data,
	.gap = gap,
	.sync = sync,
	.model = &model,
};
