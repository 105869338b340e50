/*
 * stale.h - requests on a connection that the server had closed.
 */
#ifndef TSUMARI_CORE_STALE_H
#define TSUMARI_CORE_STALE_H

#include "core/flow.h"

struct session;
struct shard;

/*
 * stale.c: the server's FIN; bytes of a client behind it; a reset, which answers a request that
 * came so soon before it: true where that one came to a connection that was closed.
 */
void stale_on_fin(struct flow *f, const struct packet *p, unsigned dir);
void stale_on_data(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir);
bool stale_on_reset(struct flow *f, const struct packet *p, unsigned dir, uint64_t soon);

/* Did the server close the connection before the request began? */
bool stale_request(const struct session *s, uint64_t time);

#endif
