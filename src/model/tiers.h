/*
 * tiers.h - what the requests to a web server waited for behind it.
 *
 * A request that host W handles is the parent of the transactions that W starts as a client while
 * it has the request; nest.h tells how they are found. Of more than NEST_PARENTS that could have
 * made a call nobody gets it, and it is counted.
 */
#ifndef TSUMARI_MODEL_TIERS_H
#define TSUMARI_MODEL_TIERS_H

#include "model/nest.h"

#define TIERS_ONE     NEST_ONE
#define TIERS_MAX     512u /* operations of web servers that are looked at */
#define TIERS_EVENTS  NEST_EVENTS
#define TIERS_PAIRS   1024u /* of an operation and one that it calls */
#define TIERS_REPEATS 10u   /* calls of one operation within a request that are worth counting */

enum tier_class {
	TIER_OWN,
	TIER_DATABASE,
	TIER_FILES,
	TIER_MAIL,
	TIER_WEB,
	TIER_NAMES,
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
/* shares: of what the transaction was waited for, in the account (account.h); none: 0 of them. */
void tiers_record(struct tiers *t, const struct digest *d, const struct txn_record *r,
	const struct share *shares, unsigned nshares);
/* What nest.h needs to know of a transaction, of a turn, but for whose it is; false: it is not
   known when it began. */
bool tiers_wait(struct tiers *t, const struct txn_record *r, struct nest_wait *w);
void tiers_turn_wait(const struct turn_record *r, struct nest_wait *w);
/* A turn of a protocol that is not read; what a connection was waited for beside all of these. */
void tiers_turn(
	struct tiers *t, const struct turn_record *r, const struct share *shares, unsigned nshares);
void tiers_flow(struct tiers *t, const struct record *r, uint64_t from, uint64_t to,
	const struct share *shares, unsigned nshares);
/* The address under which a host is asked, where its calls come from another one. */
const struct addr *tiers_host(const struct tiers *t, const struct addr *a);
/* Is what happened then settled already? */
bool tiers_gone_by(const struct tiers *t, uint64_t time);
/* The transactions of a connection are no longer looked at, those that are settled already but for.
 */
void tiers_take_out(struct tiers *t, uint64_t flow_id);
/* There are no more records. */
void tiers_finish(struct tiers *t);
/* The account becomes what it would be if there were no more; nothing else changes. */
void tiers_look_ahead(const struct tiers *t);
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
/* Calls that were nobody's for sure: more than NEST_PARENTS could have made them. */
uint64_t tiers_unsettled(const struct tiers *t);
/* Requests that came too late to be looked at. */
uint64_t tiers_late(const struct tiers *t);

#endif
