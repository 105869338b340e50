#ifndef TSUMARI_RUN_RUN_H
#define TSUMARI_RUN_RUN_H

/*
 * One run of the program, from the command line on: what main.c sets up and outputs.c opens.
 * Functions that return false have said why in err.
 */
#include "model/geo.h"
#include "out/document.h"
#include "out/filter.h"
#include "out/har.h"
#include "out/identity.h"
#include "out/ndjson.h"
#include "out/report.h"
#include "capture/capwriter.h"
#include "run/comparison.h"
#include "run/extraction.h"
#include "capture/inputs.h"
#include "run/options.h"
#include "run/pipeline.h"
#include "run/postrotate.h"
#include "web/shown.h"
#include "ui/progress.h"
#include "ui/ui.h"

/* What an output of the options has become: one of these. */
struct run_output {
	struct ndjson *ndjson;
	struct report *report;
	struct document *document;
	struct printer *print;
};

struct run {
	struct options o;
	struct inputs inputs; /* of -r */
	struct source *source;
	struct capwriter *writer;
	struct postrotate *postrotate; /* -z */
	struct printer *printer;       /* of an output; NULL: packets are not printed */
	struct filter *filter;
	struct extraction extraction;
	struct source *before;                   /* --compare */
	struct run_output outputs[OUTPUT_KINDS]; /* those of `o`, in their order */
	struct comparison comparison;
	struct ui *ui;
	struct har *har;
	struct geo *geo;     /* NULL: there are no databases */
	struct model *model; /* NULL: no output asks for it */
	struct identity identity;
	struct deliver *to[OPTIONS_TO_MAX]; /* those of `o`, in their order */
	struct web *web;                    /* --web; NULL: it is not asked for */
	struct shown *shown;                /* what it shows */
	struct history *history;            /* --history */
	int statm;                          /* how much memory there is; -1: nobody says */
	struct progress progress;
	struct decode_as *decode;
	struct sink sinks[OUTPUT_KINDS + OPTIONS_TO_MAX + 5];
	struct pipeline pipeline;
	uint64_t changes_said; /* of interfaces */
	char name[512];        /* of the source, once it is open */
	char err[2048];
};

/* Behind the reason in err why a source or a display filter could not be had: what was meant. */
void hints_source(struct run *r);
void hints_display(struct run *r);

/* What is read, for people. */
void outputs_name(const struct run *r, char *name, size_t size);

/* What a record does not know of itself. */
struct schema_env outputs_env(const struct run *r);

/* -w; the source is open. */
bool outputs_writer(struct run *r);
bool outputs_har(struct run *r);

/* What records become: NDJSON, a report, the live view, several of these, or nothing. */
bool outputs_open(struct run *r);

/* What outputs share that show more than records. */
void outputs_model(struct run *r);
/* Findings are looked for in it, and all that they need is recorded. */
void outputs_find(struct run *r);

/* False: one failed, and a message says why; *written is false where what -w wrote is not whole. */
bool outputs_finish(struct run *r, bool *written);

/* Everything is open: what is not needed any more is denied (confine.h). */
void run_confine(struct run *r, bool again);

/* Where nothing was said of what comes out. */
void outputs_choose(struct options *o);

/* The threads of --to: those of sockets before everything else is denied, which they do not wait
   for; those of files behind it. */
bool outputs_deliver(struct run *r, bool files);

/* --web: its socket is opened with the outputs, its thread started with those of --to. */
bool page_open(struct run *r);
bool page_start(struct run *r);
/* --history: its thread is started behind what is denied. */
bool page_keep(struct run *r);
/* There are no more records. False: a message says what went wrong. */
bool page_end(struct run *r);
void page_announce(const struct run *r);
/* All is analysed: of a file the page stays until a signal ends it. */
void page_stay(struct run *r);
void page_release(struct run *r);

/* SIGHUP: files that were moved away are begun anew under their names. */
void outputs_reopen(struct run *r);
/* Is anything written to files while it runs? */
bool outputs_have_files(const struct options *o);

void outputs_release(struct run *r);

/* Would writing to a file destroy what is being read? */
bool outputs_is_input(const struct run *r, const char *path);

/* A struct source's name of an interface; NULL where it has none of that number. */
const char *outputs_iface(void *arg, unsigned i);

#endif
