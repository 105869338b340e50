/*
 * find_unanswered.c - questions of protocols that are not read that got no answer, while somebody
 * waited for who asked.
 *
 * The last thing that a client says may be no question (an acknowledgment, a goodbye), or one that
 * is to wait (a worker's for its next job). So it counts for the time that a request to the host
 * which asked waited itself, and else for nothing.
 */
#include "findings/find_impl.h"

struct unanswered {
	struct proof open;
	uint64_t given_up; /* of them: the client closed the connection; the others wait yet */
	uint64_t longest;
};

static void record(struct findings *f, struct svc *s, const struct record *r)
{
	const struct turn_record *t = (const void *)r;
	struct unanswered *c;

	if (!s || r->kind != RECORD_TURN || !t->open || r->duration < f->limit.v[THRESHOLD_SLOW])
		return;
	c = svc_state(s, DETECTOR_UNANSWERED);
	claim(f, CLASS_NO_ANSWER);
	proof_add(&c->open, r->start, r->duration, t->frame);
	proof_until(&c->open, r->end);
	proof_client(&c->open, &r->client.ip);
	c->given_up += !(r->quality >> QUALITY_PENDING & 1);
	c->longest = r->duration > c->longest ? r->duration : c->longest;
}

static bool felt(const struct svc *s)
{
	for (const struct cell *c = s->cells; c; c = c->next)
		if (c->class == CLASS_NO_ANSWER && c->now)
			return true;
	return false;
}

static void list_open(struct findings *f, const struct svc *s, const struct unanswered *c)
{
	struct finding *x = finding_new(f, "no-answer", "Questions without an answer", s, &c->open,
		"tsumari.flow.server.payload >= 0");

	finding_claims(x, s, ALL_ENTRIES, CLASS(NO_ANSWER));
	x->of = s->flows;
	say(&x->saw,
		"On %C of %C connections what the client said last got no answer, for up to %T, "
		"while somebody waited for the client. ",
		x->count, x->of, c->longest);
	if (c->given_up)
		say(&x->saw, "%C times it gave up and closed the connection. ", c->given_up);
	if (c->given_up < x->count)
		say(&x->saw,
			"%C still waited when the capture ended: what that costs is its time so "
			"far, the least that it can be. ",
			x->count - c->given_up);
	say(&x->means, "The server took the question (its host acknowledged it) and does not "
		       "answer: it hangs, waits for a lock, or was stopped.");
	say(&x->next, "What the server does with it: its list of what is running and what waits "
		      "for whom (PostgreSQL: pg_stat_activity, Redis: CLIENT LIST, SLOWLOG), the "
		      "state of its process (ps, gdb -p); the client's timeout.");
	say(&x->against, "A client whose last message wants no answer, and that is slow for "
			 "another reason, looks the same.");
}

static void list(struct findings *f)
{
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		const struct unanswered *c = svc_has(s, DETECTOR_UNANSWERED);

		if (c && felt(s))
			list_open(f, s, c);
	}
}

const struct detector detect_unanswered = {.service_size = sizeof(struct unanswered),
	.kinds = OF_TURN,
	.record = record,
	.list = list};
