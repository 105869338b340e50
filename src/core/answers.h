/*
 * answers.h - datagrams that answer what was not asked yet.
 *
 * Several queues, processors or interfaces give frames that are out of order by some microseconds,
 * and two with one time may stand either way. An answer whose request was not seen waits for it, as
 * a segment does (early.c): until the client's next datagram, 10 ms of the capture's clock, seen at
 * the session's next datagram or a tick, or the flow's end. Then it is one without a request.
 * Bounded: 16 of a session, and 64 KiB.
 */
#ifndef TSUMARI_CORE_ANSWERS_H
#define TSUMARI_CORE_ANSWERS_H

#include "core/session.h"

struct shard;

struct answers;

/* Keeps the datagram, if there is room. */
RARELY bool answers_keep(struct session *s, struct view v, const struct stamp *at);
/* The client has sent something: what waits for it is read. False: the session is gone. */
RARELY bool answers_read(struct session *s);
/* Those for whom it is too late are read; false: the session is gone. */
RARELY bool answers_due(struct session *s, uint64_t now);
RARELY void answers_flush(struct session *s); /* all of them */
RARELY void answers_drop(struct session *s);
void answers_tick(struct shard *sh, uint64_t now);

#endif
