/*
 * interleave.h - transactions whose messages are sent in pieces, one between the others.
 */
#ifndef TSUMARI_CORE_INTERLEAVE_H
#define TSUMARI_CORE_INTERLEAVE_H

struct session;

void session_memory_release(struct session *s);

#endif
