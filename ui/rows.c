/* rows.c - see rows.h. */
#include "rows.h"
#include "screen.h"
#include "view.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

#define CHUNK ((size_t)16 * 1024)

struct rows_chunk {
	struct rows_chunk *next;
	size_t used, size;
	char data[];
};

/* The last one is kept, to be filled again. */
static void drop_texts(struct rows *x, bool all)
{
	while (x->texts && (all || x->texts->next)) {
		struct rows_chunk *c = x->texts;

		x->texts = c->next;
		free(c);
	}
	if (x->texts)
		x->texts->used = 0;
}

void *rows_begin(struct screen *s, size_t size, uint32_t n)
{
	struct rows *x = s->state ? s->state : (s->state = xcalloc(1, sizeof(struct rows)));

	drop_texts(x, false);
	if (n > x->cap) {
		x->cap = n;
		x->row = xrealloc(x->row, n * size);
	}
	if (n)
		memset(x->row, 0, n * size);
	x->size = size;
	x->n = s->table.n = n;
	return x->row;
}

const char *rows_text(struct screen *s, const char *text, size_t n)
{
	struct rows *x = s->state;
	struct rows_chunk *c = x->texts;
	char *at;

	if (!c || c->size - c->used <= n) {
		size_t size = n < CHUNK ? CHUNK : n + 1;

		c = xmalloc(sizeof(*c) + size);
		c->next = x->texts;
		c->used = 0;
		c->size = size;
		x->texts = c;
	}
	at = c->data + c->used;
	if (n)
		memcpy(at, text, n);
	at[n] = '\0';
	c->used += n + 1;
	return at;
}

void *rows_at(const struct screen *s, uint32_t row)
{
	const struct rows *x = s->state;

	return x && row < x->n ? x->row + row * x->size : NULL;
}

bool rows_value(
	struct ui *u, struct screen *s, uint32_t row, const struct field *f, struct schema_value *v)
{
	const void *r = rows_at(s, row);

	(void)u;
	return r && cell_member(f, r, v);
}

void rows_release(struct screen *s)
{
	struct rows *x = s->state;

	if (!x)
		return;
	drop_texts(x, true);
	free(x->row);
	free(x);
}

uint64_t rows_id(uint64_t id, const void *part, size_t n)
{
	for (const uint8_t *p = part; n; n--)
		id = (id ^ *p++) * UINT64_C(1099511628211);
	return id ? id : 1;
}
