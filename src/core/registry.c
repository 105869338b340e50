/*
 * registry.c - which dissectors there are, and who claims what.
 *
 * Linked-in dissectors leave a pointer each in the linker section tsm_dissectors, which the linker
 * gathers between __start_ and __stop_ symbols: adding a protocol changes no file but its own.
 * Claims become byte tables indexed by key, so that the chain of layers does one load a header.
 */
#include "core/registry.h"
#include "api/layer.h"
#include "core/prefix.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN 31u
#define BODIES_MAX   64u
#define SIZE_LEAST   offsetof(struct dissector, describe) /* of the first version */

_Static_assert(DISSECTORS_MAX < 256, "a claim is kept as one byte");

/* Weak: a program without any dissector (a unit test) links too. */
extern const struct dissector *const __start_tsm_dissectors[] __attribute__((weak));
extern const struct dissector *const __stop_tsm_dissectors[] __attribute__((weak));

struct complaint {
	char malformed[NAME_MAX_LEN + sizeof("malformed ")];
	char cut[NAME_MAX_LEN + sizeof("cut ")];
};

struct registry_chain registry_chain;
struct registry_fou registry_fou;

static const struct dissector *dissectors[DISSECTORS_MAX];
static struct complaint complaints[DISSECTORS_MAX];
static unsigned ndissectors;
static bool initialised;

/* Bodies by what they claim. */
static struct {
	struct claim claim;
	const struct dissector *dissector;
} bodies[BODIES_MAX];
static unsigned nbodies;

/* Applications by port: a number one above the dissector's place; 0: none. */
static uint8_t tcp_apps[REGISTRY_KEYS], udp_apps[REGISTRY_KEYS];

static bool name_is_good(const char *name)
{
	size_t n = name ? strlen(name) : 0;

	return n > 0 && n <= NAME_MAX_LEN &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == n;
}

static uint8_t *app_table(unsigned table)
{
	switch (table) {
	case TABLE_TCP_PORT:
		return tcp_apps;
	case TABLE_UDP_PORT:
		return udp_apps;
	default:
		return NULL;
	}
}

static bool claims_fit(const struct dissector *d)
{
	unsigned n = nbodies;

	for (const struct claim *c = d->claims; c && c->table != TABLE_END; c++)
		if (c->table == TABLE_RPC_PROGRAM
				? !d->body || n++ >= BODIES_MAX
				: c->table >= TABLE_COUNT || c->key >= REGISTRY_KEYS)
			return false;
	return true;
}

/* The first to claim a key keeps it. */
static void enter_claim(const struct dissector *d, const struct claim *c, uint8_t number)
{
	uint8_t *apps = app_table(c->table);

	if (c->table == TABLE_RPC_PROGRAM) {
		bodies[nbodies].claim = *c;
		bodies[nbodies++].dissector = d;
		return;
	}
	if (d->layer && !registry_chain.claimed[c->table][c->key]) {
		registry_chain.claimed[c->table][c->key] = number;
		if (c->table == TABLE_UDP_PORT)
			registry_chain.udp_ports |= UINT64_C(1) << c->key % 64;
		if (c->table == TABLE_IP_PROTO && c->key < 256)
			registry_chain.events[c->key] = registry_event(d) != NULL;
	}
	if (d->data && apps && !apps[c->key])
		apps[c->key] = number;
}

bool registry_add(const struct dissector *d, char *err, size_t errsize)
{
	struct complaint *complaint;
	uint8_t number;

	if (d->abi != TSM_ABI || d->size < SIZE_LEAST || d->size > sizeof(struct dissector) ||
		d->size % sizeof(void *)) {
		snprintf(err, errsize, "made for another version (ABI %u, size %u; here %u, %zu)",
			d->abi, d->size, TSM_ABI, sizeof(struct dissector));
		return false;
	}
	if (!name_is_good(d->name)) {
		snprintf(err, errsize, "its name is not 1 to %u of a-z 0-9 _ -", NAME_MAX_LEN);
		return false;
	}
	if (registry_find(d->name)) {
		snprintf(err, errsize, "there is already a dissector %s", d->name);
		return false;
	}
	if (ndissectors == DISSECTORS_MAX) {
		snprintf(err, errsize, "no room for %s: there are %d dissectors", d->name,
			DISSECTORS_MAX);
		return false;
	}
	if (!claims_fit(d)) {
		snprintf(err, errsize, "%s claims what no table holds", d->name);
		return false;
	}

	if (d->size > offsetof(struct dissector, prefix) && d->prefix && !prefix_add(d)) {
		snprintf(err, errsize, "no room for what %s puts in front of connections", d->name);
		return false;
	}

	complaint = &complaints[ndissectors];
	dissectors[ndissectors++] = d;
	number = (uint8_t)ndissectors;
	snprintf(complaint->malformed, sizeof(complaint->malformed), "malformed %s", d->name);
	snprintf(complaint->cut, sizeof(complaint->cut), "cut %s", d->name);
	registry_chain.layer[number] = d->layer;
	registry_chain.malformed[number] = complaint->malformed;
	registry_chain.cut[number] = complaint->cut;
	for (const struct claim *c = d->claims; c && c->table != TABLE_END; c++)
		enter_claim(d, c, number);
	return true;
}

void registry_decode_udp(uint16_t port, const struct dissector *d)
{
	uint8_t number = 0;

	for (unsigned i = 0; i < ndissectors; i++)
		if (dissectors[i] == d)
			number = (uint8_t)(i + 1);
	registry_chain.claimed[TABLE_UDP_PORT][port] = number;
	if (number)
		registry_chain.udp_ports |= UINT64_C(1) << port % 64;
}

bool registry_decode_fou(uint16_t port, uint8_t proto)
{
	if (registry_fou.n == REGISTRY_FOU)
		return false;
	registry_fou.port[registry_fou.n].port = port;
	registry_fou.port[registry_fou.n++].proto = proto;
	registry_chain.udp_ports |= UINT64_C(1) << port % 64;
	return true;
}

/* Do the layers that fastpath.h stands for read what it reads? */
static bool is_plain(void)
{
	static const struct {
		struct claim claim;
		const char *name;
	} layers[] = {
		{{TABLE_LINKTYPE, 1}, "eth"},
		{{TABLE_ETHERTYPE, ETHERTYPE_VLAN}, "vlan"},
		{{TABLE_ETHERTYPE, ETHERTYPE_IPV4}, "ip"},
		{{TABLE_IP_PROTO, IP_PROTO_TCP}, "tcp"},
		{{TABLE_IP_PROTO, IP_PROTO_UDP}, "udp"},
	};

	for (unsigned i = 0; i < sizeof(layers) / sizeof(layers[0]); i++) {
		const struct dissector *d =
			registry_layer(layers[i].claim.table, layers[i].claim.key);

		if (!d || strcmp(d->name, layers[i].name) != 0)
			return false;
	}
	return true;
}

static int by_name(const void *a, const void *b)
{
	const struct dissector *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

void registry_init(void)
{
	const struct dissector *linked[DISSECTORS_MAX];
	char err[128];
	unsigned n = 0;

	if (initialised)
		return;
	initialised = true;
	for (const struct dissector *const *d = __start_tsm_dissectors; d < __stop_tsm_dissectors;
		d++)
		if (n < DISSECTORS_MAX)
			linked[n++] = *d;
	/* The linker's order is the compiler's choice, too. */
	qsort(linked, n, sizeof(linked[0]), by_name);
	for (unsigned i = 0; i < n; i++) {
		if (!registry_add(linked[i], err, sizeof(err))) {
			fprintf(stderr, "dissector: %s\n", err);
			abort();
		}
	}
	registry_chain.plain = is_plain();
}

unsigned registry_count(void)
{
	return ndissectors;
}

const struct dissector *registry_get(unsigned i)
{
	return i < ndissectors ? dissectors[i] : NULL;
}

const struct dissector *registry_find(const char *name)
{
	for (unsigned i = 0; i < ndissectors; i++)
		if (strcmp(dissectors[i]->name, name) == 0)
			return dissectors[i];
	return NULL;
}

registry_describe_fn *registry_describe(const struct dissector *d)
{
	return d->size > offsetof(struct dissector, describe) ? d->describe : NULL;
}

tsm_sync *registry_sync(const struct dissector *d)
{
	return d->size > offsetof(struct dissector, sync) ? d->sync : NULL;
}

const struct tsm_event_kind *registry_event(const struct dissector *d)
{
	return d && d->size > offsetof(struct dissector, event) ? d->event : NULL;
}

const struct tsm_facts *registry_facts(const struct dissector *d)
{
	return d && d->size > offsetof(struct dissector, facts) ? d->facts : NULL;
}

const struct tsm_model *registry_model(const struct dissector *d)
{
	static const struct tsm_model nothing;

	return d && d->size > offsetof(struct dissector, model) && d->model ? d->model : &nothing;
}

const struct dissector *registry_layer(unsigned table, uint32_t key)
{
	unsigned number = table < TABLE_COUNT ? registry_claimed(table, key) : 0;

	return number ? dissectors[number - 1] : NULL;
}

const struct dissector *registry_app_port(unsigned table, uint16_t port)
{
	const uint8_t *apps = app_table(table);

	return apps && apps[port] ? dissectors[apps[port] - 1] : NULL;
}

bool registry_server_first(uint16_t port)
{
	const struct dissector *d = registry_app_port(TABLE_TCP_PORT, port);

	return d && d->traits & TRAIT_SERVER_FIRST;
}

const struct dissector *registry_body(unsigned table, uint32_t key)
{
	for (unsigned i = 0; i < nbodies; i++)
		if (bodies[i].claim.table == table && bodies[i].claim.key == key)
			return bodies[i].dissector;
	return NULL;
}
