/*
 * find_path.c - what the path and the TCP of both ends did to transactions that were under way:
 * loss, closed windows, delayed acknowledgments, segments too large for the path.
 */
#include "model/find_impl.h"

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
	struct proof stuck[2]; /* of full segments only */
	uint64_t stuck_bytes;  /* of the segment */
	struct proof dead[2];  /* of any */
	uint64_t longest_dead;
	/* Of a connection's first bytes: another's where the server does not take connections. */
	struct proof fresh, fresh_dead;
	uint64_t fresh_resent, fresh_rtos;
};

/* What transactions waited for data that was never acknowledged, until their flow tells why. */
struct path_all {
	struct keyed *unacked; /* ns, by flow */
};
#define FLOWS 1024u

#define NEARLY_ALL 750u /* permille of a response: there nothing else takes the time */

static bool is_stuck(const struct flow_record *r, int side)
{
	const struct flow_trouble_record *s = &r->trouble[side];
	uint64_t mss = r->side[!side].mss;

	return s->stuck >= 3 && s->stuck_bytes >= 500 && !r->icmp_errors &&
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

static void add_flow(struct path_all *all, struct svc *s, const struct flow_record *r)
{
	struct path_state *c = svc_has(s, DETECTOR_PATH);

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

static void add_window(struct findings *f, struct path_state *c, const struct txn_record *t)
{
	const uint64_t *l = t->ledger;
	uint64_t client = l[LEDGER_STALL_ZERO_CLIENT] + l[LEDGER_STALL_H2_CLIENT];
	uint64_t server = l[LEDGER_STALL_ZERO_SERVER] + l[LEDGER_STALL_H2_SERVER];
	bool large = t->r.server.bytes != FIELD_ABSENT &&
		     t->r.server.bytes >= f->limit.v[THRESHOLD_LARGE];

	if (client && large && t->response != FIELD_ABSENT &&
		reaches(client, t->response, f->limit.v[THRESHOLD_READER])) {
		/* Between the times that it was closed the client read no faster. */
		if (reaches(client, t->response, NEARLY_ALL))
			client += l[LEDGER_RESPONSE];
		proof_add(&c->reader, t->r.start, client, t->frame[2]);
		proof_frame(&c->reader, client, t->frame[3]);
		proof_client(&c->reader, &t->r.client.ip);
		proof_until(&c->reader, t->r.end);
		c->reader_bytes += t->r.server.bytes;
	} else if (client) {
		proof_add(&c->closed[SIDE_CLIENT], t->r.start, client, t->frame[2]);
	}
	if (server)
		proof_add(&c->closed[SIDE_SERVER], t->r.start, server, t->frame[0]);
}

/* All that it was waited for, but for its connection and windows, is told with its flow. */
static void add_unacked(struct path_all *all, const struct txn_record *t)
{
	const uint64_t *l = t->ledger;
	uint64_t *waited;

	if (!all->unacked)
		all->unacked = keyed_new(sizeof(t->r.flow_id), sizeof(uint64_t), FLOWS);
	waited = keyed_renew(all->unacked, &t->r.flow_id);
	*waited += own_waiting(t);
	for (int i = LEDGER_STALL_RTO_CLIENT; i <= LEDGER_STALL_FAST_SERVER; i++)
		*waited += l[i];
}

static void add_txn(struct findings *f, struct svc *s, const struct txn_record *t)
{
	const uint64_t *l = t->ledger;
	uint64_t loss[2] = {resent_time(t, SIDE_CLIENT), resent_time(t, SIDE_SERVER)};
	struct path_state *c;
	uint64_t stalled = 0;

	if (t->total == FIELD_ABSENT)
		return;
	if (t->unacked) {
		claim(f, t->fresh ? not_taken(&t->r) : CLASS_UNACKED);
		add_unacked(f->state[DETECTOR_PATH], t);
	}
	for (int i = LEDGER_STALL_RTO_CLIENT; i < LEDGER_UNKNOWN; i++)
		stalled += l[i];
	if (!stalled)
		return;
	c = svc_state(s, DETECTOR_PATH);
	for (int side = 0; side < 2 && !t->unacked; side++)
		if (loss[side] && rate_limited(t, (enum side)side))
			c->full[side] += loss[side];
		else if (loss[side])
			proof_cost(t->fresh && side == SIDE_CLIENT ? &c->fresh : &c->loss[side],
				t->r.start, loss[side], t->frame[side * 2]);
	if (t->fresh && !t->unacked)
		f->stalls = CLASS_NOT_TAKEN;
	add_window(f, c, t);
	if (l[LEDGER_STALL_DELAYED_ACK]) {
		proof_add(&c->delayed, t->r.start, l[LEDGER_STALL_DELAYED_ACK],
			t->frame[1] ? t->frame[1] : t->frame[0]);
		proof_client(&c->delayed, &t->r.client.ip);
	}
}

bool path_lossy(const struct svc *s)
{
	const struct path_state *c = svc_has(s, DETECTOR_PATH);

	return c && (c->resent[SIDE_CLIENT] || c->resent[SIDE_SERVER] || c->fresh_resent);
}

const struct proof *path_fresh(const struct svc *s, uint64_t *resent)
{
	const struct path_state *c = svc_has(s, DETECTOR_PATH);

	*resent = c ? c->resent[SIDE_CLIENT] + c->resent[SIDE_SERVER] : 0;
	return c ? &c->fresh : NULL;
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
		add_flow(f->state[DETECTOR_PATH], s, (const void *)r);
	else if (r->kind == RECORD_TXN && !r->composite)
		add_txn(f, s, (const void *)r);
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

static void list_loss(struct findings *f, const struct svc *s, const struct path_state *c, int side,
	const struct proof *lost, uint64_t resent, uint64_t rtos, uint32_t classes)
{
	bool server = side == SIDE_SERVER;
	struct finding *x = finding_new(f, "loss",
		server ? "Loss between server and client" : "Loss between client and server", s,
		lost,
		server ? "tsumari.tcp.server.retransmits > 0"
		       : "tsumari.tcp.client.retransmits > 0");

	finding_claims(x, s,
		server ? ENTRY(STALL_RTO_SERVER) | ENTRY(STALL_FAST_SERVER)
		       : ENTRY(STALL_RTO_CLIENT) | ENTRY(STALL_FAST_CLIENT),
		classes);
	if (c->full[side] > lost->cost) {
		x->part_of = "path-bandwidth";
		x->local += c->full[side];
		finding_at_most(x, SEVERITY_INFO);
	}
	x->counted = "segments";
	x->count = resent;
	x->of = s->packets[side];
	if (reaches(x->count, x->of, f->limit.v[THRESHOLD_LOSS]) && x->count >= 5)
		finding_at_least(x, SEVERITY_WARNING);
	say(&x->saw,
		"The %S sent %C of %C segments again, %C of them only after a timeout (200 ms "
		"and more), on %C connection%1; transactions waited %T for them.",
		server ? "server" : "client", x->count, x->of, rtos, lost->count, lost->count,
		x->local);
	say(&x->means, "Segments of the %S were lost on the way to the %S.",
		server ? "server" : "client", server ? "client" : "server");
	say(&x->next,
		"Errors and drops of the interfaces on the way (ip -s link, ethtool -S), full "
		"queues (tc -s qdisc), duplex, policers; where the rate is limited, BBR or a "
		"smaller tcp_wmem.");
	say(&x->against, "Reordering that lasts longer than a round trip looks the same; what "
			 "was acknowledged already (spurious) is not counted.");
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
	x->counted = x->count ? "transactions" : "connections";
	x->of = x->count ? s->transactions : s->flows;
	if (!x->count)
		x->count = c->closing[side];
	if (c->closing[side])
		say(&x->saw,
			"The %S closed its TCP window %C time%1 on %C connection%1, for %T in "
			"all. ",
			server ? "server" : "client", c->closings[side], c->closings[side],
			c->closing[side], c->closing[side], c->closed_time[side]);
	say(&x->saw, "Transactions waited %T for the %S's window%S.", x->local,
		server ? "server" : "client", c->closing[side] ? "" : " of HTTP/2");
	say(&x->means, "%S",
		server ? "The server does not read what it is sent: it is overloaded, "
			 "or waits for something else."
		       : "The client does not read what it asked for: it is busy, "
			 "stopped, or reads row by row.");
	say(&x->next,
		"What the %S does meanwhile; its receive buffer (net.ipv4.tcp_rmem, "
		"SO_RCVBUF; HTTP/2: the window of its settings).",
		server ? "server" : "client");
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
	x->counted = "transactions";
	x->of = s->transactions;
	say(&x->saw,
		"Of %C large response%1 (%B) most of the time went by with the client's "
		"window closed: %T.",
		c->reader.count, c->reader.count, c->reader_bytes, x->local);
	say(&x->means, "The server had the answer and could not get rid of it; it holds buffers, "
		       "and perhaps locks, as long.");
	say(&x->next, "What the client does between reads. Of a database: fetch everything at once "
		      "(mysql_store_result) or in pages (LIMIT), not row by row; "
		      "net_write_timeout.");
	say(&x->against, "Where the client limits its rate on purpose this is its wish.");
}

static void list_delayed(struct findings *f, const struct svc *s, const struct path_state *c)
{
	struct finding *x = finding_new(f, "delayed-ack", "Small writes wait for delayed ACKs", s,
		&c->delayed, "tsumari.ledger.stall.delayed_ack > 0");

	finding_claims(x, s, ENTRY(STALL_DELAYED_ACK), CLASS(NONE));
	if (c->delayed.count < 3 && c->delayed.count * 10 < s->transactions)
		finding_at_most(x, SEVERITY_INFO); /* by chance */
	x->counted = "transactions";
	x->of = s->transactions;
	say(&x->saw,
		"In %C of %C transactions a short segment was held back until a bare ACK "
		"came, 40 to 200 ms later: %T in all.",
		x->count, x->of, x->local);
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
	struct finding *x = finding_new(f, "mtu-black-hole", "Large segments do not get through", s,
		&c->stuck[side],
		server ? "tsumari.tcp.server.stuck.retransmits > 0"
		       : "tsumari.tcp.client.stuck.retransmits > 0");

	finding_claims(x, s, ALL_ENTRIES,
		CLASS(UNACKED) |
			(server || server_drops(s) ? 0 : CLASS(NOT_TAKEN) | CLASS(NOT_TAKEN_OPEN)));
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

static void list_dead(struct findings *f, const struct svc *s, const struct path_state *c, int side,
	const struct proof *dead, uint32_t classes)
{
	bool server = side == SIDE_SERVER;
	struct finding *x = finding_new(f, "dead-connection", "Connections that are dead", s, dead,
		server ? "tsumari.tcp.server.stuck.retransmits > 1"
		       : "tsumari.tcp.client.stuck.retransmits > 1");

	finding_claims(x, s, ALL_ENTRIES, classes);
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
static void list_lost(struct findings *f, const struct svc *s, const struct path_state *c, int side)
{
	bool fresh = side == SIDE_CLIENT && !server_drops(s);
	struct proof lost = c->loss[side], dead = c->dead[side];
	uint64_t resent = c->resent[side], rtos = c->rtos[side];
	uint32_t classes = CLASS(NONE);

	if (fresh) {
		proof_merge(&lost, &c->fresh);
		proof_merge(&dead, &c->fresh_dead);
		resent += c->fresh_resent;
		rtos += c->fresh_rtos;
		classes |= CLASS(NOT_TAKEN);
	}
	if (resent)
		list_loss(f, s, c, side, &lost, resent, rtos, classes);
	if (dead.count)
		list_dead(f, s, c, side, &dead,
			CLASS(UNACKED) | (fresh ? CLASS(NOT_TAKEN) | CLASS(NOT_TAKEN_OPEN) : 0));
}

static void list(struct findings *f)
{
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		const struct path_state *c = svc_has(s, DETECTOR_PATH);

		if (!c)
			continue;
		for (int side = 0; side < 2; side++) {
			list_lost(f, s, c, side);
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
	.kinds = OF_FLOW | OF_TXN,
	.record = record,
	.take_out = take_out,
	.list = list};
