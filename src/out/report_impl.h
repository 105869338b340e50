/*
 * report_impl.h - what the parts of the text report share: the line being made, and its columns.
 *
 * Each part of the report (report.c has their order) is a file of its own that writes whole lines.
 */
#ifndef TSUMARI_OUT_REPORT_IMPL_H
#define TSUMARI_OUT_REPORT_IMPL_H

#include <stdio.h>
#include "base/text.h"
#include "model/services.h"
#include "out/report.h"
#include "out/stream.h"

#define REPORT_TOP 20u /* rows of a table that are shown */

#define REPORT_PORTS 32u

struct report_port { /* what it is called; empty: it has no name */
	char name[32];
	uint16_t port;
	bool udp, asked;
};

struct report {
	struct report_options o;
	struct services *services; /* of the model */
	uint64_t listened;         /* ns */
	struct stream *to;
	FILE *out;     /* of it */
	struct text t; /* the line being made */
	bool wrap;     /* lines longer than the width go on in the next */
	struct report_port port[REPORT_PORTS];
	char *err;
	char message[256];
};

/* Writes the line. */
void report_line(struct report *r);
/* As report_line(), for text: on a narrow terminal it goes on in indented lines. */
void report_text(struct report *r, size_t indent);
void report_heading(struct report *r, const char *s);
/* Pads the line to a column. */
void report_to(struct report *r, size_t column);
/* Text right-aligned so that it ends at a column. */
void report_right(struct report *r, const struct text *what, size_t column);
/* "12 TCP", behind a comma where the line holds something; nothing where n is 0. */
void report_count(struct report *r, uint64_t n, const char *what);
/* The indented name of a service: "  192.0.2.1:80 http". */
void report_service(struct report *r, const struct service *x);
/* Columns that the names of those that are shown need. */
size_t report_service_columns(struct report *r, const struct service **list, unsigned n);
/* "and 12 more", where there are. */
void report_more(struct report *r, unsigned more);

/* The verdict, and the findings. */
void report_findings(struct report *r, const struct capture_stats *st);

/* What a call puts in `cell`, right-aligned so that it ends at a column. */
#define CELL(r, column, call)                                                                      \
	do {                                                                                       \
		char buffer_[64];                                                                  \
		struct text cell;                                                                  \
		text_init(&cell, buffer_, sizeof(buffer_));                                        \
		call;                                                                              \
		report_right(r, &cell, column);                                                    \
	} while (0)

/* Parts. */
void report_digests(struct report *r);
void report_tiers(struct report *r);
void report_hosts(struct report *r);
void report_probes(struct report *r);

/* The server and the operation, in so many columns. */
void report_operation(struct text *t, const struct service *service, const char *text, size_t len,
	size_t columns);

#endif
