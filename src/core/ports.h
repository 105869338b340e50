/*
 * ports.h - ports that port mappers named (RFC 1833): what runs there is RPC.
 *
 * For the thread that reads the capture: what was learned up to a frame counts for the frames
 * behind it, the same for any number of workers. Only answers that were asked for teach. Bounded:
 * 256 calls that wait for their answer, 1,024 ports; the oldest give way.
 */
#ifndef TSUMARI_CORE_PORTS_H
#define TSUMARI_CORE_PORTS_H

#include "api/packet.h"

struct ports;

struct ports *ports_new(void);
void ports_free(struct ports *p);

/* Learns from a packet of a port mapper, and marks any packet (packet.taught) whose port was named.
 */
void ports_packet(struct ports *p, struct packet *k);

#endif
