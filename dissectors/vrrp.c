/*
 * vrrp.c - the Virtual Router Redundancy Protocol, version 2 (RFC 3768) and 3 (RFC 5798).
 *
 * Only advertisements exist. The authentication data of version 2, which may be a password, is
 * never looked at. A virtual router's master sends an advertisement each interval; when none has
 * come for the master-down interval (6.1: three intervals and the skew time) the others take it for
 * dead. For each (virtual router, sender) there is a record of the first advertisement, of each
 * change in what it says, of resignation (priority 0), of silence for the master-down interval of
 * the priority it had sent, of its return, and of the end of the capture. One that missed its turn
 * while another sender spoke for the virtual router returns, too: the other had taken over. The
 * counts of advertisements in them add up to those captured.
 */
#include "dissector.h"
#include "event.h"
#include "layer.h"
#include "show.h"
#include <stddef.h>

TSM_DECLARE(vrrp);

#define VRRP_HEADER    8u
#define VRRP_AUTH_DATA 8u /* behind the addresses, version 2 */
#define VRRP_ADVERT    1u

static void vrrp_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h = view_peek(v, VRRP_HEADER);
	unsigned version, width = p->ip_version == 6 ? 16 : 4;
	uint32_t len;

	(void)next;
	if (!h) {
		view_take(v, VRRP_HEADER);
		return;
	}
	version = h[0] >> 4;
	if (version != 3 && !(version == 2 && p->ip_version == 4)) {
		layer_malformed(v);
		return;
	}
	len = VRRP_HEADER + h[3] * width + (version == 2 ? VRRP_AUTH_DATA : 0);
	h = view_take(v, len);
	if (h && (h[0] & 0x0fu) == VRRP_ADVERT)
		packet_event(p, TSM_SELF(vrrp), h, len);
}

/* ---- Events ---- */

#define ROUTERS_MAX 1024u
#define BUCKETS     1024u
#define SAMPLE      16u /* routers looked at for one that may go, where there are too many */

enum {
	CHANGED_VERSION = 1,
	CHANGED_PRIORITY = 2,
	CHANGED_INTERVAL = 4,
	CHANGED_ADDRESSES = 8,
	CHANGED_AUTH = 16
};
static const char *const changed_names[] = {
	"version", "priority", "advert_interval", "addresses", "auth_type", NULL};

struct advert_record {
	const char *action;
	uint64_t version, vrid, priority, interval; /* as last advertised; ns */
	uint32_t changed;                           /* bits of changed_names */
	const char *auth;                           /* NULL: there is none to say */
	uint64_t naddrs;
	struct field_addrs addrs;
	uint64_t adverts;     /* since the event before, this one's own counted */
	uint64_t silent;      /* ns without one; absent */
	struct addr previous; /* the other router heard last for it; all zero: none */
};

enum {
	F_ACTION,
	F_VERSION,
	F_VRID,
	F_PRIORITY,
	F_INTERVAL,
	F_AUTH,
	F_COUNT,
	F_ADDRS,
	F_ADVERTS,
	F_CHANGED,
	F_SILENT,
	F_PREVIOUS,
	/* Only shown. */
	D_TYPE,
	D_CHECKSUM,
};

static const struct field event_fields[] = {
	[F_ACTION] = EVENT_FIELD(advert_record, action, "event.action", "Action",
		"first: an advertisement of a sender not heard before; change: it says something "
		"else than before; resign: priority 0; silence: none for three intervals and the "
		"skew time; return: one after that, or after another sender spoke when it was its "
		"turn; end: the capture ended.",
		FIELD_NAME, 0, 8),
	[F_VERSION] = EVENT_FIELD(advert_record, version, "vrrp.version", "Version",
		"VRRP version.", FIELD_U64, 0, 3),
	[F_VRID] = EVENT_FIELD(advert_record, vrid, "vrrp.virtual_router_id", "VRID",
		"Virtual router identifier.", FIELD_U64, 0, 4),
	[F_PRIORITY] = EVENT_FIELD(advert_record, priority, "vrrp.priority", "Priority",
		"Priority last advertised; 0: the master resigns.", FIELD_U64, 0, 4),
	[F_INTERVAL] = EVENT_FIELD(advert_record, interval, "vrrp.advert_interval", "Interval",
		"Time between advertisements, as last advertised.", FIELD_DURATION, 0, 8),
	[F_AUTH] = EVENT_FIELD(advert_record, auth, "vrrp.auth_type", "Auth",
		"Authentication type of version 2: none, simple, ip_ah or other.", FIELD_NAME, 0,
		6),
	[F_COUNT] = EVENT_FIELD(advert_record, naddrs, "vrrp.address_count", "Addresses",
		"Number of virtual addresses advertised.", FIELD_U64, 0, 4),
	[F_ADDRS] = EVENT_FIELD(advert_record, addrs, "vrrp.addresses", "Addresses",
		"The virtual addresses last advertised, at most 20 of them.", FIELD_IPS,
		FIELD_F_LIST, 30),
	[F_ADVERTS] = EVENT_FIELD(advert_record, adverts, "tsumari.vrrp.adverts", "Adverts",
		"Advertisements of this sender since its event before, this one's own counted.",
		FIELD_U64, 0, 7),
	[F_CHANGED] = FIELD_AT("tsumari.vrrp.changed", "Changed",
		"What is not as it was advertised before.", FIELD_NAMES, 12, FIELD_F_LIST,
		offsetof(struct advert_record, changed), changed_names),
	[F_SILENT] = EVENT_FIELD(advert_record, silent, "tsumari.vrrp.silent", "Silent",
		"How long there was no advertisement, of silence and return.", FIELD_DURATION, 0,
		8),
	[F_PREVIOUS] = EVENT_FIELD(advert_record, previous, "tsumari.vrrp.previous.ip", "Before",
		"The other sender for the same virtual router that was heard last before, of "
		"first and return.",
		FIELD_IP, FIELD_F_NONZERO, 15),
	[D_TYPE] = FIELD_SHOWN("vrrp.type", "Type", "1: an advertisement.", FIELD_U64),
	[D_CHECKSUM] = FIELD_SHOWN("vrrp.checksum", "Checksum", "Checksum.", FIELD_ID),
	FIELDS_END,
};

/* An advertisement as on the wire, of a header that the layer has taken. */
struct advert {
	uint8_t version, vrid, priority, naddrs;
	uint8_t auth;      /* authentication type of version 2 */
	uint64_t interval; /* ns */
	unsigned width;    /* bytes of an address */
	const uint8_t *addrs;
};

static struct advert advert_of(const struct packet *p)
{
	const uint8_t *h = p->event.head;
	struct advert a = {.version = h[0] >> 4,
		.vrid = h[1],
		.priority = h[2],
		.naddrs = h[3],
		.width = p->ip_version == 6 ? 16 : 4,
		.addrs = h + VRRP_HEADER};

	if (a.version == 2) {
		a.auth = h[4];
		a.interval = h[5] * TSM_SECOND;
	} else {
		a.interval = (load16(h + 4) & 0x0fffu) * (TSM_SECOND / 100);
	}
	return a;
}

struct router { /* a sender of advertisements for one virtual router */
	struct tsm_origin of;
	uint32_t bucket;
	uint16_t next; /* in its bucket, from 1; 0: the last */
	uint8_t version, vrid, priority, auth, naddrs;
	bool silent;
	uint64_t interval, last;
	uint64_t adverts;   /* since the last event */
	uint64_t all_addrs; /* a digest of every address */
	struct field_addrs addrs;
};

struct state {
	uint32_t n, hand;
	uint16_t bucket[BUCKETS];
	struct router routers[ROUTERS_MAX];
};

/* Time without an advertisement after which the master is taken for dead (RFC 5798, 6.1). */
static uint64_t down_interval(const struct router *r)
{
	uint64_t per = r->version == 2 ? TSM_SECOND : r->interval;

	return 3 * r->interval + per * (256u - r->priority) / 256;
}

static bool same_group(const struct router *a, const struct router *b)
{
	return a->vrid == b->vrid && a->of.vlan == b->of.vlan && a->of.tunnel == b->of.tunnel &&
	       a->of.ip_version == b->of.ip_version;
}

/* The other sender that was heard last for the same virtual router. */
static const struct router *previous(const struct state *x, const struct router *r)
{
	const struct router *best = NULL;

	for (uint32_t i = 0; i < x->n; i++) {
		const struct router *o = &x->routers[i];

		if (o != r && same_group(o, r) &&
			memcmp(&o->of.src, &r->of.src, sizeof(r->of.src)) != 0 &&
			(!best || o->last > best->last))
			best = o;
	}
	return best;
}

/* Did another speak for the virtual router when it was this one's turn? */
static bool stood_in(const struct state *x, const struct router *r, uint64_t gap)
{
	const struct router *other;

	if (r->silent || gap * 2 <= r->interval * 3)
		return false;
	other = previous(x, r);
	return other && other->last > r->last;
}

static const char *auth_name(const struct router *r)
{
	static const char *const names[] = {"none", "simple", "ip_ah"};

	if (r->version != 2)
		return NULL;
	return r->auth < sizeof(names) / sizeof(names[0]) ? names[r->auth] : "other";
}

static struct advert_record *emit(
	struct events *e, struct router *r, const char *action, uint64_t time, uint64_t frame)
{
	struct advert_record *o = tsm_event_new(e, &r->of, time, frame);

	o->action = action;
	o->version = r->version;
	o->vrid = r->vrid;
	o->priority = r->priority;
	o->interval = r->interval;
	o->auth = auth_name(r);
	o->naddrs = r->naddrs;
	o->addrs = r->addrs;
	o->adverts = r->adverts;
	o->silent = FIELD_ABSENT;
	r->adverts = 0;
	return o;
}

static void unlink_router(struct state *x, const struct router *r)
{
	uint16_t *p = &x->bucket[r->bucket], at = (uint16_t)(r - x->routers + 1);

	while (*p && *p != at)
		p = &x->routers[*p - 1].next;
	*p = r->next;
}

/* A place for one more; the longest silent of a sample goes where there are too many. */
static struct router *router_place(struct events *e, struct state *x)
{
	struct router *r;

	if (x->n < ROUTERS_MAX)
		return &x->routers[x->n++];
	r = &x->routers[x->hand];
	for (uint32_t i = 0; i < SAMPLE; i++) {
		struct router *o = &x->routers[(x->hand + i) % ROUTERS_MAX];

		if (o->last < r->last)
			r = o;
	}
	x->hand = (x->hand + SAMPLE) % ROUTERS_MAX;
	tsm_event_note(e, "vrrp: too many routers, one given up");
	if (r->adverts)
		emit(e, r, "end", r->last, 0);
	unlink_router(x, r);
	return r;
}

static struct router *router_find(struct events *e, struct state *x, const struct packet *p,
	const struct advert *a, bool *fresh)
{
	uint32_t bucket = (uint32_t)((p->hash >> 20) + a->vrid) % BUCKETS;
	struct tsm_origin of;
	uint16_t i;
	struct router *r;

	tsm_origin(e, p, &of);
	*fresh = false;
	for (i = x->bucket[bucket]; i; i = r->next) {
		r = &x->routers[i - 1];
		if (r->vrid == a->vrid && r->of.vlan == of.vlan && r->of.tunnel == of.tunnel &&
			memcmp(&r->of.src, &of.src, sizeof(of.src)) == 0 &&
			memcmp(&r->of.dst, &of.dst, sizeof(of.dst)) == 0) {
			/* Its flow was closed, and is a new one now. */
			r->of.flow_id = of.flow_id;
			return r;
		}
	}
	r = router_place(e, x);
	memset(r, 0, sizeof(*r));
	r->bucket = bucket;
	r->next = x->bucket[bucket];
	x->bucket[bucket] = (uint16_t)(r - x->routers + 1);
	r->of = of;
	r->vrid = a->vrid;
	*fresh = true;
	return r;
}

static uint64_t digest(const uint8_t *p, size_t n)
{
	uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a */

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * UINT64_C(1099511628211);
	return h;
}

/* Takes what the advertisement says; tells what of it is new. */
static uint32_t take(struct router *r, const struct advert *a)
{
	uint64_t addrs = digest(a->addrs, a->naddrs * (size_t)a->width);
	uint32_t changed = 0;

	changed |= r->version != a->version ? CHANGED_VERSION : 0;
	changed |= r->priority != a->priority ? CHANGED_PRIORITY : 0;
	changed |= r->interval != a->interval ? CHANGED_INTERVAL : 0;
	changed |= r->naddrs != a->naddrs || r->all_addrs != addrs ? CHANGED_ADDRESSES : 0;
	changed |= r->auth != a->auth ? CHANGED_AUTH : 0;
	r->version = a->version;
	r->priority = a->priority;
	r->interval = a->interval;
	r->auth = a->auth;
	r->naddrs = a->naddrs;
	r->all_addrs = addrs;
	r->addrs.n = a->naddrs < FIELD_ADDRS_MAX ? a->naddrs : FIELD_ADDRS_MAX;
	for (uint32_t i = 0; i < r->addrs.n; i++)
		r->addrs.a[i] =
			a->width == 16 ? addr_v6(a->addrs + i * 16) : addr_v4(a->addrs + i * 4);
	return changed;
}

static void silence(struct events *e, struct router *r)
{
	emit(e, r, "silence", r->last + down_interval(r), 0)->silent = down_interval(r);
	r->silent = true;
}

static void tick(struct events *e, void *state, uint64_t now)
{
	struct state *x = state;

	for (uint32_t i = 0; i < x->n; i++) {
		struct router *r = &x->routers[i];

		if (!r->silent && r->last + down_interval(r) < now)
			silence(e, r);
	}
}

static void packet(struct events *e, void *state, const struct packet *p)
{
	struct state *x = state;
	struct advert a = advert_of(p);
	bool fresh, was_silent;
	struct router *r = router_find(e, x, p, &a, &fresh);
	const struct router *other;
	uint64_t now = p->time > r->last ? p->time : r->last, gap = now - r->last;
	uint32_t changed;
	struct advert_record *o;

	if (!fresh && !r->silent && gap > down_interval(r))
		silence(e, r);
	was_silent = a.priority && (r->silent || (!fresh && stood_in(x, r, gap)));
	changed = take(r, &a);
	r->adverts++;
	r->last = now;
	if (!fresh && !was_silent && !changed)
		return;
	if (fresh || was_silent)
		tick(e, state, now); /* whose place it takes is told first */
	o = emit(e, r,
		fresh          ? "first"
		: !r->priority ? "resign"
		: was_silent   ? "return"
			       : "change",
		now, p->number);
	if (p->ttl != 255) /* it came from elsewhere, or was made up (RFC 5798, 5.1.1.3) */
		tsm_event_flag(e, QUALITY_MALFORMED);
	if (!fresh)
		o->changed = changed;
	if (was_silent)
		o->silent = gap;
	if (fresh || was_silent) {
		other = previous(x, r);
		if (other)
			o->previous = other->of.src;
	}
	r->silent = !r->priority;
}

static void end(struct events *e, void *state)
{
	struct state *x = state;

	for (uint32_t i = 0; i < x->n; i++)
		if (x->routers[i].adverts)
			emit(e, &x->routers[i], "end", x->routers[i].last, 0);
	x->n = 0;
}

static const struct tsm_event_kind events = {
	.counted = "VRRP events",
	.total = "vrrp_events",
	.fields = event_fields,
	.record_size = sizeof(struct advert_record),
	.state_size = sizeof(struct state),
	.packet = packet,
	.tick = tick,
	.end = end,
};

/* ---- Explained ---- */

/* What follows the addresses in version 2, which may be a password, is not shown as text. */
static void describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	const uint8_t *h = view_take(&v, VRRP_HEADER), *at;
	unsigned width = p->ip_version == 6 ? 16 : 4;

	(void)side;
	if (!h)
		return;
	tsm_show_u64(s, &event_fields[F_VERSION], h, 1, h[0] >> 4);
	tsm_show_u64(s, &event_fields[D_TYPE], h, 1, h[0] & 0x0f);
	tsm_show_u64(s, &event_fields[F_VRID], h + 1, 1, h[1]);
	tsm_show_u64(s, &event_fields[F_PRIORITY], h + 2, 1, h[2]);
	tsm_show_u64(s, &event_fields[F_COUNT], h + 3, 1, h[3]);
	if (h[0] >> 4 == 2) {
		tsm_show_u64(s, &event_fields[F_AUTH], h + 4, 1, h[4]);
		tsm_show_u64(s, &event_fields[F_INTERVAL], h + 5, 1, h[5] * UINT64_C(1000000000));
	} else {
		tsm_show_u64(s, &event_fields[F_INTERVAL], h + 4, 2,
			(load16(h + 4) & 0x0fffu) * UINT64_C(10000000));
	}
	tsm_show_u64(s, &event_fields[D_CHECKSUM], h + 6, 2, load16(h + 6));
	for (unsigned i = 0; i < h[3] && (at = view_take(&v, width)); i++)
		tsm_show_ip(s, &event_fields[F_ADDRS], at, width);
}

static const struct claim vrrp_claims[] = {
	{TABLE_IP_PROTO, IP_PROTO_VRRP},
	{TABLE_END, 0},
};

TSM_DISSECTOR(vrrp) = {
	TSM_HEAD,
	.name = "vrrp",
	.title = "Virtual Router Redundancy Protocol, versions 2 and 3",
	.claims = vrrp_claims,
	.layer = vrrp_layer,
	.describe = describe,
	.event = &events,
};
