/*
 * find_close.c - how connections are used and how they end: one request each, the same ports again,
 * closed before the answer.
 */
#include "findings/find_impl.h"

#define PORTS     8192u                   /* pairs of ends that are remembered */
#define TIME_WAIT (60 * (uint64_t)SECOND) /* Linux' */
#define SHOWN     8u

enum phase { REQUEST, WAIT, RESPONSE, PHASES };
static const char *const phase_names[PHASES] = {"request", "wait", "response"};

struct close_state {
	struct proof single; /* connections of one request */
	uint64_t used;       /* connections with requests */
	uint64_t tls, tls_time, logins, login_time;
	struct proof reused;
	unsigned nports;
	uint16_t ports[SHOWN]; /* of the client, that were used again */
	struct proof cut;      /* by the server, with a transaction open */
	uint64_t resets[PHASES], idle, early, unseen;
	struct proof gave_up; /* the client */
	uint64_t gave_up_rst;
	struct proof stale; /* requests that came when the server had closed */
	uint64_t stale_resets;
};

struct ports_key {
	struct addr client, server;
	uint16_t ports[4]; /* two, and padding */
};
struct close_all {
	struct keyed *ports; /* when their connection ended, ns */
};

enum use { NOT_USED, USED, USED_ONCE };

/* Of a database the login, what is set for the session, and the end are no requests of a page's. */
#define SESSION 4u

static enum use use_of(const struct flow_record *r)
{
	bool hidden = app_encrypted(r->app);
	uint8_t kind = registry_model(r->app)->kind;
	uint64_t n = hidden ? r->turns : r->transactions;

	if (r->handshake == FIELD_ABSENT || !n)
		return NOT_USED;
	if (kind == KIND_DATABASE)
		return n > SESSION ? USED : n > 1 ? USED_ONCE : NOT_USED;
	if (!hidden && kind != KIND_WEB)
		return NOT_USED;
	return n > 1 ? USED : USED_ONCE;
}

static bool is_login(const struct txn_record *t)
{
	return t->r.quality >> QUALITY_CONNECT & 1 && t->total != FIELD_ABSENT && !t->ended_by &&
	       record_model(&t->r)->kind == KIND_DATABASE;
}

static uint64_t answered_handshake(const struct flow_record *r)
{
	return r->handshake - (r->connect_retry != FIELD_ABSENT ? r->connect_retry : 0);
}

static void add_use(struct close_state *c, const struct flow_record *r)
{
	enum use use = use_of(r);

	c->used += use != NOT_USED;
	if (use != USED_ONCE)
		return;
	proof_add(&c->single, r->r.start, answered_handshake(r), r->r.flow_id);
	proof_client(&c->single, &r->r.client.ip);
}

static uint64_t *resets_of(struct close_state *c, const struct flow_record *r)
{
	for (int i = 0; i < PHASES; i++)
		if (strcmp(r->reset_phase, phase_names[i]) == 0)
			return &c->resets[i];
	if (strcmp(r->reset_phase, "stale") == 0)
		return &c->stale_resets;
	if (strncmp(r->reset_phase, "syn", 3) == 0 || strcmp(r->reset_phase, "ack") == 0)
		return &c->early;
	return strcmp(r->reset_phase, "unknown") == 0 ? &c->unseen : &c->idle;
}

/* Did another connection between these ports end a short time before? */
static void add_ports(struct findings *f, struct close_state *c, const struct flow_record *r)
{
	struct close_all *all = f->state[DETECTOR_CLOSE];
	struct ports_key key;
	uint64_t *ended;
	unsigned i = 0;

	if (r->handshake == FIELD_ABSENT)
		return;
	memset(&key, 0, sizeof(key));
	key.client = r->r.client.ip;
	key.server = r->r.server.ip;
	key.ports[0] = r->r.client.port;
	key.ports[1] = r->r.server.port;
	if (!all->ports)
		all->ports = keyed_new(sizeof(key), sizeof(uint64_t), findings_room(f, PORTS));
	ended = keyed_renew(all->ports, &key);
	if (*ended && r->r.start >= *ended && r->r.start - *ended < TIME_WAIT) {
		proof_add(&c->reused, r->r.start, 0, r->r.flow_id);
		proof_client(&c->reused, &r->r.client.ip);
		while (i < c->nports && c->ports[i] != r->r.client.port)
			i++;
		if (i == c->nports && i < SHOWN)
			c->ports[c->nports++] = r->r.client.port;
	}
	*ended = r->r.end;
}

/* One whose application is not read: else the request itself is counted. */
static bool is_stale_flow(const struct flow_record *r)
{
	return r->turns && r->reset_phase && strcmp(r->reset_phase, "stale") == 0;
}

static void add_flow(struct findings *f, struct svc *s, const struct flow_record *r)
{
	struct close_state *c = svc_state(s, DETECTOR_CLOSE);

	add_use(c, r);
	if (r->reset_phase)
		++*resets_of(c, r);
	if (is_stale_flow(r)) {
		proof_add(&c->stale, r->r.start, 0, r->reset_frame);
		proof_client(&c->stale, &r->r.client.ip);
	}
	add_ports(f, c, r);
}

static uint64_t end_frame(const struct txn_record *t)
{
	return t->frame[2] ? t->frame[2] : t->frame[1] ? t->frame[1] : t->frame[0];
}

static bool is_stale(const struct txn_record *t)
{
	return t->r.quality >> QUALITY_STALE & 1;
}

#define STREAM SECOND /* that it has come for, at least */

/* A client that leaves a stream, which has no end of its own, did not wait for one. */
static bool is_left_stream(const struct txn_record *t)
{
	return t->ended_by && !t->unacked && strncmp(t->ended_by, "client", 6) == 0 &&
	       t->stamp[2] != FIELD_ABSENT && t->total != FIELD_ABSENT &&
	       t->r.start + t->total >= t->stamp[2] + STREAM && waits_on_purpose(t);
}

static struct proof *ending(struct close_state *c, const struct txn_record *t)
{
	if (is_stale(t))
		return &c->stale;
	return strncmp(t->ended_by, "client", 6) == 0 ? &c->gave_up : &c->cut;
}

static void add_txn(struct findings *f, struct svc *s, const struct txn_record *t)
{
	struct close_state *c;
	struct proof *p;

	if (t->total != FIELD_ABSENT && t->ledger[LEDGER_CONNECT_TLS]) {
		c = svc_state(s, DETECTOR_CLOSE);
		c->tls++;
		c->tls_time += t->ledger[LEDGER_CONNECT_TLS];
	}
	if (is_login(t)) {
		c = svc_state(s, DETECTOR_CLOSE);
		c->logins++;
		c->login_time += own_waiting(t);
	}
	if (!is_stale(t) && (!t->ended_by || t->unacked))
		return;
	if (is_left_stream(t)) {
		claim(f, CLASS_IDLE);
		return;
	}
	c = svc_state(s, DETECTOR_CLOSE);
	p = ending(c, t);
	claim(f, p == &c->stale ? CLASS_STALE : p == &c->cut ? CLASS_CUT : CLASS_GAVE_UP);
	c->gave_up_rst += p == &c->gave_up && strcmp(t->ended_by, "client_rst") == 0;
	proof_add(p, t->r.start, own_waiting(t), end_frame(t));
	proof_until(p, t->r.start + own_waiting(t));
	proof_client(p, &t->r.client.ip);
}

static void record(struct findings *f, struct svc *s, const struct record *r)
{
	if (!s)
		return;
	if (r->kind == RECORD_FLOW && ((const struct flow_record *)r)->tcp_state)
		add_flow(f, s, (const void *)r);
	else if (r->kind == RECORD_TXN && !r->composite)
		add_txn(f, s, (const void *)r);
}

static void take_out_txn(struct close_state *c, const struct txn_record *t)
{
	struct proof *p;

	if (t->total != FIELD_ABSENT && t->ledger[LEDGER_CONNECT_TLS]) {
		c->tls--;
		c->tls_time -= t->ledger[LEDGER_CONNECT_TLS];
	}
	if (is_login(t)) {
		c->logins--;
		c->login_time -= own_waiting(t);
	}
	if (!is_stale(t) && (!t->ended_by || t->unacked || is_left_stream(t)))
		return;
	p = ending(c, t);
	c->gave_up_rst -= p == &c->gave_up && strcmp(t->ended_by, "client_rst") == 0;
	proof_take_out(p, t->r.start, own_waiting(t), end_frame(t));
}

static void take_out(struct findings *f, struct svc *s, const struct record *r)
{
	const struct flow_record *flow = (const void *)r;
	struct close_state *c = svc_has(s, DETECTOR_CLOSE);

	(void)f;
	if (!c)
		return;
	if (r->kind == RECORD_TXN) {
		take_out_txn(c, (const void *)r);
		return;
	}
	if (flow->reset_phase)
		--*resets_of(c, flow);
	if (is_stale_flow(flow))
		proof_take_out(&c->stale, r->start, 0, flow->reset_frame);
	c->used -= use_of(flow) != NOT_USED;
	if (use_of(flow) == USED_ONCE)
		proof_take_out(&c->single, r->start, answered_handshake(flow), r->flow_id);
}

bool cuts_off(const struct svc *s)
{
	const struct close_state *c = svc_has(s, DETECTOR_CLOSE);

	return c && (c->cut.count || c->gave_up.count);
}

/* What they cost together: 0 where they are few, or others are used more often. */
static uint64_t single_cost(
	const struct findings *f, const struct close_state *c, uint64_t *tls, uint64_t *logins)
{
	uint64_t n = c->single.count;

	if (n < f->limit.v[THRESHOLD_KEEPALIVE] || n * 10 < c->used * 8)
		return 0;
	*tls = c->tls ? c->tls_time / c->tls * n : 0;
	*logins = c->logins ? c->login_time / c->logins * n : 0;
	return c->single.cost + *tls + *logins;
}

#define LITTLE 100u /* permille of all waiting: with less nobody need care */

/* Programs keep their connections to a database; who asks a web server once in a while need not. */
static bool costs_much(
	const struct findings *f, const struct close_state *c, uint64_t cost, uint64_t logins)
{
	uint64_t while_ns = c->single.last - c->single.first;

	return (cost >= SECOND || logins || reaches(cost, while_ns, LITTLE)) &&
	       reaches(cost, f->felt, LITTLE);
}

bool connects_each_time(const struct findings *f, const struct svc *s)
{
	const struct close_state *c = svc_has(s, DETECTOR_CLOSE);
	uint64_t tls, logins = 0, cost = c ? single_cost(f, c, &tls, &logins) : 0;

	return c && costs_much(f, c, cost, logins);
}

static void list_single(struct findings *f, const struct svc *s, const struct close_state *c)
{
	uint64_t n = c->single.count, tls, logins = 0, cost = single_cost(f, c, &tls, &logins),
		 each;
	struct finding *x;

	if (!cost)
		return;
	x = finding_new(f, "no-keepalive", "A new connection for each request", s, &c->single,
		logins ? "tsumari.flow.transactions <= 4" : "tsumari.flow.transactions == 1");
	x->local = cost;
	finding_claims(x, s,
		ENTRY(CONNECT_NETWORK) | ENTRY(CONNECT_TLS) |
			(logins ? ENTRY(NETWORK) | ENTRY(SERVER) : 0),
		CLASS(NONE));
	x->of = c->used;
	each = x->local / n;
	if (path_loaded(f, s))
		x->part_of = "latency-under-load";
	else if (path_far(f, s))
		x->part_of = "far-path";
	else if (tls_is_slow(s))
		x->part_of = "slow-tls";
	if (each < MS || !costs_much(f, c, cost, logins))
		finding_at_most(x, SEVERITY_INFO);
	say(&x->saw, "%C of %C connections carried %S; each cost %T for its handshake%S%S.", n,
		c->used, logins ? "a login and next to nothing" : "one request only", each,
		tls ? "s (TCP and TLS)" : "", logins ? " and its login" : "");
	say(&x->means, "The client makes a connection for each request: a round trip and more "
		       "before each, a slow start for each, and ports that stay in TIME-WAIT.");
	say(&x->next, "%S",
		by_kind(s,
			"Keep-alive in the client's library; on a proxy towards its upstreams "
			"(nginx: keepalive in upstream, proxy_http_version 1.1, an empty "
			"Connection header); keepalive_timeout and keepalive_requests of the "
			"server.",
			"A pool of connections in the program or before the database (its size, "
			"its "
			"idle timeout below the server's), or persistent connections of its "
			"driver.",
			"Connections that the client keeps and uses again, where its library "
			"can."));
	say(&x->against, "Many clients that ask once each need a connection each.");
}

static void list_reused(struct findings *f, const struct svc *s, const struct close_state *c)
{
	char room[128];
	struct finding *x;
	struct text filter;

	text_init(&filter, room, sizeof(room));
	for (unsigned i = 0; i < c->nports; i++)
		text_printf(&filter, "%s%u", i ? ", " : "client.port in {", c->ports[i]);
	text_char(&filter, '}');
	x = finding_new(f, "port-reuse", "Client ports used again", s, &c->reused, room);
	x->of = s->flows;
	say(&x->saw,
		"%C of %C connections began between the same ports as one that had ended less "
		"than a minute before.",
		x->count, s->flows);
	say(&x->means,
		"The client has few ports left, or chooses them itself: the server may still "
		"hold the old connection in TIME-WAIT and ignore or refuse the new one.");
	say(&x->next, "ss -s on the client (timewait); net.ipv4.ip_local_port_range; keep-alive; "
		      "net.ipv4.tcp_tw_reuse.");
	say(&x->against, "Over a long capture ports come again by chance; with timestamps Linux "
			 "takes the new one.");
}

static void list_cut(struct findings *f, const struct svc *s, const struct close_state *c)
{
	struct finding *x = finding_new(f, "reset-storm", "Connections cut before the answer", s,
		&c->cut, "tsumari.ended_by in {server_rst, server_fin}");

	x->counted = "transactions";
	x->of = svc_ended(s);
	finding_claims(x, s, ALL_ENTRIES, CLASS(CUT));
	if (x->count >= f->limit.v[THRESHOLD_RESETS])
		finding_at_least(x, SEVERITY_WARNING);
	say(&x->saw,
		"The server closed the connection before %C of %C answers were complete. "
		"Resets of all connections: %C while the request was sent, %C before the "
		"response, %C within it, %C with no request open, %C before the "
		"connection stood.",
		x->count, x->of, c->resets[REQUEST], c->resets[WAIT], c->resets[RESPONSE], c->idle,
		c->early);
	say(&x->means, "The server, its process or something on the way gave these connections up: "
		       "a crash, a limit, a timeout.");
	say(&x->next, "The server's error log around the peak; crashes (dmesg, systemd), timeouts "
		      "of proxies and firewalls between (keepalive, conntrack).");
	say(&x->against, "%S",
		by_kind(s,
			"A body that ends with the connection, of HTTP/1.0, is complete and not "
			"counted.",
			"An administrator who ends sessions (KILL) cuts them as well.",
			"A server that is started again cuts what it has in hand, too."));
}

static void list_gave_up(struct findings *f, const struct svc *s, const struct close_state *c)
{
	struct finding *x = finding_new(f, "client-gave-up", "Clients gave up waiting", s,
		&c->gave_up, "tsumari.ended_by in {client_fin, client_rst, client_cancel}");

	x->counted = "transactions";
	finding_claims(x, s, ALL_ENTRIES, CLASS(GAVE_UP));
	x->may_be_slight = true;
	x->of = svc_ended(s);
	say(&x->saw,
		"In %C of %C transactions the client closed the connection, or called the stream "
		"off, before the response had come to its end",
		x->count, x->of);
	if (c->gave_up_rst)
		say(&x->saw, " (%C by a reset)", c->gave_up_rst);
	say(&x->saw, ", after %T on average.", x->local / x->count);
	say(&x->means, "A timeout of the client, or a user who did not wait: what was done for it "
		       "is lost, and it may ask again.");
	say(&x->next,
		"The client's timeout against the server's times%S; whether the client tries again "
		"and adds to the load.",
		by_kind(s, " (nginx logs these as 499)",
			" (read timeout of its driver, and what the server goes on with: its list "
			"of what is running)",
			""));
	say(&x->against, "A client that has what it wanted%S closes early, too.",
		by_kind(s, " (a HEAD of a stream, a player, a health check)", "", ""));
}

static void list_stale(struct findings *f, const struct svc *s, const struct close_state *c)
{
	struct finding *x = finding_new(f, "stale-connection",
		"Requests on connections that the server had closed", s, &c->stale,
		"tsumari.quality == stale or tsumari.tcp.reset.phase == stale");

	finding_claims(x, s, ALL_ENTRIES, CLASS(STALE));
	x->counted = "transactions";
	x->of = svc_ended(s);
	if (x->count >= 2) /* one is the chance of a moment */
		finding_at_least(x, SEVERITY_WARNING);
	say(&x->saw,
		"%C request%1 came to a connection that the server had closed already: its FIN had "
		"gone by or was on its way, or the host did not know the connection any more. %C "
		"connection%1 %S reset then.",
		x->count, x->count, c->stale_resets, c->stale_resets,
		c->stale_resets == 1 ? "was" : "were");
	say(&x->means, "The client keeps connections longer than the server (or a firewall or NAT "
		       "between), and uses them when they are closed. The request is lost; a "
		       "client that does not repeat it reports an error.");
	say(&x->next,
		"Let the client's pool drop idle connections before the server does: its idle "
		"timeout below the server's (%Sidle timeouts of load balancers); check a "
		"connection before use, repeat what may be repeated.",
		by_kind(s, "nginx keepalive_timeout, Apache KeepAliveTimeout, ",
			"MySQL wait_timeout, PostgreSQL idle_session_timeout, ", ""));
	say(&x->against, "A server that ends or is started again closes its idle connections, too: "
			 "then all of them at the same time.");
}

static void list(struct findings *f)
{
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		const struct close_state *c = svc_has(s, DETECTOR_CLOSE);

		if (!c)
			continue;
		list_single(f, s, c);
		if (c->reused.count)
			list_reused(f, s, c);
		if (c->cut.count)
			list_cut(f, s, c);
		if (c->gave_up.count)
			list_gave_up(f, s, c);
		if (c->stale.count)
			list_stale(f, s, c);
	}
}

static void release(void *state)
{
	keyed_free(((struct close_all *)state)->ports);
}

const struct detector detect_close = {.size = sizeof(struct close_all),
	.release = release,
	.service_size = sizeof(struct close_state),
	.table = {{offsetof(struct close_all, ports),
		"findings: pairs of ports forgotten, too many"}},
	.kinds = OF_TCP | OF_TXN,
	.record = record,
	.take_out = take_out,
	.list = list};
