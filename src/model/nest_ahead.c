/*
 * nest_ahead.c - what is held back is gone through before its time, on a copy that goes on with the
 * same cells of the account, so that whoever wants these as they were has to keep them.
 */
#include "model/nest_impl.h"
#include "base/mem.h"
#include "model/directions.h"
#include <string.h>

static void *part_of(const void *p, size_t used, size_t whole)
{
	return memcpy(xmalloc(whole), p, used);
}

void nest_look_ahead(const struct nest *n)
{
	struct nest *copy;

	if (!n->agenda.n)
		return;
	copy = part_of(n, sizeof(*n), sizeof(*n));
	copy->parent = NULL;
	copy->edges = NULL;
	copy->spells = NULL;
	copy->room = 0;
	copy->directions = directions_copy(n->directions);
	copy->same = same_host_copy(n->same);
	agenda_copy(&copy->agenda, &n->agenda);
	copy->items = part_of(n->items, n->nitems * sizeof(*n->items), ITEMS * sizeof(*n->items));
	copy->links = part_of(n->links, n->nlinks * sizeof(*n->links), LINKS * sizeof(*n->links));
	copy->nodes = part_of(n->nodes, n->nnodes * sizeof(*n->nodes), NODES * sizeof(*n->nodes));
	nest_finish(copy);
	nest_free(copy);
}
