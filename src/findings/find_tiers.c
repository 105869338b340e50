/*
 * find_tiers.c - slow answers that are the waiting for a server behind: what is found there stands
 * for them.
 */
#include "findings/find_impl.h"
#include "model/tiers.h"

struct behind {
	uint64_t server; /* ns of the server's own entry, of requests that called others */
	uint64_t time[TIER_CLASSES]; /* of it */
	const struct finding *cause; /* the costliest finding about a service that was called */
};

static bool is_service(const struct finding *x, const struct service *s)
{
	return s && x->port == s->port && memcmp(&x->server, &s->ip, sizeof(s->ip)) == 0;
}

const struct addr *host_of(const struct findings *f, const struct addr *a)
{
	return f->tiers ? tiers_host(f->tiers, a) : a;
}

/* Whatever takes the time of a server's answers. */
static bool is_cause(const struct finding *x)
{
	static const char *const ids[] = {"slow-server", "saturation", "micro-stall", "mysql-slow",
		"mysql-no-index", "n-plus-one", "http-error", "nfs-delay", "nfs-retry",
		"smtp-queue", "smtp-tarpit", "smtp-greeting", "syn-drop", "accept-queue",
		"connect-timeout", "loss", "no-answer"};

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		if (strcmp(x->id, ids[i]) == 0)
			return true;
	return false;
}

/* Does a service that calls this one answer others at once? */
bool front_is_quicker(const struct findings *f, const struct svc *s)
{
	const struct tier_pair **pairs;
	unsigned n = f->tiers ? tiers_pairs(f->tiers, NULL, &pairs) : 0;
	const struct svc *front;

	for (unsigned i = 0; i < n; i++) {
		const struct service *a = pairs[i]->parent->service, *b = pairs[i]->service;

		if (!a || !b || b->port != s->key.port ||
			memcmp(&b->ip, &s->key.ip, sizeof(b->ip)) != 0)
			continue;
		for (uint32_t k = 0; (front = svc_at(f, k)); k++)
			if (front->key.port == a->port &&
				memcmp(&front->key.ip, &a->ip, sizeof(a->ip)) == 0 &&
				answers_others_at_once(f, front))
				return true;
	}
	return false;
}

static void look_behind(struct findings *f, const struct finding *x, struct behind *b)
{
	const struct tier **list;
	const struct tier_pair **pairs;
	unsigned n = tiers_sorted(f->tiers, &list), m;

	for (unsigned i = 0; i < n; i++) {
		if (!is_service(x, list[i]->service))
			continue;
		b->server += list[i]->server;
		for (int c = 0; c < TIER_CLASSES; c++)
			b->time[c] += list[i]->time[c];
		m = tiers_pairs(f->tiers, list[i], &pairs);
		for (unsigned k = 0; k < m; k++)
			for (unsigned y = 0; y < f->nlist; y++)
				if (&f->list[y] != x && is_cause(&f->list[y]) &&
					is_service(&f->list[y], pairs[k]->service) &&
					(!b->cause || f->list[y].local > b->cause->local))
					b->cause = &f->list[y];
	}
}

static void say_behind(struct finding *x, const struct behind *b)
{
	const char *before = " Of the time of answers that called other servers these took ";

	for (int c = 0; c < TIER_CLASSES; c++) {
		if (c == TIER_OWN || !b->time[c])
			continue;
		say(&x->saw, "%S%P (%S)", before, b->time[c], b->server, tier_names[c]);
		before = ", ";
	}
	text_char(&x->saw, '.');
}

/* Errors that a server behind gives its clients, which pass them on. */
static bool is_failure(const struct finding *x)
{
	static const char *const ids[] = {"mysql-error", "pgsql-error", "http-error", "reset-storm",
		"connect-refused", "connect-timeout", "client-gave-up", "dead-connection",
		"stale-connection", "syn-filtered", "dns-timeout", "no-answer"};

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		if (strcmp(x->id, ids[i]) == 0)
			return true;
	return false;
}

/* Connections that a server whose answers fail could not make: what is behind gave it no call. */
static bool has_no_answer(
	const struct finding *y, const struct finding *x, const struct findings *f)
{
	bool connects = strcmp(y->id, "connect-refused") == 0 ||
			strcmp(y->id, "connect-timeout") == 0 || strcmp(y->id, "syn-filtered") == 0;

	return connects && memcmp(host_of(f, &y->client), &x->server, sizeof(x->server)) == 0 &&
	       y->last >= x->first && y->first <= x->last;
}

/* The failure behind that has most of a server's errors. */
static const struct finding *failure_behind(struct findings *f, const struct finding *x)
{
	const struct finding *most = NULL;
	const struct tier_pair **pairs;
	unsigned n = tiers_pairs(f->tiers, NULL, &pairs);

	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < f->nlist && pairs[i]->parent->service; k++) {
			const struct finding *y = &f->list[k];

			if (y != x && is_failure(y) && is_service(x, pairs[i]->parent->service) &&
				is_service(y, pairs[i]->service) && y->count * 2 >= x->count &&
				(!most || y->count > most->count))
				most = y;
		}
	for (unsigned k = 0; k < f->nlist && !most; k++)
		if (has_no_answer(&f->list[k], x, f) && f->list[k].count * 2 >= x->count)
			most = &f->list[k];
	return most;
}

/* Where nobody but those who check a server was refused, that is told of the checks. */
static void of_checks(struct findings *f)
{
	for (unsigned i = 0; i < f->nlist; i++)
		for (unsigned k = 0; k < f->nlist; k++) {
			struct finding *x = &f->list[i];
			const struct finding *y = &f->list[k];

			if (strcmp(x->id, "connect-refused") == 0 &&
				strcmp(y->id, "check-failing") == 0 && y->count >= x->count &&
				y->port == x->port &&
				memcmp(&y->server, &x->server, sizeof(x->server)) == 0)
				x->part_of = y->id;
		}
}

/* Requests wait for each other, and the time is a server's behind whose protocol is not read: that
   server has the lock. */
static void lock_behind(struct findings *f, struct finding *x)
{
	struct behind b;

	memset(&b, 0, sizeof(b));
	look_behind(f, x, &b);
	if (b.time[TIER_OWN] * 2 >= b.server)
		return;
	for (unsigned i = 0; i < f->nlist; i++) {
		struct finding *y = &f->list[i];

		if (strcmp(y->id, "slow-server") != 0 || y->protocol || y->part_of ||
			y->local < x->local / 2 || y->port == x->port ||
			memcmp(host_of(f, &y->client), &x->server, sizeof(y->client)) != 0)
			continue;
		y->part_of = x->id;
		x->cells = y->cells;
		x->entries = ENTRY(SERVER);
		x->classes = y->classes;
		x->server = y->server;
		x->port = y->port;
		x->protocol = NULL;
		return;
	}
}

void find_behind(struct findings *f)
{
	of_checks(f);
	for (unsigned i = 0; f->tiers && i < f->nlist; i++) {
		struct finding *x = &f->list[i];
		const struct finding *failure = NULL;
		struct behind b;

		if (strcmp(x->id, "serialised") == 0)
			lock_behind(f, x);
		if (strcmp(x->id, "http-error") == 0)
			failure = failure_behind(f, x);
		if (failure)
			x->part_of = failure->id;
		if (strcmp(x->id, "slow-server") != 0 && strcmp(x->id, "client-gave-up") != 0)
			continue;
		memset(&b, 0, sizeof(b));
		look_behind(f, x, &b);
		if (!b.server)
			continue;
		say_behind(x, &b);
		if (b.time[TIER_OWN] * 2 >= b.server || !b.cause)
			continue;
		say(&x->next, " First what is found at the server behind it: %S.", b.cause->id);
		if (strcmp(x->id, "client-gave-up") == 0)
			x->part_of = b.cause->id;
	}
}

/* What repeats itself within one request, of the calls to a service. */
void say_repeats(const struct findings *f, const struct svc *s, struct text *t)
{
	const struct tier_pair **pairs, *most = NULL;
	unsigned n = f->tiers ? tiers_pairs(f->tiers, NULL, &pairs) : 0;

	for (unsigned i = 0; i < n; i++)
		if (pairs[i]->repeats && pairs[i]->service &&
			pairs[i]->service->port == s->key.port &&
			memcmp(&pairs[i]->service->ip, &s->key.ip, sizeof(s->key.ip)) == 0 &&
			(!most || pairs[i]->calls > most->calls))
			most = pairs[i];
	if (most)
		say(t, " %E does it: up to %C times in one request, in %C of %C.",
			most->parent->text, most->parent->len, most->most / TIERS_ONE,
			most->repeats, most->parent->requests);
}
