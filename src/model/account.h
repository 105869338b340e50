/*
 * account.h - all waiting, divided: by service, entry of the ledger and class, and how much of it
 * those in front felt.
 *
 * A wait (a transaction, a turn, a connection without either) has shares that add up to its total
 * exactly. Waits nest: what a server waited for behind itself is in its own entry of the ledger,
 * and in the waits of those it asked. nest.h hands each span of time to the innermost, and what is
 * left with the outermost waits (`felt`) adds up to what they waited for, to the nanosecond.
 */
#ifndef TSUMARI_MODEL_ACCOUNT_H
#define TSUMARI_MODEL_ACCOUNT_H

#include "core/record.h"

/*
 * Which family of findings has a wait's own time: all of its entries but those of the connection
 * and of stalls, or (to SERVER_ONLY) the server's alone. The others are CLASS_NONE's.
 */
enum wait_class {
	CLASS_NONE,
	CLASS_SLOW,
	CLASS_MEDIUM,
	CLASS_LESSER,
	CLASS_NO_INDEX,
	CLASS_TARPIT,
	CLASS_QUEUE,
	CLASS_GREETING,
	CLASS_SERVER_ONLY = CLASS_GREETING,
	CLASS_ERROR,
	CLASS_GAVE_UP,
	CLASS_CUT,
	CLASS_STALE,
	CLASS_NO_ANSWER,
	CLASS_NO_LOGIN,
	CLASS_REPEATED,
	CLASS_NFS_AGAIN,
	CLASS_NFS_DELAY,
	CLASS_NFS_GETATTR,
	CLASS_NOT_TAKEN,      /* the first bytes of a connection, not acknowledged, */
	CLASS_NOT_TAKEN_OPEN, /* and open when the capture ended */
	CLASS_UNACKED,        /* with what its bytes were sent again for */
	CLASS_IDLE,           /* on purpose: nobody is kept waiting, and it is in no sum */
	CLASS_MAYBE, /* the first of CLASS_MAYBES: idle on purpose, or slow, as will be seen */
	CLASS_MAYBES = 8,
	CLASS_COUNT = CLASS_MAYBE + CLASS_MAYBES
};

struct cell {
	struct cell *next;  /* of the same service */
	uint8_t entry;      /* enum ledger_entry */
	uint8_t class;      /* enum wait_class */
	uint64_t all;       /* ns, of all waits */
	uint64_t settled;   /* of these: of which it is known what they were part of */
	uint64_t moved;     /* of these: that are of waits behind */
	uint64_t felt;      /* what the outermost waits spent here */
	uint64_t open;      /* of `all`: of waits that go on, which are longer than is known */
	bool idle;          /* while a list is made: in no sum */
	uint64_t now, left; /* while a list is made: felt, as far as can be told; of it nobody's */
	struct {
		uint64_t all, settled, moved, felt;
	} before; /* the list: what is part of what is looked for before its time */
};

/* The cell of a service's list, made where there is none. */
struct cell *account_cell(struct cell **list, unsigned entry, unsigned class);
void account_free(struct cell **list);
/* The class of an entry, of a wait of this class, whose stalls may have one of their own. */
enum wait_class account_class(enum wait_class c, enum wait_class stalls, unsigned entry);

/* A wait's part of a cell. */
struct share {
	struct cell *cell;
	uint64_t ns;
};
/* The shares of a ledger (LEDGER_COUNT at most), added to `all`; gives their number. */
unsigned account_shares(struct cell **list, const uint64_t *ledger, enum wait_class c,
	enum wait_class stalls, struct share *out);
/* The wait is in no sum after all. */
void account_withdraw(const struct share *s);
/* It is known what the wait was part of; felt: of nothing. */
void account_settle(const struct share *s, bool felt);
/* A wait, of whatever class it was, is not to count after all. pending: it was not settled, and
   will not be. open: it goes on. */
void account_take_out(struct cell **list, const uint64_t *ledger, bool pending, bool open);

#endif
