/* ifaces.c - see ifaces.h. */
#include "capture/ifaces.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

#define SLOTS (2 * IFACES_MAX)
#define FNV   16777619u

struct iface {
	uint16_t linktype;
	char name[]; /* empty: it has none */
};

void ifaces_init(struct ifaces *t)
{
	t->list = xcalloc(IFACES_MAX, sizeof(*t->list));
	t->slots = xcalloc(SLOTS, sizeof(*t->slots));
	atomic_init(&t->n, 0);
}

void ifaces_release(struct ifaces *t)
{
	uint32_t n = t->list ? atomic_load(&t->n) : 0;

	for (uint32_t i = 0; i < n; i++)
		free(atomic_load(&t->list[i]));
	free(t->list);
	free(t->slots);
}

static const struct iface *find(const struct ifaces *t, unsigned number)
{
	if (number >= atomic_load_explicit(&t->n, memory_order_acquire))
		return NULL;
	return atomic_load_explicit(&t->list[number], memory_order_acquire);
}

static struct iface *iface_new(uint16_t linktype, const char *name, size_t n)
{
	struct iface *x = xmalloc(sizeof(*x) + n + 1);

	x->linktype = linktype;
	memcpy(x->name, name, n);
	x->name[n] = '\0';
	return x;
}

uint16_t ifaces_number(struct ifaces *t, uint16_t linktype, const char *name, size_t n)
{
	uint32_t count = atomic_load_explicit(&t->n, memory_order_relaxed), slot = linktype;

	n = strnlen(name, n < IFACE_NAME_MAX ? n : IFACE_NAME_MAX);
	for (size_t i = 0; i < n; i++)
		slot = (slot ^ (uint8_t)name[i]) * FNV;
	for (slot = slot % SLOTS; t->slots[slot]; slot = (slot + 1) % SLOTS) {
		uint16_t number = (uint16_t)(t->slots[slot] - 1);
		const struct iface *x = find(t, number);

		if (x->linktype == linktype && strncmp(x->name, name, n) == 0 && !x->name[n])
			return number;
	}
	if (count == IFACES_MAX)
		return IFACES_MAX - 1;
	if (count == IFACES_MAX - 1)
		n = 0; /* the one of all others */
	atomic_store_explicit(&t->list[count], iface_new(linktype, name, n), memory_order_release);
	atomic_store_explicit(&t->n, count + 1, memory_order_release);
	t->slots[slot] = (uint16_t)(count + 1);
	return (uint16_t)count;
}

const char *ifaces_name(const struct ifaces *t, unsigned number)
{
	const struct iface *x = find(t, number);

	return x && x->name[0] ? x->name : NULL;
}

int ifaces_linktype(const struct ifaces *t, unsigned number)
{
	const struct iface *x = find(t, number);

	return x ? x->linktype : -1;
}
