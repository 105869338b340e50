/*
 * find_vrrp.c - virtual routers that move, have two masters, or are not configured alike (RFC
 * 5798), and addresses that two hosts announce by gratuitous ARP.
 */
#include "model/find_impl.h"

#define GROUPS  256u
#define ROUTERS 8u /* of one virtual router */
#define HOSTS   1024u

struct group_key {
	uint64_t vrid;
	const char *tunnel;
	uint16_t vlan, inner_vlan;
	uint8_t ip_version, padding[3];
};

struct router {
	struct addr ip;
	bool active;
	uint64_t since, last; /* of its present reign; when it was known to be there last */
	uint64_t frame;
	uint64_t version, interval, naddrs;
	const char *auth;
	struct field_addrs addrs;
};

struct group {
	unsigned n;
	struct router r[ROUTERS];
	struct proof takeover, both, mismatch;
	uint64_t gap;     /* longest time without a master at a take-over */
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

/* Two of them were masters until `until`: more than the time that a hand-over takes? */
static void overlap(struct group *g, const struct router *a, const struct router *b, uint64_t until)
{
	uint64_t from = a->since > b->since ? a->since : b->since;
	uint64_t interval = a->interval > b->interval ? a->interval : b->interval;
	const struct router *late = a->since > b->since ? a : b;

	if (until < from || until - from <= 2 * interval)
		return;
	proof_add(&g->both, from, 0, late->frame);
	proof_frame(&g->both, 0, (late == a ? b : a)->frame);
	proof_until(&g->both, until);
	if (until - from > g->overlap) {
		g->overlap = until - from;
		g->master = (late == a ? b : a)->ip;
		g->rival = late->ip;
	}
}

static void ends(struct group *g, struct router *x, uint64_t last)
{
	x->last = last;
	for (unsigned i = 0; x->active && i < g->n; i++)
		if (&g->r[i] != x && g->r[i].active)
			overlap(g, x, &g->r[i], last);
	x->active = false;
}

static void begins(struct group *g, struct router *x, const struct vrrp_record *v)
{
	const struct router *before = NULL;

	x->active = true;
	x->since = x->last = v->r.start;
	x->frame = v->frame;
	for (unsigned i = 0; i < g->n; i++)
		if (&g->r[i] != x && (!before || g->r[i].last > before->last))
			before = &g->r[i];
	if (!before)
		return;
	proof_add(&g->takeover, v->r.start, 0, v->frame);
	if (!before->active && v->r.start > before->last && v->r.start - before->last > g->gap)
		g->gap = v->r.start - before->last;
	if (different(before, x)) {
		g->differs |= different(before, x);
		proof_add(&g->mismatch, v->r.start, 0, v->frame);
		proof_frame(&g->mismatch, 0, before->frame);
	}
}

static void add_vrrp(struct vrrp_all *all, const struct vrrp_record *v)
{
	struct group_key key;
	struct group *g;
	struct router *x;

	memset(&key, 0, sizeof(key));
	key.vrid = v->vrid;
	key.tunnel = v->r.tunnel;
	key.vlan = v->r.vlan;
	key.inner_vlan = v->r.inner_vlan;
	key.ip_version = v->r.ip_version;
	if (!all->groups)
		all->groups = keyed_new(sizeof(key), sizeof(struct group), GROUPS);
	g = keyed_get(all->groups, &key);
	x = g ? router_of(g, &v->r.client.ip) : NULL;
	if (!x)
		return;
	x->version = v->version;
	x->interval = v->interval;
	x->naddrs = v->naddrs;
	x->auth = v->auth;
	x->addrs = v->addrs;
	if (strcmp(v->action, "first") == 0 || strcmp(v->action, "return") == 0) {
		if (v->priority)
			begins(g, x, v);
	} else if (strcmp(v->action, "silence") == 0) {
		ends(g, x, v->r.start - (v->silent == FIELD_ABSENT ? 0 : v->silent));
	} else if (strcmp(v->action, "change") == 0) {
		x->last = v->r.start;
	} else {
		ends(g, x, v->r.start); /* it resigned, or the capture ended */
	}
}

/* One change is a take-over; back and forth within a minute is a duel. */
static void add_arp(struct vrrp_all *all, const struct arp_record *a)
{
	struct host *h;

	if (!all->hosts)
		all->hosts = keyed_new(sizeof(struct addr), sizeof(struct host), HOSTS);
	h = keyed_renew(all->hosts, &a->r.client.ip);
	if (h->known && memcmp(h->mac[0], a->r.client.mac, 6) == 0) {
		h->last = a->r.start;
		return;
	}
	if (h->known > 1 && memcmp(h->mac[1], a->r.client.mac, 6) == 0 &&
		a->r.start - h->last <= 60 * (uint64_t)SECOND)
		proof_add(&h->duel, a->r.start, 0, a->frame);
	memcpy(h->mac[1], h->mac[0], 6);
	memcpy(h->mac[0], a->r.client.mac, 6);
	h->known++;
	h->last = a->r.start;
}

static void record(struct findings *f, struct svc *s, const struct record *r)
{
	struct vrrp_all *all = f->state[DETECTOR_VRRP];

	(void)s;
	if (r->kind != RECORD_EVENT)
		return;
	all->now = r->start > all->now ? r->start : all->now;
	if (event_is_vrrp(r))
		add_vrrp(all, (const void *)r);
	else
		add_arp(all, (const void *)r);
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

	if (g->gap)
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

	for (unsigned i = 0; i < g.n; i++)
		for (unsigned k = i + 1; k < g.n; k++)
			if (g.r[i].active && g.r[k].active)
				overlap(&g, &g.r[i], &g.r[k], all->now);
	if (g.takeover.count)
		list_takeover(f, key, &g);
	if (g.both.count)
		list_both(f, key, &g);
	if (g.mismatch.count)
		list_mismatch(f, key, &g);
}

static void list(struct findings *f)
{
	const struct vrrp_all *all = f->state[DETECTOR_VRRP];

	for (uint32_t i = 0; all->groups && i < keyed_count(all->groups); i++)
		list_group(f, all, keyed_key(all->groups, i), keyed_value(all->groups, i));
	for (uint32_t i = 0; all->hosts && i < keyed_count(all->hosts); i++) {
		const struct host *h = keyed_value(all->hosts, i);

		if (h->duel.count > 1) /* there and back again is a fail-over */
			list_duel(f, keyed_key(all->hosts, i), h);
	}
}

static void release(void *state)
{
	struct vrrp_all *all = state;

	keyed_free(all->groups);
	keyed_free(all->hosts);
}

const struct detector detect_vrrp = {
	.size = sizeof(struct vrrp_all), .record = record, .list = list, .release = release};
