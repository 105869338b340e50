/*
 * nest_impl.h - what nest.c and nest_calls.c share.
 */
#ifndef TSUMARI_MODEL_NEST_IMPL_H
#define TSUMARI_MODEL_NEST_IMPL_H

#include "base/hash.h"
#include "model/nest.h"
#include "model/same_host.h"

#define ITEMS NEST_EVENTS
#define LINKS NEST_EVENTS
#define NODES (NEST_EVENTS * 6)
#define FEW   2048u /* held back before there is any wait that can be a parent */
#define HOSTS 4096u /* buckets */
#define APART 4096u /* connections that were taken out last; a power of two */
#define LOOK  256u  /* waits under way at a host that are looked at for one child */
#define CALLS 64u   /* calls of one wait that are, the latest */
#define MADE  1024u
#define OVER  64u                   /* waits that are over, remembered */
#define STEPS 512u                  /* of looking whose a call is instead */
#define HOLD  UINT64_C(60000000000) /* ns that a wait is held back at most */
#define NONE  UINT32_MAX

struct event { /* the least time first, then kind, then as they came */
	uint64_t time;
	uint64_t order; /* kind, then number, then the item, in this many bits: */
};
#define EVENT_ITEM 15u

#define DIGIT  6u /* bits */
#define DIGITS (1u << DIGIT)
#define PLACES (64 / DIGIT + 1)

/* nest_agenda.c: events, of which the earliest leaves first. */
struct agenda {
	struct event *near; /* a heap: what is not behind `last` */
	struct event *far;  /* the others, in lists by the first digit that is not as in `last` */
	uint32_t *next;
	uint32_t first[PLACES][DIGITS];
	uint64_t digits[PLACES]; /* of lists that are not empty, by bit; */
	uint32_t places;         /* and their places */
	uint64_t last;
	uint64_t least; /* of far; 0: not known */
	uint32_t n, nnear;
	uint32_t free, ever; /* of far: the first that came back; how many were ever used */
};

void agenda_init(struct agenda *q);
void agenda_copy(struct agenda *to, const struct agenda *q);
void agenda_release(struct agenda *q);
/* NEST_EVENTS at most. */
void agenda_put(struct agenda *q, uint64_t time, uint64_t order);
struct event agenda_take(struct agenda *q);
/* Is there one of before this time? */
bool agenda_is_older(struct agenda *q, uint64_t time);

struct node { /* ns of a wait in a cell */
	struct cell *cell;
	uint64_t ns;
	uint32_t next;
};

struct item {
	struct nest_wait w;
	uint64_t name;       /* directions_name() of the server */
	uint64_t total;      /* of its nodes */
	uint32_t nodes;      /* the first */
	uint32_t links;      /* the first */
	uint32_t next, prev; /* under way in the same bucket, or not in use */
	uint32_t refs;       /* links to it of parents that are open */
	bool active;         /* under way */
	bool nested;         /* it has a parent, known or not */
	bool closed;         /* its nodes are as they will be */
	uint8_t could;       /* enum nest_caller, if its host asks others */
};

struct edge;
struct spell;

struct nest {
	struct agenda agenda;
	uint32_t most; /* held back */
	uint64_t numbers;
	uint64_t newest, swept; /* the latest end of a wait; the time gone through */
	struct item *items;
	struct nest_link *links;
	struct node *nodes;
	uint32_t free_item, free_link, free_node; /* the first that came back */
	uint32_t nitems, nlinks, nnodes;          /* that were ever used */
	uint32_t ncallers;
	uint32_t host[HOSTS]; /* waits under way, the latest first */
	bool asks[HOSTS];     /* a host of the bucket was a client */
	struct hash_key key;
	struct directions *directions;
	struct same_host *same;
	nest_parent *parent;
	void *arg;
	uint64_t unsettled, late;
	uint64_t apart[APART]; /* flows by their number */
	struct made {
		uint64_t flow, end, begin;
		uint32_t parent; /* that began then */
	} made[MADE];            /* connections whose making was waited for by one */
	struct over {
		struct addr server;
		uint32_t object;
		uint64_t end;
	} over[OVER];       /* waits that are, by what they asked for */
	struct edge *edges; /* of one parent */
	struct spell *spells;
	size_t room;
};

struct candidates {
	uint32_t parent[LOOK];
	uint64_t weight[LOOK], sum;
	bool fit[LOOK];
	unsigned n;
	bool sure;  /* they are of protocols whose servers ask others */
	bool whole; /* all of them hold the child whole: they have equal weights */
	bool open;  /* none does, and they ended without an answer */
	bool by_id;
	bool more;  /* there are too many to look at */
	bool same;  /* they ask for what the child asks for */
	bool alike; /* they ask for the same, all of them */
	unsigned nrest;
	uint32_t rest[NEST_PARENTS]; /* of those that do, these are answered too late to have it */
};

static inline uint32_t *bucket(struct nest *n, const struct addr *host)
{
	return &n->host[hash_bytes(&n->key, 0, host, sizeof(*host)) % HOSTS];
}

/* nest_calls.c: of those that hold a call which begins now whole, it is theirs that wait for
   nothing yet, as far as there are any. */
void nest_prefer_unoccupied(const struct nest *n, struct candidates *c, uint64_t time);
/* Of those that ask for the same as the child they have it who are answered when it is. */
void nest_prefer_answered(const struct nest *n, const struct item *x, struct candidates *c);
/* Whoever waits for a connection waits for the first that is asked on it; NONE: not known. */
void nest_made(struct nest *n, const struct item *x, uint32_t parent);
uint32_t nest_maker(const struct nest *n, const struct item *x);
/* A wait is over; is this a call by which its server, having answered it, gets the same anew? */
void nest_over(struct nest *n, const struct item *x);
bool nest_renews(const struct nest *n, const struct item *call, uint64_t time);
/* A wait begins: the call that another has made for the same; NONE: there is none. */
uint32_t nest_same_call(struct nest *n, uint32_t wait);
/* It ends: does it wait for a call of another? */
void nest_share_call(struct nest *n, uint32_t wait);
/* The wait has this call, its first link, and what it has too much of others is others'. */
void nest_occupy(struct nest *n, uint32_t parent, uint32_t child, unsigned *steps);

#endif
