/*
 * filter.c - the input is a display filter: bytes below 0x80 as they are, others a word of the
 * language or the name of a field, so that few bytes say much.
 *
 * One that is taken is asked of records of all kinds, and gives the answers that logic demands:
 * its negation the opposite, twice the same with `and` the same, with `or` of its negation always
 * true. One that is not has one line that says why.
 */
#include "world.h"
#include "base/mem.h"
#include "out/filter.h"
#include "run/pipeline.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RECORDS_MAX 64u
#define TEXT_MAX    2048u

static struct record *records[RECORDS_MAX];
static unsigned nrecords;
static struct schema_env env = {.version = "1"};
static const char *names[128];
static unsigned nnames;

static void keep(void *arg, const struct record *r)
{
	(void)arg;
	if (nrecords == RECORDS_MAX)
		return;
	records[nrecords] = xmalloc(r->size);
	memcpy(records[nrecords++], r, r->size);
}

/* Whole exchanges of all protocols, two of each. */
static const uint8_t world[] = {1, 0, 2, 15, 40, 4, 0, 0, 4, 1, 0, 4, 2, 0, 4, 3, 0, 7, 0x47, 0x11,
	1, 0x12, 15, 40, 0x14, 0, 0, 0x14, 1, 0, 0x14, 2, 0, 0x14, 3, 0, 0x14, 4, 0, 0x21, 2, 0x22,
	15, 40, 0x24, 0, 0, 0x24, 1, 0, 0x24, 2, 0, 0x24, 3, 0, 0x24, 4, 0, 0x24, 5, 0, 0x31, 3,
	0x3e, 0, 0x3e, 1, 0x3e, 2, 0x32, 15, 40, 0x34, 0, 0, 0x34, 1, 0, 1, 12, 2, 15, 40, 4, 0, 0,
	4, 1, 0, 4, 2, 0, 4, 3, 0, 4, 4, 0, 0x11, 13, 0x12, 15, 40, 0x14, 0, 0, 0x14, 1, 0, 0x14, 2,
	0, 0x21, 14, 0x2e, 0, 0x2e, 1, 15, 0, 15, 1, 15, 33, 15, 3};

static void make_records(void)
{
	static const struct source_options none;
	struct fuzz_input in = {.p = world, .end = world + sizeof(world)};
	struct sink sink = {.record = keep};
	struct engine_config config;
	struct pipeline p = {.config = &config, .analyse = true, .sinks = &sink, .nsinks = 1};
	char path[64], err[256] = "";
	int fd = memfd_create("capture", MFD_CLOEXEC);
	size_t n;
	uint8_t *capture = fuzz_world_capture(&in, &n);

	fuzz_check(fd >= 0 && write(fd, capture, n) == (ssize_t)n, "a file in memory");
	free(capture);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	p.source = source_open_file(path, &none, err, sizeof(err));
	fuzz_check(p.source, err);
	engine_config_defaults(&config);
	fuzz_check(pipeline_run(&p) == 0 && nrecords > 20, "there are records");
	source_close(p.source);
	close(fd);
}

/* Names of fields, spread over all of them. */
static void make_names(void)
{
	char err[256] = "";

	for (unsigned i = 0; i < registry_count(); i++) {
		const struct dissector *d = registry_get(i);
		struct schema *s = schema_has_records(d) ? schema_new(d, err, sizeof(err)) : NULL;

		for (unsigned k = i % 7; s && k < s->n; k += 7)
			if (nnames < 80)
				names[nnames++] = xstrdup(s->columns[k].field->name);
		if (s)
			schema_free(s);
	}
}

static const char *word(uint8_t b)
{
	static const char *const words[] = {" and ", " or ", " not ", "(", ")",
		" == ", " != ", " < ", " <= ", " > ", " >= ", " contains ", " ~ ", " matches ",
		" in {", "}", ", ", "\"", "200ms", "1k", "5 MiB", "10.0.0.0/8", "192.0.2.1",
		"2001:db8::/32", "true", "2020-09-13T12:26:40Z", "tcp.port", "ip.addr",
		"frame.time_delta", "&&", "||", "!", "\"OK\"", "client.ip", "server.port", "status",
		"event.duration", "type", "http.response.status_code", "url.path",
		"18446744073709551615", "-1", "1e9", "0x10", "02-00-00-00-00-01"};
	unsigned n = sizeof(words) / sizeof(words[0]), i = b & 0x7f;

	return i < n ? words[i] : names[(i - n) % nnames];
}

static void one_line(const char *err)
{
	fuzz_check(*err, "what is wrong has a message");
	fuzz_check(!strchr(err, '\n'), "it is one line");
}

static bool answers(const char *format, const char *text, bool *answer)
{
	static char long_text[2 * TEXT_MAX + 64];
	char err[1024] = "";
	struct filter *f;

	snprintf(long_text, sizeof(long_text), format, text, text);
	f = filter_new(long_text, &env, err, sizeof(err));
	if (!f) {
		one_line(err);
		return false;
	}
	for (unsigned i = 0; i < nrecords; i++)
		answer[i] = filter_match(f, records[i]);
	filter_free(f);
	return true;
}

int fuzz_filter(const uint8_t *data, size_t size)
{
	bool is[RECORDS_MAX], not_[RECORDS_MAX], twice[RECORDS_MAX], always[RECORDS_MAX];
	bool has_not, has_twice, has_always;
	char text[TEXT_MAX];
	size_t n = 0;

	fuzz_init();
	if (!nrecords) {
		make_names();
		make_records();
	}
	for (size_t i = 0; i < size; i++) {
		const char one[2] = {(char)(data[i] == '\n' ? ' ' : data[i]), '\0'};
		const char *w = data[i] & 0x80 ? word(data[i]) : one;

		if (n + strlen(w) + 1 > sizeof(text))
			break;
		memcpy(text + n, w, strlen(w));
		n += strlen(w);
	}
	text[n] = '\0';
	if (!answers("%s", text, is))
		return 0;
	has_not = answers("not (%s)", text, not_);
	has_twice = answers("(%s) and (%s)", text, twice);
	has_always = answers("(%s) or not (%s)", text, always);
	for (unsigned i = 0; i < nrecords; i++) {
		fuzz_check(!has_not || not_[i] != is[i], "not is the opposite");
		fuzz_check(!has_twice || twice[i] == is[i], "twice is the same");
		fuzz_check(!has_always || always[i], "or not is always");
	}
	return 0;
}
