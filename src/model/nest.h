/*
 * nest.h - what waits for what: waits in the order of time, each with those it was part of.
 *
 * A wait that host W's server has in hand is the parent of the waits that W begins as a client
 * meanwhile. An id that both carry settles it; else it is the parent's whose time the wait lies in,
 * of several tiers at one host the innermost's; a server does not call the one that it is called by
 * (directions.h). Where it can be several parents', each has a share of it: by how much of them
 * waits for no other call just then, an equal one where none does (where none holds it whole, by
 * overlap).
 *
 * A cache asks once for all that ask for the same meanwhile: those wait for that call, too, have
 * none of their own, and are answered when it is over. Nobody waits for one that it makes when it
 * has answered with what it had.
 *
 * Waits come in the order of their ends, children before their parents: what happened is gone
 * through in the order of time once so many are held back, and at the end. When a parent ends, the
 * time in which its server waited for others is theirs: where several ran side by side each has its
 * part, so that no time counts twice, and of each no more than its parent had. What has no parent
 * leaves its shares in the account (account.h).
 */
#ifndef TSUMARI_MODEL_NEST_H
#define TSUMARI_MODEL_NEST_H

#include "model/account.h"
#include "model/digests.h"

#define NEST_PARENTS 16u     /* more than these cannot have made one call: it is told of none */
#define NEST_ONE     720720u /* a whole call; the numbers up to 16 divide it */
#define NEST_EVENTS  32768u  /* held back: three of each wait that can be a parent */

/* Whose servers ask others while they are asked, the surest first. */
enum nest_caller { NEST_LEAF, NEST_SURE, NEST_CALLER, NEST_MAY_CALL };

struct nest_ids {
	uint64_t trace, request; /* hashes; 0: none */
};

struct nest_wait {
	struct addr client, server;
	uint16_t port; /* of the server */
	uint8_t class; /* of the children that parents count */
	enum nest_caller caller;
	uint64_t start; /* with the time to connect */
	uint64_t begin; /* the request's first byte */
	uint64_t asked; /* its last: from then on the server has it */
	uint64_t end;
	uint64_t own;  /* ns that the server had it in hand */
	bool open;     /* it ended without an answer, given up or with the capture */
	bool guessed;  /* its end is not in the capture */
	bool connects; /* it is the making of a connection */
	uint64_t flow;
	bool if_nested;  /* it counts only where it has a parent */
	uint32_t object; /* a hash of all that was asked for; 0: not known */
	struct nest_ids ids;
	const struct service *service;
	const struct digest *digest; /* NULL: of no operation */
	uint32_t digest_id;          /* it may give way to another meanwhile */
};

/* A child, or a share of one, of the parent that ends. */
struct nest_link {
	uint64_t start, end;
	const struct service *service;
	const struct digest *digest;
	uint32_t digest_id;
	uint32_t weight; /* in NEST_ONE */
	uint32_t more; /* the same, of time only: its answer was waited for beside who asked for it
			*/
	uint32_t item; /* the child; for nest.c */
	uint32_t next;
	uint8_t class;
	bool by_id, sure; /* sure: of NEST_PARENTS at most */
	bool alike;       /* all that can have made it ask for the same */
};

struct nest;

/* What is told of a parent when it ends: its links from the first on, UINT32_MAX behind the last.
 */
typedef void nest_parent(
	void *arg, const struct nest_wait *w, const struct nest_link *links, uint32_t first);

/* events: held back at most, up to NEST_EVENTS. */
struct nest *nest_new(uint32_t events, nest_parent *parent, void *arg);
void nest_free(struct nest *n);
/* shares: of its total, to be in the account; the server's is found by its entry. */
void nest_add(
	struct nest *n, const struct nest_wait *w, const struct share *shares, unsigned nshares);
/* The waits of a connection are no longer looked at, those that are settled already but for. */
void nest_take_out(struct nest *n, uint64_t flow);
/* There are no more. */
void nest_finish(struct nest *n);
/* The cells become what they would be if there were no more; nothing else changes. */
void nest_look_ahead(const struct nest *n);
/* May the first service have called the second, as far as their requests tell? */
bool nest_can_call(const struct nest *n, const struct addr *from, uint16_t from_port,
	const struct addr *to, uint16_t to_port);
/* The address under which a host is asked, where its calls come from another one (same_host.h). */
const struct addr *nest_host(const struct nest *n, const struct addr *a);
/* Is what happened then gone through already? */
bool nest_gone_by(const struct nest *n, uint64_t time);
/* A hash for ids. */
uint64_t nest_hash(const struct nest *n, const void *p, size_t len);
/* Children that were nobody's for sure: more than NEST_PARENTS could have begun them. */
uint64_t nest_unsettled(const struct nest *n);
/* Parents that came too late to be looked at. */
uint64_t nest_late(const struct nest *n);

#endif
