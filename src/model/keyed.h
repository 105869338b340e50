/*
 * keyed.h - a bounded table of things found by a key of fixed length.
 *
 * Who sends packets chooses the keys: the hash is keyed by numbers drawn at the start. Entries stay
 * where they are, in the order in which they were made; what does not fit any more is counted.
 */
#ifndef TSUMARI_MODEL_KEYED_H
#define TSUMARI_MODEL_KEYED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct keyed;

/* Keys of `key` bytes (every byte of them counts: no padding that is not zero), values of `value`
   bytes, `most` entries. */
struct keyed *keyed_new(size_t key, size_t value, uint32_t most);
void keyed_free(struct keyed *k);
/* NULL: there is none. */
void *keyed_find(const struct keyed *k, const void *key);
/* A new one is zeroed. NULL: it is full, and this was counted. */
void *keyed_get(struct keyed *k, const void *key);
/* The entry that was made first is given up where there is no room. Never NULL. */
void *keyed_renew(struct keyed *k, const void *key);

uint32_t keyed_count(const struct keyed *k);
void *keyed_value(const struct keyed *k, uint32_t i);
const void *keyed_key(const struct keyed *k, uint32_t i);
uint64_t keyed_refused(const struct keyed *k);

#endif
