/* directions.c - see directions.h. */
#include "model/directions.h"
#include "base/hash.h"
#include "base/mem.h"
#include <stdlib.h>

#define SLOTS (DIRECTIONS_MAX * 2) /* a power of two */

struct pair {
	uint64_t name[2]; /* the one that was in front first; 0: free */
	uint64_t seen[2]; /* the first in front of the second, and the other way round */
};

struct directions {
	struct pair slot[SLOTS];
	unsigned n;
	struct hash_key key;
};

struct directions *directions_new(void)
{
	struct directions *d = xcalloc(1, sizeof(*d));

	hash_key_draw(&d->key);
	return d;
}

struct directions *directions_copy(const struct directions *d)
{
	struct directions *copy = xmalloc(sizeof(*copy));

	*copy = *d;
	return copy;
}

void directions_free(struct directions *d)
{
	free(d);
}

uint64_t directions_name(const struct directions *d, const struct addr *ip, uint16_t port)
{
	return hash_bytes(&d->key, port, ip, sizeof(*ip)) | 1;
}

/* Its place, or the free one where it would be. */
static const struct pair *find(const struct directions *d, uint64_t a, uint64_t b)
{
	unsigned i = (unsigned)((a ^ b) >> 8) % SLOTS;

	while (d->slot[i].name[0] && !(d->slot[i].name[0] == a && d->slot[i].name[1] == b) &&
		!(d->slot[i].name[0] == b && d->slot[i].name[1] == a))
		i = (i + 1) % SLOTS;
	return &d->slot[i];
}

void directions_seen(struct directions *d, uint64_t from, uint64_t to)
{
	struct pair *p = (struct pair *)find(d, from, to);

	if (from == to)
		return;
	if (!p->name[0]) {
		if (d->n == DIRECTIONS_MAX)
			return;
		d->n++;
		p->name[0] = from;
		p->name[1] = to;
	}
	p->seen[p->name[0] != from]++;
}

static bool in_front(const struct pair *p, uint64_t from)
{
	return (p->name[0] == from) == (p->seen[0] >= p->seen[1]);
}

bool directions_can(const struct directions *d, uint64_t from, uint64_t to)
{
	const struct pair *p = find(d, from, to);

	return from != to && (!p->name[0] || in_front(p, from));
}

bool directions_does(const struct directions *d, uint64_t from, uint64_t to)
{
	const struct pair *p = find(d, from, to);

	return from != to && p->name[0] && in_front(p, from);
}
