/*
 * find_connect.c - connections that were slow to be made, or were not: requests dropped, queues
 * that are full, ports that refuse or keep silent, floods.
 *
 * Timers (RFC 6298, and what kernels do): a SYN is sent again after 1 s and then doubling (1, 3, 7,
 * 15 s after the first); Linux from 6.5 on repeats each second four times before it doubles; older
 * systems begin with 3 s (3, 9, 21 s). They are told apart by the gaps, not by the sum.
 */
#include "model/find_impl.h"

enum timer { TIMER_CLASSIC, TIMER_LINEAR, TIMER_OLD, TIMER_FIRST, TIMER_OTHER, TIMER_COUNT };

#define DELAYS  16u
#define SOURCES 1024u /* bits that count sources */

struct connect_state {
	struct proof answered, silent; /* SYN sent again, and in the end answered, or not */
	struct proof late;             /* answered at once, but the client did not get that */
	uint64_t met_old;              /* of the first, the server still had another connection */
	uint64_t timers[TIMER_COUNT];
	struct {
		uint64_t seconds, n;
	} delays[DELAYS];
	unsigned ndelays;
	struct proof queue, aborted; /* accept queue: SYN/ACK again, RST to the ACK */
	struct proof refused, prohibited;
	struct proof half_open;
	uint8_t sources[SOURCES / 8];
};

static bool near(uint64_t gap, uint64_t seconds)
{
	uint64_t want = seconds * SECOND, off = gap > want ? gap - want : want - gap;

	return off <= want / 8 + 50 * MS;
}

static enum timer timer_of(const struct field_list *gaps)
{
	const uint64_t *g = gaps->v;

	if (!gaps->n)
		return TIMER_OTHER;
	if (near(g[0], 3))
		return TIMER_OLD;
	if (!near(g[0], 1))
		return TIMER_OTHER;
	if (gaps->n == 1)
		return TIMER_FIRST;
	return near(g[1], 2) ? TIMER_CLASSIC : near(g[1], 1) ? TIMER_LINEAR : TIMER_OTHER;
}

static void add_delay(struct connect_state *c, uint64_t delay)
{
	uint64_t seconds = (delay + SECOND / 2) / SECOND;
	unsigned i = 0;

	while (i < c->ndelays && c->delays[i].seconds != seconds)
		i++;
	if (i == DELAYS)
		return;
	if (i == c->ndelays) {
		while (i > 0 && c->delays[i - 1].seconds > seconds) {
			c->delays[i] = c->delays[i - 1];
			i--;
		}
		c->ndelays++;
		c->delays[i].seconds = seconds;
		c->delays[i].n = 0;
	}
	c->delays[i].n++;
}

static void add_retried(struct connect_state *c, const struct flow_record *r, bool answered)
{
	struct proof *t = !answered ? &c->silent : r->syn_ack_late ? &c->late : &c->answered;
	uint64_t cost = answered ? r->connect_retry : 0;

	for (uint32_t i = 0; !answered && i < r->syn_gaps.n; i++)
		cost += r->syn_gaps.v[i];
	proof_add(t, r->r.start, cost, r->r.flow_id);
	proof_until(t, r->r.start + cost);
	proof_client(t, &r->r.client.ip);
	if (r->syn_frames.n)
		proof_frame(t, cost, r->syn_frames.v[r->syn_frames.n - 1]);
	if (t == &c->late)
		return;
	c->timers[timer_of(&r->syn_gaps)]++;
	c->met_old += r->strays != 0;
	if (answered)
		add_delay(c, cost);
}

static void add_source(struct connect_state *c, const struct addr *a)
{
	uint32_t h = 2166136261u;

	for (unsigned i = 0; i < 16; i++)
		h = (h ^ a->b[i]) * 16777619u;
	h = (h ^ h >> 15) % SOURCES;
	c->sources[h / 8] |= (uint8_t)(1u << h % 8);
}

/* At least so many sources: bits that are set. */
static uint64_t source_count(const struct connect_state *c)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < SOURCES; i++)
		n += c->sources[i / 8] >> i % 8 & 1;
	return n;
}

static bool phase_is(const struct flow_record *r, const char *phase)
{
	return r->reset_phase && strcmp(r->reset_phase, phase) == 0;
}

static uint64_t after_retries(const struct flow_record *r)
{
	uint64_t left = r->r.duration;

	for (uint32_t i = 0; i < r->syn_gaps.n; i++)
		left -= r->syn_gaps.v[i] < left ? r->syn_gaps.v[i] : left;
	return left;
}

static void add_refused(struct connect_state *c, const struct flow_record *r)
{
	struct proof *t = phase_is(r, "syn") ? &c->refused : &c->prohibited;
	uint64_t frame = r->reset_frame ? r->reset_frame : r->r.flow_id;

	proof_add(t, r->r.start, after_retries(r), frame);
	proof_client(t, &r->r.client.ip);
}

static void add_queue(struct connect_state *c, const struct flow_record *r)
{
	struct proof *t = r->accept_wait ? &c->queue : &c->aborted;

	proof_add(t, r->r.start, r->accept_wait ? r->accept_wait : r->r.duration,
		r->accept_wait ? r->accept_frame : r->reset_frame);
	proof_until(t, r->r.start + r->accept_wait);
	proof_client(t, &r->r.client.ip);
}

static bool half_open(const struct flow_record *r)
{
	return strncmp(r->tcp_state, "syn_", 4) == 0 && !r->syn_retries && !r->icmp_errors;
}

static void record(struct findings *f, struct svc *s, const struct record *rec)
{
	const struct flow_record *r = (const void *)rec;
	bool answered, retried, refused, queue;
	struct connect_state *c;

	(void)f;
	if (!s || rec->kind != RECORD_FLOW || !r->tcp_state)
		return;
	refused = (phase_is(r, "syn") && rec->server.packets) ||
		  (r->icmp_errors && r->handshake == FIELD_ABSENT && !rec->server.packets);
	answered = r->handshake != FIELD_ABSENT;
	/* Of one that was answered: unless the path is so long that it was sent again for no need.
	 */
	retried = (answered ? r->connect_retry != FIELD_ABSENT : r->syn_retries) &&
		  !(rec->quality & 1u << QUALITY_ONE_WAY);
	queue = r->accept_wait || phase_is(r, "ack");
	if (!retried && !refused && !queue && !half_open(r))
		return;
	c = svc_state(s, DETECTOR_CONNECT);
	if (retried)
		add_retried(c, r, answered);
	if (refused)
		add_refused(c, r);
	if (queue)
		add_queue(c, r);
	if (half_open(r)) {
		proof_add(&c->half_open, rec->start, 0, rec->flow_id);
		add_source(c, &rec->client.ip);
	}
}

static void say_timers(struct text *t, const struct connect_state *c)
{
	static const char *const names[] = {"doubling from 1 s (1, 3, 7, 15 s)",
		"each second four times, then doubling (Linux 6.5 and later)",
		"doubling from 3 s (3, 9, 21 s)", "once, after 1 s", "at other times"};
	const char *before = " The timer: ";

	for (int i = 0; i < TIMER_COUNT; i++) {
		if (!c->timers[i])
			continue;
		say(t, "%S%S (%C)", before, names[i], c->timers[i]);
		before = ", ";
	}
	text_char(t, '.');
}

static void say_delays(struct text *t, const struct connect_state *c)
{
	const char *before = " Answered after about ";

	for (unsigned i = 0; i < c->ndelays; i++) {
		say(t, "%S%C s (%C)", before, c->delays[i].seconds, c->delays[i].n);
		before = ", ";
	}
	if (c->ndelays)
		text_char(t, '.');
}

static void list_dropped(struct findings *f, const struct svc *s, const struct connect_state *c)
{
	struct proof all = c->answered;
	struct finding *x;

	proof_merge(&all, &c->silent);
	x = finding_new(f, "syn-drop", "Connection requests dropped", s, &all,
		"tsumari.tcp.syn_retries > 0");
	finding_claims(x, s, ENTRY(CONNECT_RETRY), CLASS(NONE));
	finding_at_least(x, SEVERITY_WARNING);
	x->of = s->flows;
	say(&x->saw,
		"%C of %C connection requests had to be sent again, %C of them were never "
		"answered, while %C others were accepted.",
		all.count, s->flows, c->silent.count, s->established - c->answered.count);
	say_delays(&x->saw, c);
	say_timers(&x->saw, c);
	if (c->met_old)
		say(&x->saw,
			" In %C of them the server still had a connection between the same ports, "
			"of which the client knew nothing any more (challenge ACK).",
			c->met_old);
	say(&x->means, "The server did not take the request (SYN): its listen backlog was full, "
		       "or the packet was lost. The client waits for its timer, whole seconds, "
		       "before it tries again.");
	say(&x->next, "On the server: nstat -az TcpExtListenOverflows TcpExtListenDrops; ss -lnt "
		      "(Recv-Q against Send-Q). Raise net.core.somaxconn and the backlog that "
		      "the program gives to listen(), or accept faster: more workers.");
	if (!(s->established - c->answered.count))
		say(&x->against, "No other connection to this port was made at once: a path or a "
				 "host that was not there yet (ARP, a route, a restart) looks the "
				 "same. ");
	say(&x->against, "Loss on the path repeats SYNs, too: then segments of other connections "
			 "are sent again as well (finding loss).");
}

static void list_late(struct findings *f, const struct svc *s, const struct connect_state *c)
{
	struct finding *x =
		finding_new(f, "synack-loss", "Answers to connection requests lost or late", s,
			&c->late, "tsumari.tcp.syn_ack_late");

	finding_claims(x, s, ENTRY(CONNECT_RETRY), CLASS(NONE));
	finding_at_least(x, SEVERITY_WARNING);
	x->of = s->flows;
	say(&x->saw,
		"For %C of %C connections the client had to send its request (SYN) again although "
		"the server got an earlier one: the answer (SYN/ACK) was lost, or one of them came "
		"late.",
		c->late.count, s->flows);
	say(&x->means, "The path between client and server loses packets, or keeps the first ones "
		       "until an address is resolved or a route is there. The client waits for its "
		       "timer, whole seconds, before it tries again.");
	say(&x->next, "Loss between server and client (finding loss); ARP and neighbour discovery "
		      "on the way; firewalls and asymmetric routes.");
	say(&x->against, "The server took the request: its queues are not the cause.");
}

static void list_silent(struct findings *f, const struct svc *s, const struct connect_state *c)
{
	struct finding *x = finding_new(f, "connect-timeout", "No answer to connection requests", s,
		&c->silent, "tsumari.tcp.syn_retries > 0");

	finding_claims(x, s, ENTRY(CONNECT_RETRY), CLASS(NONE));
	finding_at_least(x, SEVERITY_WARNING);
	x->of = s->flows;
	say(&x->saw,
		"%C of %C connection requests got no answer at all, however often they were "
		"sent.",
		c->silent.count, s->flows);
	say_timers(&x->saw, c);
	say(&x->means, "Nobody is there, or something on the way drops the requests without a "
		       "word: a firewall, a missing route back.");
	say(&x->next, "Whether the host is up and listens (ss -lnt there); rules that DROP "
		      "(nft list ruleset, security groups); the route back.");
	say(&x->against, "No connection to this port was made in the whole capture: that the "
			 "server's backlog is full cannot be told from that it is not there.");
}

static void list_queue(struct findings *f, const struct svc *s, const struct connect_state *c)
{
	struct proof all = c->queue;
	struct finding *x;

	proof_merge(&all, &c->aborted);
	x = finding_new(f, "accept-queue", "Accept queue full", s, &all,
		"tsumari.tcp.accept_wait > 0 or tsumari.tcp.reset.phase == ack");
	finding_claims(x, s, ENTRY(CONNECT_RETRY) | ENTRY(CONNECT_NETWORK), CLASS(NONE));
	finding_at_least(x, SEVERITY_WARNING);
	x->of = s->flows;
	if (c->queue.count)
		say(&x->saw,
			"For %C connections the server repeated its SYN/ACK although the "
			"client's ACK had gone by. ",
			c->queue.count);
	if (c->aborted.count)
		say(&x->saw,
			"%C connections were reset at once after the ACK that ends the "
			"handshake.",
			c->aborted.count);
	say(&x->means,
		"The handshake completed, but the queue of connections that wait for "
		"accept() was full, so the server dropped the ACK%S: the client "
		"believes that it is connected.",
		c->aborted.count ? " or reset (net.ipv4.tcp_abort_on_overflow)" : "");
	say(&x->next, "On the server: ss -lnt (Recv-Q is the queue), nstat "
		      "TcpExtListenOverflows. Raise the backlog of listen() and "
		      "net.core.somaxconn, and find out why the program does not accept.");
	say(&x->against, "%S",
		c->aborted.count ? "A program that accepts and closes with unread data, or "
				   "TCP wrappers, reset as early."
				 : "ACKs that are lost behind the capture point look the "
				   "same.");
}

static void list_refused(struct findings *f, const struct svc *s, const struct connect_state *c)
{
	struct proof all = c->refused;
	struct finding *x;

	proof_merge(&all, &c->prohibited);
	x = finding_new(f, "connect-refused", "Connections refused", s, &all,
		c->prohibited.count
			? "tsumari.tcp.reset.phase == syn or tsumari.flow.icmp.errors > 0"
			: "tsumari.tcp.reset.phase == syn");
	finding_claims(x, s, ENTRY(CONNECT_RETRY) | ENTRY(CONNECT_NETWORK), CLASS(NONE));
	finding_at_least(x, SEVERITY_WARNING);
	x->of = s->flows;
	if (c->refused.count)
		say(&x->saw, "%C of %C connection requests were answered with a reset. ",
			c->refused.count, s->flows);
	if (c->prohibited.count)
		say(&x->saw, "%C were answered with an ICMP error.", c->prohibited.count);
	say(&x->means, "%S",
		c->refused.count ? "Nothing listens on this port, or a firewall rejects."
				 : "A router or firewall rejects the connection, or the host "
				   "cannot be reached.");
	say(&x->next, "Whether the service runs and on which address it listens (ss -lnt); its "
		      "log around the peak; rules that REJECT.");
	say(&x->against, "%S",
		s->established ? "Other connections to this port were made: it was "
				 "down for a part of the time only."
			       : "A probe of ports that are meant to be closed is "
				 "no fault.");
}

static void list_flood(struct findings *f, const struct svc *s, const struct connect_state *c)
{
	const struct proof *t = &c->half_open;
	struct finding *x;
	uint64_t span = t->last - t->first;

	if (t->count < f->limit.v[THRESHOLD_FLOOD] || t->count * 2 < s->flows)
		return;
	x = finding_new(f, "syn-flood", "SYN flood", s, t,
		"tsumari.tcp.state in {syn_sent, syn_received} and tsumari.tcp.syn_retries == 0");
	finding_at_least(x, SEVERITY_CRITICAL);
	x->of = s->flows;
	say(&x->saw,
		"%C of %C connections were begun and never ended their handshake, in %T, "
		"from at least %C addresses; %C were established.",
		t->count, s->flows, span, source_count(c), s->established);
	say(&x->means, "Requests whose senders do not answer the SYN/ACK fill the SYN queue: a "
		       "flood with made-up sources, or a scan.");
	say(&x->next, "net.ipv4.tcp_syncookies=1, net.ipv4.tcp_max_syn_backlog; nstat "
		      "TcpExtSyncookiesSent TcpExtTCPReqQFullDrop; filter upstream.");
	say(&x->against, "A client whose SYN/ACKs are lost on the way repeats its SYN: these did "
			 "not.");
}

static void list(struct findings *f)
{
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		const struct connect_state *c = svc_has(s, DETECTOR_CONNECT);

		if (!c)
			continue;
		if (c->answered.count || (c->silent.count && s->established))
			list_dropped(f, s, c);
		else if (c->silent.count)
			list_silent(f, s, c);
		if (c->late.count)
			list_late(f, s, c);
		if (c->queue.count || c->aborted.count)
			list_queue(f, s, c);
		if (c->refused.count || c->prohibited.count)
			list_refused(f, s, c);
		list_flood(f, s, c);
	}
}

const struct detector detect_connect = {
	.service_size = sizeof(struct connect_state), .record = record, .list = list};
