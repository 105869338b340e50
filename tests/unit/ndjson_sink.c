/*
 * ndjson_sink.c - where lines of JSON go: files, pipes that close, disks that are full.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include "made.h"
#include "out/ndjson.h"

static struct ndjson *open_sink(int fd, const char *types, bool lines, struct sink *sink)
{
	struct ndjson_options o = {
		.lines = {.types = types, .env.version = "1"}, .line_buffered = lines};
	char err[200];
	struct ndjson *n = ndjson_new_fd(&o, fd, err, sizeof(err));

	assert_non_null(n);
	*sink = ndjson_sink(n);
	return n;
}

static unsigned count_lines(int fd)
{
	FILE *f = fdopen(dup(fd), "r");
	char *line = NULL;
	size_t room = 0;
	unsigned n = 0;
	ssize_t len;

	assert_non_null(f);
	rewind(f);
	while ((len = getline(&line, &room, f)) > 0) {
		assert_int_equal(line[len - 1], '\n');
		json_object_put(parse(strtok_r(line, "\n", &(char *){NULL})));
		n++;
	}
	free(line);
	fclose(f);
	return n;
}

static int temp_file(void)
{
	char path[] = "/tmp/tsumari-unit-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	return fd;
}

static void lines_reach_the_file(void **state)
{
	static struct made flow, txn;
	int fd = temp_file();
	struct ndjson *n;
	struct sink s;

	(void)state;
	make_flow(&flow);
	make_txn(&txn);
	finish_txn(&txn);
	n = open_sink(fd, NULL, false, &s);
	for (unsigned i = 0; i < 1000; i++)
		s.record(s.arg, i % 2 ? &flow.r : &txn.r);
	assert_true(s.poll(s.arg));
	assert_int_equal(count_lines(fd), 1000);
	s.record(s.arg, &flow.r);
	assert_int_equal(count_lines(fd), 1000);
	assert_true(ndjson_finish(n));
	assert_int_equal(count_lines(fd), 1001);
	assert_null(ndjson_error(n));
	ndjson_free(n);
	close(fd);
}

static void line_buffered_lines_go_at_once(void **state)
{
	static struct made flow;
	int fd = temp_file();
	struct ndjson *n;
	struct sink s;

	(void)state;
	make_flow(&flow);
	n = open_sink(fd, NULL, true, &s);
	for (unsigned i = 1; i < 5; i++) {
		s.record(s.arg, &flow.r);
		assert_int_equal(count_lines(fd), i);
	}
	ndjson_free(n);
	close(fd);
}

static void types_are_chosen(void **state)
{
	static struct made flow, txn;
	struct ndjson_options o = {.lines.types = "flow,nothing"};
	char err[200];
	int fd = temp_file();
	struct ndjson *n;
	struct sink s;

	(void)state;
	make_flow(&flow);
	make_txn(&txn);
	finish_txn(&txn);
	n = open_sink(fd, "unit", false, &s);
	s.record(s.arg, &flow.r);
	s.record(s.arg, &txn.r);
	assert_true(ndjson_finish(n));
	assert_int_equal(count_lines(fd), 1);
	ndjson_free(n);
	n = open_sink(fd, "unit,flow", false, &s);
	s.record(s.arg, &flow.r);
	s.record(s.arg, &txn.r);
	assert_true(ndjson_finish(n));
	assert_int_equal(count_lines(fd), 3);
	ndjson_free(n);
	assert_null(ndjson_new_fd(&o, fd, err, sizeof(err)));
	assert_string_equal(err, "no type of records named 'nothing'; --types help lists them");
	o.lines.types = "flow,";
	assert_null(ndjson_new_fd(&o, fd, err, sizeof(err)));
	o.lines.types = "un";
	assert_null(ndjson_new_fd(&o, fd, err, sizeof(err)));
	close(fd);
}

static void closed_pipe_ends_quietly(void **state)
{
	static struct made flow;
	struct ndjson *n;
	struct sink s;
	int ends[2];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	make_flow(&flow);
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	n = open_sink(ends[1], NULL, false, &s);
	s.record(s.arg, &flow.r);
	assert_false(s.poll(s.arg));
	s.record(s.arg, &flow.r);
	assert_false(s.poll(s.arg));
	assert_true(ndjson_closed(n));
	assert_null(ndjson_error(n));
	assert_true(ndjson_finish(n));
	ndjson_free(n);
	close(ends[1]);
}

/* No room left in the middle of a line: an error, and the file ends with a whole line. */
static void full_disk_is_told_and_leaves_whole_lines(void **state)
{
	static struct made flow;
	struct rlimit old, small;
	int fd = temp_file();
	struct ndjson *n;
	struct sink s;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 10000;
	make_flow(&flow);
	n = open_sink(fd, NULL, false, &s);
	for (unsigned i = 0; i < 50; i++)
		s.record(s.arg, &flow.r);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_false(s.poll(s.arg));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_false(ndjson_finish(n));
	assert_non_null(ndjson_error(n));
	assert_non_null(strstr(ndjson_error(n), strerror(EFBIG)));
	assert_in_range(count_lines(fd), 5, 49);
	ndjson_free(n);
	close(fd);
}

static void unwritable_file_is_one_line(void **state)
{
	struct ndjson_options o = {.file.path = "/nonexistent/dir/file"};
	char err[200] = "";

	(void)state;
	assert_null(ndjson_new(&o, err, sizeof(err)));
	assert_string_equal(err, "cannot write /nonexistent/dir/file: No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_reach_the_file),
		cmocka_unit_test(line_buffered_lines_go_at_once),
		cmocka_unit_test(types_are_chosen),
		cmocka_unit_test(closed_pipe_ends_quietly),
		cmocka_unit_test(full_disk_is_told_and_leaves_whole_lines),
		cmocka_unit_test(unwritable_file_is_one_line),
	};

	return cmocka_run_group_tests(tests, made_setup, NULL);
}
