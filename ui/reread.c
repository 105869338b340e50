/* reread.c - see again.h. */
#include "reread.h"
#include "view.h"
#include "base/clock.h"
#include "base/mem.h"
#include "capture/inputs.h"
#include "capture/source.h"
#include "core/order.h"
#include <stdlib.h>

#define PIECE UINT64_C(5000000) /* ns */
#define BATCH 64u

struct reread {
	struct source *source;
	struct order order;
	uint64_t from, to;
	bool (*fn)(void *arg, const struct packet *p);
	void *arg;
};

bool reread_possible(const struct ui *u)
{
	return u->o.inputs && inputs_regular(u->o.inputs);
}

struct reread *reread_new(struct ui *u, uint64_t from, uint64_t to,
	bool (*fn)(void *arg, const struct packet *p), void *arg, char *err, size_t errsize)
{
	struct source *source;
	struct reread *a;

	if (!reread_possible(u) || !inputs_unchanged(u->o.inputs)) {
		snprintf(err, errsize,
			reread_possible(u)
				? "the file has changed: its packets cannot be read again"
				: "what is no file cannot be read again");
		return NULL;
	}
	source = inputs_open(u->o.inputs, u->o.file_options, err, errsize);
	if (!source)
		return NULL;
	a = xcalloc(1, sizeof(*a));
	*a = (struct reread){source, {0}, from, to, fn, arg};
	return a;
}

void reread_to(struct reread *a, uint64_t to)
{
	a->to = to;
}

/* False: there are no more. */
static bool read_batch(struct reread *a)
{
	struct packet batch[BATCH];
	struct chunk *chunk;
	unsigned n;
	enum source_state state = source_read(a->source, batch, BATCH, &n, &chunk);

	for (unsigned i = 0; i < n; i++) {
		batch[i].order = order_next(&a->order, batch[i].number);
		if (batch[i].order > a->to)
			return false;
		if (batch[i].order >= a->from && !a->fn(a->arg, &batch[i]))
			return false;
	}
	return state == SOURCE_MORE && a->order.last < a->to;
}

bool reread_step(struct reread *a)
{
	uint64_t end = clock_monotonic() + PIECE;

	while (read_batch(a))
		if (clock_monotonic() > end)
			return true;
	return false;
}

unsigned reread_percent(const struct reread *a)
{
	double part = a->to < UINT64_MAX && a->to ? (double)a->order.last / (double)a->to
						  : source_progress(a->source);

	return part > 1 ? 100 : part > 0 ? (unsigned)(part * 100) : 0;
}

void reread_free(struct reread *a)
{
	if (!a)
		return;
	source_close(a->source);
	free(a);
}
