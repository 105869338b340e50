/*
 * hosts.h - what each host sent and asked.
 *
 * Bounded: where there is no room, of a few hosts the one with the fewest bytes gives way, and what
 * it had goes to "other".
 */
#ifndef TSUMARI_MODEL_HOSTS_H
#define TSUMARI_MODEL_HOSTS_H

#include "core/record.h"

#define HOSTS_MAX 4096u

struct host {
	struct addr ip;
	bool other;
	uint64_t sent, received;       /* bytes of frames */
	uint64_t packets;              /* sent and received */
	uint64_t asked, served;        /* flows, as client and as server */
	uint64_t requests, answers;    /* as client; as server, those that were answered */
	uint64_t errors;               /* as server: failed, or not answered */
	uint64_t waited, kept_waiting; /* ns, as client and as server */
	uint64_t retransmits;          /* segments it sent again */
	uint64_t lost;                 /* bytes of it that the capture lost */
};

struct hosts;

/* most: of hosts, up to HOSTS_MAX, a multiple of 8. */
struct hosts *hosts_new(uint32_t most);
void hosts_free(struct hosts *h);
void hosts_record(struct hosts *h, const struct record *r);
/* Takes a transaction that was added before out of its hosts, or of "other" where they gave way. */
void hosts_take_out(struct hosts *h, const struct txn_record *t);
/* All of them, the one with the most bytes first, "other" last. */
unsigned hosts_sorted(struct hosts *h, const struct host ***list);
/* Hosts that gave way. */
uint64_t hosts_given_up(const struct hosts *h);

#endif
