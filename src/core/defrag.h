/*
 * defrag.h - IP fragments become datagrams again (RFC 791, 3.2; RFC 8200, 4.5; RFC 5722).
 *
 * A datagram is whole only when every byte from 0 to the last fragment's end is there; the first
 * bytes seen win where fragments overlap in IPv4, an IPv6 datagram with overlaps is dropped.
 * Budget, number and age are bounded; what is given up is counted.
 */
#ifndef TSUMARI_CORE_DEFRAG_H
#define TSUMARI_CORE_DEFRAG_H

#include "api/packet.h"
#include "core/stats.h"

struct defrag;

struct defrag *defrag_new(uint64_t budget); /* bytes */
void defrag_free(struct defrag *d);

/*
 * Takes a packet with PACKET_FRAGMENT. True where it completed its datagram: p then is the whole
 * packet, its layers read to the end, and p->owned holds the bytes (to be freed by whoever is last
 * to use the packet).
 */
bool defrag_packet(struct defrag *d, struct packet *p, struct counters *c);

#endif
