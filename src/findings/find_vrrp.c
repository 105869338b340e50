/*
 * find_vrrp.c - virtual routers that move, have two masters, or are not configured alike (RFC
 * 5798), and addresses that two hosts announce by gratuitous ARP.
 */
#include "findings/find_impl.h"
#include "model/values.h"

#define GROUPS  256u
#define ROUTERS 8u /* of one virtual router */
#define REIGNS  4u /* of a router that are over, to be compared with those of others */
#define HOSTS   1024u
/* Three changes within this are a flapping: one move there and back again has two. */
#define FLAPPING (300 * (uint64_t)SECOND)

struct group_key {
	uint64_t vrid;
	const char *tunnel;
	uint16_t vlan, inner_vlan;
	uint8_t ip_version, padding[3];
};

struct reign { /* as a master, by its advertisements */
	uint64_t since, last, frame;
};

/* How a reign ended, as far as its advertisements tell. */
enum why { WENT, RESIGNED, FELL, OUTBID, WHYS };

/* What an event of VRRP says. */
struct advert {
	const struct record *r;
	uint64_t frame, version, vrid, priority, interval, naddrs;
	uint64_t silent; /* ns without one; 0: it was not */
	const char *action, *auth;
	const struct field_addrs *addrs;
};

struct router {
	struct addr ip;
	bool active, resigned;
	struct reign now, past[REIGNS]; /* past: the newest at npast - 1, modulo */
	unsigned npast;
	uint64_t priority, highest; /* highest: of the reign */
	uint64_t fell_to;           /* 0: it did not fall in this reign */
	uint64_t yields[WHYS];      /* to one that had been master before or became so again */
	uint64_t version, interval, naddrs;
	const char *auth;
	struct field_addrs addrs;
};

struct group {
	unsigned n;
	struct router r[ROUTERS];
	struct proof takeover, both, mismatch, flaps;
	struct { /* the last changes of master, the newest first */
		uint64_t time, frame;
		bool counted;
	} changes[2];
	uint64_t fell_from, fell_to; /* the largest fall of a priority before a change */
	uint64_t gap;                /* longest time without a master at a take-over */
	bool flapping;    /* while it is listed; two who are masters at a time do not take turns */
	bool long_gap;    /* longer than an interval: nobody knew that it would go */
	uint64_t overlap; /* longest time with two */
	struct addr master, rival;
	uint32_t differs; /* bits of differences[] */
};

static const char *const differences[] = {"version", "interval", "authentication", "addresses"};

struct host {
	uint8_t mac[2][6]; /* the last one, and the one before */
	unsigned known, changes;
	uint64_t last;
	struct proof duel;
};

struct vrrp_all {
	struct keyed *groups, *hosts;
	uint64_t now; /* of the newest event */
};

static struct router *router_of(struct group *g, const struct addr *ip)
{
	unsigned i = 0;

	while (i < g->n && memcmp(&g->r[i].ip, ip, sizeof(*ip)) != 0)
		i++;
	if (i == ROUTERS)
		return NULL;
	if (i == g->n) {
		g->n++;
		g->r[i].ip = *ip;
	}
	return &g->r[i];
}

static uint32_t different(const struct router *a, const struct router *b)
{
	bool addrs = a->naddrs != b->naddrs || a->addrs.n != b->addrs.n ||
		     memcmp(a->addrs.a, b->addrs.a, a->addrs.n * sizeof(a->addrs.a[0])) != 0;
	bool auth = (a->auth || b->auth) && (!a->auth || !b->auth || strcmp(a->auth, b->auth) != 0);

	return (uint32_t)(a->version != b->version) | (uint32_t)(a->interval != b->interval) << 1 |
	       (uint32_t)auth << 2 | (uint32_t)addrs << 3;
}

/* Two were masters at a time: for more than a hand-over takes? */
static void overlap(struct group *g, const struct router *a, const struct reign *of_a,
	const struct router *b, const struct reign *of_b)
{
	const struct reign *late = of_a->since > of_b->since ? of_a : of_b;
	uint64_t until = of_a->last < of_b->last ? of_a->last : of_b->last;
	uint64_t interval = a->interval > b->interval ? a->interval : b->interval;

	if (until < late->since || until - late->since <= 2 * interval)
		return;
	proof_add(&g->both, late->since, 0, late->frame);
	proof_frame(&g->both, 0, (late == of_a ? of_b : of_a)->frame);
	proof_until(&g->both, until);
	if (until - late->since > g->overlap) {
		g->overlap = until - late->since;
		g->master = (late == of_a ? b : a)->ip;
		g->rival = (late == of_a ? a : b)->ip;
	}
}

/* A reign is over: it is compared with those of others that are. */
static void ends(struct group *g, struct router *x, uint64_t last)
{
	if (!x->active)
		return;
	x->active = false;
	x->now.last = last > x->now.since ? last : x->now.since;
	for (unsigned i = 0; i < g->n; i++)
		for (unsigned k = 0; &g->r[i] != x && k < REIGNS && k < g->r[i].npast; k++)
			overlap(g, x, &x->now, &g->r[i], &g->r[i].past[k]);
	x->past[x->npast++ % REIGNS] = x->now;
}

static enum why why_it_ended(const struct router *before, const struct router *x)
{
	if (before->resigned)
		return RESIGNED;
	if (before->fell_to && before->fell_to < x->priority)
		return FELL;
	return before->priority < x->priority ? OUTBID : WENT;
}

/* Another master. Those who had been so before make three changes in a short time. */
static void changed(struct group *g, struct router *before, const struct router *x)
{
	enum why why = why_it_ended(before, x);
	uint64_t time = x->now.since, frame = x->now.frame;
	bool flapping = x->npast && g->changes[1].time && time - g->changes[1].time <= FLAPPING;

	proof_add(&g->takeover, time, 0, frame);
	before->yields[why]++;
	if (why == FELL && before->highest - before->fell_to > g->fell_from - g->fell_to) {
		g->fell_from = before->highest;
		g->fell_to = before->fell_to;
	}
	if (flapping) {
		for (unsigned i = 2; i-- > 0;)
			if (!g->changes[i].counted)
				proof_add(&g->flaps, g->changes[i].time, 0, g->changes[i].frame);
		g->changes[0].counted = true;
		proof_add(&g->flaps, time, 0, frame);
	}
	g->changes[1] = g->changes[0];
	g->changes[0].time = time;
	g->changes[0].frame = frame;
	g->changes[0].counted = flapping;
}

static void begins(struct group *g, struct router *x, const struct advert *v)
{
	struct router *before = NULL;

	x->active = true;
	x->resigned = false;
	x->fell_to = 0;
	x->highest = v->priority;
	x->now = (struct reign){v->r->start, v->r->start, v->frame};
	for (unsigned i = 0; i < g->n; i++)
		if (&g->r[i] != x && (!before || g->r[i].now.last > before->now.last))
			before = &g->r[i];
	if (!before)
		return;
	changed(g, before, x);
	if (!before->active && v->r->start > before->now.last) {
		uint64_t gap = v->r->start - before->now.last;

		g->gap = gap > g->gap ? gap : g->gap;
		g->long_gap = g->long_gap || gap > before->interval;
	}
	if (different(before, x)) {
		g->differs |= different(before, x);
		proof_add(&g->mismatch, v->r->start, 0, v->frame);
		proof_frame(&g->mismatch, 0, before->now.frame);
	}
}

/* It says something else than before. */
static void says(struct router *x, const struct advert *v)
{
	x->now.last = v->r->start;
	if (v->priority < x->highest)
		x->fell_to = v->priority;
	else
		x->fell_to = 0;
	x->highest = v->priority > x->highest ? v->priority : x->highest;
}

static void add_advert(struct vrrp_all *all, const struct advert *v)
{
	struct group_key key;
	struct group *g;
	struct router *x;

	memset(&key, 0, sizeof(key));
	key.vrid = v->vrid;
	key.tunnel = v->r->tunnel;
	key.vlan = v->r->vlan;
	key.inner_vlan = v->r->inner_vlan;
	key.ip_version = v->r->ip_version;
	if (!all->groups)
		all->groups = keyed_new(sizeof(key), sizeof(struct group), GROUPS);
	g = keyed_get(all->groups, &key);
	x = g ? router_of(g, &v->r->client.ip) : NULL;
	if (!x)
		return;
	x->version = v->version;
	x->interval = v->interval;
	x->naddrs = v->naddrs;
	x->auth = v->auth;
	x->addrs = *v->addrs;
	if (strcmp(v->action, "return") == 0) /* also of one that another stood in for meanwhile */
		ends(g, x, v->r->start - v->silent);
	if (v->priority)
		x->priority = v->priority;
	if (strcmp(v->action, "first") == 0 || strcmp(v->action, "return") == 0) {
		if (v->priority)
			begins(g, x, v);
	} else if (strcmp(v->action, "silence") == 0) {
		ends(g, x, v->r->start - v->silent);
	} else if (strcmp(v->action, "change") == 0) {
		says(x, v);
	} else { /* it resigned, or the capture ended */
		ends(g, x, v->r->start);
		x->resigned = strcmp(v->action, "resign") == 0;
	}
}

static void add_vrrp(struct vrrp_all *all, const struct record *r)
{
	struct advert v = {.r = r,
		.frame = ((const struct event_record *)r)->frame,
		.version = event_number(r, "vrrp.version", FIELD_U64),
		.vrid = event_number(r, "vrrp.virtual_router_id", FIELD_U64),
		.priority = event_number(r, "vrrp.priority", FIELD_U64),
		.interval = event_number(r, "vrrp.advert_interval", FIELD_DURATION),
		.naddrs = event_number(r, "vrrp.address_count", FIELD_U64),
		.silent = event_number(r, "tsumari.vrrp.silent", FIELD_DURATION),
		.action = event_name(r, "event.action"),
		.auth = event_name(r, "vrrp.auth_type"),
		.addrs = event_value(r, "vrrp.addresses", FIELD_IPS)};

	if (v.silent == FIELD_ABSENT)
		v.silent = 0;
	if (v.action && v.addrs)
		add_advert(all, &v);
}

/* One change is a take-over; back and forth within a minute is a duel. */
static void add_arp(struct vrrp_all *all, const struct record *r)
{
	struct host *h;

	if (!all->hosts)
		all->hosts = keyed_new(sizeof(struct addr), sizeof(struct host), HOSTS);
	h = keyed_renew(all->hosts, &r->client.ip);
	if (h->known && memcmp(h->mac[0], r->client.mac, 6) == 0) {
		h->last = r->start;
		return;
	}
	if (h->known > 1 && memcmp(h->mac[1], r->client.mac, 6) == 0 &&
		r->start - h->last <= 60 * (uint64_t)SECOND)
		proof_add(&h->duel, r->start, 0, ((const struct event_record *)r)->frame);
	memcpy(h->mac[1], h->mac[0], 6);
	memcpy(h->mac[0], r->client.mac, 6);
	h->known++;
	h->last = r->start;
}

static void record(struct findings *f, struct svc *s, const struct record *r)
{
	struct vrrp_all *all = f->state[DETECTOR_VRRP];

	(void)s;
	if (r->kind != RECORD_EVENT)
		return;
	all->now = r->start > all->now ? r->start : all->now;
	if (strcmp(r->type, "vrrp") == 0)
		add_vrrp(all, r);
	else if (strcmp(r->type, "arp") == 0)
		add_arp(all, r);
}

static struct finding *about(struct findings *f, const char *id, const char *title,
	const struct group_key *key, const struct proof *p)
{
	struct finding *x = finding_new(f, id, title, NULL, p, NULL);

	x->ip_version = key->ip_version;
	x->protocol = "vrrp";
	x->counted = "times";
	x->of = FIELD_ABSENT;
	text_printf(&x->filter, "vrrp.virtual_router_id == %u", (unsigned)key->vrid);
	if (!key->tunnel)
		text_printf(&x->bpf, "%s%s%s proto 112", key->vlan ? "vlan and " : "",
			key->inner_vlan ? "vlan and " : "", key->ip_version == 6 ? "ip6" : "ip");
	return x;
}

static void list_takeover(struct findings *f, const struct group_key *key, const struct group *g)
{
	struct finding *x = about(f, "vrrp-takeover", "A virtual router moved", key, &g->takeover);

	if (g->flapping)
		x->part_of = "vrrp-flapping";
	else if (g->long_gap)
		finding_at_least(x, SEVERITY_WARNING);
	say(&x->saw, "Virtual router %C has had another master %C time%1%S", key->vrid, x->count,
		x->count, g->gap ? "; for up to " : ", with no time between.");
	if (g->gap)
		say(&x->saw, "%T none advertised itself.", g->gap);
	say(&x->means, "The backup took over: the master went, resigned, or was outbid. What was "
		       "sent to the virtual address meanwhile was lost.");
	say(&x->next,
		"The log of keepalived on both (\"Entering BACKUP STATE\", track_script); the "
		"master's interface; advert_int and priorities; nopreempt.");
	say(&x->against, "A planned change looks the same.");
}

/* The router whose reigns ended most often, but for those that the preferred one ended. */
static const struct router *cause_of(const struct group *g, enum why *why)
{
	const struct router *worst = NULL;
	uint64_t most = 0;

	*why = WENT;
	for (unsigned i = 0; i < g->n; i++)
		for (int k = 0; k < WHYS; k++)
			if (k != OUTBID && g->r[i].yields[k] > most) {
				most = g->r[i].yields[k];
				worst = &g->r[i];
				*why = (enum why)k;
			}
	return worst;
}

static void list_flaps(struct findings *f, const struct group_key *key, const struct group *g)
{
	struct finding *x =
		about(f, "vrrp-flapping", "A virtual router moves back and forth", key, &g->flaps);
	enum why why;
	const struct router *of = cause_of(g, &why);

	finding_at_least(x, x->count > 3 ? SEVERITY_CRITICAL : SEVERITY_WARNING);
	say(&x->saw,
		"Virtual router %C has had another master %C times, again and again within "
		"minutes.",
		key->vrid, x->count);
	if (of) {
		x->server = of->ip;
		say(&x->saw, " %C times it was taken from %I", of->yields[why], &of->ip);
		if (why == FELL)
			say(&x->saw, ", whose priority had fallen before (from %C to %C)",
				g->fell_from, g->fell_to);
		else
			say(&x->saw, "%S",
				why == RESIGNED ? ", which had resigned (priority 0)"
						: ", which fell silent");
		text_char(&x->saw, '.');
	}
	say(&x->means, why == FELL
			       ? "Something that the master watches (a script, an interface) fails "
				 "and works again in turn, and its priority with it. "
		       : why == RESIGNED
			       ? "The master gives up and comes back: its check or its interface "
				 "fails in turn, or its process is started again and again. "
			       : "The master is not heard for a while and comes back: it is "
				 "overloaded, or its advertisements are lost. ");
	say(&x->means, "The addresses go with it; each time connections to them break.");
	say(&x->next,
		"What fails there: track_script, track_interface, track_process and their logs "
		"(\"Script ... now returning 1\", \"Entering FAULT STATE\"). Then the settings "
		"that make it calm: rise and fall of the script, nopreempt or preempt_delay, a "
		"longer advert_int.");
	say(&x->against, "Somebody who tries the fail-over a few times looks the same.");
}

static void list_both(struct findings *f, const struct group_key *key, const struct group *g)
{
	struct finding *x =
		about(f, "vrrp-two-masters", "A virtual router has two masters", key, &g->both);

	finding_at_least(x, SEVERITY_CRITICAL);
	x->server = g->rival;
	say(&x->saw,
		"%I and %I both advertised themselves as master of virtual router %C, for up to "
		"%T.",
		&g->master, &g->rival, key->vrid, g->overlap);
	say(&x->means,
		"They do not hear each other: both hold the virtual addresses, and connections "
		"go to one or the other by chance.");
	say(&x->next,
		"Multicast 224.0.0.18 (ff02::12) between them: a firewall (protocol 112), IGMP "
		"snooping, the VLAN; authentication and version on both; unicast_peer.");
	say(&x->against, "A hand-over takes up to two intervals, which is not counted.");
}

static void list_mismatch(struct findings *f, const struct group_key *key, const struct group *g)
{
	struct finding *x =
		about(f, "vrrp-mismatch", "Routers are not configured alike", key, &g->mismatch);
	const char *before = "";

	finding_at_least(x, SEVERITY_WARNING);
	say(&x->saw, "The routers of virtual router %C advertise another ", key->vrid);
	for (unsigned i = 0; i < sizeof(differences) / sizeof(differences[0]); i++)
		if (g->differs >> i & 1) {
			say(&x->saw, "%S%S", before, differences[i]);
			before = ", ";
		}
	text_char(&x->saw, '.');
	say(&x->means,
		"A backup takes advertisements that differ for wrong ones and becomes master "
		"beside the other, or holds other addresses after a take-over.");
	say(&x->next, "vrrp_instance of both configurations side by side: advert_int, "
		      "authentication, virtual_ipaddress, version.");
	say(&x->against, "While a configuration is rolled out they differ for a while.");
}

static void list_duel(struct findings *f, const struct addr *ip, const struct host *h)
{
	struct finding *x =
		finding_new(f, "arp-duel", "Two hosts announce one address", NULL, &h->duel, NULL);

	finding_at_least(x, SEVERITY_CRITICAL);
	x->server = *ip;
	x->protocol = "arp";
	x->counted = "times";
	x->of = FIELD_ABSENT;
	say(&x->filter, "arp.sender.ip == %I", ip);
	say(&x->bpf, "arp host %I", ip);
	say(&x->saw,
		"%I was announced by one MAC address and another in turn: %C time%1 back within "
		"a minute.",
		ip, x->count, x->count);
	say(&x->means, "Two hosts hold the same address and take it from each other; connections "
		       "break each time.");
	say(&x->next, "The switch's table of MAC addresses for both; VRRP or another cluster that "
		      "has two masters; an address that was given twice.");
	say(&x->against,
		"A bond that changes its interface announces another MAC, but not back and "
		"forth.");
}

/* Of those that are masters still: up to the newest event. The state stays as it is. */
static void list_group(struct findings *f, const struct vrrp_all *all, const struct group_key *key,
	const struct group *as_is)
{
	struct group g = *as_is;

	/* They were heard until the time of a silence that has not been told. */
	for (unsigned i = 0; i < g.n; i++) {
		const struct router *x = &g.r[i];
		uint64_t quiet = 4 * x->interval;
		uint64_t heard = all->now > quiet ? all->now - quiet : 0;

		ends(&g, &g.r[i], heard > x->now.last ? heard : x->now.last);
	}
	g.flapping = g.flaps.count && !g.both.count;
	if (g.flapping)
		list_flaps(f, key, &g);
	if (g.takeover.count)
		list_takeover(f, key, &g);
	if (g.both.count)
		list_both(f, key, &g);
	if (g.mismatch.count)
		list_mismatch(f, key, &g);
}

/* Do the changes of a virtual router's master explain those of who announces this address? */
static bool moved(const struct vrrp_all *all, const struct addr *ip, const struct host *h)
{
	for (uint32_t i = 0; all->groups && i < keyed_count(all->groups); i++) {
		const struct group *g = keyed_value(all->groups, i);

		for (unsigned k = 0; k < g->n; k++)
			for (unsigned n = 0; n < g->r[k].addrs.n; n++)
				if (memcmp(&g->r[k].addrs.a[n], ip, sizeof(*ip)) == 0)
					return g->takeover.count >= h->duel.count && !g->both.count;
	}
	return false;
}

static void list(struct findings *f)
{
	const struct vrrp_all *all = f->state[DETECTOR_VRRP];

	for (uint32_t i = 0; all->groups && i < keyed_count(all->groups); i++)
		list_group(f, all, keyed_key(all->groups, i), keyed_value(all->groups, i));
	for (uint32_t i = 0; all->hosts && i < keyed_count(all->hosts); i++) {
		const struct host *h = keyed_value(all->hosts, i);

		if (h->duel.count > 1 && /* there and back again is a fail-over */
			!moved(all, keyed_key(all->hosts, i), h))
			list_duel(f, keyed_key(all->hosts, i), h);
	}
}

static void release(void *state)
{
	struct vrrp_all *all = state;

	keyed_free(all->groups);
	keyed_free(all->hosts);
}

const struct detector detect_vrrp = {.size = sizeof(struct vrrp_all),
	.table = {{offsetof(struct vrrp_all, groups),
			  "findings: virtual routers forgotten, too many"},
		{offsetof(struct vrrp_all, hosts),
			"findings: hosts of routers forgotten, too many"}},
	.kinds = 1u << RECORD_EVENT,
	.record = record,
	.list = list,
	.release = release};
