/*
 * find_send.c - what comes before the server can work: the TLS handshake, and a request that is
 * long in being sent.
 */
#include "findings/find_impl.h"
#include "model/values.h"

#define UPLOAD 32768u /* bytes of a request from which on it is one */

struct send_state {
	struct proof tls, upload, waited;
	uint64_t bytes;    /* of uploads */
	uint64_t messages; /* of these: on connections that are not read */
};

/* The handshake's own time: its round trips (two at most, RFC 8446 needs one) are the path's. */
static uint64_t tls_own(const struct txn_record *t)
{
	uint64_t trips = 2 * t->ledger[LEDGER_CONNECT_NETWORK], tls = t->ledger[LEDGER_CONNECT_TLS];

	return tls > trips ? tls - trips : 0;
}

/* A body that the client held back, as it does that said Expect: 100-continue and hears nothing. */
static bool held_back(const struct txn_record *t)
{
	static struct value_name held = {"tsumari.http.held_body", NULL, -1};
	uint64_t ns = number_named(t, &held);

	return ns != FIELD_ABSENT && ns >= t->ledger[LEDGER_REQUEST] / 2;
}

static void add(struct proof *p, const struct sending *m, uint64_t ns)
{
	proof_add(p, m->r->start, ns, m->frame[0]);
	proof_frame(p, ns, m->frame[1]);
	proof_until(p, m->r->end);
	proof_client(p, &m->r->client.ip);
}

static void add_tls(struct svc *s, const struct txn_record *t)
{
	struct send_state *c = svc_state(s, DETECTOR_SEND);

	proof_add(&c->tls, t->r.start, tls_own(t), t->frame[0] ? t->frame[0] : t->frame[2]);
	proof_frame(&c->tls, tls_own(t), t->frame[1]);
	proof_until(&c->tls, t->r.end);
	proof_client(&c->tls, &t->r.client.ip);
}

static void record(struct findings *f, struct svc *s, const struct record *r)
{
	const struct txn_record *t = (const void *)r;
	uint64_t slow = f->limit.v[THRESHOLD_SLOW], request;
	struct send_state *c;
	struct sending m;

	if (!s || !sending_of(r, SIDE_CLIENT, &m))
		return;
	if (r->kind == RECORD_TXN && tls_own(t) >= slow)
		add_tls(s, t);
	request = sending_time(&m);
	if (request < slow || rate_limited(&m) ||
		account_class((enum wait_class)f->claimed, CLASS_NONE, LEDGER_REQUEST))
		return;
	c = svc_state(s, DETECTOR_SEND);
	if (r->kind == RECORD_TXN && held_back(t)) {
		add(&c->waited, &m, request);
	} else if (m.bytes >= UPLOAD && m.ledger[LEDGER_STALL_ZERO_SERVER] < request) {
		add(&c->upload, &m, request);
		c->messages += r->kind == RECORD_SENT;
		c->bytes += m.bytes;
	}
}

bool tls_is_slow(const struct svc *s)
{
	const struct send_state *c = svc_has(s, DETECTOR_SEND);

	return c && c->tls.count;
}

static void list_tls(struct findings *f, const struct svc *s, const struct send_state *c)
{
	struct finding *x = finding_new(f, "slow-tls", "TLS handshakes are slow", s, &c->tls,
		"tsumari.ledger.connect.tls > 200ms");

	finding_claims(x, s, ENTRY(CONNECT_TLS), CLASS(NONE));
	x->counted = "handshakes";
	x->of = s->flows;
	say(&x->saw,
		"%C of %C connections waited for their TLS handshake, beyond its round trips: %T, "
		"the "
		"longest %T.",
		x->count, x->of, x->local, proof_most(&c->tls));
	say(&x->means,
		"The server (or the client) works on the handshake: it fetches a certificate "
		"or a key from elsewhere, asks an OCSP responder, or has no processor left.");
	say(&x->next,
		"How the server finds its certificate (by SNI, from a store or a key server), "
		"OCSP stapling, session tickets and TLS 1.3 for resumption; the client's own "
		"checks of revocation; connections that stay open.");
	say(&x->against, "A client that asks its user for a certificate takes as long as that.");
}

static void list_waited(struct findings *f, const struct svc *s, const struct send_state *c)
{
	struct finding *x = finding_new(f, "expect-continue", "Clients wait for 100 Continue", s,
		&c->waited, "tsumari.http.held_body >= 200ms");

	finding_claims(x, s, ENTRY(REQUEST), CLASS(NONE));
	x->counted = "requests";
	x->of = s->transactions;
	say(&x->saw,
		"Of %C of %C requests the client held the body back, up to %T, as long as it waits "
		"for the server's 100 Continue before it sends it all the same.",
		x->count, x->of, proof_most(&c->waited));
	say(&x->means,
		"The client said Expect: 100-continue and the server did not answer it: each "
		"such request takes as much longer (curl waits a second).");
	say(&x->next,
		"The server, or a proxy before it, that ignores Expect; or the client without "
		"it (curl -H 'Expect:').");
	say(&x->against,
		"A client that is slow to make its body, and asks for a 100, looks the same.");
}

static void list_upload(struct findings *f, const struct svc *s, const struct send_state *c)
{
	struct finding *x = finding_new(f, "slow-upload", "Requests are sent slowly", s, &c->upload,
		c->messages < c->upload.count ? "tsumari.ledger.request > 200ms"
					      : "tsumari.turns.request > 200ms");

	finding_claims(x, s, ENTRY(REQUEST), CLASS(NONE));
	x->counted = c->messages ? "messages" : "requests";
	x->of = c->messages ? FIELD_ABSENT : s->transactions;
	say(&x->saw,
		"%C %S%1 (%B in all) took long to be sent: %T, stalls and closed windows not "
		"counted.",
		x->count, c->messages ? "message" : "request", x->count, c->bytes, x->local);
	say(&x->means, "The client, or its path to the server, does not send faster; the server "
		       "waits for the request and may hold a worker for it.");
	say(&x->next, "The client's rate (a limit, a slow disk, a mobile link)%S.",
		by_kind(s,
			"; a proxy that buffers requests (nginx: proxy_request_buffering) so that "
			"no worker waits",
			"; what is written in one statement", ""));
	say(&x->against, "A client that makes its request while it sends it takes its time.");
}

static void list(struct findings *f)
{
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		const struct send_state *c = svc_has(s, DETECTOR_SEND);

		if (c && c->tls.count)
			list_tls(f, s, c);
		if (c && c->waited.count >= 2)
			list_waited(f, s, c);
		if (c && c->upload.count)
			list_upload(f, s, c);
	}
}

const struct detector detect_send = {.service_size = sizeof(struct send_state),
	.kinds = OF_TXN | OF_SENT,
	.record = record,
	.list = list};
