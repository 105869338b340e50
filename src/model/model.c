/* model.c - see model.h. */
#include "model/model.h"
#include "base/mem.h"
#include "model/digests.h"
#include "model/hosts.h"
#include "model/operation.h"
#include "model/probes.h"
#include "model/findings.h"
#include "model/series.h"
#include "model/services.h"
#include "model/tiers.h"
#include "model/slowest.h"
#include <stdlib.h>

struct model {
	struct model_config config;
	struct services *services;
	struct digests *digests;
	struct series_set *series;
	struct tiers *tiers;
	struct hosts *hosts;
	struct probes *probes;
	char operation[OPERATION_MAX]; /* of the transaction being added */
	struct findings *findings;     /* NULL: not asked for */
	struct slowest *slowest;       /* NULL: not asked for */
};

struct model *model_new(const struct model_config *config)
{
	struct model *m = xcalloc(1, sizeof(*m));

	m->config = *config;
	m->services = services_new();
	m->digests = digests_new(DIGESTS_MAX);
	m->series = series_set_new();
	m->tiers = tiers_new();
	m->hosts = hosts_new();
	m->probes = probes_new(m->services, m->digests);
	return m;
}

void model_free(struct model *m)
{
	if (!m)
		return;
	probes_free(m->probes);
	hosts_free(m->hosts);
	tiers_free(m->tiers);
	series_set_free(m->series);
	digests_free(m->digests);
	services_free(m->services);
	findings_free(m->findings);
	slowest_free(m->slowest);
	free(m);
}

static void transaction(struct model *m, struct service *service, const struct txn_record *t)
{
	const struct digest *digest;
	struct text operation;

	text_init(&operation, m->operation, sizeof(m->operation));
	operation_of(t, m->config.literal, &operation);
	digest = digests_record(m->digests, service, operation.p, operation.len, t);
	series_set_record(m->series, service, t);
	tiers_record(m->tiers, digest, t);
	probes_txn(m->probes, service, digest, t);
	if (m->slowest)
		slowest_record(m->slowest, t, operation.p, operation.len);
}

void model_find(struct model *m, const struct thresholds *t)
{
	m->findings = findings_new(t, m->config.memory);
	findings_tiers(m->findings, m->tiers);
}

void model_keep_slowest(struct model *m)
{
	m->slowest = slowest_new();
}

void model_keep_recent(struct model *m)
{
	series_set_keep_recent(m->series);
}

void model_record(struct model *m, const struct record *r)
{
	struct service *service = services_record(m->services, r);

	hosts_record(m->hosts, r);
	if (service && r->kind == RECORD_TXN)
		transaction(m, service, (const struct txn_record *)r);
	else if (service)
		probes_flow(m->probes, service, (const struct flow_record *)r);
	if (m->findings)
		findings_record(m->findings, r);
}

struct services *model_services(const struct model *m)
{
	return m->services;
}

struct digests *model_digests(const struct model *m)
{
	return m->digests;
}

struct series_set *model_series(const struct model *m)
{
	return m->series;
}

struct slowest *model_slowest(const struct model *m)
{
	return m->slowest;
}

struct findings *model_findings(const struct model *m)
{
	return m->findings;
}

struct tiers *model_tiers(const struct model *m)
{
	return m->tiers;
}

void model_finish(struct model *m)
{
	tiers_finish(m->tiers);
}

struct hosts *model_hosts(const struct model *m)
{
	return m->hosts;
}

struct probes *model_probes(const struct model *m)
{
	return m->probes;
}
