/*
 * pipeline.c - source, engines and sinks put together.
 *
 * With no workers everything happens on this thread. With N workers a reader thread reads frames,
 * their layers and fragments, and hands packets to the worker that owns their shard; each worker
 * sends records back; this thread puts them in order and runs the sinks. Order is by the records'
 * keys, which do not depend on N.
 */
#include "base/clock.h"
#include "run/pipeline.h"
#include "run/confine.h"
#include "run/reader.h"
#include "base/ending.h"
#include "base/mem.h"
#include "base/queue.h"
#include "findings/findings.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES  64u              /* of one read, at most */
#define READS   4u               /* that a load holds, at least */
#define LOAD    (READS * FRAMES) /* frames */
#define PENDING 8u               /* batches on their way to one worker, at most */
#define FLUSH   262144u /* bytes of records a worker gathers before it sends them, at most */
#define ROUND   32u     /* reads after which every worker is told how far the reader is */
#define OUTPUTS 24u     /* of workers that wait to be put in order, at most */
#define EACH    (UINT64_C(8) << 20) /* of --memory, of each worker at least */
#define STEP    65536u              /* a block of records */

#define PATHS_SHARE 8192u /* bytes of --memory for each handle whose path is known */
#define PATHS_LEAST 1024u

static struct pipeline *running; /* for pipeline_stop() in a signal handler */

/* Frames that the workers read where the reader put them. */
struct load {
	atomic_uint refs; /* the reader's, and one of each batch */
	unsigned n, nchunks;
	struct chunk *chunk[LOAD]; /* which the frames lie in */
	struct packet frames[LOAD];
};

struct batch {
	struct load *load; /* NULL: no packets */
	uint64_t tick;     /* time of a tick after the packets; 0: none */
	uint64_t upto;     /* every frame up to this place was read */
	bool flush;        /* what has come out by then is wanted */
	bool last;
	uint64_t ended;   /* of the last: the time of the capture's last frame */
	bool reassembled; /* some of the packets are datagrams put together */
	unsigned n;
	struct packet *packets[LOAD];
};

struct output { /* from a worker */
	unsigned worker;
	uint64_t upto;
	bool last;
	struct records records;
};

struct worker {
	struct engine *engine;
	struct queue in, spare;
	struct queue used; /* blocks of records that come back */
	struct queue *out;
	struct queue *loads; /* those that nobody reads any more */
	uint64_t sent;       /* blocks of records */
	atomic_ullong shown; /* of them that came back */
	const struct room *room;
	uint64_t upto; /* the place of the last frame that the worker has seen */
	struct batch *filling;
	unsigned index;
	pthread_t thread;
};

struct pending { /* main: what a worker has sent and is not in order yet */
	struct records records;
	uint32_t at; /* in the first block */
	uint64_t upto;
	bool last;
};

/* How much may be on its way, by the budget. It decides on nothing that is shown. */
struct room {
	unsigned pending, round;
	unsigned outputs; /* of workers that wait to be put in order */
	uint64_t flush;   /* bytes of records that are gathered */
	uint64_t blocks;  /* of records of a worker that are not shown yet, where it may wait for
			     that */
};

struct threads {
	struct pipeline *p;
	struct room room;
	struct worker *workers;
	unsigned n;
	struct queue out;
	struct queue loads;
	struct load *load; /* being filled */
	struct reader reader;
	struct pending *pending;
	int failed;
};

void pipeline_stop(struct pipeline *p)
{
	struct pipeline *which = p ? p : running;

	if (which && which->source)
		source_stop(which->source);
}

void pipeline_published(struct pipeline *p, struct capture_stats *st)
{
	pthread_mutex_lock(&p->lock);
	*st = p->published;
	pthread_mutex_unlock(&p->lock);
}

/* wanted: by -Y. */
static void to_sinks(struct pipeline *p, const struct record *rec, bool wanted)
{
	for (unsigned i = 0; i < p->nsinks; i++)
		if (p->sinks[i].record && (wanted || p->sinks[i].all))
			p->sinks[i].record(p->sinks[i].arg, rec);
}

/* No display filter knows of turns: where one chooses, their connections tell the sums. */
static void show_turn(struct pipeline *p, const struct record *rec)
{
	(void)gave_up_record(p->gave_up, rec);
	if (p->model && (!p->wanted || p->model_all))
		model_record(p->model, rec);
	for (unsigned i = 0; i < p->nsinks; i++)
		if (p->sinks[i].turns)
			p->sinks[i].record(p->sinks[i].arg, rec);
}

/* What has not ended is in no model yet: it will be, once. */
static void show_open(struct pipeline *p, const struct record *rec)
{
	bool moment = rec->open == RECORD_OF_MOMENT, wanted;
	struct flow_record room;

	rec = paths_record(p->paths, record_whole(rec, &room));
	wanted = moment || !p->wanted || p->wanted(p->wanted_arg, rec);
	for (unsigned i = 0; i < p->nsinks; i++)
		if (moment ? p->sinks[i].moments
			   : p->sinks[i].interim && (wanted || p->sinks[i].all))
			p->sinks[i].record(p->sinks[i].arg, rec);
}

static void show(struct pipeline *p, const struct record *rec)
{
	struct flow_record room;
	bool wanted;

	if (rec->open) {
		show_open(p, rec);
		return;
	}
	if (record_of_turns(rec)) {
		show_turn(p, rec);
		return;
	}
	rec = gave_up_record(p->gave_up, paths_record(p->paths, record_whole(rec, &room)));
	wanted = !p->wanted || p->wanted(p->wanted_arg, rec);
	if (p->model && (wanted || p->model_all))
		model_record(p->model, rec);
	to_sinks(p, rec, wanted);
}

/* What was found leaves after all else. */
static void show_findings(struct pipeline *p)
{
	struct findings *f = p->model && p->nsinks ? findings_of(p->model) : NULL;
	const struct finding *list;
	unsigned n = f ? findings_list(f, &p->capture, &list) : 0;

	for (unsigned i = 0; i < n; i++) {
		const struct record *rec = findings_as_record(f, &list[i]);

		to_sinks(p, rec, !p->wanted || p->wanted(p->wanted_arg, rec));
	}
	if (p->model)
		model_counters(p->model, &p->counters);
}

static bool poll_sinks(struct pipeline *p)
{
	bool go = true;

	for (unsigned i = 0; i < p->nsinks; i++)
		if (p->sinks[i].poll && !p->sinks[i].poll(p->sinks[i].arg))
			go = false;
	if (!go) {
		p->stopped_by_sink = true;
		source_stop(p->source);
	}
	return go;
}

static bool give_frame(struct reader *r, const struct packet *k)
{
	return !r->p->on_frame || r->p->on_frame(r->p->on_frame_arg, k);
}

/* The datagrams put together of fragments: most packets are none. */
static void free_owned(struct packet *const *list, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i]->owned)
			free(list[i]->owned);
}

/* Everything on one thread. */

static void drain_inline(struct pipeline *p, struct engine *e)
{
	struct records *out = engine_records(e);

	while (out->first) {
		struct recblock *b = out->first;

		for (uint32_t at = 0; at < b->len;) {
			const struct record *rec = (const void *)(b->data + at);

			show(p, rec);
			at += rec->size;
		}
		out->first = b->next;
		records_give_back(e, b);
	}
	out->last = NULL;
	out->bytes = 0;
}

struct inline_run {
	struct pipeline *p;
	struct engine *e;
};

static void inline_full(void *arg)
{
	struct inline_run *run = arg;

	drain_inline(run->p, run->e);
}

static void flush_inline(struct reader *r, struct engine *e, struct packet **list, unsigned *n)
{
	if (!*n)
		return;
	engine_packets(e, list, *n);
	if (r->reassembled)
		free_owned(list, *n);
	r->reassembled = false;
	*n = 0;
}

/* Nothing is analysed. */
static void frames_written(struct reader *r, struct packet *frames, unsigned n)
{
	for (unsigned i = 0; i < n && !r->over; i++)
		r->over = !reader_admit(r, &frames[i]) || !give_frame(r, &frames[i]);
}

static void frames_inline(struct reader *r, struct engine *e, struct packet *frames, unsigned n)
{
	const bool given = r->p->on_frame != NULL;
	struct packet *list[FRAMES];
	unsigned m = 0;

	for (unsigned i = 0; i < n; i++) {
		struct packet *k = &frames[i];

		if (!reader_admit(r, k) || (given && !give_frame(r, k))) {
			r->over = true;
			break;
		}
		if (reader_tick_due(r, r->now)) {
			flush_inline(r, e, list, &m);
			engine_tick(e, reader_tick(r, r->now), k->order);
		}
		if (reader_prepare(r, k))
			list[m++] = k;
	}
	flush_inline(r, e, list, &m);
}

static int run_inline(struct pipeline *p)
{
	struct engine *e = engine_new(p->config, (1u << SHARDS) - 1);
	struct packet frames[FRAMES];
	enum source_state state = SOURCE_MORE;
	struct reader r;
	struct chunk *chunk;
	unsigned n, rounds = 0;
	struct inline_run run = {p, e};

	reader_init(&r, p);
	records_when_full(e, FLUSH / 4, inline_full, &run);
	while (!r.over && (state == SOURCE_MORE || state == SOURCE_IDLE)) {
		state = source_read(p->source, frames, FRAMES, &n, &chunk);
		if (n) {
			if (p->analyse)
				frames_inline(&r, e, frames, n);
			else
				frames_written(&r, frames, n);
			r.idle_since = clock_monotonic();
			if (source_live(p->source) && reader_duration_over(&r))
				source_stop(p->source);
		} else if (state == SOURCE_IDLE) {
			uint64_t now = reader_idle_time(&r);

			if (now && reader_tick_due(&r, now))
				engine_tick(e, reader_tick(&r, now), r.order.last + 1);
			if (reader_duration_over(&r))
				r.over = true;
		}
		if (engine_records(e)->bytes > FLUSH / 4 || state == SOURCE_IDLE ||
			++rounds % 64 == 0) {
			drain_inline(p, e);
			if (!poll_sinks(p))
				break;
		}
	}
	reader_listened(&r);
	engine_last(e, p->capture.last);
	for (bool more = true; more;) {
		more = engine_finish(e, r.order.last + 1);
		drain_inline(p, e);
	}
	poll_sinks(p);
	reader_release(&r);
	counters_merge(&p->counters, engine_counters(e));
	engine_free(e);
	return state == SOURCE_ERROR;
}

/* Several threads. */

static void load_unref(struct queue *spare, struct load *l)
{
	if (atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) > 1)
		return;
	for (unsigned i = 0; i < l->nchunks; i++)
		chunk_unref(l->chunk[i]);
	if (!queue_try_put(spare, l))
		free(l);
}

static void load_begin(struct threads *t)
{
	void *l;

	if (!queue_try_get(&t->loads, &l))
		l = xmalloc(sizeof(struct load));
	t->load = l;
	atomic_init(&t->load->refs, 1);
	t->load->n = t->load->nchunks = 0;
}

static void load_hold(struct load *l, struct chunk *chunk)
{
	if (l->nchunks && l->chunk[l->nchunks - 1] == chunk)
		return;
	chunk_ref(chunk);
	l->chunk[l->nchunks++] = chunk;
}

static void batch_begin(struct worker *w)
{
	void *b;

	if (!queue_try_get(&w->spare, &b))
		b = xmalloc(sizeof(struct batch));
	w->filling = b;
	w->filling->load = NULL;
	w->filling->tick = 0;
	w->filling->flush = w->filling->last = w->filling->reassembled = false;
	w->filling->n = 0;
}

static void batch_send(struct threads *t, struct worker *w)
{
	w->filling->upto = t->reader.order.last;
	queue_put(&w->in, w->filling);
	batch_begin(w);
}

/* What the load holds goes to the workers, and another one is begun. */
static void load_send(struct threads *t)
{
	for (unsigned i = 0; i < t->n; i++)
		if (t->workers[i].filling->n)
			batch_send(t, &t->workers[i]);
	load_unref(&t->loads, t->load);
	load_begin(t);
}

/* To every worker: all frames so far, and perhaps a tick. */
static void broadcast(struct threads *t, uint64_t tick, uint64_t upto, bool last)
{
	for (unsigned i = 0; i < t->n; i++) {
		struct worker *w = &t->workers[i];

		w->filling->tick = tick;
		w->filling->flush = true;
		w->filling->last = last;
		w->filling->ended = t->p->capture.last;
		w->filling->upto = upto;
		queue_put(&w->in, w->filling);
		if (!last)
			batch_begin(w);
	}
}

static void to_worker(struct threads *t, struct packet *k)
{
	struct batch *b = t->workers[k->shard % t->n].filling;

	if (!b->load) {
		b->load = t->load;
		atomic_fetch_add_explicit(&t->load->refs, 1, memory_order_relaxed);
	}
	if (k->owned)
		b->reassembled = true;
	b->packets[b->n++] = k;
}

/* The last n frames of the load. */
static void frames_threaded(struct threads *t, unsigned n)
{
	struct reader *r = &t->reader;

	for (unsigned i = t->load->n - n; i < t->load->n; i++) {
		struct packet *k = &t->load->frames[i];

		if (!reader_admit(r, k) || !give_frame(r, k)) {
			r->over = true;
			return;
		}
		if (reader_tick_due(r, r->now))
			broadcast(t, reader_tick(r, r->now), k->order - 1, false);
		if (reader_prepare(r, k))
			to_worker(t, k);
	}
}

static void *read_all(void *arg)
{
	struct threads *t = arg;
	struct reader *r = &t->reader;
	enum source_state state = SOURCE_MORE;
	struct chunk *chunk;
	unsigned n, rounds = 0;

	confine_reading();
	load_begin(t);
	while (!r->over && (state == SOURCE_MORE || state == SOURCE_IDLE)) {
		state = source_read(t->p->source, t->load->frames + t->load->n, FRAMES, &n, &chunk);
		if (n) {
			t->load->n += n;
			load_hold(t->load, chunk);
			frames_threaded(t, n);
			r->idle_since = clock_monotonic();
			if (source_live(t->p->source) && reader_duration_over(r))
				source_stop(t->p->source);
		} else if (state == SOURCE_IDLE) {
			uint64_t now = reader_idle_time(r);

			if (now && reader_tick_due(r, now))
				broadcast(t, reader_tick(r, now), r->order.last, false);
			if (reader_duration_over(r))
				r->over = true;
		}
		if (++rounds % t->room.round == 0 || state == SOURCE_IDLE)
			broadcast(t, 0, r->order.last, false);
		if (t->load->n > LOAD - FRAMES || (state == SOURCE_IDLE && t->load->n))
			load_send(t);
	}
	reader_listened(r);
	t->failed = state == SOURCE_ERROR;
	broadcast(t, 0, r->order.last, true);
	load_unref(&t->loads, t->load);
	return NULL;
}

static void send_output(struct worker *w, uint64_t upto, bool last)
{
	struct output *o = xmalloc(sizeof(*o));
	struct records *r = engine_records(w->engine);

	for (const struct recblock *b = r->first; b; b = b->next)
		w->sent++;
	o->worker = w->index;
	o->upto = upto;
	o->last = last;
	o->records = *r;
	memset(r, 0, sizeof(*r));
	queue_put(w->out, o);
}

/*
 * One worker's records may come long before those that stand in front of them: all that it has at a
 * tick or at the end are behind the ones of another's. It waits there until its own have been
 * shown. Everybody has got or gets the same tick, so that the one whose records are next never
 * waits for another. Among packets that is not so, and what a worker can be ahead there is little.
 */
static void wait_for_room(struct worker *w)
{
	void *used;

	while (w->sent - atomic_load_explicit(&w->shown, memory_order_acquire) > w->room->blocks)
		if (queue_get_within(&w->used, &used, 10))
			records_give_back(w->engine, used);
}

/* At a tick or at the end. */
static void worker_full(void *arg)
{
	struct worker *w = arg;

	send_output(w, w->upto, false);
	wait_for_room(w);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	bool last = false;
	void *used;

	confine_dissecting();
	records_when_full(w->engine, w->room->flush, worker_full, w);
	while (!last) {
		struct batch *b = queue_get(&w->in);

		while (queue_try_get(&w->used, &used))
			records_give_back(w->engine, used);

		engine_packets(w->engine, b->packets, b->n);
		if (b->reassembled)
			free_owned(b->packets, b->n);
		if (b->load)
			load_unref(w->loads, b->load);
		w->upto = b->upto;
		if (b->tick)
			engine_tick(w->engine, b->tick, b->upto + 1);
		last = b->last;
		if (last)
			engine_last(w->engine, b->ended);
		while (last && engine_finish(w->engine, b->upto + 1))
			if (engine_records(w->engine)->bytes > w->room->flush)
				worker_full(w);
		if (b->flush || engine_records(w->engine)->bytes > w->room->flush)
			send_output(w, b->upto, last);
		if (!queue_try_put(&w->spare, b))
			free(b);
	}
	return NULL;
}

static void pending_add(struct pending *p, struct output *o)
{
	p->upto = o->upto;
	p->last = o->last;
	if (!o->records.first)
		return;
	if (p->records.last)
		p->records.last->next = o->records.first;
	else
		p->records.first = o->records.first;
	p->records.last = o->records.last;
}

static const struct record *pending_head(const struct pending *p)
{
	return p->records.first ? (const void *)(p->records.first->data + p->at) : NULL;
}

static void pending_next(struct pending *p, struct worker *from)
{
	struct recblock *b = p->records.first;

	p->at += pending_head(p)->size;
	if (p->at < b->len)
		return;
	p->records.first = b->next;
	if (!b->next)
		p->records.last = NULL;
	p->at = 0;
	atomic_fetch_add_explicit(&from->shown, 1, memory_order_release);
	if (!queue_try_put(&from->used, b))
		free(b);
}

/* Emits what is certain to be next. */
static void merge(struct threads *t)
{
	for (;;) {
		struct pending *best = NULL;
		uint64_t certain = UINT64_MAX;

		for (unsigned i = 0; i < t->n; i++) {
			struct pending *p = &t->pending[i];
			const struct record *r = pending_head(p);

			if (r && (!best || r->key < pending_head(best)->key))
				best = p;
			if (!r && !p->last && RECORD_KEY(p->upto + 1, 0) < certain)
				certain = RECORD_KEY(p->upto + 1, 0);
		}
		if (!best || pending_head(best)->key >= certain)
			return;
		show(t->p, pending_head(best));
		pending_next(best, &t->workers[best - t->pending]);
	}
}

static void start(pthread_t *thread, void *(*run)(void *), void *arg)
{
	static const int asking[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGTSTP, SIGWINCH};
	sigset_t these, was;
	int error;

	/* What signals ask for is the main thread's. */
	sigemptyset(&these);
	for (size_t i = 0; i < sizeof(asking) / sizeof(asking[0]); i++)
		sigaddset(&these, asking[i]);
	pthread_sigmask(SIG_BLOCK, &these, &was);
	error = pthread_create(thread, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	if (error)
		ending_now("no thread can be started; -j 0 needs none");
}

static void threads_start(struct threads *t, pthread_t *reader)
{
	for (unsigned i = 0; i < t->n; i++) {
		struct worker *w = &t->workers[i];
		uint32_t shards = 0;

		for (unsigned s = i; s < SHARDS; s += t->n)
			shards |= 1u << s;
		w->index = i;
		w->engine = engine_new(t->p->config, shards);
		w->out = &t->out;
		w->loads = &t->loads;
		w->room = &t->room;
		atomic_init(&w->shown, 0);
		queue_init(&w->in, t->room.pending);
		queue_init(&w->spare, t->room.pending);
		queue_init(&w->used, QUEUE_SIZE);
		batch_begin(w);
		start(&w->thread, work, w);
	}
	start(reader, read_all, t);
}

static void threads_end(struct threads *t)
{
	void *b;

	for (unsigned i = 0; i < t->n; i++) {
		struct worker *w = &t->workers[i];

		pthread_join(w->thread, NULL);
		counters_merge(&t->p->counters, engine_counters(w->engine));
		engine_free(w->engine);
		while (queue_try_get(&w->spare, &b))
			free(b);
		while (queue_try_get(&w->used, &b))
			free(b);
		queue_release(&w->in);
		queue_release(&w->spare);
		queue_release(&w->used);
		records_free(&t->pending[i].records);
	}
}

static uint64_t within(uint64_t n, uint64_t least, uint64_t most)
{
	return n < least ? least : n > most ? most : n;
}

/* With a small budget less is on its way, and among fewer. */
static void make_room(struct threads *t)
{
	uint64_t memory = t->p->config->memory;

	t->n = (unsigned)within(t->p->jobs, 1, within(memory / EACH, 1, SHARDS));
	t->room.pending = (unsigned)within(memory / EACH, 3, PENDING);
	t->room.round = t->room.pending * READS;
	t->room.flush = within(memory / 256, STEP / 2, FLUSH);
	t->room.outputs = (unsigned)within(memory / 32 / t->room.flush, 4, OUTPUTS);
	t->room.blocks = within(memory / 32 / STEP / t->n, 2, QUEUE_SIZE);
}

static int run_threads(struct pipeline *p)
{
	struct threads t = {.p = p};
	uint64_t polled = clock_monotonic();
	unsigned left;
	pthread_t reader;
	void *load;

	make_room(&t);
	left = t.n;
	t.workers = xcalloc(t.n, sizeof(*t.workers));
	t.pending = xcalloc(t.n, sizeof(*t.pending));
	reader_init(&t.reader, p);
	queue_init(&t.out, t.room.outputs);
	queue_init(&t.loads, QUEUE_SIZE);
	threads_start(&t, &reader);
	confine_main();
	while (left) {
		void *item;

		ending_check();
		if (queue_get_within(
			    &t.out, &item, p->poll_interval_ms ? p->poll_interval_ms : 100)) {
			struct output *o = item;

			pending_add(&t.pending[o->worker], o);
			left -= o->last;
			free(o);
			merge(&t);
		}
		if (clock_monotonic() - polled >
			(p->poll_interval_ms ? p->poll_interval_ms : 50) * UINT64_C(1000000)) {
			polled = clock_monotonic();
			poll_sinks(p);
		}
	}
	pthread_join(reader, NULL);
	threads_end(&t);
	poll_sinks(p);
	reader_release(&t.reader);
	queue_release(&t.out);
	while (queue_try_get(&t.loads, &load))
		free(load);
	queue_release(&t.loads);
	free(t.workers);
	free(t.pending);
	return t.failed;
}

int pipeline_run(struct pipeline *p)
{
	int failed;

	running = p;
	pthread_mutex_init(&p->lock, NULL);
	source_limit(p->source, p->max_frames);
	p->paths = paths_new(
		(unsigned)within(p->config->memory / PATHS_SHARE, PATHS_LEAST, PATHS_ENTRIES));
	p->gave_up = gave_up_new(p->config->memory);
	failed = p->jobs && p->analyse ? run_threads(p) : run_inline(p);
	if (p->model)
		model_finish(p->model);
	source_stats(p->source, &p->capture);
	if (p->identity)
		identity_first_frame(p->identity, NULL);
	show_findings(p);
	paths_counters(p->paths, &p->counters);
	paths_free(p->paths);
	p->paths = NULL;
	gave_up_counters(p->gave_up, &p->counters);
	gave_up_free(p->gave_up);
	p->gave_up = NULL;
	counters_sort(&p->counters);
	pthread_mutex_destroy(&p->lock);
	running = NULL;
	return failed;
}
