/*
 * hops.h - a request with its tiers: which request it was made for, and which requests were made
 * for it, from the outermost client's down to those that ask nobody; also while they are under way.
 *
 * Who called whom is found as for the tiers of the report (model/nest.h), in the records that are
 * kept of that time. Of calls that may be several requests' those that are more likely another's
 * are left out, and counted.
 */
#ifndef TSUMARI_UI_HOPS_H
#define TSUMARI_UI_HOPS_H

#include "view.h"

#define HOPS_MAX     512u   /* requests in a ladder */
#define HOPS_RECORDS 10000u /* records of the time that are looked at */
#define HOP_NONE     UINT32_MAX

struct hop {
	struct record *r; /* a copy: a transaction, or a turn of a protocol that is not read */
	uint32_t parent;  /* HOP_NONE: the first one */
	unsigned depth;
	bool unsure; /* it may be another request's call */
	uint64_t start, end;
};

struct hops {
	struct hop hop[HOPS_MAX]; /* parents before their calls */
	uint32_t n;
	uint32_t asked; /* the one that was asked for */
	uint64_t unsure,
		left_out; /* calls that may be its and may be another's; too many to show */
	bool crowded;     /* more records of the time than are looked at */
	bool no_parent;   /* several requests may have made the first one */
};

/* NULL: r is no request with a time. */
struct hops *hops_find(struct ui *u, const struct record *r);
void hops_free(struct hops *h);

#endif
