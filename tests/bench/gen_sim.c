/*
 * The simulation under bench-gen: random numbers, the event heap, flow arrivals and the pcap file
 * (classic format, microseconds, little-endian, Ethernet).
 */
#include "gen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OUT_SIZE = 1 << 20, HEAP_ARITY = 4 };
enum { EPOCH = 1700000000 }; /* the capture's first second: 2023-11-14 22:13:20 UTC */

void die(const char *fmt, ...)
{
	va_list ap;

	fputs("bench-gen: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		die("out of memory");
	return p;
}

void *xrealloc(void *p, size_t n, size_t size)
{
	if (size && n > SIZE_MAX / size)
		die("out of memory");
	p = realloc(p, n * size);
	if (!p)
		die("out of memory");
	return p;
}

/* splitmix64 */
uint64_t rnd(struct sim *sim)
{
	uint64_t z = sim->rng += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint32_t rnd_below(struct sim *sim, uint32_t n)
{
	return (uint32_t)(((rnd(sim) >> 32) * n) >> 32);
}

uint32_t rnd_between(struct sim *sim, uint32_t lo, uint32_t hi)
{
	return lo + rnd_below(sim, hi - lo + 1);
}

bool rnd_chance(struct sim *sim, uint32_t per_million)
{
	return per_million && rnd_below(sim, 1000000) < per_million;
}

/* Integers only: libm may round differently elsewhere. log2(1 + f) is taken as f + 0.343 f (1 - f).
 */
uint64_t rnd_exp(struct sim *sim, uint64_t mean)
{
	const uint32_t u = (uint32_t)(rnd(sim) >> 32) | 1;
	uint32_t whole = 31, frac, log2_u;
	uint64_t minus_ln;

	while (!(u >> whole))
		whole--;
	frac = (uint32_t)((((uint64_t)u << 16) >> whole) & 0xffff);
	log2_u = (whole << 16) + frac + (uint32_t)((uint64_t)frac * (65536 - frac) * 22485 >> 32);
	minus_ln = (((uint64_t)32 << 16) - log2_u) * 45426 >> 16;
	return mean * minus_ln >> 16;
}

uint64_t rnd_octaves(struct sim *sim, uint64_t lo, uint32_t octaves)
{
	const uint64_t base = lo << rnd_below(sim, octaves);

	return base + (base * (rnd(sim) >> 40) >> 24);
}

static bool earlier(const struct event *a, const struct event *b)
{
	return a->time != b->time ? a->time < b->time : (int32_t)(a->serial - b->serial) < 0;
}

void sim_push(struct sim *sim, struct actor *actor, struct event ev)
{
	size_t i = sim->heap_len;

	if (i == sim->heap_cap) {
		sim->heap_cap = sim->heap_cap ? sim->heap_cap * 2 : 1024;
		sim->heap = xrealloc(sim->heap, sim->heap_cap, sizeof(*sim->heap));
	}
	sim->heap_len++;
	actor->events++;
	ev.actor = actor;
	ev.serial = sim->serial++;
	while (i && earlier(&ev, &sim->heap[(i - 1) / HEAP_ARITY])) {
		sim->heap[i] = sim->heap[(i - 1) / HEAP_ARITY];
		i = (i - 1) / HEAP_ARITY;
	}
	sim->heap[i] = ev;
}

static struct event sim_pop(struct sim *sim)
{
	const struct event top = sim->heap[0];
	const struct event last = sim->heap[--sim->heap_len];
	size_t i = 0;

	for (;;) {
		const size_t first = i * HEAP_ARITY + 1;
		size_t best = first;

		if (first >= sim->heap_len)
			break;
		for (size_t c = first + 1; c < first + HEAP_ARITY && c < sim->heap_len; c++) {
			if (earlier(&sim->heap[c], &sim->heap[best]))
				best = c;
		}
		if (!earlier(&sim->heap[best], &last))
			break;
		sim->heap[i] = sim->heap[best];
		i = best;
	}
	sim->heap[i] = last;
	return top;
}

void sim_run(struct sim *sim)
{
	while (sim->heap_len) {
		const struct event ev = sim_pop(sim);
		struct actor *actor = ev.actor;

		sim->now = ev.time;
		actor->handle(sim, actor, &ev);
		if (!--actor->events)
			actor->release(actor);
	}
}

void sim_count(struct sim *sim, const char *name, uint64_t n)
{
	size_t i = 0;

	while (i < sim->ncounters && strcmp(sim->counters[i].name, name) != 0)
		i++;
	if (i == MAX_COUNTERS)
		die("too many counters");
	if (i == sim->ncounters)
		sim->counters[sim->ncounters++] = (struct counter){.name = name};
	sim->counters[i].value += n;
}

uint64_t sim_scaled(const struct sim *sim, uint64_t n)
{
	const uint64_t scaled = (uint64_t)((double)n * sim->scale + 0.5);

	return scaled ? scaled : 1;
}

void flow_began(struct sim *sim)
{
	sim_count(sim, "flows", 1);
	if (++sim->live > sim->peak_live)
		sim->peak_live = sim->live;
}

void flow_ended(struct sim *sim)
{
	sim->live--;
}

struct arrivals {
	struct actor actor;
	void (*spawn)(struct sim *sim, uint32_t index);
	uint64_t mean_gap;
	uint32_t next, flows;
};

static void arrivals_handle(struct sim *sim, struct actor *actor, const struct event *ev)
{
	struct arrivals *a = (struct arrivals *)actor;

	a->spawn(sim, a->next++);
	if (a->next < a->flows)
		sim_push(sim, actor, (struct event){.time = ev->time + rnd_exp(sim, a->mean_gap)});
}

static void arrivals_release(struct actor *actor)
{
	free(actor);
}

void sim_arrivals(struct sim *sim, uint64_t flows, uint64_t span,
	void (*spawn)(struct sim *sim, uint32_t index))
{
	struct arrivals *a = xcalloc(1, sizeof(*a));

	a->actor.handle = arrivals_handle;
	a->actor.release = arrivals_release;
	a->spawn = spawn;
	a->flows = (uint32_t)flows;
	a->mean_gap = span / flows;
	sim_push(sim, &a->actor, (struct event){.time = 0});
}

static void out_flush(struct sim *sim)
{
	size_t done = 0;

	while (done < sim->out_len) {
		const ssize_t n = write(sim->fd, sim->out + done, sim->out_len - done);

		if (n < 0 && errno != EINTR)
			die("write: %s", strerror(errno));
		if (n > 0)
			done += (size_t)n;
	}
	sim->file_bytes += sim->out_len;
	sim->out_len = 0;
}

static uint8_t *put_le32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
	return p + 4;
}

void sim_write(struct sim *sim, const uint8_t *frame, size_t len)
{
	uint8_t *p;

	if (sim->out_len + 16 + len > OUT_SIZE)
		out_flush(sim);
	p = sim->out + sim->out_len;
	p = put_le32(p, (uint32_t)(EPOCH + sim->now / SEC));
	p = put_le32(p, (uint32_t)(sim->now % SEC / USEC));
	p = put_le32(p, (uint32_t)len);
	p = put_le32(p, (uint32_t)len);
	memcpy(p, frame, len);
	sim->out_len += 16 + len;
	sim->packets++;
	sim->wire_bytes += len;
	sim->last_time = sim->now;
}

static void out_open(struct sim *sim, const char *path)
{
	uint8_t *p;

	sim->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (sim->fd < 0)
		die("%s: %s", path, strerror(errno));
	sim->out = xcalloc(1, OUT_SIZE);
	p = put_le32(sim->out, 0xa1b2c3d4);
	p = put_le32(p, 2 | 4 << 16); /* version 2.4 */
	p = put_le32(p, 0);
	p = put_le32(p, 0);
	p = put_le32(p, 262144); /* snapshot length */
	p = put_le32(p, 1);      /* Ethernet */
	sim->out_len = (size_t)(p - sim->out);
}

static void fill_text(struct sim *sim, uint8_t *p)
{
	static const char *const words[] = {
		"packet",
		"flow",
		"the",
		"of",
		"and",
		"server",
		"answer",
		"<p>",
		"</p>",
		"time",
		"order",
		"to",
		"window",
		"in",
		"price",
		"item",
		"\n",
		"is",
		"total",
		"user",
		"a",
		"stream",
		"that",
		"1024",
		"2023",
		"true",
		"list",
	};
	size_t len = 0;

	while (len < FILL_SIZE) {
		const char *w = words[rnd_below(sim, sizeof(words) / sizeof(words[0]))];

		while (*w && len < FILL_SIZE)
			p[len++] = (uint8_t)*w++;
		if (len < FILL_SIZE)
			p[len++] = ' ';
	}
}

/* The filler repeats; its head is copied behind its end so that no copy ever wraps. */
static void fill_init(struct sim *sim)
{
	for (int kind = 0; kind < FILL_KINDS; kind++) {
		uint8_t *p = xcalloc(1, FILL_SIZE + FILL_SLACK);

		if (kind == FILL_TEXT) {
			fill_text(sim, p);
		} else {
			for (size_t i = 0; i < FILL_SIZE; i++)
				p[i] = (uint8_t)rnd(sim);
		}
		memcpy(p + FILL_SIZE, p, FILL_SLACK);
		sim->fill[kind] = p;
	}
}

void sim_init(struct sim *sim, const char *path, double scale)
{
	memset(sim, 0, sizeof(*sim));
	sim->rng = 20231114;
	sim->scale = scale;
	out_open(sim, path);
	fill_init(sim);
}

void sim_release(struct sim *sim)
{
	out_flush(sim);
	if (close(sim->fd))
		die("close: %s", strerror(errno));
	for (int kind = 0; kind < FILL_KINDS; kind++)
		free(sim->fill[kind]);
	free(sim->out);
	free(sim->heap);
}
