/*
 * facts.h - facts that packets of one service tell about others: a port mapper names the port that
 * a server listens on.
 *
 * packet() of struct tsm_facts gets each packet of its ports, with payload, in the order of the
 * capture, on the reader thread, before any later packet goes to a shard. So the facts are the same
 * for any number of workers. It must be quick and read nothing but the packet. A TCP segment is
 * passed as it was captured: messages that span several segments are not reassembled.
 */
#ifndef TSUMARI_FACTS_H
#define TSUMARI_FACTS_H

#include "dissector.h"

struct facts; /* the engine's table of facts */

struct tsm_facts {
	const uint16_t *ports; /* of its server, TCP and UDP; 0 ends them */
	uint32_t state_size;   /* bytes, zeroed, for the whole capture */
	void (*packet)(struct facts *f, void *state, const struct packet *p);
};

/* A server listens on this port of IP_PROTO_TCP or IP_PROTO_UDP, whatever dissector claims it: in
   flows to the port it is the server, and dissectors get their packets from the next one on. */
void tsm_fact_server(struct facts *f, const struct addr *server, uint64_t port, uint64_t ip_proto);

#endif
