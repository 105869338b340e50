/*
 * find_checks.c - health checks that fail. probes.h tells which connections are checks; here is
 * what became of those that did not get the answer they want.
 */
#include "findings/find_impl.h"

struct checks_state {
	struct proof failing;
	uint64_t fates[CHECK_FATES];
	struct top what;
};

void findings_check_failed(struct findings *f, const struct record *flow, enum check_fate fate,
	const char *operation, size_t len, uint64_t frame)
{
	struct svc *s = svc_of(f, flow);
	struct checks_state *c = s ? svc_state(s, DETECTOR_CHECKS) : NULL;

	if (!c)
		return;
	c->fates[fate]++;
	proof_add(&c->failing, flow->start, 0, frame);
	proof_until(&c->failing, flow->end);
	proof_client(&c->failing, &flow->client.ip);
	if (len)
		top_add(&c->what, operation, len, 1);
}

bool checks_fail(const struct findings *f, const struct addr *server, uint16_t port)
{
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		const struct checks_state *c = svc_has(s, DETECTOR_CHECKS);

		if (c && c->failing.count && s->key.port == port &&
			memcmp(&s->key.ip, server, sizeof(*server)) == 0)
			return true;
	}
	return false;
}

static void list_failing(struct findings *f, const struct svc *s, const struct checks_state *c)
{
	struct finding *x =
		finding_new(f, "check-failing", "Health checks fail", s, &c->failing, NULL);

	finding_claims(x, NULL, 0, 0); /* nobody waits for a check */
	x->counted = "times";
	x->of = FIELD_ABSENT;
	finding_at_least(x, SEVERITY_WARNING);
	say(&x->saw, "Health checks of this server failed %C time%1: ", x->count, x->count);
	if (c->fates[CHECK_ERROR])
		say(&x->saw, "%C got an error for an answer. ", c->fates[CHECK_ERROR]);
	if (c->fates[CHECK_SILENT])
		say(&x->saw, "%C got no answer. ", c->fates[CHECK_SILENT]);
	if (c->fates[CHECK_REFUSED])
		say(&x->saw, "%C were not let in. ", c->fates[CHECK_REFUSED]);
	if (c->what.n)
		say(&x->saw, "Asked was %E.", c->what.item[0].text, c->what.item[0].len);
	say(&x->means, "Whoever checks (a load balancer, keepalived) takes the server out of use "
		       "after a few of these, and moves its load, or a virtual address, to "
		       "others.");
	say(&x->next, "The log of the checker (haproxy: \"Server ... is DOWN\", keepalived: "
		      "\"Removing service\"), and of the server for the page that is asked; "
		      "whether what the check asks is what its users need; fall, rise and the "
		      "timeout of the check.");
	say(&x->against, "A server that is shut down on purpose fails its checks, too.");
}

static void list(struct findings *f)
{
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		const struct checks_state *c = svc_has(s, DETECTOR_CHECKS);

		if (c && c->failing.count)
			list_failing(f, s, c);
	}
}

static void release(void *state)
{
	top_release(&((struct checks_state *)state)->what);
}

const struct detector detect_checks = {
	.service_size = sizeof(struct checks_state), .list = list, .release_service = release};
