/*
 * probes.h - health checks, kept apart so that they dilute no percentile.
 *
 * A health check is a small connection of its own that the same client makes to the same service
 * again and again after the same time: HTTP_GET, TCP_CHECK, SMTP_CHECK of keepalived and their kin.
 * It is known by PROBES_LEAST of them in a row, where the service has at least as many other
 * connections; where its user agent, or that it logs in to MySQL before the server greets, says
 * what it is, at once; where it fails from the beginning, by three in a row and that the client
 * checks another server by the same request, or by PROBES_LEAST that ask for what only checks do
 * (api/model.h). What was counted of them before is taken out again,
 * everywhere (struct counted); hosts keep their bytes and flows. What asks for more than an answer
 * (a mail, a table, more than PROBES_BYTES) is none, and what the path troubled stays where it is,
 * for the proof of that.
 *
 * Connections are looked at in the order of their beginnings: the last record of one comes when it
 * is forgotten, and at the end of a capture in any order. So PROBES_WAITING of them are held back
 * for PROBES_BACK.
 */
#ifndef TSUMARI_MODEL_PROBES_H
#define TSUMARI_MODEL_PROBES_H

#include "model/finder.h"
#include "model/hosts.h"
#include "model/series.h"
#include "model/slowest.h"
#include "model/tiers.h"

#define PROBES_LEAST   5u
#define PROBES_MAX     256u  /* clients that are watched at once */
#define PROBES_PENDING 1024u /* connections whose transactions are remembered */
#define PROBES_TXNS    4u    /* of one connection */
#define PROBES_BYTES   65536u
#define PROBES_WAITING 512u                  /* connections */
#define PROBES_BACK    UINT64_C(20000000000) /* ns */
#define PROBES_SLOW    250000000u /* ns; what takes longer is no check, until it is known for one */
#define PROBES_PERIOD  900000000u /* ns, at least, between two */

struct probe {
	struct addr client;
	const struct service *service;
	const char *operation; /* of its last transaction: bytes from the wire; empty: a connection
				  only */
	size_t len;
	uint64_t period;      /* ns from one to the next, of the last two */
	uint64_t connections; /* as many as are kept apart */
	uint64_t bytes;
	struct tally sum; /* of their transactions */
};

struct probes;

/* What they are taken out of. NULL: nothing. */
struct counted {
	struct services *services;
	struct digests *digests;
	struct series_set *series;
	struct hosts *hosts;
	struct tiers *tiers;
	const struct finder *finder;
	void *finder_arg;
	struct slowest *slowest;
};

/* c stays the caller's, and there. waiting: of PROBES_WAITING. */
struct probes *probes_new(const struct counted *c, unsigned waiting);
void probes_free(struct probes *p);
/* A transaction that has been added to its service and digest. */
void probes_txn(
	struct probes *p, struct service *s, const struct digest *d, const struct txn_record *t);
/* The last record of a connection that has been added to its service. */
void probes_flow(struct probes *p, struct service *s, const struct flow_record *f);
/* There are no more records. */
void probes_finish(struct probes *p);
/* Those that are kept apart, by the client's address. */
unsigned probes_list(struct probes *p, const struct probe ***list);

#endif
