/*
 * file.c - the input is a capture file: pcap or pcapng, compressed or not, read as a file given
 * with -r is, and analysed on one thread.
 */
#include "fuzz.h"
#include "run/pipeline.h"
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define FRAMES 100000u /* a small compressed file may hold a lot of empty ones */

static void take(void *arg, const struct record *r)
{
	fuzz_record(r, arg);
}

static void analyse(struct source *s)
{
	uint64_t last_key = 0;
	struct engine_config config;
	struct sink sink = {.arg = &last_key, .record = take};
	struct pipeline p = {.source = s,
		.config = &config,
		.max_frames = FRAMES,
		.analyse = true,
		.sinks = &sink,
		.nsinks = 1};
	int failed;

	engine_config_defaults(&config);
	config.memory = 4 * 1024 * 1024; /* small enough that limits are met */
	failed = pipeline_run(&p);
	source_counters(s, &p.counters);
	fuzz_check(!failed || *source_error(s), "a failure has a message");
	fuzz_check(p.capture.frames == 0 || p.capture.first <= p.capture.last,
		"the first frame's time is not behind the last one's");
}

int fuzz_file(const uint8_t *data, size_t size)
{
	static const struct source_options none;
	char path[64], err[512] = "";
	int fd = memfd_create("capture", MFD_CLOEXEC);
	struct source *s;

	fuzz_init();
	fuzz_check(fd >= 0 && write(fd, data, size) == (ssize_t)size, "a file in memory");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	s = source_open_file(path, &none, err, sizeof(err));
	fuzz_check(s || *err, "a file that cannot be opened has a message");
	if (s) {
		analyse(s);
		source_close(s);
	}
	close(fd);
	return 0;
}
