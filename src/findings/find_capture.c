/*
 * find_capture.c - the capture's own faults: bytes it lost, directions it did not see, frames it
 * has twice, cut or put together.
 */
#include "findings/find_impl.h"
#include "api/layer.h"

/* What bytes that were cut off in the wrong place make of a transaction. */
#define BAD                                                                                        \
	(1u << QUALITY_MALFORMED | 1u << QUALITY_NO_REQUEST | 1u << QUALITY_NO_RESPONSE |          \
		1u << QUALITY_UNFINISHED)

/* Services where a fault was met, for a filter of packets. */
#define WHERE 8u
struct where {
	unsigned n;
	bool more; /* than those */
	const struct svc *service[WHERE];
};

struct capture_state {
	struct where lost_at, one_way_at, twice_at, joined_at, paths_at;
	uint64_t joined_mss; /* the least of those that segments exceeded */
	struct proof lost, one_way, twice, joined, cut, paths;
	uint64_t lost_bytes, twice_frames, joined_segments;
	uint32_t twice_kinds; /* COPY_ */
	uint64_t unknown;     /* ns of the ledger */
	uint64_t in_part;  /* transactions of cut flows with bytes missing where they were needed */
	uint64_t cut_txns; /* all of cut flows */
};

static void add_txn(struct capture_state *c, const struct txn_record *t)
{
	if (t->total != FIELD_ABSENT)
		c->unknown += t->ledger[LEDGER_UNKNOWN];
	if (!(t->r.quality & 1u << QUALITY_SNAPLEN))
		return;
	c->cut_txns++;
	c->in_part += (t->r.quality & BAD) != 0;
}

static void add_where(struct where *w, const struct svc *s)
{
	unsigned i = 0;

	while (i < w->n && w->service[i] != s)
		i++;
	if (i < w->n)
		return;
	if (s && i < WHERE)
		w->service[w->n++] = s;
	else
		w->more = true;
}

static void add_side(
	struct capture_state *c, const struct svc *at, const struct flow_record *r, enum side side)
{
	const struct flow_trouble_record *s = &r->trouble[side];
	uint64_t mss = r->side[!side].mss;

	if (s->lost_in_capture && !(r->r.quality & 1u << QUALITY_ONE_WAY)) {
		proof_add(&c->lost, r->r.start, 0, 0);
		proof_frame(&c->lost, s->lost_in_capture, s->lost_frame);
		c->lost_bytes += s->lost_in_capture;
		add_where(&c->lost_at, at);
	}
	if (s->oversized) {
		proof_add(&c->joined, r->r.start, 0, 0);
		proof_frame(&c->joined, s->oversized, s->oversized_frame);
		c->joined_segments += s->oversized;
		add_where(&c->joined_at, at);
		if (mss != FIELD_ABSENT && (!c->joined_mss || mss < c->joined_mss))
			c->joined_mss = mss;
	}
}

static void add_flow(struct capture_state *c, const struct svc *s, const struct flow_record *r)
{
	const struct record *b = &r->r;

	add_side(c, s, r, SIDE_CLIENT);
	add_side(c, s, r, SIDE_SERVER);
	if (b->quality & 1u << QUALITY_ONE_WAY) {
		proof_add(&c->one_way, b->start, 0, b->flow_id);
		add_where(&c->one_way_at, s);
	}
	if (b->quality & 1u << QUALITY_MPTCP && r->side[0].payload + r->side[1].payload) {
		proof_add(&c->paths, b->start, 0, b->flow_id);
		add_where(&c->paths_at, s);
	}
	if (r->duplicates) {
		proof_add(&c->twice, b->start, 0, 0);
		proof_frame(&c->twice, r->duplicates, r->duplicate_frame);
		c->twice_frames += r->duplicates;
		c->twice_kinds |= r->copy_kinds;
		add_where(&c->twice_at, s);
	}
	if (b->quality & 1u << QUALITY_SNAPLEN)
		proof_add(&c->cut, b->start, 0, b->flow_id);
}

static void record(struct findings *f, struct svc *s, const struct record *r)
{
	struct capture_state *c = f->state[DETECTOR_CAPTURE];

	if (r->kind == RECORD_TXN && !r->composite)
		add_txn(c, (const void *)r);
	else if (r->kind == RECORD_FLOW && r->transport == IP_PROTO_TCP)
		add_flow(c, s, (const void *)r);
}

/* Whether all of it can be named: "vlan" counts for all behind it, so it is for one alone. */
static bool can_name(const struct where *w)
{
	for (unsigned i = 0; i < w->n; i++)
		if (w->service[i]->key.tunnel || (w->n > 1 && w->service[i]->key.vlan))
			return false;
	return w->n && !w->more;
}

/* The frames where a fault was met, of at least so many bytes (0: any). */
static void isolate(struct finding *x, const struct where *w, uint64_t least)
{
	text_clear(&x->bpf);
	if (least)
		text_printf(&x->bpf, "greater %llu", (unsigned long long)least);
	if (!can_name(w))
		return;
	if (least)
		text_str(&x->bpf, " and ");
	if (least && w->n > 1)
		text_char(&x->bpf, '(');
	for (unsigned i = 0; i < w->n; i++) {
		text_str(&x->bpf, i ? " or (" : w->n > 1 ? "(" : "");
		say_bpf(&x->bpf, w->service[i]);
		if (w->n > 1)
			text_char(&x->bpf, ')');
	}
	if (least && w->n > 1)
		text_char(&x->bpf, ')');
}

static struct finding *fault(struct findings *f, const char *id, const char *title,
	const struct proof *t, const char *condition)
{
	struct finding *x = finding_new(f, id, title, NULL, t, condition);

	x->of_capture = true;
	x->of = f->tcp_flows;
	return x;
}

static uint64_t dropped(const struct findings *f)
{
	return f->capture ? f->capture->kernel_dropped + f->capture->interface_dropped : 0;
}

/* When the kernel dropped frames: from when to when, and the worst second. */
static void say_drops(struct text *t, const struct drops *d)
{
	uint32_t worst = 0;

	if (!d->n)
		return;
	for (uint32_t i = 1; i < d->n; i++)
		if (d->list[i].frames > d->list[worst].frames)
			worst = i;
	text_str(t, " It was from ");
	text_time(t, d->list[0].start);
	text_str(t, " to ");
	text_time(t, d->list[d->n - 1].end);
	if (d->n > 1) {
		say(t, ", most of them (%C) from ", d->list[worst].frames);
		text_time(t, d->list[worst].start);
		text_str(t, " on");
	}
	text_str(t, ".");
}

static void list_lost(struct findings *f, struct capture_state *c)
{
	struct finding *x = fault(f, "capture-loss", "Packets were not captured", &c->lost,
		"tsumari.tcp.client.lost_in_capture > 0 or "
		"tsumari.tcp.server.lost_in_capture > 0");

	isolate(x, &c->lost_at, 0);
	x->local = c->unknown;
	x->everywhere = true;
	finding_claims(x, NULL, ENTRY(UNKNOWN), CLASS(NONE));
	if (c->lost_bytes * 1000 > (f->capture ? f->capture->bytes : 0) || dropped(f) ||
		c->unknown * 50 > f->felt)
		finding_at_least(x, SEVERITY_WARNING);
	if (c->lost_bytes)
		say(&x->saw, "%B were acknowledged by their receiver and are not in the capture. ",
			c->lost_bytes);
	if (dropped(f))
		say(&x->saw, "The kernel or the interface dropped %C frames.", dropped(f));
	if (f->capture)
		say_drops(&x->saw, &f->capture->drops);
	say(&x->means,
		"The network delivered them: the capture lost them. Transactions around "
		"them have no time of their own (ledger entry unknown, %T), and loss that "
		"is reported may be the capture's.",
		c->unknown);
	say(&x->next, "A larger kernel buffer (-B), a capture filter, a shorter snap length (-s), "
		      "writing with -w and analysing later; on a mirror port, its bandwidth.");
	say(&x->against, "Where a connection takes two paths and only one is captured the packets "
			 "were never to be seen.");
}

static void list_one_way(struct findings *f, struct capture_state *c)
{
	struct finding *x = fault(f, "one-way", "Only one direction was captured", &c->one_way,
		"tsumari.quality == one_way");

	isolate(x, &c->one_way_at, 0);
	if (c->one_way.count * 20 >= f->tcp_flows)
		finding_at_least(x, SEVERITY_WARNING);
	if (c->one_way.count * 2 >= f->tcp_flows)
		finding_at_least(x, SEVERITY_CRITICAL);
	say(&x->saw, "Of %C of %C TCP connections only one side's packets are there.",
		c->one_way.count, f->tcp_flows);
	say(&x->means, "Times of responses cannot be told for them and are left out.");
	say(&x->next, "Mirror both directions of the port; with a load balancer in direct-return "
		      "mode or asymmetric routing capture on the servers themselves.");
	say(&x->against, "A host that answers nobody (a scan, a spoofed source) looks the same.");
}

static void list_paths(struct findings *f, struct capture_state *c)
{
	struct finding *x = fault(f, "mptcp", "Connections that run over several paths", &c->paths,
		"tsumari.quality == mptcp");

	isolate(x, &c->paths_at, 0);
	say(&x->saw,
		"%C of %C TCP connections are subflows of Multipath TCP that carry a part of "
		"their connection's data each.",
		c->paths.count, f->tcp_flows);
	say(&x->means, "What is asked on one path is answered on another: transactions and their "
		       "times are told only up to where the data divided.");
	say(&x->next, "tsumari.tcp.server.mptcp.token is the same on the subflows of a connection. "
		      "To measure: one subflow (ip mptcp limits set subflow 0), or plain TCP "
		      "(net.mptcp.enabled=0).");
	say(&x->against, "Loss, windows and round trips of each path are its own, and told.");
}

static void list_twice(struct findings *f, struct capture_state *c)
{
	struct finding *x = fault(f, "duplicates", "Packets were captured twice", &c->twice,
		"tsumari.flow.duplicates > 0");
	uint64_t frames = f->capture ? f->capture->frames : 0;

	isolate(x, &c->twice_at, 0);
	x->counted = "frames";
	x->count = c->twice_frames;
	x->of = frames;
	if (c->twice_frames * 100 >= frames)
		finding_at_least(x, SEVERITY_WARNING);
	say(&x->saw, "%C of %C frames are there twice, in %C connection%1.", c->twice_frames,
		frames, c->twice.count, c->twice.count);
	if (c->twice_kinds & COPY_VLAN)
		say(&x->saw, " Copies have another VLAN tag.");
	if (c->twice_kinds & COPY_TUNNEL)
		say(&x->saw, " Copies are inside a tunnel, or outside.");
	if (c->twice_kinds & COPY_NAT)
		say(&x->saw, " Copies have other addresses (NAT): tsumari.copy has both pairs.");
	say(&x->means, "The copies are left out of every number; other tools count them as "
		       "retransmissions. Bytes on the wire look up to twice as many.");
	say(&x->next, "Mirror one direction of each port only, or one interface instead of "
		      "\"any\"; editcap -d removes copies from a file.");
	say(&x->against, "A routed copy has another TTL or MAC address and shows the hop between, "
			 "which may be wanted.");
}

static void list_cut(struct findings *f, struct capture_state *c)
{
	struct finding *x = fault(f, "snaplen", "Frames were cut by the snap length", &c->cut,
		"tsumari.quality == snaplen");

	x->nframes = 0;
	while (f->capture && x->nframes < CUT_SHOWN && x->nframes < f->capture->cut_frames) {
		x->frames[x->nframes] = f->capture->cut_first[x->nframes];
		x->nframes++;
	}
	if (f->capture && f->capture->cut_least)
		text_printf(&x->bpf, "greater %llu", (unsigned long long)f->capture->cut_least);
	x->counted = "frames";
	x->count = f->capture ? f->capture->cut_frames : 0;
	x->of = f->capture ? f->capture->frames : 0;
	if (c->in_part || !c->cut_txns)
		finding_at_least(x, SEVERITY_WARNING);
	say(&x->saw, "%C of %C frames are shorter than on the wire.", x->count, x->of);
	say(&x->means,
		"Times are right; of %C of the %C transactions in cut connections bytes "
		"are missing where they would be read.",
		c->in_part, c->cut_txns);
	say(&x->next, "Capture again with -s 0 (tcpdump's default is 262144).");
	say(&x->against, "Bodies are passed over anyway: where only they are cut nothing is lost.");
}

static void list_joined(struct findings *f, struct capture_state *c)
{
	struct finding *x = fault(f, "offload", "Segments were put together by an offload",
		&c->joined, "tsumari.tcp.client.oversized > 0 or tsumari.tcp.server.oversized > 0");

	/* Frames with the least headers that such a segment has: of IP and TCP. */
	isolate(x, &c->joined_at, c->joined_mss ? c->joined_mss + 41 : 0);
	x->counted = "segments";
	x->count = c->joined_segments;
	x->of = FIELD_ABSENT;
	say(&x->saw,
		"%C segments in %C direction%1 of connections are larger than the "
		"receiver's maximum segment size.",
		c->joined_segments, c->joined.count, c->joined.count);
	say(&x->means, "They never were on the wire like this: numbers of packets, sizes and "
		       "retransmissions are those of the host's offload (TSO, GSO, GRO, LRO), "
		       "checksums are unfinished. Times are right to the burst.");
	say(&x->next, "Capture beside the host, or ethtool -K IFACE tso off gso off gro off "
		      "lro off while capturing.");
	say(&x->against, "It does no harm to what is said of waiting.");
}

static void list(struct findings *f)
{
	struct capture_state *c = f->state[DETECTOR_CAPTURE];

	if (c->lost.count || dropped(f))
		list_lost(f, c);
	if (c->one_way.count)
		list_one_way(f, c);
	if (c->paths.count)
		list_paths(f, c);
	if (c->twice.count)
		list_twice(f, c);
	if (c->cut.count)
		list_cut(f, c);
	if (c->joined.count)
		list_joined(f, c);
}

const struct detector detect_capture = {.size = sizeof(struct capture_state),
	.kinds = OF_TCP | OF_TXN,
	.record = record,
	.list = list};
