/*
 * proxy.h - the PROXY protocol's header in front of a connection (haproxy, doc/proxy-protocol.txt).
 */
#ifndef TSUMARI_PROXY_H
#define TSUMARI_PROXY_H

#include "prefix.h"

/* As tsm_prefix.probe() and tsm_prefix.show() say (prefix.h). LOCAL and UNKNOWN name no source. */
enum tsm_probe proxy_header(const struct view *v, size_t *len, struct addr *source);
size_t proxy_show(struct show *s, const struct view *v);

#endif
