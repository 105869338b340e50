/*
 * pairing.h - which request a response answers.
 */
#ifndef TSUMARI_CORE_PAIRING_H
#define TSUMARI_CORE_PAIRING_H

#include "core/stream.h"

struct session;
struct txn;

/* By their order. */
struct pairing {
	bool in_step;      /* the first response was given to its request, or to none */
	bool behind;       /* the first request that was seen stands right behind a rest of one */
	bool blind;        /* it is not known how many are waited for */
	bool pipelined;    /* a request was sent while another was open, */
	bool windowed;     /* behind a response */
	bool lost_request; /* since the last request began: bytes of others were lost, or passed
			      over, */
	bool asking_lost, asking_cut; /* lost; cut by the snap length, */
	bool between;                 /* where none was under way, */
	bool answers_lost;            /* or bytes of responses */
	uint8_t turns;               /* requests that were sent when all before had been answered */
	uint32_t responses, unasked; /* since the last request; of them: nothing waited for it */
	uint32_t passed_over;        /* responses to come of requests that were given up */
	int32_t ahead;               /* blind: as of the next request; see struct txn */
	uint32_t lost, lost_now;     /* now: since the last request began */
	uint64_t least;              /* bytes of the shortest request, 0: not known */
	uint64_t responded;          /* when the last response began */
	uint64_t tail; /* when the client last sent what no request began with; 0: never */
};

/* t is about to begin. */
void pairing_request(struct session *s, struct txn *t, const struct stamp *at);
void pairing_request_end(struct session *s, const struct txn *t);
/* n bytes of the side were lost; `between`: no message was under way there. */
void pairing_lost(struct session *s, enum side side, uint64_t n, bool cut, bool between);
/* These bytes were passed over in search of a message. */
void pairing_passed_over(
	struct session *s, enum side side, const uint8_t *p, size_t n, uint64_t time);
/* The same of those that are read, up to `end`, where it is not known yet what is read. */
void pairing_front(struct session *s, enum side side, const uint8_t *end, uint64_t time);
/* Bytes were lost where a dissector reads them. */
void pairing_gap(struct session *s, enum side side);
/* A response begins: *t is what it answers, NULL: nothing that is open. False: it may answer any.
 */
bool pairing_response(struct session *s, uint64_t now, struct txn **t);
/* t leaves, and no response to it will come; it will, and t is not there to get it. */
void pairing_not_asked(struct session *s, const struct txn *t);
void pairing_given_up(struct session *s, const struct txn *t);

#endif
