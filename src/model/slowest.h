/*
 * slowest.h - the transactions that were waited for longest, with what their servers asked of
 * others meanwhile.
 *
 * Of each protocol's requests, whole mails left out. What a server asked meanwhile is found by host
 * and time: transactions whose client is the server, that began and ended within the request; some
 * may have been another request's. It is looked for among the last SLOWEST_RECENT transactions.
 */
#ifndef TSUMARI_MODEL_SLOWEST_H
#define TSUMARI_MODEL_SLOWEST_H

#include "base/text.h"
#include "core/record.h"

#define SLOWEST_MAX    16u
#define SLOWEST_KEPT   24u /* some of them may be taken out */
#define SLOWEST_CALLS  48u
#define SLOWEST_RECENT 1024u
#define SLOWEST_TEXT   160u

struct slow_call {
	uint64_t start, end; /* with the time to connect; ns since the epoch */
	uint64_t stamp[4];
	uint64_t frame; /* of the first stamp there is */
	uint64_t total, ledger[LEDGER_COUNT];
	struct addr client, server;
	uint16_t port;
	uint8_t status; /* enum tsm_status_code */
	bool pending;   /* it goes on: the total is what it was so far */
	uint8_t depth;  /* 0: the request; 1: asked by its server; 2: by that one's */
	const char *protocol;
	uint16_t len;
	char text[SLOWEST_TEXT]; /* bytes from the wire */
};

struct slow_request {
	struct slow_call own;
	struct slow_call calls[SLOWEST_CALLS]; /* in the order of their beginnings */
	unsigned ncalls, left_out;
};

struct slowest;

struct slowest *slowest_new(void);
void slowest_free(struct slowest *s);
/* text: its operation. */
void slowest_record(struct slowest *s, const struct txn_record *t, const char *text, size_t len);
/* Takes one that was recorded before out of the list. */
void slowest_take_out(struct slowest *s, const struct txn_record *t);
/* The slowest first. */
unsigned slowest_list(struct slowest *s, struct slow_request *const **list);

#endif
