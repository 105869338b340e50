/*
 * memo.h - texts that a dissector keeps by a key, for as long as the session lives.
 */
#ifndef TSUMARI_CORE_MEMO_H
#define TSUMARI_CORE_MEMO_H

struct session;

void memo_free(struct session *s);

#endif
