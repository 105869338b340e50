/*
 * source.h - where frames come from: a file, standard input, or interfaces.
 *
 * A source hands out frames in batches. The bytes of a batch lie in one chunk; chunks are counted
 * references, so that workers may still be reading a chunk while the source fills the next. A
 * source keeps one reference of its own on the chunk it is filling and fills that same chunk again
 * as long as nobody else holds it, which keeps it in the processor's cache.
 */
#ifndef TSUMARI_CAPTURE_SOURCE_H
#define TSUMARI_CAPTURE_SOURCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "api/packet.h"
#include "core/stats.h"

struct chunk {
	atomic_uint refs;
	unsigned parts; /* of a bundle: other chunks that it keeps */
	size_t size;
	uint8_t data[];
};

struct chunk *chunk_new(size_t size); /* with one reference; never fails (out of memory aborts) */
struct chunk *chunk_bundle(struct chunk *const *parts, unsigned n); /* keeps them while it lives */
void chunk_ref(struct chunk *c);
void chunk_unref(struct chunk *c); /* the last one frees it */

enum source_state {
	SOURCE_MORE, /* out holds *n frames (n may be 0), call again */
	SOURCE_IDLE, /* live: nothing came within the poll interval (at most 100 ms); *n is 0 */
	SOURCE_END,  /* the file is at its end, or a stop was asked for and everything is drained */
	SOURCE_ERROR, /* as END, but something went wrong: source_error() says what */
};

enum source_direction { SOURCE_BOTH, SOURCE_IN, SOURCE_OUT };

struct source_options {
	const char *filter;              /* BPF expression or NULL */
	int snaplen;                     /* -s; 0: default 262144 */
	int buffer_kib;                  /* -B; 0: default */
	bool no_promiscuous;             /* -p */
	const char *datalink;            /* -y or NULL */
	const char *stamps;              /* --time-stamp-type or NULL */
	enum source_direction direction; /* -Q */
	bool immediate;                  /* --immediate-mode */
	bool monitor;                    /* -I */
	bool no_optimize;                /* -O */
	uint64_t window; /* ns in which frames are put in order of time; 0: not at all */
	uint64_t memory; /* bytes of the frames that wait for it, at most */
};

struct source;

/*
 * Open a file ("-": standard input): pcap (both byte orders, micro- and nanoseconds; read by our
 * own reader in large pieces), whatever else libpcap reads (pcapng), and either compressed
 * (unpack.h). NULL on failure with one line in err. Likewise for n interfaces.
 */
struct source *source_open_file(
	const char *path, const struct source_options *o, char *err, size_t errsize);
struct source *source_open_live(const char *const *ifaces, unsigned n,
	const struct source_options *o, char *err, size_t errsize);

/* Several as one, in the order of time; see source_merge.c. One that can be opened and is damaged
   is no failure: it has a source_fault(). No more than SOURCE_FILES_OPEN may overlap in time. */
#define SOURCE_FILES_OPEN 128u
struct source *source_open_files(const char *const *paths, unsigned n,
	const struct source_options *o, char *err, size_t errsize);
/* Does a file begin as a capture does? */
bool source_is_capture(const char *path);

/*
 * Up to max frames into out[] (never more than 64): time, number, data, caplen, len, iface,
 * linktype are set, owned is NULL, and the rest is left for layers_dissect(). The number counts the
 * capture's frames, those that the filter left out too, so that it names the same frame in the file
 * for other tools; an interface's frames have numbers in the order they are handed out.
 * All of them lie in *chunk, or in chunks that it keeps; who keeps them past the next call takes a
 * reference. They come in order of time as far as the window reaches (capture/reorder.h).
 */
enum source_state source_read(
	struct source *s, struct packet *out, unsigned max, unsigned *n, struct chunk **chunk);

/* No more than n frames are read (0: no limit); those are put in order, as if they were all. */
void source_limit(struct source *s, uint64_t n);
/* Frames that were read so far: those that were handed out, and those that wait. */
uint64_t source_taken(const struct source *s);

const char *source_error(const struct source *s); /* one line, after SOURCE_ERROR */
/* What went wrong, one line each; NULL: no more. */
const char *source_fault(const struct source *s, unsigned i);
void source_stop(struct source *s); /* async-signal-safe: drain what was captured, then END */
bool source_live(const struct source *s);
bool source_nano(const struct source *s);    /* nanosecond times */
int source_linktype(const struct source *s); /* LINKTYPE_ value of the first interface */
/* Of interface i; -1: no such interface. Several interfaces may differ. */
int source_iface_linktype(const struct source *s, unsigned i);
/* The link type field as a pcap file header has it: LINKTYPE_ value, with the FCS bits (-w). */
uint32_t source_link_bits(const struct source *s);
int source_snaplen(const struct source *s);
const char *source_iface(const struct source *s, unsigned i); /* name of interface i, NULL */
int source_socket(const struct source *s, unsigned i); /* that its frames come from; -1: none */
/* Progress of a file, 0..1, or negative where its size is not known (a pipe). */
double source_progress(const struct source *s);
/* Frames met so far (filtered ones too) and captured bytes handed out; from any thread. */
void source_position(const struct source *s, uint64_t *frames, uint64_t *bytes);
/* Frames that the kernel and the interface dropped so far (live), a second old at most; from any
   thread. */
uint64_t source_dropped(const struct source *s);
/* What became of interfaces so far, and one of the first CHANGES_SHOWN of it; from any thread. */
uint64_t source_changes(const struct source *s);
const struct capture_change *source_change(const struct source *s, uint64_t i);
/* When the last frames were dropped (source_dropped()), ns; 0: none were. */
uint64_t source_dropped_at(const struct source *s);
/* Comments in the file so far, and one of the first COMMENTS_SHOWN of them; from any thread. */
uint64_t source_comments(const struct source *s);
const struct capture_comment *source_comment(const struct source *s, uint64_t i);
/*
 * Another filter, from any thread, for the frames to come (live); "": none. What was captured by
 * the one before still comes. False with a line in err: it is none, or this is a file.
 */
bool source_check_filter(const struct source *s, const char *filter, char *err, size_t errsize);
bool source_set_filter(struct source *s, const char *filter, char *err, size_t errsize);
/* Adds the kernel's and interface's counts (live), and the frames that were put in order. */
void source_stats(struct source *s, struct capture_stats *st);
/* Adds what was odd about the frames' headers (fractions over a second, lengths that lie). */
void source_counters(const struct source *s, struct counters *c);
void source_close(struct source *s);

#endif
