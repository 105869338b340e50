/* findings.c - see findings.h: services, detectors, the ranked list. */
#include "findings/find_impl.h"
#include "api/layer.h"
#include "base/mem.h"
#include "model/tally.h"
#include <stdlib.h>

#define ALL_TABLES                                                                                 \
	(UINT64_C(32) << 20) /* of memory, from which on tables are as large as they get */

const char *const severity_names[] = {"info", "warning", "critical"};

#define THRESHOLD_KIND(id, name, unit, value, help) {name, THRESHOLD_##unit, value, help},
const struct threshold_kind threshold_kinds[THRESHOLD_COUNT] = {THRESHOLDS(THRESHOLD_KIND)};

static const struct detector *const detectors[DETECTOR_COUNT] = {
	[DETECTOR_CAPTURE] = &detect_capture,
	[DETECTOR_BLOAT] = &detect_bloat,
	[DETECTOR_CONNECT] = &detect_connect,
	[DETECTOR_SCAN] = &detect_scan,
	[DETECTOR_ATTEMPT] = &detect_attempt,
	[DETECTOR_PATH] = &detect_path,
	[DETECTOR_CLOSE] = &detect_close,
	[DETECTOR_SERVER] = &detect_server,
	[DETECTOR_QUEUE] = &detect_queue,
	[DETECTOR_LOAD] = &detect_load,
	[DETECTOR_RUNS] = &detect_runs,
	[DETECTOR_MYSQL] = &detect_mysql,
	[DETECTOR_PGSQL] = &detect_pgsql,
	[DETECTOR_NFS] = &detect_nfs,
	[DETECTOR_SMTP] = &detect_smtp,
	[DETECTOR_DNS] = &detect_dns,
	[DETECTOR_GREETING] = &detect_greeting,
	[DETECTOR_FAR] = &detect_far,
	[DETECTOR_RATE] = &detect_rate,
	[DETECTOR_SEND] = &detect_send,
	[DETECTOR_CHECKS] = &detect_checks,
	[DETECTOR_UNANSWERED] = &detect_unanswered,
	[DETECTOR_VRRP] = &detect_vrrp,
	[DETECTOR_FLOOD] = &detect_flood,
	[DETECTOR_SILENT] = &detect_silent,
	[DETECTOR_PROXY] = &detect_proxy,
	[DETECTOR_POLICE] = &detect_police,
	[DETECTOR_WORKERS] = &detect_workers,
};

void thresholds_defaults(struct thresholds *t)
{
	for (int i = 0; i < THRESHOLD_COUNT; i++)
		t->v[i] = threshold_kinds[i].value;
}

uint32_t findings_room(const struct findings *f, uint32_t most)
{
	uint64_t n = f->memory / (ALL_TABLES / most), least = most / 8;

	return !f->memory || n > most ? most : n < least ? (uint32_t)least : (uint32_t)n;
}

static uint32_t services_within(uint64_t memory)
{
	size_t one = sizeof(struct svc_key) + sizeof(struct svc);
	uint64_t n;

	for (int i = 0; i < DETECTOR_COUNT; i++)
		one += detectors[i]->service_size;
	n = memory / 16 / one;
	return !memory || n > SVC_MAX ? SVC_MAX : n < SVC_LEAST ? SVC_LEAST : (uint32_t)n;
}

struct findings *findings_new(const struct thresholds *t, uint64_t memory)
{
	struct findings *f = xcalloc(1, sizeof(*f));
	unsigned n[LOOKS] = {0};

	f->memory = memory;
	if (t)
		f->limit = *t;
	else
		thresholds_defaults(&f->limit);
	f->services =
		keyed_new(sizeof(struct svc_key), sizeof(struct svc), services_within(memory));
	for (int i = 0; i < DETECTOR_COUNT; i++) {
		if (detectors[i]->size)
			f->state[i] = xcalloc(1, detectors[i]->size);
		for (int k = 0; k < LOOKS && detectors[i]->record; k++)
			if (!detectors[i]->kinds || detectors[i]->kinds >> k & 1)
				f->looks[k][n[k]++] = detectors[i]->record;
	}
	return f;
}

struct svc *svc_at(const struct findings *f, uint32_t i)
{
	return i < keyed_count(f->services) ? keyed_value(f->services, i) : NULL;
}

void *svc_state(struct svc *s, enum detector_place place)
{
	if (!s->state[place])
		s->state[place] = xcalloc(1, detectors[place]->service_size);
	return s->state[place];
}

static void finding_release(struct finding *x)
{
	text_release(&x->filter);
	text_release(&x->bpf);
	text_release(&x->saw);
	text_release(&x->means);
	text_release(&x->next);
	text_release(&x->against);
}

static void list_clear(struct findings *f)
{
	while (f->nlist)
		finding_release(&f->list[--f->nlist]);
}

void findings_tiers(struct findings *f, struct tiers *t)
{
	f->tiers = t;
}

void findings_free(struct findings *f)
{
	struct svc *s;

	if (!f)
		return;
	list_clear(f);
	for (uint32_t i = 0; (s = svc_at(f, i)); i++)
		for (int k = 0; k < DETECTOR_COUNT; k++) {
			if (s->state[k] && detectors[k]->release_service)
				detectors[k]->release_service(s->state[k]);
			free(s->state[k]);
		}
	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		account_free(&s->cells);
		free(s->idler);
	}
	account_free(&f->others);
	free(f->busy);
	free(f->lines);
	for (int i = 0; i < DETECTOR_COUNT; i++) {
		if (f->state[i] && detectors[i]->release)
			detectors[i]->release(f->state[i]);
		free(f->state[i]);
	}
	keyed_free(f->services);
	free(f->list);
	free(f->record);
	free(f);
}

static struct svc_key key_of(const struct record *r)
{
	struct svc_key key;

	memset(&key, 0, sizeof(key));
	key.ip = r->server.ip;
	key.port = r->server.port;
	key.transport = r->transport;
	key.ip_version = r->ip_version;
	key.vlan = r->vlan;
	key.inner_vlan = r->inner_vlan;
	key.tunnel = r->tunnel;
	return key;
}

struct svc *svc_of(struct findings *f, const struct record *r)
{
	struct svc_key key = key_of(r);
	struct svc *s;

	if (r->kind == RECORD_EVENT || !r->has_ports)
		return NULL;
	s = keyed_get(f->services, &key);
	if (s && !s->key.transport)
		s->key = key;
	return s;
}

bool has_detector(struct findings *f, const char *protocol)
{
	if (f->asked_of == protocol)
		return f->has_detector;
	f->asked_of = protocol;
	f->has_detector = false;
	for (unsigned i = 0; i < DETECTOR_COUNT; i++)
		if (detectors[i]->protocol && strcmp(detectors[i]->protocol, protocol) == 0)
			f->has_detector = true;
	return f->has_detector;
}

uint64_t unacked_time(const struct flow_record *r, int side)
{
	const struct flow_trouble_record *s = &r->trouble[side];

	return s->stuck >= 2 && s->stuck_time >= 2 * (uint64_t)SECOND &&
			       !(r->r.quality & 1u << QUALITY_ONE_WAY)
		       ? (s->waited ? s->waited : s->stuck_time)
		       : 0;
}

bool turns_count(const struct flow_record *r)
{
	return !app_read(r->app);
}

uint64_t turn_network(const struct flow_record *r)
{
	uint64_t ns =
		r->rtt_server != FIELD_ABSENT && turns_count(r) ? r->turns * r->rtt_server : 0;

	return ns < r->turn_wait ? ns : r->turn_wait;
}

uint64_t turn_server(const struct flow_record *r)
{
	return r->turn_wait - turn_network(r);
}

uint64_t own_waiting(const struct txn_record *t)
{
	return t->total == FIELD_ABSENT
		       ? 0
		       : t->ledger[LEDGER_REQUEST] + t->ledger[LEDGER_QUEUED] +
				 t->ledger[LEDGER_RETRY] + t->ledger[LEDGER_NETWORK] +
				 t->ledger[LEDGER_SERVER] + t->ledger[LEDGER_RESPONSE];
}

static void add_flow(struct findings *f, struct svc *s, const struct flow_record *flow, uint64_t by)
{
	const struct record *r = &flow->r;

	f->tcp_flows += flow->tcp_state ? by : 0;
	if (!s)
		return;
	s->flows += by;
	s->established += flow->handshake != FIELD_ABSENT ? by : 0;
	if (flow->tcp_state) {
		s->packets[SIDE_CLIENT] += r->client.packets * by;
		s->packets[SIDE_SERVER] += r->server.packets * by;
	}
}

static void add_txn(struct findings *f, struct svc *s, const struct txn_record *t, uint64_t by)
{
	f->transactions += by;
	if (!s)
		return;
	s->transactions += by;
	s->unknown += txn_unknown(t) ? by : 0;
	s->protocol = t->r.type;
	if (!s->kind || !app_encrypted(t->r.dissector)) /* a tunnel's proxy is still one */
		s->kind = (uint8_t)record_model(&t->r)->kind;
}

/* by: 1 adds, -1 takes out; sums are those of two's complement. */
static void add(struct findings *f, struct svc *s, const struct record *r, uint64_t by)
{
	if (is_flow_end(r))
		add_flow(f, s, (const void *)r, by);
	else if (r->kind == RECORD_TXN && !r->composite)
		add_txn(f, s, (const void *)r, by);
}

static unsigned look_of(const struct record *r)
{
	return r->kind == RECORD_FLOW && r->transport != IP_PROTO_TCP ? LOOK_DATAGRAMS : r->kind;
}

void findings_record(struct findings *f, const struct record *r)
{
	struct svc *s;

	if (r->kind == RECORD_FLOW && !is_flow_end(r))
		return; /* its last record says it all */
	s = svc_of(f, r);
	add(f, s, r, 1);
	f->claimed = f->stalls = CLASS_NONE;
	f->kind_is_known = false;
	for (detector_record *const *look = f->looks[look_of(r)]; *look; look++)
		(*look)(f, s, r);
	busy_record(f, s, r);
	account_record(f, s, r);
}

void findings_take_out(struct findings *f, const struct record *r, uint64_t name)
{
	struct svc_key key = key_of(r);
	struct svc *s = keyed_find(f->services, &key);

	add(f, s, r, UINT64_MAX);
	f->name = name;
	account_forget(f, s, r);
	for (int i = 0; s && i < DETECTOR_COUNT; i++)
		if (detectors[i]->take_out)
			detectors[i]->take_out(f, s, r);
}

/* The service as a display filter, with a condition. */
static void filter_of(struct text *t, const struct svc *s, const char *condition)
{
	if (s) {
		say(t, "server.ip == %I and ", &s->key.ip);
		text_printf(t, "server.port == %u", s->key.port);
	}
	if (!condition)
		return;
	if (s)
		text_str(t, strstr(condition, " or ") ? " and (" : " and ");
	text_str(t, condition);
	if (s && strstr(condition, " or "))
		text_char(t, ')');
}

void say_bpf(struct text *t, const struct svc *s)
{
	if (!s || s->key.tunnel)
		return;
	if (s->key.vlan)
		text_str(t, "vlan and ");
	if (s->key.inner_vlan)
		text_str(t, "vlan and ");
	say(t, "host %I", &s->key.ip);
	if (s->key.transport == IP_PROTO_TCP || s->key.transport == IP_PROTO_UDP)
		text_printf(t, " and %s port %u", s->key.transport == IP_PROTO_TCP ? "tcp" : "udp",
			s->key.port);
}

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void take_proof(struct finding *x, const struct proof *t)
{
	unsigned most = 0;

	x->local = t->cost;
	x->count = t->count;
	x->longest = proof_most(t);
	x->first = t->first;
	x->last = t->last;
	if (!t->many)
		x->client = t->client;
	for (unsigned i = 1; i < PROOF_BUCKETS; i++)
		if (t->bucket[i] > t->bucket[most])
			most = i;
	x->peak = t->origin + most * t->width;
	x->nframes = t->nbest;
	for (unsigned i = 0; i < t->nbest; i++)
		x->frames[i] = t->best[i].frame;
	qsort(x->frames, x->nframes, sizeof(x->frames[0]), by_number);
}

void finding_at_least(struct finding *x, enum severity s)
{
	if (x->least < s)
		x->least = s;
}

void finding_at_most(struct finding *x, enum severity s)
{
	if (x->most > s)
		x->most = s;
}

bool reaches(uint64_t part, uint64_t whole, uint64_t permille)
{
	return whole && (double)part * 1000 >= (double)whole * (double)permille;
}

#define FEW    10u          /* times; that many are no chance, however short each is */
#define SLIGHT (SECOND / 2) /* nobody is kept waiting by a few that are shorter */

/* By its share of what was felt, and by how much that is: where little was waited for the share of
   a few short waits is large. */
static enum severity severity_of(const struct findings *f, const struct finding *x)
{
	bool few = x->count < FEW && x->longest < SECOND && x->cost < 2 * (uint64_t)SECOND;
	bool rare = x->of == FIELD_ABSENT ? x->cost < SLIGHT
					  : x->count * 2 <= FEW && x->count * FEW < x->of;

	if (x->cost < f->limit.v[THRESHOLD_LEAST] ||
		!reaches(x->cost, f->felt, f->limit.v[THRESHOLD_SHARE]) ||
		(x->may_be_slight && few && rare && x->longest < SLIGHT))
		return SEVERITY_INFO;
	return !few && reaches(x->cost, f->felt, f->limit.v[THRESHOLD_CRITICAL]) ? SEVERITY_CRITICAL
										 : SEVERITY_WARNING;
}

struct finding *finding_new(struct findings *f, const char *id, const char *title,
	const struct svc *s, const struct proof *t, const char *condition)
{
	struct finding *x;

	if (f->nlist == f->room) {
		f->room = f->room ? f->room * 2 : 64;
		f->list = xrealloc(f->list, f->room * sizeof(*f->list));
	}
	x = &f->list[f->nlist++];
	memset(x, 0, sizeof(*x));
	x->id = id;
	x->title = title;
	x->counted = "connections";
	x->waiting = f->felt;
	text_init_growing(&x->filter);
	text_init_growing(&x->bpf);
	text_init_growing(&x->saw);
	text_init_growing(&x->means);
	text_init_growing(&x->next);
	text_init_growing(&x->against);
	if (s) {
		x->server = s->key.ip;
		x->port = s->key.port;
		x->transport = s->key.transport;
		x->ip_version = s->key.ip_version;
		x->protocol = s->protocol;
	}
	take_proof(x, t);
	x->most = SEVERITY_CRITICAL;
	finding_claims(x, s, ALL_ENTRIES, UINT32_MAX); /* unless it knows better */
	filter_of(&x->filter, s, condition);
	say_bpf(&x->bpf, s);
	return x;
}

/* The order of the report but for parts, which follow what they are a part of. */
static int compare(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;
	int c;

	if (x->of_capture != y->of_capture)
		return x->of_capture ? -1 : 1;
	if (!x->part_of != !y->part_of)
		return x->part_of ? 1 : -1;
	if (x->severity != y->severity)
		return x->severity > y->severity ? -1 : 1;
	if (x->cost != y->cost)
		return x->cost > y->cost ? -1 : 1;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	c = strcmp(x->id, y->id);
	if (c)
		return c;
	c = memcmp(&x->server, &y->server, sizeof(x->server));
	if (c)
		return c;
	if (x->port != y->port)
		return x->port < y->port ? -1 : 1;
	return strcmp(x->filter.p, y->filter.p);
}

static bool is_part_of(const struct finding *x, const struct finding *of)
{
	return !of->part_of && strcmp(x->part_of, of->id) == 0;
}

/* The place of what it is a part of: of the same server, or the first there is. */
static unsigned whole_of(const struct finding *list, unsigned n, const struct finding *x)
{
	unsigned first = n;

	for (unsigned i = 0; i < n; i++) {
		if (!is_part_of(x, &list[i]))
			continue;
		if (list[i].port == x->port &&
			memcmp(&list[i].server, &x->server, sizeof(x->server)) == 0)
			return i;
		first = first < n ? first : i;
	}
	return first;
}

static void rank(struct findings *f)
{
	struct finding *sorted;
	unsigned wholes = 0, n = 0;

	if (!f->nlist)
		return;
	qsort(f->list, f->nlist, sizeof(*f->list), compare);
	sorted = xmalloc(f->nlist * sizeof(*sorted));
	while (wholes < f->nlist && !f->list[wholes].part_of)
		wholes++;
	for (unsigned i = 0; i <= wholes; i++) {
		if (i < wholes)
			sorted[n++] = f->list[i];
		for (unsigned k = wholes; k < f->nlist; k++)
			if (whole_of(f->list, wholes, &f->list[k]) == i)
				sorted[n++] = f->list[k];
	}
	memcpy(f->list, sorted, n * sizeof(*sorted));
	free(sorted);
}

/* Where a cause explains most of a service's slow answers it stands for them, not they for it. */
static void explain_slow(struct findings *f)
{
	for (unsigned i = 0; i < f->nlist; i++) {
		struct finding *x = &f->list[i], *slow = NULL;

		if (!x->part_of || strcmp(x->part_of, "slow-server") != 0)
			continue;
		for (unsigned k = 0; k < f->nlist && !slow; k++)
			if (strcmp(f->list[k].id, "slow-server") == 0 &&
				f->list[k].port == x->port &&
				memcmp(&f->list[k].server, &x->server, sizeof(x->server)) == 0)
				slow = &f->list[k];
		/* Where all are taken nothing is usual. */
		if (slow && slow->usual)
			slow->most = SEVERITY_CRITICAL;
		if (slow && !slow->part_of && !x->stands && slow->local > x->local + x->local / 4)
			continue;
		x->part_of = NULL;
		if (slow)
			slow->part_of = x->id;
	}
}

/* What is no alarm has no part that is one. */
static void no_more_than_whole(const struct findings *f, struct finding *x)
{
	enum severity most = SEVERITY_INFO;
	bool found = false;

	for (unsigned i = 0; x->part_of && i < f->nlist; i++) {
		const struct finding *y = &f->list[i];

		if (y == x || strcmp(y->id, x->part_of) != 0)
			continue;
		found = true;
		most = y->severity > most ? y->severity : most;
	}
	if (found && x->severity > most)
		x->severity = most;
}

/* What each costs those in front: first of the whole ones, which leave nothing to each other. */
static void work_out(struct findings *f)
{
	for (int whole = 1; whole >= 0; whole--)
		for (unsigned i = 0; i < f->nlist; i++)
			if ((f->list[i].part_of == NULL) == (whole == 1))
				account_cost(f, &f->list[i], whole);
	for (unsigned i = 0; i < f->nlist; i++) {
		struct finding *x = &f->list[i];

		if (x->part_of)
			x->cost = x->local;
		x->severity = severity_of(f, x);
		if (x->severity < x->least &&
			(!x->if_felt ||
				(x->cost >= f->limit.v[THRESHOLD_LEAST] &&
					reaches(x->cost, f->felt, f->limit.v[THRESHOLD_SHARE]))))
			x->severity = x->least;
		x->severity = x->severity > x->most ? x->most : x->severity;
	}
	/* Parts of parts, too. */
	for (unsigned i = 0; i < 2 * f->nlist; i++)
		no_more_than_whole(f, &f->list[i % f->nlist]);
}

unsigned findings_list(
	struct findings *f, const struct capture_stats *capture, const struct finding **list)
{
	list_clear(f);
	f->capture = capture;
	f->more = 0;
	busy_begin(f);
	for (int i = 0; i < DETECTOR_COUNT; i++)
		if (detectors[i]->prepare)
			detectors[i]->prepare(f);
	account_begin(f);
	for (int i = 0; i < DETECTOR_COUNT; i++)
		detectors[i]->list(f);
	f->capture = NULL;
	explain_slow(f);
	path_join(f);
	find_behind(f);
	work_out(f);
	rank(f);
	account_end(f);
	*list = f->list;
	return f->nlist;
}

void findings_counters(const struct findings *f, struct counters *c)
{
	if (keyed_refused(f->services))
		counters_add(c, "findings: records of too many services, not looked at",
			keyed_refused(f->services));
	for (int i = 0; i < DETECTOR_COUNT; i++)
		for (int k = 0; k < 2 && detectors[i]->table[k].full; k++) {
			struct keyed *t;

			memcpy(&t, (const char *)f->state[i] + detectors[i]->table[k].at,
				sizeof(t));
			if (t && keyed_refused(t))
				counters_add(c, detectors[i]->table[k].full, keyed_refused(t));
		}
	for (int i = 0; i < DETECTOR_COUNT; i++)
		if (detectors[i]->counters)
			detectors[i]->counters(f->state[i], c);
}

static const struct finding *worst(const struct finding *list, unsigned n, bool of_capture)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i].of_capture == of_capture && list[i].severity > SEVERITY_INFO)
			return &list[i];
	return NULL;
}

static void blame(struct text *t, const struct finding *x)
{
	text_str(t, x->title);
	if (!addr_is_zero(&x->server)) {
		text_str(t, " at ");
		if (x->port)
			text_endpoint(t, &x->server, x->port);
		else
			text_addr(t, &x->server);
	}
}

/* Of waiting that is long, without an alarm. */
static void say_most(const struct findings *f, struct text *out)
{
	const struct account_line *l = f->lines;

	say(out, "%T of waiting%S, up to %T at once, and no alarm: most of it is ", f->felt,
		f->at_least ? " so far" : "", f->longest);
	text_str(out, l->finding ? l->finding->title : entry_words[l->entry]);
	if (!addr_is_zero(&l->server)) {
		text_str(out, " at ");
		text_endpoint(out, &l->server, l->port);
	}
	say(out, ", %S%T, %P.", l->at_least ? "at least " : "", l->cost, l->cost, f->felt);
}

void findings_verdict(
	const struct findings *f, const struct finding *list, unsigned n, struct text *out)
{
	const struct finding *x = worst(list, n, false), *own = worst(list, n, true);

	if (x) {
		blame(out, x);
		text_str(out, ": ");
		if (x->cost)
			say(out, "%S%T, %P of all waiting, ", x->at_least ? "at least " : "",
				x->cost, x->cost, f->felt);
		text_counts(out, x->count, x->of, x->counted);
		text_str(out, ". ");
		text_put(out, x->means.p, x->means.len);
	} else if (f->felt && f->longest >= f->limit.v[THRESHOLD_SLOW]) {
		say_most(f, out);
	} else if (f->felt) {
		say(out, "No bottleneck stands out in %T of waiting%S.", f->felt,
			f->at_least ? " so far" : "");
	} else {
		text_str(out, "Nothing in the capture waited for an answer.");
	}
	if (own)
		say(out, " Mind the capture itself: %S.", own->title);
}
