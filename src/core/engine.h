/*
 * engine.h - from batches of packets to records.
 *
 * The state of all flows is divided among SHARDS shards by a fixed hash of both ends. A worker owns
 * some shards and nothing else; every limit is a shard's, so that the records are the same for any
 * number of workers.
 */
#ifndef TSUMARI_CORE_ENGINE_H
#define TSUMARI_CORE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>
#include "api/dissector.h"
#include "core/record.h"
#include "core/records.h"
#include "core/stats.h"

#define SHARDS 16u

struct decode_as {         /* -d tcp/8080=http */
	uint8_t transport; /* IANA protocol number */
	uint16_t port;
	const struct dissector *dissector; /* NULL: none, leave it alone */
};

struct engine_config {
	uint64_t memory;        /* budget in bytes for everything that grows, all shards together */
	bool ignore_vlan;       /* the outer VLAN tag is not part of a flow's key */
	bool mask_mail;         /* mail addresses without local part, no subjects */
	bool literal;           /* statements with their literals, not their digests */
	uint64_t flow_interval; /* ns between interim records of a long flow; 0: none */
	uint64_t timeout_syn;   /* ns without a packet until a flow is closed: half-open TCP */
	uint64_t timeout_tcp;   /* established TCP */
	uint64_t timeout_closed; /* closed TCP, for late packets */
	uint64_t timeout_udp;    /* UDP, ICMP and others */
	bool turns;              /* there are records of turns */
	bool moments;            /* each second what is under way is told (moment.c) */
	const struct decode_as *decode_as;
	unsigned ndecode_as;
};

/* The defaults: 512 MiB; 60 s interim; 75 s, 1 h, 10 s, 60 s. */
void engine_config_defaults(struct engine_config *c);

struct engine;

/* An engine that owns the shards whose bit is set in `shards`. The config must outlive it. */
struct engine *engine_new(const struct engine_config *c, uint32_t shards);
void engine_free(struct engine *e);

/*
 * On the reader's side: which shard a dissected packet belongs to, and its hash. False where it
 * belongs to no flow.
 */
bool engine_route(const struct engine_config *c, struct packet *p);
/* The same, of a packet that got another key. */
void engine_route_again(const struct engine_config *c, struct packet *p);

/* Packets of its shards, in order. */
void engine_packets(struct engine *e, struct packet *const *p, unsigned n);
/* Time has come this far (ns, seconds rounded down); `order` is that of the next packet. */
void engine_tick(struct engine *e, uint64_t now, uint64_t order);
/* The capture's last frame was at this time: what is open then was waited for until then. */
void engine_last(struct engine *e, uint64_t now);
/* The capture has ended: closes what is open, some flows a call; false when nothing is left. */
bool engine_finish(struct engine *e, uint64_t order);

struct records *engine_records(struct engine *e); /* what has come out and was not taken yet */
const struct counters *engine_counters(const struct engine *e);

#endif
