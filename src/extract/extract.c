/*
 * extract.c - see extract.h.
 *
 * A fragment's connection is not known before its datagram is whole: frames wait in the same queue
 * for that, of a file too, where it is short and mostly empty.
 */
#include "extract/extract.h"
#include "base/mem.h"
#include "core/defrag.h"
#include "core/layers.h"
#include "core/engine.h"
#include "core/order.h"
#include "extract/frame_select.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define HOLD_FRAGMENTS ((uint64_t)4 << 20) /* bytes that wait for a datagram to become whole */
#define DATAGRAMS      1024u
#define FRAMES         64u

struct kept {
	struct kept *next;
	struct kept *fragment; /* the next one of the same datagram */
	uint32_t datagram;     /* its place + 1; 0: it does not wait */
	uint32_t size;
	uint64_t place;  /* of the frame that made its datagram whole: its own where it is whole */
	struct packet p; /* as it was read */
	struct frame_key key;
	uint8_t data[];
};

struct datagram { /* that is not whole yet: its frames in the queue, in their order */
	struct kept *first, *last;
	struct addr src, dst;
	uint32_t id;
	uint8_t proto;
};

struct extract {
	struct extract_options o;
	struct frame_select *wanted;
	struct defrag *defrag;
	struct counters counters; /* of the layers: the first reading has told them */
	pthread_mutex_t lock;
	struct kept *first, *last;
	uint64_t bytes, waiting; /* in the queue; frames of datagrams that are not whole */
	uint64_t next;           /* the place behind the frame that left last */
	uint64_t missed;
	bool failed;
	struct datagram datagrams[DATAGRAMS];
};

struct extract *extract_new(const struct extract_options *o)
{
	struct extract *x = xcalloc(1, sizeof(*x));

	x->o = *o;
	x->wanted = frame_select_new(o->config->memory / 4);
	x->defrag = defrag_new(o->config->memory / 16);
	x->next = 1;
	pthread_mutex_init(&x->lock, NULL);
	return x;
}

void extract_free(struct extract *x)
{
	if (!x)
		return;
	for (struct kept *k = x->first, *next; k; k = next) {
		next = k->next;
		free(k);
	}
	frame_select_free(x->wanted);
	defrag_free(x->defrag);
	pthread_mutex_destroy(&x->lock);
	free(x);
}

static void on_record(void *arg, const struct record *r)
{
	struct extract *x = arg;
	bool fits = x->o.filter && filter_match(x->o.filter, r);

	pthread_mutex_lock(&x->lock);
	if (fits && !frame_select_add(x->wanted, r, x->next))
		x->missed++;
	frame_select_end(x->wanted, r);
	pthread_mutex_unlock(&x->lock);
}

static bool on_poll(void *arg)
{
	struct extract *x = arg;
	bool failed;

	pthread_mutex_lock(&x->lock);
	failed = x->failed;
	pthread_mutex_unlock(&x->lock);
	return !failed;
}

void extract_filter(struct extract *x, struct filter *filter)
{
	x->o.filter = filter;
}

struct sink extract_sink(struct extract *x)
{
	return (struct sink){.arg = x, .record = on_record, .poll = on_poll, .all = true};
}

/* A frame whose turn it is. */
static void leave(
	struct extract *x, const struct packet *p, uint64_t place, const struct frame_key *k)
{
	x->next = p->order + 1;
	if (!x->failed && frame_select_frame(x->wanted, place, p->time, k) &&
		!capwriter_frame(x->o.writer, p))
		x->failed = true;
}

/* The datagram's frames wait no longer; k: whose they are, by the frame at that place, NULL where
   it will not be known. */
static void settle(struct extract *x, struct datagram *d, const struct frame_key *k, uint64_t place)
{
	for (struct kept *f = d->first, *next; f; f = next) {
		next = f->fragment;
		f->fragment = NULL;
		f->datagram = 0;
		x->waiting--;
		if (!k)
			continue;
		f->key = *k;
		f->place = place;
	}
	d->first = d->last = NULL;
}

static void take_first(struct extract *x)
{
	struct kept *k = x->first;

	if (k->datagram) {
		struct datagram *d = &x->datagrams[k->datagram - 1];

		d->first = k->fragment;
		if (!d->first)
			d->last = NULL;
		x->waiting--;
	}
	x->first = k->next;
	if (!x->first)
		x->last = NULL;
	x->bytes -= k->size;
	leave(x, &k->p, k->place, &k->key);
	free(k);
}

static struct kept *keep(struct extract *x, const struct packet *p, const struct frame_key *key)
{
	struct kept *k = xmalloc(sizeof(*k) + p->caplen);

	memset(k, 0, sizeof(*k));
	k->size = (uint32_t)sizeof(*k) + p->caplen;
	memcpy(k->data, p->data, p->caplen);
	k->p = *p;
	k->place = p->order;
	k->p.data = k->data;
	k->key = *key;
	if (x->last)
		x->last->next = k;
	else
		x->first = k;
	x->last = k;
	x->bytes += k->size;
	return k;
}

/* The place of a fragment's datagram; another that was there is given up. */
static struct datagram *datagram_of(struct extract *x, const struct packet *p)
{
	uint32_t h = p->frag.id * 2654435761u ^ p->frag.proto;
	struct datagram *d;

	for (int i = 0; i < 16; i++)
		h = (h ^ p->src.b[i] ^ (uint32_t)p->dst.b[i] << 8) * 2654435761u;
	d = &x->datagrams[(h ^ h >> 16) % DATAGRAMS];
	if (d->id != p->frag.id || d->proto != p->frag.proto ||
		memcmp(&d->src, &p->src, sizeof(d->src)) != 0 ||
		memcmp(&d->dst, &p->dst, sizeof(d->dst)) != 0) {
		settle(x, d, NULL, 0);
		d->src = p->src;
		d->dst = p->dst;
		d->id = p->frag.id;
		d->proto = p->frag.proto;
	}
	return d;
}

static void keep_fragment(
	struct extract *x, struct datagram *d, const struct packet *p, const struct frame_key *key)
{
	struct kept *k = keep(x, p, key);

	k->datagram = (uint32_t)(d - x->datagrams) + 1;
	if (d->last)
		d->last->fragment = k;
	else
		d->first = k;
	d->last = k;
	x->waiting++;
}

/* Reads a frame's headers; of a fragment more is to be done, in its turn. */
static void read_headers(
	struct extract *x, const struct packet *p, struct packet *read, struct frame_key *key)
{
	*read = *p;
	layers_dissect(read, &x->counters);
	if (!(read->flags & PACKET_FRAGMENT))
		frame_key_make(key, read, x->o.config->ignore_vlan);
}

/* A frame whose headers were read. */
static void enter(
	struct extract *x, const struct packet *p, struct packet *read, struct frame_key *key)
{
	uint64_t hold = x->o.hold ? x->o.hold : x->waiting ? HOLD_FRAGMENTS : 0;
	struct datagram *d = NULL;

	if (read->flags & PACKET_FRAGMENT) {
		d = datagram_of(x, read);
		defrag_packet(x->defrag, read, &x->counters);
		frame_key_make(key, read, x->o.config->ignore_vlan);
	}
	free(read->owned);
	if (d && read->flags & PACKET_FRAGMENT)
		keep_fragment(x, d, p, key);
	else if (x->first || hold)
		keep(x, p, key);
	else
		leave(x, p, p->order, key);
	if (d && !(read->flags & PACKET_FRAGMENT))
		settle(x, d, key, p->order);
	hold = x->o.hold ? x->o.hold : x->waiting ? HOLD_FRAGMENTS : 0;
	while (x->first && x->bytes > hold)
		take_first(x);
}

bool extract_place(struct extract *x, const struct packet *p)
{
	if (!order_moved(p->number, p->order))
		return true;
	pthread_mutex_lock(&x->lock);
	frame_select_moved(x->wanted, p->number, p->order);
	pthread_mutex_unlock(&x->lock);
	return true;
}

bool extract_frame(struct extract *x, const struct packet *p)
{
	struct packet read;
	struct frame_key key;
	bool good;

	extract_place(x, p);
	pthread_mutex_lock(&x->lock);
	read_headers(x, p, &read, &key);
	enter(x, p, &read, &key);
	good = !x->failed;
	pthread_mutex_unlock(&x->lock);
	return good;
}

void extract_flush(struct extract *x)
{
	while (x->first)
		take_first(x);
}

bool extract_file(
	struct extract *x, struct source *s, uint64_t frames, void (*each)(void *arg), void *arg)
{
	enum source_state state = SOURCE_MORE;
	struct packet batch[FRAMES], headers[FRAMES];
	struct frame_key keys[FRAMES];
	struct chunk *chunk;
	struct order order = {0};
	uint64_t count = 0;
	unsigned n;

	for (unsigned rounds = 0; state == SOURCE_MORE && count < frames && !x->failed; rounds++) {
		state = source_read(s, batch, FRAMES, &n, &chunk);
		if (n > frames - count)
			n = (unsigned)(frames - count);
		for (unsigned i = 0; i < n; i++) {
			batch[i].order = order_next(&order, batch[i].number);
			read_headers(x, &batch[i], &headers[i], &keys[i]);
			if (!(headers[i].flags & PACKET_FRAGMENT))
				wanted_fetch(x->wanted, &keys[i]);
		}
		for (unsigned i = 0; i < n; i++)
			if (!(headers[i].flags & PACKET_FRAGMENT))
				wanted_fetch_connection(x->wanted, &keys[i]);
		for (unsigned i = 0; i < n; i++, count++)
			enter(x, &batch[i], &headers[i], &keys[i]);
		if (rounds % 64 == 0)
			each(arg);
	}
	extract_flush(x);
	return count == frames || x->failed;
}

uint64_t extract_missed(const struct extract *x)
{
	return x->missed;
}

uint64_t extract_refused(const struct extract *x)
{
	return frame_select_refused(x->wanted);
}
