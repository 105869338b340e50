/*
 * source_file.c - a capture file: our own reader of the pcap format, in large pieces.
 *
 * The format is draft-ietf-opsawg-pcap (version 2.4, magic A1B2C3D4 for microseconds and A1B23C4D
 * for nanoseconds, in the byte order of the writer). Older and modified pcap goes to libpcap, see
 * source_pcap.c. Reading goes into one chunk that stays in the cache;
 * only the record that straddles two reads is copied.
 */
#include "capture/bytes.h"
#include "capture/source_impl.h"
#include "base/mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC_MICRO 0xa1b2c3d4u
#define MAGIC_NANO  0xa1b23c4du
#define HEADER      16u
#define BATCH       64u

struct record_header {
	uint32_t sec, part, caplen, len;
};

struct file_source {
	struct source s;
	struct window w;
	bool swapped;
	uint16_t linktype;
	uint32_t part_max;   /* a second in the file's unit */
	uint32_t multiplier; /* from the file's unit to ns */
	uint32_t limit;      /* of a captured length */
	uint32_t snap;       /* -s */
	struct bpf_program filter;
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
 * The records that lie whole in the chunk, up to max of them. Sets f->w.need where it stops for
 * want of bytes, or to 0 at a record that cannot be.
 */
static inline __attribute__((always_inline)) unsigned walk(
	struct file_source *f, struct frame *out, unsigned max, bool swapped, bool filtered)
{
	const uint8_t *p = f->w.chunk->data + f->w.pos, *end = f->w.chunk->data + f->w.end;
	uint64_t frames = f->frames, bytes = 0;
	unsigned n = 0;

	f->w.need = HEADER;
	while (n < max && (size_t)(end - p) >= HEADER) {
		struct record_header h = header_at(p, swapped);
		struct frame *o = &out[n];

		if (__builtin_expect(h.caplen > f->limit, 0)) {
			f->w.need = 0;
			break;
		}
		if ((size_t)(end - p) - HEADER < h.caplen) {
			f->w.need = HEADER + h.caplen;
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
			bytes += o->caplen;
			n++;
		}
		p += h.caplen;
	}
	f->w.pos = (size_t)(p - f->w.chunk->data);
	f->frames = frames;
	source_count(&f->s, frames, bytes);
	return n;
}

static unsigned walk_any(struct file_source *f, struct frame *out, unsigned max)
{
	if (f->filter.bf_insns)
		return f->swapped ? walk(f, out, max, true, true) : walk(f, out, max, false, true);
	return f->swapped ? walk(f, out, max, true, false) : walk(f, out, max, false, false);
}

static enum source_state damaged(struct file_source *f)
{
	struct record_header h = header_at(f->w.chunk->data + f->w.pos, f->swapped);

	snprintf(f->s.error, sizeof(f->s.error),
		"%s: damaged in frame %llu: a captured length of %u bytes cannot be (at most %u); "
		"%llu whole frames were read",
		f->w.in->name, (unsigned long long)f->frames + 1, h.caplen, f->limit,
		(unsigned long long)f->frames);
	return SOURCE_ERROR;
}

static enum source_state file_read(
	struct source *s, struct frame *out, unsigned max, unsigned *n, struct chunk **chunk)
{
	struct file_source *f = (struct file_source *)s;
	ssize_t got;

	*n = 0;
	*chunk = f->w.chunk;
	if (source_stopped(s))
		return SOURCE_END;
	if (max > BATCH)
		max = BATCH;
	if (f->w.end - f->w.pos < f->w.need) {
		got = window_fill(&f->w, &s->pool);
		*chunk = f->w.chunk;
		if (got == BYTES_WAIT)
			return SOURCE_MORE;
		if (got <= 0)
			return source_finished(s, &f->w, f->frames,
				got == BYTES_ERROR ? f->w.in->error : NULL, f->w.pos < f->w.end);
		if (f->w.end - f->w.pos < f->w.need)
			return SOURCE_MORE;
	}
	*n = walk_any(f, out, max);
	return f->w.need || *n ? SOURCE_MORE : damaged(f);
}

static double file_progress(const struct source *s)
{
	return bytes_progress(((const struct file_source *)s)->w.in);
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
	bytes_close(f->w.in);
	source_release(s);
	free(f);
}

static const struct source_ops file_ops = {
	.read = file_read,
	.progress = file_progress,
	.counters = file_counters,
	.close = file_close,
};

static bool read_header(
	struct file_source *f, const struct source_options *o, char *err, size_t errsize)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	uint32_t snaplen, link;
	pcap_t *p = source_handle(f->w.in->head, why, sizeof(why));
	bool good = true;

	if (!p) {
		snprintf(err, errsize, "%s: %s", f->w.in->name, why);
		return false;
	}
	memcpy(&snaplen, f->w.in->head + 16, sizeof(snaplen));
	memcpy(&link, f->w.in->head + 20, sizeof(link));
	f->s.link_field = f->swapped ? swap32(link) : link;
	f->s.snaplen = pcap_snapshot(p);
	f->linktype = (uint16_t)LINK_FIELD_TYPE(f->s.link_field);
	f->limit = source_caplen_limit(f->linktype);
	f->snap = UINT32_MAX;
	if (o->snaplen > 0 && o->snaplen < f->s.snaplen)
		f->s.snaplen = o->snaplen;
	if (o->snaplen > 0)
		f->snap = (uint32_t)o->snaplen;
	if (LINK_FIELD_TYPE(f->s.link_field) > UINT16_MAX) {
		snprintf(err, errsize, "%s: %u is not a link type", f->w.in->name,
			LINK_FIELD_TYPE(f->s.link_field));
		good = false;
	} else if (o->filter &&
		   pcap_compile(p, &f->filter, o->filter, !o->no_optimize, PCAP_NETMASK_UNKNOWN)) {
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

	f->w.in = b;
	f->w.in->head_pos = BYTES_HEAD;
	memcpy(&magic, f->w.in->head, sizeof(magic));
	f->swapped = !is_pcap(magic);
	f->s.paced = !b->regular;
	f->s.nano = magic == MAGIC_NANO || swap32(magic) == MAGIC_NANO;
	f->part_max = f->s.nano ? 1000000000 : 1000000;
	f->multiplier = f->s.nano ? 1 : 1000;
	f->w.need = HEADER;
	if (!read_header(f, o, err, errsize) || !source_init(&f->s, &file_ops, o, err, errsize)) {
		pcap_freecode(&f->filter);
		bytes_close(f->w.in);
		free(f);
		return NULL;
	}
	f->w.in->stop_fd = f->s.stop_fd;
	f->w.chunk = chunk_pool_get(&f->s.pool, NULL, CHUNK_SIZE);
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

static bool is_pcapng(const uint8_t *head)
{
	return memcmp(head, "\x0a\x0d\x0d\x0a", 4) == 0 &&
	       (memcmp(head + 8, "\x1a\x2b\x3c\x4d", 4) == 0 ||
		       memcmp(head + 8, "\x4d\x3c\x2b\x1a", 4) == 0);
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

bool source_is_capture(const char *path)
{
	char why[512];
	struct bytes *b = bytes_open(path, why, sizeof(why));
	bool is = b && b->head_len > 0 && looks_like_pcap(b->head, b->head_len);

	/* One whose compressed beginning is damaged is one, too. */
	if (b && b->unpack && b->error[0])
		is = true;
	bytes_close(b);
	return is;
}

/* Takes b over. */
static struct source *open_bytes(
	struct bytes *b, const struct source_options *o, char *err, size_t errsize)
{
	if (b->head_len == BYTES_HEAD && is_pcapng(b->head))
		return source_open_pcapng(b, o, err, errsize);
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

struct source *source_open_file(
	const char *path, const struct source_options *o, char *err, size_t errsize)
{
	struct bytes *b = bytes_open(path, err, errsize);

	return b ? open_bytes(b, o, err, errsize) : NULL;
}

struct source *source_open_fd(
	int fd, const char *name, const struct source_options *o, char *err, size_t errsize)
{
	struct bytes *b;

	(void)lseek(fd, 0, SEEK_SET); /* a pipe is where it is */
	b = bytes_open_fd(fd, name, err, errsize);
	return b ? open_bytes(b, o, err, errsize) : NULL;
}
