/*
 * source_pcap.c - capture files of other formats (modified and older pcap), by libpcap.
 *
 * libpcap reads through stdio, which is given our byte source and a buffer that is large enough;
 * frames are copied into chunks.
 */
#include "capture/bytes.h"
#include "capture/source_impl.h"
#include "base/mem.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STDIO_SIZE ((size_t)256 * 1024)
#define ROOM       ((size_t)64 * 1024) /* less is not worth a batch */
#define BATCH      64u

struct pcap_source {
	struct source s;
	struct bytes *in;
	pcap_t *p;
	char *stdio_buffer;
	struct bpf_program filter;
	uint16_t linktype;
	uint32_t snap;
	struct chunk *chunk;
	size_t fill;
	int state;  /* of the last pcap_next_ex() */
	bool nofit; /* header and data below wait for a chunk with room */
	struct pcap_pkthdr *header;
	const u_char *data;
	uint64_t frames;
	uint64_t odd_lengths;
	bool read_error;
};

/* For fopencookie(): stdio takes a short count as it is, and 0 as the end. */
static ssize_t cookie_read(void *cookie, char *to, size_t n)
{
	struct pcap_source *f = cookie;
	ssize_t got;

	do
		got = bytes_read(f->in, to, n);
	while (got == BYTES_WAIT);
	if (got == BYTES_ERROR) {
		f->read_error = true;
		errno = EIO;
		return -1;
	}
	return got;
}

static enum source_state failed(struct pcap_source *f)
{
	const char *why = pcap_geterr(f->p);
	unsigned long long frames = f->frames;

	if (source_stopped(&f->s))
		return SOURCE_END;
	if (f->read_error)
		snprintf(f->s.error, sizeof(f->s.error), "%s: %s; %llu whole frames were read",
			f->in->name, f->in->error, frames);
	else if (strstr(why, "truncated"))
		snprintf(f->s.error, sizeof(f->s.error),
			"%s: cut short in frame %llu; %llu whole frames were read", f->in->name,
			frames + 1, frames);
	else
		snprintf(f->s.error, sizeof(f->s.error),
			"%s: cannot be read on in frame %llu: %s; %llu whole frames were read",
			f->in->name, frames + 1, why, frames);
	return SOURCE_ERROR;
}

/*
 * The next frame that passes the filter into f->header, f->data: 1, or libpcap's 0, -1, -2. An end
 * is final: asked again after a fault, libpcap would see an ordinary end.
 */
static int next_frame(struct pcap_source *f)
{
	int r;

	if (f->state < 0)
		return f->state;
	while ((r = pcap_next_ex(f->p, &f->header, &f->data)) == 1) {
		f->frames++;
		if (f->header->caplen > f->header->len) {
			f->odd_lengths++;
			f->header->len = f->header->caplen;
		}
		if (!f->filter.bf_insns ||
			bpf_filter(f->filter.bf_insns, f->data, f->header->len, f->header->caplen))
			return 1;
		if (f->frames % 1024 == 0)
			return 0;
	}
	return r;
}

static void copy_frame(struct pcap_source *f, struct frame *o)
{
	uint32_t caplen = f->header->caplen;

	o->data = f->chunk->data + f->fill;
	if (caplen)
		memcpy(f->chunk->data + f->fill, f->data, caplen);
	f->fill += caplen;
	o->time = source_time(f->header, true);
	o->number = f->frames;
	o->caplen = caplen < f->snap ? caplen : f->snap;
	o->len = f->header->len;
	o->linktype = f->linktype;
	o->iface = 0;
}

static enum source_state pcap_source_read(
	struct source *s, struct frame *out, unsigned max, unsigned *n, struct chunk **chunk)
{
	struct pcap_source *f = (struct pcap_source *)s;
	size_t size = f->nofit && f->header->caplen > ROOM ? f->header->caplen : ROOM;
	uint64_t bytes = 0;

	*n = 0;
	f->chunk = chunk_pool_room(&s->pool, f->chunk, &f->fill, size);
	*chunk = f->chunk;
	if (source_stopped(s))
		return SOURCE_END;
	if (max > BATCH)
		max = BATCH;
	while (*n < max) {
		if (!f->nofit && (f->state = next_frame(f)) != 1)
			break;
		f->nofit = f->chunk->size - f->fill < f->header->caplen;
		if (f->nofit)
			break;
		bytes += f->header->caplen;
		copy_frame(f, &out[(*n)++]);
	}
	source_count(s, f->frames, bytes);
	if (*n || f->state >= 0)
		return SOURCE_MORE;
	return f->state == PCAP_ERROR_BREAK && !f->read_error ? SOURCE_END : failed(f);
}

static double pcap_source_progress(const struct source *s)
{
	return bytes_progress(((const struct pcap_source *)s)->in);
}

static void pcap_source_counters(const struct source *s, struct counters *c)
{
	const struct pcap_source *f = (const struct pcap_source *)s;

	if (f->odd_lengths)
		counters_add(c, "frame captured longer than on the wire", f->odd_lengths);
}

static void pcap_source_close(struct source *s)
{
	struct pcap_source *f = (struct pcap_source *)s;

	pcap_freecode(&f->filter);
	if (f->p)
		pcap_close(f->p);
	free(f->stdio_buffer);
	bytes_close(f->in);
	source_release(s);
	free(f);
}

static const struct source_ops pcap_source_ops = {
	.read = pcap_source_read,
	.progress = pcap_source_progress,
	.counters = pcap_source_counters,
	.close = pcap_source_close,
};

static bool open_handle(struct pcap_source *f, char *err, size_t errsize)
{
	const cookie_io_functions_t io = {.read = cookie_read};
	char why[PCAP_ERRBUF_SIZE] = "";
	FILE *file = fopencookie(f, "rb", io);

	if (!file) {
		snprintf(err, errsize, "%s: %s", f->in->name, strerror(errno));
		return false;
	}
	f->stdio_buffer = xmalloc(STDIO_SIZE + BYTES_LINE);
	setvbuf(file, f->stdio_buffer + bytes_shift(f->in, f->stdio_buffer), _IOFBF, STDIO_SIZE);
	f->p = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, why);
	if (f->p)
		return true;
	if (f->read_error)
		snprintf(err, errsize, "%s: %s", f->in->name, f->in->error);
	else if (strstr(why, "unknown file format"))
		bytes_no_capture(f->in, err, errsize);
	else if (strstr(why, "truncated"))
		snprintf(err, errsize, "%s: cut short in the file header", f->in->name);
	else
		snprintf(err, errsize, "%s: %s", f->in->name, why);
	fclose(file);
	return false;
}

static bool set_up(struct pcap_source *f, const struct source_options *o, char *err, size_t errsize)
{
	if (!open_handle(f, err, errsize))
		return false;
	f->s.link_field = source_link_field(f->p);
	f->s.snaplen = pcap_snapshot(f->p);
	f->linktype = (uint16_t)LINK_FIELD_TYPE(f->s.link_field);
	f->snap = UINT32_MAX;
	if (o->snaplen > 0 && o->snaplen < f->s.snaplen)
		f->s.snaplen = o->snaplen;
	if (o->snaplen > 0)
		f->snap = (uint32_t)o->snaplen;
	if (o->filter &&
		pcap_compile(f->p, &f->filter, o->filter, !o->no_optimize, PCAP_NETMASK_UNKNOWN)) {
		snprintf(err, errsize, "bad filter: %s", pcap_geterr(f->p));
		return false;
	}
	return true;
}

struct source *source_open_libpcap(
	struct bytes *b, const struct source_options *o, char *err, size_t errsize)
{
	struct pcap_source *f = xcalloc(1, sizeof(*f));

	f->in = b;
	f->s.paced = !b->regular;
	if (!source_init(&f->s, &pcap_source_ops, o, err, errsize) || !set_up(f, o, err, errsize)) {
		pcap_source_close(&f->s);
		return NULL;
	}
	f->in->stop_fd = f->s.stop_fd;
	return &f->s;
}
