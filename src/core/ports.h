/*
 * ports.h - ports that other packets named as a server's (api/facts.h).
 *
 * For the thread that reads the capture: what was learned up to a frame counts for the frames
 * behind it, the same for any number of workers. Bounded: 1,024 ports, the oldest give way.
 */
#ifndef TSUMARI_CORE_PORTS_H
#define TSUMARI_CORE_PORTS_H

#include "api/packet.h"

struct ports;

struct ports *ports_new(void);
void ports_free(struct ports *p);

/* Shows a packet to the dissectors that learn from it, and marks any (packet.taught) whose port was
   named. */
void ports_packet(struct ports *p, struct packet *k);

#endif
