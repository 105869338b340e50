/*
 * directions.h - which of two services calls the other.
 *
 * Where several servers and their clients share an address, any request that lies in the time of
 * another may have been made for it. A server does not call the one that it is called by: of two
 * services that each had requests while one of the other's was under way, the one with more of
 * them is in front, or the one that was so first.
 */
#ifndef TSUMARI_MODEL_DIRECTIONS_H
#define TSUMARI_MODEL_DIRECTIONS_H

#include "api/packet.h"

#define DIRECTIONS_MAX 256u /* pairs of services; of further ones nothing is known */

struct directions;

struct directions *directions_new(void);
void directions_free(struct directions *d);
struct directions *directions_copy(const struct directions *d);
/* A service's name here. */
uint64_t directions_name(const struct directions *d, const struct addr *ip, uint16_t port);
/* A request to `to` began while one of `from` was under way. */
void directions_seen(struct directions *d, uint64_t from, uint64_t to);
/* May `from` have called `to`? Not itself, and not the one that calls it. */
bool directions_can(const struct directions *d, uint64_t from, uint64_t to);
/* Does `from` call `to`? */
bool directions_does(const struct directions *d, uint64_t from, uint64_t to);

#endif
