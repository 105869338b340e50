/*
 * privileges.h - giving up rights that are not needed once everything is open.
 */
#ifndef TSUMARI_RUN_PRIVILEGES_H
#define TSUMARI_RUN_PRIVILEGES_H

#include <stdbool.h>
#include <stddef.h>

struct privileges {
	const char *user; /* -Z, or NULL */
	bool more_files;  /* files are opened later on (-w with -C or -G) */
};

/*
 * Root with -Z becomes that user (his groups, too; "root": stays). Root without -Z becomes nobody,
 * unless files are to be opened later: then it stays root without any capability but the one to
 * create files (CAP_DAC_OVERRIDE). In every other case the user stays and all capabilities go.
 * Privileges cannot be gained again (no_new_privs). False with one line in err. True with one:
 * nobody asked for another user, and this system did not let root become one.
 */
bool privileges_drop(const struct privileges *p, char *err, size_t errsize);

#endif
