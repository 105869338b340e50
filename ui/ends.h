/*
 * ends.h - the two ends of a connection, and which packets are between them.
 */
#ifndef TSUMARI_UI_ENDS_H
#define TSUMARI_UI_ENDS_H

#include <stdbool.h>
#include "api/dissector.h"
#include "api/packet.h"
#include "core/record.h"

struct ends {
	struct addr client, server;
	uint16_t cport, sport;
	uint8_t proto;
};

struct ends ends_of_record(const struct record *r);
/* Is a packet, its layers read, between them? And which of them sent it. */
bool ends_meet(const struct ends *e, const struct packet *k, enum side *side);

#endif
