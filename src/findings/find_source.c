/*
 * find_source.c - clients of which no connection request is answered while others are served: a
 * firewall, a route; a full queue drops requests whoever sends them.
 */
#include "findings/find_connect.h"
#include <math.h>

#define BY_CHANCE 1e-3 /* what is less likely is none */

/* Is it one network's fate? Its first bits, that nobody has who was served. */
static void find_network(struct findings *f, const struct svc *s, struct connect_state *c)
{
	struct connect_all *all = f->state[DETECTOR_CONNECT];
	unsigned bytes = s->key.ip_version == 6 ? 8 : 15; /* /64; of IPv4, which is mapped, /24 */

	c->network_bits = 0;
	if (c->clients < 2)
		return;
	for (uint32_t i = 0; i < keyed_count(all->sources); i++) {
		const struct source_key *key = keyed_key(all->sources, i);
		const struct source *x = keyed_value(all->sources, i);

		if (key->at == s && x->filtered == (memcmp(&key->client, &c->shown[0], bytes) != 0))
			return;
	}
	c->network_bits = (uint8_t)(s->key.ip_version == 6 ? 64 : 24);
}

static uint64_t seconds_of(const struct source *x)
{
	uint64_t from = x->first / (2 * (uint64_t)SECOND), to = x->last / (2 * (uint64_t)SECOND);
	uint64_t bits = 0;

	for (uint64_t i = from; i <= to && i < from + 64; i++)
		bits |= UINT64_C(1) << (i & 63);
	return bits;
}

/* What the clients that were served saw: SYNs, those of them in vain, when. */
struct served {
	uint64_t clients, syns, dropped, begun;
	uint64_t last, before; /* when the last of them connected, and the last of the others */
};

static struct served served_by(struct connect_all *all, const struct svc *s)
{
	struct served sum = {0};

	for (uint32_t i = 0; i < keyed_count(all->sources); i++) {
		const struct source_key *key = keyed_key(all->sources, i);
		const struct source *x = keyed_value(all->sources, i);

		if (key->at != s || !x->syns)
			continue;
		sum.clients++;
		sum.syns += x->syns + x->vain;
		sum.dropped += x->dropped + x->vain;
		sum.begun |= x->begun;
		if (x->made > sum.last) {
			sum.before = sum.last;
			sum.last = x->made;
		} else if (x->made > sum.before) {
			sum.before = x->made;
		}
	}
	return sum;
}

/* It was served until some time, and others are served after that. */
static bool is_shut_out(const struct source *x, const struct served *served)
{
	uint64_t others = x->made == served->last ? served->before : served->last;

	return x->first > x->made && others > x->first + SECOND;
}

/*
 * One client's requests are never answered while those of others are, or from some time on no more:
 * where requests are dropped at random, as by a full queue, that is unlikely after a few.
 */
static bool is_filtered(const struct source *x, const struct served *served, double *chance)
{
	double rate = (double)(served->dropped + 1) / (double)(served->syns + 2);

	*chance = pow(rate, (double)x->vain);
	return (!x->syns || is_shut_out(x, served)) && x->vain >= 3 && served->clients &&
	       served->begun & seconds_of(x) && *chance < BY_CHANCE;
}

static void add_source_to(struct proof *p, const struct source_key *key, const struct source *x)
{
	struct proof one = {0};

	proof_add(&one, x->first, x->cost + x->more - x->over, x->frames[0]);
	for (unsigned i = 1; i < SHOWN_SYNS; i++)
		if (x->frames[i])
			proof_frame(&one, x->cost, x->frames[i]);
	proof_until(&one, x->last);
	proof_client(&one, &key->client);
	one.count = x->silent;
	proof_merge(p, &one);
}

void connect_divide(struct findings *f, const struct svc *s, struct connect_state *c)
{
	struct connect_all *all = f->state[DETECTOR_CONNECT];
	struct served served = {0};
	double chance;

	c->unanswered = c->silent;
	memset(&c->filtered, 0, sizeof(c->filtered));
	memset(c->least, 0, sizeof(c->least));
	memset(c->most, 0, sizeof(c->most));
	memset(c->beyond, 0, sizeof(c->beyond));
	c->clients = c->vain = 0;
	c->nshown = 0;
	if (all->sources)
		served = served_by(all, s);
	c->clients_served = served.clients;
	for (uint32_t i = 0; all->sources && i < keyed_count(all->sources); i++) {
		const struct source_key *key = keyed_key(all->sources, i);
		struct source *x = keyed_value(all->sources, i);

		if (key->at != s)
			continue;
		x->filtered = x->silent && is_filtered(x, &served, &chance);
		if (!x->silent)
			continue;
		add_source_to(x->filtered ? &c->filtered : &c->unanswered, key, x);
		c->beyond[x->filtered] += x->more;
		c->least[x->filtered] += x->least;
		c->most[x->filtered] += x->most;
		for (int k = 0; k < TIMER_COUNT && !x->filtered; k++)
			c->silent_timers[k] += x->timers[k];
		if (!x->filtered)
			continue;
		if (c->nshown < SHOWN)
			c->shown[c->nshown++] = key->client;
		c->clients++;
		c->vain += x->vain;
	}
	find_network(f, s, c);
}

static void say_clients(struct text *t, const struct connect_state *c)
{
	const char *before = "";

	if (c->network_bits) {
		struct addr net = c->shown[0];

		memset(net.b + (c->network_bits == 64 ? 8 : 15), 0, c->network_bits == 64 ? 8 : 1);
		say(t, "%I", &net);
		text_printf(
			t, "/%u (%llu addresses)", c->network_bits, (unsigned long long)c->clients);
		return;
	}
	for (unsigned i = 0; i < c->nshown; i++) {
		say(t, "%S%I", before, &c->shown[i]);
		before = ", ";
	}
	if (c->clients > c->nshown)
		say(t, " and %C more", c->clients - c->nshown);
}

void connect_list_filtered(struct findings *f, const struct svc *s, const struct connect_state *c)
{
	struct finding *x;
	struct text filter;

	text_init_growing(&filter);
	text_str(&filter, "tsumari.tcp.state == syn_sent and client.ip in {");
	for (unsigned i = 0; i < c->nshown; i++)
		say(&filter, "%S%I", i ? ", " : "", &c->shown[i]);
	text_char(&filter, '}');
	x = finding_new(f, "syn-filtered", "Connection requests of some clients are dropped", s,
		&c->filtered, filter.p);
	text_release(&filter);
	finding_claims(x, s, ENTRY(CONNECT_RETRY), CLASS(NONE));
	x->beyond = c->beyond[1];
	finding_at_least(x, SEVERITY_WARNING);
	x->of = s->flows;
	say(&x->saw, "None of the %C connection requests of ", x->count);
	say_clients(&x->saw, c);
	say(&x->saw,
		" was ever answered (%C SYNs in all), while %C other client%1 connected to this "
		"port at the same time.",
		c->vain, c->clients_served, c->clients_served);
	say(&x->means, "Something drops the packets of these clients, or the answers to them, "
		       "without a word: a firewall or a security group with a rule for these "
		       "addresses, or a missing route back.");
	say(&x->next, "Rules that DROP by source (nft list ruleset, iptables -L -v: their "
		      "counters; security groups, fail2ban) on the server and on the way; the "
		      "route back to these clients (ip route get on the server); where their SYNs "
		      "are still seen.");
	connect_say_gave_up(&x->against, c, true);
	say(&x->against, "It is not the backlog: that drops requests whoever sends them.");
}
