/*
 * paths.c - the paths of what a protocol knows by handles; see paths.h.
 *
 * An entry is a handle of a server, its parent's handle and its name there. It is found by handle
 * and by (parent, name); all of them are in one list by their last use.
 */
#include "model/paths.h"
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "base/ending.h"
#include "base/mem.h"

#define NONE      UINT32_MAX
#define LEVELS    128u  /* directories above a file that are walked up */
#define PATH_SIZE 2048u /* what a path may have */

struct entry {
	struct addr server;
	uint64_t handle, parent;
	char *name;
	uint32_t len;
	uint32_t next_handle, next_name; /* in their buckets; of a free one: the next free */
	uint32_t newer, older;           /* by last use */
};

struct paths {
	struct entry *entries;
	uint32_t *by_handle, *by_name;
	uint32_t limit, used, free, mask, newest, oldest;
	uint64_t seed[2];
	uint64_t given_up;
	uint8_t *copy; /* of a record that got its path */
	size_t copy_size;
};

/* What a record is about. */
struct place {
	uint64_t handle;
	const char *name;
	uint32_t len;
	uint8_t field;
};

struct paths *paths_new(unsigned entries)
{
	struct paths *p = xcalloc(1, sizeof(*p));
	uint32_t buckets = 64;

	while (buckets < entries)
		buckets *= 2;
	p->limit = entries;
	p->mask = buckets - 1;
	p->newest = p->oldest = p->free = NONE;
	if (getrandom(p->seed, sizeof(p->seed), 0) != (ssize_t)sizeof(p->seed))
		ending_now("the system gives no random numbers");
	return p;
}

/* The tables are made when there is something to learn. */
static void make_tables(struct paths *p)
{
	size_t bytes = ((size_t)p->mask + 1) * sizeof(*p->by_handle);

	p->entries = xcalloc(p->limit, sizeof(*p->entries));
	p->by_handle = xmalloc(bytes);
	p->by_name = xmalloc(bytes);
	memset(p->by_handle, 0xff, bytes);
	memset(p->by_name, 0xff, bytes);
}

void paths_free(struct paths *p)
{
	if (!p)
		return;
	for (uint32_t i = 0; i < p->used; i++)
		free(p->entries[i].name);
	free(p->entries);
	free(p->by_handle);
	free(p->by_name);
	free(p->copy);
	free(p);
}

static uint64_t mixed(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 r = (unsigned __int128)a * b;

	return (uint64_t)r ^ (uint64_t)(r >> 64);
}

static uint64_t hash(const struct paths *p, const struct addr *server, uint64_t handle)
{
	uint64_t a, b;

	memcpy(&a, server->b, 8);
	memcpy(&b, server->b + 8, 8);
	return mixed(a ^ p->seed[0], b ^ handle ^ p->seed[1]);
}

static uint32_t *handle_bucket(const struct paths *p, const struct addr *server, uint64_t handle)
{
	return &p->by_handle[hash(p, server, handle) & p->mask];
}

static uint32_t *name_bucket(const struct paths *p, const struct addr *server, uint64_t parent,
	const char *name, uint32_t len)
{
	uint64_t h = hash(p, server, parent);

	for (uint32_t i = 0; i < len; i++)
		h = mixed(h ^ (uint8_t)name[i], p->seed[0] | 1);
	return &p->by_name[h & p->mask];
}

static struct entry *find(const struct paths *p, const struct addr *server, uint64_t handle)
{
	if (!p->entries)
		return NULL;
	for (uint32_t i = *handle_bucket(p, server, handle); i != NONE;
		i = p->entries[i].next_handle) {
		struct entry *e = &p->entries[i];

		if (e->handle == handle && memcmp(&e->server, server, sizeof(*server)) == 0)
			return e;
	}
	return NULL;
}

static struct entry *find_name(const struct paths *p, const struct addr *server, uint64_t parent,
	const char *name, uint32_t len)
{
	if (!p->entries)
		return NULL;
	for (uint32_t i = *name_bucket(p, server, parent, name, len); i != NONE;
		i = p->entries[i].next_name) {
		struct entry *e = &p->entries[i];

		if (e->parent == parent && e->len == len && memcmp(e->name, name, len) == 0 &&
			memcmp(&e->server, server, sizeof(*server)) == 0)
			return e;
	}
	return NULL;
}

static uint32_t index_of(const struct paths *p, const struct entry *e)
{
	return (uint32_t)(e - p->entries);
}

static void list_out(struct paths *p, struct entry *e)
{
	*(e->newer == NONE ? &p->newest : &p->entries[e->newer].older) = e->older;
	*(e->older == NONE ? &p->oldest : &p->entries[e->older].newer) = e->newer;
}

static void list_in(struct paths *p, struct entry *e)
{
	e->newer = NONE;
	e->older = p->newest;
	*(p->newest == NONE ? &p->oldest : &p->entries[p->newest].newer) = index_of(p, e);
	p->newest = index_of(p, e);
}

static void used_now(struct paths *p, struct entry *e)
{
	if (p->newest == index_of(p, e))
		return;
	list_out(p, e);
	list_in(p, e);
}

static void name_out(struct paths *p, struct entry *e)
{
	uint32_t *at = name_bucket(p, &e->server, e->parent, e->name, e->len);

	while (*at != index_of(p, e))
		at = &p->entries[*at].next_name;
	*at = e->next_name;
	free(e->name);
	e->name = NULL;
}

static void name_in(
	struct paths *p, struct entry *e, uint64_t parent, const char *name, uint32_t len)
{
	uint32_t *bucket = name_bucket(p, &e->server, parent, name, len);

	e->parent = parent;
	e->len = len;
	e->name = xmalloc(len + 1);
	memcpy(e->name, name, len);
	e->next_name = *bucket;
	*bucket = index_of(p, e);
}

static void drop(struct paths *p, struct entry *e)
{
	uint32_t *at = handle_bucket(p, &e->server, e->handle);

	while (*at != index_of(p, e))
		at = &p->entries[*at].next_handle;
	*at = e->next_handle;
	name_out(p, e);
	list_out(p, e);
	e->next_handle = p->free;
	p->free = index_of(p, e);
}

static struct entry *place_for(struct paths *p)
{
	struct entry *e;

	if (p->free == NONE && p->used < p->limit)
		return &p->entries[p->used++];
	if (p->free == NONE) {
		p->given_up++;
		drop(p, &p->entries[p->oldest]);
	}
	e = &p->entries[p->free];
	p->free = e->next_handle;
	return e;
}

/* "." and ".." are no place of their own. */
static bool is_dots(const char *name, uint32_t len)
{
	return (len == 1 || len == 2) && name[0] == '.' && name[len - 1] == '.';
}

static void learn(struct paths *p, const struct addr *server, uint64_t parent, const char *name,
	uint32_t len, uint64_t handle)
{
	struct entry *e, *old;
	uint32_t *bucket;

	if (handle == parent || handle <= TSM_ROOT || is_dots(name, len))
		return;
	if (!p->entries)
		make_tables(p);
	old = find_name(p, server, parent, name, len);
	if (old && old->handle == handle) {
		used_now(p, old);
		return;
	}
	if (old) /* the name has gone over to another file */
		drop(p, old);
	e = find(p, server, handle);
	if (e) {
		name_out(p, e);
		used_now(p, e);
	} else {
		e = place_for(p);
		e->server = *server;
		e->handle = handle;
		bucket = handle_bucket(p, server, handle);
		e->next_handle = *bucket;
		*bucket = index_of(p, e);
		list_in(p, e);
	}
	name_in(p, e, parent, name, len);
}

/* Puts a name in front of the path that begins at `at`; false: there is no room. */
static bool before(char *buf, size_t *at, const char *name, uint32_t len)
{
	if (len + 1 > *at)
		return false;
	if (!len)
		return true;
	*at -= len;
	memcpy(buf + *at, name, len);
	buf[--*at] = '/';
	return true;
}

/* The path of a place, at the end of buf; NULL: some directory above is not known. */
static const char *path_of(struct paths *p, const struct addr *server, const struct place *w,
	char buf[PATH_SIZE], uint32_t *len)
{
	size_t at = PATH_SIZE;
	uint64_t handle = w->handle;

	if (is_dots(w->name, w->len) || !before(buf, &at, w->name, w->len))
		return NULL;
	for (unsigned i = 0; handle != TSM_ROOT; i++) {
		struct entry *e = find(p, server, handle);

		if (!e || i == LEVELS || !before(buf, &at, e->name, e->len))
			return NULL;
		used_now(p, e);
		handle = e->parent;
	}
	if (at == PATH_SIZE)
		buf[--at] = '/';
	*len = (uint32_t)(PATH_SIZE - at);
	return buf + at;
}

/* Calls for each fact of a record. */
static const struct fact *next_fact(const struct txn_record *t, const struct value **v, uint32_t *i)
{
	for (; *i < t->nvalues; ++*i, *v = value_next(*v))
		if ((*v)->field == VALUE_FACT) {
			const struct fact *f = (const void *)value_text(*v);

			++*i;
			*v = value_next(*v);
			return f;
		}
	return NULL;
}

static const struct value *first_value(const struct txn_record *t)
{
	return (const void *)((const char *)t + t->values);
}

static const char *fact_name(const struct fact *f)
{
	return (const char *)(f + 1);
}

/* What the record is about: the last it said. */
static bool where(const struct txn_record *t, struct place *w)
{
	const struct value *v = first_value(t);
	const struct fact *f;
	bool there = false;

	for (uint32_t i = 0; (f = next_fact(t, &v, &i));)
		if (f->kind == FACT_WHERE) {
			*w = (struct place){f->handle, fact_name(f), f->len, f->field};
			there = true;
		}
	return there;
}

/* What was said to get a handle under this k; `last` is what was said last. */
static const struct fact *said(
	const struct txn_record *t, const struct fact *last, const struct fact *learned)
{
	const struct value *v = first_value(t);
	const struct fact *f;

	if (last && last->k == learned->k)
		return last;
	for (uint32_t i = 0; (f = next_fact(t, &v, &i)) && f != learned;)
		if (f->kind == FACT_LEARN && f->k == learned->k)
			return f;
	return NULL;
}

static void learn_all(struct paths *p, const struct txn_record *t, const struct place *w)
{
	const struct addr *server = &t->r.server.ip;
	const struct value *v = first_value(t);
	const struct fact *f, *last = NULL, *name;
	uint64_t here = w->handle;

	if (w->len) { /* a name in a directory: what it stands for is another handle */
		const struct entry *e = find_name(p, server, w->handle, w->name, w->len);

		here = e ? e->handle : 0;
	}
	for (uint32_t i = 0; (f = next_fact(t, &v, &i));) {
		struct entry *e = NULL;

		switch (f->kind) {
		case FACT_LEARN:
			last = f;
			break;
		case FACT_LEARNED:
			name = said(t, last, f);
			if (name && (name->handle != TSM_HERE || here))
				learn(p, server, name->handle == TSM_HERE ? here : name->handle,
					fact_name(name), name->len, f->handle);
			break;
		case FACT_MOVED:
			if (t->r.status == STATUS_OK)
				e = find_name(p, server, w->handle, w->name, w->len);
			if (e)
				learn(p, server, f->handle, fact_name(f), f->len, e->handle);
			break;
		case FACT_REMOVED:
			if (t->r.status == STATUS_OK)
				e = find_name(p, server, f->handle, fact_name(f), f->len);
			if (e)
				drop(p, e);
			break;
		default:
			break;
		}
	}
}

static struct value *append(struct txn_record *t, uint16_t field, uint32_t text)
{
	struct value *v = (void *)((uint8_t *)t + t->r.size);

	memset(v, 0, sizeof(*v));
	v->field = field;
	v->room = text;
	v->len = (uint16_t)text;
	t->nvalues++;
	t->r.size += (uint32_t)sizeof(*v) + (text + 7) / 8 * 8;
	return v;
}

/* A copy of the record with its path, as a value and in `path` and `query`. */
static const struct record *with_path(struct paths *p, const struct txn_record *t,
	const struct place *w, const char *path, uint32_t len)
{
	size_t room = t->r.size + 2 * sizeof(struct value) + 2 * (size_t)len + t->method.len + 32;
	struct txn_record *c;
	struct value *v;
	char *text;

	if (room > p->copy_size) {
		p->copy_size = room * 2;
		p->copy = xrealloc(p->copy, p->copy_size);
	}
	c = (void *)p->copy;
	memcpy(c, t, t->r.size);
	v = append(c, w->field, len);
	memcpy(v + 1, path, len);
	v = append(c, VALUE_DEAD, t->method.len + 1 + len);
	text = (char *)(v + 1);
	memcpy(text, (const char *)t + t->method.offset, t->method.len);
	text[t->method.len] = ' ';
	memcpy(text + t->method.len + 1, path, len);
	c->query.offset = (uint32_t)(text - (char *)c);
	c->query.len = t->method.len + 1 + len;
	c->object.offset = c->query.offset + t->method.len + 1;
	c->object.len = len;
	return &c->r;
}

const struct record *paths_record(struct paths *p, const struct record *r)
{
	const struct txn_record *t = (const struct txn_record *)r;
	char buf[PATH_SIZE];
	struct place w = {0, "", 0, 0};
	const char *path = NULL;
	uint32_t len = 0;
	bool there;

	if (r->kind != RECORD_TXN || !r->dissector || !r->dissector->body)
		return r;
	there = where(t, &w);
	if (there)
		path = path_of(p, &r->server.ip, &w, buf, &len);
	learn_all(p, t, &w);
	return path ? with_path(p, t, &w, path, len) : r;
}

void paths_counters(const struct paths *p, struct counters *c)
{
	if (p->given_up)
		counters_add(c, "paths: handle given up for a newer one", p->given_up);
}
