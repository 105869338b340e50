/*
 * plugin.h - dissectors from shared objects (--plugin).
 */
#ifndef TSUMARI_RUN_PLUGIN_H
#define TSUMARI_RUN_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Loads FILE.so and registers its dissector; it stays loaded. The file must belong to root or to
 * the user and be writable by its owner only. A name without '/' is a file in this directory. False
 * with one line in err.
 */
bool plugin_load(const char *path, char *err, size_t errsize);

#endif
