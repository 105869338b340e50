/*
 * find_scan.c - somebody who tries the ports of a host one after the other: that these do not
 * answer, or refuse, is no fault of a service.
 */
#include "findings/find_impl.h"

#define PAIRS 16u /* of a client and a host; more are not told apart from faults */
#define PORTS 20u /* of a host that one client tried, without one that let it in */
#define TRIES 3u  /* of each, at most */

struct scan_state { /* of a service that lets nobody in */
	struct addr client;
	bool many; /* others tried it, too */
	struct proof tries;
};

struct pair {
	struct addr client, server;
	uint64_t ports;
	struct proof p;
};

struct scan_all { /* while a list is made */
	unsigned n;
	struct pair pair[PAIRS];
};

static void record(struct findings *f, struct svc *s, const struct record *rec)
{
	const struct flow_record *r = (const void *)rec;
	struct scan_state *c;

	(void)f;
	if (!s || !is_flow_end(rec) || !r->tcp_state || r->handshake != FIELD_ABSENT ||
		(s->established && !svc_has(s, DETECTOR_SCAN)))
		return;
	c = svc_state(s, DETECTOR_SCAN);
	if (!c->tries.count)
		c->client = rec->client.ip;
	c->many |= memcmp(&c->client, &rec->client.ip, sizeof(c->client)) != 0;
	proof_add(&c->tries, rec->start, 0, rec->flow_id);
	proof_until(&c->tries, rec->end);
	proof_client(&c->tries, &rec->client.ip);
}

/* Of a service that may have been scanned; NULL: it was not. */
static struct pair *pair_of(struct scan_all *all, const struct svc *s, bool make)
{
	const struct scan_state *c = svc_has(s, DETECTOR_SCAN);
	struct pair *x;

	if (!c || c->many || s->established || s->transactions || c->tries.count > TRIES)
		return NULL;
	for (unsigned i = 0; i < all->n; i++) {
		x = &all->pair[i];
		if (memcmp(&x->client, &c->client, sizeof(x->client)) == 0 &&
			memcmp(&x->server, &s->key.ip, sizeof(x->server)) == 0)
			return x;
	}
	if (!make || all->n == PAIRS)
		return NULL;
	x = &all->pair[all->n++];
	memset(x, 0, sizeof(*x));
	x->client = c->client;
	x->server = s->key.ip;
	return x;
}

static void prepare(struct findings *f)
{
	struct scan_all *all = f->state[DETECTOR_SCAN];
	struct svc *s;

	all->n = 0;
	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		struct pair *x = pair_of(all, s, true);

		if (!x)
			continue;
		x->ports++;
		proof_merge(&x->p, &((struct scan_state *)svc_has(s, DETECTOR_SCAN))->tries);
	}
}

bool is_scanned(const struct findings *f, const struct svc *s)
{
	const struct pair *x = pair_of(f->state[DETECTOR_SCAN], s, false);

	return x && x->ports >= PORTS;
}

static void list_scan(struct findings *f, const struct pair *t)
{
	struct finding *x = finding_new(f, "port-scan", "Ports are tried one after the other", NULL,
		&t->p, "tsumari.tcp.state in {syn_sent, closed}");

	finding_claims(x, NULL, 0, 0); /* whoever scans waits for nothing */
	finding_at_most(x, SEVERITY_INFO);
	x->server = t->server;
	x->counted = "ports";
	x->count = t->ports;
	x->of = FIELD_ABSENT;
	say(&x->filter, " and server.ip == %I and client.ip == %I", &t->server, &t->client);
	say(&x->bpf, "host %I and host %I", &t->server, &t->client);
	say(&x->saw, "%I tried %C ports of %I which nobody else asked for, and none let it in.",
		&t->client, t->ports, &t->server);
	say(&x->means, "A scan, of an inventory or of somebody who looks for a way in. That these "
		       "ports refuse, or do not answer, is as it should be.");
	say(&x->next, "Who that is; whether the ports that did answer are meant to be open (ss "
		      "-lnt on the server).");
	say(&x->against, "A client whose services have all gone at once tries their ports, too, "
			 "but again and again.");
}

static void list(struct findings *f)
{
	const struct scan_all *all = f->state[DETECTOR_SCAN];

	for (unsigned i = 0; i < all->n; i++)
		if (all->pair[i].ports >= PORTS)
			list_scan(f, &all->pair[i]);
}

const struct detector detect_scan = {.size = sizeof(struct scan_all),
	.service_size = sizeof(struct scan_state),
	.kinds = OF_FLOW,
	.record = record,
	.prepare = prepare,
	.list = list};
