/*
 * same_host.h - a server that has several addresses: requests come to one, and it asks the servers
 * behind it from another.
 *
 * No packet says so. It is taken for proved where the calls that come from an address lie within
 * requests that another one had in hand, all but for a few, and follow them: answers leave when a
 * call has ended, calls begin when a request has come, far more often than they would if neither
 * had to do with the other (by Chernoff's bound a chance of 2^-48). Neither of the two calls the
 * other, and whose calls they are serves nobody himself, as far as can be seen.
 *
 * The first waits are looked at, and some later, ever more seldom.
 */
#ifndef TSUMARI_MODEL_SAME_HOST_H
#define TSUMARI_MODEL_SAME_HOST_H

#include "model/nest.h"

#define SAME_HOST_MAX   32u   /* addresses that are another's */
#define SAME_HOST_WAITS 1024u /* that are looked at together */

struct same_host;

struct same_host *same_host_new(void);
struct same_host *same_host_copy(const struct same_host *s);
void same_host_free(struct same_host *s);
/* Does the next wait count, as one of those that are looked at? */
bool same_host_wants(const struct same_host *s);
/* It, and whether it can have called others. */
void same_host_add(struct same_host *s, const struct nest_wait *w, bool calls);
/* The wait is not worth being looked at. */
void same_host_pass(struct same_host *s);
/* Is it time to look, or, finally, is there anything that was not looked at? */
bool same_host_due(const struct same_host *s, bool finally);
/* Gives how many more addresses are known to be another's. */
unsigned same_host_look(struct same_host *s);
/* How many are known; one of them, and whose it is. */
unsigned same_host_known(const struct same_host *s);
const struct addr *same_host_at(const struct same_host *s, unsigned i, const struct addr **of);
/* The address under which the server is asked; the same where none is known. */
const struct addr *same_host(const struct same_host *s, const struct addr *a);

#endif
