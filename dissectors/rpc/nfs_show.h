/*
 * nfs_show.h - bodies of NFS explained to a reader; for rpc_show.c.
 */
#ifndef TSUMARI_DISSECTORS_NFS_SHOW_H
#define TSUMARI_DISSECTORS_NFS_SHOW_H

#include "dissector.h"

/* False, and nothing shown: there is nothing to say of it. */
bool nfs_show_call(struct show *s, uint32_t version, uint32_t procedure, struct view v);
/* A reply of COMPOUND. The same: it is none, or not all of it is here. */
bool nfs_show_reply(struct show *s, struct view v);

#endif
