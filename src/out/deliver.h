/*
 * deliver.h - lines on their way to one destination, which may be slow, away for a while, or full.
 *
 * Who makes lines never waits for who takes them: blocks of lines go into a queue with a bound, and
 * a thread of the destination's own writes them. Of an interface, what finds no room is dropped and
 * counted; of a file that is read, the reader waits for room, as long as anything still goes out.
 *
 *     file:PATH          appended to, rotated and opened again as the options of -o say (outfile.h)
 *     unix:PATH          lines to a stream socket
 *     tcp:HOST:PORT      lines to a TCP server
 *     syslog:[PATH]      a message each to the local syslog daemon (/dev/log)
 *
 * A connection that ends is made again, at longer and longer intervals, and begins with the line
 * that may have been cut: it may come twice, with the same event.id.
 */
#ifndef TSUMARI_OUT_DELIVER_H
#define TSUMARI_OUT_DELIVER_H

#include "out/lines.h"
#include "out/outfile.h"
#include "out/sink.h"

#define DELIVER_QUEUE ((uint64_t)16 << 20) /* bytes */
#define DELIVER_MIN   ((uint64_t)64 << 10)

enum deliver_kind { DELIVER_FILE, DELIVER_UNIX, DELIVER_TCP, DELIVER_SYSLOG };

/* A destination as it was written: text that deliver_url_release() frees. */
struct deliver_url {
	enum deliver_kind kind;
	char *at;         /* a path; tcp: HOST:PORT */
	char *types;      /* types=; NULL: all but findings */
	char *filter;     /* filter=; NULL: all */
	uint64_t queue;   /* queue=, bytes */
	const char *said; /* the whole, for messages; must stay */
};

/* False with one line in err; nothing is to be released then. */
bool deliver_url_parse(struct deliver_url *u, const char *text, char *err, size_t errsize);
void deliver_url_release(struct deliver_url *u);

struct deliver_options {
	struct deliver_url url; /* its texts stay */
	struct lines_options lines;
	struct outfile_options file; /* but for its path */
	bool wait;                   /* for room: nothing is dropped */
};

struct deliver;

/* Finds the host and opens the file. NULL, with one line in err, where that fails. */
struct deliver *deliver_new(const struct deliver_options *o, char *err, size_t errsize);
/*
 * Starts the thread. `confined` is called in it before it does anything else (NULL: nothing is),
 * and a thread of a socket first waits for deliver_go(). False: no thread is to be had.
 */
bool deliver_start(struct deliver *d, void (*confined)(void));
void deliver_go(struct deliver *d);
struct sink deliver_sink(struct deliver *d);
/* SIGHUP: a file that was moved away is begun anew under its name. */
void deliver_reopen(struct deliver *d);
/* Writes what is left, as long as it goes on, and ends the thread. False: see deliver_error(). */
bool deliver_finish(struct deliver *d);
const char *deliver_error(const struct deliver *d); /* NULL: none */

struct deliver_counts {
	uint64_t lines, dropped; /* records that left; that never will */
	uint64_t queued;         /* bytes that wait */
	uint64_t connects;       /* connections made */
};
void deliver_counts(struct deliver *d, struct deliver_counts *c);
/* Why records were dropped, at the end. */
const char *deliver_why(const struct deliver *d);
const char *deliver_name(const struct deliver *d); /* as it was written */
const char *deliver_kind(const struct deliver *d); /* "tcp" */
bool deliver_is_file(const struct deliver *d);
void deliver_free(struct deliver *d);

#endif
