/*
 * source_live.c - frames from interfaces, by libpcap (on Linux a TPACKET_V3 ring each).
 *
 * Every interface has its own handle, all are read by one thread that sleeps in poll(). Frames are
 * copied into chunks, so that the ring is free again at once. They are merged by time as far as
 * the rings have been handed out: an interface whose frames the kernel still holds back (a block is
 * given when it is full or after 100 ms) is not waited for.
 *
 * A stop takes effect at its time: what the kernel received before is still fetched, for which its
 * last block has to come; frames after it are left alone.
 */
#include "run/source_impl.h"
#include "base/mem.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define QUEUE       64u
#define BATCH       64u
#define ROOM        ((size_t)64 * 1024) /* a chunk with less is not begun on */
#define MILLISECOND UINT64_C(1000000)
/* A block goes at the second expiry of its timer at the latest. */
#define SILENCE   (5 * POLL_TIMEOUT / 2 * MILLISECOND)
#define DRAIN_MAX (1000 * MILLISECOND)

struct frame {
	uint64_t time, number;
	const uint8_t *data;
	uint32_t caplen, len;
};

struct live_source;

struct live_iface {
	struct live_source *l;
	pcap_t *p;
	char *name;
	int fd;
	uint32_t link_field;
	uint16_t index;
	bool nano;
	bool dry;  /* the ring gave nothing in this round */
	bool dead; /* it failed */
	bool past; /* its frames are later than the stop */
	unsigned head, n;
	struct frame queue[QUEUE];            /* in the chunk, not yet handed out */
	_Atomic(struct bpf_program *) change; /* a filter that is to take the old one's place */
	struct frame spill;                   /* had no room in the chunk */
	uint8_t *spill_data;                  /* NULL: none */
};

struct live_source {
	struct source s;
	struct live_iface *ifaces;
	unsigned n;
	struct chunk *chunk;
	size_t fill;
	bool full; /* of the chunk: a frame is in spill */
	bool failed;
	uint64_t number;
	uint64_t stop_seen, last_frame, counted; /* ns, monotonic */
	struct pollfd *fds;
};

static uint64_t monotonic(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static void enqueue(struct live_iface *i, struct frame f, const uint8_t *data)
{
	struct live_source *l = i->l;
	uint8_t *to = l->chunk->data + l->fill;

	if (f.caplen)
		memcpy(to, data, f.caplen);
	l->fill += f.caplen;
	f.data = to;
	i->queue[(i->head + i->n++) % QUEUE] = f;
}

static bool fits(const struct live_source *l, uint32_t caplen)
{
	return l->chunk->size - l->fill >= caplen;
}

/* Called by libpcap for each frame; the data is the ring's. */
static void take_frame(u_char *user, const struct pcap_pkthdr *h, const u_char *data)
{
	struct live_iface *i = (struct live_iface *)(void *)user;
	struct frame f = {
		.time = source_time(h, i->nano),
		.number = ++i->l->number,
		.caplen = h->caplen,
		.len = h->len < h->caplen ? h->caplen : h->len,
	};

	if (fits(i->l, f.caplen)) {
		enqueue(i, f, data);
		return;
	}
	i->spill = f;
	i->spill_data = xmalloc(f.caplen ? f.caplen : 1);
	memcpy(i->spill_data, data, f.caplen);
	i->l->full = true;
	pcap_breakloop(i->p);
}

static void iface_failed(struct live_iface *i, const char *why)
{
	struct live_source *l = i->l;

	i->dead = true;
	if (!l->failed)
		snprintf(l->s.error, sizeof(l->s.error), "%s: %s", i->name, why);
	l->failed = true;
	source_stop(&l->s); /* what the others have received is still fetched */
}

static void free_program(struct bpf_program *program)
{
	if (!program)
		return;
	pcap_freecode(program);
	free(program);
}

static void fetch(struct live_iface *i)
{
	struct bpf_program *change = atomic_exchange(&i->change, NULL);
	int r;

	if (change && pcap_setfilter(i->p, change) != 0)
		iface_failed(i, pcap_geterr(i->p));
	free_program(change);
	r = pcap_dispatch(i->p, (int)QUEUE, take_frame, (u_char *)i);

	if (r == PCAP_ERROR)
		iface_failed(i, pcap_geterr(i->p));
	else if (r < 0 && r != PCAP_ERROR_BREAK)
		iface_failed(i, pcap_statustostr(r));
	if (r == 0)
		i->dry = true;
}

/* A chunk with room; only when no queue leads into the one before. */
static void begin_chunk(struct live_source *l)
{
	size_t need = ROOM;

	for (unsigned k = 0; k < l->n; k++)
		if (l->ifaces[k].spill_data && l->ifaces[k].spill.caplen > need)
			need = l->ifaces[k].spill.caplen;
	l->chunk = chunk_pool_room(&l->s.pool, l->chunk, &l->fill, need);
	l->full = false;
	for (unsigned k = 0; k < l->n; k++) {
		struct live_iface *i = &l->ifaces[k];

		if (!i->spill_data)
			continue;
		if (!fits(l, i->spill.caplen)) {
			l->full = true;
			continue;
		}
		enqueue(i, i->spill, i->spill_data);
		free(i->spill_data);
		i->spill_data = NULL;
	}
}

/* The interface with the earliest frame, or NULL. */
static struct live_iface *earliest(struct live_source *l)
{
	struct live_iface *best = NULL;

	for (unsigned k = 0; k < l->n; k++) {
		struct live_iface *i = &l->ifaces[k];

		if (!i->n && !i->dead && !i->dry && !i->past && !l->full)
			fetch(i);
		if (i->n && (!best || i->queue[i->head].time < best->queue[best->head].time))
			best = i;
	}
	return best;
}

static void give(const struct live_iface *i, const struct frame *f, struct packet *o)
{
	o->time = f->time;
	o->number = f->number;
	o->data = f->data;
	o->caplen = f->caplen;
	o->len = f->len;
	o->iface = i->index;
	o->linktype = (uint16_t)LINK_FIELD_TYPE(i->link_field);
	o->owned = NULL;
}

static unsigned collect(struct live_source *l, struct packet *out, unsigned max)
{
	uint64_t until = UINT64_MAX, bytes = 0;
	struct live_iface *i;
	unsigned n = 0;

	if (source_stopped(&l->s))
		until = atomic_load_explicit(&l->s.stop_time, memory_order_relaxed);
	while (n < max && (i = earliest(l)) != NULL) {
		const struct frame *f = &i->queue[i->head];

		i->head = (i->head + 1) % QUEUE;
		i->n--;
		if (f->time > until) {
			i->past = true;
			continue;
		}
		give(i, f, &out[n++]);
		bytes += f->caplen;
	}
	source_count(&l->s, l->number, bytes);
	return n;
}

/* After a stop: has everything come that was received before it? */
static bool drained(struct live_source *l)
{
	uint64_t now = monotonic();
	bool all = true;

	if (!l->stop_seen)
		l->stop_seen = l->last_frame = now;
	for (unsigned k = 0; k < l->n; k++)
		if (!l->ifaces[k].past && !l->ifaces[k].dead)
			all = false;
	return all || now - l->last_frame >= SILENCE || now - l->stop_seen >= DRAIN_MAX;
}

/* Sleeps until there is something; false where nothing came. */
static bool wait_frames(struct live_source *l, bool stopped)
{
	nfds_t n = 0;

	for (unsigned k = 0; k < l->n; k++)
		if (!l->ifaces[k].dead && !l->ifaces[k].past)
			l->fds[n++] = (struct pollfd){.fd = l->ifaces[k].fd, .events = POLLIN};
	if (!stopped)
		l->fds[n++] = (struct pollfd){.fd = l->s.stop_fd, .events = POLLIN};
	return poll(l->fds, n, stopped ? POLL_TIMEOUT / 4 : POLL_TIMEOUT) != 0;
}

static bool queued(const struct live_source *l)
{
	for (unsigned k = 0; k < l->n; k++)
		if (l->ifaces[k].n)
			return true;
	return false;
}

static void live_stats(struct source *s, struct capture_stats *st)
{
	struct live_source *l = (struct live_source *)s;

	for (unsigned k = 0; k < l->n; k++) {
		struct pcap_stat ps;

		if (pcap_stats(l->ifaces[k].p, &ps) != 0)
			continue;
		st->kernel_received += ps.ps_recv;
		st->kernel_dropped += ps.ps_drop;
		st->interface_dropped += ps.ps_ifdrop;
	}
}

/* Once a second: what was dropped, for who looks on. */
static void count_drops(struct live_source *l)
{
	struct capture_stats st;
	uint64_t now = monotonic();

	if (now - l->counted < 1000 * MILLISECOND)
		return;
	l->counted = now;
	memset(&st, 0, sizeof(st));
	live_stats(&l->s, &st);
	atomic_store_explicit(
		&l->s.dropped, st.kernel_dropped + st.interface_dropped, memory_order_relaxed);
}

static enum source_state live_read(
	struct source *s, struct packet *out, unsigned max, unsigned *n, struct chunk **chunk)
{
	struct live_source *l = (struct live_source *)s;
	bool stopped = source_stopped(s);

	count_drops(l);
	if (!queued(l))
		begin_chunk(l);
	for (unsigned k = 0; k < l->n; k++)
		l->ifaces[k].dry = false;
	*chunk = l->chunk;
	*n = collect(l, out, max < BATCH ? max : BATCH);
	if (*n) {
		l->last_frame = stopped ? monotonic() : 0;
		return SOURCE_MORE;
	}
	if (l->full || stopped != source_stopped(s))
		return SOURCE_MORE;
	if (stopped && drained(l))
		return l->failed ? SOURCE_ERROR : SOURCE_END;
	if (wait_frames(l, stopped) || stopped)
		return SOURCE_MORE;
	return SOURCE_IDLE;
}

static const char *live_iface_name(const struct source *s, unsigned i)
{
	const struct live_source *l = (const struct live_source *)s;

	return i < l->n ? l->ifaces[i].name : NULL;
}

static int live_iface_linktype(const struct source *s, unsigned i)
{
	const struct live_source *l = (const struct live_source *)s;

	return i < l->n ? (int)LINK_FIELD_TYPE(l->ifaces[i].link_field) : -1;
}

/* Compiled without the handle, which is the reader's; the reader takes the program. */
static struct bpf_program *compile(
	const struct live_iface *i, int snaplen, const char *filter, char *err, size_t errsize)
{
	struct bpf_program *program = xcalloc(1, sizeof(*program));
	pcap_t *p = pcap_open_dead(pcap_datalink(i->p), snaplen);

	if (p && pcap_compile(p, program, filter, 1, PCAP_NETMASK_UNKNOWN) == 0) {
		pcap_close(p);
		return program;
	}
	snprintf(err, errsize, "bad filter: %s", p ? pcap_geterr(p) : "no memory");
	if (p)
		pcap_close(p);
	free(program);
	return NULL;
}

static bool live_filter(
	const struct source *s, const char *filter, bool set, char *err, size_t errsize)
{
	const struct live_source *l = (const struct live_source *)s;
	struct bpf_program **programs = xcalloc(l->n, sizeof(*programs));
	bool good = true;

	for (unsigned k = 0; k < l->n && good; k++) {
		programs[k] = compile(&l->ifaces[k], s->snaplen, filter, err, errsize);
		good = programs[k] != NULL;
	}
	for (unsigned k = 0; k < l->n; k++) {
		if (good && set)
			programs[k] = atomic_exchange(&l->ifaces[k].change, programs[k]);
		free_program(programs[k]);
	}
	free(programs);
	return good;
}

static void live_close(struct source *s)
{
	struct live_source *l = (struct live_source *)s;

	for (unsigned k = 0; k < l->n; k++) {
		if (l->ifaces[k].p)
			pcap_close(l->ifaces[k].p);
		free_program(atomic_load(&l->ifaces[k].change));
		free(l->ifaces[k].name);
		free(l->ifaces[k].spill_data);
	}
	free(l->ifaces);
	free(l->fds);
	source_release(s);
	free(l);
}

static const struct source_ops live_ops = {
	.read = live_read,
	.iface = live_iface_name,
	.iface_linktype = live_iface_linktype,
	.stats = live_stats,
	.filter = live_filter,
	.close = live_close,
};

static bool denied(const char *name, char *err, size_t errsize)
{
	char self[256];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[n > 0 ? n : 0] = '\0';
	snprintf(err, errsize,
		"%s: no permission to capture: you need root or the capabilities cap_net_raw (and "
		"cap_net_admin for promiscuous mode): setcap cap_net_raw,cap_net_admin+eip %s",
		name, n > 0 ? self : "tsumari");
	return false;
}

static bool activate(struct live_iface *i, char *err, size_t errsize)
{
	int r = pcap_activate(i->p);

	switch (r) {
	case PCAP_ERROR_PERM_DENIED:
	case PCAP_ERROR_PROMISC_PERM_DENIED:
		return denied(i->name, err, errsize);
	case PCAP_ERROR_NO_SUCH_DEVICE:
		snprintf(err, errsize, "%s: there is no such interface; tsumari -D lists them",
			i->name);
		return false;
	case PCAP_ERROR:
		snprintf(err, errsize, "%s: %s", i->name, pcap_geterr(i->p));
		return false;
	default:
		if (r < 0)
			snprintf(err, errsize, "%s: %s", i->name, pcap_statustostr(r));
		return r >= 0; /* above 0: a warning, such as no promiscuous mode on "any" */
	}
}

static bool set_datalink(struct live_iface *i, const char *name, char *err, size_t errsize)
{
	int dlt = pcap_datalink_name_to_val(name);

	if (dlt < 0) {
		snprintf(err, errsize, "-y %s: there is no such link type; tsumari -L lists them",
			name);
		return false;
	}
	if (pcap_set_datalink(i->p, dlt) == 0)
		return true;
	snprintf(err, errsize, "%s: %s", i->name, pcap_geterr(i->p));
	return false;
}

static bool set_filter(struct live_iface *i, const char *filter, char *err, size_t errsize)
{
	char ignored[PCAP_ERRBUF_SIZE];
	struct bpf_program program;
	bpf_u_int32 net, mask;
	int r;

	if (pcap_lookupnet(i->name, &net, &mask, ignored) < 0)
		mask = PCAP_NETMASK_UNKNOWN;
	if (pcap_compile(i->p, &program, filter, 1, mask) < 0) {
		snprintf(err, errsize, "bad filter: %s", pcap_geterr(i->p));
		return false;
	}
	r = pcap_setfilter(i->p, &program);
	pcap_freecode(&program);
	if (r < 0)
		snprintf(err, errsize, "%s: %s", i->name, pcap_geterr(i->p));
	return r == 0;
}

static bool open_iface(
	struct live_iface *i, const struct source_options *o, char *err, size_t errsize)
{
	char why[PCAP_ERRBUF_SIZE] = "";

	i->p = pcap_create(i->name, why);
	if (!i->p) {
		snprintf(err, errsize, "%s: %s", i->name, why);
		return false;
	}
	pcap_set_snaplen(i->p, o->snaplen > 0 ? o->snaplen : SNAPLEN_MAX);
	pcap_set_promisc(i->p, !o->no_promiscuous);
	pcap_set_timeout(i->p, POLL_TIMEOUT);
	pcap_set_tstamp_precision(i->p, PCAP_TSTAMP_PRECISION_NANO);
	if (o->buffer_kib > 0)
		pcap_set_buffer_size(i->p, o->buffer_kib * 1024);
	if (!activate(i, err, errsize))
		return false;
	if (o->datalink && !set_datalink(i, o->datalink, err, errsize))
		return false;
	if (o->filter && !set_filter(i, o->filter, err, errsize))
		return false;
	i->fd = pcap_get_selectable_fd(i->p);
	if (i->fd < 0 || pcap_setnonblock(i->p, 1, why) < 0) {
		snprintf(err, errsize, "%s: cannot be waited for%s%s", i->name, *why ? ": " : "",
			why);
		return false;
	}
	i->nano = pcap_get_tstamp_precision(i->p) == PCAP_TSTAMP_PRECISION_NANO;
	i->link_field = source_link_field(i->p);
	return true;
}

struct source *source_open_live(const char *const *ifaces, unsigned n,
	const struct source_options *o, char *err, size_t errsize)
{
	struct live_source *l = xcalloc(1, sizeof(*l));

	l->ifaces = xcalloc(n, sizeof(*l->ifaces));
	l->fds = xcalloc(n + 1, sizeof(*l->fds));
	l->s.live = true;
	if (!source_init(&l->s, &live_ops, err, errsize)) {
		live_close(&l->s);
		return NULL;
	}
	for (unsigned k = 0; k < n; k++) {
		struct live_iface *i = &l->ifaces[k];

		i->l = l;
		i->index = (uint16_t)k;
		i->name = xstrdup(ifaces[k]);
		l->n++;
		if (!open_iface(i, o, err, errsize)) {
			live_close(&l->s);
			return NULL;
		}
		l->s.nano |= i->nano;
		if (k == 0 || pcap_snapshot(i->p) > l->s.snaplen)
			l->s.snaplen = pcap_snapshot(i->p);
	}
	l->s.link_field = l->ifaces[0].link_field;
	return &l->s;
}
