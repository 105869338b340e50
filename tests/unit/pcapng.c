/*
 * pcapng.c - unit tests of the reader of pcapng files (src/capture/source_pcapng.c, pcapng.c):
 * blocks of every kind, interfaces that differ, sections of either byte order, and what cannot be.
 */
#include "image.h"
#include "capture/pcapng.h"

#define ETHERNET 1
#define COOKED   113
#define NOW      UINT64_C(1700000000)

static const uint8_t zeros[400000];

/* ---- Blocks ---- */

static size_t begin(struct image *m, uint32_t type)
{
	size_t at = m->n;

	put32(m, type);
	put32(m, 0);
	return at;
}

static void end(struct image *m, size_t at)
{
	uint32_t length;

	put(m, zeros, (4 - m->n % 4) % 4);
	length = (uint32_t)(m->n - at + 4);
	put32(m, length);
	if (m->swapped)
		length = __builtin_bswap32(length);
	memcpy(m->p + at + 4, &length, sizeof(length));
}

static void option(struct image *m, uint16_t code, const void *value, uint16_t n)
{
	put16(m, code);
	put16(m, n);
	put(m, value, n);
	put(m, zeros, (4 - n % 4u) % 4u);
}

static void option64(struct image *m, uint16_t code, uint64_t v)
{
	uint64_t w = m->swapped ? __builtin_bswap64(v) : v;

	option(m, code, &w, sizeof(w));
}

static void section(struct image *m, bool swapped, const char *comment)
{
	size_t at;

	m->swapped = swapped;
	at = begin(m, 0x0a0d0d0a);
	put32(m, 0x1a2b3c4d);
	put16(m, 1);
	put16(m, 0);
	put32(m, UINT32_MAX);
	put32(m, UINT32_MAX);
	if (comment)
		option(m, 1, comment, (uint16_t)strlen(comment));
	end(m, at);
}

/* resolution: if_tsresol; negative: none. */
static void iface(struct image *m, uint16_t linktype, uint32_t snaplen, const char *name,
	int resolution, int64_t offset)
{
	uint8_t r = (uint8_t)resolution;
	size_t at = begin(m, 1);

	put16(m, linktype);
	put16(m, 0);
	put32(m, snaplen);
	if (name)
		option(m, NG_IF_NAME, name, (uint16_t)strlen(name));
	if (resolution >= 0)
		option(m, NG_IF_TSRESOL, &r, 1);
	if (offset)
		option64(m, NG_IF_TSOFFSET, (uint64_t)offset);
	if (name || resolution >= 0 || offset)
		option(m, 0, "", 0);
	end(m, at);
}

/* The fixed part of a packet block and its frame: n bytes, each b. */
static size_t packet(
	struct image *m, uint32_t type, uint32_t id, uint64_t time, uint32_t n, uint8_t b)
{
	size_t at = begin(m, type);

	if (type == 2) {
		put16(m, (uint16_t)id);
		put16(m, (uint16_t)(id >> 16));
	} else {
		put32(m, id);
	}
	put32(m, (uint32_t)(time >> 32));
	put32(m, (uint32_t)time);
	put32(m, n);
	put32(m, n + 7);
	for (uint32_t i = 0; i < n; i++)
		put(m, &b, 1);
	put(m, zeros, (4 - n % 4) % 4);
	return at;
}

static void enhanced(struct image *m, uint32_t id, uint64_t time, uint32_t n, uint8_t b)
{
	end(m, packet(m, 6, id, time, n, b));
}

static void other(struct image *m, uint32_t type, uint32_t n)
{
	size_t at = begin(m, type);

	put(m, zeros, n);
	end(m, at);
}

/* ---- Reading ---- */

struct seen {
	struct packet p;
	uint8_t first; /* byte */
};

/* All frames; their first bytes are checked to be all alike. */
static unsigned read_frames(
	struct source *s, struct seen *to, unsigned max, enum source_state *state)
{
	struct packet out[64];
	struct chunk *chunk;
	unsigned n, got = 0;

	do {
		*state = source_read(s, out, 64, &n, &chunk);
		for (unsigned i = 0; i < n && got < max; i++, got++) {
			to[got].p = out[i];
			to[got].first = out[i].caplen ? out[i].data[0] : 0;
			for (uint32_t k = 0; k < out[i].caplen; k++)
				assert_int_equal(out[i].data[k], to[got].first);
		}
	} while (*state == SOURCE_MORE);
	return got;
}

static struct source *open_good(const struct image *m, const struct source_options *o)
{
	char err[512] = "";
	struct source *s = open_image(m, o, err, sizeof(err));

	if (!s)
		fail_msg("%s", err);
	return s;
}

/* Every interface has its own link type, snap length, resolution of time and name. */
static void test_interfaces(void **state)
{
	(void)state;
	for (int swapped = 0; swapped < 2; swapped++) {
		struct image m = {0};
		enum source_state r;
		struct seen f[16];
		struct source *s;
		const uint64_t want[] = {
			NOW * 1000000000 + 123456000,
			NOW * 1000000000 + 123456789,
			NOW * 1000000000 + 500000000,
			NOW * 1000000000 + 250000000,
			(NOW - 3600) * 1000000000 + 7000000,
			NOW * 1000000000 + 1,
		};
		const char *const names[] = {"eth0", NULL, "any", "eth0", "wlan0", "pico"};
		const int types[] = {ETHERNET, ETHERNET, COOKED, COOKED, ETHERNET, ETHERNET};

		section(&m, swapped, NULL);
		iface(&m, ETHERNET, 96, "eth0", -1, 0);
		iface(&m, ETHERNET, 262144, NULL, 9, 0);
		iface(&m, COOKED, 0, "any", 0x80 | 10, 0);
		enhanced(&m, 0, NOW * 1000000 + 123456, 60, 'a');
		enhanced(&m, 1, NOW * 1000000000 + 123456789, 61, 'b');
		enhanced(&m, 2, NOW * 1024 + 512, 62, 'c');
		/* Between the frames, too. */
		iface(&m, COOKED, 0, "eth0", 0x80 | 32, 0);
		iface(&m, ETHERNET, 0, "wlan0", 3, -3600);
		iface(&m, ETHERNET, 0, "pico", 9, 1000000000);
		enhanced(&m, 3, (NOW << 32) + (1u << 30), 63, 'd');
		enhanced(&m, 4, NOW * 1000 + 7, 64, 'e');
		enhanced(&m, 5, (NOW - 1000000000) * 1000000000 + 1, 65, 'f');
		s = open_good(&m, NULL);
		assert_int_equal(read_frames(s, f, 16, &r), 6);
		assert_int_equal(r, SOURCE_END);
		for (unsigned i = 0; i < 6; i++) {
			if (f[i].p.time != want[i])
				fail_msg("frame %u: %llu", i, (unsigned long long)f[i].p.time);
			assert_int_equal(f[i].p.number, i + 1);
			assert_int_equal(f[i].p.caplen, 60 + i);
			assert_int_equal(f[i].p.len, 67 + i);
			assert_int_equal(f[i].first, 'a' + i);
			assert_int_equal(f[i].p.linktype, types[i]);
			assert_int_equal(f[i].p.iface, i);
			assert_int_equal(source_iface_linktype(s, i), types[i]);
			if (names[i])
				assert_string_equal(source_iface(s, i), names[i]);
			else
				assert_null(source_iface(s, i));
		}
		assert_int_equal(source_linktype(s), ETHERNET);
		assert_int_equal(source_iface_linktype(s, 6), -1);
		source_close(s);
		free(m.p);
	}
}

/* The finest units that there can be, and times that no clock shows. */
static void test_times(void **state)
{
	struct image m = {0};
	struct counters c = {0};
	enum source_state r;
	struct seen f[16];
	struct source *s;

	(void)state;
	section(&m, false, NULL);
	iface(&m, ETHERNET, 0, NULL, 12, 0);
	iface(&m, ETHERNET, 0, NULL, 19, 0);
	iface(&m, ETHERNET, 0, NULL, 0x80 | 63, 0);
	iface(&m, ETHERNET, 0, NULL, 6, INT64_MIN);
	iface(&m, ETHERNET, 0, NULL, 0, 0);
	iface(&m, ETHERNET, 0, NULL, 0, -5);
	enhanced(&m, 0, 1234567890123456u, 1, 0);
	enhanced(&m, 1, 12345678901234567890u, 1, 0);
	enhanced(&m, 2, UINT64_MAX, 1, 0);
	enhanced(&m, 3, NOW * 1000000, 1, 0);
	enhanced(&m, 4, UINT64_MAX, 1, 0);
	enhanced(&m, 5, 4, 1, 0);
	enhanced(&m, 5, 6, 1, 0);
	iface(&m, ETHERNET, 0, NULL, 9, 0);
	enhanced(&m, 6, (uint64_t)INT64_MAX, 1, 0);
	enhanced(&m, 6, (uint64_t)INT64_MAX + 1, 1, 0);
	s = open_good(&m, NULL);
	assert_int_equal(read_frames(s, f, 16, &r), 9);
	assert_true(f[7].p.time == INT64_MAX && f[8].p.time == INT64_MAX);
	assert_true(f[0].p.time == 1234567890123u);
	assert_true(f[1].p.time == 1234567890u);
	assert_true(f[2].p.time == 1999999999u);
	assert_true(f[3].p.time == 0);
	assert_true(f[4].p.time == INT64_MAX);
	assert_true(f[5].p.time == 0);
	assert_true(f[6].p.time == 1000000000);
	source_counters(s, &c);
	assert_int_equal(c.n, 1);
	assert_string_equal(c.c[0].name, "frame time that no clock shows");
	assert_int_equal(c.c[0].n, 4);
	source_close(s);
	m.n = 28;
	iface(&m, ETHERNET, 0, NULL, 20, 0);
	expect_refused(&m, NULL,
		"damaged in frame 1: the times of interface 0 are in units of 10^-20 s; 0 whole "
		"frames were read");
	m.n = 28;
	iface(&m, ETHERNET, 0, NULL, 0x80 | 64, 0);
	expect_refused(&m, NULL,
		"damaged in frame 1: the times of interface 0 are in units of 2^-64 s; 0 whole "
		"frames were read");
	free(m.p);
}

/* Numbers begin anew in each section; an interface of the same name and kind is the same one. */
static void test_sections(void **state)
{
	struct image m = {0};
	enum source_state r;
	struct seen f[16];
	struct source *s;

	(void)state;
	section(&m, true, NULL);
	iface(&m, ETHERNET, 96, "eth0", 9, 0);
	enhanced(&m, 0, NOW * 1000000000, 60, 'a');
	section(&m, false, NULL);
	iface(&m, ETHERNET, 0, "eth1", -1, 0);
	iface(&m, ETHERNET, 0, "eth0", -1, 0);
	enhanced(&m, 1, NOW * 1000000, 61, 'b');
	enhanced(&m, 0, NOW * 1000000, 62, 'c');
	section(&m, true, NULL);
	section(&m, false, NULL);
	iface(&m, COOKED, 0, "eth0", -1, 0);
	enhanced(&m, 0, NOW * 1000000, 63, 'd');
	s = open_good(&m, NULL);
	assert_int_equal(read_frames(s, f, 16, &r), 4);
	assert_int_equal(r, SOURCE_END);
	for (unsigned i = 0; i < 4; i++) {
		static const int want[] = {0, 0, 1, 2};

		assert_int_equal(f[i].p.iface, want[i]);
		assert_int_equal(f[i].p.caplen, 60 + i);
		assert_true(f[i].p.time == NOW * 1000000000);
	}
	source_close(s);
	/* An interface of the section before is none of this one. */
	section(&m, false, NULL);
	enhanced(&m, 0, NOW, 60, 'e');
	s = open_good(&m, NULL);
	assert_int_equal(read_frames(s, f, 16, &r), 4);
	assert_int_equal(r, SOURCE_ERROR);
	assert_non_null(strstr(source_error(s),
		": damaged in frame 5: interface 0 of 0; 4 whole frames were read"));
	source_close(s);
	free(m.p);
}

/* Packet blocks of all kinds among blocks that are passed over, however long these are. */
static void test_blocks(void **state)
{
	static const uint32_t passed[] = {4, 10, 0xbad, 0x40000bad, 7, 0x80000001};
	struct image m = {0};
	struct counters c = {0};
	enum source_state r;
	struct seen f[32];
	struct source *s;
	size_t at;

	(void)state;
	for (int swapped = 0; swapped < 2; swapped++) {
		m.n = 0;
		section(&m, swapped, NULL);
		iface(&m, ETHERNET, 100, NULL, -1, 0);
		for (unsigned i = 0; i < 6; i++) {
			other(&m, passed[i], i % 2 ? 0 : 399996);
			enhanced(&m, 0, NOW * 1000000 + i, 60, 'a');
		}
		end(&m, packet(&m, 2, 0xffff0000, NOW * 1000000 + 6, 61, 'b'));
		/* A simple one has no time and no captured length: 100 of its 150 bytes. */
		at = begin(&m, 3);
		put32(&m, 150);
		for (int i = 0; i < 25; i++)
			put(&m, "cccc", 4);
		end(&m, at);
		at = begin(&m, 3);
		put32(&m, 3);
		put(&m, "ddd", 3);
		end(&m, at);
		s = open_good(&m, NULL);
		assert_int_equal(read_frames(s, f, 32, &r), 9);
		assert_int_equal(r, SOURCE_END);
		for (unsigned i = 0; i < 9; i++)
			assert_true(f[i].p.time == NOW * 1000000000 + (i < 6 ? i : 6) * 1000);
		assert_int_equal(f[6].first, 'b');
		assert_int_equal(f[6].p.caplen, 61);
		assert_int_equal(f[7].first, 'c');
		assert_int_equal(f[7].p.caplen, 100);
		assert_int_equal(f[7].p.len, 150);
		assert_int_equal(f[8].p.caplen, 3);
		assert_int_equal(f[8].p.len, 3);
		c.n = 0;
		source_counters(s, &c);
		assert_int_equal(c.n, 1);
		assert_string_equal(c.c[0].name, "frame without a time of its own");
		assert_int_equal(c.c[0].n, 2);
		source_close(s);
	}
	free(m.p);
}

/* Comments, and what was dropped; the same packets are counted once. */
static void test_told(void **state)
{
	struct image m = {0};
	struct capture_stats st;
	struct counters c = {0};
	enum source_state r;
	struct seen f[32];
	struct source *s;
	char text[400];
	size_t at;

	(void)state;
	memset(text, 'x', sizeof(text));
	section(&m, true, "of the capture");
	iface(&m, ETHERNET, 100, "eth0", -1, 0);
	iface(&m, ETHERNET, 100, "eth1", -1, 0);
	at = packet(&m, 6, 0, NOW * 1000000, 61, 'a');
	option(&m, 1, "of a frame", 10);
	option64(&m, NG_EPB_DROPCOUNT, 3);
	option(&m, 1, text, sizeof(text));
	option(&m, 0, "", 0);
	end(&m, at);
	at = packet(&m, 6, 0, NOW * 1000000, 60, 'a');
	option64(&m, NG_EPB_DROPCOUNT, 4); /* and no end of options */
	end(&m, at);
	end(&m, packet(&m, 2, 1 | 9 << 16, NOW * 1000000, 60, 'b'));
	for (int i = 0; i < 10; i++) {
		at = packet(&m, 6, 1, NOW * 1000000, 60, 'b');
		option(&m, 1, "again", 5);
		end(&m, at);
	}
	/* Twice, as a ring of files has it: they count from the beginning. */
	for (uint32_t i = 1; i < 3; i++) {
		at = begin(&m, 5);
		put32(&m, 0);
		put32(&m, 0);
		put32(&m, 0);
		option(&m, 1, "of dumpcap, always the same", 27);
		option64(&m, 4, 1000);
		option64(&m, NG_ISB_IFDROP, i * 10);
		option64(&m, NG_ISB_OSDROP, i * 3);
		option(&m, 0, "", 0);
		end(&m, at);
	}
	at = begin(&m, 5);
	put32(&m, 1);
	put32(&m, 0);
	put32(&m, 0);
	option64(&m, NG_ISB_IFDROP, UINT64_MAX);
	option64(&m, NG_ISB_OSDROP, 2);
	put16(&m, 1);
	put16(&m, 9); /* an option that is longer than its block */
	end(&m, at);
	s = open_good(&m, NULL);
	assert_int_equal(read_frames(s, f, 32, &r), 13);
	assert_int_equal(r, SOURCE_END);
	memset(&st, 0, sizeof(st));
	source_stats(s, &st);
	/* 26 of eth0 by its statistics, 7 of them told by its packets; 9 of eth1 by its packet. */
	assert_int_equal(st.interface_dropped, 20);
	assert_int_equal(st.kernel_dropped, 6 + 9);
	assert_int_equal(source_dropped(s), 35);
	assert_int_equal(st.comments, 13);
	assert_string_equal(st.comment[0].text, "of the capture");
	assert_true(st.comment[0].time == 0);
	assert_string_equal(st.comment[1].text, "of a frame");
	assert_true(st.comment[1].time == NOW * 1000000000);
	assert_int_equal(strlen(st.comment[2].text), sizeof(st.comment[2].text) - 1);
	assert_string_equal(st.comment[COMMENTS_SHOWN - 1].text, "again");
	source_counters(s, &c);
	assert_int_equal(c.n, 0);
	source_close(s);
	free(m.p);
}

/* IPv4 with a protocol, behind Ethernet or "cooked". */
static void ip_frame(struct image *m, uint32_t id, uint16_t linktype, uint8_t proto)
{
	static const uint8_t ethernet[14] = {[12] = 8}, cooked[16] = {[14] = 8};
	const uint8_t ip[20] = {0x45, 0, 0, 20, 0, 0, 0, 0, 64, proto};
	uint32_t n = (linktype == ETHERNET ? 14 : 16) + 20;
	size_t at = begin(m, 6);

	put32(m, id);
	put32(m, 0);
	put32(m, 0);
	put32(m, n);
	put32(m, n);
	put(m, linktype == ETHERNET ? ethernet : cooked, n - 20);
	put(m, ip, 20);
	end(m, at);
}

static unsigned count_frames(const struct image *m, const char *filter, uint64_t *unfit)
{
	struct source_options o = {.filter = filter};
	struct source *s = open_good(m, &o);
	struct counters c = {0};
	struct packet out[64];
	struct chunk *chunk;
	unsigned n, got = 0;

	while (source_read(s, out, 64, &n, &chunk) == SOURCE_MORE)
		got += n;
	source_counters(s, &c);
	*unfit = 0;
	for (uint32_t i = 0; i < c.n; i++)
		if (strstr(c.c[i].name, "that the filter does not fit"))
			*unfit = c.c[i].n;
	source_close(s);
	return got;
}

/* A filter is compiled for each link type; what cannot be said of one lets none of its frames pass.
 */
static void test_filter(void **state)
{
	struct source_options o = {.filter = "wlan type mgt"};
	struct image m = {0};
	uint64_t unfit;

	(void)state;
	section(&m, false, NULL);
	iface(&m, ETHERNET, 0, "eth0", -1, 0);
	iface(&m, COOKED, 0, "any", -1, 0);
	for (unsigned i = 0; i < 6; i++)
		ip_frame(&m, i % 2, i % 2 ? COOKED : ETHERNET, i < 4 ? 6 : 17);
	assert_int_equal(count_frames(&m, "ip proto 6", &unfit), 4);
	assert_int_equal(unfit, 0);
	assert_int_equal(count_frames(&m, "ip proto 17", &unfit), 2);
	assert_int_equal(count_frames(&m, "ether dst 0:0:0:0:0:0", &unfit), 3);
	assert_int_equal(unfit, 3);
	expect_refused(&m, &o, "802.11 link-layer types supported only on 802.11");
	iface(&m, 105, 0, "mon0", -1, 0);
	expect_refused(&m, &o, "802.11 link-layer types supported only on 802.11");
	/* One that is told before the frames. */
	m.n = 0;
	section(&m, false, NULL);
	iface(&m, ETHERNET, 0, "eth0", -1, 0);
	iface(&m, 105, 0, "mon0", -1, 0);
	ip_frame(&m, 0, ETHERNET, 6);
	enhanced(&m, 1, 0, 60, 0x80);
	assert_int_equal(count_frames(&m, "wlan type mgt", &unfit), 1);
	assert_int_equal(unfit, 1);
	o.filter = "no such thing";
	expect_refused(&m, &o, "can't parse filter expression: syntax error");
	free(m.p);
}

/* Lengths are looked at before they are believed (CVE-2019-15161 to 15165 and the like). */
static void test_wrong(void **state)
{
	static const struct {
		uint32_t type;
		uint32_t at; /* the word of the block that is changed */
		uint32_t to;
		const char *error;
	} cases[] = {
		{6, 1, 0, "a block of 0 bytes cannot be"},
		{6, 1, 11, "a block of 11 bytes cannot be"},
		{6, 1, 28, "a block of 28 bytes cannot be"},
		{6, 1, UINT32_MAX, "a block of 4294967295 bytes cannot be"},
		{6, 1, 0xfffffff0, "a block of 4294967280 bytes cannot be"},
		{6, 1, 88, "a block of 88 bytes cannot hold 60 of a frame"},
		{6, 2, 1, "interface 1 of 1"},
		{6, 2, UINT32_MAX, "interface 4294967295 of 1"},
		{6, 5, 61, "a block of 92 bytes cannot hold 61 of a frame"},
		{6, 5, 262145, "a captured length of 262145 bytes cannot be (at most 262144)"},
		{6, 5, UINT32_MAX,
			"a captured length of 4294967295 bytes cannot be (at most 262144)"},
		{6, 22, 96, "a block has two lengths, 92 and 96"},
		{2, 1, 31, "a block of 31 bytes cannot be"},
		{2, 2, 7, "interface 7 of 1"},
		{3, 1, 12, "a block of 12 bytes cannot be"},
		{3, 2, 262145, "a captured length of 262145 bytes cannot be (at most 262144)"},
		{3, 2, 200, "a block of 92 bytes cannot hold 200 of a frame"},
		{5, 1, 20, "a block of 20 bytes cannot be"},
		{5, 2, 1, "statistics of interface 1 of 1"},
		{1, 1, 16, "a block of 16 bytes cannot be"},
		{1, 1, 0x01000010, "a block of 16777232 bytes cannot be"},
		{0x0a0d0d0a, 1, 24, "a block of 24 bytes cannot be"},
		{0x0a0d0d0a, 2, 0x1a2b3c4e, "the byte order of a section is not known"},
		{0x0a0d0d0a, 3, 2, "version 2.0 of pcapng is not known"},
		{0x0a0d0d0a, 3, 1 | 1 << 16, "version 1.1 of pcapng is not known"},
		{77, 1, 11, "a block of 11 bytes cannot be"},
		{77, 22, 8, "a block has two lengths, 92 and 8"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint32_t magic = 0x1a2b3c4d, version = 1;
		struct image m = {0};
		enum source_state r;
		struct seen f[4];
		struct source *s;
		char want[200];
		size_t at;

		section(&m, false, NULL);
		iface(&m, ETHERNET, 0, NULL, -1, 0);
		enhanced(&m, 0, NOW, 60, 'a');
		at = packet(&m, cases[i].type, 0, NOW, 60, 0);
		end(&m, at);
		if (cases[i].type == 0x0a0d0d0a) {
			memcpy(m.p + at + 8, &magic, 4);
			memcpy(m.p + at + 12, &version, 4);
		}
		memcpy(m.p + at + cases[i].at * 4, &cases[i].to, 4);
		enhanced(&m, 0, NOW, 60, 'a');
		s = open_good(&m, NULL);
		assert_int_equal(read_frames(s, f, 4, &r), 1);
		assert_int_equal(r, SOURCE_ERROR);
		snprintf(want, sizeof(want), ": damaged in frame 2: %s; 1 whole frames were read",
			cases[i].error);
		if (!strstr(source_error(s), want))
			fail_msg("%zu: \"%s\" does not say \"%s\"", i, source_error(s), want);
		assert_int_equal(read_frames(s, f, 4, &r), 0);
		assert_int_equal(r, SOURCE_ERROR);
		source_close(s);
		free(m.p);
	}
}

/* 70,000 interfaces: 4,096 are told apart, more than 65,536 in a section are no capture. */
static void test_many(void **state)
{
	struct image m = {0};
	enum source_state r;
	struct seen f[4];
	struct source *s;
	char name[32], err[512];

	(void)state;
	section(&m, false, NULL);
	for (unsigned i = 0; i < 65536; i++) {
		snprintf(name, sizeof(name), "eth%u", i);
		iface(&m, ETHERNET, 0, name, -1, 0);
	}
	enhanced(&m, 4094, NOW, 60, 'a');
	enhanced(&m, 4095, NOW, 60, 'b');
	enhanced(&m, 65535, NOW, 60, 'c');
	s = open_good(&m, NULL);
	assert_int_equal(read_frames(s, f, 4, &r), 3);
	assert_int_equal(r, SOURCE_END);
	assert_int_equal(f[0].p.iface, 4094);
	assert_string_equal(source_iface(s, 4094), "eth4094");
	assert_int_equal(f[1].p.iface, 4095);
	assert_int_equal(f[2].p.iface, 4095);
	assert_null(source_iface(s, 4095));
	source_close(s);
	iface(&m, ETHERNET, 0, "one more", -1, 0);
	s = open_image(&m, NULL, err, sizeof(err));
	assert_non_null(s);
	assert_int_equal(read_frames(s, f, 4, &r), 3);
	assert_non_null(strstr(source_error(s), ": more than 65536 interfaces; "));
	source_close(s);
	free(m.p);
}

/* As some writers do: lengths without the padding. */
static void test_unpadded(void **state)
{
	struct image m = {0};
	const uint32_t length = 32 + 61;
	enum source_state r;
	struct seen f[4];
	struct source *s;
	size_t at;

	(void)state;
	section(&m, false, NULL);
	iface(&m, ETHERNET, 0, NULL, -1, 0);
	at = packet(&m, 6, 0, NOW, 61, 'a');
	end(&m, at);
	memcpy(m.p + at + 4, &length, 4);
	memcpy(m.p + m.n - 4, &length, 4);
	enhanced(&m, 0, NOW, 60, 'b');
	s = open_good(&m, NULL);
	assert_int_equal(read_frames(s, f, 4, &r), 2);
	assert_int_equal(r, SOURCE_END);
	assert_int_equal(f[0].p.caplen, 61);
	assert_int_equal(f[1].first, 'b');
	source_close(s);
	free(m.p);
}

/* -s, and a frame that claims to be shorter on the wire. */
static void test_lengths(void **state)
{
	struct source_options o = {.snaplen = 12};
	const uint32_t wire = 3;
	struct image m = {0};
	struct counters c = {0};
	enum source_state r;
	struct seen f[4];
	struct source *s;
	size_t at;

	(void)state;
	section(&m, false, NULL);
	iface(&m, ETHERNET, 0, NULL, -1, 0);
	enhanced(&m, 0, NOW, 60, 'a');
	at = packet(&m, 6, 0, NOW, 61, 'a');
	end(&m, at);
	memcpy(m.p + at + 24, &wire, 4);
	s = open_good(&m, &o);
	assert_int_equal(source_snaplen(s), 12);
	assert_int_equal(read_frames(s, f, 4, &r), 2);
	assert_int_equal(f[0].p.caplen, 12);
	assert_int_equal(f[0].p.len, 67);
	assert_int_equal(f[1].p.len, 61);
	source_counters(s, &c);
	assert_int_equal(c.n, 1);
	assert_string_equal(c.c[0].name, "frame captured longer than on the wire");
	source_close(s);
	free(m.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interfaces),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_sections),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_unpadded),
		cmocka_unit_test(test_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
