/*
 * facts.h - what packets of a service teach about others: a port mapper names the port that a
 * server listens on.
 *
 * packet() of struct tsm_facts gets each packet of its ports, with payload, in the order of the
 * capture, on the thread that reads it: before any packet behind it is given to a shard, so that
 * what is learned is the same for any number of workers. It must be quick and read nothing but the
 * packet. A TCP segment comes as it was captured: a message that lies in several is not put
 * together.
 */
#ifndef TSUMARI_FACTS_H
#define TSUMARI_FACTS_H

#include "dissector.h"

struct facts; /* what is known; the engine's */

struct tsm_facts {
	const uint16_t *ports; /* of its server, TCP and UDP; 0 ends them */
	uint32_t state_size;   /* bytes, zeroed, for the whole capture */
	void (*packet)(struct facts *f, void *state, const struct packet *p);
};

/* A server listens on this port of IP_PROTO_TCP or IP_PROTO_UDP, whoever claims it: it is the
   server of what is sent there, and its packets are given to dissectors from the next one on. */
void tsm_fact_server(struct facts *f, const struct addr *server, uint64_t port, uint64_t ip_proto);

#endif
