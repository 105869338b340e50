/*
 * options.h - the command line.
 *
 * Parsing and the checks for options that exclude each other; what a value names (a file, an
 * interface, a dissector) is looked at by whoever uses it.
 */
#ifndef TSUMARI_RUN_OPTIONS_H
#define TSUMARI_RUN_OPTIONS_H

#include <stdio.h>
#include "core/engine.h"
#include "findings/findings.h"
#include "out/deliver.h"
#include "out/print.h"
#include "capture/source.h"

#define OPTIONS_FILTER_MAX ((size_t)1024 * 1024) /* bytes of a -F file */
#define OPTIONS_TO_MAX     8u
#define OPTIONS_JOBS_MAX   64u
#define OPTIONS_JOBS_AUTO  UINT32_MAX
#define OPTIONS_WINDOW     UINT64_C(1000000000) /* ns, in which frames are put in order of time */

enum action {
	ACTION_RUN,
	ACTION_HELP,       /* -h */
	ACTION_VERSION,    /* --version */
	ACTION_INTERFACES, /* -D */
	ACTION_DATALINKS,  /* -L */
	ACTION_PROTOCOLS,  /* --list-protocols */
	ACTION_FIELDS,     /* --fields */
	ACTION_OPTIONS,    /* --list-options */
	ACTION_STAMPS,     /* -J */
	ACTION_TYPES,      /* --types help */
	ACTION_THRESHOLDS  /* --threshold help */
};

enum output {
	OUTPUT_JSON,
	OUTPUT_JSON_FLAT,
	OUTPUT_LIVE,
	OUTPUT_PRINT,  /* packets, not records */
	OUTPUT_REPORT, /* as text; from here on all are reports */
	OUTPUT_REPORT_JSON,
	OUTPUT_REPORT_HTML,
	OUTPUT_KINDS
};

enum time_precision { PRECISION_SOURCE, PRECISION_MICRO, PRECISION_NANO };

struct output_option {
	enum output kind;
	const char *file; /* -o FILE; NULL: the standard output */
};

struct decode_option {     /* -d tcp/8080=http */
	uint8_t transport; /* IANA protocol number */
	uint16_t port;
	const char *name; /* "none": leave it alone */
};

struct options {
	enum action action;
	const char **reads; /* -r FILE, and the files behind it, nreads of them; none: live */
	unsigned nreads;
	char **own; /* of reads: names that were read from a file, nown of them */
	unsigned nown;
	const char **ifaces; /* -i, nifaces of them */
	unsigned nifaces;
	char *filter; /* the words at the end, or what the -F file holds; NULL: none */
	const char *filter_file;
	struct source_options source; /* its filter is the one above */
	uint64_t max_frames;          /* -c */
	uint64_t duration;            /* ns */

	const char *write;      /* -w FILE */
	uint64_t write_size;    /* -C, bytes */
	uint64_t write_seconds; /* -G */
	unsigned write_files;   /* -W */
	bool unbuffered;        /* -U */
	struct print_style print;
	enum time_precision precision;
	const char *user;    /* -Z */
	const char *command; /* -z */

	/* What was asked for, each kind once; none: the caller chooses. */
	struct output_option outputs[OUTPUT_KINDS];
	unsigned noutputs;
	bool line_buffered;      /* -l */
	bool numeric;            /* -n */
	bool count;              /* --count */
	bool append;             /* --append */
	uint64_t rotate_size;    /* --rotate-size, bytes */
	uint64_t rotate_time;    /* --rotate-time, ns */
	unsigned rotate_files;   /* --rotate-files */
	const char *display;     /* -Y, a display filter; NULL: all records */
	const char *extract;     /* --extract, a display filter */
	uint64_t extract_memory; /* --extract-memory, bytes; 0: the default */
	const char *compare;     /* --compare, the capture before; `reads` has the one after */
	const char *har;         /* --har FILE */
	struct deliver_url to[OPTIONS_TO_MAX]; /* --to */
	unsigned nto;
	bool web;           /* --web */
	const char *web_at; /* its address; NULL: the usual one */
	const char *web_token, *web_cert, *web_key;
	bool web_open;
	const char *history;   /* --history */
	uint64_t history_size; /* bytes; 0: the usual */
	const char *sensor;    /* --sensor; NULL: none */
	const char *types;     /* --types, a list with commas; NULL: all */
	uint64_t keep;         /* --keep, bytes; 0: not given */

	unsigned jobs; /* -j, or OPTIONS_JOBS_AUTO */
	struct decode_option *decode;
	unsigned ndecode;
	const char **geoip; /* databases; none: those in the usual places */
	unsigned ngeoip;
	const char **plugins;
	unsigned nplugins;
	char *notes;                  /* a line for each option that is accepted only; NULL: none */
	struct thresholds thresholds; /* --threshold; the caller sets the defaults, too */
	struct engine_config engine;  /* the caller sets the defaults before parsing */
};

/* Everything off, nothing given. */
void options_init(struct options *o);

/*
 * Reads the command line. False with one line in err. Strings lead into argv. A -F file is read
 * here, too.
 */
bool options_parse(struct options *o, int argc, char **argv, char *err, size_t errsize);
void options_release(struct options *o);

/* The output of a kind; NULL: it is not asked for. */
const struct output_option *options_output(const struct options *o, enum output kind);
/* Is it a report? */
bool options_is_report(enum output kind);
/* One more output, unless it is there; it goes to the standard output. */
struct output_option *options_add_output(struct options *o, enum output kind);
/* Are only packets of interest: copied, shown or counted? */
bool options_packets_only(const struct options *o);
/* Does it go to the standard output? */
bool options_to_stdout(const struct output_option *of);

/* --help, and the table of options for completions, tabs between: letter, name, whether it takes a
   value (none, needed, optional), what that is called, its kind, help. */
void options_usage(FILE *f);
void options_list(FILE *f);

#endif
