/* history.c - see history.h: minutes, and the thread that has the file. */
#include "web/history_impl.h"
#include "base/clock.h"
#include "base/mem.h"
#include "findings/findings.h"
#include "model/operation.h"
#include "model/services.h"
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE   (60 * SECOND)
#define SERVICES 256u
#define DIGESTS  512u
#define ROOM     ((uint64_t)8 << 20) /* bytes of a minute's histograms */
#define WAITING  8u                  /* minutes and questions that wait for the thread */

struct cost_key {
	const char *id;
	struct addr server;
	uint64_t port;
};

struct cost_before {
	uint64_t cost, cases;
};

struct history *history_new(
	const char *path, uint64_t size, bool literal, char *err, size_t errsize)
{
	struct history *h = xcalloc(1, sizeof(*h));

	h->size = size;
	h->literal = literal;
	h->costs = keyed_new(sizeof(struct cost_key), sizeof(struct cost_before), 1024);
	queue_init(&h->queue, WAITING);
	pthread_mutex_init(&h->lock, NULL);
	if (history_open(h, path, err, errsize))
		return h;
	history_free(h);
	return NULL;
}

static struct minute *minute_new(uint64_t number)
{
	struct minute *m = xcalloc(1, sizeof(*m));

	m->number = number;
	m->room.left = ROOM;
	m->services = services_new(SERVICES, &m->room);
	m->digests = digests_new(DIGESTS, &m->room);
	return m;
}

static void minute_free(struct minute *m)
{
	if (m && m->services) {
		digests_free(m->digests);
		services_free(m->services);
	}
	free(m);
}

void history_record(struct history *h, const struct record *r)
{
	uint64_t time = r->end != FIELD_ABSENT ? r->end : r->start;
	struct service *service;
	struct text operation;

	if (r->open || r->kind == RECORD_EVENT || r->kind == RECORD_FINDING || record_of_turns(r))
		return;
	if (time != FIELD_ABSENT && time > h->last)
		h->last = time;
	if (!h->now)
		h->now = minute_new(h->last / MINUTE);
	service = services_record(h->now->services, r);
	if (!service || r->kind != RECORD_TXN)
		return;
	text_init(&operation, h->operation, sizeof(h->operation));
	operation_of((const void *)r, h->literal, &operation);
	(void)digests_record(h->now->digests, service, operation.p, operation.len, (const void *)r);
}

/* By the clock, too: nothing may come any more. */
bool history_due(struct history *h)
{
	return h->now && (h->last / MINUTE > h->now->number ||
				 (uint64_t)time(NULL) / 60 > h->now->number + 1);
}

static void add_finding(struct history *h, struct minute *m, const struct finding *x)
{
	struct minute_finding *to = &m->findings[m->nfindings];
	struct cost_key key;
	struct cost_before *before;
	struct text t;

	memset(&key, 0, sizeof(key));
	key.id = x->id;
	key.server = x->server;
	key.port = x->port;
	before = keyed_get(h->costs, &key);
	if (!before || m->nfindings == HISTORY_FINDINGS ||
		(x->cost <= before->cost && x->count <= before->cases))
		return;
	m->nfindings++;
	to->id = x->id;
	to->title = x->title;
	to->severity = severity_names[x->severity];
	to->protocol = x->protocol;
	text_init(&t, to->server, sizeof(to->server));
	if (!addr_is_zero(&x->server)) {
		if (x->port)
			text_endpoint(&t, &x->server, x->port);
		else
			text_addr(&t, &x->server);
	}
	to->cost = x->cost > before->cost ? x->cost - before->cost : 0;
	to->cases = x->count > before->cases ? x->count - before->cases : 0;
	before->cost = x->cost;
	before->cases = x->count;
}

static void hand_over(struct history *h, struct minute *m)
{
	if (h->started && queue_try_put(&h->queue, m))
		return;
	h->dropped += m->services != NULL;
	minute_free(m);
}

void history_minute(struct history *h, struct findings *f, const struct capture_stats *capture)
{
	struct minute *m = h->now;
	const struct finding *list;
	uint64_t drops = capture->kernel_dropped + capture->interface_dropped;
	unsigned n;

	if (!m)
		return;
	h->now = NULL;
	n = findings_list(f, capture, &list);
	for (unsigned i = 0; i < n; i++)
		add_finding(h, m, &list[i]);
	m->frames = capture->frames - h->frames;
	m->bytes = capture->bytes - h->bytes;
	m->dropped = drops - h->drops;
	h->frames = capture->frames;
	h->bytes = capture->bytes;
	h->drops = drops;
	hand_over(h, m);
}

void history_ask(struct history *h, enum web_thing which)
{
	struct minute *m;
	bool asked;

	pthread_mutex_lock(&h->lock);
	asked = h->asked >> which & 1;
	h->asked |= 1u << which;
	pthread_mutex_unlock(&h->lock);
	if (asked)
		return;
	m = xcalloc(1, sizeof(*m));
	m->asked = which;
	hand_over(h, m);
}

static void *keep(void *arg)
{
	struct history *h = arg;
	struct minute *m;

	if (h->confined)
		h->confined();
	while ((m = queue_get(&h->queue))) {
		bool end = !m->services && m->asked == WEB_THINGS;

		if (m->services)
			history_write(h, m);
		else if (!end)
			history_answer(h, m->asked);
		if (!m->services && !end) {
			pthread_mutex_lock(&h->lock);
			h->asked &= ~(1u << m->asked);
			pthread_mutex_unlock(&h->lock);
		}
		minute_free(m);
		if (end)
			break;
	}
	sqlite3_close(h->db); /* its log is put away, which others may not */
	h->db = NULL;
	return NULL;
}

bool history_start(struct history *h, struct web *web, void (*confined)(void))
{
	sigset_t all, was;

	h->web = web;
	h->confined = confined;
	sigfillset(&all);
	sigdelset(&all, SIGSYS);
	pthread_sigmask(SIG_BLOCK, &all, &was);
	h->started = pthread_create(&h->thread, NULL, keep, h) == 0;
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	return h->started;
}

bool history_finish(struct history *h, char *err, size_t errsize)
{
	struct minute *end = xcalloc(1, sizeof(*end));
	uint64_t lost;

	end->asked = WEB_THINGS;
	if (h->started) {
		queue_put(&h->queue, end);
		pthread_join(h->thread, NULL);
		h->started = false;
	} else {
		free(end);
	}
	lost = h->failed + h->dropped;
	if (!lost)
		return true;
	snprintf(err, errsize, "--history: %" PRIu64 " minute%s not in the file: %s", lost,
		lost == 1 ? " is" : "s are", h->failed ? h->error : "it was too slow");
	return false;
}

void history_free(struct history *h)
{
	void *m;

	if (!h)
		return;
	if (h->started) {
		char err[256];

		(void)history_finish(h, err, sizeof(err));
	}
	while (queue_try_get(&h->queue, &m))
		minute_free(m);
	minute_free(h->now);
	queue_release(&h->queue);
	keyed_free(h->costs);
	pthread_mutex_destroy(&h->lock);
	sqlite3_close(h->db);
	free(h);
}
