/*
 * model.h - what is worked out from the records of a capture, for all sinks that show it.
 *
 * The pipeline feeds one model, on the thread that has the records in their order, before the
 * sinks, where a sink asks for it. What the getters give stays the model's, and may be read at any
 * time between two records, not only at the end.
 */
#ifndef TSUMARI_MODEL_MODEL_H
#define TSUMARI_MODEL_MODEL_H

#include "core/record.h"
#include "core/stats.h"

struct model;
struct digests;    /* digests.h */
struct hosts;      /* hosts.h */
struct probes;     /* probes.h */
struct series_set; /* series.h */
struct services;   /* services.h */
struct finder;     /* finder.h */
struct slowest;    /* slowest.h */
struct tiers;      /* tiers.h */

struct model_config {
	bool literal;    /* statements come with their values (--literal) */
	uint64_t memory; /* --memory, bytes; 0: the tables' own limits alone */
};

struct model *model_new(const struct model_config *config);
void model_free(struct model *m);
/* Findings are looked for from now on, by f with its arg, which the model frees. */
void model_find(struct model *m, const struct finder *f, void *arg);
/* The slowest transactions are kept from now on. */
void model_keep_slowest(struct model *m);
/* So is the newest part of the time series, by itself (series_recent()). */
void model_keep_recent(struct model *m);
void model_record(struct model *m, const struct record *r);
/* There are no more records. */
void model_finish(struct model *m);

/* What its limits cost, by name. */
void model_counters(const struct model *m, struct counters *c);

struct services *model_services(const struct model *m);
struct digests *model_digests(const struct model *m);
struct series_set *model_series(const struct model *m);
/* NULL: they are not kept. */
struct slowest *model_slowest(const struct model *m);
/* The finder's arg; NULL: nobody looks for findings. */
void *model_finder(const struct model *m);
const struct model_config *model_config(const struct model *m);
struct tiers *model_tiers(const struct model *m);
struct hosts *model_hosts(const struct model *m);
struct probes *model_probes(const struct model *m);

#endif
