/*
 * option_table.c - every option: its names, what it sets, and what --help says (option_table.h).
 * The letters mean what they mean to tcpdump.
 */
#include "run/option_table.h"
#include "api/layer.h"
#include "run/threshold.h"
#include "run/values.h"
#include "out/identity.h"
#include "base/mem.h"
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_MIN         ((uint64_t)16 << 20)
#define EXTRACT_MEMORY_MIN ((uint64_t)64 << 10)
#define KEEP_MIN           ((uint64_t)4 << 20)
#define HISTORY_MIN        ((uint64_t)1 << 20)
#define ROTATE_MIN         ((uint64_t)4 << 10)
#define WINDOW_MAX         UINT64_C(60000000000) /* ns */

bool options_fault(struct parse *p, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(p->err, p->errsize, format, ap);
	va_end(ap);
	return false;
}

void options_append(const char ***list, unsigned *n, const char *text)
{
	*list = xrealloc(*list, (*n + 1) * sizeof(**list));
	(*list)[(*n)++] = text;
}

/* A copy, which options_release() frees. */
static void append_own(struct options *o, const char *text)
{
	o->own = xrealloc(o->own, (o->nown + 1) * sizeof(*o->own));
	o->own[o->nown] = xstrdup(text);
	options_append(&o->reads, &o->nreads, o->own[o->nown++]);
}

const char *option_called(const struct option_entry *e, char to[OPTION_CALLED])
{
	if (e->letter)
		snprintf(to, OPTION_CALLED, "-%c", e->letter);
	else
		snprintf(to, OPTION_CALLED, "--%s", e->name);
	return to;
}

bool option_value_optional(const struct option_entry *e)
{
	return e->value && e->value[0] == '[';
}

static void *member(struct parse *p, const struct option_entry *e)
{
	return (char *)p->o + e->at;
}

static bool take_flag(struct parse *p, const struct option_entry *e, const char *arg)
{
	bool *to = member(p, e);

	(void)arg;
	*to = true;
	return true;
}

/* How often it was given. */
static bool take_count(struct parse *p, const struct option_entry *e, const char *arg)
{
	unsigned *to = member(p, e);

	(void)arg;
	if (e->max && *to == e->max)
		return options_fault(
			p, "-%c may be given %u times at most", e->letter, (unsigned)e->max);
	(*to)++;
	return true;
}

/* An option whose effect is that it is accepted. */
static bool take_nothing(struct parse *p, const struct option_entry *e, const char *arg)
{
	(void)p;
	(void)e;
	(void)arg;
	return true;
}

static bool number(struct parse *p, const struct option_entry *e, const char *text, uint64_t *v)
{
	char called[OPTION_CALLED];

	if (value_number(text, e->min, e->max, v))
		return true;
	option_called(e, called);
	if (e->max == UINT64_MAX)
		return options_fault(p, "%s %s: a whole number from %llu on is needed", called,
			text, (unsigned long long)e->min);
	return options_fault(p, "%s %s: a whole number from %llu to %llu is needed", called, text,
		(unsigned long long)e->min, (unsigned long long)e->max);
}

static bool take_number(struct parse *p, const struct option_entry *e, const char *arg)
{
	return number(p, e, arg, member(p, e));
}

static bool take_int(struct parse *p, const struct option_entry *e, const char *arg)
{
	int *to = member(p, e);
	uint64_t v = 0;

	if (!number(p, e, arg, &v))
		return false;
	*to = (int)v;
	return true;
}

static bool take_unsigned(struct parse *p, const struct option_entry *e, const char *arg)
{
	unsigned *to = member(p, e);
	uint64_t v = 0;

	if (!number(p, e, arg, &v))
		return false;
	*to = (unsigned)v;
	return true;
}

/* At least e->min ns. */
static bool take_time(struct parse *p, const struct option_entry *e, const char *arg)
{
	char called[OPTION_CALLED];
	uint64_t v;

	if (!value_time(arg, &v) || v < e->min)
		return options_fault(p, "%s %s: a time such as 10s, 5m or 250ms is needed%s",
			option_called(e, called), arg, e->min > 1 ? ", at least 1s" : "");
	memcpy(member(p, e), &v, sizeof(v));
	return true;
}

static bool take_flow_interval(struct parse *p, const struct option_entry *e, const char *arg)
{
	return take_time(p, e, arg);
}

static bool take_window(struct parse *p, const struct option_entry *e, const char *arg)
{
	uint64_t v;

	(void)e;
	if (!value_time(arg, &v) || v > WINDOW_MAX)
		return options_fault(
			p, "--reorder-window %s: a time up to 60s is needed; 0: none", arg);
	p->o->source.window = v;
	return true;
}

/* At least e->min bytes; what is said of it is the sizes' own. */
static bool take_size(struct parse *p, const struct option_entry *e, const char *arg)
{
	const char *example = e->min == MEMORY_MIN           ? "512M is needed, at least 16M"
			      : e->min == EXTRACT_MEMORY_MIN ? "64M is needed, at least 64K"
			      : e->min == HISTORY_MIN        ? "256M is needed, at least 1M"
			      : e->min == ROTATE_MIN         ? "100M is needed, at least 4K"
							     : "256M is needed, at least 4M";
	char called[OPTION_CALLED];
	uint64_t v;

	if (!value_size(arg, &v) || v < e->min)
		return options_fault(
			p, "%s %s: a size such as %s", option_called(e, called), arg, example);
	memcpy(member(p, e), &v, sizeof(v));
	return true;
}

/* A text that may be given once. */
static bool take_text(struct parse *p, const struct option_entry *e, const char *arg)
{
	const char **to = member(p, e);
	char called[OPTION_CALLED];

	option_called(e, called);
	if (*to)
		return options_fault(p, "%s may be given once only", called);
	if (!*arg)
		return options_fault(p, "%s needs a name, not an empty one", called);
	*to = arg;
	return true;
}

/* What is printed instead of a capture, e->min: the first that was asked for; --help always. */
static bool take_action(struct parse *p, const struct option_entry *e, const char *arg)
{
	(void)arg;
	if (p->o->action == ACTION_RUN || e->min == ACTION_HELP)
		p->o->action = (enum action)e->min;
	return true;
}

static bool take_names(struct parse *p, const struct option_entry *e, const char ***list,
	unsigned *n, const char *arg)
{
	char called[OPTION_CALLED];

	options_append(list, n, arg);
	return *arg ? true
		    : options_fault(
			      p, "%s needs a name, not an empty one", option_called(e, called));
}

static bool take_read(struct parse *p, const struct option_entry *e, const char *arg)
{
	return take_names(p, e, &p->o->reads, &p->o->nreads, arg);
}

static bool take_plugin(struct parse *p, const struct option_entry *e, const char *arg)
{
	return take_names(p, e, &p->o->plugins, &p->o->nplugins, arg);
}

static bool take_geoip(struct parse *p, const struct option_entry *e, const char *arg)
{
	return take_names(p, e, &p->o->geoip, &p->o->ngeoip, arg);
}

static bool take_interface(struct parse *p, const struct option_entry *e, const char *arg)
{
	for (unsigned i = 0; i < p->o->nifaces; i++)
		if (strcmp(p->o->ifaces[i], arg) == 0)
			return options_fault(p, "-i %s: this interface was given before", arg);
	return take_names(p, e, &p->o->ifaces, &p->o->nifaces, arg);
}

static bool take_write_size(struct parse *p, const struct option_entry *e, const char *arg)
{
	uint64_t n = 0;

	if (!number(p, e, arg, &n))
		return false;
	p->o->write_size = n * 1000000;
	return true;
}

/* -V: a list of files, a name a line. */
static bool take_list(struct parse *p, const struct option_entry *e, const char *arg)
{
	bool input = strcmp(arg, "-") == 0;
	FILE *f = input ? stdin : fopen(arg, "re");
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	bool good = true;

	(void)e;
	if (!f)
		return options_fault(p, "-V %s: %s", arg, strerror(errno));
	errno = 0;
	while ((n = getline(&line, &size, f)) >= 0) {
		while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
			line[--n] = '\0';
		if (n)
			append_own(p->o, line);
	}
	if (ferror(f))
		good = options_fault(p, "-V %s: %s", arg, strerror(errno));
	else if (!p->o->nreads)
		good = options_fault(p, "-V %s: names no file", arg);
	free(line);
	if (!input)
		fclose(f);
	return good;
}

static bool take_direction(struct parse *p, const struct option_entry *e, const char *arg)
{
	(void)e;
	if (strcmp(arg, "in") == 0)
		p->o->source.direction = SOURCE_IN;
	else if (strcmp(arg, "out") == 0)
		p->o->source.direction = SOURCE_OUT;
	else if (strcmp(arg, "inout") == 0)
		p->o->source.direction = SOURCE_BOTH;
	else
		return options_fault(p, "-Q %s: the directions are in, out and inout", arg);
	return true;
}

/* e->min: of enum time_precision. */
static bool take_precision(struct parse *p, const struct option_entry *e, const char *arg)
{
	enum time_precision to = (enum time_precision)e->min;

	if (arg && strcmp(arg, "micro") == 0)
		to = PRECISION_MICRO;
	else if (arg && strcmp(arg, "nano") == 0)
		to = PRECISION_NANO;
	else if (arg)
		return options_fault(p, "--time-stamp-precision %s: it may be micro or nano", arg);
	p->o->precision = to;
	p->o->print.nano = to == PRECISION_NANO;
	return true;
}

/* tcpdump's -j is another option. */
static bool take_jobs(struct parse *p, const struct option_entry *e, const char *arg)
{
	if (strspn(arg, "+-0123456789"))
		return take_unsigned(p, e, arg);
	return options_fault(p,
		"-j %s: -j is the number of threads; the type of time stamps is "
		"--time-stamp-type %s",
		arg, arg);
}

static bool take_decode(struct parse *p, const struct option_entry *e, const char *arg)
{
	struct options *o = p->o;
	struct decode_option d = {0};
	const char *equal = strchr(arg, '=');
	char port[8];
	uint64_t n = 0;

	(void)e;
	if (strncmp(arg, "tcp/", 4) == 0)
		d.transport = IP_PROTO_TCP;
	else if (strncmp(arg, "udp/", 4) == 0)
		d.transport = IP_PROTO_UDP;
	if (d.transport && equal && equal[1] && (size_t)(equal - arg - 4) < sizeof(port)) {
		snprintf(port, sizeof(port), "%.*s", (int)(equal - arg - 4), arg + 4);
		if (!value_number(port, 1, UINT16_MAX, &n))
			n = 0;
	}
	if (!n)
		return options_fault(p,
			"-d %s: a port and a protocol such as tcp/8080=http are needed%s", arg,
			equal ? "" : "; a compiled filter is shown by tcpdump -d");
	d.port = (uint16_t)n;
	d.name = equal + 1;
	for (unsigned i = 0; i < o->ndecode; i++)
		if (o->decode[i].transport == d.transport && o->decode[i].port == d.port)
			return options_fault(p, "-d %s: this port was given before", arg);
	o->decode = xrealloc(o->decode, (o->ndecode + 1) * sizeof(*o->decode));
	o->decode[o->ndecode++] = d;
	return true;
}

static bool set_output(struct parse *p, enum output kind)
{
	p->last = options_add_output(p->o, kind);
	return true;
}

/* -o is that of the output before it; one before all of them that of the first. */
static bool take_file(struct parse *p, const struct option_entry *e, const char *arg)
{
	const char **to = p->last ? &p->last->file : &p->early;

	(void)e;
	if (*to)
		return options_fault(
			p, "-o %s: each output has one file, and -o %s was given before", arg, *to);
	if (!*arg)
		return options_fault(p, "-o needs a name, not an empty one");
	*to = arg;
	return true;
}

/* e->min of enum output. */
static bool take_output(struct parse *p, const struct option_entry *e, const char *arg)
{
	(void)arg;
	return set_output(p, (enum output)e->min);
}

static bool take_report(struct parse *p, const struct option_entry *e, const char *arg)
{
	(void)e;
	if (!arg || strcmp(arg, "text") == 0)
		return set_output(p, OUTPUT_REPORT);
	if (strcmp(arg, "json") == 0)
		return set_output(p, OUTPUT_REPORT_JSON);
	if (strcmp(arg, "html") == 0)
		return set_output(p, OUTPUT_REPORT_HTML);
	return options_fault(p, "--report=%s: the forms are text, json and html", arg);
}

/* "help" is none of the types. */
static bool take_types(struct parse *p, const struct option_entry *e, const char *arg)
{
	return strcmp(arg, "help") == 0 ? take_action(p, e, arg) : take_text(p, e, arg);
}

static bool take_to(struct parse *p, const struct option_entry *e, const char *arg)
{
	(void)e;
	if (p->o->nto == OPTIONS_TO_MAX)
		return options_fault(p, "--to may be given %u times at most", OPTIONS_TO_MAX);
	if (!deliver_url_parse(&p->o->to[p->o->nto], arg, p->err, p->errsize))
		return false;
	p->o->nto++;
	return true;
}

static bool take_web(struct parse *p, const struct option_entry *e, const char *arg)
{
	(void)e;
	if (p->o->web)
		return options_fault(p, "--web may be given once only");
	p->o->web = true;
	p->o->web_at = arg;
	return true;
}

static bool take_sensor(struct parse *p, const struct option_entry *e, const char *arg)
{
	if (strlen(arg) > IDENTITY_NAME)
		return options_fault(
			p, "--sensor: the name may have %u bytes at most", IDENTITY_NAME);
	return take_text(p, e, arg);
}

static bool take_threshold(struct parse *p, const struct option_entry *e, const char *arg)
{
	if (strcmp(arg, "help") != 0)
		return threshold_set(&p->o->thresholds, arg, p->err, p->errsize);
	return take_action(p, e, arg);
}

#define AT(member) offsetof(struct options, member)
#define JOBS       OPTIONS_JOBS_MAX

const struct option_entry option_table[] = {
	{"read", 'r', "FILE", GROUP_SOURCE, VALUE_FILE,
		"read a capture: pcap or pcapng, also compressed by gzip, zstd, xz, bzip2 or LZ4; "
		"- is the standard input. Several files, or a folder, are read as one capture",
		take_read, 0, 0, 0, USE_ALWAYS},
	{"interface", 'i', "NAME", GROUP_SOURCE, VALUE_INTERFACE,
		"capture from an interface (may be repeated); \"any\" means all", take_interface, 0,
		0, 0, USE_ALWAYS},
	{"list-interfaces", 'D', NULL, GROUP_SOURCE, VALUE_PLAIN, "list the interfaces and exit",
		take_action, 0, ACTION_INTERFACES, 0, USE_ALWAYS},
	{"list-data-link-types", 'L', NULL, GROUP_SOURCE, VALUE_PLAIN,
		"list the link types of an interface and exit", take_action, 0, ACTION_DATALINKS, 0,
		USE_ALWAYS},
	{"filter-file", 'F', "FILE", GROUP_SOURCE, VALUE_FILE,
		"read the filter expression from a file", take_text, AT(filter_file), 0, 0,
		USE_ALWAYS},
	{NULL, 'c', "N", GROUP_SOURCE, VALUE_PLAIN, "stop after N frames", take_number,
		AT(max_frames), 1, UINT64_MAX, USE_ALWAYS},
	{"duration", 0, "TIME", GROUP_SOURCE, VALUE_PLAIN, "stop after this time (10s, 5m)",
		take_time, AT(duration), 1, 0, USE_ALWAYS},
	{"reorder-window", 0, "TIME", GROUP_SOURCE, VALUE_PLAIN,
		"sort frames by time within this window (1s; 0: do not sort)", take_window, 0, 0, 0,
		USE_ALWAYS},
	{"snapshot-length", 's', "N", GROUP_SOURCE, VALUE_PLAIN,
		"capture at most N bytes of each frame", take_int, AT(source.snaplen), 0, 262144,
		USE_ALWAYS},
	{"buffer-size", 'B', "KIB", GROUP_SOURCE, VALUE_PLAIN,
		"size of the kernel's buffer (16384; less if --memory is small)", take_int,
		AT(source.buffer_kib), 1, INT_MAX / 1024, USE_LIVE},
	{"no-promiscuous-mode", 'p', NULL, GROUP_SOURCE, VALUE_PLAIN,
		"do not put the interface into promiscuous mode", take_flag,
		AT(source.no_promiscuous), 0, 0, USE_LIVE},
	{"direction", 'Q', "in|out|inout", GROUP_SOURCE, VALUE_DIRECTION,
		"capture incoming frames, outgoing frames, or both", take_direction, 0, 0, 0,
		USE_LIVE},
	{"immediate-mode", 0, NULL, GROUP_SOURCE, VALUE_PLAIN,
		"deliver each frame as it arrives, not in blocks", take_flag, AT(source.immediate),
		0, 0, USE_LIVE},
	{"monitor-mode", 'I', NULL, GROUP_SOURCE, VALUE_PLAIN,
		"put a wireless interface into monitor mode", take_flag, AT(source.monitor), 0, 0,
		USE_LIVE},
	{"time-stamp-type", 0, "TYPE", GROUP_SOURCE, VALUE_PLAIN, "source of time stamps",
		take_text, AT(source.stamps), 0, 0, USE_LIVE},
	{"list-time-stamp-types", 'J', NULL, GROUP_SOURCE, VALUE_PLAIN,
		"list the time stamp types of an interface and exit", take_action, 0, ACTION_STAMPS,
		0, USE_ALWAYS},
	{"no-optimize", 'O', NULL, GROUP_SOURCE, VALUE_PLAIN,
		"do not let libpcap optimize the filter", take_flag, AT(source.no_optimize), 0, 0,
		USE_ALWAYS},
	{NULL, 'V', "FILE", GROUP_SOURCE, VALUE_FILE,
		"read the captures listed in a file, one name per line", take_list, 0, 0, 0,
		USE_ALWAYS},
	{"linktype", 'y', "TYPE", GROUP_SOURCE, VALUE_LINKTYPE,
		"link type to request from the interface", take_text, AT(source.datalink), 0, 0,
		USE_LIVE},

	{"json", 0, NULL, GROUP_OUTPUT, VALUE_PLAIN,
		"records as JSON, one object per line; the default unless the output is a terminal",
		take_output, 0, OUTPUT_JSON, 0, USE_ALWAYS},
	{"json-flat", 0, NULL, GROUP_OUTPUT, VALUE_PLAIN, "the same with dotted keys", take_output,
		0, OUTPUT_JSON_FLAT, 0, USE_ALWAYS},
	{"report", 0, "[=FORM]", GROUP_OUTPUT, VALUE_FORM,
		"a report at the end: text, json (one object) or html (one page)", take_report, 0,
		0, 0, USE_ALWAYS},
	{"live", 0, NULL, GROUP_OUTPUT, VALUE_PLAIN,
		"a live view of an interface or file; the default on a terminal", take_output, 0,
		OUTPUT_LIVE, 0, USE_ALWAYS},
	{"keep", 0, "SIZE", GROUP_OUTPUT, VALUE_PLAIN,
		"memory for the records and packets that the live view keeps (256M)", take_size,
		AT(keep), KEEP_MIN, 0, USE_ALWAYS},
	{"types", 0, "LIST", GROUP_OUTPUT, VALUE_TYPES,
		"only records of these types (flow,http); \"help\" lists them", take_types,
		AT(types), ACTION_TYPES, 0, USE_ALWAYS},
	{"sensor", 0, "NAME", GROUP_OUTPUT, VALUE_PLAIN,
		"name of this sensor in records (observer.name); the default is the host's name",
		take_sensor, AT(sensor), 0, 0, USE_ALWAYS},
	{"display-filter", 'Y', "FILTER", GROUP_OUTPUT, VALUE_FILTER,
		"only records that match a display filter", take_text, AT(display), 0, 0,
		USE_ALWAYS},
	{"har", 0, "FILE", GROUP_OUTPUT, VALUE_FILE,
		"HTTP requests as an HTTP Archive (HAR 1.2); suppresses other output unless --json "
		"or "
		"--report is given",
		take_text, AT(har), 0, 0, USE_ALWAYS},
	{"compare", 0, "BEFORE AFTER", GROUP_OUTPUT, VALUE_FILE,
		"report what changed between two captures; with --json as JSON", take_text,
		AT(compare), 0, 0, USE_ALWAYS},
	{"mask-mail", 0, NULL, GROUP_OUTPUT, VALUE_PLAIN,
		"hide the local part of mail addresses, and subjects", take_flag,
		AT(engine.mask_mail), 0, 0, USE_ALWAYS},
	{"output", 'o', "FILE", GROUP_OUTPUT, VALUE_FILE,
		"file for the preceding output: --report -o a.txt --json -o b.ndjson", take_file, 0,
		0, 0, USE_ALWAYS},
	{"to", 0, "URL", GROUP_OUTPUT, VALUE_PLAIN,
		"send records to file:PATH, unix:PATH, tcp:HOST:PORT or syslog:, optionally "
		"followed "
		"by ?types=LIST&filter=FILTER&queue=SIZE (may be repeated); capturing never waits",
		take_to, 0, 0, 0, USE_ALWAYS},
	{"web", 0, "[=[ADDRESS:]PORT]", GROUP_OUTPUT, VALUE_ADDRESS,
		"serve the report as a page during the run, and metrics (127.0.0.1:9177)", take_web,
		0, 0, 0, USE_ALWAYS},
	{"web-token", 0, "FILE", GROUP_OUTPUT, VALUE_FILE,
		"with --web: require the token in this file (or in TSUMARI_WEB_TOKEN)", take_text,
		AT(web_token), 0, 0, USE_ALWAYS},
	{"web-cert", 0, "FILE", GROUP_OUTPUT, VALUE_FILE,
		"with --web: use TLS with this certificate (PEM)", take_text, AT(web_cert), 0, 0,
		USE_ALWAYS},
	{"web-key", 0, "FILE", GROUP_OUTPUT, VALUE_FILE, "with --web-cert: its private key (PEM)",
		take_text, AT(web_key), 0, 0, USE_ALWAYS},
	{"web-open", 0, NULL, GROUP_OUTPUT, VALUE_PLAIN,
		"with --web: allow access from any address without token or TLS", take_flag,
		AT(web_open), 0, 0, USE_ALWAYS},
	{"history", 0, "FILE", GROUP_OUTPUT, VALUE_FILE,
		"with --web: keep minutes of services, operations, causes and findings in a file "
		"of "
		"SQLite, so that the page looks back days",
		take_text, AT(history), 0, 0, USE_ALWAYS},
	{"history-size", 0, "SIZE", GROUP_OUTPUT, VALUE_PLAIN,
		"with --history: beyond this size the oldest go (256M)", take_size,
		AT(history_size), HISTORY_MIN, 0, USE_ALWAYS},
	{"append", 0, NULL, GROUP_OUTPUT, VALUE_PLAIN, "-o writes behind what its files have",
		take_flag, AT(append), 0, 0, USE_ALWAYS},
	{"rotate-size", 0, "SIZE", GROUP_OUTPUT, VALUE_PLAIN,
		"with -o: start a new file of records at this size (100M)", take_size,
		AT(rotate_size), ROTATE_MIN, 0, USE_ALWAYS},
	{"rotate-time", 0, "TIME", GROUP_OUTPUT, VALUE_PLAIN,
		"with -o: start a new file of records after this time (1h); its name may be a "
		"format of "
		"strftime(3)",
		take_time, AT(rotate_time), 1000000000, 0, USE_ALWAYS},
	{"rotate-files", 0, "N", GROUP_OUTPUT, VALUE_PLAIN,
		"with either: keep only the N newest files", take_unsigned, AT(rotate_files), 1,
		100000, USE_ALWAYS},
	{"line-buffered", 'l', NULL, GROUP_OUTPUT, VALUE_PLAIN, "write each record immediately",
		take_flag, AT(line_buffered), 0, 0, USE_ALWAYS},
	{"numeric", 'n', NULL, GROUP_OUTPUT, VALUE_PLAIN,
		"show port numbers instead of service names in the report", take_flag, AT(numeric),
		0, 0, USE_ALWAYS},
	{"write", 'w', "FILE", GROUP_OUTPUT, VALUE_FILE,
		"write the frames to a pcap file, or pcapng if its name ends in .pcapng; - is the "
		"standard output",
		take_text, AT(write), 0, 0, USE_ALWAYS},
	{"extract", 0, "WHAT", GROUP_OUTPUT, VALUE_FILTER,
		"with -w: only the frames of records that match a display filter, or of a finding",
		take_text, AT(extract), 0, 0, USE_ALWAYS},
	{"extract-memory", 0, "SIZE", GROUP_OUTPUT, VALUE_PLAIN,
		"with --extract: memory for frames of a live capture (64M)", take_size,
		AT(extract_memory), EXTRACT_MEMORY_MIN, 0, USE_ALWAYS},
	{NULL, 'C', "MB", GROUP_OUTPUT, VALUE_PLAIN, "with -w: start a new file at this size",
		take_write_size, 0, 1, INT64_MAX / 1000000, USE_ALWAYS},
	{NULL, 'G', "SECONDS", GROUP_OUTPUT, VALUE_PLAIN,
		"with -w: start a new file after this time", take_number, AT(write_seconds), 1,
		INT32_MAX, USE_ALWAYS},
	{NULL, 'W', "N", GROUP_OUTPUT, VALUE_PLAIN, "with -C or -G: number of files", take_unsigned,
		AT(write_files), 1, 1000000000, USE_ALWAYS},
	{NULL, 'z', "COMMAND", GROUP_OUTPUT, VALUE_PLAIN,
		"with -C or -G: run a command with the name of each completed file", take_text,
		AT(command), 0, 0, USE_ALWAYS},
	{"packet-buffered", 'U', NULL, GROUP_OUTPUT, VALUE_PLAIN, "write each frame immediately",
		take_flag, AT(unbuffered), 0, 0, USE_ALWAYS},
	{"count", 0, NULL, GROUP_OUTPUT, VALUE_PLAIN, "print the number of packets in a capture",
		take_flag, AT(count), 0, 0, USE_ALWAYS},
	{"print", 0, NULL, GROUP_OUTPUT, VALUE_PLAIN,
		"packets as text, one per line, as tcpdump prints them", take_output, 0,
		OUTPUT_PRINT, 0, USE_ALWAYS},

	{NULL, 't', NULL, GROUP_PACKETS, VALUE_PLAIN,
		"no time; -tt: seconds since 1970; -ttt: since the previous packet; -tttt: date "
		"and "
		"time; -ttttt: since the first packet",
		take_count, AT(print.stamp), 0, 5, USE_PRINT},
	{NULL, 'e', NULL, GROUP_PACKETS, VALUE_PLAIN, "print the link header", take_flag,
		AT(print.link), 0, 0, USE_PRINT},
	{NULL, 'q', NULL, GROUP_PACKETS, VALUE_PLAIN, "print only protocol and length", take_flag,
		AT(print.quiet), 0, 0, USE_PRINT},
	{NULL, 'v', NULL, GROUP_PACKETS, VALUE_PLAIN,
		"all fields, one line per header; -vv: one line per field", take_count,
		AT(print.verbose), 0, 0, USE_PRINT},
	{NULL, 'x', NULL, GROUP_PACKETS, VALUE_PLAIN,
		"bytes in hexadecimal; -xx: with the link header", take_count, AT(print.hex), 0, 0,
		USE_PRINT},
	{NULL, 'X', NULL, GROUP_PACKETS, VALUE_PLAIN,
		"the same with ASCII; -XX: with the link header", take_count, AT(print.hex_ascii),
		0, 0, USE_PRINT},
	{NULL, 'A', NULL, GROUP_PACKETS, VALUE_PLAIN, "bytes as ASCII", take_count, AT(print.ascii),
		0, 0, USE_PRINT},
	{"absolute-tcp-sequence-numbers", 'S', NULL, GROUP_PACKETS, VALUE_PLAIN,
		"absolute TCP sequence numbers", take_flag, AT(print.absolute), 0, 0, USE_PRINT},
	{"number", '#', NULL, GROUP_PACKETS, VALUE_PLAIN, "print the packet number", take_flag,
		AT(print.numbered), 0, 0, USE_PRINT},
	{"time-stamp-precision", 0, "micro|nano", GROUP_PACKETS, VALUE_PLAIN,
		"precision of times, also in files of -w", take_precision, 0, 0, 0, USE_ALWAYS},
	{"micro", 0, NULL, GROUP_PACKETS, VALUE_PLAIN, "the same as --time-stamp-precision=micro",
		take_precision, 0, PRECISION_MICRO, 0, USE_ALWAYS},
	{"nano", 0, NULL, GROUP_PACKETS, VALUE_PLAIN, "the same as --time-stamp-precision=nano",
		take_precision, 0, PRECISION_NANO, 0, USE_ALWAYS},

	{"decode-as", 'd', "tcp/PORT=NAME", GROUP_ANALYSIS, VALUE_DECODE,
		"dissect a port as this protocol (or \"none\"); for UDP also a tunnel (vxlan), or "
		"fou:PROTO, an IP protocol directly in UDP",
		take_decode, 0, 0, 0, USE_ALWAYS},
	{"geoip", 0, "FILE", GROUP_ANALYSIS, VALUE_FILE,
		"MaxMind database; by default those in the usual places; \"none\" for none",
		take_geoip, 0, 0, 0, USE_ALWAYS},
	{"plugin", 0, "FILE.so", GROUP_ANALYSIS, VALUE_FILE, "load a dissector", take_plugin, 0, 0,
		0, USE_ALWAYS},
	{"jobs", 'j', "N", GROUP_ANALYSIS, VALUE_PLAIN, "worker threads; 0: none", take_jobs,
		AT(jobs), 0, JOBS, USE_ALWAYS},
	{"memory", 0, "SIZE", GROUP_ANALYSIS, VALUE_PLAIN, "budget for flows and streams (512M)",
		take_size, AT(engine.memory), MEMORY_MIN, 0, USE_ALWAYS},
	{"flow-interval", 0, "TIME", GROUP_ANALYSIS, VALUE_PLAIN,
		"interval of interim records (60s; 0: none)", take_flow_interval,
		AT(engine.flow_interval), 0, 0, USE_ALWAYS},
	{"timeout-syn", 0, "TIME", GROUP_ANALYSIS, VALUE_PLAIN,
		"idle timeout for connections not yet established (75s)", take_time,
		AT(engine.timeout_syn), 1, 0, USE_ALWAYS},
	{"timeout-tcp", 0, "TIME", GROUP_ANALYSIS, VALUE_PLAIN,
		"idle timeout for established connections (1h)", take_time, AT(engine.timeout_tcp),
		1, 0, USE_ALWAYS},
	{"timeout-closed", 0, "TIME", GROUP_ANALYSIS, VALUE_PLAIN,
		"idle timeout for closed connections (10s)", take_time, AT(engine.timeout_closed),
		1, 0, USE_ALWAYS},
	{"timeout-udp", 0, "TIME", GROUP_ANALYSIS, VALUE_PLAIN,
		"idle timeout for UDP and other flows (60s)", take_time, AT(engine.timeout_udp), 1,
		0, USE_ALWAYS},
	{"ignore-vlan", 0, NULL, GROUP_ANALYSIS, VALUE_PLAIN, "do not distinguish flows by VLAN",
		take_flag, AT(engine.ignore_vlan), 0, 0, USE_ALWAYS},
	{"threshold", 0, "NAME=VALUE", GROUP_ANALYSIS, VALUE_PLAIN,
		"set a detection threshold; \"help\" lists the names", take_threshold, 0,
		ACTION_THRESHOLDS, 0, USE_ALWAYS},
	{"literal", 0, NULL, GROUP_ANALYSIS, VALUE_PLAIN,
		"show statements as sent, without replacing literals by ?", take_flag,
		AT(engine.literal), 0, 0, USE_ALWAYS},

	{"relinquish-privileges", 'Z', "USER", GROUP_OTHER, VALUE_USER,
		"become this user once everything is open", take_text, AT(user), 0, 0, USE_ALWAYS},
	{"list-protocols", 0, NULL, GROUP_OTHER, VALUE_PLAIN, "list the protocols and exit",
		take_action, 0, ACTION_PROTOCOLS, 0, USE_ALWAYS},
	{"fields", 0, NULL, GROUP_OTHER, VALUE_PLAIN,
		"describe every field of the records and exit", take_action, 0, ACTION_FIELDS, 0,
		USE_ALWAYS},
	{"list-options", 0, NULL, GROUP_OTHER, VALUE_PLAIN,
		"list the options for completion programs and exit", take_action, 0, ACTION_OPTIONS,
		0, USE_ALWAYS},
	{"version", 0, NULL, GROUP_OTHER, VALUE_PLAIN, "print the versions and exit", take_action,
		0, ACTION_VERSION, 0, USE_ALWAYS},
	{"help", 'h', NULL, GROUP_OTHER, VALUE_PLAIN, "print this help and exit", take_action, 0,
		ACTION_HELP, 0, USE_ALWAYS},

	{NULL, 'b', NULL, GROUP_TCPDUMP, VALUE_PLAIN, "BGP is not read", take_nothing, 0, 0, 0,
		USE_NEVER},
	{NULL, 'E', "SECRET", GROUP_TCPDUMP, VALUE_PLAIN, "ESP is not decrypted", take_nothing, 0,
		0, 0, USE_NEVER},
	{NULL, 'f', NULL, GROUP_TCPDUMP, VALUE_PLAIN, "addresses are numbers always", take_nothing,
		0, 0, 0, USE_NEVER},
	{NULL, 'H', NULL, GROUP_TCPDUMP, VALUE_PLAIN, "802.11s is not read; -w writes it",
		take_nothing, 0, 0, 0, USE_NEVER},
	{"dont-verify-checksums", 'K', NULL, GROUP_TCPDUMP, VALUE_PLAIN,
		"a wrong checksum counts only where offload does not explain it", take_nothing, 0,
		0, 0, USE_NEVER},
	{NULL, 'm', "MODULE", GROUP_TCPDUMP, VALUE_PLAIN, "SNMP is not read", take_nothing, 0, 0, 0,
		USE_NEVER},
	{NULL, 'M', "SECRET", GROUP_TCPDUMP, VALUE_PLAIN, "TCP's MD5 signatures are not checked",
		take_nothing, 0, 0, 0, USE_NEVER},
	{NULL, 'N', NULL, GROUP_TCPDUMP, VALUE_PLAIN, "addresses are numbers always", take_nothing,
		0, 0, 0, USE_NEVER},
	{NULL, 'T', "TYPE", GROUP_TCPDUMP, VALUE_PLAIN, "-d udp/PORT=NAME says what a port carries",
		take_nothing, 0, 0, 0, USE_NEVER},
	{NULL, 'u', NULL, GROUP_TCPDUMP, VALUE_PLAIN,
		"NFS file handles are shown as paths, or in hexadecimal", take_nothing, 0, 0, 0,
		USE_NEVER},
};

const unsigned option_count = sizeof(option_table) / sizeof(option_table[0]);
