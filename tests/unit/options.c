/*
 * options.c - unit tests of src/run/options.c and values.c: what each option does, and every line
 * that a wrong one gets.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "run/options.h"
#include "run/values.h"

#define WORDS_MAX 40

struct line {
	struct options o;
	char words[1024];
	char *argv[WORDS_MAX];
	char err[512];
	bool good;
};

/* Words are divided by blanks. */
static void parse(struct line *l, const char *words)
{
	char *at = l->words;
	int argc = 0;

	snprintf(l->words, sizeof(l->words), "tsumari %s", words);
	while (*at) {
		assert_true(argc < WORDS_MAX - 1);
		l->argv[argc++] = at;
		at += strcspn(at, " ");
		if (*at)
			*at++ = '\0';
	}
	l->argv[argc] = NULL;
	l->err[0] = '\0';
	options_init(&l->o);
	l->good = options_parse(&l->o, argc, l->argv, l->err, sizeof(l->err));
}

static void expect_good(struct line *l, const char *words)
{
	parse(l, words);
	if (!l->good)
		fail_msg("\"%s\": %s", words, l->err);
}

static void expect_error(const char *words, const char *error)
{
	struct line l;

	parse(&l, words);
	if (l.good || strcmp(l.err, error) != 0)
		fail_msg(
			"\"%s\" gave \"%s\", not \"%s\"", words, l.good ? "success" : l.err, error);
	assert_null(strchr(l.err, '\n'));
	options_release(&l.o);
}

static void test_nothing(void **state)
{
	struct line l;

	(void)state;
	expect_good(&l, "");
	assert_int_equal(l.o.action, ACTION_RUN);
	assert_int_equal(l.o.noutputs, 0);
	assert_int_equal(l.o.jobs, OPTIONS_JOBS_AUTO);
	assert_int_equal(l.o.nreads, 0);
	assert_null(l.o.filter);
	assert_null(l.o.source.filter);
	assert_int_equal(l.o.nifaces, 0);
	options_release(&l.o);
}

static void test_source(void **state)
{
	struct line l;

	(void)state;
	expect_good(&l, "-i eth0 --interface=lo -s 96 -B 4096 -p -y EN10MB -c 7 --duration 5m "
			"tcp port 80");
	assert_int_equal(l.o.nifaces, 2);
	assert_string_equal(l.o.ifaces[0], "eth0");
	assert_string_equal(l.o.ifaces[1], "lo");
	assert_int_equal(l.o.source.snaplen, 96);
	assert_int_equal(l.o.source.buffer_kib, 4096);
	assert_true(l.o.source.no_promiscuous);
	assert_string_equal(l.o.source.datalink, "EN10MB");
	assert_true(l.o.max_frames == 7);
	assert_true(l.o.duration == UINT64_C(300000000000));
	assert_string_equal(l.o.filter, "tcp port 80");
	assert_ptr_equal(l.o.source.filter, l.o.filter);
	options_release(&l.o);

	/* The expression may stand before options, and is one word or several. */
	expect_good(&l, "udp and port 53 -r a.pcap -- or vlan");
	assert_int_equal(l.o.nreads, 1);
	assert_string_equal(l.o.reads[0], "a.pcap");
	assert_string_equal(l.o.filter, "udp and port 53 or vlan");
	options_release(&l.o);
}

static void test_output(void **state)
{
	struct line l;

	(void)state;
	expect_good(&l, "-r - -w out -C 3 -G 60 -W 10 -U --json-flat --types flow,http "
			"-o records -l -Z daemon");
	assert_string_equal(l.o.reads[0], "-");
	assert_string_equal(l.o.write, "out");
	assert_true(l.o.write_size == 3000000);
	assert_true(l.o.write_seconds == 60);
	assert_int_equal(l.o.write_files, 10);
	assert_true(l.o.unbuffered && l.o.line_buffered);
	assert_int_equal(l.o.noutputs, 1);
	assert_int_equal(l.o.outputs[0].kind, OUTPUT_JSON_FLAT);
	assert_string_equal(l.o.types, "flow,http");
	assert_string_equal(l.o.outputs[0].file, "records");
	assert_string_equal(l.o.user, "daemon");
	options_release(&l.o);
	expect_good(&l, "--report -n");
	assert_int_equal(l.o.outputs[0].kind, OUTPUT_REPORT);
	assert_true(l.o.numeric);
	options_release(&l.o);
	expect_good(&l, "-w - -o records");
	assert_int_equal(l.o.outputs[0].kind, OUTPUT_JSON);
	options_release(&l.o);
	expect_good(&l, "--types flow");
	assert_int_equal(l.o.outputs[0].kind, OUTPUT_JSON);
	options_release(&l.o);
}

/* Of tcpdump: what is counted, what is accepted, and what is said of it. */
static void test_habits(void **state)
{
	struct line l;

	(void)state;
	expect_good(&l, "-r a --print -nn -ttttvvvXXxASe#q --nano -O");
	assert_int_equal(l.o.print.stamp, 4);
	assert_int_equal(l.o.print.verbose, 3);
	assert_int_equal(l.o.print.hex_ascii, 2);
	assert_int_equal(l.o.print.hex, 1);
	assert_true(l.o.print.ascii && l.o.print.absolute && l.o.print.link);
	assert_true(l.o.print.numbered && l.o.print.quiet && l.o.print.nano);
	assert_true(l.o.source.no_optimize && l.o.precision == PRECISION_NANO);
	assert_true(options_packets_only(&l.o));
	assert_string_equal(l.o.notes, "");
	options_release(&l.o);
	expect_good(&l, "-i a -Q in --immediate-mode -I --time-stamp-type host -p -B 9 --json -n");
	assert_int_equal(l.o.source.direction, SOURCE_IN);
	assert_true(l.o.source.immediate && l.o.source.monitor);
	assert_string_equal(l.o.source.stamps, "host");
	assert_false(options_packets_only(&l.o));
	assert_string_equal(l.o.notes, "");
	options_release(&l.o);
	expect_good(&l, "-r a -p -Q out -v -e -K --count");
	assert_string_equal(l.o.notes,
		"-e, -v: how --print shows packets; without it there is no change\n"
		"-p, -Q: of an interface; a file is read as it is\n"
		"-K: a wrong checksum counts only where offload does not explain it\n");
	assert_true(l.o.count && options_packets_only(&l.o));
	options_release(&l.o);
	expect_good(&l, "-i a --count");
	assert_false(options_packets_only(&l.o));
	assert_string_equal(
		l.o.notes, "--count: of a file; an interface's packets are counted at the end\n");
	options_release(&l.o);
}

/* Each with a file of its own. */
static void test_outputs(void **state)
{
	struct line l;

	(void)state;
	expect_good(&l, "-w all --report -o r.txt --json -o r.ndjson --report=html -o r.html");
	assert_int_equal(l.o.noutputs, 3);
	assert_int_equal(l.o.outputs[0].kind, OUTPUT_REPORT);
	assert_string_equal(l.o.outputs[0].file, "r.txt");
	assert_string_equal(options_output(&l.o, OUTPUT_JSON)->file, "r.ndjson");
	assert_string_equal(options_output(&l.o, OUTPUT_REPORT_HTML)->file, "r.html");
	assert_null(options_output(&l.o, OUTPUT_LIVE));
	options_release(&l.o);
	/* The file may stand before the only output, or the first. */
	expect_good(&l, "-o r.txt --report --json --json -n");
	assert_int_equal(l.o.noutputs, 2);
	assert_string_equal(l.o.outputs[0].file, "r.txt");
	assert_null(l.o.outputs[1].file);
	options_release(&l.o);
}

static void test_engine(void **state)
{
	struct line l;

	(void)state;
	expect_good(&l, "-j 0 -d tcp/8080=http -d udp/65535=none --plugin a.so --plugin b.so "
			"--memory 1G --flow-interval 0 --timeout-syn 1 --timeout-tcp 2h "
			"--timeout-closed 3s --timeout-udp 250ms --ignore-vlan --mask-mail");
	assert_int_equal(l.o.jobs, 0);
	assert_int_equal(l.o.ndecode, 2);
	assert_int_equal(l.o.decode[0].transport, 6);
	assert_int_equal(l.o.decode[0].port, 8080);
	assert_string_equal(l.o.decode[0].name, "http");
	assert_int_equal(l.o.decode[1].transport, 17);
	assert_int_equal(l.o.decode[1].port, 65535);
	assert_string_equal(l.o.decode[1].name, "none");
	assert_int_equal(l.o.nplugins, 2);
	assert_string_equal(l.o.plugins[1], "b.so");
	assert_true(l.o.engine.memory == UINT64_C(1) << 30);
	assert_true(l.o.engine.flow_interval == 0);
	assert_true(l.o.engine.timeout_syn == UINT64_C(1000000000));
	assert_true(l.o.engine.timeout_tcp == UINT64_C(7200000000000));
	assert_true(l.o.engine.timeout_closed == UINT64_C(3000000000));
	assert_true(l.o.engine.timeout_udp == UINT64_C(250000000));
	assert_true(l.o.engine.ignore_vlan);
	assert_true(l.o.engine.mask_mail);
	options_release(&l.o);
}

static void test_actions(void **state)
{
	const struct {
		const char *words;
		enum action action;
	} cases[] = {
		{"-h", ACTION_HELP},
		{"--help", ACTION_HELP},
		{"-D --help -r a -i b", ACTION_HELP},
		{"--version", ACTION_VERSION},
		{"-D", ACTION_INTERFACES},
		{"-L -i lo", ACTION_DATALINKS},
		{"--list-protocols", ACTION_PROTOCOLS},
		{"--fields", ACTION_FIELDS},
		{"--list-options", ACTION_OPTIONS},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct line l;

		expect_good(&l, cases[i].words);
		assert_int_equal(l.o.action, cases[i].action);
		options_release(&l.o);
	}
}

static void test_errors(void **state)
{
	static const char *const cases[][2] = {
		{"--nonsense", "--nonsense is not an option; try tsumari --help"},
		{"-a", "-a is not an option; try tsumari --help"},
		{"-pa", "-a is not an option; try tsumari --help"},
		{"--json -pa", "-a is not an option; try tsumari --help"},
		{"-r", "-r needs a value; try tsumari --help"},
		{"--types", "--types needs a value; try tsumari --help"},
		{"--json=1", "--json=1 takes no value; try tsumari --help"},
		{"--numeric=1", "--numeric=1 takes no value; try tsumari --help"},
		{"--time 1s", "--time is not an option; try tsumari --help"},
		{"--pritn", "--pritn is not an option; did you mean --print? tsumari --help lists "
			    "them"},
		{"--jsno=1", "--jsno=1 is not an option; did you mean --json? tsumari --help lists "
			     "them"},
		{"--re", "--re is not an option; did you mean --read? tsumari --help lists them"},
		{"--count=5", "--count=5 takes no value; try tsumari --help"},
		{"-j host", "-j host: -j is the number of threads; the type of time stamps is "
			    "--time-stamp-type host"},
		{"-Q up", "-Q up: the directions are in, out and inout"},
		{"-tttttt", "-t may be given 5 times at most"},
		{"--time-stamp-precision=pico", "--time-stamp-precision pico: it may be micro or "
						"nano"},
		{"-V /nonexistent/list", "-V /nonexistent/list: No such file or directory"},
		{"-V /dev/null", "-V /dev/null: names no file"},
		{"-r a --count --print", "--count and --print both go to the standard output: give "
					 "one of them -o FILE"},
		{"-r a --print --extract x -w b", "--extract writes what it finds: look at that "
						  "with --print"},
		{"-r a --print -Y x", "-Y chooses records: give a filter expression for packets, "
				      "or --extract"},
		{"-w a -w b", "-w may be given once only"},
		{"--read=", "-r needs a name, not an empty one"},
		{"--interface=", "-i needs a name, not an empty one"},
		{"--plugin=", "--plugin needs a name, not an empty one"},
		{"-i lo -i lo", "-i lo: this interface was given before"},
		{"-c 0", "-c 0: a whole number from 1 on is needed"},
		{"-c -1", "-c -1: a whole number from 1 on is needed"},
		{"-c 1x", "-c 1x: a whole number from 1 on is needed"},
		{"-c +1", "-c +1: a whole number from 1 on is needed"},
		{"-c 0x10", "-c 0x10: a whole number from 1 on is needed"},
		{"-c 99999999999999999999", "-c 99999999999999999999: a whole number from 1 on is "
					    "needed"},
		{"-s 262145", "-s 262145: a whole number from 0 to 262144 is needed"},
		{"-B 0", "-B 0: a whole number from 1 to 2097151 is needed"},
		{"-j 65", "-j 65: a whole number from 0 to 64 is needed"},
		{"-w a -C 0", "-C 0: a whole number from 1 to 9223372036854 is needed"},
		{"-w a -C 1 -W 0", "-W 0: a whole number from 1 to 1000000000 is needed"},
		{"-w a -G 0", "-G 0: a whole number from 1 to 2147483647 is needed"},
		{"--duration 0", "--duration 0: a time such as 10s, 5m or 250ms is needed"},
		{"--duration 5y", "--duration 5y: a time such as 10s, 5m or 250ms is needed"},
		{"--timeout-tcp 999999999999999999d", "--timeout-tcp 999999999999999999d: a time "
						      "such as 10s, 5m or 250ms is needed"},
		{"--memory 15M", "--memory 15M: a size such as 512M is needed, at least 16M"},
		{"--memory 1Q", "--memory 1Q: a size such as 512M is needed, at least 16M"},
		{"-d http", "-d http: a port and a protocol such as tcp/8080=http are needed; a "
			    "compiled "
			    "filter is shown by tcpdump -d"},
		{"-d tcp/0=http",
			"-d tcp/0=http: a port and a protocol such as tcp/8080=http are needed"},
		{"-d tcp/65536=http",
			"-d tcp/65536=http: a port and a protocol such as tcp/8080=http are "
			"needed"},
		{"-d tcp/80=",
			"-d tcp/80=: a port and a protocol such as tcp/8080=http are needed"},
		{"-d sctp/80=http",
			"-d sctp/80=http: a port and a protocol such as tcp/8080=http are needed"},
		{"-d tcp/80=http -d tcp/80=none", "-d tcp/80=none: this port was given before"},
		{"--json --report", "--json and --report both go to the standard output: give one "
				    "of them -o FILE"},
		{"--report -o - --live", "--report and --live both go to the standard output: give "
					 "one of them -o FILE"},
		{"--json -o a -o b", "-o b: each output has one file, and -o a was given before"},
		{"-o a --json -o b", "-o b: each output has one file, and -o a was given before"},
		{"-o a -o b", "-o b: each output has one file, and -o a was given before"},
		{"--json -o a --report -o a", "-o a: --json goes to this file"},
		{"--json --output=", "-o needs a name, not an empty one"},
		{"--live -o a", "-o is for what is written, not for --live"},
		{"--live --types flow", "--types is for records: give --json, too"},
		{"--json --keep 8M", "--keep is for the live view"},
		{"-r a -i lo", "-r and -i exclude each other"},
		{"-r a -L", "-L is for interfaces, not with -r"},
		{"-F a tcp", "a filter and -F exclude each other"},
		{"-C 1", "-C needs -w"},
		{"-G 1", "-G needs -w"},
		{"-W 1", "-W needs -w"},
		{"-w a -W 1", "-W needs -C or -G"},
		{"-w - -C 1", "-C and -G need a file, not -w -"},
		{"-w - --print", "-w - and --print both go to the standard output: give one of "
				 "them -o FILE"},
		{"-w - --json", "-w - and --json both go to the standard output: give one of them "
				"-o FILE"},
		{"--har - -w -", "--har - and -w - both go to the standard output"},
		{"--har - --json", "--har - and --json both go to the standard output: give one of "
				   "them -o FILE"},
		{"--har a --json -o a", "--har and -o name the same file"},
		{"-w a -d tcp/1=http",
			"-w alone writes packets only: -d and --plugin need an output such as "
			"--json"},
		{"-w a -j 2", "-w alone writes packets only: -j needs an output such as --json"},
		{"--report --types flow", "--types is for records: give --json, too"},
		{"-F /nonexistent/filter", "-F /nonexistent/filter: No such file or directory"},
		{"-F /", "-F /: Is a directory"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_error(cases[i][0], cases[i][1]);
}

/* A file of n bytes, its name below /tmp. */
static void make_file(char *name, const char *bytes, size_t n)
{
	int fd;

	memcpy(name, "/tmp/tsumari-filter-XXXXXX", sizeof("/tmp/tsumari-filter-XXXXXX"));
	fd = mkstemp(name);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	close(fd);
}

static void test_filter_file(void **state)
{
	static const char text[] = "tcp # the web\nport 80 # not 443\n";
	static const char want[] = "tcp          \nport 80          \n";
	char name[64], words[128], error[160];
	struct line l;
	char *large;

	(void)state;
	make_file(name, text, sizeof(text) - 1);
	snprintf(words, sizeof(words), "-F %s", name);
	expect_good(&l, words);
	assert_string_equal(l.o.filter, want);
	assert_ptr_equal(l.o.source.filter, l.o.filter);
	options_release(&l.o);
	unlink(name);

	make_file(name, text, sizeof(text)); /* with its zero byte */
	snprintf(words, sizeof(words), "-F %s", name);
	snprintf(error, sizeof(error), "-F %s: holds zero bytes, not a filter", name);
	expect_error(words, error);
	unlink(name);

	large = malloc(OPTIONS_FILTER_MAX + 1);
	assert_non_null(large);
	memset(large, ' ', OPTIONS_FILTER_MAX + 1);
	make_file(name, large, OPTIONS_FILTER_MAX);
	snprintf(words, sizeof(words), "-F %s", name);
	expect_good(&l, words);
	assert_int_equal(strlen(l.o.filter), OPTIONS_FILTER_MAX);
	options_release(&l.o);
	unlink(name);
	make_file(name, large, OPTIONS_FILTER_MAX + 1);
	snprintf(words, sizeof(words), "-F %s", name);
	snprintf(error, sizeof(error), "-F %s: is larger than 1 MiB, not a filter", name);
	expect_error(words, error);
	unlink(name);
	free(large);
}

static void test_values(void **state)
{
	uint64_t v = 7;

	(void)state;
	assert_true(value_number("18446744073709551615", 0, UINT64_MAX, &v));
	assert_true(v == UINT64_MAX);
	v = 7;
	assert_false(value_number("18446744073709551616", 0, UINT64_MAX, &v));
	assert_false(value_number("", 0, UINT64_MAX, &v));
	assert_false(value_number(" 1", 0, UINT64_MAX, &v));
	assert_false(value_number("1 ", 0, UINT64_MAX, &v));
	assert_false(value_time("1.5ns", &v));
	assert_false(value_time("1.s", &v));
	assert_false(value_time("1  s", &v));
	assert_false(value_time("18446744074s", &v));
	assert_false(value_time("s", &v));
	assert_false(value_size("1MM", &v));
	assert_false(value_size("16777216T", &v)); /* 2^64 */
	assert_true(v == 7);
	assert_true(value_size("16777215T", &v));
	assert_true(v == UINT64_C(16777215) << 40);
	assert_true(value_time("3ns", &v) && v == 3);
	assert_true(value_time("0.5s", &v) && v == 500000000);
	assert_true(value_time("200 ms", &v) && v == 200000000);
	assert_true(value_time("1.5", &v) && v == 1500000000);
	assert_true(value_time("2.000000001s", &v) && v == UINT64_C(2000000001));
	assert_true(value_time("0.25h", &v) && v == UINT64_C(900000000000));
	assert_true(value_time("90min", &v) && v == UINT64_C(5400000000000));
	assert_true(value_time("3us", &v) && v == 3000);
	assert_true(value_time("1d", &v) && v == UINT64_C(86400000000000));
	assert_true(value_size("2k", &v) && v == 2048);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_source),
		cmocka_unit_test(test_output),
		cmocka_unit_test(test_outputs),
		cmocka_unit_test(test_habits),
		cmocka_unit_test(test_engine),
		cmocka_unit_test(test_actions),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_filter_file),
		cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
