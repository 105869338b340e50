/*
 * info.h - what the program knows about itself and this machine: -D, -L, --list-protocols,
 * --version.
 */
#ifndef TSUMARI_RUN_INFO_H
#define TSUMARI_RUN_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Each prints to f; false with one line in err. */
bool info_interfaces(FILE *f, char *err, size_t errsize);
bool info_datalinks(FILE *f, const char *iface, char *err, size_t errsize);
void info_protocols(FILE *f); /* of the registry */
void info_version(FILE *f);
const char *info_version_number(void);
const char *info_linktype(int link); /* "EN10MB", or "unknown" */

/*
 * The interface a user means: a name, or a number of the list of -D; NULL: the first of that list.
 * To be freed; NULL with one line in err.
 */
char *info_interface(const char *which, char *err, size_t errsize);

/* --types help */
void info_types(FILE *f);
/* -J */
bool info_stamps(FILE *f, const char *iface, char *err, size_t errsize);

#endif
