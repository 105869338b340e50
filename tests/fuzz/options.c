/*
 * options.c - the input is a command line, its words parted by LF, bytes of 0x80 and above the name
 * of an option or a value; behind a NUL byte what a file holds that 0x01 names in a word: -F's
 * filter, -V's list.
 *
 * A line that is not taken has a reason of one line without control bytes but those that were in
 * it; one that is taken keeps what it says: no output twice, limits within their bounds.
 */
#include "fuzz.h"
#include "base/mem.h"
#include "run/option_table.h"
#include "run/threshold.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WORDS_MAX 64
#define WORD_MAX  512u

static const char *const values[] = {"=", "/", "-", "tcp/8080=http", "udp/53=dns", "tcp/1=none",
	"10s", "100MiB", "64", "0", "18446744073709551616", "html", "json", "report", "flow,http",
	"nano", "in", "inout", "any", "slow=1s", "share=5%", "large=1M", "tcp port 80", "1.5", "-1",
	"help"};

static void add(char *word, const char *p, size_t n)
{
	size_t have = strlen(word);

	if (have + n < WORD_MAX) {
		memcpy(word + have, p, n);
		word[have + n] = '\0';
	}
}

static void add_byte(char *word, uint8_t b, const char *path)
{
	const unsigned nvalues = sizeof(values) / sizeof(values[0]);
	const struct option_entry *e;
	char called[OPTION_CALLED];

	if (b == 1) {
		add(word, path, strlen(path));
	} else if (b < 0x80) {
		add(word, (const char *)&b, 1);
	} else if ((unsigned)b - 0x80 < nvalues) {
		add(word, values[b - 0x80], strlen(values[b - 0x80]));
	} else {
		e = &option_table[(b - 0x80 - nvalues) % option_count];
		option_called(e, called);
		add(word, called, strlen(called));
	}
}

static void check_taken(const struct options *o)
{
	fuzz_check(o->noutputs <= OUTPUT_KINDS, "an output is there once");
	for (unsigned i = 0; i < o->noutputs; i++)
		for (unsigned k = 0; k < i; k++)
			fuzz_check(o->outputs[i].kind != o->outputs[k].kind,
				"an output is there once");
	fuzz_check(o->jobs <= OPTIONS_JOBS_MAX || o->jobs == OPTIONS_JOBS_AUTO, "jobs in bounds");
	fuzz_check(!o->filter || strlen(o->filter) <= OPTIONS_FILTER_MAX, "filter in bounds");
	for (unsigned i = 0; i < o->ndecode; i++)
		fuzz_check(o->decode[i].name && *o->decode[i].name, "-d names a protocol");
}

static void one_line(const char *err, const uint8_t *data, size_t size)
{
	fuzz_check(*err, "what is wrong has a message");
	for (const char *c = err; *c; c++)
		fuzz_check((uint8_t)*c >= 0x20 || memchr(data, *c, size), "it is one line");
}

int fuzz_options(const uint8_t *data, size_t size)
{
	static char words[WORDS_MAX][WORD_MAX];
	static bool quiet;
	const uint8_t *file = size ? memchr(data, 0, size) : NULL;
	size_t nline = file ? (size_t)(file - data) : size;
	char *argv[WORDS_MAX + 2] = {(char[]){"tsumari"}}, path[64], err[2048] = "";
	struct options o;
	int argc = 1, fd = memfd_create("options", MFD_CLOEXEC);

	fuzz_init();
	if (!quiet) /* -F - reads the standard input */
		fuzz_check(freopen("/dev/null", "r", stdin) == stdin, "nothing to read");
	quiet = true;
	fuzz_check(fd >= 0, "a file in memory");
	if (file)
		fuzz_check(write(fd, file + 1, size - nline - 1) == (ssize_t)(size - nline - 1),
			"a file in memory is written");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	words[0][0] = '\0';
	for (size_t i = 0; i < nline && argc < WORDS_MAX; i++) {
		if (data[i] != '\n') {
			add_byte(words[argc - 1], data[i], path);
			continue;
		}
		argv[argc] = words[argc - 1];
		words[argc++][0] = '\0';
	}
	argv[argc] = words[argc - 1];
	argv[++argc] = NULL;
	for (int i = 1; i < argc; i++) /* these may have no end */
		if (strstr(argv[i], "/dev") || strstr(argv[i], "tty"))
			argv[i][0] = '\0';
	options_init(&o);
	engine_config_defaults(&o.engine);
	thresholds_defaults(&o.thresholds);
	if (!options_parse(&o, argc, argv, err, sizeof(err)))
		one_line(err, data, size);
	else
		check_taken(&o);
	options_release(&o);
	close(fd);
	return 0;
}
