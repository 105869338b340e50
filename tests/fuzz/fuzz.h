/*
 * fuzz.h - what the fuzz targets share: the engine under test and the checks on what it gives out.
 *
 * A target is a function that takes an input (targets.c has all). libFuzzer drives it (drive.c,
 * run.sh), or replay.c runs the files of the committed corpus through it with any compiler. A check
 * that does not hold says which and aborts.
 */
#ifndef TSUMARI_TESTS_FUZZ_H
#define TSUMARI_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "core/engine.h"
#include "core/ports.h"
#include "model/paths.h"

#define FUZZ_SECOND UINT64_C(1000000000)
#define FUZZ_START  (UINT64_C(1600000000) * FUZZ_SECOND) /* time of the first packet */
#define FUZZ_BATCH  8u

/* Conversations of a protocol (talk.c): NAME, port, another one, the client's, record marks,
 * datagrams. */
#define FUZZ_SERVICES(X)                                                                           \
	X(pgsql, 5432, 50000, 40000, false, false)                                                 \
	X(memcached, 11211, 50000, 40000, false, false)                                            \
	X(http, 80, 50000, 40000, false, false)                                                    \
	X(http2, 50051, 50000, 40000, false, false)                                                \
	X(mysql, 3306, 50000, 40000, false, false)                                                 \
	X(rpc, 2049, 111, 700, true, true)                                                         \
	X(smtp, 25, 50000, 40000, false, false)                                                    \
	X(tls, 443, 50000, 40000, false, false)                                                    \
	X(dns, 53, 50000, 40000, false, true)

/* All by name, as its folder in the corpus is called. */
#define FUZZ_TARGETS(X)                                                                            \
	X(layers, )                                                                                \
	X(stream, )                                                                                \
	FUZZ_SERVICES(X)                                                                           \
	X(file, )                                                                                  \
	X(conversation, )                                                                          \
	X(view, )                                                                                  \
	X(pcapng, )                                                                                \
	X(filter, )                                                                                \
	X(options, )

#define FUZZ_DECLARE(name, ...) int fuzz_##name(const uint8_t *data, size_t size);
FUZZ_TARGETS(FUZZ_DECLARE)

struct fuzz_target {
	const char *name;
	int (*run)(const uint8_t *data, size_t size);
};
extern const struct fuzz_target fuzz_targets[]; /* end with a NULL name */
/* NULL: there is none of this name. */
const struct fuzz_target *fuzz_target(const char *name);

/* Stops with a message unless `holds`. */
void fuzz_check(bool holds, const char *what);

/* Registers the dissectors; may be called again. */
void fuzz_init(void);

/*
 * Walks one record, every byte of it, and checks what must be true of any: it lies in its block,
 * times are in order, the ledger sums to its total. `last_key` is the key of the record before, and
 * is moved on: records come in the order of their keys.
 */
void fuzz_record(const struct record *r, uint64_t *last_key);
/* The names of the types of records that were walked, a line each. */
void fuzz_types(FILE *f);

/* An engine that gets packets made by the target, with the ticks that the pipeline would give. */
struct fuzz_engine {
	struct engine_config config;
	struct engine *engine;
	struct ports *ports;
	struct paths *paths; /* few, so that some give way */
	unsigned batch;      /* packets handed over at once, 1 to FUZZ_BATCH */
	unsigned n;
	struct packet packets[FUZZ_BATCH];
	uint64_t number, now, tick, last_key;
	uint64_t transactions; /* records of transactions that came out */
	unsigned as_json;      /* records that were read as JSON */
};

/* The config's defaults are set before `memory` and `interval` (ns). */
void fuzz_engine_init(struct fuzz_engine *f, uint64_t memory, uint64_t interval, unsigned batch);
/*
 * Takes a packet over: its number, payload and SACK blocks. Those two are copied into allocations
 * of exactly their size, so that reading past them is seen.
 */
void fuzz_engine_packet(struct fuzz_engine *f, const struct packet *p);
/* The end of the capture; the records are checked, everything is freed. */
void fuzz_engine_finish(struct fuzz_engine *f);

/* Bytes of the input from the front; zeros, and `over`, behind its end. */
struct fuzz_input {
	const uint8_t *p, *end;
	bool over;
};
uint8_t fuzz_u8(struct fuzz_input *in);
uint16_t fuzz_u16(struct fuzz_input *in); /* network order */
/* Up to n bytes: a pointer into the input, *n is lowered to what is left. */
const uint8_t *fuzz_bytes(struct fuzz_input *in, uint32_t *n);
/* A time span from one byte: 0, or 2^0 to 2^37 ns (137 s) with two steps a power. */
uint64_t fuzz_span(uint8_t b);

#endif
