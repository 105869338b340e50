/*
 * geo.h - where an address is, and whose network it is in, from MaxMind databases (libmaxminddb).
 *
 * An address is looked up once and remembered, within bounds; never for a packet. Databases are
 * mapped into memory when they are opened: that needs rights, looking up needs none.
 */
#ifndef TSUMARI_MODEL_GEO_H
#define TSUMARI_MODEL_GEO_H

#include "core/record.h"
#include "core/stats.h"

#define GEO_FILES 8u /* databases at once */

struct geo_place {
	char country[8];       /* ISO 3166-1 alpha-2; empty: not known, as all of these */
	char city[64];         /* in English; from the database, as `organization` */
	char location[32];     /* "48.2082,16.3738": latitude, longitude */
	uint64_t as_number;    /* 0: not known */
	char organization[96]; /* the autonomous system's */
};

struct geo;

/*
 * Opens the databases that are named or, where none is, those that are in the usual places
 * (/usr/share/GeoIP, /var/lib/GeoIP, /usr/local/share/GeoIP): City, else Country, and ASN. A single
 * "none" is no database. True and *g NULL where there is none; false, with one line in err, where
 * one that is named cannot be used.
 */
bool geo_open(struct geo **g, const char *const *files, unsigned n, char *err, size_t errsize);
void geo_free(struct geo *g);
/* NULL where nothing is known of the address. Good until the next call. */
const struct geo_place *geo_find(struct geo *g, const struct addr *a);
/* Lookups that a damaged database spoiled. */
void geo_counters(const struct geo *g, struct counters *c);

#endif
