/*
 * hints.c - what a run that could not begin says beside its reason (run.h): the two kinds of filter
 * are mistaken for each other, and names of files for filters.
 */
#include "run/run.h"
#include "run/info.h"
#include "capture/source_impl.h"
#include <string.h>
#include <unistd.h>

#define BAD_FILTER "bad filter: "

static void add(struct run *r, const char *text, const char *name)
{
	size_t n = strlen(r->err);

	snprintf(r->err + n, sizeof(r->err) - n, text, name);
}

static bool is_display_filter(const struct run *r, const char *text)
{
	struct schema_env env = {.version = info_version_number()};
	char err[256];
	struct filter *f = strpbrk(text, ".=<>~") ? filter_new(text, &env, err, sizeof(err)) : NULL;

	(void)r;
	filter_free(f);
	return f != NULL;
}

/* Of Ethernet, which knows all that filters are usually about. */
static bool is_expression(const char *text)
{
	struct bpf_program program;
	char err[PCAP_ERRBUF_SIZE + 64];

	if (!source_compile(1, text, &program, err, sizeof(err)))
		return false;
	pcap_freecode(&program);
	return true;
}

/* The first word of a filter that is none: hardly a word of one. */
static bool is_name(const struct run *r, char *name, size_t size)
{
	size_t first = strcspn(r->o.filter, " ");

	snprintf(name, size, "%.*s", (int)first, r->o.filter);
	return first < size && strpbrk(name, "./");
}

void hints_source(struct run *r)
{
	const char *filter = r->o.filter;
	char name[256];

	if (!filter || r->o.filter_file)
		return;
	if (!r->o.nreads && !r->o.nifaces && access(filter, F_OK) == 0)
		add(r, "; to read the file: -r %s", filter);
	else if (!strstr(r->err, BAD_FILTER))
		return;
	else if (is_display_filter(r, filter))
		add(r, "; as a display filter it stands behind -Y: -Y '%s'", filter);
	else if (is_name(r, name, sizeof(name)) && access(name, F_OK) < 0)
		add(r, "; there is no file %s", name);
}

void hints_display(struct run *r)
{
	if (is_expression(r->o.display))
		add(r, "; a filter expression stands without -Y, at the end: '%s'", r->o.display);
}
