/*
 * source_pcapng.c - pcapng files (draft-ietf-opsawg-pcapng), by a reader of our own.
 *
 * Reading goes into one chunk, as with pcap: frames stay where they were read to. Every section may
 * have another byte order, every interface another link type, snap length and resolution of time.
 * What is no packet, interface or statistics (names, secrets, custom and unknown blocks) is passed
 * over, however long it is; of all others the lengths are looked at before they are believed.
 */
#include "capture/pcapng.h"
#include "base/mem.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SECTION    0x0a0d0d0au /* the same in both byte orders */
#define BLOCK_INTERFACE  1u
#define BLOCK_PACKET     2u /* obsolete */
#define BLOCK_SIMPLE     3u
#define BLOCK_STATISTICS 5u
#define BLOCK_ENHANCED   6u

#define ORDER_MAGIC 0x1a2b3c4du

#define HEAD      8u  /* type and length */
#define LEAST     12u /* a block without a body: its length stands at its end, too */
#define TRAILER   4u
#define BLOCK_MAX (16u * 1024 * 1024) /* as Wireshark; with a large frame: that and its options */
#define BATCH     64u
#define BLOCKS    4096u /* that are looked at in a row before it is asked whether to stop */

#define SECTION_FIXED    16u
#define INTERFACE_FIXED  8u
#define ENHANCED_FIXED   20u
#define SIMPLE_FIXED     4u
#define STATISTICS_FIXED 12u
#define NO_DROPS         0xffffu /* of an obsolete packet block: it is not known */

enum step {
	STEP_FRAME,
	STEP_BLOCK, /* no frame */
	STEP_NEED,  /* window.need bytes */
	STEP_FAULT  /* s.error says which */
};

struct pcapng_source {
	struct source s;
	struct window w;
	struct ng_file file;
	bool swapped;    /* of this section */
	uint64_t skip;   /* bytes to be passed over */
	uint32_t expect; /* the length that stands behind them; 0: none */
	uint32_t snap;   /* -s */
	uint64_t frames; /* met */
	uint64_t time;   /* of the last frame that had one */
	uint64_t odd_times, odd_lengths, odd_options, no_time, no_filter;
};

struct block {
	const uint8_t *p; /* its first byte */
	uint32_t type;
	uint32_t said, length; /* as it says, and with its padding */
};

/* What a packet block says, whichever kind it is of. */
struct ng_packet {
	struct ng_iface *iface;
	const uint8_t *data;
	uint32_t caplen, len;
	uint64_t time;
};

static __attribute__((format(printf, 2, 3))) enum step fault(
	struct pcapng_source *f, const char *format, ...)
{
	char why[128];
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, sizeof(why), format, ap);
	va_end(ap);
	snprintf(f->s.error, sizeof(f->s.error),
		"%s: damaged in frame %llu: %s; %llu whole frames were read", f->w.in->name,
		(unsigned long long)f->frames + 1, why, (unsigned long long)f->frames);
	return STEP_FAULT;
}

static enum step need(struct pcapng_source *f, size_t n)
{
	f->w.need = n;
	return STEP_NEED;
}

/* Comments of a block that was taken. time: of its frame; 0: it is no frame's. */
static void read_comments(struct pcapng_source *f, struct ng_options o, uint64_t time)
{
	while (ng_option_next(&o))
		if (o.code == NG_OPT_COMMENT)
			source_said(&f->s, time, o.value, o.len);
	f->odd_options += o.bad;
}

/* STEP_FRAME: it is all there, and its length stands at its end, too. */
static inline enum step whole(struct pcapng_source *f, const struct block *b)
{
	uint32_t again;

	if (f->w.end - f->w.pos < b->length)
		return need(f, b->length);
	again = ng32(b->p + b->length - TRAILER, f->swapped);
	if (again != b->said)
		return fault(f, "a block has two lengths, %u and %u", b->said, again);
	return STEP_FRAME;
}

/* Those behind so many bytes of a block's body. */
static struct ng_options options_behind(
	const struct pcapng_source *f, const struct block *b, uint32_t fixed)
{
	return (struct ng_options){
		.p = b->p + HEAD + fixed, .end = b->p + b->length - TRAILER, .swapped = f->swapped};
}

static enum step read_section(struct pcapng_source *f, const struct block *b)
{
	unsigned major = ng16(b->p + HEAD + 4, f->swapped);
	unsigned minor = ng16(b->p + HEAD + 6, f->swapped);

	if (major != 1 || (minor != 0 && minor != 2))
		return fault(f, "version %u.%u of pcapng is not known", major, minor);
	ng_section(&f->file);
	read_comments(f, options_behind(f, b, SECTION_FIXED), 0);
	return STEP_BLOCK;
}

static enum step read_interface(struct pcapng_source *f, const struct block *b)
{
	struct ng_options o = options_behind(f, b, INTERFACE_FIXED);
	char why[128];

	if (!ng_interface(&f->file, ng16(b->p + HEAD, f->swapped),
		    ng32(b->p + HEAD + 4, f->swapped), o, why, sizeof(why)))
		return fault(f, "%s", why);
	read_comments(f, o, 0);
	return STEP_BLOCK;
}

static enum step read_statistics(struct pcapng_source *f, const struct block *b)
{
	struct ng_options o = options_behind(f, b, STATISTICS_FIXED);
	uint32_t i = ng32(b->p + HEAD, f->swapped);

	if (i >= f->file.n)
		return fault(f, "statistics of interface %u of %u", i, f->file.n);
	ng_statistics(&f->file, &f->file.ifaces[i], o);
	atomic_store_explicit(&f->s.dropped, f->file.dropped, memory_order_relaxed);
	return STEP_BLOCK; /* a comment here is the writer's, always the same */
}

static void lost(struct pcapng_source *f, struct ng_iface *i, uint64_t n)
{
	ng_lost(&f->file, i, n);
	atomic_store_explicit(&f->s.dropped, f->file.dropped, memory_order_relaxed);
}

static void give(struct pcapng_source *f, const struct ng_packet *k, struct frame *o)
{
	o->time = k->time;
	o->number = f->frames;
	o->data = k->data;
	o->caplen = k->caplen < f->snap ? k->caplen : f->snap;
	o->len = k->len;
	o->iface = k->iface->number;
	o->linktype = k->iface->linktype;
}

/* The frame of a packet block that is all there; STEP_BLOCK: the filter leaves it out. */
static enum step take_frame(struct pcapng_source *f, struct ng_packet *k, struct frame *o)
{
	f->frames++;
	f->time = k->time;
	if (k->caplen > k->len) {
		f->odd_lengths++;
		k->len = k->caplen;
	}
	if (k->iface->filtered) {
		if (!k->iface->fits) {
			f->no_filter++;
			return STEP_BLOCK;
		}
		if (!bpf_filter(k->iface->filter.bf_insns, k->data, k->len, k->caplen))
			return STEP_BLOCK;
	}
	give(f, k, o);
	return STEP_FRAME;
}

/* Packets that were lost before this one, and what is said about it if it is given. */
static void packet_options(
	struct pcapng_source *f, struct ng_options o, struct ng_packet *k, bool given)
{
	struct ng_options all = o;

	while (ng_option_next(&o))
		if (o.code == NG_EPB_DROPCOUNT && o.len == 8)
			lost(f, k->iface, ng64(o.value, o.swapped));
	if (given)
		read_comments(f, all, k->time);
}

/*
 * Is a packet block as long as it must be, with `caplen` bytes behind its fixed part, and whole?
 * STEP_FRAME: it is.
 */
static inline enum step check_packet(struct pcapng_source *f, const struct block *b,
	uint32_t caplen, uint32_t limit, uint32_t fixed)
{
	if (caplen > limit)
		return fault(
			f, "a captured length of %u bytes cannot be (at most %u)", caplen, limit);
	if (b->length < LEAST + fixed + ((caplen + 3u) & ~3u))
		return fault(f, "a block of %u bytes cannot hold %u of a frame", b->said, caplen);
	if (b->length - LEAST - fixed - caplen > BLOCK_MAX)
		return fault(f, "a block of %u bytes cannot be", b->said);
	return whole(f, b);
}

static inline enum step read_packet(
	struct pcapng_source *f, const struct block *b, struct frame *out)
{
	const uint8_t *h = b->p + HEAD;
	bool enhanced = b->type == BLOCK_ENHANCED, odd = false;
	uint32_t id = enhanced ? ng32(h, f->swapped) : ng16(h, f->swapped), padded;
	struct ng_packet k = {
		.data = h + ENHANCED_FIXED,
		.caplen = ng32(h + 12, f->swapped),
		.len = ng32(h + 16, f->swapped),
	};
	enum step step;

	if (id >= f->file.n)
		return fault(f, "interface %u of %u", id, f->file.n);
	k.iface = &f->file.ifaces[id];
	step = check_packet(f, b, k.caplen, k.iface->limit, ENHANCED_FIXED);
	if (step != STEP_FRAME)
		return step;
	padded = (k.caplen + 3u) & ~3u;
	k.time = ng_time(
		k.iface, (uint64_t)ng32(h + 4, f->swapped) << 32 | ng32(h + 8, f->swapped), &odd);
	f->odd_times += odd;
	if (!enhanced && ng16(h + 2, f->swapped) != NO_DROPS)
		lost(f, k.iface, ng16(h + 2, f->swapped));
	step = take_frame(f, &k, out);
	if (b->length > LEAST + ENHANCED_FIXED + padded)
		packet_options(
			f, options_behind(f, b, ENHANCED_FIXED + padded), &k, step == STEP_FRAME);
	return step;
}

/* It has no time: that of the frame before it is the least wrong one. */
static enum step read_simple(struct pcapng_source *f, const struct block *b, struct frame *out)
{
	struct ng_packet k = {
		.data = b->p + HEAD + SIMPLE_FIXED,
		.len = ng32(b->p + HEAD, f->swapped),
		.time = f->time,
	};
	enum step step;

	if (!f->file.n)
		return fault(f, "interface 0 of 0");
	k.iface = &f->file.ifaces[0];
	k.caplen = k.iface->snaplen && k.iface->snaplen < k.len ? k.iface->snaplen : k.len;
	step = check_packet(f, b, k.caplen, k.iface->limit, SIMPLE_FIXED);
	if (step != STEP_FRAME)
		return step;
	f->no_time++;
	return take_frame(f, &k, out);
}

/* The bytes of its body that a block has at least, for what is read of it; 0: none of it is. */
static uint32_t fixed_part(uint32_t type)
{
	switch (type) {
	case BLOCK_SECTION:
		return SECTION_FIXED;
	case BLOCK_INTERFACE:
		return INTERFACE_FIXED;
	case BLOCK_PACKET:
	case BLOCK_ENHANCED:
		return ENHANCED_FIXED;
	case BLOCK_SIMPLE:
		return SIMPLE_FIXED;
	case BLOCK_STATISTICS:
		return STATISTICS_FIXED;
	default:
		return 0;
	}
}

static enum step pass_over(struct pcapng_source *f)
{
	size_t left = f->w.end - f->w.pos;

	if (f->skip) {
		size_t n = left < f->skip ? left : (size_t)f->skip;

		f->w.pos += n;
		f->skip -= n;
		if (f->skip)
			return need(f, 1);
		left -= n;
	}
	if (left < TRAILER)
		return need(f, TRAILER);
	if (ng32(f->w.chunk->data + f->w.pos, f->swapped) != f->expect)
		return fault(f, "a block has two lengths, %u and %u", f->expect,
			ng32(f->w.chunk->data + f->w.pos, f->swapped));
	f->w.pos += TRAILER;
	f->expect = 0;
	return STEP_BLOCK;
}

/* The section's byte order is that of its magic number, which the least block holds. */
static bool begin_section(struct pcapng_source *f, const uint8_t *p)
{
	f->swapped = ng32(p + HEAD, true) == ORDER_MAGIC;
	return f->swapped || ng32(p + HEAD, false) == ORDER_MAGIC;
}

/* Any block but a packet. */
static enum step read_other(struct pcapng_source *f, const struct block *b)
{
	enum step step;

	if (b->length > BLOCK_MAX)
		return fault(f, "a block of %u bytes cannot be", b->said);
	step = whole(f, b);
	if (step != STEP_FRAME)
		return step;
	switch (b->type) {
	case BLOCK_SECTION:
		return read_section(f, b);
	case BLOCK_INTERFACE:
		return read_interface(f, b);
	default:
		return read_statistics(f, b);
	}
}

static inline enum step read_block(
	struct pcapng_source *f, const struct block *b, struct frame *out)
{
	enum step step;

	if (b->type == BLOCK_ENHANCED || b->type == BLOCK_PACKET)
		step = read_packet(f, b, out);
	else if (b->type == BLOCK_SIMPLE)
		step = read_simple(f, b, out);
	else
		step = read_other(f, b);
	if (step == STEP_FRAME || step == STEP_BLOCK)
		f->w.pos += b->length;
	return step;
}

static enum step next_block(struct pcapng_source *f, struct frame *out)
{
	struct block b = {.p = f->w.chunk->data + f->w.pos};
	uint32_t fixed;

	if (f->skip || f->expect)
		return pass_over(f);
	if (f->w.end - f->w.pos < LEAST)
		return need(f, LEAST);
	b.type = ng32(b.p, f->swapped);
	if (b.type == BLOCK_SECTION && !begin_section(f, b.p))
		return fault(f, "the byte order of a section is not known");
	b.said = ng32(b.p + 4, f->swapped);
	b.length = (b.said + 3u) & ~3u; /* some writers forget the padding */
	fixed = fixed_part(b.type);
	if (b.said < LEAST + fixed || b.length < b.said)
		return fault(f, "a block of %u bytes cannot be", b.said);
	if (!fixed) {
		f->expect = b.said;
		f->skip = b.length - TRAILER;
		return pass_over(f);
	}
	if (f->w.end - f->w.pos < HEAD + fixed)
		return need(f, HEAD + fixed);
	return read_block(f, &b, out);
}

static enum source_state pcapng_read(
	struct source *s, struct frame *out, unsigned max, unsigned *n, struct chunk **chunk)
{
	struct pcapng_source *f = (struct pcapng_source *)s;
	enum step step = STEP_BLOCK;
	uint64_t bytes = 0;
	ssize_t got;

	*n = 0;
	*chunk = f->w.chunk;
	if (source_stopped(s))
		return SOURCE_END;
	if (s->error[0])
		return SOURCE_ERROR;
	if (max > BATCH)
		max = BATCH;
	if (f->w.end - f->w.pos < f->w.need) {
		got = window_fill(&f->w, &s->pool);
		*chunk = f->w.chunk;
		if (got == BYTES_WAIT)
			return SOURCE_MORE;
		if (got <= 0)
			return source_finished(s, &f->w, f->frames,
				got == BYTES_ERROR ? f->w.in->error : NULL,
				f->w.pos < f->w.end || f->skip || f->expect);
		if (f->w.end - f->w.pos < f->w.need)
			return SOURCE_MORE;
	}
	for (unsigned blocks = 0; *n < max && blocks < BLOCKS; blocks++) {
		step = next_block(f, &out[*n]);
		if (step == STEP_FRAME)
			bytes += out[(*n)++].caplen;
		else if (step != STEP_BLOCK)
			break;
	}
	if (step != STEP_NEED)
		f->w.need = 1;
	source_count(s, f->frames, bytes);
	return step != STEP_FAULT || *n ? SOURCE_MORE : SOURCE_ERROR;
}

static const char *pcapng_iface(const struct source *s, unsigned i)
{
	return ifaces_name(&((const struct pcapng_source *)s)->file.named, i);
}

static int pcapng_iface_linktype(const struct source *s, unsigned i)
{
	return ifaces_linktype(&((const struct pcapng_source *)s)->file.named, i);
}

static double pcapng_progress(const struct source *s)
{
	return bytes_progress(((const struct pcapng_source *)s)->w.in);
}

static void pcapng_stats(struct source *s, struct capture_stats *st)
{
	const struct pcapng_source *f = (const struct pcapng_source *)s;

	st->interface_dropped += f->file.if_dropped;
	st->kernel_dropped += f->file.dropped - f->file.if_dropped;
}

static void pcapng_counters(const struct source *s, struct counters *c)
{
	const struct pcapng_source *f = (const struct pcapng_source *)s;
	const struct {
		const char *name;
		uint64_t n;
	} odd[] = {
		{"frame time that no clock shows", f->odd_times},
		{"frame captured longer than on the wire", f->odd_lengths},
		{"frame without a time of its own", f->no_time},
		{"frame of a link type that the filter does not fit", f->no_filter},
		{"pcapng: options longer than their block", f->odd_options},
	};

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		if (odd[i].n)
			counters_add(c, odd[i].name, odd[i].n);
}

static void pcapng_close(struct source *s)
{
	struct pcapng_source *f = (struct pcapng_source *)s;

	ng_release(&f->file);
	bytes_close(f->w.in);
	source_release(s);
	free(f);
}

static const struct source_ops pcapng_ops = {
	.read = pcapng_read,
	.iface = pcapng_iface,
	.iface_linktype = pcapng_iface_linktype,
	.progress = pcapng_progress,
	.stats = pcapng_stats,
	.counters = pcapng_counters,
	.close = pcapng_close,
};

/* Does a frame come next, or what nobody reads? Then all interfaces that are told first are known.
 */
static bool frame_next(const struct pcapng_source *f)
{
	uint32_t type;

	if (f->w.end - f->w.pos < HEAD)
		return false;
	type = ng32(f->w.chunk->data + f->w.pos, f->swapped);
	return type == BLOCK_ENHANCED || type == BLOCK_PACKET || type == BLOCK_SIMPLE;
}

/* What the file begins with, up to its first frame. */
static bool read_beginning(struct pcapng_source *f, char *err, size_t errsize)
{
	enum step step = STEP_NEED;
	struct frame none;
	ssize_t got;

	f->w.need = LEAST;
	while (!frame_next(f)) {
		if (step == STEP_NEED && f->w.end - f->w.pos < f->w.need) {
			if (f->file.n)
				return true;
			got = window_fill(&f->w, &f->s.pool);
			if (got == BYTES_WAIT)
				continue;
			if (got == BYTES_ERROR)
				snprintf(err, errsize, "%s: %s", f->w.in->name, f->w.in->error);
			if (got == 0 && (f->w.pos < f->w.end || f->skip))
				snprintf(err, errsize, "%s: cut short in the file header",
					f->w.in->name);
			else if (got == 0)
				return true;
			if (got <= 0)
				return false;
		}
		step = next_block(f, &none);
		if (step == STEP_FAULT) {
			snprintf(err, errsize, "%s", f->s.error);
			return false;
		}
	}
	f->w.need = 1;
	return true;
}

static bool check_filter(const struct pcapng_source *f, char *err, size_t errsize)
{
	for (uint32_t i = 0; i < f->file.nfilters; i++)
		if (f->file.filters[i].fits)
			return true;
	if (!f->file.nfilters)
		return true;
	snprintf(err, errsize, "bad filter: %s", f->file.bad_filter);
	return false;
}

struct source *source_open_pcapng(
	struct bytes *b, const struct source_options *o, char *err, size_t errsize)
{
	struct pcapng_source *f = xcalloc(1, sizeof(*f));

	f->w.in = b;
	f->s.paced = !b->regular;
	b->head_pos = 0;
	f->s.stop_fd = -1;
	ng_init(&f->file, o->filter);
	f->s.nano = true; /* an interface that comes later may be */
	f->s.snaplen = o->snaplen > 0 ? o->snaplen : SNAPLEN_MAX;
	f->snap = o->snaplen > 0 ? (uint32_t)o->snaplen : UINT32_MAX;
	f->w.chunk = chunk_pool_get(&f->s.pool, NULL, CHUNK_SIZE);
	if (!source_init(&f->s, &pcapng_ops, o, err, errsize) || !read_beginning(f, err, errsize) ||
		!check_filter(f, err, errsize)) {
		pcapng_close(&f->s);
		return NULL;
	}
	f->s.link_field = f->file.n ? f->file.ifaces[0].linktype : 1;
	b->stop_fd = f->s.stop_fd;
	return &f->s;
}
