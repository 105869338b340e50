/*
 * options.c - the command line (options.h). The letters mean what they mean to tcpdump.
 */
#include "run/options.h"
#include "run/inputs.h"
#include "run/threshold.h"
#include "run/values.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMORY_MIN         ((uint64_t)16 << 20)
#define EXTRACT_MEMORY_MIN ((uint64_t)64 << 10)
#define KEEP_MIN           ((uint64_t)4 << 20)
#define WINDOW_MAX         UINT64_C(60000000000) /* ns */

/* Long options without a letter; the first is above any character. */
enum {
	OPT_JSON = 256,
	OPT_JSON_FLAT,
	OPT_REPORT,
	OPT_LIVE,
	OPT_KEEP,
	OPT_TYPES,
	OPT_HAR,
	OPT_COMPARE,
	OPT_EXTRACT,
	OPT_EXTRACT_MEMORY,
	OPT_PLUGIN,
	OPT_GEOIP,
	OPT_DURATION,
	OPT_REORDER_WINDOW,
	OPT_MEMORY,
	OPT_FLOW_INTERVAL,
	OPT_TIMEOUT_SYN,
	OPT_TIMEOUT_TCP,
	OPT_TIMEOUT_CLOSED,
	OPT_TIMEOUT_UDP,
	OPT_IGNORE_VLAN,
	OPT_MASK_MAIL,
	OPT_LITERAL,
	OPT_THRESHOLD,
	OPT_LIST_PROTOCOLS,
	OPT_FIELDS,
	OPT_PRINT,
	OPT_VERSION
};

static const char letters[] = ":r:i:F:DLc:s:B:py:nw:C:G:W:UZ:lo:j:d:Y:h";

static const struct option longs[] = {
	{"read", required_argument, NULL, 'r'},
	{"interface", required_argument, NULL, 'i'},
	{"filter-file", required_argument, NULL, 'F'},
	{"list-interfaces", no_argument, NULL, 'D'},
	{"list-data-link-types", no_argument, NULL, 'L'},
	{"count", required_argument, NULL, 'c'},
	{"snapshot-length", required_argument, NULL, 's'},
	{"buffer-size", required_argument, NULL, 'B'},
	{"no-promiscuous-mode", no_argument, NULL, 'p'},
	{"linktype", required_argument, NULL, 'y'},
	{"numeric", no_argument, NULL, 'n'},
	{"write", required_argument, NULL, 'w'},
	{"packet-buffered", no_argument, NULL, 'U'},
	{"relinquish-privileges", required_argument, NULL, 'Z'},
	{"line-buffered", no_argument, NULL, 'l'},
	{"output", required_argument, NULL, 'o'},
	{"jobs", required_argument, NULL, 'j'},
	{"decode-as", required_argument, NULL, 'd'},
	{"help", no_argument, NULL, 'h'},
	{"json", no_argument, NULL, OPT_JSON},
	{"json-flat", no_argument, NULL, OPT_JSON_FLAT},
	{"report", optional_argument, NULL, OPT_REPORT},
	{"live", no_argument, NULL, OPT_LIVE},
	{"keep", required_argument, NULL, OPT_KEEP},
	{"display-filter", required_argument, NULL, 'Y'},
	{"types", required_argument, NULL, OPT_TYPES},
	{"har", required_argument, NULL, OPT_HAR},
	{"compare", required_argument, NULL, OPT_COMPARE},
	{"extract", required_argument, NULL, OPT_EXTRACT},
	{"extract-memory", required_argument, NULL, OPT_EXTRACT_MEMORY},
	{"plugin", required_argument, NULL, OPT_PLUGIN},
	{"geoip", required_argument, NULL, OPT_GEOIP},
	{"duration", required_argument, NULL, OPT_DURATION},
	{"reorder-window", required_argument, NULL, OPT_REORDER_WINDOW},
	{"memory", required_argument, NULL, OPT_MEMORY},
	{"flow-interval", required_argument, NULL, OPT_FLOW_INTERVAL},
	{"timeout-syn", required_argument, NULL, OPT_TIMEOUT_SYN},
	{"timeout-tcp", required_argument, NULL, OPT_TIMEOUT_TCP},
	{"timeout-closed", required_argument, NULL, OPT_TIMEOUT_CLOSED},
	{"timeout-udp", required_argument, NULL, OPT_TIMEOUT_UDP},
	{"ignore-vlan", no_argument, NULL, OPT_IGNORE_VLAN},
	{"mask-mail", no_argument, NULL, OPT_MASK_MAIL},
	{"literal", no_argument, NULL, OPT_LITERAL},
	{"threshold", required_argument, NULL, OPT_THRESHOLD},
	{"list-protocols", no_argument, NULL, OPT_LIST_PROTOCOLS},
	{"fields", no_argument, NULL, OPT_FIELDS},
	{"print", no_argument, NULL, OPT_PRINT},
	{"version", no_argument, NULL, OPT_VERSION},
	{NULL, 0, NULL, 0},
};

/* Where a parse is: the message of the first fault goes to err. */
struct parse {
	struct options *o;
	char *err;
	size_t errsize;
};

static __attribute__((format(printf, 2, 3))) bool fault(struct parse *p, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(p->err, p->errsize, format, ap);
	va_end(ap);
	return false;
}

static bool number(struct parse *p, const char *name, const char *text, uint64_t min, uint64_t max,
	uint64_t *v)
{
	if (value_number(text, min, max, v))
		return true;
	if (max == UINT64_MAX)
		return fault(p, "%s %s: a whole number from %llu on is needed", name, text,
			(unsigned long long)min);
	return fault(p, "%s %s: a whole number from %llu to %llu is needed", name, text,
		(unsigned long long)min, (unsigned long long)max);
}

static bool number_int(
	struct parse *p, const char *name, const char *text, int min, int max, int *v)
{
	uint64_t n;

	if (!number(p, name, text, (uint64_t)min, (uint64_t)max, &n))
		return false;
	*v = (int)n;
	return true;
}

static bool number_unsigned(struct parse *p, const char *name, const char *text, unsigned min,
	unsigned max, unsigned *v)
{
	uint64_t n;

	if (!number(p, name, text, min, max, &n))
		return false;
	*v = (unsigned)n;
	return true;
}

static bool span(struct parse *p, const char *name, const char *text, bool zero, uint64_t *ns)
{
	uint64_t v;

	if (!value_time(text, &v) || (!zero && v == 0))
		return fault(p, "%s %s: a time such as 10s, 5m or 250ms is needed", name, text);
	*ns = v;
	return true;
}

static bool reorder_window(struct parse *p, const char *text)
{
	uint64_t v;

	if (!value_time(text, &v) || v > WINDOW_MAX)
		return fault(p, "--reorder-window %s: a time up to 60s is needed; 0: none", text);
	p->o->source.window = v;
	return true;
}

static bool memory(struct parse *p, const char *text)
{
	uint64_t v;

	if (!value_size(text, &v) || v < MEMORY_MIN)
		return fault(p, "--memory %s: a size such as 512M is needed, at least 16M", text);
	p->o->engine.memory = v;
	return true;
}

static bool extract_memory(struct parse *p, const char *text)
{
	uint64_t v;

	if (!value_size(text, &v) || v < EXTRACT_MEMORY_MIN)
		return fault(
			p, "--extract-memory %s: a size such as 64M is needed, at least 64K", text);
	p->o->extract_memory = v;
	return true;
}

static bool keep(struct parse *p, const char *text)
{
	if (value_size(text, &p->o->keep) && p->o->keep >= KEEP_MIN)
		return true;
	return fault(p, "--keep %s: a size such as 256M is needed, at least 4M", text);
}

static void append(const char ***list, unsigned *n, const char *text)
{
	*list = xrealloc(*list, (*n + 1) * sizeof(**list));
	(*list)[(*n)++] = text;
}

static bool decode(struct parse *p, const char *text)
{
	struct options *o = p->o;
	struct decode_option d = {0};
	const char *equal = strchr(text, '=');
	char port[8];
	uint64_t n = 0;

	if (strncmp(text, "tcp/", 4) == 0)
		d.transport = 6;
	else if (strncmp(text, "udp/", 4) == 0)
		d.transport = 17;
	if (d.transport && equal && equal[1] && (size_t)(equal - text - 4) < sizeof(port)) {
		snprintf(port, sizeof(port), "%.*s", (int)(equal - text - 4), text + 4);
		if (!value_number(port, 1, UINT16_MAX, &n))
			n = 0;
	}
	if (!n)
		return fault(
			p, "-d %s: a port and a protocol such as tcp/8080=http are needed", text);
	d.port = (uint16_t)n;
	d.name = equal + 1;
	for (unsigned i = 0; i < o->ndecode; i++)
		if (o->decode[i].transport == d.transport && o->decode[i].port == d.port)
			return fault(p, "-d %s: this port was given before", text);
	o->decode = xrealloc(o->decode, (o->ndecode + 1) * sizeof(*o->decode));
	o->decode[o->ndecode++] = d;
	return true;
}

static bool output(struct parse *p, enum output kind)
{
	if (p->o->output != OUTPUT_AUTO && p->o->output != kind)
		return fault(p, "--json, --json-flat, --report and --live exclude each other");
	p->o->output = kind;
	return true;
}

static bool report(struct parse *p, const char *form)
{
	if (!form || strcmp(form, "text") == 0)
		return output(p, OUTPUT_REPORT);
	if (strcmp(form, "json") == 0)
		return output(p, OUTPUT_REPORT_JSON);
	if (strcmp(form, "html") == 0)
		return output(p, OUTPUT_REPORT_HTML);
	return fault(p, "--report=%s: the forms are text, json and html", form);
}

static bool action(struct parse *p, enum action a)
{
	/* The first that was asked for; --help always. */
	if (p->o->action == ACTION_RUN || a == ACTION_HELP)
		p->o->action = a;
	return true;
}

static bool once(struct parse *p, const char *name, const char **to, const char *text)
{
	if (*to)
		return fault(p, "%s may be given once only", name);
	if (!*text)
		return fault(p, "%s needs a name, not an empty one", name);
	*to = text;
	return true;
}

static bool iface(struct parse *p, const char *text)
{
	if (!*text)
		return fault(p, "-i needs a name, not an empty one");
	for (unsigned i = 0; i < p->o->nifaces; i++)
		if (strcmp(p->o->ifaces[i], text) == 0)
			return fault(p, "-i %s: this interface was given before", text);
	append(&p->o->ifaces, &p->o->nifaces, text);
	return true;
}

static bool write_size(struct parse *p, const char *text)
{
	uint64_t n;

	if (!number(p, "-C", text, 1, INT64_MAX / 1000000, &n))
		return false;
	p->o->write_size = n * 1000000;
	return true;
}

/* Where frames come from and which of them. */
static bool take_source(struct parse *p, int c, const char *arg)
{
	struct options *o = p->o;

	switch (c) {
	case 'r':
		append(&o->reads, &o->nreads, arg);
		return *arg ? true : fault(p, "-r needs a name, not an empty one");
	case 'i':
		return iface(p, arg);
	case 'F':
		return once(p, "-F", &o->filter_file, arg);
	case 'c':
		return number(p, "-c", arg, 1, UINT64_MAX, &o->max_frames);
	case 's':
		return number_int(p, "-s", arg, 0, 262144, &o->source.snaplen);
	case 'B':
		return number_int(p, "-B", arg, 1, INT_MAX / 1024, &o->source.buffer_kib);
	case 'p':
		o->source.no_promiscuous = true;
		return true;
	case 'y':
		return once(p, "-y", &o->source.datalink, arg);
	case OPT_DURATION:
		return span(p, "--duration", arg, false, &o->duration);
	case OPT_REORDER_WINDOW:
		return reorder_window(p, arg);
	default:
		return false;
	}
}

/* What is written. */
static bool take_output(struct parse *p, int c, const char *arg)
{
	struct options *o = p->o;

	switch (c) {
	case 'w':
		return once(p, "-w", &o->write, arg);
	case 'C':
		return write_size(p, arg);
	case 'G':
		return number(p, "-G", arg, 1, INT32_MAX, &o->write_seconds);
	case 'W':
		return number_unsigned(p, "-W", arg, 1, 1000000000, &o->write_files);
	case 'U':
		o->unbuffered = true;
		return true;
	case 'Z':
		return once(p, "-Z", &o->user, arg);
	case OPT_PRINT:
		o->print = true;
		return true;
	case 'l':
		o->line_buffered = true;
		return true;
	case 'n':
		o->numeric = true;
		return true;
	case 'o':
		return once(p, "-o", &o->out_file, arg);
	case OPT_JSON:
		return output(p, OUTPUT_JSON);
	case OPT_JSON_FLAT:
		return output(p, OUTPUT_JSON_FLAT);
	case OPT_REPORT:
		return report(p, arg);
	case OPT_LIVE:
		return output(p, OUTPUT_LIVE);
	case OPT_KEEP:
		return keep(p, arg);
	case 'Y':
		return once(p, "-Y", &o->display, arg);
	case OPT_TYPES:
		return once(p, "--types", &o->types, arg);
	case OPT_EXTRACT:
		return once(p, "--extract", &o->extract, arg);
	case OPT_EXTRACT_MEMORY:
		return extract_memory(p, arg);
	case OPT_COMPARE:
		return once(p, "--compare", &o->compare, arg);
	case OPT_HAR:
		return once(p, "--har", &o->har, arg);
	default:
		return false;
	}
}

/* How it is analysed. */
static bool take_engine(struct parse *p, int c, const char *arg)
{
	struct options *o = p->o;
	struct engine_config *e = &o->engine;

	switch (c) {
	case 'j':
		return number_unsigned(p, "-j", arg, 0, OPTIONS_JOBS_MAX, &o->jobs);
	case 'd':
		return decode(p, arg);
	case OPT_PLUGIN:
		append(&o->plugins, &o->nplugins, arg);
		return *arg ? true : fault(p, "--plugin needs a name, not an empty one");
	case OPT_MEMORY:
		return memory(p, arg);
	case OPT_FLOW_INTERVAL:
		p->o->interval_given = true;
		return span(p, "--flow-interval", arg, true, &e->flow_interval);
	case OPT_TIMEOUT_SYN:
		return span(p, "--timeout-syn", arg, false, &e->timeout_syn);
	case OPT_TIMEOUT_TCP:
		return span(p, "--timeout-tcp", arg, false, &e->timeout_tcp);
	case OPT_TIMEOUT_CLOSED:
		return span(p, "--timeout-closed", arg, false, &e->timeout_closed);
	case OPT_TIMEOUT_UDP:
		return span(p, "--timeout-udp", arg, false, &e->timeout_udp);
	case OPT_IGNORE_VLAN:
		e->ignore_vlan = true;
		return true;
	case OPT_MASK_MAIL:
		e->mask_mail = true;
		return true;
	case OPT_LITERAL:
		e->literal = true;
		return true;
	case OPT_THRESHOLD:
		return strcmp(arg, "help") == 0
			       ? action(p, ACTION_THRESHOLDS)
			       : threshold_set(&o->thresholds, arg, p->err, p->errsize);
	default:
		return false;
	}
}

static bool take(struct parse *p, int c, const char *arg)
{
	switch (c) {
	case 'h':
		return action(p, ACTION_HELP);
	case 'D':
		return action(p, ACTION_INTERFACES);
	case 'L':
		return action(p, ACTION_DATALINKS);
	case OPT_VERSION:
		return action(p, ACTION_VERSION);
	case OPT_LIST_PROTOCOLS:
		return action(p, ACTION_PROTOCOLS);
	case OPT_FIELDS:
		return action(p, ACTION_FIELDS);
	case OPT_GEOIP:
		append(&p->o->geoip, &p->o->ngeoip, arg);
		return *arg ? true : fault(p, "--geoip needs a name, not an empty one");
	case 'r':
	case 'i':
	case 'F':
	case 'c':
	case 's':
	case 'B':
	case 'p':
	case 'y':
	case OPT_DURATION:
	case OPT_REORDER_WINDOW:
		return take_source(p, c, arg);
	case 'j':
	case 'd':
	case OPT_PLUGIN:
	case OPT_MEMORY:
	case OPT_FLOW_INTERVAL:
	case OPT_TIMEOUT_SYN:
	case OPT_TIMEOUT_TCP:
	case OPT_TIMEOUT_CLOSED:
	case OPT_TIMEOUT_UDP:
	case OPT_IGNORE_VLAN:
	case OPT_MASK_MAIL:
	case OPT_LITERAL:
	case OPT_THRESHOLD:
		return take_engine(p, c, arg);
	default:
		return take_output(p, c, arg);
	}
}

/* Options that say two things at once, or nothing without another one. */
static bool check(struct parse *p)
{
	const struct options *o = p->o;
	bool quiet = o->write && !o->print;
	bool har_output = o->har && strcmp(o->har, "-") == 0;
	const struct {
		bool broken;
		const char *line;
	} rules[] = {
		{o->nreads && o->nifaces, "-r and -i exclude each other"},
		{o->nreads && o->source.no_promiscuous, "-p is for interfaces, not with -r"},
		{o->nreads && o->source.buffer_kib, "-B is for interfaces, not with -r"},
		{o->nreads && o->source.datalink, "-y is for interfaces, not with -r"},
		{o->nreads && o->action == ACTION_DATALINKS, "-L is for interfaces, not with -r"},
		{o->filter && o->filter_file, "a filter and -F exclude each other"},
		{o->compare && o->nifaces, "--compare and -i exclude each other"},
		{o->compare && strcmp(o->compare, "-") == 0 && strcmp(o->reads[0], "-") == 0,
			"--compare needs two captures: only one of them can be the standard input"},
		{o->compare && (o->write || o->har || o->types || o->numeric || o->line_buffered ||
				       o->output == OUTPUT_JSON_FLAT || o->output > OUTPUT_REPORT),
			"--compare puts out what changed only: -w, --har, --types, -n, -l and "
			"--json-flat have no effect"},
		{o->extract && !o->write, "--extract needs -w"},
		{o->extract_memory && !o->extract, "--extract-memory needs --extract"},
		{o->extract && o->unbuffered, "--extract writes at the end: -U has no effect"},
		{o->extract && o->display && quiet && !o->har,
			"--extract has a filter of its own: -Y needs --print"},
		{o->write_size && !o->write, "-C needs -w"},
		{o->write_seconds && !o->write, "-G needs -w"},
		{o->write_files && !o->write, "-W needs -w"},
		{o->print && !o->write, "--print needs -w"},
		{o->write_files && !o->write_size && !o->write_seconds, "-W needs -C or -G"},
		{o->write && strcmp(o->write, "-") == 0 && (o->write_size || o->write_seconds),
			"-C and -G need a file, not -w -"},
		{o->write && strcmp(o->write, "-") == 0 && o->print && !o->out_file,
			"-w - and the records both go to the standard output: use -o FILE"},
		{quiet && o->output != OUTPUT_AUTO,
			"-w without --print writes packets only: --json and --report need --print"},
		{quiet && (o->out_file || o->types || o->line_buffered || o->numeric),
			"-w without --print writes packets only: -o, --types, -l and -n need "
			"--print"},
		{quiet && o->har, "-w without --print writes packets only: --har needs --print"},
		{har_output && !o->out_file && (o->print || o->types || o->output != OUTPUT_AUTO),
			"--har - and the records both go to the standard output: use -o FILE"},
		{har_output && o->write && strcmp(o->write, "-") == 0,
			"--har - and -w - both go to the standard output"},
		{o->har && o->out_file && strcmp(o->har, o->out_file) == 0,
			"--har and -o name the same file"},
		{quiet && !o->extract && (o->ndecode || o->nplugins),
			"-w without --print writes packets only: -d and --plugin need --print"},
		{quiet && !o->extract && o->jobs != OPTIONS_JOBS_AUTO,
			"-w without --print writes packets only: -j needs --print"},
		{o->output == OUTPUT_LIVE && (o->out_file || o->types),
			"-o and --types are for what is written, not for --live"},
		{o->keep && o->output != OUTPUT_LIVE && o->output != OUTPUT_AUTO,
			"--keep is for the live view"},
		{o->output == OUTPUT_LIVE && o->extract,
			"--extract is not for --live: F9 saves what it shows"},
		{o->output == OUTPUT_LIVE && o->compare, "--compare is not for --live"},
		{o->output >= OUTPUT_REPORT && o->types,
			"--types is for records, not for --report"},
		{o->output != OUTPUT_AUTO && o->output != OUTPUT_REPORT && o->numeric,
			"-n is for --report: records hold numbers always"},
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].broken)
			return fault(p, "%s", rules[i].line);
	return true;
}

/* The words at the end are one expression. */
static char *join(char **words, int n)
{
	size_t len = 0, at = 0;
	char *text;

	for (int i = 0; i < n; i++)
		len += strlen(words[i]) + 1;
	text = xmalloc(len);
	for (int i = 0; i < n; i++) {
		size_t w = strlen(words[i]);

		memcpy(text + at, words[i], w);
		at += w;
		text[at++] = i + 1 < n ? ' ' : '\0';
	}
	return text;
}

/* Comments run from # to the end of a line, as in tcpdump's filter files. */
static void blank_comments(char *text)
{
	for (char *c = strchr(text, '#'); c; c = strchr(c, '#'))
		while (*c && *c != '\n')
			*c++ = ' ';
}

static bool load(struct parse *p, const char *path, int fd)
{
	char *text = xmalloc(OPTIONS_FILTER_MAX + 2);
	size_t n = 0;
	ssize_t got = 0;

	while (n <= OPTIONS_FILTER_MAX &&
		(got = read(fd, text + n, OPTIONS_FILTER_MAX + 1 - n)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			break;
		n += (size_t)got;
	}
	text[n] = '\0';
	p->o->filter = text;
	if (got < 0)
		return fault(p, "-F %s: %s", path, strerror(errno));
	if (n > OPTIONS_FILTER_MAX)
		return fault(p, "-F %s: is larger than 1 MiB, not a filter", path);
	if (strlen(text) != n)
		return fault(p, "-F %s: holds zero bytes, not a filter", path);
	blank_comments(text);
	return true;
}

static bool load_filter(struct parse *p)
{
	const char *path = p->o->filter_file;
	bool input = strcmp(path, "-") == 0;
	int fd = input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	bool good;

	if (fd < 0)
		return fault(p, "-F %s: %s", path, strerror(errno));
	good = load(p, path, fd);
	if (!input)
		close(fd);
	return good;
}

void options_init(struct options *o)
{
	memset(o, 0, sizeof(*o));
	o->jobs = OPTIONS_JOBS_AUTO;
	o->source.window = OPTIONS_WINDOW;
}

/* optopt is 0 for an unknown long option, the option's value where the argument is at fault. */
static bool unknown(struct parse *p, int c, char **argv)
{
	const char *fault_is = c == ':' ? "needs a value" : "takes no value";

	if (optopt == 0)
		return fault(p, "%s is not an option; try tsumari --help", argv[optind - 1]);
	if (optopt > UCHAR_MAX)
		return fault(p, "%s %s; try tsumari --help", argv[optind - 1], fault_is);
	if (optopt == ':' || !strchr(letters, optopt))
		fault_is = "is not an option";
	return fault(p, "-%c %s; try tsumari --help", optopt, fault_is);
}

bool options_parse(struct options *o, int argc, char **argv, char *err, size_t errsize)
{
	struct parse p = {o, err, errsize};
	int c;

	optind = 0; /* also starts anew where it ran before */
	opterr = 0;
	while ((c = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (c == ':' || c == '?')
			return unknown(&p, c, argv);
		if (!take(&p, c, optarg))
			return false;
	}
	if (o->action == ACTION_HELP)
		return true;
	if (o->compare && o->nreads)
		return fault(&p, "--compare and -r exclude each other");
	if (o->compare && optind == argc)
		return fault(&p, "--compare needs two captures: --compare BEFORE AFTER");
	if (o->compare)
		append(&o->reads, &o->nreads, argv[optind++]);
	else if (o->nreads)
		while (optind < argc && inputs_is_name(argv[optind]))
			append(&o->reads, &o->nreads, argv[optind++]);
	if (optind < argc)
		o->filter = join(argv + optind, argc - optind);
	if (!check(&p) || (o->filter_file && !load_filter(&p)))
		return false;
	o->source.filter = o->filter;
	o->source.memory = o->engine.memory / 8;
	return true;
}

void options_release(struct options *o)
{
	free(o->filter);
	free(o->reads);
	free(o->ifaces);
	free(o->decode);
	free(o->geoip);
	free(o->plugins);
	options_init(o);
}
