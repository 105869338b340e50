/*
 * tiers.h - what the requests to a web server waited for behind it.
 *
 * A request that host W handles is the parent of the transactions that W starts as a client while
 * it has the request. An id that both carry settles it (trace.id, http.request.id); else it is the
 * parent's whose time the transaction lies in, of several tiers at one host the innermost's; a
 * server does not call the one that it is called by (directions.h). Where it can be several
 * requests', each has an equal share of it (where none holds it whole, a share by overlap). Of more
 * than TIERS_PARENTS nobody gets it, and it is counted.
 *
 * Records come in the order of their ends, children before their parents: what happened is gone
 * through in the order of time once so many records are held back, and at the end.
 */
#ifndef TSUMARI_MODEL_TIERS_H
#define TSUMARI_MODEL_TIERS_H

#include "model/digests.h"

#define TIERS_PARENTS 16u
#define TIERS_ONE     720720u /* a whole call; the numbers up to 16 divide it */
#define TIERS_MAX     512u    /* operations of web servers that are looked at */
#define TIERS_EVENTS  32768u  /* held back: three of each request to a web server */
#define TIERS_PAIRS   1024u   /* of an operation and one that it calls */
#define TIERS_REPEATS 10u     /* calls of one operation within a request that are worth counting */

enum tier_class {
	TIER_OWN,
	TIER_MYSQL,
	TIER_NFS,
	TIER_SMTP,
	TIER_HTTP,
	TIER_DNS,
	TIER_OTHER,
	TIER_CLASSES
};

extern const char *const tier_names[TIER_CLASSES];

struct tier {                          /* an operation of a web server */
	const struct service *service; /* NULL: "other", those above TIERS_MAX */
	const char *text;              /* bytes from the wire */
	size_t len;
	uint64_t requests;
	uint64_t server;              /* ns, the sum of their ledger's server entry */
	uint64_t time[TIER_CLASSES];  /* ns: they sum up to it */
	uint64_t calls[TIER_CLASSES]; /* in TIERS_ONE */
	uint64_t shared;              /* of the calls: those that may be another request's */
	uint64_t by_id;               /* whole calls: those that an id settled */
};

struct tier_pair { /* an operation of a web server, and one that it calls */
	const struct tier *parent;
	const struct service *service;
	const char *text;
	size_t len;
	uint64_t requests; /* in which there is one call at least */
	uint64_t repeats;  /* in which there are TIERS_REPEATS at least */
	uint64_t calls;    /* in TIERS_ONE */
	uint64_t most;     /* in one request; in TIERS_ONE */
	uint64_t time;     /* ns, of the calls while the request lasted: where they ran side by side
			      each counts */
};

struct tiers;

/* events: held back at most, up to TIERS_EVENTS. */
struct tiers *tiers_new(uint32_t events);
void tiers_free(struct tiers *t);
void tiers_record(struct tiers *t, const struct digest *d, const struct txn_record *r);
/* The transactions of a connection are no longer looked at, those that are settled already but for.
 */
void tiers_take_out(struct tiers *t, uint64_t flow_id);
/* There are no more records. */
void tiers_finish(struct tiers *t);
/* Those that called something, the longest waited for first. */
unsigned tiers_sorted(struct tiers *t, const struct tier ***list);
/* Of one of them, or of all (NULL), the one with the most time first. */
unsigned tiers_pairs(struct tiers *t, const struct tier *parent, const struct tier_pair ***list);
/* May the first have called the second, as far as their requests tell (directions.h)? */
bool tiers_can_call(const struct tiers *t, const struct addr *from, uint16_t from_port,
	const struct addr *to, uint16_t to_port);
/* May the first have called the second, as far as their requests tell (directions.h)? */
bool tiers_can_call(const struct tiers *t, const struct addr *from, uint16_t from_port,
	const struct addr *to, uint16_t to_port);
/* Calls that were nobody's for sure: more than TIERS_PARENTS could have made them. */
uint64_t tiers_unsettled(const struct tiers *t);
/* Requests that came too late to be looked at. */
uint64_t tiers_late(const struct tiers *t);

#endif
