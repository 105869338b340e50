/* keyed.c - see keyed.h. Chains of entries below a table of heads. */
#include "model/keyed.h"
#include "base/hash.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

#define CHUNK 64u /* entries made at a time: they are not moved */

struct entry {
	struct entry *next;
	uint8_t bytes[]; /* the key, padded to a multiple of 8, then the value */
};

struct keyed {
	size_t key, at, size; /* at: of the value behind the key; size: of an entry */
	uint32_t most, n, mask;
	uint32_t oldest;      /* the next to be given up by keyed_renew() */
	struct entry *recent; /* that was found last: records of one thing come together */
	struct entry **heads;
	uint8_t **chunks;
	uint64_t refused;
	struct hash_key secret;
};

static size_t padded(size_t n)
{
	return (n + 7) / 8 * 8;
}

struct keyed *keyed_new(size_t key, size_t value, uint32_t most)
{
	struct keyed *k = xcalloc(1, sizeof(*k));
	uint32_t heads = 16;

	while (heads < most)
		heads *= 2;
	k->key = key;
	k->at = padded(key);
	k->size = sizeof(struct entry) + k->at + padded(value);
	k->most = most;
	k->mask = heads - 1;
	k->heads = xcalloc(heads, sizeof(struct entry *));
	k->chunks = xcalloc(most / CHUNK + 1, sizeof(*k->chunks));
	hash_key_draw(&k->secret);
	return k;
}

void keyed_free(struct keyed *k)
{
	if (!k)
		return;
	for (uint32_t i = 0; i <= k->most / CHUNK; i++)
		free(k->chunks[i]);
	free(k->chunks);
	free(k->heads);
	free(k);
}

/* Of two words at a time: most keys are few, and end with a whole one. */
static inline struct entry **head_of(const struct keyed *k, const uint8_t *p)
{
	uint64_t h = k->secret.k[0], a, b;
	size_t left = k->key;

	for (; left >= 16; left -= 16, p += 16) {
		memcpy(&a, p, 8);
		memcpy(&b, p + 8, 8);
		h = hash_mix(a ^ h, b ^ k->secret.k[1]);
	}
	if (left >= 8) {
		memcpy(&a, p, 8);
		h = hash_mix(a ^ h, k->secret.k[1]);
		left -= 8;
		p += 8;
	}
	a = left;
	if (left)
		memcpy(&a, p, left);
	return &k->heads[(hash_mix(a ^ h, k->secret.k[2]) >> 7) & k->mask];
}

/* Most keys are few words. */
static inline bool same(const uint8_t *a, const uint8_t *b, size_t n)
{
	uint64_t x, y;

	for (; n >= 8; n -= 8, a += 8, b += 8) {
		memcpy(&x, a, 8);
		memcpy(&y, b, 8);
		if (x != y)
			return false;
	}
	return !n || memcmp(a, b, n) == 0;
}

static inline struct entry *find(const struct keyed *k, const void *key, struct entry *const *head)
{
	struct entry *e = *head;

	while (e && !same(e->bytes, key, k->key))
		e = e->next;
	return e;
}

static inline bool is_recent(const struct keyed *k, const void *key)
{
	return k->recent && same(k->recent->bytes, key, k->key);
}

static struct entry *entry_at(const struct keyed *k, uint32_t i)
{
	return (struct entry *)(void *)(k->chunks[i / CHUNK] + (size_t)(i % CHUNK) * k->size);
}

static void enter(struct keyed *k, struct entry *e, const void *key, struct entry **head)
{
	memset(e, 0, k->size);
	memcpy(e->bytes, key, k->key);
	e->next = *head;
	*head = e;
}

static struct entry *make(struct keyed *k, const void *key, struct entry **head)
{
	uint32_t i = k->n++;

	if (!k->chunks[i / CHUNK])
		k->chunks[i / CHUNK] = xmalloc(CHUNK * k->size);
	enter(k, entry_at(k, i), key, head);
	return entry_at(k, i);
}

/* What was made first is another's from now on. */
static struct entry *renew(struct keyed *k, const void *key, struct entry **head)
{
	struct entry *e = entry_at(k, k->oldest), **at = head_of(k, e->bytes);

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	enter(k, e, key, head);
	k->oldest = (k->oldest + 1) % k->most;
	k->refused++;
	return e;
}

void *keyed_find(const struct keyed *k, const void *key)
{
	struct entry *e = is_recent(k, key) ? k->recent : find(k, key, head_of(k, key));

	return e ? e->bytes + k->at : NULL;
}

/* renewed: where there is no room. NULL: there is none. */
static inline struct entry *get(struct keyed *k, const void *key, bool renewed)
{
	struct entry **head, *e;

	if (is_recent(k, key))
		return k->recent;
	head = head_of(k, key);
	e = find(k, key, head);
	if (!e && k->n < k->most)
		e = make(k, key, head);
	else if (!e && renewed)
		e = renew(k, key, head);
	if (e)
		k->recent = e;
	return e;
}

void *keyed_get(struct keyed *k, const void *key)
{
	struct entry *e = get(k, key, false);

	k->refused += !e;
	return e ? e->bytes + k->at : NULL;
}

void *keyed_renew(struct keyed *k, const void *key)
{
	return get(k, key, true)->bytes + k->at;
}

uint32_t keyed_count(const struct keyed *k)
{
	return k->n;
}

void *keyed_value(const struct keyed *k, uint32_t i)
{
	return entry_at(k, i)->bytes + k->at;
}

const void *keyed_key(const struct keyed *k, uint32_t i)
{
	return entry_at(k, i)->bytes;
}

uint64_t keyed_refused(const struct keyed *k)
{
	return k->refused;
}
