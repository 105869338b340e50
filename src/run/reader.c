/* reader.c - see reader.h. */
#include "base/clock.h"
#include "run/reader.h"
#include "core/defrag.h"
#include <stdlib.h>
#include <string.h>

void reader_init(struct reader *r, struct pipeline *p)
{
	memset(r, 0, sizeof(*r));
	r->p = p;
	r->now = UINT64_MAX;
	r->limited = p->given || p->duration;
	r->defrag = defrag_new(p->config->memory / 16);
	r->ports = ports_new();
	twins_init(&r->twins, p->config);
	datagrams_init(&r->datagrams, p->config);
	r->idle_since = r->started = clock_monotonic();
}

void reader_release(struct reader *r)
{
	counters_merge(&r->p->counters, &r->counters);
	defrag_free(r->defrag);
	ports_free(r->ports);
	twins_release(&r->twins);
	datagrams_release(&r->datagrams);
}

void reader_cut(struct capture_stats *st, const struct packet *k)
{
	if (st->cut_frames < CUT_SHOWN)
		st->cut_first[st->cut_frames] = k->number;
	st->cut_frames++;
	if (!st->cut_least || k->len < st->cut_least)
		st->cut_least = k->len;
}

bool reader_beyond_limit(const struct reader *r, const struct packet *k)
{
	const struct capture_stats *st = &r->p->capture;

	if (r->p->given && st->frames >= r->p->given)
		return true;
	return r->p->duration && st->frames && k->time > st->first + r->p->duration;
}

/* The first frame, or one with a time before its predecessor's. */
void reader_time_back(struct reader *r, const struct packet *k)
{
	struct capture_stats *st = &r->p->capture;

	if (st->frames == 1) {
		st->first = r->now = k->time;
		if (r->p->identity)
			identity_first_frame(r->p->identity, k);
	} else {
		st->time_back++;
	}
	if (k->time < st->first)
		st->first = k->time;
}

/* Its headers say that it was longer than the capture says. */
void reader_sliced(struct reader *r, const struct packet *k, uint32_t said)
{
	struct capture_stats *st = &r->p->capture;

	counters_add(&r->counters, "frames cut without a word of it", 1);
	st->bytes += k->len - said;
	if (k->caplen == said)
		reader_cut(st, k);
}

bool reader_fragment(struct reader *r, struct packet *k)
{
	if (!defrag_packet(r->defrag, k, &r->counters))
		return false;
	r->reassembled = true;
	return true;
}

void reader_no_flow(struct reader *r, struct packet *k)
{
	free(k->owned);
	k->owned = NULL;
	if (!(k->flags & (PACKET_ARP | PACKET_FRAGMENT)))
		counters_add(&r->counters, "frames that belong to no flow", 1);
}

/* The first one begins the seconds. */
bool reader_tick_begun(struct reader *r, uint64_t time)
{
	if (r->tick)
		return true;
	r->tick = time / SECOND * SECOND + SECOND;
	return false;
}

uint64_t reader_idle_time(const struct reader *r)
{
	return r->p->capture.frames ? r->now + (clock_monotonic() - r->idle_since) : 0;
}

bool reader_duration_over(const struct reader *r)
{
	if (r->p->duration && source_live(r->p->source))
		return clock_monotonic() - r->started > r->p->duration;
	return r->p->duration && r->p->capture.frames &&
	       reader_idle_time(r) > r->p->capture.first + r->p->duration;
}

void reader_listened(struct reader *r)
{
	if (source_live(r->p->source))
		r->p->capture.listened = clock_monotonic() - r->started;
}

static void publish(struct pipeline *p)
{
	struct capture_stats st = p->capture;

	source_stats(p->source, &st);
	st.files = NULL; /* the source goes on with them */
	st.nfiles = 0;
	pthread_mutex_lock(&p->lock);
	p->published = st;
	pthread_mutex_unlock(&p->lock);
}

uint64_t reader_tick(struct reader *r, uint64_t now)
{
	if (r->p->publishes)
		publish(r->p);
	return reader_tick_take(r, now);
}
