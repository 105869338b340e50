/*
 * beanstalk.c - an example of a dissector outside the tree: the protocol of beanstalkd, a queue of
 * jobs (protocol.txt of beanstalkd). A request is a line, "put" has a job behind it; an answer is a
 * line, some with the bytes of a job or a list behind it. Requests are answered in order.
 *
 * Build, with tsumari installed:
 *     cc -shared -fPIC -o beanstalk.so beanstalk.c $(pkg-config --cflags tsumari)
 * Use:
 *     tsumari --plugin ./beanstalk.so -r FILE
 */
#include <dissector.h>

#define LINE_MOST 256u                /* a tube's name has 200 bytes at most */
#define BODY_MOST (UINT64_C(1) << 30) /* the server's own limit of a job (-z) */

enum { F_COMMAND, F_TUBE, F_JOB, F_BYTES, F_ANSWER, F_GOT };

static const struct field fields[] = {
	FIELD("beanstalk.command", "Command", "Name of the command", FIELD_STR, 10),
	FIELD("beanstalk.tube", "Tube", "Tube that the command names", FIELD_STR, 12),
	FIELD("beanstalk.job", "Job", "Number of the job that is asked for", FIELD_U64, 8),
	FIELD("beanstalk.bytes", "Bytes", "Of the job or list that was sent", FIELD_BYTES, 8),
	FIELD("beanstalk.answer", "Answer", "First word of the answer", FIELD_STR, 12),
	FIELD("beanstalk.got", "Got", "Number of the job in the answer", FIELD_U64, 8),
	FIELDS_END,
};

struct beanstalk {
	struct {
		struct tsm_txn t;
		bool body; /* is being passed over: data() comes next behind it */
	} side[2];
};

/* ---- A line, read in one place for probe(), sync() and data() ---- */

/* What stands behind a word: t: a tube, j: a job's number, b: bytes that follow, n: a number. */
struct form {
	const char *word, *rest;
};

static const struct form requests[] = {{"put", "nnnb"}, {"reserve", ""},
	{"reserve-with-timeout", "n"}, {"reserve-job", "j"}, {"delete", "j"}, {"release", "jnn"},
	{"bury", "jn"}, {"touch", "j"}, {"use", "t"}, {"watch", "t"}, {"ignore", "t"},
	{"peek", "j"}, {"peek-ready", ""}, {"peek-delayed", ""}, {"peek-buried", ""}, {"kick", "n"},
	{"kick-job", "j"}, {"stats-job", "j"}, {"stats-tube", "t"}, {"stats", ""},
	{"list-tubes", ""}, {"list-tube-used", ""}, {"list-tubes-watched", ""}, {"quit", ""},
	{"pause-tube", "tn"}, {NULL, NULL}};
static const struct form answers[] = {{"INSERTED", "j"}, {"RESERVED", "jb"}, {"FOUND", "jb"},
	{"OK", "b"}, {"USING", "t"}, {"WATCHING", "n"}, {"DELETED", ""}, {"RELEASED", ""},
	{"BURIED", "j"}, {"BURIED", ""}, {"TOUCHED", ""}, {"KICKED", "n"}, {"KICKED", ""},
	{"PAUSED", ""}, {"NOT_FOUND", ""}, {"NOT_IGNORED", ""}, {"TIMED_OUT", ""},
	{"DEADLINE_SOON", ""}, {"DRAINING", ""}, {"JOB_TOO_BIG", ""}, {"EXPECTED_CRLF", ""},
	{"BAD_FORMAT", ""}, {"UNKNOWN_COMMAND", ""}, {"OUT_OF_MEMORY", ""}, {"INTERNAL_ERROR", ""},
	{NULL, NULL}};

struct line {
	struct view word, tube;
	uint64_t job, bytes;
	bool has_job, has_bytes;
};

static bool fits(const struct form *form, struct view v, struct line *l)
{
	struct view word = view_word(&v);
	uint64_t n = 0;

	if (!view_is(&word, form->word))
		return false;
	memset(l, 0, sizeof(*l));
	l->word = word;
	l->tube = view_of(v.p, 0, 0);
	for (const char *c = form->rest; *c; c++) {
		word = view_word(&v);
		if (!view_len(&word) || (*c != 't' && !view_decimal(&word, UINT64_MAX, &n)))
			return false;
		if (*c == 't')
			l->tube = word;
		else if (*c == 'j')
			l->job = n;
		else if (*c == 'b' && n <= BODY_MOST)
			l->bytes = n;
		else if (*c == 'b')
			return false;
		l->has_job |= *c == 'j';
		l->has_bytes |= *c == 'b';
	}
	return view_len(&v) == 0;
}

/* Does a line begin here? */
static enum tsm_probe line_like(struct view v, enum side side, struct line *l)
{
	struct view line;

	if (!view_line(&v, &line))
		return view_len(&v) < LINE_MOST ? PROBE_MAYBE : PROBE_NO;
	for (const struct form *f = side == SIDE_CLIENT ? requests : answers; f->word; f++)
		if (fits(f, line, l))
			return PROBE_YES;
	return PROBE_NO;
}

/* Words that others say, too: these show it only on its own port, at the end. */
static enum tsm_probe probe(struct view head, enum side side)
{
	struct line l;
	enum tsm_probe r = side == SIDE_CLIENT ? line_like(head, side, &l) : PROBE_NO;
	bool weak = r == PROBE_YES && !l.has_bytes && !l.has_job && !view_len(&l.tube) &&
		    !memchr(l.word.p, '-', view_len(&l.word)) && !view_is(&l.word, "reserve");

	return weak ? PROBE_MAYBE : r;
}

/* ---- Messages ---- */

static struct tsm_txn on_request(struct session *s, const struct line *l)
{
	struct tsm_txn t = tsm_request(s, 0, l->word.p);

	tsm_op(t, l->word, l->tube);
	tsm_str(t, F_COMMAND, l->word);
	if (view_len(&l->tube))
		tsm_str(t, F_TUBE, l->tube);
	return t;
}

static struct tsm_txn on_answer(struct session *s, const struct line *l)
{
	static const char *const errors[] = {"OUT_OF_MEMORY", "INTERNAL_ERROR", "DRAINING",
		"BAD_FORMAT", "UNKNOWN_COMMAND", "EXPECTED_CRLF", "JOB_TOO_BIG", NULL};
	struct tsm_txn t = tsm_response(s, 0, l->word.p);
	enum tsm_status_code status = STATUS_OK;

	for (unsigned i = 0; errors[i]; i++)
		if (view_is(&l->word, errors[i]))
			status = i < 3 ? STATUS_SERVER_ERROR : STATUS_CLIENT_ERROR;
	tsm_status(t, status);
	tsm_str(t, F_ANSWER, l->word);
	return t;
}

static void end_message(struct session *s, enum side side, struct tsm_txn t, const uint8_t *end)
{
	if (side == SIDE_CLIENT)
		tsm_request_end(s, t, end);
	else
		tsm_response_end(s, t, end);
}

static struct take data(struct session *s, void *state, enum side side, struct view *v)
{
	struct beanstalk *x = state;
	struct view text;
	struct line l;

	if (x->side[side].body) { /* it has been passed over */
		x->side[side].body = false;
		end_message(s, side, x->side[side].t, v->p);
	}
	while (view_len(v)) {
		enum tsm_probe r = line_like(*v, side, &l);
		struct tsm_txn t;

		if (r == PROBE_MAYBE)
			return take_more();
		if (r == PROBE_NO) {
			tsm_note(s, "beanstalk: no line where one should begin");
			return take_search();
		}
		(void)view_line(v, &text);
		t = side == SIDE_CLIENT ? on_request(s, &l) : on_answer(s, &l);
		if (l.has_job)
			tsm_u64(t, side == SIDE_CLIENT ? F_JOB : F_GOT, l.job);
		if (l.has_bytes) {
			tsm_u64(t, F_BYTES, l.bytes);
			x->side[side].t = t;
			x->side[side].body = true;
			return take_skip(l.bytes + 2);
		}
		end_message(s, side, t, v->p);
		if (side == SIDE_CLIENT && view_is(&l.word, "quit")) {
			tsm_status(t, STATUS_OK);
			tsm_unanswered(s, t);
		}
	}
	return take_more();
}

/* Bytes were lost: forget the message that was under way. */
static void gap(struct session *s, void *state, enum side side, uint64_t n)
{
	(void)s;
	(void)n;
	((struct beanstalk *)state)->side[side].body = false;
}

/* A job may hold anything: a line is believed where its side takes its turn. */
static enum tsm_probe sync(struct session *s, void *state, enum side side, struct view *v)
{
	struct line l;

	(void)state;
	return tsm_takes_turn(s, v->p) ? line_like(*v, side, &l) : PROBE_NO;
}

static const struct claim claims[] = {{TABLE_TCP_PORT, 11300}, {TABLE_END, 0}};

/* Whose answer comes when there is a job, or when the time that the client named is over. */
static const char *const waiting[] = {"reserve", "reserve-with-timeout", NULL};
static const char *const checks[] = {"stats", "list-tubes", "list-tube-used", NULL};

static const struct tsm_model model = {.kind = KIND_DATABASE,
	.naming = NAMING_KEY,
	.check_methods = checks,
	.idle_methods = waiting};

TSM_DISSECTOR(beanstalk) = {
	TSM_HEAD,
	.name = "beanstalk",
	.title = "beanstalkd: a queue of jobs",
	.claims = claims,
	.fields = fields,
	.state_size = sizeof(struct beanstalk),
	.traits = TRAIT_IN_ORDER,
	.probe = probe,
	.data = data,
	.gap = gap,
	.sync = sync,
	.model = &model,
};
