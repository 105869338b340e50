/*
 * hash.h - a keyed hash of a few bytes, for tables whose keys come from the wire.
 *
 * The key is drawn at random for each process, so that nobody can choose what collides; nothing
 * that is put out may depend on it.
 */
#ifndef TSUMARI_BASE_HASH_H
#define TSUMARI_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

struct hash_key {
	uint64_t k[3];
};

__extension__ typedef unsigned __int128 hash_product;

static inline void hash_key_draw(struct hash_key *key)
{
	/* Less than asked for is never given for so few bytes; without any the hash still works. */
	if (getrandom(key, sizeof(*key), 0) < 0)
		key->k[0] = (uintptr_t)key;
	key->k[2] |= 1;
}

/* The 128-bit product of two numbers, its halves put together. */
static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
	hash_product p = (hash_product)a * b;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

/* Of n bytes and a number. */
static inline uint64_t hash_bytes(
	const struct hash_key *key, uint64_t seed, const void *p, size_t n)
{
	const uint8_t *at = p;
	uint64_t h = hash_mix(seed ^ key->k[0], key->k[2]) ^ n, a = 0, b = 0;

	for (; n >= 16; n -= 16, at += 16) {
		memcpy(&a, at, 8);
		memcpy(&b, at + 8, 8);
		h = hash_mix(a ^ key->k[0] ^ h, b ^ key->k[1]);
	}
	a = b = 0;
	if (n > 8) {
		memcpy(&a, at, 8);
		memcpy(&b, at + 8, n - 8);
	} else {
		memcpy(&a, at, n);
	}
	return hash_mix(hash_mix(a ^ key->k[0] ^ h, b ^ key->k[1]), key->k[2]);
}

/* The same in every process: for what is compared as a whole, and for tables in which it does not
   matter what collides. */
static inline uint64_t hash_same(uint64_t seed, const void *p, size_t n)
{
	static const struct hash_key key = {{UINT64_C(0x2d358dccaa6c78a5),
		UINT64_C(0x8bb84b93962eacc9), UINT64_C(0x4b33a62ed433d4a3)}};

	return hash_bytes(&key, seed, p, n);
}

#endif
