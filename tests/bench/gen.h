/*
 * bench-gen: deterministic captures for benchmarks and tests.
 *
 * A discrete event simulation seen from one tap. Every event is an actor doing something at a
 * time; packets leave for the file when their event comes up, so the file is in time order, any
 * number of conversations interleave and memory holds only what is live. There is one random
 * generator with a fixed seed and no floating point in what reaches the file: the same bytes on
 * every run and machine. C leaves the order open in which arguments, operands and initialisers are
 * evaluated, so no expression draws two random numbers.
 *
 *   gen.c         arguments, the table of workloads, the summary
 *   gen_sim.c     random numbers, the event heap, flow arrivals, the pcap file
 *   gen_frame.c   Ethernet, IPv4, TCP and UDP headers with checksums
 *   gen_message.c the bytes of one application message
 *   gen_tcp.c     a TCP conversation that carries a script of messages
 *   gen_web.c     workload web
 *   gen_small.c   workloads small and flood
 *   gen_mysql.c   workload mysql
 *   gen_nfs.c     workload nfs
 *   gen_smtp.c    workload smtp
 *
 * A new TCP workload writes a struct script (whose turn is it, after what think time, saying what),
 * a spawn function that opens one conversation with it, and one line in gen.c. web is the model.
 *
 * Units: times are nanoseconds since the start of the capture, addresses and ports host order.
 */
#ifndef BENCH_GEN_H
#define BENCH_GEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Raise whenever the bytes of a workload change: bench.sh then makes its captures anew. */
#define GEN_VERSION 2

#define USEC UINT64_C(1000)
#define MSEC UINT64_C(1000000)
#define SEC  UINT64_C(1000000000)

struct sim;
struct actor;

struct event {
	uint64_t time;
	struct actor *actor;
	uint32_t serial; /* first in, first out among equal times */
	uint32_t seq;    /* the rest belongs to the actor */
	uint16_t len;
	uint8_t kind;
	uint8_t side;
};

/* Embedded first in whatever takes events; released when no event for it is left. */
struct actor {
	void (*handle)(struct sim *sim, struct actor *actor, const struct event *ev);
	void (*release)(struct actor *actor);
	uint32_t events;
};

struct counter {
	const char *name;
	uint64_t value;
};

enum fill { FILL_TEXT, FILL_BINARY, FILL_KINDS };
enum { FILL_SIZE = 256 * 1024, FILL_SLACK = 2048 };
enum { MAX_COUNTERS = 48 };

struct sim {
	uint64_t rng;
	uint64_t now;
	double scale;

	struct event *heap;
	size_t heap_len, heap_cap;
	uint32_t serial;

	int fd;
	uint8_t *out;
	size_t out_len;
	uint64_t packets, file_bytes, wire_bytes, last_time;

	uint8_t *fill[FILL_KINDS];
	struct counter counters[MAX_COUNTERS];
	size_t ncounters;
	uint32_t live, peak_live;
};

/* gen_sim.c */
void sim_init(struct sim *sim, const char *path, double scale);
void sim_run(struct sim *sim);
void sim_release(struct sim *sim);
void sim_push(struct sim *sim, struct actor *actor, struct event ev);
void sim_write(struct sim *sim, const uint8_t *frame, size_t len);
/* Adds to a line of the summary; name must be a literal. */
void sim_count(struct sim *sim, const char *name, uint64_t n);
/* n at --scale 1, at least 1. */
uint64_t sim_scaled(const struct sim *sim, uint64_t n);
/* Calls spawn for flow 0 .. flows-1 at random times, flows / span a nanosecond on average. */
void sim_arrivals(struct sim *sim, uint64_t flows, uint64_t span,
	void (*spawn)(struct sim *sim, uint32_t index));
void flow_began(struct sim *sim);
void flow_ended(struct sim *sim);

uint64_t rnd(struct sim *sim);
uint32_t rnd_below(struct sim *sim, uint32_t n);
uint32_t rnd_between(struct sim *sim, uint32_t lo, uint32_t hi); /* both included */
bool rnd_chance(struct sim *sim, uint32_t per_million);
uint64_t rnd_exp(struct sim *sim, uint64_t mean);
/* From lo to below lo * 2^octaves, every doubling equally likely: a skewed size or time. */
uint64_t rnd_octaves(struct sim *sim, uint64_t lo, uint32_t octaves);

_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n, size_t size);

/* gen_frame.c */
enum { TCP_FIN = 1, TCP_SYN = 2, TCP_PSH = 8, TCP_ACK = 16 };
enum { FRAME_MAX = 1514, FRAME_MIN = 60 };

struct endpoint {
	uint32_t addr;
	uint16_t port;
	uint8_t ttl;
	uint16_t ip_id; /* the next one */
};

/* With a random first ip_id. */
struct endpoint endpoint_at(struct sim *sim, uint32_t addr, uint32_t port, uint8_t ttl);

struct tcp_header {
	uint32_t seq, ack;
	uint16_t window;
	uint8_t flags;
	uint8_t options_len; /* a multiple of 4 */
	uint8_t options[40];
};

/* Where the payload belongs in a frame that is being put together. */
uint8_t *frame_tcp_payload(uint8_t *frame, const struct tcp_header *tcp);
uint8_t *frame_udp_payload(uint8_t *frame);
/* Headers and checksums around a payload that is already in place; returns the frame's length. */
size_t frame_tcp(uint8_t *frame, struct endpoint *src, const struct endpoint *dst,
	const struct tcp_header *tcp, size_t payload_len);
size_t frame_udp(
	uint8_t *frame, struct endpoint *src, const struct endpoint *dst, size_t payload_len);
void put_be16(uint8_t *p, uint32_t v);
void put_be32(uint8_t *p, uint32_t v);

/* gen_message.c: text is stored, filler is only described, so a large body costs nothing. */
struct span {
	uint32_t start; /* offset in the message */
	uint32_t len;
	uint32_t from; /* offset in the text, or in the filler where it repeats */
	int32_t kind;  /* enum fill, or -1 for text */
};

struct message {
	struct span *spans;
	char *text;
	uint32_t nspans, span_cap;
	uint32_t text_len, text_cap;
	uint32_t len;
	uint32_t hint;
};

void message_reset(struct message *msg);
void message_release(struct message *msg);
void message_bytes(struct message *msg, const void *bytes, size_t len);
void message_printf(struct message *msg, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void message_fill(struct sim *sim, struct message *msg, enum fill kind, uint32_t len);
/* len is at most FILL_SLACK. */
void message_copy(
	const struct sim *sim, struct message *msg, uint32_t off, uint32_t len, uint8_t *to);

/* gen_tcp.c */
enum { CLIENT, SERVER };

struct turn {
	struct message *msg; /* empty: to be filled in */
	uint64_t think;      /* from when the speaker knows all that was said before */
	int from;            /* CLIENT or SERVER: who speaks, or closes */
};

struct script {
	/* The next message; false when turn->from closes the connection instead. */
	bool (*next)(struct sim *sim, void *state, struct turn *turn);
	void (*release)(void *state); /* may be NULL: free() */
};

struct tcp_spec {
	struct endpoint side[2];
	const struct script *script;
	void *state;      /* the script's, released with the conversation */
	uint64_t loop[2]; /* tap to client and back, tap to server and back; their sum is the RTT */
	uint64_t spacing; /* between two segments of a burst */
	uint16_t mss;
	uint8_t wscale[2];
	bool options;             /* MSS, SACK permitted, window scale in the SYN */
	bool timestamps;          /* RFC 7323; needs options */
	bool four_way;            /* the second FIN comes in a packet of its own */
	uint16_t max_window;      /* segments in flight */
	uint32_t lost_before_tap; /* per million data segments */
	uint32_t lost_after_tap;  /* so they are seen twice */
	uint32_t reordered;
};

/* What hosts of today agree on: MSS 1460, window scale 7, timestamps. */
struct tcp_spec tcp_usual(const struct script *script, void *state);
void tcp_open(struct sim *sim, const struct tcp_spec *spec);

/* The workloads. */
void web_start(struct sim *sim);
void small_start(struct sim *sim);
void flood_start(struct sim *sim);
void mysql_start(struct sim *sim);
void nfs_start(struct sim *sim);
void smtp_start(struct sim *sim);

#endif
