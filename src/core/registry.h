/*
 * registry.h - which dissectors there are, and who claims what.
 *
 * Filled once at start (the linked-in ones, then plugins), read-only afterwards, so every thread
 * may look things up. Order of registration decides between two that claim the same.
 */
#ifndef TSUMARI_CORE_REGISTRY_H
#define TSUMARI_CORE_REGISTRY_H

#include "api/dissector.h"

#define DISSECTORS_MAX 128

/* Registers all dissectors that are linked in. May be called again (does nothing then). */
void registry_init(void);

/*
 * Adds one. False, with one line in err, where its ABI or size does not fit, its name is taken or
 * there are too many.
 */
bool registry_add(const struct dissector *d, char *err, size_t errsize);

unsigned registry_count(void);
const struct dissector *registry_get(unsigned i);        /* in order of registration */
const struct dissector *registry_find(const char *name); /* by name, or NULL */

/* Its describe(), or NULL: of one that was compiled before there was such a thing, too. */
typedef void registry_describe_fn(
	struct show *out, const struct packet *p, enum side side, struct view v);
registry_describe_fn *registry_describe(const struct dissector *d);
/* The events that it tells, likewise; NULL: none. */
const struct tsm_event_kind *registry_event(const struct dissector *d);
const struct tsm_facts *registry_facts(const struct dissector *d); /* what it learns, likewise */
tsm_sync *registry_sync(const struct dissector *d);                /* its sync(), likewise */
/* What the report must know of it, with nothing in it where it says nothing; d may be NULL. */
const struct tsm_model *registry_model(const struct dissector *d);

/* The layer that claims (table, key), or NULL. */
const struct dissector *registry_layer(unsigned table, uint32_t key);

/*
 * What layers.c reads for every header: the claims of all layers as small numbers (0: none), and by
 * that number the function and the names under which its bad headers are counted. Written only by
 * registry_add().
 */
#define REGISTRY_KEYS 65536u

struct registry_chain {
	bool events[256];   /* by IP protocol: its layer tells events */
	bool plain;         /* Ethernet, VLAN, IPv4, TCP and UDP are read by our own layers */
	uint64_t udp_ports; /* bit (port mod 64) for each port that a layer claims */
	void (*layer[DISSECTORS_MAX + 1])(struct packet *p, struct view *v, struct next *next);
	const char *malformed[DISSECTORS_MAX + 1]; /* "malformed NAME" */
	const char *cut[DISSECTORS_MAX + 1];       /* "cut NAME" */
	uint8_t claimed[TABLE_COUNT][REGISTRY_KEYS];
};

extern struct registry_chain registry_chain;

/* IP protocols that follow UDP without a header between (Foo over UDP), by port: as the user says.
 */
#define REGISTRY_FOU 16u
struct registry_fou {
	unsigned n;
	struct {
		uint16_t port;
		uint8_t proto;
	} port[REGISTRY_FOU];
};
extern struct registry_fou registry_fou;

/* Before any frame is read: the layer of a UDP port; NULL: it is none's. */
void registry_decode_udp(uint16_t port, const struct dissector *d);
/* The same for Foo over UDP. False: there are REGISTRY_FOU of them. */
bool registry_decode_fou(uint16_t port, uint8_t proto);

static inline unsigned registry_claimed(unsigned table, uint32_t key)
{
	return key < REGISTRY_KEYS ? registry_chain.claimed[table][key] : 0;
}

/* False: no layer claims one of these UDP ports. */
static inline bool registry_maybe_tunnel(uint16_t sport, uint16_t dport)
{
	uint64_t ports = registry_chain.udp_ports;
	const uint8_t *claimed = registry_chain.claimed[TABLE_UDP_PORT];

	return (ports >> sport % 64 | ports >> dport % 64) & 1 &&
	       (claimed[sport] | claimed[dport] || registry_fou.n);
}

/* The application that claims a port as a hint, or NULL. */
const struct dissector *registry_app_port(unsigned table, uint16_t port);

/* Does who claims this TCP port as a hint say that its server speaks first? */
bool registry_server_first(uint16_t port);

/* Who reads the body that (table, key) names; NULL: nobody. */
const struct dissector *registry_body(unsigned table, uint32_t key);

#endif
