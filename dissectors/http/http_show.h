/*
 * http_show.h - HTTP/1 explained to a reader; for http.c.
 */
#ifndef TSUMARI_DISSECTORS_HTTP_SHOW_H
#define TSUMARI_DISSECTORS_HTTP_SHOW_H

#include "dissector.h"

void http_describe(struct show *s, const struct packet *p, enum side side, struct view v);

#endif
