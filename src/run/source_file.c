/*
 * source_file.c - a capture file: our own reader of the pcap format, in large pieces.
 *
 * The format is draft-ietf-opsawg-pcap (version 2.4, magic A1B2C3D4 for microseconds and A1B23C4D
 * for nanoseconds, in the byte order of the writer). Everything else (pcapng, older and modified
 * pcap) goes to libpcap, see source_pcap.c. Reading goes into one chunk that stays in the cache;
 * only the record that straddles two reads is copied.
 */
#include "run/bytes.h"
#include "run/source_impl.h"
#include "base/mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC_MICRO  0xa1b2c3d4u
#define MAGIC_NANO   0xa1b23c4du
#define HEADER       16u
#define BATCH        64u
#define CAPLEN_LARGE (128u * 1024 * 1024) /* as libpcap's, for link types with huge frames */

struct record_header {
	uint32_t sec, part, caplen, len;
};

struct file_source {
	struct source s;
	struct bytes *in;
	bool swapped;
	uint16_t linktype;
	uint32_t part_max;   /* a second in the file's unit */
	uint32_t multiplier; /* from the file's unit to ns */
	uint32_t limit;      /* of a captured length */
	uint32_t snap;       /* -s */
	struct bpf_program filter;
	struct chunk *chunk;
	size_t pos, end; /* what is left to use of the chunk */
	size_t need;     /* bytes that the next record takes */
	uint64_t frames; /* records met */
	uint64_t odd_times, odd_lengths;
};

static inline uint32_t swap32(uint32_t v)
{
	return __builtin_bswap32(v);
}

static inline struct record_header header_at(const uint8_t *p, bool swapped)
{
	struct record_header h;

	memcpy(&h, p, sizeof(h));
	if (swapped) {
		h.sec = swap32(h.sec);
		h.part = swap32(h.part);
		h.caplen = swap32(h.caplen);
		h.len = swap32(h.len);
	}
	return h;
}

/*
 * The records that lie whole in the chunk, up to max of them. Sets f->need where it stops for want
 * of bytes, or to 0 at a record that cannot be.
 */
static inline __attribute__((always_inline)) unsigned walk(
	struct file_source *f, struct packet *out, unsigned max, bool swapped, bool filtered)
{
	const uint8_t *p = f->chunk->data + f->pos, *end = f->chunk->data + f->end;
	uint64_t frames = f->frames, bytes = 0;
	unsigned n = 0;

	f->need = HEADER;
	while (n < max && (size_t)(end - p) >= HEADER) {
		struct record_header h = header_at(p, swapped);
		struct packet *o = &out[n];

		if (__builtin_expect(h.caplen > f->limit, 0)) {
			f->need = 0;
			break;
		}
		if ((size_t)(end - p) - HEADER < h.caplen) {
			f->need = HEADER + h.caplen;
			break;
		}
		p += HEADER;
		frames++;
		if (__builtin_expect(h.part >= f->part_max, 0))
			f->odd_times++;
		if (__builtin_expect(h.caplen > h.len, 0)) {
			f->odd_lengths++;
			h.len = h.caplen;
		}
		if (!filtered || bpf_filter(f->filter.bf_insns, p, h.len, h.caplen)) {
			o->time = h.sec * UINT64_C(1000000000) + (uint64_t)h.part * f->multiplier;
			o->number = frames;
			o->data = p;
			o->caplen = h.caplen < f->snap ? h.caplen : f->snap;
			o->len = h.len;
			o->linktype = f->linktype;
			o->iface = 0;
			o->owned = NULL;
			bytes += o->caplen;
			n++;
		}
		p += h.caplen;
	}
	f->pos = (size_t)(p - f->chunk->data);
	f->frames = frames;
	source_count(&f->s, frames, bytes);
	return n;
}

static unsigned walk_any(struct file_source *f, struct packet *out, unsigned max)
{
	if (f->filter.bf_insns)
		return f->swapped ? walk(f, out, max, true, true) : walk(f, out, max, false, true);
	return f->swapped ? walk(f, out, max, true, false) : walk(f, out, max, false, false);
}

/*
 * Moves what is left to the front of a chunk that nobody else holds, and reads on behind it, where
 * that is fast.
 */
static ssize_t refill(struct file_source *f)
{
	size_t rest = f->end - f->pos, need = f->need + BYTES_LINE, shift;
	struct chunk *c =
		chunk_pool_get(&f->s.pool, f->chunk, need > CHUNK_SIZE ? need : CHUNK_SIZE);
	ssize_t got;

	shift = bytes_shift(f->in, c->data + rest);
	if (rest)
		memmove(c->data + shift, f->chunk->data + f->pos, rest);
	f->chunk = c;
	f->pos = shift;
	f->end = shift + rest;
	got = bytes_read(f->in, c->data + f->end, c->size - f->end);
	if (got > 0)
		f->end += (size_t)got;
	return got;
}

static enum source_state damaged(struct file_source *f)
{
	struct record_header h = header_at(f->chunk->data + f->pos, f->swapped);

	snprintf(f->s.error, sizeof(f->s.error),
		"%s: damaged in frame %llu: a captured length of %u bytes cannot be (at most %u); "
		"%llu whole frames were read",
		f->in->name, (unsigned long long)f->frames + 1, h.caplen, f->limit,
		(unsigned long long)f->frames);
	return SOURCE_ERROR;
}

/* The bytes are used up, or there are no more because of `why` (NULL: the file ends). */
static enum source_state finished(struct file_source *f, const char *why)
{
	bool cut = f->pos < f->end;

	if (source_stopped(&f->s) || (!why && !cut))
		return SOURCE_END;
	if (why)
		snprintf(f->s.error, sizeof(f->s.error), "%s: %s; %llu whole frames were read",
			f->in->name, why, (unsigned long long)f->frames);
	else
		snprintf(f->s.error, sizeof(f->s.error),
			"%s: cut short in frame %llu; %llu whole frames were read", f->in->name,
			(unsigned long long)f->frames + 1, (unsigned long long)f->frames);
	return SOURCE_ERROR;
}

static enum source_state file_read(
	struct source *s, struct packet *out, unsigned max, unsigned *n, struct chunk **chunk)
{
	struct file_source *f = (struct file_source *)s;
	ssize_t got;

	*n = 0;
	*chunk = f->chunk;
	if (source_stopped(s))
		return SOURCE_END;
	if (max > BATCH)
		max = BATCH;
	if (f->end - f->pos < f->need) {
		got = refill(f);
		*chunk = f->chunk;
		if (got == BYTES_WAIT)
			return SOURCE_MORE;
		if (got <= 0)
			return finished(f, got == BYTES_ERROR ? f->in->error : NULL);
		if (f->end < f->need)
			return SOURCE_MORE;
	}
	*n = walk_any(f, out, max);
	return f->need || *n ? SOURCE_MORE : damaged(f);
}

static double file_progress(const struct source *s)
{
	return bytes_progress(((const struct file_source *)s)->in);
}

static void file_counters(const struct source *s, struct counters *c)
{
	const struct file_source *f = (const struct file_source *)s;

	if (f->odd_times)
		counters_add(c, "frame time with more than a second's fraction", f->odd_times);
	if (f->odd_lengths)
		counters_add(c, "frame captured longer than on the wire", f->odd_lengths);
}

static void file_close(struct source *s)
{
	struct file_source *f = (struct file_source *)s;

	pcap_freecode(&f->filter);
	bytes_close(f->in);
	source_release(s);
	free(f);
}

static const struct source_ops file_ops = {
	.read = file_read,
	.progress = file_progress,
	.counters = file_counters,
	.close = file_close,
};

/* A libpcap handle of the file's header alone: it knows link types and compiles filters. */
static pcap_t *handle_of_header(uint8_t *head, char *err, size_t errsize, const char *name)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	FILE *m = fmemopen(head, BYTES_HEAD, "rb");
	pcap_t *p = m ? pcap_fopen_offline(m, why) : NULL;

	if (!p) {
		snprintf(err, errsize, "%s: %s", name, why);
		if (m)
			fclose(m);
	}
	return p;
}

/* As libpcap: these link types carry whole transfers. */
static uint32_t caplen_limit(uint32_t linktype)
{
	switch (linktype) {
	case 220: /* LINKTYPE_USB_LINUX_MMAPPED */
	case 231: /* LINKTYPE_DBUS */
	case 249: /* LINKTYPE_USBPCAP */
		return CAPLEN_LARGE;
	case 279: /* LINKTYPE_EBHSCR */
		return 8 * 1024 * 1024;
	default:
		return SNAPLEN_MAX;
	}
}

static bool read_header(
	struct file_source *f, const struct source_options *o, char *err, size_t errsize)
{
	uint32_t snaplen, link;
	pcap_t *p = handle_of_header(f->in->head, err, errsize, f->in->name);
	bool good = true;

	if (!p)
		return false;
	memcpy(&snaplen, f->in->head + 16, sizeof(snaplen));
	memcpy(&link, f->in->head + 20, sizeof(link));
	f->s.link_field = f->swapped ? swap32(link) : link;
	f->s.snaplen = pcap_snapshot(p);
	f->linktype = (uint16_t)LINK_FIELD_TYPE(f->s.link_field);
	f->limit = caplen_limit(f->linktype);
	f->snap = UINT32_MAX;
	if (o->snaplen > 0 && o->snaplen < f->s.snaplen)
		f->s.snaplen = o->snaplen;
	if (o->snaplen > 0)
		f->snap = (uint32_t)o->snaplen;
	if (LINK_FIELD_TYPE(f->s.link_field) > UINT16_MAX) {
		snprintf(err, errsize, "%s: %u is not a link type", f->in->name,
			LINK_FIELD_TYPE(f->s.link_field));
		good = false;
	} else if (o->filter && pcap_compile(p, &f->filter, o->filter, 1, PCAP_NETMASK_UNKNOWN)) {
		snprintf(err, errsize, "bad filter: %s", pcap_geterr(p));
		good = false;
	}
	pcap_close(p);
	return good;
}

static bool is_pcap(uint32_t magic)
{
	return magic == MAGIC_MICRO || magic == MAGIC_NANO;
}

static struct source *open_pcap(
	struct bytes *b, const struct source_options *o, char *err, size_t errsize)
{
	struct file_source *f = xcalloc(1, sizeof(*f));
	uint32_t magic;

	f->in = b;
	f->in->head_pos = BYTES_HEAD;
	memcpy(&magic, f->in->head, sizeof(magic));
	f->swapped = !is_pcap(magic);
	f->s.nano = magic == MAGIC_NANO || swap32(magic) == MAGIC_NANO;
	f->part_max = f->s.nano ? 1000000000 : 1000000;
	f->multiplier = f->s.nano ? 1 : 1000;
	f->need = HEADER;
	if (!read_header(f, o, err, errsize) || !source_init(&f->s, &file_ops, err, errsize)) {
		pcap_freecode(&f->filter);
		bytes_close(f->in);
		free(f);
		return NULL;
	}
	f->in->stop_fd = f->s.stop_fd;
	f->chunk = chunk_pool_get(&f->s.pool, NULL, CHUNK_SIZE);
	return &f->s;
}

/* Of version 2.4, whose records our reader knows. */
static bool ours(const uint8_t *head)
{
	uint16_t major, minor;
	uint32_t magic;

	memcpy(&magic, head, sizeof(magic));
	memcpy(&major, head + 4, sizeof(major));
	memcpy(&minor, head + 6, sizeof(minor));
	if (is_pcap(magic))
		return major == 2 && minor == 4;
	return is_pcap(swap32(magic)) && major == 2 << 8 && minor == 4 << 8;
}

/* A whole header of either byte order begins with these; libpcap's own modified one is "34cd". */
static bool looks_like_pcap(const uint8_t *head, size_t n)
{
	static const uint8_t magics[][4] = {
		{0xa1, 0xb2, 0xc3, 0xd4}, {0xd4, 0xc3, 0xb2, 0xa1}, {0xa1, 0xb2, 0x3c, 0x4d},
		{0x4d, 0x3c, 0xb2, 0xa1}, {0xa1, 0xb2, 0xcd, 0x34}, {0x34, 0xcd, 0xb2, 0xa1},
		{0x0a, 0x0d, 0x0d, 0x0a}, /* pcapng */
	};

	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
		if (memcmp(magics[i], head, n < 4 ? n : 4) == 0)
			return true;
	return false;
}

struct source *source_open_file(
	const char *path, const struct source_options *o, char *err, size_t errsize)
{
	struct bytes *b = bytes_open(path, err, errsize);

	if (!b)
		return NULL;
	if (b->head_len == BYTES_HEAD)
		return ours(b->head) ? open_pcap(b, o, err, errsize)
				     : source_open_libpcap(b, o, err, errsize);
	if (b->error[0])
		snprintf(err, errsize, "%s: %s", b->name, b->error);
	else if (b->head_len == 0)
		snprintf(err, errsize, "%s: is empty, not a capture file", b->name);
	else if (looks_like_pcap(b->head, b->head_len))
		snprintf(err, errsize, "%s: cut short in the file header", b->name);
	else
		bytes_no_capture(b, err, errsize);
	bytes_close(b);
	return NULL;
}
