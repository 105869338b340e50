/*
 * series.h - what happened when: transactions over time, in bounded memory for any length of it.
 *
 * A series is a row of buckets of one width, which doubles whenever the row is full (two buckets
 * become one): from SERIES_WIDTH on, and as fine as the span of time allows. There is one of all
 * transactions, and one for each service that is asked, up to a limit: a service that was waited
 * for twice as long as another that has one takes its place, from then on.
 */
#ifndef TSUMARI_MODEL_SERIES_H
#define TSUMARI_MODEL_SERIES_H

#include "model/services.h"

#define SERIES_BUCKETS  512u     /* of the whole */
#define SERIES_SERVICE  256u     /* of a service */
#define SERIES_SERVICES 48u      /* that have one */
#define SERIES_WIDTH    1000000u /* ns, the least */
#define SERIES_HEAT     56u      /* rows of a heat map */

struct series_bucket {
	uint64_t started, ended;
	uint64_t errors;  /* of those that ended, as in struct tally */
	uint64_t bytes;   /* of the messages of those that ended */
	uint64_t at;      /* under way at the bucket's beginning */
	uint64_t peak;    /* so many at least were under way at once */
	uint64_t busy;    /* ns of transactions under way: by the width, their mean number */
	uint64_t waited;  /* ns, of those that ended: the sum of the ledger */
	uint64_t slowest; /* ns, the longest of those that ended */
	uint64_t ledger[LEDGER_COUNT];
	uint32_t heat[SERIES_HEAT]; /* durations of those that ended */
};

/* What a series shows. Without transactions n is 0. */
struct series_view {
	uint64_t start, width; /* of the first bucket, ns since the epoch; of each, ns */
	unsigned n;
	const struct series_bucket *bucket;
};

struct series;

/* `buckets` is a power of two. */
struct series *series_new(unsigned buckets);
/* Of the newest only: buckets stay so wide, and the oldest go. */
struct series *series_new_recent(unsigned buckets, uint64_t width);
void series_free(struct series *s);
void series_add(struct series *s, const struct txn_record *t);
/* Takes out what was added before; peaks of what has become wider since stay. */
void series_take_out(struct series *s, const struct txn_record *t);
/* Good until the next call of any of these. */
struct series_view series_read(struct series *s);

/* The most there was of it: of what ended and of errors within `width` (a second, or as near to it
   as buckets are), whoever shows it and however wide its columns are; ns of the slowest; under way.
 */
struct series_most {
	uint64_t ended, errors, width, slowest, peak;
};
struct series_most series_most(const struct series_view *v);

/* Row of a duration, and the least duration of a row: 1.02 us and less, by powers of two and their
   halves, to 137 s and more. */
unsigned series_heat_row(uint64_t duration);
uint64_t series_heat_least(unsigned row);

struct series_set;

/* services: that have a series at once, up to SERIES_SERVICES. */
struct series_set *series_set_new(unsigned services);
void series_set_free(struct series_set *set);
void series_set_record(struct series_set *set, struct service *service, const struct txn_record *t);
/* Says when a transaction was added, to those that take it out again. */
uint64_t series_set_number(const struct series_set *set);
/* after: series_set_number() when it had been added. */
void series_set_take_out(struct series_set *set, struct service *service,
	const struct txn_record *t, uint64_t after);
struct series_view series_whole(struct series_set *set);
/* The newest of the whole are kept apart, in buckets of SERIES_RECENT, from now on. */
#define SERIES_RECENT (SERIES_WIDTH << 10)
void series_set_keep_recent(struct series_set *set);
struct series_view series_recent(struct series_set *set); /* empty where they are not kept */
/* Of a service: empty where it has none. `since`: its beginning, where it took another's place;
   else 0. */
struct series_view series_of(
	struct series_set *set, const struct service *service, uint64_t *since);

#endif
