/*
 * find_flood.c - connection requests whose senders never end the handshake.
 */
#include "findings/find_impl.h"

#define SOURCES 1024u /* bits that count them */

struct flood_state {
	struct proof half_open;
	uint8_t sources[SOURCES / 8];
};

static void add_source(struct flood_state *c, const struct addr *a)
{
	uint32_t h = 2166136261u;

	for (unsigned i = 0; i < 16; i++)
		h = (h ^ a->b[i]) * 16777619u;
	h = (h ^ h >> 15) % SOURCES;
	c->sources[h / 8] |= (uint8_t)(1u << h % 8);
}

/* At least so many sources: bits that are set. */
static uint64_t source_count(const struct flood_state *c)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < SOURCES; i++)
		n += c->sources[i / 8] >> i % 8 & 1;
	return n;
}

static bool half_open(const struct flow_record *r)
{
	return strncmp(r->tcp_state, "syn_", 4) == 0 && !r->syn_retries && !r->icmp_errors;
}

static void record(struct findings *f, struct svc *s, const struct record *rec)
{
	const struct flow_record *r = (const void *)rec;
	struct flood_state *c;

	(void)f;
	if (!s || rec->kind != RECORD_FLOW || !r->tcp_state || !half_open(r))
		return;
	c = svc_state(s, DETECTOR_FLOOD);
	proof_add(&c->half_open, rec->start, 0, rec->flow_id);
	add_source(c, &rec->client.ip);
}

static void list_flood(struct findings *f, const struct svc *s, const struct flood_state *c)
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
	const struct flood_state *c;
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++)
		if ((c = svc_has(s, DETECTOR_FLOOD)))
			list_flood(f, s, c);
}

const struct detector detect_flood = {.service_size = sizeof(struct flood_state),
	.kinds = OF_TCP,
	.record = record,
	.list = list};
