/*
 * decode.h - -d: what a port's connections are read as.
 */
#ifndef TSUMARI_RUN_DECODE_H
#define TSUMARI_RUN_DECODE_H

#include "run/options.h"

/*
 * Tunnels go to the registry, applications to *list, which o->engine then points to and the caller
 * frees. False with one line in err. After plugins are loaded, before anything is read.
 */
bool decode_resolve(struct options *o, struct decode_as **list, char *err, size_t errsize);

#endif
