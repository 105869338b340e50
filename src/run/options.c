/*
 * options.c - the command line (options.h): the options of the table, and how they go together.
 */
#include "run/option_table.h"
#include "capture/inputs.h"
#include "base/mem.h"
#include "base/text.h"
#include "web/server.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const struct output_option *options_output(const struct options *o, enum output kind)
{
	for (unsigned i = 0; i < o->noutputs; i++)
		if (o->outputs[i].kind == kind)
			return &o->outputs[i];
	return NULL;
}

struct output_option *options_add_output(struct options *o, enum output kind)
{
	unsigned i = 0;

	while (i < o->noutputs && o->outputs[i].kind != kind)
		i++;
	if (i == o->noutputs)
		o->outputs[o->noutputs++] = (struct output_option){kind, NULL};
	return &o->outputs[i];
}

bool options_packets_only(const struct options *o)
{
	unsigned packets = options_output(o, OUTPUT_PRINT) != NULL;

	return !o->har && !o->nto && !o->web && o->noutputs == packets &&
	       (packets || o->write || (o->count && o->nreads));
}

bool options_to_stdout(const struct output_option *of)
{
	return !of->file || strcmp(of->file, "-") == 0;
}

bool options_is_report(enum output kind)
{
	return kind >= OUTPUT_REPORT;
}

static const char *output_name(enum output kind)
{
	static const char *const names[OUTPUT_KINDS] = {[OUTPUT_JSON] = "--json",
		[OUTPUT_JSON_FLAT] = "--json-flat",
		[OUTPUT_LIVE] = "--live",
		[OUTPUT_PRINT] = "--print",
		[OUTPUT_REPORT] = "--report",
		[OUTPUT_REPORT_JSON] = "--report=json",
		[OUTPUT_REPORT_HTML] = "--report=html"};

	return names[kind];
}

/* Files or types of records without an output are of JSON. */
static bool settle_outputs(struct parse *p)
{
	struct options *o = p->o;

	if (!o->noutputs && !o->compare && (p->early || (o->types && !o->nto && !o->web)))
		options_add_output(o, OUTPUT_JSON);
	if (!o->noutputs && p->early) /* --compare */
		options_add_output(o, OUTPUT_REPORT);
	if (!p->early)
		return true;
	if (o->outputs[0].file)
		return options_fault(p,
			"-o %s: each output has one file, and -o %s was given before",
			o->outputs[0].file, p->early);
	o->outputs[0].file = p->early;
	return true;
}

/* Each output has a place of its own. */
static bool check_places(struct parse *p)
{
	const struct options *o = p->o;
	const char *on_stdout = o->write && strcmp(o->write, "-") == 0 ? "-w -" : NULL;

	if (o->har && strcmp(o->har, "-") == 0) {
		if (on_stdout)
			return options_fault(p, "--har - and -w - both go to the standard output");
		on_stdout = "--har -";
	}
	if (o->count && o->nreads) {
		if (on_stdout)
			return options_fault(
				p, "--count and %s both go to the standard output", on_stdout);
		on_stdout = "--count";
	}
	for (unsigned i = 0; i < o->noutputs; i++) {
		const struct output_option *a = &o->outputs[i];

		if (a->kind == OUTPUT_LIVE && a->file)
			return options_fault(p, "-o is for what is written, not for --live");
		if (options_to_stdout(a) && on_stdout)
			return options_fault(p,
				"%s and %s both go to the standard output: give one of them "
				"-o FILE",
				on_stdout, output_name(a->kind));
		if (options_to_stdout(a))
			on_stdout = output_name(a->kind);
		if (a->file && o->har && strcmp(a->file, o->har) == 0)
			return options_fault(p, "--har and -o name the same file");
		for (unsigned k = 0; k < i && !options_to_stdout(a); k++)
			if (o->outputs[k].file && strcmp(o->outputs[k].file, a->file) == 0)
				return options_fault(p, "-o %s: %s goes to this file", a->file,
					output_name(o->outputs[k].kind));
	}
	return true;
}

static bool to_file(const struct options *o)
{
	for (unsigned i = 0; i < o->nto; i++)
		if (o->to[i].kind == DELIVER_FILE)
			return true;
	return false;
}

static bool has_file(const struct options *o)
{
	if (to_file(o))
		return true;
	for (unsigned i = 0; i < o->noutputs; i++)
		if (!options_to_stdout(&o->outputs[i]))
			return true;
	return false;
}

/* Options that say two things at once, or nothing without another one. */
static bool check(struct parse *p)
{
	const struct options *o = p->o;
	bool live = options_output(o, OUTPUT_LIVE);
	bool records = options_output(o, OUTPUT_JSON) || options_output(o, OUTPUT_JSON_FLAT);
	bool print = options_output(o, OUTPUT_PRINT);
	bool quiet = o->write && options_packets_only(o);
	const struct {
		bool broken;
		const char *line;
	} rules[] = {
		{o->nreads && o->nifaces, "-r and -i exclude each other"},
		{o->nreads && o->action == ACTION_DATALINKS, "-L is for interfaces, not with -r"},
		{o->nreads && o->action == ACTION_STAMPS, "-J is for interfaces, not with -r"},
		{o->filter && o->filter_file, "a filter and -F exclude each other"},
		{o->compare && o->nifaces, "--compare and -i exclude each other"},
		{o->compare && strcmp(o->compare, "-") == 0 && strcmp(o->reads[0], "-") == 0,
			"--compare needs two captures: only one of them can be the standard input"},
		{o->compare && live, "--compare is not for --live"},
		{o->compare && (o->write || o->nto || o->web || o->har || o->types ||
				       o->line_buffered || o->noutputs > 1 ||
				       (o->noutputs && o->outputs[0].kind != OUTPUT_JSON &&
					       o->outputs[0].kind != OUTPUT_REPORT)),
			"--compare puts out what changed only: -w, --web, --har, --types, -l, "
			"--json-flat "
			"and further outputs have no effect"},
		{o->append && !has_file(o), "--append needs -o, or --to file:PATH"},
		{o->append && options_output(o, OUTPUT_REPORT_HTML),
			"--append is not for --report=html: a page is a file of its own"},
		{(o->rotate_size || o->rotate_time) && !((records && has_file(o)) || to_file(o)),
			"--rotate-size and --rotate-time need records that go to a file: --json -o "
			"FILE, or --to file:PATH"},
		{o->rotate_files && !o->rotate_size && !o->rotate_time,
			"--rotate-files needs --rotate-size or --rotate-time"},
		{o->extract && !o->write, "--extract needs -w"},
		{o->extract_memory && !o->extract, "--extract-memory needs --extract"},
		{o->extract && o->unbuffered, "--extract writes at the end: -U has no effect"},
		{o->extract && o->display && quiet,
			"--extract has a filter of its own: -Y needs an output such as --json"},
		{o->write_size && !o->write, "-C needs -w"},
		{o->write_seconds && !o->write, "-G needs -w"},
		{o->write_files && !o->write, "-W needs -w"},
		{print && o->extract, "--extract writes what it finds: look at that with --print"},
		{o->display && options_packets_only(o) && !o->extract,
			"-Y chooses records: give a filter expression for packets, or --extract"},
		{o->write_files && !o->write_size && !o->write_seconds, "-W needs -C or -G"},
		{o->write && strcmp(o->write, "-") == 0 && (o->write_size || o->write_seconds),
			"-C and -G need a file, not -w -"},
		{quiet && !o->extract && (o->ndecode || o->nplugins),
			"-w alone writes packets only: -d and --plugin need an output such as "
			"--json"},
		{quiet && !o->extract && o->jobs != OPTIONS_JOBS_AUTO,
			"-w alone writes packets only: -j needs an output such as --json"},
		{o->types && !records && !o->nto && o->noutputs,
			"--types is for records: give --json, too"},
		{o->keep && !live && o->noutputs, "--keep is for the live view"},
		{live && o->web && o->nreads,
			"--web and --live are for one run of an interface: of a file give one of "
			"them"},
		{!o->web && (o->web_token || o->web_cert || o->web_open),
			"--web-token, --web-cert and --web-open need --web"},
		{o->history && (!o->web || o->nreads),
			"--history keeps what is listened to, for --web: it needs that, and no -r"},
		{o->history_size && !o->history, "--history-size needs --history"},
		{!o->web_cert != !o->web_key, "--web-cert and --web-key need each other"},
		{live && o->extract, "--extract is not for --live: F9 saves what it shows"},
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].broken)
			return options_fault(p, "%s", rules[i].line);
	return check_places(p);
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
		return options_fault(p, "-F %s: %s", path, strerror(errno));
	if (n > OPTIONS_FILTER_MAX)
		return options_fault(p, "-F %s: is larger than 1 MiB, not a filter", path);
	if (strlen(text) != n)
		return options_fault(p, "-F %s: holds zero bytes, not a filter", path);
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
		return options_fault(p, "-F %s: %s", path, strerror(errno));
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

/* What getopt_long() knows of the table; a long option's value is behind any character's. */
#define LONG_OPTION 256

static void make_letters(char *to)
{
	*to++ = ':'; /* a value that is missing is told apart */
	for (unsigned i = 0; i < option_count; i++) {
		if (!option_table[i].letter)
			continue;
		*to++ = option_table[i].letter;
		if (option_table[i].value)
			*to++ = ':';
	}
	*to = '\0';
}

static void make_longs(struct option *to)
{
	for (unsigned i = 0; i < option_count; i++) {
		const struct option_entry *e = &option_table[i];

		if (e->name)
			*to++ = (struct option){.name = e->name,
				.has_arg = !e->value                  ? no_argument
					   : option_value_optional(e) ? optional_argument
								      : required_argument,
				.val = LONG_OPTION + (int)i};
	}
	*to = (struct option){0};
}

static const struct option_entry *entry_of(int c)
{
	if (c >= LONG_OPTION && (unsigned)c - LONG_OPTION < option_count)
		return &option_table[c - LONG_OPTION];
	for (unsigned i = 0; i < option_count; i++)
		if (c && option_table[i].letter == c)
			return &option_table[i];
	return NULL;
}

/* A long option that is none, or the beginning of several. */
static bool unknown_name(struct parse *p, const char *word)
{
	const char *near = NULL;
	char name[64];
	unsigned least = 3;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 2, "="), word + 2);
	for (unsigned i = 0; i < option_count; i++) {
		unsigned edits = option_table[i].name ? text_edits(name, option_table[i].name) : 3;

		if (edits < least && name[0] == option_table[i].name[0]) {
			least = edits;
			near = option_table[i].name;
		}
	}
	if (!near)
		return options_fault(p, "%s is not an option; try tsumari --help", word);
	return options_fault(
		p, "%s is not an option; did you mean --%s? tsumari --help lists them", word, near);
}

/* optopt is 0 for an unknown long option, the option's value where the argument is at fault. */
static bool unknown(struct parse *p, int c, char **argv)
{
	const struct option_entry *e = entry_of(optopt);
	const char *what = !e ? "is not an option" : c == ':' ? "needs a value" : "takes no value";
	char called[OPTION_CALLED];

	if (optopt == 0)
		return unknown_name(p, argv[optind - 1]);
	if (optopt >= LONG_OPTION)
		return options_fault(p, "%s %s; try tsumari --help", argv[optind - 1], what);
	if (!e)
		return options_fault(p, "-%c %s; try tsumari --help", optopt, what);
	return options_fault(p, "%s %s; try tsumari --help", option_called(e, called), what);
}

static bool take_all(struct parse *p, int argc, char **argv)
{
	struct option *longs = xcalloc(option_count + 1, sizeof(*longs));
	char *letters = xcalloc(2 * option_count + 2, 1);
	bool good = true;
	int c;

	make_letters(letters);
	make_longs(longs);
	optind = 0; /* also starts anew where it ran before */
	opterr = 0;
	while (good && (c = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		const struct option_entry *e = c == ':' || c == '?' ? NULL : entry_of(c);

		/* A value that may be left out, where the next word can be nothing else. */
		if (e && !optarg && e->kind == VALUE_ADDRESS && optind < argc &&
			web_is_address(argv[optind]))
			optarg = argv[optind++];
		good = e ? e->take(p, e, optarg) : unknown(p, c, argv);
		if (e)
			p->given[e - option_table] = true;
	}
	free(longs);
	free(letters);
	return good;
}

/* The names of the options given that are of this use. */
static void name_given(const struct parse *p, enum option_use use, struct text *t)
{
	char called[OPTION_CALLED];

	for (unsigned i = 0; i < option_count; i++)
		if (p->given[i] && option_table[i].use == use)
			text_printf(t, "%s%s", t->len ? ", " : "",
				option_called(&option_table[i], called));
}

/* What is accepted and changes nothing, and why. */
static void take_notes(struct parse *p)
{
	struct text t, names;
	char room[256], called[OPTION_CALLED];

	text_init_growing(&t);
	text_init(&names, room, sizeof(room));
	if (!options_output(p->o, OUTPUT_PRINT))
		name_given(p, USE_PRINT, &names);
	if (names.len)
		text_printf(&t, "%s: how --print shows packets; without it there is no change\n",
			names.p);
	text_clear(&names);
	if (p->o->nreads)
		name_given(p, USE_LIVE, &names);
	if (names.len)
		text_printf(&t, "%s: of an interface; a file is read as it is\n", names.p);
	if (p->o->count && !p->o->nreads)
		text_str(&t, "--count: of a file; an interface's packets are counted at the end\n");
	if (p->o->write_seconds && !p->o->write_size && !strchr(p->o->write, '%'))
		text_str(&t, "-G: each file takes the place of the one before, as the name of -w "
			     "has no % (-w all-%H%M%S.pcap)\n");
	if (p->o->command && !p->o->write_size && !p->o->write_seconds)
		text_str(&t, "-z: only -C and -G end files for which a command runs\n");
	for (unsigned i = 0; i < option_count; i++)
		if (p->given[i] && option_table[i].use == USE_NEVER)
			text_printf(&t, "%s: %s\n", option_called(&option_table[i], called),
				option_table[i].help);
	p->o->notes = xstrdup(t.p);
	text_release(&t);
}

static bool parse_all(struct parse *p, int argc, char **argv)
{
	struct options *o = p->o;

	if (!take_all(p, argc, argv))
		return false;
	if (o->action == ACTION_HELP)
		return true;
	if (o->compare && o->nreads)
		return options_fault(p, "--compare and -r exclude each other");
	if (o->compare && optind == argc)
		return options_fault(p, "--compare needs two captures: --compare BEFORE AFTER");
	if (o->compare)
		options_append(&o->reads, &o->nreads, argv[optind++]);
	else if (o->nreads)
		while (optind < argc && inputs_is_name(argv[optind]))
			options_append(&o->reads, &o->nreads, argv[optind++]);
	if (optind < argc)
		o->filter = join(argv + optind, argc - optind);
	if (!settle_outputs(p) || !check(p) || (o->filter_file && !load_filter(p)))
		return false;
	o->source.filter = o->filter;
	o->source.memory = o->engine.memory / 8;
	take_notes(p);
	return true;
}

bool options_parse(struct options *o, int argc, char **argv, char *err, size_t errsize)
{
	struct parse p = {.o = o, .err = err, .errsize = errsize};
	bool good;

	p.given = xcalloc(option_count, sizeof(*p.given));
	good = parse_all(&p, argc, argv);
	free(p.given);
	return good;
}

void options_release(struct options *o)
{
	for (unsigned i = 0; i < o->nown; i++)
		free(o->own[i]);
	free(o->own);
	for (unsigned i = 0; i < o->nto; i++)
		deliver_url_release(&o->to[i]);
	free(o->notes);
	free(o->filter);
	free(o->reads);
	free(o->ifaces);
	free(o->decode);
	free(o->geoip);
	free(o->plugins);
	options_init(o);
}
