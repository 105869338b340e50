/*
 * services.h - what each service (server address, port, protocol) was asked, and how it answered.
 *
 * Bounded: past so many services everything goes into one named "other".
 */
#ifndef TSUMARI_MODEL_SERVICES_H
#define TSUMARI_MODEL_SERVICES_H

#include "model/tally.h"

#define SERVICES_MAX 4096u
#define EVENT_KINDS  DISSECTORS_MAX

struct service {
	struct addr ip;
	uint16_t port;
	uint8_t transport, ip_version;
	const char *protocol; /* dissector's name; NULL: flows whose protocol is not known */
	bool other;
	uint64_t flows;
	uint64_t bytes;   /* of flows */
	struct tally sum; /* of its transactions */
	uint64_t failed_connects, syn_retries;
	uint64_t checks;  /* connections that are kept apart (probes.h), not among its flows */
	uint32_t waiting; /* of its flows: those of which probes.h has not decided yet */
	uint8_t series;   /* series.h: its place among those that have one, plus 1; 0: none */
};

struct flow_totals {
	uint64_t flows, bytes, packets;
	uint64_t open; /* of the flows, those that go on (r.open) */
	uint64_t tcp, udp, icmp, others;
	uint64_t established, failed, reset, midstream, one_way;
	uint64_t retransmits, rtos, fast_retransmits, spurious, out_of_order, duplicate_acks;
	uint64_t zero_windows, zero_window_time, syn_retries, lost, duplicates, outside, bad_sums,
		icmp_errors;
	uint64_t connect_retry; /* ns of waiting that is in no transaction */
	unsigned nevents;       /* these are no flows: */
	struct {
		const struct dissector *of;
		uint64_t count;
	} events[EVENT_KINDS];
};

struct services;

/* most: of services, up to SERVICES_MAX. room: of their histograms, the caller's; NULL: no limit.
 */
struct services *services_new(unsigned most, struct hist_room *room);
void services_free(struct services *s);
/* Gives the service that was added to, which stays where it is; NULL: none (of a composite
   transaction, an event, an interim record, a flow without ports). */
struct service *services_record(struct services *s, const struct record *r);
/* Takes transactions that were added before out of a service and the whole. */
void services_take_out(struct services *s, struct service *service, const struct tally *what);
/* How many events of a dissector there were. */
uint64_t services_events(const struct flow_totals *t, const struct dissector *d);
const struct flow_totals *services_flows(const struct services *s);
/* All of them, the one that was waited for longest first; ties by address and port. */
unsigned services_sorted(struct services *s, const struct service ***list);
/* Everything together. */
const struct service *services_total(const struct services *s);

#endif
