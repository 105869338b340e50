/*
 * source.c - what all sources have in common: dispatch to the kind, stopping, progress.
 */
#include "capture/source_impl.h"
#include "capture/reorder.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64u
#define ROOM  ((size_t)64 * 1024) /* less in a chunk is not read to */

bool source_init(struct source *s, const struct source_ops *ops, const struct source_options *o,
	char *err, size_t errsize)
{
	s->ops = ops;
	s->limit = UINT64_MAX;
	if (o->window)
		s->reorder = reorder_new(o->window, o->memory);
	s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->stop_fd < 0)
		snprintf(err, errsize, "cannot make an eventfd: %s", strerror(errno));
	return s->stop_fd >= 0;
}

void source_release(struct source *s)
{
	reorder_free(s->reorder);
	chunk_pool_release(&s->pool);
	if (s->stop_fd >= 0)
		close(s->stop_fd);
	s->stop_fd = -1;
}

void source_limit(struct source *s, uint64_t n)
{
	s->limit = n ? n : UINT64_MAX;
}

uint64_t source_taken(const struct source *s)
{
	return s->taken;
}

enum source_state source_take(
	struct source *s, struct frame *out, unsigned max, unsigned *n, struct chunk **chunk)
{
	enum source_state state;

	*n = 0;
	if (s->taken >= s->limit)
		return SOURCE_END;
	if (max > s->limit - s->taken)
		max = (unsigned)(s->limit - s->taken);
	state = s->ops->read(s, out, max, n, chunk);
	s->taken += *n;
	return state;
}

enum source_state source_read(
	struct source *s, struct packet *out, unsigned max, unsigned *n, struct chunk **chunk)
{
	struct frame frames[BATCH];
	enum source_state state;

	if (s->reorder)
		return reorder_read(s->reorder, s, out, max, n, chunk);
	state = source_take(s, frames, max < BATCH ? max : BATCH, n, chunk);
	source_packets(s, frames, out, *n);
	return state;
}

/* For signal handlers: atomics, clock_gettime() and write() only. */
void source_stop(struct source *s)
{
	const uint64_t one = 1;
	struct timespec now;
	int saved = errno;

	if (!atomic_load_explicit(&s->stop, memory_order_relaxed)) {
		clock_gettime(CLOCK_REALTIME, &now);
		atomic_store_explicit(&s->stop_time,
			(uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec,
			memory_order_relaxed);
		atomic_store_explicit(&s->stop, true, memory_order_release);
	}
	/* A counter that is full is readable all the same. */
	if (write(s->stop_fd, &one, sizeof(one)) < 0)
		errno = 0;
	errno = saved;
}

const char *source_error(const struct source *s)
{
	return s->error;
}

const char *source_fault(const struct source *s, unsigned i)
{
	if (s->ops->fault)
		return s->ops->fault(s, i);
	return i == 0 && s->error[0] ? s->error : NULL;
}

bool source_live(const struct source *s)
{
	return s->live;
}

bool source_nano(const struct source *s)
{
	return s->nano;
}

int source_linktype(const struct source *s)
{
	return (int)LINK_FIELD_TYPE(s->link_field);
}

uint32_t source_link_bits(const struct source *s)
{
	return s->link_field;
}

int source_iface_linktype(const struct source *s, unsigned i)
{
	return s->ops->iface_linktype ? s->ops->iface_linktype(s, i) : i ? -1 : source_linktype(s);
}

int source_snaplen(const struct source *s)
{
	return s->snaplen;
}

const char *source_iface(const struct source *s, unsigned i)
{
	return s->ops->iface ? s->ops->iface(s, i) : NULL;
}

int source_socket(const struct source *s, unsigned i)
{
	return s->ops->socket ? s->ops->socket(s, i) : -1;
}

double source_progress(const struct source *s)
{
	return s->ops->progress ? s->ops->progress(s) : -1;
}

void source_position(const struct source *s, uint64_t *frames, uint64_t *bytes)
{
	*frames = atomic_load_explicit(&s->frames, memory_order_relaxed);
	*bytes = atomic_load_explicit(&s->bytes, memory_order_relaxed);
}

void source_said(struct source *s, uint64_t time, const void *text, size_t n)
{
	uint64_t i = atomic_load_explicit(&s->comments, memory_order_relaxed);

	if (i < COMMENTS_SHOWN) {
		struct capture_comment *c = &s->comment[i];

		c->time = time;
		if (n > sizeof(c->text) - 1)
			n = sizeof(c->text) - 1;
		if (n)
			memcpy(c->text, text, n);
		c->text[n] = '\0';
	}
	atomic_store_explicit(&s->comments, i + 1, memory_order_release);
}

uint64_t source_comments(const struct source *s)
{
	return atomic_load_explicit(&s->comments, memory_order_acquire);
}

const struct capture_comment *source_comment(const struct source *s, uint64_t i)
{
	return &s->comment[i];
}

void source_changed(struct source *s, const struct capture_change *c)
{
	uint64_t i = source_changes(s);

	if (i < CHANGES_SHOWN)
		s->change[i] = *c;
	atomic_store_explicit(&s->changes, i + 1, memory_order_release);
}

uint64_t source_changes(const struct source *s)
{
	return atomic_load_explicit(&s->changes, memory_order_acquire);
}

const struct capture_change *source_change(const struct source *s, uint64_t i)
{
	return &s->change[i];
}

void source_stats(struct source *s, struct capture_stats *st)
{
	uint64_t said = source_comments(s);

	for (uint64_t i = 0; i < said && i < COMMENTS_SHOWN; i++)
		capture_comment(st, s->comment[i].time, s->comment[i].text);
	if (said > COMMENTS_SHOWN)
		st->comments += said - COMMENTS_SHOWN;
	if (s->live) {
		st->changes = source_changes(s);
		memcpy(st->change, s->change, sizeof(st->change));
		st->drops = s->drops;
	}
	if (s->ops->stats)
		s->ops->stats(s, st);
	if (s->reorder)
		st->reordered += reorder_moved(s->reorder);
}

void source_counters(const struct source *s, struct counters *c)
{
	if (s->ops->counters)
		s->ops->counters(s, c);
}

void source_close(struct source *s)
{
	if (s)
		s->ops->close(s);
}

/*
 * libpcap keeps its map from DLT_ to LINKTYPE_ values to itself; what it writes to a file tells.
 */
uint32_t source_link_field(pcap_t *p)
{
	char *head = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&head, &len);
	pcap_dumper_t *d = f ? pcap_dump_fopen(p, f) : NULL;
	uint32_t field = (uint32_t)pcap_datalink(p);

	if (d)
		pcap_dump_close(d);
	else if (f)
		fclose(f);
	if (d && len >= 24)
		memcpy(&field, head + 20, sizeof(field));
	free(head);
	return field;
}

pcap_t *source_handle(uint8_t *head, char *err, size_t errsize)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	FILE *m = fmemopen(head, BYTES_HEAD, "rb");
	pcap_t *p = m ? pcap_fopen_offline(m, why) : NULL;

	if (p)
		return p;
	snprintf(err, errsize, "%s", why);
	if (m)
		fclose(m);
	return NULL;
}

bool source_compile(uint16_t linktype, const char *filter, struct bpf_program *program, char *err,
	size_t errsize)
{
	struct {
		uint32_t magic;
		uint16_t major, minor;
		uint32_t zone, accuracy, snaplen, link;
	} head = {0xa1b2c3d4u, 2, 4, 0, 0, SNAPLEN_MAX, linktype};
	pcap_t *p = source_handle((uint8_t *)&head, err, errsize);
	bool good;

	if (!p)
		return false;
	good = pcap_compile(p, program, filter, 1, PCAP_NETMASK_UNKNOWN) == 0;
	if (!good)
		snprintf(err, errsize, "%s", pcap_geterr(p));
	pcap_close(p);
	return good;
}

uint32_t source_caplen_limit(uint32_t linktype)
{
	switch (linktype) {
	case 220: /* LINKTYPE_USB_LINUX_MMAPPED */
	case 231: /* LINKTYPE_DBUS */
	case 249: /* LINKTYPE_USBPCAP */
		return 128 * 1024 * 1024;
	case 279: /* LINKTYPE_EBHSCR */
		return 8 * 1024 * 1024;
	default:
		return SNAPLEN_MAX;
	}
}

ssize_t window_fill(struct window *w, struct chunk_pool *pool)
{
	size_t rest = w->end - w->pos, need = w->need + BYTES_LINE, shift;
	struct chunk *c = chunk_pool_get(pool, w->chunk, need > CHUNK_SIZE ? need : CHUNK_SIZE);
	ssize_t got;

	/* A pipe gives little at once, and its frames may wait: others are put behind them. */
	if (c != w->chunk && !w->in->regular && w->chunk->size - w->end >= ROOM &&
		w->chunk->size - w->pos >= w->need) {
		got = bytes_read(w->in, w->chunk->data + w->end, w->chunk->size - w->end);
		if (got > 0)
			w->end += (size_t)got;
		return got;
	}
	shift = bytes_shift(w->in, c->data + rest);
	if (rest)
		memmove(c->data + shift, w->chunk->data + w->pos, rest);
	w->chunk = c;
	w->pos = shift;
	w->end = shift + rest;
	got = bytes_read(w->in, c->data + w->end, c->size - w->end);
	if (got > 0)
		w->end += (size_t)got;
	return got;
}

enum source_state source_finished(
	struct source *s, const struct window *w, uint64_t frames, const char *why, bool cut)
{
	unsigned long long n = frames;

	if (source_stopped(s) || (!why && !cut))
		return SOURCE_END;
	if (why)
		snprintf(s->error, sizeof(s->error), "%s: %s; %llu whole frames were read",
			w->in->name, why, n);
	else
		snprintf(s->error, sizeof(s->error),
			"%s: cut short in frame %llu; %llu whole frames were read", w->in->name,
			n + 1, n);
	return SOURCE_ERROR;
}

uint64_t source_dropped(const struct source *s)
{
	return atomic_load_explicit(&s->dropped, memory_order_relaxed);
}

uint64_t source_dropped_at(const struct source *s)
{
	return atomic_load_explicit(&s->dropped_at, memory_order_relaxed);
}

static bool change_filter(
	const struct source *s, const char *filter, bool set, char *err, size_t errsize)
{
	if (s->ops->filter)
		return s->ops->filter(s, filter, set, err, errsize);
	snprintf(err, errsize, "the filter of a file that is being read cannot be changed");
	return false;
}

bool source_check_filter(const struct source *s, const char *filter, char *err, size_t errsize)
{
	return change_filter(s, filter, false, err, errsize);
}

bool source_set_filter(struct source *s, const char *filter, char *err, size_t errsize)
{
	return change_filter(s, filter, true, err, errsize);
}
