/* keyed.c - see keyed.h. Chains of entry numbers below a table of twice as many heads. */
#include "model/keyed.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define CHUNK 64u /* entries made at a time: they are not moved */

struct entry {
	uint32_t next; /* number + 1; 0: the chain ends */
	uint32_t reserved;
	uint8_t bytes[]; /* the key, padded to a multiple of 8, then the value */
};

struct keyed {
	size_t key, value, size; /* size: of an entry */
	uint32_t most, n, mask;
	uint32_t oldest; /* the next to be given up by keyed_renew() */
	uint32_t *heads; /* number + 1 */
	uint8_t **chunks;
	uint64_t refused, secret[2];
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
	k->value = value;
	k->size = sizeof(struct entry) + padded(key) + padded(value);
	k->most = most;
	k->mask = heads - 1;
	k->heads = xcalloc(heads, sizeof(*k->heads));
	k->chunks = xcalloc(most / CHUNK + 1, sizeof(*k->chunks));
	if (getrandom(k->secret, sizeof(k->secret), 0) < 0)
		k->secret[0] = (uintptr_t)k;
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

__extension__ typedef unsigned __int128 product;

static uint64_t mix(uint64_t a, uint64_t b)
{
	product p = (product)a * b;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static uint32_t head_of(const struct keyed *k, const void *key)
{
	const uint8_t *p = key;
	uint64_t h = k->secret[0], word;
	size_t left = k->key;

	for (; left >= 8; left -= 8, p += 8) {
		memcpy(&word, p, 8);
		h = mix(h ^ word, k->secret[1] | 1);
	}
	word = left;
	memcpy(&word, p, left);
	return (uint32_t)(mix(h ^ word, k->secret[1] | 1) >> 7) & k->mask;
}

static struct entry *entry_at(const struct keyed *k, uint32_t i)
{
	return (struct entry *)(void *)(k->chunks[i / CHUNK] + (size_t)(i % CHUNK) * k->size);
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

static struct entry *find(const struct keyed *k, const void *key, uint32_t head)
{
	for (uint32_t i = k->heads[head]; i;) {
		struct entry *e = entry_at(k, i - 1);

		if (same(e->bytes, key, k->key))
			return e;
		i = e->next;
	}
	return NULL;
}

static void enter(struct keyed *k, uint32_t i, const void *key, uint32_t head)
{
	struct entry *e = entry_at(k, i);

	memset(e, 0, k->size);
	memcpy(e->bytes, key, k->key);
	e->next = k->heads[head];
	k->heads[head] = i + 1;
}

static void unlink_entry(struct keyed *k, uint32_t i)
{
	uint32_t *at = &k->heads[head_of(k, entry_at(k, i)->bytes)];

	while (*at != i + 1)
		at = &entry_at(k, *at - 1)->next;
	*at = entry_at(k, i)->next;
}

void *keyed_find(const struct keyed *k, const void *key)
{
	struct entry *e = find(k, key, head_of(k, key));

	return e ? e->bytes + padded(k->key) : NULL;
}

static void *make(struct keyed *k, const void *key, uint32_t head)
{
	uint32_t i = k->n++;

	if (!k->chunks[i / CHUNK])
		k->chunks[i / CHUNK] = xmalloc(CHUNK * k->size);
	enter(k, i, key, head);
	return entry_at(k, i)->bytes + padded(k->key);
}

void *keyed_get(struct keyed *k, const void *key)
{
	uint32_t head = head_of(k, key);
	struct entry *e = find(k, key, head);

	if (e)
		return e->bytes + padded(k->key);
	if (k->n == k->most) {
		k->refused++;
		return NULL;
	}
	return make(k, key, head);
}

void *keyed_renew(struct keyed *k, const void *key)
{
	uint32_t head = head_of(k, key), i = k->oldest;
	struct entry *e = find(k, key, head);

	if (e)
		return e->bytes + padded(k->key);
	if (k->n < k->most)
		return make(k, key, head);
	k->oldest = (i + 1) % k->most;
	k->refused++;
	unlink_entry(k, i);
	enter(k, i, key, head);
	return entry_at(k, i)->bytes + padded(k->key);
}

uint32_t keyed_count(const struct keyed *k)
{
	return k->n;
}

void *keyed_value(const struct keyed *k, uint32_t i)
{
	return entry_at(k, i)->bytes + padded(k->key);
}

const void *keyed_key(const struct keyed *k, uint32_t i)
{
	return entry_at(k, i)->bytes;
}

uint64_t keyed_refused(const struct keyed *k)
{
	return k->refused;
}
