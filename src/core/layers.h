/*
 * layers.h - the chain: header after header off the front of a frame.
 */
#ifndef TSUMARI_CORE_LAYERS_H
#define TSUMARI_CORE_LAYERS_H

#include "api/dissector.h"
#include "core/stats.h"

#define LAYERS_MAX 24 /* headers in one frame; deeper nesting is counted and left alone */

/*
 * Reads the layers of p->data, beginning with p->linktype, and fills the packet. What could not be
 * read is counted in c by name: "malformed NAME", "cut NAME" (snap length), "unknown link type N",
 * "too many layers".
 */
void layers_dissect(struct packet *p, struct counters *c);

/* The same without the shorter way that there is for plain frames (fastpath.h). */
void layers_one_by_one(struct packet *p, struct counters *c);

/* Does a dissector read frames of this link type? */
bool layers_reads(uint16_t linktype);
/* The next counter of frames that nobody reads, from place *at on: how many, of which link type
   (-1: of others). False: there is none. */
bool layers_unread(const struct counters *c, uint32_t *at, int *linktype, uint64_t *n);

/* Foo over UDP: what follows a datagram's header is an IP protocol, as the user says of its port.
 */
bool layers_fou(struct packet *p, struct next *next);

/* Goes on where a fragment's datagram has become whole: v is what the IP header carried. */
void layers_continue(struct packet *p, struct view v, uint32_t ip_proto, struct counters *c);

#endif
