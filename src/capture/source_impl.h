/*
 * source_impl.h - what the kinds of source have in common; for src/run/source*.c only.
 *
 * A kind embeds struct source as its first member and fills ops. The reader's thread calls
 * source_read(); source_stop(), source_progress() and source_position() may come from others.
 */
#ifndef TSUMARI_CAPTURE_SOURCE_IMPL_H
#define TSUMARI_CAPTURE_SOURCE_IMPL_H

#include "capture/bytes.h"
#include "capture/source.h"
#include <pcap/pcap.h>

/*
 * Small enough to stay in the second-level cache, large enough that a read() is rare, and room for
 * the largest frame there usually is (MAXIMUM_SNAPLEN of libpcap, 256 KiB) with its header.
 */
#define CHUNK_SIZE   ((size_t)320 * 1024)
#define CHUNK_POOL   32u
#define SNAPLEN_MAX  262144
#define POLL_TIMEOUT 100 /* ms */

/* Chunks that are used again and again; each holds one reference of the pool's. */
struct chunk_pool {
	struct chunk *slot[CHUNK_POOL];
	unsigned next; /* slot to give up when all are in use */
};

/* A chunk of at least `size` bytes that nobody else holds; `now` (may be NULL) if it is free. */
struct chunk *chunk_pool_get(struct chunk_pool *p, struct chunk *now, size_t size);
/*
 * The same for a source that copies frames one behind the other: goes on behind *fill while others
 * read the chunk and `size` bytes are left, else a chunk from its start.
 */
struct chunk *chunk_pool_room(struct chunk_pool *p, struct chunk *now, size_t *fill, size_t size);
void chunk_pool_release(struct chunk_pool *p);

/* As it was read: what struct packet begins with. */
struct frame {
	uint64_t time, number;
	const uint8_t *data;
	uint32_t caplen, len;
	uint16_t iface, linktype;
	uint32_t held; /* for capture/reorder.c only */
};

_Static_assert(offsetof(struct frame, held) == offsetof(struct packet, flags) &&
		       offsetof(struct frame, number) == offsetof(struct packet, number) &&
		       offsetof(struct frame, data) == offsetof(struct packet, data) &&
		       offsetof(struct frame, caplen) == offsetof(struct packet, caplen) &&
		       offsetof(struct frame, len) == offsetof(struct packet, len) &&
		       offsetof(struct frame, iface) == offsetof(struct packet, iface) &&
		       offsetof(struct frame, linktype) == offsetof(struct packet, linktype),
	"a packet begins with its frame");

struct source_ops {
	/* As source_read(), in the order that they are there. */
	enum source_state (*read)(struct source *s, struct frame *out, unsigned max, unsigned *n,
		struct chunk **chunk);
	/* Live: the time up to which all frames have come, ns since the epoch. */
	uint64_t (*settled)(struct source *s);
	const char *(*iface)(const struct source *s, unsigned i);
	int (*iface_linktype)(const struct source *s, unsigned i);
	int (*socket)(const struct source *s, unsigned i);
	double (*progress)(const struct source *s);
	void (*stats)(struct source *s, struct capture_stats *st);
	/* With set: takes effect; NULL where it cannot be changed. */
	bool (*filter)(
		const struct source *s, const char *filter, bool set, char *err, size_t errsize);
	void (*counters)(const struct source *s, struct counters *c);
	const char *(*fault)(const struct source *s, unsigned i);
	void (*close)(struct source *s); /* frees s too */
};

struct source {
	const struct source_ops *ops;
	bool live, nano;
	bool paced; /* frames come when they come (live, a pipe): they wait no longer than needed */
	bool waiting; /* by capture/reorder.c: frames wait for others */
	int snaplen;
	uint32_t link_field; /* of the first interface, as a pcap file header has it */
	struct chunk_pool pool;
	struct reorder *reorder; /* NULL: frames are handed out as they come */
	uint64_t limit, taken;   /* frames; no limit: UINT64_MAX */
	uint64_t given;          /* live: frames handed out */
	atomic_bool stop;
	int stop_fd;                /* an eventfd that wakes a poll() */
	_Atomic uint64_t stop_time; /* ns since the epoch */
	_Atomic uint64_t frames;    /* frames met, filtered ones too */
	_Atomic uint64_t dropped;   /* live: by kernel and interface */
	_Atomic uint64_t dropped_at;
	struct drops drops;     /* the reader's */
	_Atomic uint64_t bytes; /* captured bytes of those that were handed out */
	/* What somebody wrote into the file: each is there before it is counted. */
	_Atomic uint64_t comments;
	struct capture_comment comment[COMMENTS_SHOWN];
	_Atomic uint64_t changes; /* likewise, what became of interfaces */
	struct capture_change change[CHANGES_SHOWN];
	char error[512];
};

void source_changed(struct source *s, const struct capture_change *c);

/* A comment of n bytes; time: of its frame, 0: it is no frame's. */
void source_said(struct source *s, uint64_t time, const void *text, size_t n);

/* The part in common; false with a line in err. */
bool source_init(struct source *s, const struct source_ops *ops, const struct source_options *o,
	char *err, size_t errsize);
void source_release(struct source *s);

/* The kind's frames, as far as the limit allows. */
enum source_state source_take(
	struct source *s, struct frame *out, unsigned max, unsigned *n, struct chunk **chunk);

/* n frames as packets. */
static inline void source_packets(
	struct source *s, const struct frame *f, struct packet *out, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		memcpy(&out[i], &f[i], offsetof(struct frame, held));
		out[i].owned = NULL;
	}
	if (s->live)
		for (unsigned i = 0; i < n; i++)
			out[i].number = ++s->given;
}

static inline bool source_stopped(const struct source *s)
{
	return atomic_load_explicit(&s->stop, memory_order_relaxed);
}

static inline void source_count(struct source *s, uint64_t frames, uint64_t bytes)
{
	atomic_store_explicit(&s->frames, frames, memory_order_relaxed);
	atomic_store_explicit(&s->bytes,
		atomic_load_explicit(&s->bytes, memory_order_relaxed) + bytes,
		memory_order_relaxed);
}

/* The link type field that a pcap file of p's packets has (LINKTYPE_ value, FCS bits on top). */
uint32_t source_link_field(pcap_t *p);
#define LINK_FIELD_TYPE(field) ((field)&0x03ffffffu)

/* A frame's time from libpcap, in ns; seconds before 1970 are meant as unsigned 32-bit ones. */
static inline uint64_t source_time(const struct pcap_pkthdr *h, bool nano)
{
	uint64_t sec = h->ts.tv_sec < 0 ? (uint32_t)h->ts.tv_sec : (uint64_t)h->ts.tv_sec;
	uint64_t part = h->ts.tv_usec < 0 ? (uint32_t)h->ts.tv_usec : (uint64_t)h->ts.tv_usec;

	return sec * UINT64_C(1000000000) + (nano ? part : part * 1000);
}

/* As libpcap: the most that is captured of a frame of this link type. */
uint32_t source_caplen_limit(uint32_t linktype);

/* A libpcap handle of a pcap file's header (BYTES_HEAD bytes) alone: it knows link types and
   compiles filters. NULL with one line in err. */
pcap_t *source_handle(uint8_t *head, char *err, size_t errsize);
/* A filter for frames of this link type; false with libpcap's reason in err. */
bool source_compile(uint16_t linktype, const char *filter, struct bpf_program *program, char *err,
	size_t errsize);

/* A file that is open, read from its beginning; takes fd over. */
struct source *source_open_fd(
	int fd, const char *name, const struct source_options *o, char *err, size_t errsize);

/* What was read of a file and is not used yet. */
struct window {
	struct bytes *in;
	struct chunk *chunk;
	size_t pos, end; /* in the chunk */
	size_t need;     /* bytes from pos on without which nothing can be done */
};

/*
 * Moves what is left to the front of a chunk that nobody else holds, and reads on behind it, where
 * that is fast; there is room for `need`. As bytes_read().
 */
ssize_t window_fill(struct window *w, struct chunk_pool *pool);
/* Nothing more comes, because of `why` (NULL: the file ends), in the middle of something or not:
   END, or ERROR with a message. */
enum source_state source_finished(
	struct source *s, const struct window *w, uint64_t frames, const char *why, bool cut);

/* A file of another format than plain pcap; takes *b over. Part of source_open_file(). */
struct source *source_open_pcapng(
	struct bytes *b, const struct source_options *o, char *err, size_t errsize);
struct source *source_open_libpcap(
	struct bytes *b, const struct source_options *o, char *err, size_t errsize);

#endif
