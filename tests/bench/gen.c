/*
 * bench-gen: writes a large, deterministic capture for benchmarks and tests, and a summary of what
 * is in it ("name value" lines) on standard output. gen.h says how it works and how to extend it.
 *
 *     bench-gen WORKLOAD FILE [--scale F]
 *     bench-gen --list | --version
 */
#include "gen.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A site as a whole: its pages, their queries, its files and its mail. */
static void mixed_start(struct sim *sim)
{
	const double scale = sim->scale;

	sim->scale = scale / 8;
	web_start(sim);
	sim->scale = scale / 4;
	mysql_start(sim);
	nfs_start(sim);
	smtp_start(sim);
	sim->scale = scale;
}

struct workload {
	const char *name;
	const char *what;
	void (*start)(struct sim *sim);
};

static const struct workload workloads[] = {
	{"web", "HTTP/1.1: 1.4 GB, 1.6 M packets, 24 k flows, 76 k requests", web_start},
	{"small", "10 M packets of 60 bytes, 1 M flows, half UDP, half TCP", small_start},
	{"flood", "200 k flows of one SYN from random sources", flood_start},
	{"mysql", "MySQL: 1.6 k connections, 160 k queries", mysql_start},
	{"nfs", "NFSv3 over TCP: 32 mounts, 64 k calls", nfs_start},
	{"smtp", "SMTP: 1.6 k connections, 3 k mails", smtp_start},
	{"mixed", "0.6 GB of HTTP, MySQL, NFS and SMTP beside each other", mixed_start},
};

enum { NWORKLOADS = sizeof(workloads) / sizeof(workloads[0]) };

static void usage(FILE *to)
{
	fputs("usage: bench-gen WORKLOAD FILE [--scale F]\n"
	      "       bench-gen --list | --version\n",
		to);
	for (size_t i = 0; i < NWORKLOADS; i++)
		fprintf(to, "  %-8s%s\n", workloads[i].name, workloads[i].what);
}

static int list_names(void)
{
	for (size_t i = 0; i < NWORKLOADS; i++)
		puts(workloads[i].name);
	return 0;
}

static double parse_scale(const char *text)
{
	char *end;
	const double scale = strtod(text, &end);

	if (end == text || *end || !(scale > 0 && scale <= 100))
		die("--scale wants a number above 0, at most 100: %s", text);
	return scale;
}

static void print_summary(const struct sim *sim, const char *name)
{
	printf("workload %s\nversion %d\nscale %g\n", name, GEN_VERSION, sim->scale);
	printf("file_bytes %" PRIu64 "\n", sim->file_bytes);
	printf("wire_bytes %" PRIu64 "\n", sim->wire_bytes);
	printf("packets %" PRIu64 "\n", sim->packets);
	printf("milliseconds %" PRIu64 "\n", sim->last_time / MSEC);
	printf("peak_live_flows %" PRIu32 "\n", sim->peak_live);
	for (size_t i = 0; i < sim->ncounters; i++)
		printf("%s %" PRIu64 "\n", sim->counters[i].name, sim->counters[i].value);
}

static int generate(const char *name, const char *path, double scale)
{
	const struct workload *w = workloads;
	struct sim sim;

	while (w < workloads + NWORKLOADS && strcmp(w->name, name) != 0)
		w++;
	if (w == workloads + NWORKLOADS)
		die("no workload %s (see --list)", name);
	sim_init(&sim, path, scale);
	w->start(&sim);
	sim_run(&sim);
	sim_release(&sim);
	print_summary(&sim, name);
	return 0;
}

int main(int argc, char **argv)
{
	const char *names[2] = {NULL, NULL};
	double scale = 1;
	int n = 0;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--list"))
			return list_names();
		if (!strcmp(argv[i], "--version"))
			return printf("%d\n", GEN_VERSION) < 0;
		if (!strcmp(argv[i], "--help")) {
			usage(stdout);
			return 0;
		}
		if (!strcmp(argv[i], "--scale") && i + 1 < argc)
			scale = parse_scale(argv[++i]);
		else if (argv[i][0] != '-' && n < 2)
			names[n++] = argv[i];
		else
			n = 3;
	}
	if (n != 2) {
		usage(stderr);
		return 2;
	}
	return generate(names[0], names[1], scale);
}
