/* model.c - see model.h. */
#include "model/model.h"
#include "base/mem.h"
#include "model/digests.h"
#include "model/hosts.h"
#include "model/operation.h"
#include "model/probes.h"
#include "model/finder.h"
#include "model/series.h"
#include "model/services.h"
#include "model/tiers.h"
#include "model/slowest.h"
#include <stdlib.h>

struct model {
	struct model_config config;
	struct counted is;     /* finder, slowest: NULL: not asked for */
	struct hist_room room; /* of histograms */
	struct probes *probes;
	char operation[OPERATION_MAX]; /* of the transaction being added */
};

/*
 * How many of a thing there may be, between a least and a most: of an eighth of the budget one for
 * each so many bytes. A thing is smaller than that, as there are others.
 */
static unsigned share(const struct model *m, uint64_t bytes, unsigned least, unsigned most)
{
	uint64_t n = m->config.memory / 8 / bytes;

	return !m->config.memory || n > most ? most : n < least ? least : (unsigned)n;
}

struct model *model_new(const struct model_config *config)
{
	struct model *m = xcalloc(1, sizeof(*m));

	m->config = *config;
	m->room.left = config->memory ? config->memory / 32 : UINT64_MAX;
	m->is.services = services_new(share(m, 8192, 64, SERVICES_MAX), &m->room);
	m->is.digests = digests_new(share(m, 16384, 64, DIGESTS_MAX), &m->room);
	m->is.series = series_set_new(share(m, 1 << 20, 2, SERIES_SERVICES));
	m->is.tiers = tiers_new(share(m, 2048, 1024, TIERS_EVENTS));
	m->is.hosts = hosts_new(share(m, 8192, 64, HOSTS_MAX) & ~7u);
	m->probes = probes_new(&m->is, share(m, 16384, 64, PROBES_WAITING));
	return m;
}

void model_free(struct model *m)
{
	if (!m)
		return;
	probes_free(m->probes);
	hosts_free(m->is.hosts);
	tiers_free(m->is.tiers);
	series_set_free(m->is.series);
	digests_free(m->is.digests);
	services_free(m->is.services);
	if (m->is.finder)
		m->is.finder->free(m->is.finder_arg);
	slowest_free(m->is.slowest);
	free(m);
}

static void transaction(struct model *m, struct service *service, const struct txn_record *t)
{
	const struct digest *digest;
	struct text operation;
	const struct share *shares = NULL;
	unsigned nshares = 0;

	text_init(&operation, m->operation, sizeof(m->operation));
	operation_of(t, m->config.literal, &operation);
	digest = digests_record(m->is.digests, service, operation.p, operation.len, t);
	series_set_record(m->is.series, service, t);
	if (m->is.finder)
		shares = m->is.finder->shares(m->is.finder_arg, &nshares);
	tiers_record(m->is.tiers, digest, t, shares, nshares);
	probes_txn(m->probes, service, digest, t);
	if (m->is.slowest)
		slowest_record(m->is.slowest, t, operation.p, operation.len);
}

void model_find(struct model *m, const struct finder *f, void *arg)
{
	m->is.finder = f;
	m->is.finder_arg = arg;
}

void model_keep_slowest(struct model *m)
{
	if (!m->is.slowest)
		m->is.slowest = slowest_new();
}

void model_keep_recent(struct model *m)
{
	series_set_keep_recent(m->is.series);
}

void model_record(struct model *m, const struct record *r)
{
	struct service *service;

	if (m->is.finder)
		m->is.finder->record(m->is.finder_arg, r);
	if (record_of_turns(r))
		return;
	service = services_record(m->is.services, r);
	hosts_record(m->is.hosts, r);
	if (service && r->kind == RECORD_TXN)
		transaction(m, service, (const struct txn_record *)r);
	else if (service)
		probes_flow(m->probes, service, (const struct flow_record *)r);
}

void model_counters(const struct model *m, struct counters *c)
{
	if (m->room.refused)
		counters_add(c, "model: values that percentiles do not know of", m->room.refused);
	if (m->is.finder)
		m->is.finder->counters(m->is.finder_arg, c);
}

struct services *model_services(const struct model *m)
{
	return m->is.services;
}

struct digests *model_digests(const struct model *m)
{
	return m->is.digests;
}

struct series_set *model_series(const struct model *m)
{
	return m->is.series;
}

struct slowest *model_slowest(const struct model *m)
{
	return m->is.slowest;
}

void *model_finder(const struct model *m)
{
	return m->is.finder_arg;
}

const struct model_config *model_config(const struct model *m)
{
	return &m->config;
}

struct tiers *model_tiers(const struct model *m)
{
	return m->is.tiers;
}

void model_finish(struct model *m)
{
	probes_finish(m->probes);
	tiers_finish(m->is.tiers);
}

struct hosts *model_hosts(const struct model *m)
{
	return m->is.hosts;
}

struct probes *model_probes(const struct model *m)
{
	return m->probes;
}
