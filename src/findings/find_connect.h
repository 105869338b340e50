/*
 * find_connect.h - between find_connect.c and find_source.c only: what is known of a service's
 * connection requests, and of the clients that send them.
 */
#ifndef TSUMARI_FINDINGS_FIND_CONNECT_H
#define TSUMARI_FINDINGS_FIND_CONNECT_H

#include "findings/find_impl.h"

enum timer { TIMER_CLASSIC, TIMER_LINEAR, TIMER_OLD, TIMER_FIRST, TIMER_OTHER, TIMER_COUNT };

#define DELAYS 16u

#define CLIENTS 2048u /* of services, whose requests are told apart */
#define SHOWN   6u

#define SHOWN_SYNS 6u /* frames of a client that are kept as examples */

/* One that connects to a service. */
struct source {
	uint64_t syns, dropped; /* of connections that were made in the end: all, sent in vain */
	uint64_t begun;         /* seconds in which such began, by bit: of two, 64 of them */
	uint64_t made;          /* when the last of those began */
	uint64_t silent, vain;  /* requests that nobody answered, their SYNs */
	uint64_t cost, first, last;
	uint64_t least, most;        /* ns that they can have been waited for */
	uint64_t frames[SHOWN_SYNS]; /* the first ones; 0: none */
	uint32_t timers[TIMER_COUNT];
	/* While a list is made: */
	uint64_t more,
		over; /* ns that the cost is too short, and too long, by what else is known */
	bool filtered;
};
struct source_key {
	struct addr client;
	const struct svc *at;
};
/* A connection that was never made, and for how long it was waited. */
struct unmade {
	struct source *of;
	struct svc *at;
	struct addr client;
	uint64_t start, least, most; /* ns from its first SYN on that it can have been */
	uint64_t cost, waited;       /* in the account; while a list is made: as far as is known */
	bool pending;
};
#define UNMADE 1024u /* that are remembered, the latest */
struct connect_all {
	struct keyed *sources;
	unsigned nunmade;
	struct unmade unmade[UNMADE], *sorted[UNMADE];
};

struct connect_state {
	struct proof answered, silent; /* SYN sent again, and in the end answered, or not */
	/* While a list is made: of the latter, by whether other clients were served meanwhile. */
	struct proof unanswered, filtered;
	uint64_t least[2], most[2]; /* ns that these can have cost */
	uint64_t beyond[2];         /* of their cost: ns that are not in the account */
	uint64_t clients, clients_served, vain;
	struct addr shown[SHOWN];
	unsigned nshown;
	uint8_t network_bits; /* of the first of these, that all have in common; 0: none */
	uint64_t silent_timers[TIMER_COUNT];
	struct proof late; /* answered at once, but the client did not get that */
	struct proof lost; /* while a list is made: what the path may have lost of all of these */
	uint64_t met_old;  /* of the first, the server still had another connection */
	uint64_t timers[TIMER_COUNT];
	struct {
		uint64_t seconds, n;
	} delays[DELAYS];
	unsigned ndelays;
	uint64_t late_flows;         /* connections of these and of the following, each once */
	uint64_t open_flows;         /* whose first bytes nobody acknowledges, at the end */
	uint64_t fresh_flows;        /* of which only the first bytes were late */
	struct proof queue, aborted; /* accept queue: SYN/ACK again, RST to the ACK */
	struct proof refused, prohibited;
};

/* Before a list is made: which of the requests that nobody answered are of clients of which none
   is, while others are served. */
void connect_divide(struct findings *f, const struct svc *s, struct connect_state *c);
/* The finding of these. */
void connect_list_filtered(struct findings *f, const struct svc *s, const struct connect_state *c);
/* find_patience.c: one that was never made, with its cost in the account. Before a list is made:
   what is known of all of them together. */
void connect_unmade(struct findings *f, struct svc *s, struct source *x,
	const struct flow_record *r, uint64_t cost);
void connect_patience(struct findings *f);
/* No packet says when whoever asked gave up. */
void connect_say_gave_up(struct text *t, const struct connect_state *c, bool filtered);

#endif
