/*
 * identity.h - which sensor a record comes from, in which run, and what names it among all others.
 *
 * What is constant for a run stands ready as text; an event's id costs a few multiplications. A
 * live run draws its name at random. A file's run is named after the file's first frame and
 * the filter: two readings give the same bytes, as do its parts, read as one. A file says nothing
 * of the host that made it: its records have no host.
 */
#ifndef TSUMARI_OUT_IDENTITY_H
#define TSUMARI_OUT_IDENTITY_H

#include "core/record.h"

#define IDENTITY_RUN   16u  /* hexadecimal digits */
#define IDENTITY_EVENT 16u  /* 96 bits in base64url (RFC 4648, 5) */
#define IDENTITY_NAME  255u /* bytes of a sensor's name, at most */

struct identity {
	const char *sensor;         /* NULL: nobody named it; must stay */
	const char *host;           /* NULL: not known */
	char run[IDENTITY_RUN + 1]; /* "": not known yet */
	uint64_t key[2];            /* of the run and the sensor */
	uint64_t read;              /* what of a file's run is known before its first frame */
	char name[256];             /* of this host */
};

/* sensor: NULL: it is called as the host is. */
void identity_live(struct identity *d, const char *sensor);
/* filter: NULL: none. */
void identity_of_file(struct identity *d, const char *sensor, const char *filter);
/* Before the first record; a frame behind the first changes nothing. NULL: there was none. */
void identity_first_frame(struct identity *d, const struct packet *k);

/* IDENTITY_EVENT characters at `to`, no end. */
void identity_event(const struct identity *d, const struct record *r, char *to);

#endif
