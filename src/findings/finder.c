/* finder.c - looks for findings in the records of a model: the functions that it calls
 * (findings.h). */
#include "findings/findings.h"
#include "model/model.h"

static void on_record(void *arg, const struct record *r)
{
	findings_record(arg, r);
}

static const struct share *shares(const void *arg, unsigned *n)
{
	return findings_shares(arg, n);
}

static void take_out(void *arg, const struct record *r, uint64_t name)
{
	findings_take_out(arg, r, name);
}

static void check_failed(void *arg, const struct record *flow, enum check_fate fate,
	const char *operation, size_t len, uint64_t frame)
{
	findings_check_failed(arg, flow, fate, operation, len, frame);
}

static void add_counters(const void *arg, struct counters *c)
{
	findings_counters(arg, c);
}

static void give_back(void *arg)
{
	findings_free(arg);
}

static const struct finder finder = {
	.record = on_record,
	.shares = shares,
	.name = findings_name,
	.take_out = take_out,
	.check_failed = check_failed,
	.counters = add_counters,
	.free = give_back,
};

void findings_look(struct model *m, const struct thresholds *t)
{
	struct findings *f = findings_new(t, model_config(m)->memory / 2);

	findings_tiers(f, model_tiers(m));
	model_find(m, &finder, f);
}

struct findings *findings_of(const struct model *m)
{
	return model_finder(m);
}
