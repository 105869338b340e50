/*
 * inflate.h - bytes that were compressed, for a dissector.
 */
#ifndef TSUMARI_CORE_INFLATE_H
#define TSUMARI_CORE_INFLATE_H

struct session;

void inflate_free(struct session *s);

#endif
