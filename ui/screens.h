/*
 * screens.h - the screens that there are, screen_*.c, and how one of them opens another.
 */
#ifndef TSUMARI_UI_SCREENS_H
#define TSUMARI_UI_SCREENS_H

#include "ends.h"
#include "frames.h"
#include "screen.h"
#include "core/record.h"

struct dissector;

extern const struct screen_class overview_class, services_class, transactions_class, digests_class,
	flows_class, findings_class, tiers_class, hosts_class;
extern const struct screen_class detail_class, packets_class, tree_class, help_class, stream_class,
	ladder_class;

/* How an entry of the ledger is drawn: as network, server, stall, or (dim) not known. */
enum role ledger_role(int entry);
/* How many findings there are by now that are more than information. */
unsigned findings_count(struct ui *u);
/* The verdict in a sentence or two; nothing where there is none. */
void findings_line(struct ui *u, struct text *out);
/* Rows of the record tables. */
const struct record *records_row(const struct screen *s, uint32_t row);
/* What a record is about: its transaction or flow. */
void detail_open(struct ui *u, const struct record *r);
/* The packets of a connection, or (r NULL) the frames of a list. */
void packets_open_flow(struct ui *u, const struct record *r);
void packets_open_list(struct ui *u, const uint64_t *frames, unsigned n, const char *label);
/* False: `from` has no such frame. */
bool tree_open(struct ui *u, struct frames *from, uint64_t frame, const struct dissector *app,
	enum side side);
void help_open(struct ui *u);
/* A request with its tiers, as a ladder: that of a record, the slowest one of a connection, of an
   operation, of those that a filter matches. */
void ladder_open(struct ui *u, const struct record *r);
void ladder_open_flow(struct ui *u, uint64_t flow_id);
void ladder_open_matching(struct ui *u, const char *filter);
void ladder_open_operation(
	struct ui *u, const struct addr *ip, uint16_t port, const char *operation, size_t n);
/* The text of the connection of a record, or of a packet that one of the ends sent to the other. */
void stream_open_record(struct ui *u, const struct record *r);
void stream_open_packet(struct ui *u, const struct ends *e, uint64_t frame);
/* That of the row selected in a list of packets. */
void packets_open_stream(struct ui *u, struct screen *s);

#endif
