/*
 * find_path.c - what the path and the TCP of both ends did to transactions that were under way:
 * loss, closed windows, delayed acknowledgments, segments too large for the path.
 */
#include "findings/find_impl.h"

struct path_state {
	struct proof loss[2]; /* by who had to send again */
	uint64_t resent[2];   /* segments, but for spurious ones */
	uint64_t rtos[2];
	uint64_t full[2];       /* ns of waiting for what a full link dropped */
	struct proof closed[2]; /* by who closed its window */
	uint64_t closing[2], closings[2], closed_time[2]; /* connections, times, ns */
	struct proof reader; /* large responses that the client took slowly */
	uint64_t reader_bytes;
	struct proof delayed;
	struct proof late; /* handshakes, as segments of them were lost before the capture */
	uint64_t reader_sent, closed_sent[2], delayed_sent; /* of these: that are not read */
	struct proof stuck[2];                              /* of full segments only */
	uint64_t stuck_bytes;                               /* of the segment */
	struct proof dead[2];                               /* of any */
	uint64_t longest_dead;
	/* Of a connection's first bytes: another's where the server does not take connections. */
	struct proof fresh, fresh_dead, fresh_open;
	uint64_t fresh_resent, fresh_rtos;
};

/* What transactions waited for data that was never acknowledged, until their flow tells why. */
struct path_all {
	struct keyed *unacked; /* ns, by flow */
};
#define FLOWS      1024u
#define HANDSHAKES 3u /* that were late are no chance */

#define NEARLY_ALL 750u /* permille of a response: there nothing else takes the time */

/* Nor does the other hear of anything else where it sends again what was acknowledged. */
static bool is_stuck(const struct flow_record *r, int side)
{
	const struct flow_trouble_record *s = &r->trouble[side];
	uint64_t mss = r->side[!side].mss;

	return r->trouble[!side].spurious_retransmits < 2 && s->stuck >= 3 &&
	       s->stuck_bytes >= 500 && !r->icmp_errors &&
	       (mss == FIELD_ABSENT ? s->stuck_bytes >= 1200 : s->stuck_bytes + 60 >= mss) &&
	       r->handshake != FIELD_ABSENT;
}

/* Sent again because a router said that it was too big: path MTU discovery at work. */
static bool too_big(const struct flow_record *r)
{
	return r->icmp_errors && ((r->icmp_type == 3 && r->icmp_code == 4) || r->icmp_type == 2);
}

static void add_stuck(struct proof *p, const struct flow_record *r, int side, uint64_t cost)
{
	const struct flow_trouble_record *s = &r->trouble[side];

	proof_add(p, r->r.start, cost, s->stuck_frame);
	proof_until(p, r->r.end);
	proof_client(p, &r->r.client.ip);
	proof_frame(p, 0, s->resent_frame);
}

/* What was waited for, as far as anything was: by its transactions, or by the connection itself. */
static uint64_t unacked_cost(struct path_all *all, const struct flow_record *r, int side)
{
	uint64_t *waited = all->unacked ? keyed_find(all->unacked, &r->r.flow_id) : NULL;
	uint64_t cost = waited ? *waited : 0;

	if (waited)
		*waited = 0;
	return r->transactions ? cost : unacked_time(r, side);
}

static void add_fresh(
	struct path_all *all, struct path_state *c, const struct flow_record *r, uint64_t dead)
{
	const struct flow_trouble_record *x = &r->trouble[SIDE_CLIENT];

	if (dead) {
		add_stuck(&c->fresh_dead, r, SIDE_CLIENT, unacked_cost(all, r, SIDE_CLIENT));
		c->longest_dead = dead > c->longest_dead ? dead : c->longest_dead;
		return;
	}
	c->fresh_resent += x->retransmits - x->spurious_retransmits;
	c->fresh_rtos += x->rtos;
	proof_add(&c->fresh, r->r.start, 0, 0);
	proof_until(&c->fresh, r->r.end);
	proof_client(&c->fresh, &r->r.client.ip);
	proof_frame(&c->fresh, x->retransmits, x->resent_frame);
}

static void add_late(struct svc *s, const struct record *r, uint64_t connect, uint64_t rtt)
{
	struct path_state *c;

	if (!connect_late(connect, rtt))
		return;
	c = svc_state(s, DETECTOR_PATH);
	proof_add(&c->late, r->start, connect, r->flow_id);
	proof_until(&c->late, r->start + connect);
	proof_client(&c->late, &r->client.ip);
}

static void add_flow(struct findings *f, struct svc *s, const struct flow_record *r)
{
	struct path_all *all = f->state[DETECTOR_PATH];
	struct path_state *c = svc_has(s, DETECTOR_PATH);

	if (r->handshake != FIELD_ABSENT && (!r->transactions || r->connect_untold)) {
		add_late(s, &r->r,
			r->handshake - (r->connect_retry != FIELD_ABSENT ? r->connect_retry : 0),
			pair_rtt(f, &r->r, r->rtt_min));
		c = svc_has(s, DETECTOR_PATH);
	}
	for (int side = 0; side < 2; side++) {
		const struct flow_trouble_record *x = &r->trouble[side];
		uint64_t resent = x->retransmits - x->spurious_retransmits;
		bool stuck = is_stuck(r, side);
		uint64_t dead = stuck ? 0 : unacked_time(r, side);

		if (!c && (resent || x->zero_windows || stuck || dead))
			c = svc_state(s, DETECTOR_PATH);
		if (!c)
			continue;
		if (r->first_late && side == SIDE_CLIENT && !stuck && !too_big(r)) {
			add_fresh(all, c, r, dead);
		} else if (stuck) {
			add_stuck(&c->stuck[side], r, side, unacked_cost(all, r, side));
			c->stuck_bytes = x->stuck_bytes;
		} else if (dead) {
			add_stuck(&c->dead[side], r, side, unacked_cost(all, r, side));
			c->longest_dead = dead > c->longest_dead ? dead : c->longest_dead;
		} else if (resent && !too_big(r)) {
			c->resent[side] += resent;
			c->rtos[side] += x->rtos;
			proof_add(&c->loss[side], r->r.start, 0, 0);
			proof_until(&c->loss[side], r->r.end);
			proof_client(&c->loss[side], &r->r.client.ip);
			proof_frame(&c->loss[side], resent, x->resent_frame);
		}
		if (x->zero_windows) {
			c->closings[side] += x->zero_windows;
			c->closed_time[side] += x->zero_window_time;
			c->closing[side]++;
			proof_cost(&c->closed[side], r->r.start, 0, 0);
			proof_until(&c->closed[side], r->r.end);
			proof_client(&c->closed[side], &r->r.client.ip);
			proof_frame(&c->closed[side], x->zero_window_time, x->zero_window_frame);
		}
	}
}

static void add_window(struct findings *f, struct path_state *c, const struct record *r,
	const uint64_t *l, uint64_t frame)
{
	uint64_t client = l[LEDGER_STALL_ZERO_CLIENT] + l[LEDGER_STALL_H2_CLIENT];
	uint64_t server = l[LEDGER_STALL_ZERO_SERVER] + l[LEDGER_STALL_H2_SERVER];
	struct sending m;

	if (client && sending_of(r, SIDE_SERVER, &m) && m.bytes >= f->limit.v[THRESHOLD_LARGE] &&
		m.phase != FIELD_ABSENT && reaches(client, m.phase, f->limit.v[THRESHOLD_READER])) {
		/* Between the times that it was closed the client read no faster. */
		if (reaches(client, m.phase, NEARLY_ALL))
			client += l[LEDGER_RESPONSE];
		proof_add(&c->reader, r->start, client, m.frame[0]);
		proof_frame(&c->reader, client, m.frame[1]);
		proof_client(&c->reader, &r->client.ip);
		proof_until(&c->reader, r->end);
		c->reader_bytes += m.bytes;
		c->reader_sent += r->kind == RECORD_SENT;
	} else if (client) {
		proof_add(&c->closed[SIDE_CLIENT], r->start, client, frame);
		c->closed_sent[SIDE_CLIENT] += r->kind != RECORD_TXN;
	}
	if (server) {
		proof_add(&c->closed[SIDE_SERVER], r->start, server, frame);
		c->closed_sent[SIDE_SERVER] += r->kind != RECORD_TXN;
	}
}

/* All that it was waited for, but for its connection and windows, is told with its flow. */
static void add_unacked(struct findings *f, const struct txn_record *t)
{
	struct path_all *all = f->state[DETECTOR_PATH];
	const uint64_t *l = t->ledger;
	uint64_t *waited;

	if (!all->unacked)
		all->unacked =
			keyed_new(sizeof(t->r.flow_id), sizeof(uint64_t), findings_room(f, FLOWS));
	waited = keyed_renew(all->unacked, &t->r.flow_id);
	*waited += own_waiting(t);
	for (int i = LEDGER_STALL_RTO_CLIENT; i <= LEDGER_STALL_FAST_SERVER; i++)
		*waited += l[i];
}

/* What was waited for, of a transaction or on a connection that is not read. */
static void add_waits(
	struct findings *f, struct svc *s, const struct record *r, const uint64_t *l, bool fresh)
{
	const struct txn_record *t = r->kind == RECORD_TXN ? (const void *)r : NULL;
	const struct turn_record *turn = r->kind == RECORD_TURN ? (const void *)r : NULL;
	const struct sent_record *sent = r->kind == RECORD_SENT ? (const void *)r : NULL;
	struct path_state *c;
	uint64_t stalled = 0;

	for (int i = LEDGER_STALL_RTO_CLIENT; i < LEDGER_UNKNOWN; i++)
		stalled += l[i];
	if (!stalled)
		return;
	c = svc_state(s, DETECTOR_PATH);
	for (int side = 0; side < 2 && !(t && t->unacked); side++) {
		uint64_t loss = resent_time(l, (enum side)side);
		struct sending m;

		if (loss && sending_of(r, (enum side)side, &m) && rate_limited(&m))
			c->full[side] += loss;
		else if (loss)
			proof_cost(fresh && side == SIDE_CLIENT ? &c->fresh : &c->loss[side],
				r->start, loss,
				t      ? t->frame[side * 2]
				: turn ? turn->frame
				       : sent->frame[0]);
	}
	if (fresh && !(t && t->unacked))
		f->stalls = CLASS_NOT_TAKEN;
	add_window(f, c, r, l, t ? t->frame[2] : turn ? turn->frame : sent->frame[0]);
	if (l[LEDGER_STALL_DELAYED_ACK]) {
		proof_add(&c->delayed, r->start, l[LEDGER_STALL_DELAYED_ACK],
			t      ? (t->frame[1] ? t->frame[1] : t->frame[0])
			: turn ? turn->frame
			       : sent->frame[0]);
		proof_client(&c->delayed, &r->client.ip);
		c->delayed_sent += !t;
	}
}

static void add_txn(struct findings *f, struct svc *s, const struct txn_record *t)
{
	if (t->total == FIELD_ABSENT)
		return;
	add_late(s, &t->r, t->ledger[LEDGER_CONNECT_NETWORK], pair_rtt(f, &t->r, t->rtt));
	if (t->unacked) {
		claim(f, t->fresh ? not_taken(&t->r) : CLASS_UNACKED);
		if (t->fresh && not_taken(&t->r) == CLASS_NOT_TAKEN_OPEN) {
			struct path_state *c = svc_state(s, DETECTOR_PATH);

			proof_add(&c->fresh_open, t->r.start, 0, t->frame[0]);
			proof_until(&c->fresh_open, t->r.start + t->total);
			proof_client(&c->fresh_open, &t->r.client.ip);
		}
		add_unacked(f, t);
	}
	add_waits(f, s, &t->r, t->ledger, t->fresh);
}

static void add_turn(struct findings *f, struct svc *s, const struct turn_record *t)
{
	if (!t->open && !app_read(t->app))
		add_waits(f, s, &t->r, t->ledger, t->fresh);
}

static void add_sent(struct findings *f, struct svc *s, const struct sent_record *r)
{
	if (!app_read(r->app))
		add_waits(f, s, &r->r, r->ledger, false);
}

bool path_lossy(const struct svc *s)
{
	const struct path_state *c = svc_has(s, DETECTOR_PATH);

	return c && (c->resent[SIDE_CLIENT] || c->resent[SIDE_SERVER] || c->fresh_resent);
}

uint64_t path_resent(const struct svc *s)
{
	const struct path_state *c = svc_has(s, DETECTOR_PATH);

	return c ? c->resent[SIDE_CLIENT] + c->resent[SIDE_SERVER] + c->fresh_resent : 0;
}

const struct proof *path_fresh(const struct svc *s, uint64_t *resent)
{
	const struct path_state *c = svc_has(s, DETECTOR_PATH);

	*resent = c ? c->resent[SIDE_CLIENT] + c->resent[SIDE_SERVER] : 0;
	return c ? &c->fresh : NULL;
}

const struct proof *path_fresh_open(const struct svc *s)
{
	const struct path_state *c = svc_has(s, DETECTOR_PATH);

	return c ? &c->fresh_open : NULL;
}

const struct proof *path_fresh_dead(const struct svc *s)
{
	const struct path_state *c = svc_has(s, DETECTOR_PATH);

	return c ? &c->fresh_dead : NULL;
}

static void record(struct findings *f, struct svc *s, const struct record *r)
{
	if (!s)
		return;
	if (r->kind == RECORD_FLOW && ((const struct flow_record *)r)->tcp_state)
		add_flow(f, s, (const void *)r);
	else if (r->kind == RECORD_TXN && !r->composite)
		add_txn(f, s, (const void *)r);
	else if (r->kind == RECORD_TURN)
		add_turn(f, s, (const void *)r);
	else if (r->kind == RECORD_SENT)
		add_sent(f, s, (const void *)r);
}

/* A check that the path troubled stays; one may have been written in small pieces. */
static void take_out(struct findings *f, struct svc *s, const struct record *r)
{
	const struct txn_record *t = (const void *)r;
	struct path_state *c = svc_has(s, DETECTOR_PATH);

	(void)f;
	if (c && r->kind == RECORD_TXN && t->total != FIELD_ABSENT &&
		t->ledger[LEDGER_STALL_DELAYED_ACK])
		proof_take_out(&c->delayed, r->start, t->ledger[LEDGER_STALL_DELAYED_ACK],
			t->frame[1] ? t->frame[1] : t->frame[0]);
}

/* What a side had to send again. */
struct lost {
	struct proof p;
	uint64_t resent, rtos;
	uint64_t policed; /* ns of waiting for what a limit of the rate dropped */
	uint32_t classes;
};

/* What a limit drops is no loss by chance. */
static void by_limit(const struct svc *s, enum side side, struct lost *lost)
{
	const struct policed *limit = policed_of(s, side);
	uint64_t ns = limit ? limit->resent_ns : 0;

	lost->policed = ns < lost->p.cost ? ns : lost->p.cost;
	lost->p.cost -= lost->policed;
}

static void say_lost(struct text *t, const struct svc *s, enum side side, const struct lost *lost)
{
	say(t, "The %S sent %C of %C segments again", side == SIDE_SERVER ? "server" : "client",
		lost->resent, s->packets[side]);
	if (lost->rtos)
		say(t, ", %C of them only after a timeout (200 ms and more)", lost->rtos);
	say(t, ", on %C connection%1. ", lost->p.count, lost->p.count);
}

/* Of one side, or of both: the path is the same. */
static void list_loss(struct findings *f, const struct svc *s, const struct path_state *c,
	const struct lost *lost)
{
	static const char *const titles[] = {"Loss between client and server",
		"Loss between server and client", "Loss between client and server, both ways"};
	static const char *const filters[] = {"tsumari.tcp.client.retransmits > 0",
		"tsumari.tcp.server.retransmits > 0",
		"tsumari.tcp.client.retransmits > 0 or tsumari.tcp.server.retransmits > 0"};
	uint32_t slow_classes = 0;
	const struct proof *syns = connect_lost(s), *slow = slow_by_loss(s, &slow_classes);
	bool client = lost[SIDE_CLIENT].resent != 0, server = lost[SIDE_SERVER].resent != 0;
	int way = client && server ? 2 : server;
	bool late = c->late.count && !path_loaded(f, s);
	struct proof all = {0};
	struct finding *x;
	uint64_t full = 0;

	for (int side = 0; side < 2; side++) {
		proof_merge(&all, &lost[side].p);
		full += lost[side].resent ? c->full[side] + lost[side].policed : 0;
	}
	if (syns)
		proof_merge(&all, syns);
	if (slow)
		proof_merge(&all, slow);
	if (late)
		proof_merge(&all, &c->late);
	x = finding_new(f, "loss", titles[way], s, &all,
		client || server ? filters[way] : "tsumari.tcp.handshake > 190ms");
	finding_claims(x, s,
		(client ? ENTRY(STALL_RTO_CLIENT) | ENTRY(STALL_FAST_CLIENT) : 0) |
			(server ? ENTRY(STALL_RTO_SERVER) | ENTRY(STALL_FAST_SERVER) : 0) |
			(syns ? ENTRY(CONNECT_RETRY) : 0) | (late ? ENTRY(CONNECT_NETWORK) : 0),
		CLASS(NONE) | lost[SIDE_CLIENT].classes | lost[SIDE_SERVER].classes);
	if (slow)
		finding_claims_more(x, ENTRY(SERVER), slow_classes);
	if (full > all.cost) {
		x->part_of = "path-bandwidth";
		x->local += full;
		finding_at_most(x, SEVERITY_INFO);
	}
	x->counted = "segments";
	x->count = lost[SIDE_CLIENT].resent + lost[SIDE_SERVER].resent;
	x->of = (client ? s->packets[SIDE_CLIENT] : 0) + (server ? s->packets[SIDE_SERVER] : 0);
	if (!client && !server) { /* nothing of it but what came of it was captured */
		x->counted = "connections";
		x->count = c->late.count;
		x->of = s->flows;
		finding_at_least(x, SEVERITY_WARNING);
	}
	x->if_felt = client || server;
	for (int side = 0; side < 2; side++)
		if (reaches(lost[side].resent, s->packets[side], f->limit.v[THRESHOLD_LOSS]) &&
			lost[side].resent >= 5)
			finding_at_least(x, SEVERITY_WARNING);
	for (int side = 0; side < 2; side++)
		if (lost[side].resent)
			say_lost(&x->saw, s, (enum side)side, &lost[side]);
	if (syns)
		say(&x->saw,
			"%C connection request%1 or the answers to them were lost, too, which took "
			"%T. ",
			syns->count, syns->count, syns->cost);
	if (late)
		say(&x->saw,
			"%C handshake%1 took far longer than a round trip, as one does of which a "
			"segment was lost before the capture: %T. ",
			c->late.count, c->late.count, c->late.cost);
	if (slow)
		say(&x->saw,
			"%C answer%1 came a timeout late, as one does whose first copy was lost "
			"before the capture: %T. ",
			slow->count, slow->count, slow->cost);
	say(&x->saw, "All that was waited for it: %T.", x->local);
	if (way == 2 || (!client && !server))
		say(&x->means, "Segments were lost on the way between client and server%S.",
			way == 2 ? ", in both directions" : "");
	else
		say(&x->means, "Segments of the %S were lost on the way to the %S.",
			server ? "server" : "client", server ? "client" : "server");
	say(&x->next,
		"Errors and drops of the interfaces on the way (ip -s link, ethtool -S), full "
		"queues (tc -s qdisc), duplex, policers; where the rate is limited, BBR or a "
		"smaller tcp_wmem.");
	say(&x->against, "Reordering that lasts longer than a round trip looks the same; what "
			 "was acknowledged already (spurious) is not counted.");
}

/* Does another family's finding say nothing but that some answers came a timeout late? */
static bool came_late(const struct finding *x, const struct svc *s)
{
	static const char *const ids[] = {"mysql-slow", "slow-server", "smtp-queue"};
	bool slow = false;

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		slow |= strcmp(x->id, ids[i]) == 0;
	return slow && !x->part_of && x->port == s->key.port && x->count &&
	       memcmp(&x->server, &s->key.ip, sizeof(x->server)) == 0 &&
	       x->count <= path_resent(s) && x->count * 4 <= s->transactions &&
	       x->local / x->count >= 180 * MS && x->local / x->count <= 360 * MS &&
	       x->longest <= 720 * (uint64_t)MS;
}

void path_join(struct findings *f)
{
	for (unsigned i = 0; i < f->nlist; i++) {
		struct finding *x = &f->list[i];
		const struct svc *s = NULL;

		for (uint32_t k = 0;
			strcmp(x->id, "loss") == 0 && !x->part_of && (s = svc_at(f, k)); k++)
			if (x->port == s->key.port &&
				memcmp(&x->server, &s->key.ip, sizeof(x->server)) == 0)
				break;
		for (unsigned k = 0; s && k < f->nlist; k++) {
			struct finding *late = &f->list[k];

			if (!came_late(late, s))
				continue;
			late->part_of = x->id;
			finding_at_most(late, SEVERITY_INFO);
			x->local += late->local;
			x->more_entries |= ENTRY(SERVER);
			x->more_classes |= late->classes;
			say(&x->saw,
				" %C answer%1 came a timeout late, as one does whose first copy "
				"was lost before the capture: %T.",
				late->count, late->count, late->local);
		}
	}
}

#define OTHERS 20u

/* One transfer of many requests for pages, whose client takes its time: it keeps nobody else. */
static bool paces_itself(const struct svc *s, const struct proof *p)
{
	return s->kind == KIND_WEB && p->count == 1 && s->transactions >= OTHERS;
}

static void list_closed(
	struct findings *f, const struct svc *s, const struct path_state *c, int side)
{
	bool server = side == SIDE_SERVER;
	struct finding *x = finding_new(f, "zero-window",
		server ? "The server's receive window closed"
		       : "The client's receive window closed",
		s, &c->closed[side],
		server ? "tsumari.tcp.server.zero_windows > 0 or "
			 "tsumari.ledger.stall.h2_window.server > 0"
		       : "tsumari.tcp.client.zero_windows > 0 or "
			 "tsumari.ledger.stall.h2_window.client > 0");

	finding_claims(x, s,
		server ? ENTRY(STALL_ZERO_SERVER) | ENTRY(STALL_H2_SERVER)
		       : ENTRY(STALL_ZERO_CLIENT) | ENTRY(STALL_H2_CLIENT),
		CLASS(NONE));
	x->counted = !x->count ? "connections" : c->closed_sent[side] ? "waits" : "transactions";
	x->of = !x->count ? s->flows : c->closed_sent[side] ? FIELD_ABSENT : s->transactions;
	if (!x->count)
		x->count = c->closing[side];
	if (c->closing[side])
		say(&x->saw,
			"The %S closed its TCP window %C time%1 on %C connection%1, for %T in "
			"all. ",
			server ? "server" : "client", c->closings[side], c->closings[side],
			c->closing[side], c->closing[side], c->closed_time[side]);
	say(&x->saw, "%T were waited for the %S's window%S.", x->local,
		server ? "server" : "client", c->closing[side] ? "" : " of HTTP/2");
	if (x->count && x->local / x->count < f->limit.v[THRESHOLD_LEAST])
		finding_at_most(x, SEVERITY_INFO); /* nobody notices so short ones */
	if (!server && paces_itself(s, &c->closed[side]))
		finding_at_most(x, SEVERITY_INFO);
	say(&x->means, "%S",
		server ? "The server does not read what it is sent: it is overloaded, "
			 "or waits for something else."
		       : "The client does not read what it asked for: it is busy, "
			 "stopped, or reads row by row.");
	say(&x->next,
		"What the %S does meanwhile; its receive buffer (net.ipv4.tcp_rmem, "
		"SO_RCVBUF%S).",
		server ? "server" : "client",
		by_kind(s, "; HTTP/2: the window of its settings", "", ""));
	say(&x->against, "A client that paces itself on purpose (a download with a limit, a "
			 "player) closes its window, too.");
}

static void list_reader(struct findings *f, const struct svc *s, const struct path_state *c)
{
	struct finding *x = finding_new(f, "slow-reader", "The client reads slowly", s, &c->reader,
		"tsumari.ledger.stall.zero_window.client > 0 or "
		"tsumari.ledger.stall.h2_window.client > 0");

	finding_claims(x, s, ENTRY(STALL_ZERO_CLIENT) | ENTRY(STALL_H2_CLIENT) | ENTRY(RESPONSE),
		CLASS(NONE));
	x->may_be_slight = true;
	x->counted = c->reader_sent ? "messages" : "transactions";
	x->of = c->reader_sent ? FIELD_ABSENT : s->transactions;
	say(&x->saw,
		"Of %C large response%1 (%B) most of the time went by with the client's "
		"window closed: %T.",
		c->reader.count, c->reader.count, c->reader_bytes, x->local);
	say(&x->means, "The server had the answer and could not get rid of it; it holds buffers, "
		       "and perhaps locks, as long.");
	say(&x->next, "What the client does between reads%S.",
		by_kind(s, "; a proxy before the server that takes the response (proxy_buffering)",
			". Fetch everything at once (mysql_store_result) or in pages (LIMIT), not "
			"row by row; net_write_timeout",
			""));
	if (paces_itself(s, &c->reader))
		finding_at_most(x, SEVERITY_INFO);
	say(&x->against, "Where the client limits its rate on purpose this is its wish.");
}

static void list_delayed(struct findings *f, const struct svc *s, const struct path_state *c)
{
	struct finding *x = finding_new(f, "delayed-ack", "Small writes wait for delayed ACKs", s,
		&c->delayed, "tsumari.ledger.stall.delayed_ack > 0");

	finding_claims(x, s, ENTRY(STALL_DELAYED_ACK), CLASS(NONE));
	x->may_be_slight = true;
	if (c->delayed.count < 3 && (c->delayed_sent || c->delayed.count * 10 < s->transactions))
		finding_at_most(x, SEVERITY_INFO); /* by chance */
	x->counted = c->delayed_sent ? "messages" : "transactions";
	x->of = c->delayed_sent ? FIELD_ABSENT : s->transactions;
	say(&x->saw,
		"A short segment was held back until a bare ACK came, 40 to 200 ms later: %T in "
		"all.",
		x->local);
	say(&x->means, "The sender writes a message in two small pieces; Nagle's algorithm holds "
		       "the second back until the first is acknowledged, and the receiver delays "
		       "that ACK.");
	say(&x->next, "Set TCP_NODELAY on the sender's socket, or write the message at once "
		      "(writev, a buffered writer).");
	say(&x->against, "A sender that happens to have its next piece just when the ACK comes "
			 "looks the same; it would not each time.");
}

static void list_stuck(
	struct findings *f, const struct svc *s, const struct path_state *c, int side)
{
	bool server = side == SIDE_SERVER;
	/* Beside the server an answer has gone by as a whole, and what was sent again of it is in
	   its own time. */
	bool own = server && !c->resent[side] && !c->dead[side].count;
	struct proof stuck = c->stuck[side];
	struct finding *x;

	if (own)
		stuck.cost += c->loss[side].cost;
	x = finding_new(f, "mtu-black-hole", "Large segments do not get through", s, &stuck,
		server ? "tsumari.tcp.server.stuck.retransmits > 0"
		       : "tsumari.tcp.client.stuck.retransmits > 0");

	finding_claims(x, s, ALL_ENTRIES,
		CLASS(UNACKED) |
			(server || server_drops(s) ? 0 : CLASS(NOT_TAKEN) | CLASS(NOT_TAKEN_OPEN)));
	if (own)
		finding_claims_more(x, ENTRY(STALL_RTO_SERVER), CLASS(NONE));
	finding_at_least(x, SEVERITY_WARNING);
	x->of = s->flows;
	say(&x->saw,
		"On %C connection%1 the %S sent a full segment (%C bytes) again and again, "
		"waiting longer each time, and it was never acknowledged; small ones were.",
		x->count, x->count, server ? "server" : "client", c->stuck_bytes);
	say(&x->means, "A link on the way carries smaller packets only, and the ICMP message that "
		       "would say so (fragmentation needed, packet too big) does not come back.");
	say(&x->next, "Let ICMP type 3 code 4 (IPv6: type 2) pass; the MTU of tunnels; clamp the "
		      "MSS (nft: tcp option maxseg size set rt mtu); net.ipv4.tcp_mtu_probing=1 "
		      "on the sender.");
	say(&x->against, "A path that fails just then, or a peer that is gone, looks the same: "
			 "ping -M do -s 1472 tells them apart.");
}

/* alone: nothing but what these sent again was waited for of all that the server did. */
static void list_dead(struct findings *f, const struct svc *s, const struct path_state *c, int side,
	const struct proof *dead, uint32_t classes, bool alone)
{
	bool server = side == SIDE_SERVER;
	struct finding *x = finding_new(f, "dead-connection", "Connections that are dead", s, dead,
		server ? "tsumari.tcp.server.stuck.retransmits > 1"
		       : "tsumari.tcp.client.stuck.retransmits > 1");

	finding_claims(x, s, ALL_ENTRIES, classes);
	if (alone)
		finding_claims_more(x, ENTRY(STALL_RTO_SERVER), CLASS(NONE));
	finding_at_least(x, SEVERITY_WARNING);
	x->of = s->flows;
	say(&x->saw,
		"On %C of %C connections what the %S sent was never acknowledged, although it was "
		"sent again and again, for up to %T.",
		x->count, x->of, server ? "server" : "client", c->longest_dead);
	say(&x->means,
		"The connection exists for the %S only: a firewall, NAT or load balancer on the "
		"way forgot it while it was idle, or the other host or the path is gone. Whoever "
		"uses it waits for a timeout of its own.",
		server ? "server" : "client");
	say(&x->next,
		"The idle timeouts on the way (conntrack: nf_conntrack_tcp_timeout_established; "
		"load balancers: minutes) against how long connections are idle: TCP keep-alive "
		"below them (SO_KEEPALIVE, net.ipv4.tcp_keepalive_time), pools that test a "
		"connection before its use or close it sooner; TCP_USER_TIMEOUT.");
	say(&x->against, "A host that crashed or lost its network just then looks the same.");
}

/* What a connection began with is lost like all else, unless the server did not take it. */
static void list_lost(struct findings *f, const struct svc *s, const struct path_state *c)
{
	bool drops = server_drops(s), alone[2] = {false, false}, own;
	struct lost lost[2] = {0}, one[2];

	for (int side = 0; side < 2; side++) {
		struct proof dead = c->dead[side];
		bool fresh = side == SIDE_CLIENT && !drops;

		lost[side] = (struct lost){
			c->loss[side], c->resent[side], c->rtos[side], 0, CLASS(NONE)};
		if (fresh) {
			proof_merge(&lost[side].p, &c->fresh);
			proof_merge(&dead, &c->fresh_dead);
			lost[side].resent += c->fresh_resent;
			lost[side].rtos += c->fresh_rtos;
			lost[side].classes |= CLASS(NOT_TAKEN);
		}
		own = dead.count && side == SIDE_SERVER && !lost[side].resent;
		if (own)
			dead.cost += lost[side].p.cost;
		if (!lost[side].resent)
			memset(&lost[side], 0, sizeof(lost[side]));
		by_limit(s, (enum side)side, &lost[side]);
		alone[side] = c->full[side] + lost[side].policed > lost[side].p.cost;
		if (dead.count)
			list_dead(f, s, c, side, &dead,
				CLASS(UNACKED) |
					(fresh ? CLASS(NOT_TAKEN) | CLASS(NOT_TAKEN_OPEN) : 0),
				own);
	}
	/* What a full link drops is another cause. */
	for (int side = 0; side < 2 && alone[0] != alone[1]; side++) {
		memset(one, 0, sizeof(one));
		one[side] = lost[side];
		if (one[side].resent)
			list_loss(f, s, c, one);
	}
	if (alone[0] == alone[1] && (lost[0].resent || lost[1].resent ||
					    (c->late.count >= HANDSHAKES && !path_loaded(f, s))))
		list_loss(f, s, c, lost);
}

static void list(struct findings *f)
{
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		const struct path_state *c = svc_has(s, DETECTOR_PATH);

		if (!c)
			continue;
		list_lost(f, s, c);
		for (int side = 0; side < 2; side++) {
			if (c->closed[side].count || c->closing[side])
				list_closed(f, s, c, side);
			if (c->stuck[side].count)
				list_stuck(f, s, c, side);
		}
		if (c->reader.count)
			list_reader(f, s, c);
		if (c->delayed.count)
			list_delayed(f, s, c);
	}
}

static void release(void *state)
{
	keyed_free(((struct path_all *)state)->unacked);
}

const struct detector detect_path = {.size = sizeof(struct path_all),
	.release = release,
	.service_size = sizeof(struct path_state),
	.table = {{offsetof(struct path_all, unacked),
		"findings: connections with data not acknowledged forgotten, too many"}},
	.kinds = OF_TCP | OF_TXN | OF_TURN | OF_SENT,
	.record = record,
	.take_out = take_out,
	.list = list};
