/*
 * pcapng.c - the input is a byte for the run (0x07: a capture filter; 0x08: all outputs; 0x10: it
 * is cut in the middle), then blocks of a pcapng file, whose lengths are right unless said so:
 *   0x07  the kind below
 *   0x08  the length in front lies, 0x10 the one behind: by a byte that follows, signed
 *   0x60  so many options, each: code, length, bytes
 *   0x80  big-endian (a section, and what follows in it)
 *
 *   0 section      1: version, length
 *   1 interface    1: link type, snap length
 *   2 packet       1: interface; 3: time; 1: length; bytes; 1: what the length on the wire has more
 *   3 simple       1: length; bytes
 *   4 old packet   as 2
 *   5 statistics   1: interface
 *   6 another      1: type; 1: length; bytes
 *   7 no block     1: length; bytes
 *
 * What is read is written as pcapng by the program and read again: the frames are the same.
 */
#include "whole.h"
#include "base/mem.h"
#include "capture/capwriter.h"
#include "run/pipeline.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FILE_MAX   65536u
#define FRAMES_MAX 512u

struct made {
	uint8_t p[FILE_MAX];
	size_t n;
	bool big;
};

static void bytes(struct made *m, const void *p, size_t n)
{
	if (n > sizeof(m->p) - m->n)
		n = sizeof(m->p) - m->n;
	if (n)
		memcpy(m->p + m->n, p, n);
	m->n += n;
}

static void u16(struct made *m, unsigned v)
{
	uint8_t b[2] = {(uint8_t)v, (uint8_t)(v >> 8)};

	if (m->big) {
		b[1] = (uint8_t)v;
		b[0] = (uint8_t)(v >> 8);
	}
	bytes(m, b, 2);
}

static void u32(struct made *m, uint32_t v)
{
	u16(m, m->big ? v >> 16 : v & 0xffff);
	u16(m, m->big ? v & 0xffff : v >> 16);
}

static void padded(struct made *m, const uint8_t *p, uint32_t n)
{
	static const uint8_t zeros[4];

	bytes(m, p, n);
	bytes(m, zeros, -n & 3);
}

static void data(struct made *m, struct fuzz_input *in, uint32_t n)
{
	const uint8_t *p = fuzz_bytes(in, &n);

	padded(m, p, n);
}

static void options(struct made *m, struct fuzz_input *in, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned code = fuzz_u8(in);
		uint32_t len = fuzz_u8(in) & 0x3f;
		const uint8_t *p = fuzz_bytes(in, &len);

		u16(m, code);
		u16(m, len);
		padded(m, p, len);
	}
	if (n)
		u32(m, 0);
}

static void section(struct made *m, struct fuzz_input *in)
{
	uint8_t b = fuzz_u8(in);

	u32(m, 0x1a2b3c4d);
	u16(m, b & 1 ? 2 : 1);
	u16(m, b >> 1 & 3);
	u32(m, b & 0x10 ? 0x40 : 0xffffffff);
	u32(m, b & 0x10 ? 0 : 0xffffffff);
}

static void interface(struct made *m, struct fuzz_input *in)
{
	static const uint16_t links[8] = {1, 101, 113, 276, 0, 12, 147, 9999};
	uint8_t b = fuzz_u8(in);

	u16(m, links[b & 7]);
	u16(m, 0);
	u32(m, b & 0x80 ? 0 : b & 0x40 ? 0xffffffff : (b >> 3 & 7) * 40u);
}

/* An Ethernet frame of a DNS question, with what the input has over it. */
static void packet(struct made *m, struct fuzz_input *in, bool old)
{
	static const uint8_t frame[] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 45, 0,
		1, 0, 0, 64, 17, 0xf6, 0xbe, 192, 0, 2, 1, 192, 0, 2, 2, 0x9c, 0x40, 0, 53, 0, 25,
		0, 0, 0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1};
	uint8_t own[256];
	unsigned iface = fuzz_u8(in);
	uint32_t high = fuzz_u16(in), low = (uint32_t)fuzz_u8(in) << 24, n = fuzz_u8(in);
	uint32_t given = n / 2;
	const uint8_t *p = fuzz_bytes(in, &given);

	memset(own, 0, sizeof(own));
	memcpy(own, frame, sizeof(frame));
	if (given)
		memcpy(own + (n - given), p, given);
	if (old) {
		u16(m, iface);
		u16(m, 1);
	} else {
		u32(m, iface);
	}
	u32(m, high << 8);
	u32(m, low);
	u32(m, n);
	u32(m, n + fuzz_u8(in));
	padded(m, own, n);
}

static void set32(struct made *m, size_t at, uint32_t v)
{
	size_t end = m->n;

	m->n = at;
	u32(m, v);
	m->n = end;
}

static void body(struct made *m, struct fuzz_input *in, unsigned kind)
{
	uint32_t n;

	switch (kind) {
	case 0:
		section(m, in);
		break;
	case 1:
		interface(m, in);
		break;
	case 2:
	case 4:
		packet(m, in, kind == 4);
		break;
	case 3:
		n = fuzz_u8(in);
		u32(m, n);
		data(m, in, n);
		break;
	case 5:
		u32(m, fuzz_u8(in));
		u32(m, 0x5d000);
		u32(m, 0);
		break;
	default:
		data(m, in, fuzz_u8(in));
	}
}

/* A length that a byte of the input is added to, with its sign. */
static uint32_t lie(uint32_t len, struct fuzz_input *in)
{
	return (uint32_t)((int64_t)len + (int8_t)fuzz_u8(in));
}

static void block(struct made *m, struct fuzz_input *in)
{
	static const uint32_t types[8] = {0x0a0d0d0a, 1, 6, 3, 2, 5, 0, 0};
	static const uint32_t others[8] = {4, 9, 10, 0xbad, 0x40000bad, 0xb16b00b5, 0x80000001, 0};
	uint8_t b = fuzz_u8(in);
	unsigned kind = b & 7;
	size_t at = m->n;
	uint32_t len;

	if (kind == 7) {
		uint32_t n = fuzz_u8(in);
		const uint8_t *p = fuzz_bytes(in, &n);

		bytes(m, p, n);
		return;
	}
	if (kind == 0)
		m->big = b & 0x80;
	u32(m, kind == 6 ? others[fuzz_u8(in) & 7] : types[kind]);
	u32(m, 0);
	body(m, in, kind);
	options(m, in, b >> 5 & 3);
	len = (uint32_t)(m->n - at) + 4;
	set32(m, at + 4, b & 8 ? lie(len, in) : len);
	u32(m, b & 16 ? lie(len, in) : len);
}

/* Written and read again. */

struct seen {
	struct capwriter *writer;
	unsigned n;
	struct {
		uint64_t time;
		uint32_t caplen, len, sum;
		uint16_t linktype;
	} frame[FRAMES_MAX];
};

static void see(struct seen *s, const struct packet *p)
{
	uint32_t sum = 0;

	if (s->n == FRAMES_MAX)
		return;
	for (uint32_t i = 0; i < p->caplen; i++)
		sum = sum * 31 + p->data[i];
	s->frame[s->n].time = p->time;
	s->frame[s->n].caplen = p->caplen;
	s->frame[s->n].len = p->len;
	s->frame[s->n].sum = sum;
	s->frame[s->n++].linktype = p->linktype;
}

static void read_frames(const char *path, struct seen *s)
{
	static const struct source_options none;
	struct packet frames[64];
	enum source_state state = SOURCE_MORE;
	char err[512] = "";
	struct source *source = source_open_file(path, &none, err, sizeof(err));
	struct chunk *chunk;
	unsigned n;

	fuzz_check(source || *err, "a file that cannot be opened has a message");
	while (source && state == SOURCE_MORE) {
		state = source_read(source, frames, 64, &n, &chunk);
		for (unsigned i = 0; i < n; i++) {
			see(s, &frames[i]);
			fuzz_check(!s->writer || capwriter_frame(s->writer, &frames[i]),
				"a frame is written");
		}
	}
	if (source)
		source_close(source);
}

static char written[64]; /* a name that ends as those of pcapng do, and leads into memory */

static void forget_written(void)
{
	unlink(written);
}

static void same_again(const struct made *m)
{
	static struct seen before, after;
	struct capwriter_options o = {.path = written, .nano = true, .link_field = 1};
	char path[64], to[64], err[512] = "";
	int in = memfd_create("in", MFD_CLOEXEC), out = memfd_create("out", MFD_CLOEXEC);

	fuzz_check(in >= 0 && out >= 0 && write(in, m->p, m->n) == (ssize_t)m->n, "files");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", in);
	snprintf(to, sizeof(to), "/proc/self/fd/%d", out);
	if (!written[0]) {
		snprintf(written, sizeof(written), "/tmp/tsumari-fuzz-%ld.pcapng", (long)getpid());
		atexit(forget_written);
	}
	unlink(written);
	fuzz_check(symlink(to, written) == 0, "a link to memory");
	before.n = after.n = 0;
	before.writer = capwriter_open(&o, err, sizeof(err));
	fuzz_check(before.writer, err);
	read_frames(path, &before);
	fuzz_check(capwriter_finish(before.writer), "the file is written");
	capwriter_free(before.writer);
	before.writer = NULL;
	read_frames(to, &after);
	fuzz_check(after.n == before.n, "as many frames are read again");
	for (unsigned i = 0; i < before.n; i++)
		fuzz_check(before.frame[i].time == after.frame[i].time &&
				   before.frame[i].caplen == after.frame[i].caplen &&
				   before.frame[i].len == after.frame[i].len &&
				   before.frame[i].sum == after.frame[i].sum &&
				   before.frame[i].linktype == after.frame[i].linktype,
			"a frame is read again as it was");
	close(in);
	close(out);
}

int fuzz_pcapng(const uint8_t *data_, size_t size)
{
	static const char *const filters[8] = {NULL, "ip", "tcp port 80", "udp", "vlan and ip",
		"ether proto 0x0800", "greater 50", "host 192.0.2.1 or ip6"};
	struct fuzz_input in = {.p = data_, .end = data_ + size};
	uint8_t run = fuzz_u8(&in);
	struct fuzz_whole w = {.memory = 4 << 20, .filter = filters[run & 7], .all = run & 8};
	struct made *m = xcalloc(1, sizeof(*m));

	fuzz_init();
	while (in.p < in.end && m->n < FILE_MAX)
		block(m, &in);
	if (run & 0x10)
		m->n -= m->n / 3;
	if (fuzz_whole(&w, m->p, m->n))
		fuzz_whole_json(&w);
	fuzz_whole_free(&w);
	same_again(m);
	free(m);
	return 0;
}
