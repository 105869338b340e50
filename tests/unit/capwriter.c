/*
 * capwriter.c - unit tests of src/capture/capwriter.c: the bytes of the files, rotation by size and
 * by time, names, and what goes wrong.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/clock.h"
#include "capture/capwriter.h"
#include "capture/source.h"

static char dir[64]; /* of this test */

static int set_up(void **state)
{
	(void)state;
	setenv("TZ", "UTC0", 1);
	signal(SIGPIPE, SIG_IGN);
	memcpy(dir, "/tmp/tsumari-capwriter-XXXXXX", sizeof("/tmp/tsumari-capwriter-XXXXXX"));
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static const char *in_dir(const char *name)
{
	static char path[4][128];
	static int next;
	char *p = path[next++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

static uint8_t bytes[400000];

static struct packet frame(uint64_t time, uint32_t caplen)
{
	struct packet p;

	memset(&p, 0, sizeof(p));
	p.time = time;
	p.number = 1;
	p.data = bytes;
	p.caplen = caplen;
	p.len = caplen + 1;
	p.linktype = 1;
	return p;
}

static long size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? -1 : (long)st.st_size;
}

static size_t load(const char *path, uint8_t *to, size_t size)
{
	FILE *f = fopen(path, "rb");
	size_t n;

	assert_non_null(f);
	n = fread(to, 1, size, f);
	fclose(f);
	return n;
}

static struct capwriter *open_good(const struct capwriter_options *o)
{
	char err[512] = "";
	struct capwriter *w = capwriter_open(o, err, sizeof(err));

	if (!w)
		fail_msg("%s", err);
	return w;
}

static void test_bytes(void **state)
{
	/* Version 2.4; time zone and accuracy 0; in this machine's order. */
	const uint32_t want[] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 96, 0x24000001, 7, 123456, 2, 3};
	const uint32_t want_nano[] = {0xa1b23c4d, 2 | 4 << 16, 0, 0, 96, 1, 7, 123456789, 2, 3};
	struct capwriter_options o = {
		.path = in_dir("bytes"), .link_field = 0x24000001, .snaplen = 96};
	struct packet p = frame(7 * SECOND + 123456789, 2);
	uint8_t got[128];
	struct capwriter *w;

	(void)state;
	bytes[0] = 0xab;
	bytes[1] = 0xcd;
	w = open_good(&o);
	assert_true(capwriter_frame(w, &p));
	assert_int_equal(size_of(o.path), 0); /* buffered */
	assert_true(capwriter_finish(w));
	assert_true(capwriter_frames(w) == 1);
	assert_null(capwriter_error(w));
	capwriter_free(w);
	assert_int_equal(load(o.path, got, sizeof(got)), 42);
	assert_memory_equal(got, want, 40);
	assert_memory_equal(got + 40, bytes, 2);

	o.nano = o.unbuffered = true;
	o.link_field = 1;
	w = open_good(&o);
	assert_int_equal(size_of(o.path), 24); /* the header, and nothing of what was there */
	assert_true(capwriter_frame(w, &p));
	assert_int_equal(size_of(o.path), 42);
	assert_true(capwriter_finish(w));
	capwriter_free(w);
	load(o.path, got, sizeof(got));
	assert_memory_equal(got, want_nano, 40);
}

static void test_large(void **state)
{
	struct capwriter_options o = {.path = in_dir("large"), .link_field = 1, .snaplen = 262144};
	static uint8_t got[1000000];
	struct packet p = frame(SECOND, sizeof(bytes)), small = frame(SECOND, 60);
	struct capwriter *w = open_good(&o);

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 13 >> 2);
	assert_true(capwriter_frame(w, &small));
	assert_true(capwriter_frame(w, &p)); /* larger than the buffer */
	assert_true(capwriter_frame(w, &small));
	assert_true(capwriter_finish(w));
	capwriter_free(w);
	assert_int_equal(load(o.path, got, sizeof(got)), 24 + 3 * 16 + 120 + sizeof(bytes));
	assert_memory_equal(got + 24 + 16 + 60 + 16, bytes, sizeof(bytes));
	assert_memory_equal(got + 24 + 16 + 60 + 16 + sizeof(bytes) + 16, bytes, 60);
}

/* -C: a new file once the last is larger, -W: names with zeros, and round again. */
static void test_size(void **state)
{
	struct capwriter_options o = {
		.path = in_dir("size"), .link_field = 1, .snaplen = 96, .size = 300};
	struct packet p = frame(SECOND, 84); /* 100 bytes a record */
	struct capwriter *w = open_good(&o);

	(void)state;
	for (int i = 0; i < 7; i++)
		assert_true(capwriter_frame(w, &p));
	assert_true(capwriter_finish(w));
	capwriter_free(w);
	/* 24 + 3 * 100 is the first size above 300. */
	assert_int_equal(size_of(in_dir("size")), 324);
	assert_int_equal(size_of(in_dir("size1")), 324);
	assert_int_equal(size_of(in_dir("size2")), 124);
	assert_int_equal(size_of(in_dir("size3")), -1);

	o.path = in_dir("ring");
	o.files = 11;
	w = open_good(&o);
	for (int i = 0; i < 11 * 3 + 1; i++)
		assert_true(capwriter_frame(w, &p));
	assert_true(capwriter_finish(w));
	capwriter_free(w);
	assert_int_equal(size_of(in_dir("ring00")), 124); /* begun again */
	assert_int_equal(size_of(in_dir("ring01")), 324);
	assert_int_equal(size_of(in_dir("ring10")), 324);
	assert_int_equal(size_of(in_dir("ring11")), -1);
	assert_int_equal(size_of(in_dir("ring")), -1);
}

/* -G: by capture time, names by strftime(), -W ends it. */
static void test_time(void **state)
{
	struct capwriter_options o = {
		.path = in_dir("t-%H%M%S"), .link_field = 1, .snaplen = 96, .seconds = 10};
	struct packet p = frame(0, 84);
	struct capwriter *w = open_good(&o);
	static const unsigned seconds[] = {3600, 3609, 3610, 3615, 3650};

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		p.time = seconds[i] * SECOND + 999999999;
		assert_true(capwriter_frame(w, &p));
	}
	assert_true(capwriter_finish(w));
	capwriter_free(w);
	assert_int_equal(size_of(in_dir("t-010000")), 224);
	assert_int_equal(size_of(in_dir("t-010010")), 224);
	assert_int_equal(size_of(in_dir("t-010050")), 124);

	o.path = in_dir("w-%S");
	o.files = 2;
	o.now = 3600 * SECOND; /* live: opened at once */
	w = open_good(&o);
	assert_int_equal(size_of(in_dir("w-00")), 0);
	for (size_t i = 0; i < 4; i++) {
		p.time = seconds[i] * SECOND;
		assert_true(capwriter_frame(w, &p));
	}
	p.time = 3620 * SECOND;
	assert_false(capwriter_frame(w, &p));
	assert_null(capwriter_error(w)); /* that was all that was asked for */
	assert_true(capwriter_finish(w));
	assert_true(capwriter_frames(w) == 4);
	capwriter_free(w);
	assert_int_equal(size_of(in_dir("w-00")), 224);
	assert_int_equal(size_of(in_dir("w-10")), 224);
	assert_int_equal(size_of(in_dir("w-20")), -1);
}

/* -C with -G: the number starts anew with the time, and a limit of files only shapes the names. */
static void test_size_and_time(void **state)
{
	struct capwriter_options o = {.path = in_dir("b-%S-"),
		.link_field = 1,
		.snaplen = 96,
		.size = 200,
		.seconds = 10,
		.files = 100};
	struct packet p = frame(0, 84);
	struct capwriter *w = open_good(&o);

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		p.time = (i < 4 ? i : 10 + i) * SECOND;
		assert_true(capwriter_frame(w, &p));
	}
	assert_true(capwriter_finish(w));
	capwriter_free(w);
	assert_int_equal(size_of(in_dir("b-00-00")), 224);
	assert_int_equal(size_of(in_dir("b-00-01")), 224);
	assert_int_equal(size_of(in_dir("b-14-00")), 224);
	assert_int_equal(size_of(in_dir("b-14-01")), -1);
}

static void test_empty(void **state)
{
	struct capwriter_options o = {
		.path = in_dir("empty"), .link_field = 1, .snaplen = 96, .seconds = 5};
	struct capwriter *w = open_good(&o);

	(void)state;
	assert_int_equal(size_of(o.path), -1);
	assert_true(capwriter_finish(w));
	capwriter_free(w);
	assert_int_equal(size_of(o.path), 24);
}

static void test_errors(void **state)
{
	struct inputs in = {0};
	struct capwriter_options o = {.path = "/nonexistent/x", .link_field = 1, .snaplen = 96};
	char err[512], keep[] = "precious", got[16] = "", name[5000];
	struct packet p = frame(SECOND, 84);
	struct capwriter *w;
	FILE *f;

	(void)state;
	assert_null(capwriter_open(&o, err, sizeof(err)));
	assert_string_equal(err, "cannot write /nonexistent/x: No such file or directory");

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	o.path = name;
	assert_null(capwriter_open(&o, err, sizeof(err)));
	assert_string_equal(err, "-w: the file's name is too long or empty");

	/* The file that is read is not destroyed. */
	o.path = in_dir("input");
	f = fopen(o.path, "wb");
	assert_non_null(f);
	fputs(keep, f);
	fclose(f);
	assert_true(inputs_find(&in, &o.path, 1, err, sizeof(err)));
	o.inputs = &in;
	assert_null(capwriter_open(&o, err, sizeof(err)));
	assert_non_null(strstr(err, "/input is the file that is being read"));
	assert_int_equal(load(o.path, (uint8_t *)got, sizeof(got) - 1), strlen(keep));
	assert_string_equal(got, keep);

	o.inputs = NULL;
	inputs_release(&in);
	o.path = "/dev/full";
	w = open_good(&o);
	assert_true(capwriter_frame(w, &p));
	assert_false(capwriter_finish(w));
	assert_string_equal(capwriter_error(w), "cannot write /dev/full: No space left on device");
	assert_false(capwriter_pipe_closed(w));
	assert_false(capwriter_frame(w, &p));
	capwriter_free(w);

	o.path = in_dir("mixed");
	w = open_good(&o);
	assert_true(capwriter_frame(w, &p));
	p.number = 12;
	p.linktype = 113;
	assert_false(capwriter_frame(w, &p));
	assert_string_equal(capwriter_error(w), "frame 12 has link type 113 and the others have 1: "
						"a pcap file holds one link type, "
						"a pcapng file (-w NAME.pcapng) several");
	assert_false(capwriter_finish(w));
	capwriter_free(w);
}

/* The link type of a capture is that of its first interface; of what is written of its first frame.
 */
static void test_first_linktype(void **state)
{
	struct capwriter_options o = {
		.path = in_dir("first"), .link_field = 0x24000001, .snaplen = 96};
	struct packet p = frame(SECOND, 4);
	uint32_t got[12];
	struct capwriter *w = open_good(&o);

	(void)state;
	p.linktype = 276;
	assert_true(capwriter_frame(w, &p));
	assert_true(capwriter_frame(w, &p));
	p.linktype = 1;
	assert_false(capwriter_frame(w, &p));
	assert_false(capwriter_finish(w));
	capwriter_free(w);
	p.linktype = 276;
	w = open_good(&o);
	assert_true(capwriter_frame(w, &p));
	assert_true(capwriter_finish(w));
	capwriter_free(w);
	assert_int_equal(load(o.path, (uint8_t *)got, sizeof(got)), 44);
	assert_int_equal(got[5], 276);
}

static const char *iface_name(void *arg, unsigned i)
{
	static char name[200];

	(void)arg;
	if (i == 7)
		return NULL;
	snprintf(name, sizeof(name), "eth%u", i);
	if (i == 9)
		memset(name, 'x', sizeof(name) - 1);
	return name;
}

/* By its name a file is pcapng: it holds every link type, and each file the interfaces that it
 * needs. */
static void test_pcapng(void **state)
{
	struct capwriter_options o = {.path = in_dir("several.pcapng"),
		.link_field = 1,
		.snaplen = 96,
		.iface = iface_name,
		.size = 200000};
	static const struct {
		uint16_t iface, linktype;
		uint32_t caplen;
	} want[] = {{300, 1, 60}, {7, 113, 61}, {300, 1, 62}, {9, 101, 0}, {7, 276, 63},
		{7, 113, 262000}, {300, 1, 64}};
	static const unsigned files[] = {6, 1}; /* frames */
	struct source_options none = {0};
	struct capwriter *w = open_good(&o);
	unsigned k = 0;

	(void)state;
	for (unsigned i = 0; i < 7; i++) {
		struct packet p = frame(SECOND * 4000000000u + i, want[i].caplen);

		p.iface = want[i].iface;
		p.linktype = want[i].linktype;
		assert_true(capwriter_frame(w, &p));
	}
	assert_true(capwriter_finish(w));
	assert_true(capwriter_frames(w) == 7);
	capwriter_free(w);
	for (unsigned f = 0; f < 2; f++) {
		char err[512], path[160];
		struct packet out[64];
		struct chunk *chunk;
		struct source *s;
		unsigned n, got = 0;

		snprintf(path, sizeof(path), "%s%s", o.path, f ? "1" : "");
		s = source_open_file(path, &none, err, sizeof(err));
		if (!s)
			fail_msg("%s", err);
		while (source_read(s, out, 64, &n, &chunk) == SOURCE_MORE) {
			for (unsigned i = 0; i < n; i++, got++, k++) {
				const char *name = source_iface(s, out[i].iface);

				assert_true(out[i].time == SECOND * 4000000000u + k);
				assert_int_equal(out[i].linktype, want[k].linktype);
				assert_int_equal(out[i].caplen, want[k].caplen);
				assert_int_equal(out[i].len, want[k].caplen + 1);
				if (want[k].iface == 7)
					assert_null(name);
				else if (want[k].iface == 9)
					assert_int_equal(strlen(name), 128);
				else
					assert_string_equal(name, "eth300");
			}
		}
		assert_string_equal(source_error(s), "");
		assert_int_equal(got, files[f]);
		source_close(s);
	}
	assert_true(capwriter_mixes("x.PCAPNG"));
	assert_false(capwriter_mixes(".pcapng"));
	assert_false(capwriter_mixes("x.pcap"));
	assert_false(capwriter_mixes("-"));
}

static void test_pipe(void **state)
{
	struct capwriter_options o = {.link_field = 1, .snaplen = 96, .unbuffered = true};
	struct packet p = frame(SECOND, 84);
	struct capwriter *w;
	char name[64];
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", ends[1]);
	o.path = name;
	w = open_good(&o);
	assert_true(capwriter_frame(w, &p));
	close(ends[0]);
	assert_false(capwriter_frame(w, &p));
	assert_true(capwriter_pipe_closed(w));
	assert_non_null(strstr(capwriter_error(w), ": Broken pipe"));
	capwriter_free(w);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_size_and_time),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_first_linktype),
		cmocka_unit_test(test_pcapng),
		cmocka_unit_test(test_pipe),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
