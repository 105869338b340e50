/*
 * find_connect.c - connections that were slow to be made, or were not: requests dropped, queues
 * that are full, ports that refuse or keep silent, floods.
 *
 * Timers (RFC 6298, and what kernels do): a SYN is sent again after 1 s and then doubling (1, 3, 7,
 * 15 s after the first); Linux from 6.5 on repeats each second four times before it doubles; older
 * systems begin with 3 s (3, 9, 21 s). They are told apart by the gaps, not by the sum.
 */
#include "findings/find_connect.h"
#include <math.h>

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

static void add_retried(struct connect_state *c, const struct flow_record *r)
{
	struct proof *t = r->syn_ack_late ? &c->late : &c->answered;
	uint64_t cost = r->connect_retry;

	proof_add(t, r->r.start, cost, r->r.flow_id);
	proof_until(t, r->r.start + cost);
	proof_client(t, &r->r.client.ip);
	if (r->syn_frames.n)
		proof_frame(t, cost, r->syn_frames.v[r->syn_frames.n - 1]);
	if (t == &c->late)
		return;
	c->timers[timer_of(&r->syn_gaps)]++;
	c->met_old += r->strays != 0;
	add_delay(c, cost);
}

static void show(struct source *x, uint64_t frame)
{
	unsigned i = 0;

	while (i < SHOWN_SYNS && x->frames[i] && x->frames[i] != frame)
		i++;
	if (i < SHOWN_SYNS)
		x->frames[i] = frame;
}

/* Nobody answered, or a reset at last. */
static void add_silent(
	struct connect_state *c, struct source *x, const struct flow_record *r, uint64_t cost)
{
	uint64_t frame = r->syn_frames.n ? r->syn_frames.v[r->syn_frames.n - 1] : r->r.flow_id;

	c->met_old += r->strays != 0;
	if (!x) {
		proof_add(&c->silent, r->r.start, cost, frame);
		proof_until(&c->silent, r->r.start + cost);
		proof_client(&c->silent, &r->r.client.ip);
		c->timers[timer_of(&r->syn_gaps)]++;
		return;
	}
	if (!x->silent || r->r.start < x->first)
		x->first = r->r.start;
	if (r->r.start + cost > x->last)
		x->last = r->r.start + cost;
	x->silent++;
	x->least += r->attempt_most ? r->attempt_least : cost;
	x->most += r->attempt_most ? r->attempt_most : cost;
	x->vain += r->syn_retries + 1;
	x->cost += cost;
	show(x, r->r.flow_id);
	show(x, frame);
	x->timers[timer_of(&r->syn_gaps)]++;
}

static uint64_t second_bit(uint64_t time)
{
	return UINT64_C(1) << (time / (2 * (uint64_t)SECOND) & 63);
}

/* The client of a connection that was made, or that nobody answered; NULL: there is no room. */
static struct source *source_of(struct findings *f, struct svc *s, const struct flow_record *r)
{
	struct connect_all *all = f->state[DETECTOR_CONNECT];
	struct source_key key;

	memset(&key, 0, sizeof(key));
	key.client = r->r.client.ip;
	key.at = s;
	if (!all->sources)
		all->sources =
			keyed_new(sizeof(key), sizeof(struct source), findings_room(f, CLIENTS));
	return keyed_get(all->sources, &key);
}

static bool phase_is(const struct flow_record *r, const char *phase)
{
	return r->reset_phase && strcmp(r->reset_phase, phase) == 0;
}

static void add_refused(struct connect_state *c, const struct flow_record *r)
{
	struct proof *t = phase_is(r, "syn") ? &c->refused : &c->prohibited;
	uint64_t frame = r->reset_frame ? r->reset_frame : r->r.flow_id;

	proof_add(t, r->r.start,
		r->icmp_errors || r->connect_retry == FIELD_ABSENT ? r->attempt
								   : r->attempt - r->connect_retry,
		frame);
	proof_client(t, &r->r.client.ip);
}

static void add_queue(struct connect_state *c, const struct flow_record *r)
{
	struct proof *t = r->accept_wait ? &c->queue : &c->aborted;

	proof_add(t, r->r.start, r->accept_wait, r->accept_wait ? r->accept_frame : r->reset_frame);
	proof_until(t, r->r.start + r->accept_wait);
	proof_client(t, &r->r.client.ip);
}

static void add_unmade(struct findings *f, struct svc *s, struct connect_state *c,
	const struct flow_record *r, bool refused)
{
	uint64_t cost = refused ? r->connect_retry : r->attempt;
	struct source *x = source_of(f, s, r);

	add_silent(c, x, r, cost);
	if (!refused)
		connect_unmade(f, s, x, r, cost);
}

static void record(struct findings *f, struct svc *s, const struct record *rec)
{
	const struct flow_record *r = (const void *)rec;
	bool answered, retried, refused, queue, fresh, open;
	struct connect_state *c;

	struct source *x = NULL;

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
	if (answered && !r->syn_ack_late && (x = source_of(f, s, r))) {
		x->syns += r->syn_retries + 1;
		x->made = rec->start > x->made ? rec->start : x->made;
		x->dropped += r->connect_retry != FIELD_ABSENT ? r->syn_retries : 0;
		x->begun |= second_bit(rec->start);
	}
	open = r->first_late && unacked_time(r, SIDE_CLIENT) &&
	       strcmp(r->close_reason, "capture_end") == 0;
	fresh = r->first_late && !open;
	if (!retried && !refused && !queue && !r->first_late)
		return;
	c = svc_state(s, DETECTOR_CONNECT);
	c->open_flows += open;
	if ((retried && answered && !r->syn_ack_late) || queue)
		c->late_flows++;
	else
		c->fresh_flows += fresh;
	if (retried && answered)
		add_retried(c, r);
	else if (retried && !r->icmp_errors)
		add_unmade(f, s, c, r, refused);
	if (refused)
		add_refused(c, r);
	if (queue)
		add_queue(c, r);
}

static void say_timers(struct text *t, const struct connect_state *c)
{
	static const char *const names[] = {"doubling from 1 s (1, 3, 7, 15 s)",
		"each second four times, then doubling (Linux 6.5 and later)",
		"doubling from 3 s (3, 9, 21 s)", "once, after 1 s", "at other times"};
	const char *before = " The timer: ";

	for (int i = 0; i < TIMER_COUNT; i++) {
		if (!c->timers[i] && !c->silent_timers[i])
			continue;
		say(t, "%S%S (%C)", before, names[i], c->timers[i] + c->silent_timers[i]);
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

#define BY_LOSS 0.01 /* what is likelier on a path that loses others is loss */

/* So many and more of `n`, where one of a thousand others ... is lost by chance: how likely? */
static double tail(uint64_t n, double rate, uint64_t many)
{
	double mean = (double)n * rate, term = exp(-mean), below = 0;

	for (uint64_t i = 0; i < many && i < 1000; i++) {
		below += term;
		term *= mean / (double)(i + 1);
	}
	return below < 1 ? 1 - below : 0;
}

/* Do resent SYNs, repeated SYN/ACKs and first bytes that nobody acknowledges come of its queues?
   Loss on the path takes other segments, too, as often. */
bool server_drops(const struct svc *s)
{
	const struct connect_state *c = svc_has(s, DETECTOR_CONNECT);
	uint64_t others, dropped, with_data,
		segments = s->packets[SIDE_CLIENT] + s->packets[SIDE_SERVER];
	const struct proof *fresh = path_fresh(s, &others);

	if (!c || !(c->answered.count + c->queue.count + c->aborted.count + c->unanswered.count) ||
		!s->established)
		return false;
	dropped = c->answered.count + c->queue.count + c->aborted.count + c->unanswered.count +
		  (fresh ? fresh->count + path_fresh_dead(s)->count : 0);
	if (!others || c->aborted.count)
		return others < dropped * 2;
	/* Half of the segments have no data, and nobody sends them again. */
	with_data = segments / 2 + 1;
	return others < dropped * 2 &&
	       tail(s->flows + dropped, (double)others / (double)with_data, dropped) < BY_LOSS;
}

/* Loss shows in what is sent again behind the handshake, too. */
static bool is_loss(const struct svc *s)
{
	uint64_t others;

	return !server_drops(s) && path_fresh(s, &others) && others;
}

const struct proof *connect_lost(const struct svc *s)
{
	const struct connect_state *c = svc_has(s, DETECTOR_CONNECT);

	return c && is_loss(s) && c->lost.count ? &c->lost : NULL;
}

void connect_say_gave_up(struct text *t, const struct connect_state *c, bool filtered)
{
	if (c->least[filtered] < c->most[filtered])
		say(t,
			"When the clients gave up is in no packet: it was between their last SYN "
			"and the next one that was due, %T to %T in all, and is taken to be whole "
			"seconds where it can be. ",
			c->least[filtered], c->most[filtered]);
}

static const char *filter_of(uint64_t syns, uint64_t queue, uint64_t aborted, uint64_t fresh)
{
	if (aborted)
		return "tsumari.tcp.syn_retries > 0 or tsumari.tcp.accept_wait > 0 or "
		       "tsumari.tcp.reset.phase == ack";
	if (fresh)
		return "tsumari.tcp.syn_retries > 0 or tsumari.tcp.accept_wait > 0 or "
		       "tsumari.tcp.client.retransmits > 0";
	if (queue)
		return syns ? "tsumari.tcp.syn_retries > 0 or tsumari.tcp.accept_wait > 0"
			    : "tsumari.tcp.accept_wait > 0 or tsumari.tcp.reset.phase == ack";
	return "tsumari.tcp.syn_retries > 0";
}

static void say_dropped(struct finding *x, const struct svc *s, const struct connect_state *c,
	const struct proof *fresh, bool lost)
{
	uint64_t syns = (lost ? 0 : c->answered.count) + c->unanswered.count;

	if (syns) {
		say(&x->saw, "%C of %C connection requests had to be sent again", syns, s->flows);
		if (c->unanswered.count)
			say(&x->saw, ", %C of them were never answered", c->unanswered.count);
		say(&x->saw, ", while %C others were accepted.",
			s->established - c->answered.count);
		if (!lost)
			say_delays(&x->saw, c);
		say_timers(&x->saw, c);
		text_char(&x->saw, ' ');
	}
	if (c->met_old)
		say(&x->saw,
			"In %C of them the server still had a connection between the same ports, "
			"of which the client knew nothing any more (challenge ACK). ",
			c->met_old);
	if (c->queue.count && !lost)
		say(&x->saw,
			"For %C connections the server repeated its SYN/ACK although the "
			"client's ACK had gone by. ",
			c->queue.count);
	if (c->aborted.count)
		say(&x->saw,
			"%C connections were reset at once after the ACK that ends the "
			"handshake. ",
			c->aborted.count);
	if (fresh->count)
		say(&x->saw,
			"On %C connections what the client sent first was not acknowledged and had "
			"to be sent again, for %T in all. ",
			fresh->count, fresh->cost);
}

static uint64_t waited_in(const struct svc *s, enum wait_class class)
{
	uint64_t sum = 0;

	for (const struct cell *c = s->cells; c; c = c->next)
		sum += c->class == class ? c->all : 0;
	return sum;
}

/* Whoever still waited for it when the capture ended. */
static void list_open(
	struct findings *f, const struct svc *s, const struct connect_state *c, const char *cause)
{
	const struct proof *asked = path_fresh_open(s);
	struct proof open = *path_fresh_dead(s);
	struct finding *x;

	if (asked->count > c->open_flows)
		open = *asked;
	open.cost = waited_in(s, CLASS_NOT_TAKEN_OPEN);
	x = finding_new(f, "no-answer", "Requests that nobody had answered", s, &open,
		"tsumari.quality == pending");
	x->count = asked->count > c->open_flows ? asked->count : c->open_flows;
	finding_claims(x, s, ALL_ENTRIES, CLASS(NOT_TAKEN_OPEN));
	finding_at_least(x, SEVERITY_WARNING);
	finding_at_most(x, SEVERITY_WARNING);
	x->of = s->flows;
	say(&x->saw,
		"When the capture ended the clients of %C of %C connections were waiting still, "
		"for "
		"%T in all so far: what they had sent first was never acknowledged.",
		x->count, x->of, x->local);
	say(&x->means, "The clients believe that they are connected; the server does not know of "
		       "them, as it dropped what ended the handshake.");
	say(&x->next, "First %S. Clients and proxies need a timeout of their own for the answer.",
		cause);
	say(&x->against, "How long they waited in the end is not in the capture.");
}

/* What the server did not take, however that shows: SYNs, ACKs, first bytes. */
static void list_dropped(struct findings *f, const struct svc *s, const struct connect_state *c)
{
	struct proof all = c->answered, queue = c->queue, fresh = {0};
	bool drops = server_drops(s), lost = is_loss(s), full;
	uint64_t others, open = drops ? waited_in(s, CLASS_NOT_TAKEN_OPEN) : 0;
	struct finding *x;

	if (lost) { /* those are of the finding loss */
		memset(&all, 0, sizeof(all));
		memset(&queue, 0, sizeof(queue));
	}
	proof_merge(&all, &c->unanswered);
	proof_merge(&queue, &c->aborted);
	if (drops && path_fresh(s, &others)) {
		fresh = *path_fresh(s, &others);
		fresh.cost = waited_in(s, CLASS_NOT_TAKEN);
	}
	full = !all.count || queue.cost + fresh.cost > all.cost;
	proof_merge(&all, &queue);
	proof_merge(&all, &fresh);
	x = finding_new(f, full ? "accept-queue" : "syn-drop",
		full ? "Accept queue full" : "Connection requests dropped", s, &all,
		filter_of(c->answered.count + c->unanswered.count, queue.count, c->aborted.count,
			fresh.count));
	x->count = (lost ? c->aborted.count : c->late_flows) + c->unanswered.count +
		   (drops ? c->fresh_flows : 0);
	finding_claims(x, s, ENTRY(CONNECT_RETRY), CLASS(NONE));
	x->beyond = c->beyond[0];
	if (drops)
		finding_claims_more(x, ALL_ENTRIES, CLASS(NOT_TAKEN));
	finding_at_least(
		x, reaches(all.cost + open, f->felt, f->limit.v[THRESHOLD_CRITICAL]) && open
			   ? SEVERITY_CRITICAL
			   : SEVERITY_WARNING);
	x->of = s->flows;
	say_dropped(x, s, c, &fresh, lost);
	if (full)
		say(&x->means,
			"The queue of connections that wait for accept() was full: the server "
			"dropped requests (SYN), the ACK that ends the handshake and the first "
			"bytes behind it%S. The client believes that it is connected, or waits for "
			"its timer before it tries again.",
			c->aborted.count ? ", or reset (net.ipv4.tcp_abort_on_overflow)" : "");
	else
		say(&x->means,
			"The server did not take the request (SYN): its listen backlog was full, "
			"or the packet was lost. The client waits for its timer, whole seconds, "
			"before it tries again.");
	if (open)
		say(&x->means, " Some were waiting still when the capture ended (no-answer).");
	say(&x->next, "On the server: nstat -az TcpExtListenOverflows TcpExtListenDrops; ss -lnt "
		      "(Recv-Q, the queue, against Send-Q). Raise net.core.somaxconn and the "
		      "backlog that the program gives to listen(), or accept faster: more "
		      "workers.");
	connect_say_gave_up(&x->against, c, false);
	if (!(s->established - c->answered.count))
		say(&x->against, "No other connection to this port was made at once: a path or a "
				 "host that was not there yet (ARP, a route, a restart) looks the "
				 "same. ");
	if (c->aborted.count)
		say(&x->against, "A program that accepts and closes with unread data, or TCP "
				 "wrappers, reset as early. ");
	say(&x->against, "Loss on the path repeats SYNs, too, and ACKs that are lost behind the "
			 "capture point look the same: then segments of other connections are "
			 "sent again as well (finding loss).");
	if (open)
		list_open(f, s, c, x->id);
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
		&c->unanswered, "tsumari.tcp.syn_retries > 0");

	finding_claims(x, s, ENTRY(CONNECT_RETRY), CLASS(NONE));
	x->beyond = c->beyond[0];
	finding_at_least(x, SEVERITY_WARNING);
	x->of = s->flows;
	say(&x->saw,
		"%C of %C connection requests got no answer at all, however often they were "
		"sent.",
		c->unanswered.count, s->flows);
	say_timers(&x->saw, c);
	say(&x->means, "Nobody is there, or something on the way drops the requests without a "
		       "word: a firewall, a missing route back.");
	say(&x->next, "Whether the host is up and listens (ss -lnt there); rules that DROP "
		      "(nft list ruleset, security groups); the route back.");
	connect_say_gave_up(&x->against, c, false);
	say(&x->against, "No connection to this port was made in the whole capture: that the "
			 "server's backlog is full cannot be told from that it is not there.");
}

static void list_refused(struct findings *f, const struct svc *s, const struct connect_state *c)
{
	struct proof all = c->refused;
	struct finding *x;
	bool spared;

	proof_merge(&all, &c->prohibited);
	x = finding_new(f, "connect-refused", "Connections refused", s, &all,
		c->prohibited.count
			? "tsumari.tcp.reset.phase == syn or tsumari.flow.icmp.errors > 0"
			: "tsumari.tcp.reset.phase == syn");
	finding_claims(x, s, ENTRY(CONNECT_RETRY) | ENTRY(CONNECT_NETWORK), CLASS(NONE));
	/* A server that is started again beside others, which its proxy knows of. */
	spared = !all.many && s->established >= all.count * 10 && fails_nobody(f, &all.client);
	if (!spared)
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
	if (spared)
		say(&x->against, "All that was asked of the client, which is a server itself, was "
				 "answered without an error. ");
	say(&x->against, "%S",
		s->established ? "Other connections to this port were made: it was "
				 "down for a part of the time only."
			       : "A probe of ports that are meant to be closed is "
				 "no fault.");
}

static void prepare(struct findings *f)
{
	struct svc *s;

	connect_patience(f);
	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		struct connect_state *c = svc_has(s, DETECTOR_CONNECT);

		if (!c)
			continue;
		memset(c->silent_timers, 0, sizeof(c->silent_timers));
		connect_divide(f, s, c);
		c->lost = c->answered;
		proof_merge(&c->lost, &c->queue);
		proof_merge(&c->lost, &c->late);
	}
}

static void list(struct findings *f)
{
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		const struct connect_state *c = svc_has(s, DETECTOR_CONNECT);

		if (!c || is_scanned(f, s))
			continue;
		if ((!is_loss(s) && (c->answered.count || c->queue.count)) || c->aborted.count ||
			(c->unanswered.count && s->established))
			list_dropped(f, s, c);
		else if (c->unanswered.count)
			list_silent(f, s, c);
		if (c->filtered.count)
			connect_list_filtered(f, s, c);
		if (c->late.count && !is_loss(s))
			list_late(f, s, c);
		if (c->refused.count || c->prohibited.count)
			list_refused(f, s, c);
	}
}

static void release(void *state)
{
	keyed_free(((struct connect_all *)state)->sources);
}

static void counters(const void *state, struct counters *c)
{
	const struct connect_all *all = state;

	count_forgotten(c, "findings: connections that were never made forgotten, too many",
		all->nunmade, UNMADE);
}

const struct detector detect_connect = {.size = sizeof(struct connect_all),
	.release = release,
	.service_size = sizeof(struct connect_state),
	.table = {{offsetof(struct connect_all, sources),
		"findings: clients of a service forgotten, too many"}},
	.kinds = OF_TCP,
	.record = record,
	.prepare = prepare,
	.list = list,
	.counters = counters};
