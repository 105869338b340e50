/* deliver.c - see deliver.h: the queue and its thread. */
#include "out/deliver_impl.h"
#include "base/clock.h"
#include "base/mem.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct delivery *delivery_new(size_t room)
{
	struct delivery *b = xmalloc(sizeof(*b) + room);

	b->next = NULL;
	b->len = 0;
	b->room = room;
	b->lines = 0;
	b->time = 0;
	return b;
}

struct deliver *deliver_new(const struct deliver_options *o, char *err, size_t errsize)
{
	struct lines *lines = lines_new(&o->lines, err, errsize);
	struct deliver *d;

	if (!lines)
		return NULL;
	d = xcalloc(1, sizeof(*d));
	d->o = *o;
	d->lines = lines;
	d->fd = -1;
	d->file.fd = -1;
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->more, NULL);
	pthread_cond_init(&d->room, NULL);
	if (deliver_prepare(d, err, errsize))
		return d;
	deliver_free(d);
	return NULL;
}

/* The first error stays. What comes later is tried all the same: a disk may have room again. */
void deliver_fail(struct deliver *d, const char *what, int error)
{
	pthread_mutex_lock(&d->lock);
	if (!d->error[0])
		snprintf(d->error, sizeof(d->error), "%.160s: %s: %s", d->o.url.said, what,
			strerror(error));
	pthread_mutex_unlock(&d->lock);
}

/* The next block; NULL: the end. A file is opened again in between. */
static struct delivery *next_block(struct deliver *d)
{
	struct delivery *b;

	pthread_mutex_lock(&d->lock);
	while (!d->first && !d->ending && !d->reopen)
		pthread_cond_wait(&d->more, &d->lock);
	b = d->reopen ? NULL : d->first;
	if (b) {
		d->first = b->next;
		if (!d->first)
			d->last = NULL;
	}
	pthread_mutex_unlock(&d->lock);
	return b;
}

static void block_done(struct deliver *d, struct delivery *b, uint64_t written)
{
	pthread_mutex_lock(&d->lock);
	d->queued -= b->room;
	d->counts.lines += written;
	d->counts.dropped += b->lines - written;
	d->progress++;
	pthread_cond_broadcast(&d->room);
	pthread_mutex_unlock(&d->lock);
	free(b);
}

/* Asked for by SIGHUP? */
static bool reopened(struct deliver *d)
{
	bool asked;

	pthread_mutex_lock(&d->lock);
	asked = d->reopen;
	d->reopen = false;
	pthread_mutex_unlock(&d->lock);
	if (asked && d->o.url.kind == DELIVER_FILE && !outfile_reopen(&d->file))
		deliver_fail(d, "cannot open it again", errno);
	return asked;
}

static void *deliver_all(void *arg)
{
	struct deliver *d = arg;
	struct delivery *b;

	pthread_mutex_lock(&d->lock);
	while (d->held)
		pthread_cond_wait(&d->more, &d->lock);
	pthread_mutex_unlock(&d->lock);
	if (d->confined)
		d->confined();
	while ((b = next_block(d)) || reopened(d))
		if (b)
			block_done(d, b, deliver_write(d, b));
	pthread_mutex_lock(&d->lock);
	d->over = true;
	pthread_cond_broadcast(&d->room);
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

bool deliver_start(struct deliver *d, void (*confined)(void))
{
	sigset_t all, was;

	d->confined = confined;
	d->held = d->o.url.kind != DELIVER_FILE;
	sigfillset(&all);
	sigdelset(&all, SIGSYS);
	pthread_sigmask(SIG_BLOCK, &all, &was);
	d->started = pthread_create(&d->thread, NULL, deliver_all, d) == 0;
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	return d->started;
}

void deliver_go(struct deliver *d)
{
	pthread_mutex_lock(&d->lock);
	d->held = false;
	pthread_cond_broadcast(&d->more);
	pthread_mutex_unlock(&d->lock);
}

static struct timespec in_time(uint64_t ns)
{
	struct timespec t;
	uint64_t then;

	clock_gettime(CLOCK_REALTIME, &t);
	then = (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec + ns;
	return (struct timespec){(time_t)(then / SECOND), (long)(then % SECOND)};
}

/* Locked. Until there is room, or for PATIENCE nothing has left. */
static bool wait_for_room(struct deliver *d, size_t room)
{
	uint64_t seen = d->progress;
	struct timespec until = in_time(PATIENCE);

	while (d->queued && d->queued + room > d->o.url.queue) {
		if (pthread_cond_timedwait(&d->room, &d->lock, &until) == ETIMEDOUT &&
			d->progress == seen)
			return false;
		if (d->progress != seen) {
			seen = d->progress;
			until = in_time(PATIENCE);
		}
	}
	return true;
}

/* Where lines are made there must be room for the longest: what goes on its way is a copy. */
static struct delivery *copied(const struct delivery *f)
{
	struct delivery *b = delivery_new(f->len);

	b->len = f->len;
	b->lines = f->lines;
	b->time = f->time;
	memcpy(b->data, f->data, f->len);
	return b;
}

/* What was filled goes on its way, or is dropped. */
static void send_block(struct deliver *d)
{
	struct delivery *f = d->filling, *b;
	bool room;

	if (!f || !f->len)
		return;
	pthread_mutex_lock(&d->lock);
	if (d->o.wait)
		room = wait_for_room(d, f->len);
	else
		room = !d->queued || d->queued + f->len <= d->o.url.queue;
	if (room) {
		b = copied(f);
		d->queued += b->room;
		if (d->last)
			d->last->next = b;
		else
			d->first = b;
		d->last = b;
		pthread_cond_signal(&d->more);
	} else {
		d->counts.dropped += f->lines;
	}
	pthread_mutex_unlock(&d->lock);
	f->len = 0;
	f->lines = 0;
}

/* Does a file that rotates by time begin anew with this record? Its lines of one time are together.
 */
static bool time_for_another(struct deliver *d, const struct record *r)
{
	uint64_t time = r->end != FIELD_ABSENT ? r->end : r->start;

	if (!d->o.file.seconds)
		return false;
	if (time != FIELD_ABSENT && time > d->time)
		d->time = time;
	if (!d->begun)
		d->begun = d->o.file.now ? d->o.file.now / SECOND : d->time / SECOND;
	if (d->time / SECOND < d->begun + d->o.file.seconds)
		return false;
	d->begun = d->time / SECOND;
	return true;
}

static void deliver_record(void *arg, const struct record *r)
{
	struct deliver *d = arg;
	size_t bound = lines_bound(d->lines, r);
	struct delivery *b;
	bool another;

	if (!bound)
		return;
	another = time_for_another(d, r);
	if (d->filling && (another || d->filling->room - d->filling->len < bound))
		send_block(d);
	if (!d->filling || d->filling->room < bound) {
		free(d->filling);
		d->filling = delivery_new(bound > BLOCK ? bound : BLOCK);
	}
	b = d->filling;
	if (!b->lines)
		b->time = d->time;
	b->len = (size_t)(lines_put(d->lines, r, b->data + b->len) - b->data);
	b->lines++;
}

/* A destination that fails ends nothing but itself. */
static bool deliver_poll(void *arg)
{
	send_block(arg);
	return true;
}

struct sink deliver_sink(struct deliver *d)
{
	return (struct sink){
		.arg = d, .record = deliver_record, .poll = deliver_poll, .interim = true};
}

void deliver_reopen(struct deliver *d)
{
	pthread_mutex_lock(&d->lock);
	d->reopen = true;
	pthread_cond_signal(&d->more);
	pthread_mutex_unlock(&d->lock);
}

/* As long as it goes on. */
static void wait_for_end(struct deliver *d)
{
	uint64_t seen = d->progress;
	struct timespec until = in_time(PATIENCE);

	while (!d->over) {
		if (pthread_cond_timedwait(&d->room, &d->lock, &until) != ETIMEDOUT)
			continue;
		if (d->progress == seen)
			d->give_up = true; /* the thread sees it within a moment */
		seen = d->progress;
		until = in_time(PATIENCE);
	}
}

bool deliver_finish(struct deliver *d)
{
	send_block(d);
	if (d->started) {
		pthread_mutex_lock(&d->lock);
		d->ending = true;
		d->held = false;
		pthread_cond_broadcast(&d->more);
		wait_for_end(d);
		pthread_mutex_unlock(&d->lock);
		pthread_join(d->thread, NULL);
		d->started = false;
	}
	deliver_close(d);
	if (lines_error(d->lines) && !d->error[0])
		snprintf(d->error, sizeof(d->error), "%s", lines_error(d->lines));
	return !d->error[0] && !(d->counts.dropped && (d->o.wait || !d->counts.lines));
}

const char *deliver_error(const struct deliver *d)
{
	return d->error[0] ? d->error : NULL;
}

void deliver_counts(struct deliver *d, struct deliver_counts *c)
{
	pthread_mutex_lock(&d->lock);
	*c = d->counts;
	c->queued = d->queued;
	pthread_mutex_unlock(&d->lock);
}

const char *deliver_name(const struct deliver *d)
{
	return d->o.url.said;
}

const char *deliver_why(const struct deliver *d)
{
	if (d->away)
		return strerror(d->away);
	return d->o.url.kind == DELIVER_FILE ? "there was no room in its queue"
					     : "they were not taken in time";
}

const char *deliver_kind(const struct deliver *d)
{
	static const char *const names[] = {[DELIVER_FILE] = "file",
		[DELIVER_UNIX] = "unix",
		[DELIVER_TCP] = "tcp",
		[DELIVER_SYSLOG] = "syslog"};

	return names[d->o.url.kind];
}

bool deliver_is_file(const struct deliver *d)
{
	return d->o.url.kind == DELIVER_FILE;
}

void deliver_free(struct deliver *d)
{
	struct delivery *next;

	if (!d)
		return;
	if (d->started)
		(void)deliver_finish(d);
	for (struct delivery *b = d->first; b; b = next) {
		next = b->next;
		free(b);
	}
	free(d->filling);
	deliver_release(d);
	lines_free(d->lines);
	pthread_cond_destroy(&d->room);
	pthread_cond_destroy(&d->more);
	pthread_mutex_destroy(&d->lock);
	free(d);
}
