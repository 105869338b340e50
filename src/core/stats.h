/*
 * stats.h - what the capture and the engine counted, for the summary and the end of the output.
 *
 * Everything that was dropped, cut, limited or odd is here by name: nothing is lost silently.
 */
#ifndef TSUMARI_CORE_STATS_H
#define TSUMARI_CORE_STATS_H

#include <stdint.h>

struct counter {
	const char *name; /* a constant */
	uint64_t n;
};

#define COUNTERS_MAX 256

/* A small set of counters by name; more than COUNTERS_MAX go into one named "other". */
struct counters {
	uint32_t n;
	struct counter c[COUNTERS_MAX];
};

/* Adds n to the counter of that name (compared by text). */
void counters_add(struct counters *c, const char *name, uint64_t n);
/* Adds every counter of `from`. */
void counters_merge(struct counters *c, const struct counters *from);
/* Sorted by name, for output that is the same for any number of workers. */
void counters_sort(struct counters *c);

#define CUT_SHOWN 10u

#define COMMENTS_SHOWN 10u

/* What somebody wrote into a capture file; its bytes are whatever they are. */
struct capture_comment {
	uint64_t time;  /* of the frame that it is about, ns; 0: no frame */
	char text[200]; /* cut, where it is longer */
};

/* One of several files that are read as one capture. */
struct capture_file {
	const char *name;
	uint64_t frames, first, last; /* times, ns; 0: no frame */
	const char *fault;            /* why it was not read to its end; NULL: it was */
};

/* What may become of an interface that is listened to. */
enum iface_state {
	IFACE_UP,
	IFACE_NO_CARRIER,
	IFACE_DOWN,
	IFACE_RENAMED,
	IFACE_REMOVED,
	IFACE_FAILED, /* it cannot be read any more */
	IFACE_STATE_COUNT
};
extern const char *const iface_state_names[IFACE_STATE_COUNT];

#define CHANGES_SHOWN 100u
#define CHANGE_NAME   16u /* as the kernel's limit */

struct capture_change {
	uint64_t time; /* ns */
	enum iface_state state;
	char name[CHANGE_NAME]; /* as it was listened to */
	char now[CHANGE_NAME];  /* where renamed */
};

/* "eth0 is down"; where it is called otherwise now, so. */
struct text;
void capture_change_text(const struct capture_change *c, struct text *t);

#define DROPS_SHOWN 60u

/* Frames that the kernel dropped within whole seconds; more than one, where there were many. */
struct capture_drops {
	uint64_t start, end; /* ns */
	uint64_t frames;
};
struct drops {
	uint32_t n;
	struct capture_drops list[DROPS_SHOWN];
};
/* Frames that were dropped between two times, by the second: evenly, where those are several. */
void drops_add(struct drops *d, uint64_t from, uint64_t to, uint64_t frames);

/* Facts of the capture as the reader saw it. */
struct capture_stats {
	uint64_t frames, bytes,
		captured_bytes;        /* frames read, their bytes on the wire and captured */
	uint64_t first, last;          /* capture times, ns; 0: no frame */
	uint64_t listened;             /* to interfaces, by the clock, ns; 0: to none */
	uint64_t cut_frames;           /* shorter than on the wire (snap length) */
	uint64_t cut_first[CUT_SHOWN]; /* numbers of the first of them */
	uint64_t cut_least;            /* bytes on the wire of the smallest of them */
	uint64_t reordered;            /* frames put in order of time */
	uint64_t time_back; /* frames with a time before their predecessor's that were not */
	/* Of interfaces, by the kernel now or by a file that says what was dropped for it. */
	uint64_t kernel_received, kernel_dropped, interface_dropped;
	struct drops drops; /* when the kernel dropped frames */
	uint64_t changes;   /* of interfaces, and the first of them */
	struct capture_change change[CHANGES_SHOWN];
	uint64_t comments; /* in a file, and the first of them */
	struct capture_comment comment[COMMENTS_SHOWN];
	const struct capture_file *files; /* the source's, where there are several */
	uint32_t nfiles;
};

/* What rates are over, ns: the time listened; of a file that from its first frame to its last. */
static inline uint64_t capture_time(const struct capture_stats *st)
{
	return st->listened ? st->listened : st->last - st->first;
}

/* One more; with COMMENTS_SHOWN of them it is counted only. */
void capture_comment(struct capture_stats *st, uint64_t time, const char *text);

#endif
