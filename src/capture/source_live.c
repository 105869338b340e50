/*
 * source_live.c - frames from interfaces, by libpcap (on Linux a TPACKET_V3 ring each).
 *
 * Every interface has its own handle, all are read by one thread that sleeps in poll(). Frames are
 * copied into chunks, so that the ring is free again at once, and handed out by the interface. The
 * kernel gives a block of them when it is full or, not before 100 ms and not after 200 ms, by its
 * timer; what it has counted and not given says that it holds one. settled() tells up to which time
 * all interfaces have given what they have, so that capture/reorder.c knows what need not wait.
 *
 * An interface that is taken down keeps its ring, and goes on when it is up again, whatever it is
 * called then; one that was removed is read to its last block. Either is told (capture/watch.h),
 * and the others go on.
 *
 * A stop takes effect at its time: what the kernel received before is still fetched, for which its
 * last block has to come; frames after it are left alone.
 */
#include "base/clock.h"
#include "capture/source_impl.h"
#include "capture/watch.h"
#include "base/mem.h"
#include <errno.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH      64u
#define ROOM       ((size_t)64 * 1024) /* a chunk with less is not begun on */
#define RING_LEAST (2u << 20)
#define RING_MOST  (16u << 20)
/* A block goes at the second expiry of its timer at the latest. */
#define SILENCE   (5 * POLL_TIMEOUT / 2 * MS)
#define DRAIN_MAX (1000 * MS)
/* Processors that receive side by side: a frame may be that much earlier than one before it. */
#define SETTLE  MS
#define WAITING 2 /* ms until frames that wait for others are looked at again */

struct live_source;

struct live_iface {
	struct live_source *l;
	pcap_t *p;
	char *name;
	int fd;
	uint32_t link_field;
	uint16_t index;
	bool nano;
	bool dry;                            /* the ring gave nothing in this round */
	unsigned ifindex;                    /* 0: it is none of the kernel's, such as "any" */
	enum iface_state state;              /* up, no carrier, down or removed */
	bool renamed;                        /* it is called `now` */
	bool dead;                           /* removed, or it failed: `error` says it */
	bool past;                           /* its frames are later than the stop */
	uint64_t last;                       /* time of its last frame */
	uint64_t taken;                      /* frames of the ring */
	uint64_t counted, dropped;           /* by the kernel, as far as libpcap does not know */
	uint64_t pcap_counted, pcap_dropped; /* ... and as far as it does */
	uint64_t total;                      /* what both came to at the last look */
	uint64_t changed;                    /* when they had changed, monotonic */
	uint64_t removed;                    /* when, monotonic */
	uint64_t told;                       /* of what was dropped: its time is known */
	uint64_t lost, lost_from, lost_to;   /* ... and of these it may get narrower */
	char now[IFNAMSIZ];
	char error[192];
	int64_t more;                         /* counted and never given: libpcap left them out */
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
	unsigned turn; /* the interface that is read first */
	/* What is being read: */
	struct frame *out;
	unsigned nout, max;
	uint64_t until, bytes;
	uint64_t number;
	uint64_t stop_seen, last_frame, counted; /* ns, monotonic */
	uint64_t looked, looked_at;              /* monotonic, and since the epoch */
	struct watch watch;
	struct pollfd *fds;
};

static uint64_t clock_now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static void give(struct live_iface *i, struct frame f, const uint8_t *data)
{
	struct live_source *l = i->l;
	uint8_t *to = l->chunk->data + l->fill;

	if (f.caplen)
		memcpy(to, data, f.caplen);
	l->fill += f.caplen;
	l->bytes += f.caplen;
	i->last = f.time;
	f.number = ++l->number;
	f.data = to;
	f.iface = i->index;
	f.linktype = (uint16_t)LINK_FIELD_TYPE(i->link_field);
	l->out[l->nout++] = f;
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
		.caplen = h->caplen,
		.len = h->len < h->caplen ? h->caplen : h->len,
	};

	i->taken++;
	if (f.time > i->l->until) {
		i->past = true;
		pcap_breakloop(i->p);
	} else if (fits(i->l, f.caplen)) {
		give(i, f, data);
	} else {
		i->spill = f;
		i->spill_data = xmalloc(f.caplen ? f.caplen : 1);
		memcpy(i->spill_data, data, f.caplen);
		i->l->full = true;
		pcap_breakloop(i->p);
	}
}

static void tell(struct live_iface *i, enum iface_state state)
{
	struct capture_change c = {.time = clock_now(CLOCK_REALTIME), .state = state};

	snprintf(c.name, sizeof(c.name), "%.*s", (int)sizeof(c.name) - 1, i->name);
	if (i->renamed)
		memcpy(c.now, i->now, sizeof(c.now));
	source_changed(&i->l->s, &c);
}

/* Nothing more comes from it; what the others have received is still fetched, if it was the last.
 */
static void iface_ended(struct live_iface *i, const char *why)
{
	struct live_source *l = i->l;
	bool others = false;

	i->dead = true;
	snprintf(i->error, sizeof(i->error), "%s: %s", i->name, why);
	if (!l->failed)
		snprintf(l->s.error, sizeof(l->s.error), "%s", i->error);
	l->failed = true;
	for (unsigned k = 0; k < l->n; k++)
		others |= !l->ifaces[k].dead;
	if (!others)
		source_stop(&l->s);
}

static void iface_failed(struct live_iface *i, const char *why)
{
	tell(i, IFACE_FAILED);
	iface_ended(i, why);
}

static void iface_became(struct live_iface *i, const struct watch_link *link)
{
	if (link->state != IFACE_REMOVED && strcmp(link->name, i->now) != 0) {
		memcpy(i->now, link->name, sizeof(i->now));
		i->renamed = strcmp(i->now, i->name) != 0;
		tell(i, IFACE_RENAMED);
	}
	if (link->state == i->state)
		return;
	i->state = link->state;
	tell(i, link->state);
	if (link->state == IFACE_REMOVED)
		i->removed = clock_monotonic();
}

/* What the kernel tells of interfaces. */
static void follow(struct live_source *l)
{
	struct watch_link link;

	while (watch_next(&l->watch, &link))
		for (unsigned k = 0; k < l->n; k++)
			if (l->ifaces[k].ifindex == link.index &&
				l->ifaces[k].state != IFACE_REMOVED)
				iface_became(&l->ifaces[k], &link);
	for (unsigned k = 0; k < l->n && l->watch.missed; k++) {
		struct live_iface *i = &l->ifaces[k];

		if (!i->ifindex || i->state == IFACE_REMOVED)
			continue;
		watch_ask(i->fd, i->ifindex, &link);
		iface_became(i, &link);
	}
	l->watch.missed = false;
}

/* libpcap takes an interface that is down, and not found by its old name, for one that is gone. */
static bool away(struct live_iface *i)
{
	follow(i->l);
	return i->state == IFACE_REMOVED || i->state == IFACE_DOWN || i->renamed;
}

/* What was dropped, and when, is known as well as it ever will be. */
static void lost_told(struct live_iface *i)
{
	if (!i->lost)
		return;
	drops_add(&i->l->s.drops, i->lost_from, i->lost_to, i->lost);
	atomic_store_explicit(&i->l->s.dropped_at, i->lost_to, memory_order_relaxed);
	i->lost = 0;
}

/* Frames that were in the ring by then came before those for which there was no room. */
static void lost_narrowed(struct live_iface *i, unsigned from)
{
	const struct live_source *l = i->l;

	for (unsigned k = from; k < l->nout; k++) {
		if (l->out[k].time > i->lost_to) {
			lost_told(i);
			return;
		}
		if (l->out[k].time > i->lost_from)
			i->lost_from = l->out[k].time;
	}
	if (i->dry)
		lost_told(i);
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
	unsigned from = i->l->nout;
	int r;

	if (change && pcap_setfilter(i->p, change) != 0)
		iface_failed(i, pcap_geterr(i->p));
	free_program(change);
	errno = 0;
	r = pcap_dispatch(i->p, (int)(i->l->max - i->l->nout), take_frame, (u_char *)i);
	/* Of netfilter's log libpcap 1.10 calls it an error that no packet is there yet. */
	if (r == PCAP_ERROR && errno == EAGAIN)
		r = 0;
	if (r < 0 && r != PCAP_ERROR_BREAK && !away(i))
		iface_failed(i, r == PCAP_ERROR ? pcap_geterr(i->p) : pcap_statustostr(r));
	i->dry = r == 0 || (r < 0 && r != PCAP_ERROR_BREAK);
	if (i->lost)
		lost_narrowed(i, from);
	if (i->dry && i->state == IFACE_REMOVED && !i->dead &&
		clock_monotonic() - i->removed > SILENCE)
		iface_ended(i, "the interface was removed");
}

/* A chunk with room, and what had none in the one before. */
static void begin_chunk(struct live_source *l)
{
	size_t need = ROOM;

	for (unsigned k = 0; k < l->n; k++)
		if (l->ifaces[k].spill_data && l->ifaces[k].spill.caplen > need)
			need = l->ifaces[k].spill.caplen;
	l->chunk = chunk_pool_room(&l->s.pool, l->chunk, &l->fill, need);
	l->full = false;
	for (unsigned k = 0; k < l->n && l->nout < l->max; k++) {
		struct live_iface *i = &l->ifaces[k];

		if (!i->spill_data)
			continue;
		if (!fits(l, i->spill.caplen)) {
			l->full = true;
			continue;
		}
		give(i, i->spill, i->spill_data);
		free(i->spill_data);
		i->spill_data = NULL;
	}
}

/* From each interface by turns what it has, as far as there is room. */
static void collect(struct live_source *l)
{
	begin_chunk(l);
	for (unsigned k = 0; k < l->n && l->nout < l->max && !l->full; k++) {
		struct live_iface *i = &l->ifaces[(l->turn + k) % l->n];

		if (!i->dead && !i->past && !i->spill_data)
			fetch(i);
	}
	l->turn = (l->turn + 1) % l->n;
	source_count(&l->s, l->number, l->bytes);
}

/* Reading the kernel's counters sets them to 0. */
static bool read_counters(struct live_iface *i)
{
	struct tpacket_stats_v3 st;
	socklen_t size = sizeof(st);

	memset(&st, 0, sizeof(st));
	if (getsockopt(i->fd, SOL_PACKET, PACKET_STATISTICS, &st, &size) < 0)
		return false;
	i->counted += st.tp_packets - st.tp_drops;
	i->dropped += st.tp_drops;
	return true;
}

/* Does the kernel hold frames of an interface that had nothing to give? */
static bool holds(struct live_iface *i)
{
	uint64_t total, now = clock_monotonic();

	if (!read_counters(i))
		return true;
	total = i->counted + i->pcap_counted;
	if (total != i->total)
		i->changed = now;
	i->total = total;
	if ((int64_t)(total - i->taken) == i->more)
		return false;
	if (now - i->changed < SILENCE)
		return true;
	i->more = (int64_t)(total - i->taken);
	return false;
}

static uint64_t live_settled(struct source *s)
{
	struct live_source *l = (struct live_source *)s;
	uint64_t least = UINT64_MAX, now = clock_now(CLOCK_REALTIME);

	for (unsigned k = 0; k < l->n; k++) {
		struct live_iface *i = &l->ifaces[k];
		uint64_t to = i->last;

		if (i->dead || i->past)
			continue;
		if (i->dry && (l->n == 1 || !holds(i)))
			to = now;
		else if (i->dry && now - SILENCE > to)
			to = now - SILENCE;
		if (to < least)
			least = to;
	}
	return least - (least > SETTLE && least < UINT64_MAX ? SETTLE : 0);
}

/* After a stop: has everything come that was received before it? */
static bool drained(struct live_source *l)
{
	uint64_t now = clock_monotonic();
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
	if (l->watch.fd >= 0)
		l->fds[n++] = (struct pollfd){.fd = l->watch.fd, .events = POLLIN};
	if (!stopped)
		l->fds[n++] = (struct pollfd){.fd = l->s.stop_fd, .events = POLLIN};
	return poll(l->fds, n,
		       l->s.waiting ? WAITING
		       : stopped    ? POLL_TIMEOUT / 4
				    : POLL_TIMEOUT) != 0;
}

static void live_stats(struct source *s, struct capture_stats *st)
{
	struct live_source *l = (struct live_source *)s;

	for (unsigned k = 0; k < l->n; k++) {
		struct pcap_stat ps;

		if (pcap_stats(l->ifaces[k].p, &ps) != 0)
			continue;
		l->ifaces[k].pcap_counted = (uint64_t)ps.ps_recv - ps.ps_drop;
		l->ifaces[k].pcap_dropped = ps.ps_drop;
		st->kernel_received += ps.ps_recv + l->ifaces[k].counted + l->ifaces[k].dropped;
		st->kernel_dropped += ps.ps_drop + l->ifaces[k].dropped;
		st->interface_dropped += ps.ps_ifdrop;
	}
}

/* Once a second: what was dropped, for who looks on. */
static void count_drops(struct live_source *l)
{
	struct capture_stats st;
	uint64_t now = clock_monotonic();

	if (now - l->counted < 1000 * MS)
		return;
	l->counted = now;
	memset(&st, 0, sizeof(st));
	live_stats(&l->s, &st);
	atomic_store_explicit(
		&l->s.dropped, st.kernel_dropped + st.interface_dropped, memory_order_relaxed);
}

/* Ten times a second: what was dropped since the last time, and what became of interfaces. */
static void look_around(struct live_source *l, bool last)
{
	uint64_t now = clock_monotonic(), at;

	if (!last && now - l->looked < POLL_TIMEOUT * MS)
		return;
	count_drops(l);
	at = clock_now(CLOCK_REALTIME);
	for (unsigned k = 0; k < l->n; k++) {
		struct live_iface *i = &l->ifaces[k];
		uint64_t all;

		if (i->dead)
			continue;
		(void)read_counters(i);
		all = i->dropped + i->pcap_dropped;
		if (all == i->told)
			continue;
		lost_told(i);
		i->lost = all - i->told;
		i->lost_from = l->looked_at ? l->looked_at : at;
		i->lost_to = at;
		i->told = all;
		if (last)
			lost_told(i);
	}
	l->looked = now;
	l->looked_at = at;
	follow(l);
}

static enum source_state live_read(
	struct source *s, struct frame *out, unsigned max, unsigned *n, struct chunk **chunk)
{
	struct live_source *l = (struct live_source *)s;
	bool stopped = source_stopped(s);

	look_around(l, false);
	l->out = out;
	l->nout = 0;
	l->max = max < BATCH ? max : BATCH;
	l->bytes = 0;
	l->until = stopped ? atomic_load_explicit(&s->stop_time, memory_order_relaxed) : UINT64_MAX;
	collect(l);
	*chunk = l->chunk;
	*n = l->nout;
	if (*n) {
		l->last_frame = stopped ? clock_monotonic() : 0;
		return SOURCE_MORE;
	}
	if (l->full || stopped != source_stopped(s))
		return SOURCE_MORE;
	if (stopped && drained(l)) {
		look_around(l, true);
		return l->failed ? SOURCE_ERROR : SOURCE_END;
	}
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

static int live_socket(const struct source *s, unsigned i)
{
	const struct live_source *l = (const struct live_source *)s;

	return i < l->n ? l->ifaces[i].fd : -1;
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

static const char *live_fault(const struct source *s, unsigned i)
{
	const struct live_source *l = (const struct live_source *)s;

	for (unsigned k = 0; k < l->n; k++)
		if (l->ifaces[k].dead && i-- == 0)
			return l->ifaces[k].error;
	return NULL;
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
	watch_close(&l->watch);
	free(l->ifaces);
	free(l->fds);
	source_release(s);
	free(l);
}

static const struct source_ops live_ops = {
	.read = live_read,
	.settled = live_settled,
	.iface = live_iface_name,
	.iface_linktype = live_iface_linktype,
	.socket = live_socket,
	.stats = live_stats,
	.filter = live_filter,
	.fault = live_fault,
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

static bool set_filter(
	struct live_iface *i, const struct source_options *o, char *err, size_t errsize)
{
	char ignored[PCAP_ERRBUF_SIZE];
	struct bpf_program program;
	bpf_u_int32 net, mask;
	int r;

	if (pcap_lookupnet(i->name, &net, &mask, ignored) < 0)
		mask = PCAP_NETMASK_UNKNOWN;
	if (pcap_compile(i->p, &program, o->filter, !o->no_optimize, mask) < 0) {
		snprintf(err, errsize, "bad filter: %s", pcap_geterr(i->p));
		return false;
	}
	r = pcap_setfilter(i->p, &program);
	pcap_freecode(&program);
	if (r < 0)
		snprintf(err, errsize, "%s: %s", i->name, pcap_geterr(i->p));
	return r == 0;
}

/* --time-stamp-type; before the interface is activated. */
static bool set_stamps(struct live_iface *i, const char *name, char *err, size_t errsize)
{
	int type = pcap_tstamp_type_name_to_val(name);

	if (type < 0) {
		snprintf(err, errsize,
			"--time-stamp-type %s: there is no such type; tsumari -J lists them", name);
		return false;
	}
	if (pcap_set_tstamp_type(i->p, type) == 0)
		return true;
	snprintf(err, errsize, "%s: time stamps cannot be of type %s; tsumari -J lists them",
		i->name, name);
	return false;
}

static bool set_direction(
	struct live_iface *i, enum source_direction direction, char *err, size_t errsize)
{
	if (direction == SOURCE_BOTH ||
		pcap_setdirection(i->p, direction == SOURCE_IN ? PCAP_D_IN : PCAP_D_OUT) == 0)
		return true;
	snprintf(err, errsize, "%s: -Q: %s", i->name, pcap_geterr(i->p));
	return false;
}

static void iface_watch(struct live_iface *i)
{
	struct watch_link link;

	i->ifindex = if_nametoindex(i->name);
	if (!i->ifindex)
		return;
	watch_ask(i->fd, i->ifindex, &link);
	i->state = link.state;
	memcpy(i->now, link.name, sizeof(i->now));
}

/*
 * Bytes of the ring of one of n interfaces. libpcap's blocks have 256 KiB, and one goes after 100
 * ms however little is in it: so many blocks, so many tenths of a second may pass without a reader.
 * It is the kernel's, and comes on top of the budget: a quarter of that for all of them.
 */
static int ring_size(const struct source_options *o, unsigned n)
{
	uint64_t size = o->memory ? o->memory * 2 / n : RING_MOST;

	if (o->buffer_kib > 0)
		return o->buffer_kib * 1024;
	return (int)(size > RING_MOST ? RING_MOST : size < RING_LEAST ? RING_LEAST : size);
}

static bool open_iface(
	struct live_iface *i, unsigned n, const struct source_options *o, char *err, size_t errsize)
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
	pcap_set_buffer_size(i->p, ring_size(o, n));
	if (o->immediate)
		pcap_set_immediate_mode(i->p, 1);
	if (o->monitor)
		pcap_set_rfmon(i->p, 1);
	if (o->stamps && !set_stamps(i, o->stamps, err, errsize))
		return false;
	if (!activate(i, err, errsize))
		return false;
	if (o->datalink && !set_datalink(i, o->datalink, err, errsize))
		return false;
	if (!set_direction(i, o->direction, err, errsize))
		return false;
	if (o->filter && !set_filter(i, o, err, errsize))
		return false;
	i->fd = pcap_get_selectable_fd(i->p);
	if (i->fd < 0 || pcap_setnonblock(i->p, 1, why) < 0) {
		snprintf(err, errsize, "%s: cannot be waited for%s%s", i->name, *why ? ": " : "",
			why);
		return false;
	}
	i->nano = pcap_get_tstamp_precision(i->p) == PCAP_TSTAMP_PRECISION_NANO;
	i->link_field = source_link_field(i->p);
	iface_watch(i);
	return true;
}

struct source *source_open_live(const char *const *ifaces, unsigned n,
	const struct source_options *o, char *err, size_t errsize)
{
	struct live_source *l = xcalloc(1, sizeof(*l));

	l->ifaces = xcalloc(n, sizeof(*l->ifaces));
	l->fds = xcalloc(n + 2, sizeof(*l->fds));
	l->s.live = l->s.paced = true;
	watch_open(&l->watch);
	if (!source_init(&l->s, &live_ops, o, err, errsize)) {
		live_close(&l->s);
		return NULL;
	}
	for (unsigned k = 0; k < n; k++) {
		struct live_iface *i = &l->ifaces[k];

		i->l = l;
		i->index = (uint16_t)k;
		i->name = xstrdup(ifaces[k]);
		l->n++;
		if (!open_iface(i, n, o, err, errsize)) {
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
