/*
 * print.h - packets as text, a line each, in tcpdump's form (--print).
 *
 * Times, addresses, flags and numbers are written as tcpdump -n writes them, and so are the bytes
 * (-x, -X, -A); what a packet carries is told by the fields that its dissector shows. Frames come
 * in their order, on one thread.
 */
#ifndef TSUMARI_OUT_PRINT_H
#define TSUMARI_OUT_PRINT_H

#include <stdbool.h>
#include <stdio.h>
#include "api/packet.h"

/* How a packet is shown: tcpdump's options, with how often they were given. */
struct print_style {
	unsigned stamp;     /* -t: none, epoch, since the one before, date, since the first */
	unsigned verbose;   /* -v: a line for each header, then one for each field */
	unsigned hex;       /* -x; again: with the link header */
	unsigned hex_ascii; /* -X, likewise */
	unsigned ascii;     /* -A, likewise */
	bool link;          /* -e */
	bool quiet;         /* -q */
	bool absolute;      /* -S */
	bool numbered;      /* -# */
	bool nano;          /* --nano */
	bool flush;         /* each line at once */
	bool append;        /* behind what the file has */
};

struct printer;

/* path: NULL or "-" is the standard output. NULL with one line in err. */
struct printer *printer_new(
	const struct print_style *style, const char *path, char *err, size_t errsize);
/* False: nothing more can be written, or nobody reads it. */
bool printer_frame(struct printer *p, const struct packet *frame);
/* Writes what is left. False where that failed: printer_error(); a closed pipe is no failure. */
bool printer_finish(struct printer *p);
const char *printer_error(const struct printer *p);
void printer_free(struct printer *p);

#endif
