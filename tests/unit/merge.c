/*
 * merge.c - unit tests of several capture files as one (src/capture/source_merge.c, inputs.c): the
 * order of time, files that overlap and that do not, faults of one of them, and which operands are
 * files.
 */
#include "image.h"
#include "base/clock.h"
#include "capture/inputs.h"
#include "capture/source.h"
#include <sys/stat.h>

#define NOW  1700000000u
#define MOST 4096u

static char dir[64]; /* of this test */

static int set_up(void **state)
{
	(void)state;
	memcpy(dir, "/tmp/tsumari-merge-XXXXXX", sizeof("/tmp/tsumari-merge-XXXXXX"));
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static const char *save(const char *name, const struct image *m)
{
	static char path[300][128];
	static unsigned next;
	char *p = path[next++ % 300];
	FILE *f;

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	f = fopen(p, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(m->p, 1, m->n, f), m->n);
	fclose(f);
	return p;
}

/* A pcap file of `frames` frames, `step` us from one to the next; each byte of a frame is `mark`.
 */
static void image(struct image *m, bool swapped, uint16_t link, uint64_t start_us, uint64_t step,
	unsigned frames, uint8_t mark)
{
	memset(m, 0, sizeof(*m));
	m->swapped = swapped;
	put_head(m, 0xa1b2c3d4, 262144, link);
	for (unsigned i = 0; i < frames; i++) {
		uint64_t us = start_us + i * step;
		uint8_t bytes[40];

		memset(bytes, mark, sizeof(bytes));
		put_record(m, (uint32_t)(NOW + us / 1000000), (uint32_t)(us % 1000000), 40, 50);
		put(m, bytes, sizeof(bytes));
	}
}

static const char *make(
	const char *name, uint64_t start_us, uint64_t step, unsigned frames, uint8_t mark)
{
	struct image m;
	const char *path;

	image(&m, mark & 1, 1, start_us, step, frames, mark);
	path = save(name, &m);
	free(m.p);
	return path;
}

struct merged {
	unsigned n;
	uint64_t time[MOST];
	uint8_t mark[MOST];
	uint16_t iface[MOST], link[MOST];
	enum source_state state;
};

static void read_merged(struct source *s, struct merged *r)
{
	struct packet out[64];
	struct chunk *chunk;
	unsigned n;

	memset(r, 0, sizeof(*r));
	do {
		r->state = source_read(s, out, 64, &n, &chunk);
		for (unsigned i = 0; i < n; i++, r->n++) {
			assert_true(r->n < MOST);
			assert_int_equal(out[i].number, r->n + 1);
			r->time[r->n] = out[i].time;
			r->mark[r->n] = out[i].data[0];
			r->iface[r->n] = out[i].iface;
			r->link[r->n] = out[i].linktype;
			for (uint32_t k = 0; k < out[i].caplen; k++)
				assert_int_equal(out[i].data[k], out[i].data[0]);
			if (r->n)
				assert_true(r->time[r->n - 1] <= r->time[r->n]);
		}
	} while (r->state == SOURCE_MORE);
}

static struct source *open_all(const char *const *paths, unsigned n)
{
	static const struct source_options none;
	char err[512] = "";
	struct source *s = source_open_files(paths, n, &none, err, sizeof(err));

	if (!s)
		fail_msg("%s", err);
	return s;
}

/* Two directions of one tap: by turns, in runs, equal times in the order in which they were given.
 */
static void test_interleaved(void **state)
{
	static struct merged r;
	static const unsigned steps[][2] = {{10, 10}, {10, 1000}, {1000, 10}, {1, 7}, {500, 501}};

	(void)state;
	for (unsigned k = 0; k < 5; k++) {
		const char *paths[] = {
			make("a", 1, steps[k][0], 1000, 2), make("b", 1, steps[k][1], 1000, 5)};
		struct source *s = open_all(paths, 2);
		uint64_t next[2] = {1, 1};

		read_merged(s, &r);
		assert_int_equal(r.state, SOURCE_END);
		assert_int_equal(r.n, 2000);
		for (unsigned i = 0; i < r.n; i++) {
			unsigned from = r.mark[i] == 5;
			uint64_t us = (r.time[i] - NOW * SECOND) / 1000;

			assert_true(us == next[from]);
			next[from] += steps[k][from];
			if (i && r.time[i] == r.time[i - 1])
				assert_true(r.mark[i - 1] == 2 && r.mark[i] == 5);
		}
		source_close(s);
	}
}

/* A rotated set, given in any order, has the order of time, however many files it is. */
static void test_rotated(void **state)
{
	static struct merged r;
	const char *paths[300];
	struct capture_stats st;
	struct source *s;

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		char name[16];
		unsigned place = i * 7 % 300;

		snprintf(name, sizeof(name), "%03u", i);
		paths[i] = make(name, place * 1000, 100, 10, (uint8_t)place);
	}
	s = open_all(paths, 300);
	read_merged(s, &r);
	assert_int_equal(r.state, SOURCE_END);
	assert_int_equal(r.n, 3000);
	for (unsigned i = 0; i < r.n; i++)
		assert_int_equal(r.mark[i], (uint8_t)(i / 10));
	memset(&st, 0, sizeof(st));
	source_stats(s, &st);
	assert_int_equal(st.nfiles, 300);
	for (unsigned i = 0; i < 300; i++) {
		assert_int_equal(st.files[i].frames, 10);
		assert_true(st.files[i].first == NOW * SECOND + i * 1000000);
		assert_true(st.files[i].last == st.files[i].first + 900000);
		assert_null(st.files[i].fault);
	}
	assert_true(source_progress(s) == 1);
	source_close(s);
}

/* Link types, byte orders, formats and compression differ; interfaces keep their names. */
static void test_kinds(void **state)
{
	static struct merged r;
	struct image m, z = {0};
	const char *paths[3];
	unsigned seen[3] = {0};
	struct source *s;

	(void)state;
	image(&m, true, 101, 0, 20, 100, 1);
	paths[0] = save("raw", &m);
	free(m.p);
	image(&m, false, 1, 5, 20, 100, 2);
	put_gzip(&z, m.p, m.n);
	paths[1] = save("ethernet.gz", &z);
	free(m.p);
	free(z.p);
	image(&m, false, 113, 10, 20, 100, 3);
	paths[2] = save("cooked", &m);
	free(m.p);
	s = open_all(paths, 3);
	read_merged(s, &r);
	assert_int_equal(r.state, SOURCE_END);
	assert_int_equal(r.n, 300);
	for (unsigned i = 0; i < r.n; i++) {
		static const uint16_t links[] = {101, 1, 113};

		assert_int_equal(r.mark[i], i % 3 + 1);
		assert_int_equal(r.link[i], links[i % 3]);
		assert_int_equal(source_iface_linktype(s, r.iface[i]), links[i % 3]);
		seen[r.iface[i]]++;
	}
	assert_true(seen[0] == 100 && seen[1] == 100 && seen[2] == 100);
	assert_int_equal(source_linktype(s), 101); /* of the earliest file */
	source_close(s);
}

/* Of a file that is cut short or damaged what is whole counts, and the others are read on. */
static void test_faults(void **state)
{
	static struct merged r;
	struct image m, text = {0}, nothing = {0};
	const char *paths[5];
	struct capture_stats st;
	struct source *s;
	unsigned faults = 0;

	(void)state;
	paths[0] = make("good", 0, 10, 100, 1);
	image(&m, false, 1, 5, 10, 100, 2);
	m.n = 24 + 56 * 40 + 20;
	paths[1] = save("cut", &m);
	free(m.p);
	put(&text, "this is no capture, but a text of some length", 45);
	paths[2] = save("text", &text);
	put(&nothing, "", 0);
	paths[3] = save("empty", &nothing);
	image(&m, false, 1, 0, 0, 0, 0);
	paths[4] = save("without frames", &m);
	free(m.p);
	s = open_all(paths, 5);
	read_merged(s, &r);
	assert_int_equal(r.state, SOURCE_ERROR);
	assert_int_equal(r.n, 140);
	while (source_fault(s, faults))
		faults++;
	assert_int_equal(faults, 3);
	assert_non_null(strstr(source_fault(s, 0), "/cut: cut short in frame 41; 40 whole frames"));
	memset(&st, 0, sizeof(st));
	source_stats(s, &st);
	assert_int_equal(st.nfiles, 5);
	assert_int_equal(st.files[0].frames, 100);
	assert_null(st.files[0].fault);
	assert_int_equal(st.files[1].frames, 40);
	assert_non_null(st.files[1].fault);
	source_close(s);
	free(text.p);
	free(nothing.p);
}

/* What is not there, and a filter that is none, are said before anything is read. */
static void test_refused(void **state)
{
	struct source_options o = {.filter = "no such thing"};
	const char *paths[] = {make("a", 0, 10, 10, 1), "/nonexistent/file"};
	char err[512];

	(void)state;
	assert_null(source_open_files(paths, 2, &o, err, sizeof(err)));
	assert_string_equal(err, "/nonexistent/file: No such file or directory");
	paths[1] = make("b", 0, 10, 10, 2);
	assert_null(source_open_files(paths, 2, &o, err, sizeof(err)));
	assert_non_null(strstr(err, "/a: bad filter: "));
}

/* More files at the same time than may be open: the others are said not to have been read. */
static void test_overlapping(void **state)
{
	static struct merged r;
	const char *paths[SOURCE_FILES_OPEN + 2];
	unsigned faults = 0;
	struct source *s;

	(void)state;
	for (unsigned i = 0; i < SOURCE_FILES_OPEN + 2; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%03u", i);
		paths[i] = make(name, i, 1000, 10, (uint8_t)i);
	}
	s = open_all(paths, SOURCE_FILES_OPEN + 2);
	read_merged(s, &r);
	assert_int_equal(r.state, SOURCE_ERROR);
	assert_int_equal(r.n, SOURCE_FILES_OPEN * 10);
	while (source_fault(s, faults))
		assert_non_null(
			strstr(source_fault(s, faults++), ": not read: more than 128 files"));
	assert_int_equal(faults, 2);
	source_close(s);
}

/* A folder is the captures in it; nothing is taken twice. */
static void test_folder(void **state)
{
	struct inputs in = {0};
	struct image text = {0};
	const char *given[] = {dir};
	char err[512], twice[128];
	struct stat st;

	(void)state;
	assert_false(inputs_find(&in, given, 1, err, sizeof(err)));
	assert_non_null(strstr(err, ": there is no capture file in this folder"));
	inputs_release(&in);
	make("b.pcap", 0, 10, 10, 1);
	make("a.pcap", 0, 10, 10, 1);
	make(".hidden", 0, 10, 10, 1);
	put(&text, "notes about them", 16);
	save("README", &text);
	free(text.p);
	assert_true(inputs_find(&in, given, 1, err, sizeof(err)));
	assert_int_equal(in.n, 2);
	assert_int_equal(in.left_out, 1);
	assert_non_null(strstr(in.list[0].path, "/a.pcap"));
	assert_non_null(strstr(in.list[1].path, "/b.pcap"));
	assert_true(inputs_regular(&in));
	assert_true(inputs_unchanged(&in));
	assert_int_equal(stat(in.list[1].path, &st), 0);
	assert_true(inputs_hold(&in, &st));
	assert_int_equal(truncate(in.list[1].path, 100), 0);
	assert_false(inputs_unchanged(&in));
	snprintf(twice, sizeof(twice), "%s", in.list[0].path);
	given[0] = twice;
	assert_false(inputs_find(&in, given, 1, err, sizeof(err)));
	assert_non_null(strstr(err, "/a.pcap is given twice"));
	inputs_release(&in);
}

/* A word, number or address of a filter is never a file, but by a path that says so. */
static void test_operands(void **state)
{
	static const char *const filters[] = {"tcp", "host", "not", "vlan", "80", "10.0.0.1",
		"2001:db8::1", "02:00:00:00:00:01", "80-90"};
	static const char *const names[] = {"a", "b.pcap", "tcp.pcap", "x y"};
	char here[512];

	(void)state;
	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(chdir(dir), 0);
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		char path[64];

		assert_false(inputs_is_name(filters[i]));
		make(filters[i], 0, 1, 1, 1);
		assert_false(inputs_is_name(filters[i]));
		snprintf(path, sizeof(path), "./%s", filters[i]);
		assert_true(inputs_is_name(path));
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_false(inputs_is_name(names[i]));
		make(names[i], 0, 1, 1, 1);
		assert_true(inputs_is_name(names[i]));
	}
	assert_true(inputs_is_name(dir));
	assert_int_equal(chdir(here), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_interleaved, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rotated, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_kinds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_faults, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_overlapping, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_folder, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_operands, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
