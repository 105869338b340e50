/*
 * change.h - what differs between two captures, and whether it is more than noise.
 *
 * Compared are the services and operations that both have. Of each: how long transactions took
 * (of a service: all their waiting, the connection's cost too), how many were among the slowest
 * twentieth of both captures together, how many failed; of a service, how many connections never
 * opened, and each entry of the ledger.
 * Probabilities are corrected for all comparisons that are made (stat_holm()). A difference
 * is a change where that is below CHANGE_LEVEL and it is large enough to matter (change.c).
 */
#ifndef TSUMARI_MODEL_CHANGE_H
#define TSUMARI_MODEL_CHANGE_H

#include "model/digests.h"
#include "model/model.h"
#include "model/services.h"
#include "model/spread.h"

#define CHANGE_LEVEL 0.01
#define CHANGE_FEW   8u /* transactions that a side must have */

enum measure { MEASURE_TIME, MEASURE_SLOW, MEASURE_ERRORS, MEASURE_CONNECTS, MEASURE_LEDGER };

struct difference {
	enum measure measure;
	int entry;            /* MEASURE_LEDGER: of the ledger */
	double before, after; /* mean ns, or a share */
	double greater;       /* that one of after is greater than one of before */
	double p;             /* corrected */
	bool changed;
};

enum verdict { VERDICT_SAME, VERDICT_CHANGED, VERDICT_FEW, VERDICT_NEW, VERDICT_GONE };

struct change {
	const struct service *service; /* of the side that has it, after where both have */
	const struct digest *digest;   /* NULL: the service as a whole */
	const struct tally *side[2];   /* before, after; NULL: it is not there */
	const struct hist *time[2];    /* the times that were compared; NULL: it is not there */
	uint64_t flows[2];             /* of a service's port; 0: not looked at */
	enum verdict verdict;
	double cost; /* ns more (or less) that all transactions of after took than before */
	unsigned n;
	struct difference d[MEASURE_LEDGER + LEDGER_COUNT];
};

struct change_side {
	struct model *model;
	struct spreads *spreads;
};

struct changes {
	struct change *list; /* n of them: services and operations, the largest cost first */
	unsigned n;
	unsigned comparisons;
};

void changes_make(struct changes *c, const struct change_side side[2]);
void changes_release(struct changes *c);

#endif
