/*
 * jsonplan.c - makes the plan that records are written by.
 */
#include "out/jsonplan.h"

#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

static const char *next_word(const char *name)
{
	const char *dot = strchr(name, '.');

	return dot ? dot + 1 : NULL;
}

/* Objects around a field. */
static unsigned depth_of(const char *name)
{
	unsigned n = 0;

	for (; (name = next_word(name)); n++)
		;
	return n < DEPTH_MAX ? n : DEPTH_MAX - 1;
}

/* Leading words (objects) that two names share. */
static unsigned common_of(const char *a, const char *b)
{
	unsigned n = 0;

	for (; *a && *a == *b; a++, b++)
		n += *a == '.';
	return n < DEPTH_MAX ? n : DEPTH_MAX - 1;
}

/* Does the value stand in quotes (opened by its key, closed behind it)? */
static bool quoted(const struct field *f)
{
	switch (f->type) {
	case FIELD_TIME:
	case FIELD_ID:
	case FIELD_RUN_ID:
	case FIELD_STR:
	case FIELD_NAME:
	case FIELD_IP:
	case FIELD_MAC:
		return !(f->flags & FIELD_F_LIST);
	default:
		return false;
	}
}

/* A name of ours may be another's: a host's. */
static void put_constant(struct text *t, const char *name)
{
	char shown[JSONW_TEXT(IDENTITY_NAME)];

	text_put(t, shown, (size_t)(jsonw_text(shown, name, strnlen(name, IDENTITY_NAME)) - shown));
}

static void make_key(
	struct op *op, const struct schema_column *c, const struct schema_env *env, bool flat)
{
	const char *name = c->field->name, *next;
	struct text t;

	text_init_growing(&t);
	op->depth = (uint8_t)(flat ? 0 : depth_of(name));
	for (unsigned i = 0; i < op->depth; i++, name = next) {
		next = next_word(name);
		op->open[i] = (uint16_t)t.len;
		text_char(&t, '"');
		text_put(&t, name, (size_t)(next - name - 1));
		text_str(&t, "\":{");
	}
	op->open[op->depth] = (uint16_t)t.len;
	text_printf(&t, "\"%s\":", name);
	if (quoted(c->field))
		text_char(&t, '"');
	if (op->kind == OP_LITERAL) {
		bool list = c->field->flags & FIELD_F_LIST;

		text_str(&t, list ? "[\"" : "");
		put_constant(&t, schema_constant(c->computed, env));
		text_str(&t, list ? "\"]" : "\"");
	}
	if (c->field->type == FIELD_RUN_ID && env->identity)
		text_printf(&t, "%s-", env->identity->run);
	op->keylen = (uint16_t)t.len;
	op->key = t.p;
}

static enum op_kind member_kind(const struct field *f)
{
	switch (f->type) {
	case FIELD_STR:
		return OP_STR;
	case FIELD_NAME:
		return OP_NAME;
	case FIELD_IP:
		return OP_IP;
	case FIELD_MAC:
		return OP_MAC;
	case FIELD_U64S:
	case FIELD_DURATIONS:
		return OP_U64S;
	case FIELD_IPS:
		return OP_IPS;
	case FIELD_U64:
	case FIELD_BYTES:
	case FIELD_DURATION:
		return f->flags & FIELD_F_U8    ? OP_U8
		       : f->flags & FIELD_F_U16 ? OP_U16
		       : f->flags & FIELD_F_U32 ? OP_U32
						: OP_U64;
	default:
		return OP_OTHER;
	}
}

static enum op_kind value_kind(const struct field *f)
{
	switch (f->type) {
	case FIELD_STR:
		return f->flags & FIELD_F_LIST ? OP_VALUE_STRS : OP_VALUE_STR;
	case FIELD_NAME:
		return OP_VALUE_NAME;
	case FIELD_U64:
	case FIELD_BYTES:
	case FIELD_DURATION:
		return OP_VALUE_U64;
	default:
		return OP_VALUE_OTHER;
	}
}

static enum op_kind computed_kind(const struct schema_computed *c)
{
	return c->literal || c->constant     ? OP_LITERAL
	       : c->field.type == FIELD_NAME ? OP_GET_NAME
					     : OP_GET;
}

/* A list of operations being made, of those columns that such records can have. */
struct builder {
	struct op_list *list;
	const struct schema_env *env;
	bool flat;
	unsigned n;
	const struct schema_column *columns[SCHEMA_FIELDS_MAX];
};

static const char *name_at(const struct builder *b, unsigned i)
{
	return b->columns[i]->field->name;
}

/* A place for text that comes again; NOT_SAVED where there are too many. */
static uint8_t new_saved(struct op_list *list)
{
	return list->nsaved < SAVED_MAX ? (uint8_t)list->nsaved++ : NOT_SAVED;
}

/* Where a member was shown before in the same way, its text is used again. */
static void find_same(struct op_list *list, struct op *op)
{
	for (struct op *o = list->ops; o < op; o++) {
		if (!o->column || o->column->source != SCHEMA_MEMBER || o->kind == OP_SAME ||
			o->type != op->type || o->offset != op->offset || o->flags != op->flags)
			continue;
		if (o->saved == NOT_SAVED)
			o->saved = new_saved(list);
		if (o->saved == NOT_SAVED)
			return;
		o->save = true;
		op->kind = OP_SAME;
		op->saved = o->saved;
		return;
	}
}

/* Most bytes of a value, text from the wire not counted. */
static size_t value_bound(const struct field *f)
{
	size_t n = JSONW_TEXT(NAME_SHOWN);

	if (f->type == FIELD_NAMES)
		for (unsigned i = 0; f->names && f->names[i]; i++)
			n += JSONW_TEXT(strlen(f->names[i])) + 3;
	if (f->type == FIELD_U64S || f->type == FIELD_DURATIONS)
		n += FIELD_LIST_MAX * (PUT_U64 + 1);
	if (f->type == FIELD_IPS)
		n += FIELD_ADDRS_MAX * (PUT_ADDR + 3);
	return n;
}

static void set_kind(struct builder *b, struct op *op)
{
	const struct schema_column *c = op->column;

	op->offset = c->base + c->field->offset;
	if (c->source == SCHEMA_VALUE) {
		op->kind = (uint8_t)value_kind(c->field);
		op->offset = c->index;
	} else if (c->source == SCHEMA_COMPUTED) {
		op->kind = (uint8_t)computed_kind(c->computed);
	} else {
		op->kind = (uint8_t)member_kind(c->field);
		find_same(b->list, op);
	}
	/* For lists of addresses. */
	if (op->kind == OP_IP && op->saved == NOT_SAVED) {
		op->saved = new_saved(b->list);
		op->save = op->saved != NOT_SAVED;
	}
}

static void add_field(struct builder *b, unsigned i)
{
	struct op *op = &b->list->ops[b->list->n++];

	op->column = b->columns[i];
	op->type = op->column->field->type;
	op->flags = (uint8_t)op->column->field->flags; /* FIELD_F_SHOWN is not of records */
	op->zero = op->type == FIELD_BOOL
			   ? (op->flags & FIELD_F_FALSE) != 0
			   : op->type != FIELD_NAMES && !(op->flags & FIELD_F_NONZERO);
	op->saved = NOT_SAVED;
	set_kind(b, op);
	make_key(op, op->column, b->env, b->flat);
	if (i > 0 && !b->flat)
		op->common = (uint8_t)common_of(name_at(b, i), name_at(b, i - 1));
	b->list->fixed += (size_t)op->keylen + 2 * KEY_PIECE + DEPTH_MAX;
	b->list->fixed += value_bound(op->column->field);
}

/*
 * The number of fields of an object (from column i on, the first of them) that could be copied as a
 * whole: members only, no objects inside, an address among them, so that it is never empty.
 */
static unsigned object_length(const struct builder *b, unsigned i)
{
	bool address = false;
	unsigned n = 0;

	if (depth_of(name_at(b, i)) != 1 ||
		(i > 0 && common_of(name_at(b, i), name_at(b, i - 1)) > 0))
		return 0;
	/* The first field's name shares its only object with itself. */
	for (; i + n < b->n && common_of(name_at(b, i), name_at(b, i + n)) > 0; n++) {
		const struct schema_column *c = b->columns[i + n];

		if (c->source != SCHEMA_MEMBER || depth_of(c->field->name) != 1)
			return 0;
		address |= c->field->type == FIELD_IP;
	}
	return address ? n : 0;
}

/* Do the n fields from column i and from column j on say the same in the same words? */
static bool object_same(const struct builder *b, unsigned i, unsigned j, unsigned n)
{
	if (object_length(b, j) != n)
		return false;
	for (unsigned k = 0; k < n; k++) {
		const struct schema_column *x = b->columns[i + k], *y = b->columns[j + k];
		const struct field *f = x->field, *g = y->field;

		if (strcmp(next_word(f->name), next_word(g->name)) != 0 || f->type != g->type ||
			f->flags != g->flags || x->base + f->offset != y->base + g->offset)
			return false;
	}
	return true;
}

static void add_object_op(struct builder *b, enum op_kind kind, unsigned i, uint8_t saved)
{
	struct op *op = &b->list->ops[b->list->n++];
	struct text t;

	text_init_growing(&t);
	text_char(&t, '"');
	text_put(&t, name_at(b, i), strcspn(name_at(b, i), "."));
	text_str(&t, "\":{");
	op->keylen = (uint16_t)t.len;
	op->key = t.p;
	op->kind = (uint8_t)kind;
	op->saved = saved;
	op->depth = 1;
	b->list->fixed += (size_t)op->keylen + 2 * KEY_PIECE + DEPTH_MAX;
}

/* Copies an object that was written before under another name; false: there is none. */
static bool copy_object(struct builder *b, unsigned i, unsigned n, const uint8_t *saved)
{
	for (unsigned j = 0; j < i; j++) {
		if (saved[j] == NOT_SAVED || !object_same(b, i, j, n))
			continue;
		add_object_op(b, OP_OBJECT_SAME, i, saved[j]);
		b->list->fixed += n * JSONW_TEXT(NAME_SHOWN + SCHEMA_NAME_MAX);
		return true;
	}
	return false;
}

/* Does an object like the one at column i follow? */
static bool comes_again(const struct builder *b, unsigned i, unsigned n)
{
	for (unsigned j = i + n; j < b->n; j++)
		if (object_same(b, i, j, n))
			return true;
	return false;
}

static void add_nested(struct builder *b)
{
	uint8_t saved[SCHEMA_FIELDS_MAX]; /* by column where an object begins */

	memset(saved, NOT_SAVED, sizeof(saved));
	for (unsigned i = 0, n; i < b->n; i += n) {
		n = object_length(b, i);
		if (n && copy_object(b, i, n, saved))
			continue;
		if (n && comes_again(b, i, n))
			saved[i] = new_saved(b->list);
		if (saved[i] == NOT_SAVED) {
			n = 1;
			add_field(b, i);
			continue;
		}
		add_object_op(b, OP_OBJECT, i, saved[i]);
		for (unsigned k = 0; k < n; k++)
			add_field(b, i + k);
		b->list->ops[b->list->n - n].common = 1; /* its object is open */
		add_object_op(b, OP_OBJECT_END, i, saved[i]);
	}
}

/* Where the next check of a kind goes. */
static struct checks *checks_for(struct op_list *list, enum check_kind kind)
{
	struct checks *c;

	for (unsigned i = 0; i < list->nchecks; i++)
		if (list->checks[i]->kind == kind && list->checks[i]->n < CHECKS_MAX)
			return list->checks[i];
	c = xcalloc(1, sizeof(*c));
	c->kind = (uint8_t)kind;
	list->checks[list->nchecks++] = c;
	return c;
}

/* Those that a flow_record that is usual does not have go behind the others. */
static void add_to(
	struct op_list *list, enum check_kind kind, unsigned op, size_t offset, unsigned limit)
{
	struct checks *c = checks_for(list, kind);
	unsigned i = c->n++;

	if (offset < FLOW_RECORD_USUAL || limit == 0) {
		c->list[i] = c->list[c->usual];
		i = c->usual++;
	}
	c->list[i] = (struct check){(uint16_t)op, (uint16_t)limit, (uint32_t)offset};
}

static void check_number(struct op_list *list, unsigned i)
{
	const struct op *op = &list->ops[i];
	enum check_kind size = op->flags & FIELD_F_U8    ? CHECK_8
			       : op->flags & FIELD_F_U16 ? CHECK_16
			       : op->flags & FIELD_F_U32 ? CHECK_32
							 : CHECK_64;

	if (op->type == FIELD_NAMES && size != CHECK_8)
		size = CHECK_32;
	if (op->zero && size != CHECK_64)
		list->always[i] = true;
	else
		add_to(list, size, i, op->offset, op->zero ? 0 : 1);
}

static void check_member(struct op_list *list, unsigned i)
{
	const struct op *op = &list->ops[i];
	const enum check_kind pointer = sizeof(char *) == 8 ? CHECK_64 : CHECK_32;

	switch (op->type) {
	case FIELD_STR:
		add_to(list, CHECK_32, i, op->offset + offsetof(struct record_text, len), 1);
		break;
	case FIELD_NAME:
		add_to(list, pointer, i, op->offset, 1);
		break;
	case FIELD_U64S:
	case FIELD_DURATIONS:
		add_to(list, CHECK_32, i, op->offset + offsetof(struct field_list, n), 1);
		break;
	case FIELD_IPS:
		add_to(list, CHECK_32, i, op->offset + offsetof(struct field_addrs, n), 1);
		break;
	case FIELD_MAC:
		add_to(list, CHECK_MAC, i, op->offset, 1);
		break;
	case FIELD_IP:
		if (op->flags & FIELD_F_NONZERO)
			add_to(list, CHECK_ADDRESS, i, op->offset, 1);
		else
			list->always[i] = true;
		break;
	default:
		check_number(list, i);
	}
}

/* How it is known whether a record has it. */
static void add_check(struct op_list *list, unsigned i)
{
	struct op *op = &list->ops[i];

	switch (op->kind) {
	case OP_LITERAL: /* stands between values */
		break;
	case OP_OBJECT:
	case OP_OBJECT_END:
	case OP_OBJECT_SAME:
		list->always[i] = true;
		break;
	case OP_VALUE_U64:
	case OP_VALUE_STR:
	case OP_VALUE_STRS:
	case OP_VALUE_NAME:
	case OP_VALUE_OTHER:
		list->value[op->offset] = (uint16_t)i;
		break;
	case OP_GET:
	case OP_GET_NAME:
		if (list->ncomputed == 64 * COMPUTED_WORDS)
			abort(); /* computed.c has more than there is room for */
		op->offset = list->ncomputed;
		list->computed[list->ncomputed++] = (uint16_t)i;
		break;
	default:
		check_member(list, i);
	}
}

/* Objects that end, constants and their keys, objects that begin, and the key of `to`. */
static void put_between(struct text *t, const struct op_list *list, unsigned from, unsigned to)
{
	unsigned depth = from == OP_NONE ? 0 : list->ops[from].depth;
	unsigned common = from == OP_NONE ? 0 : DEPTH_MAX;
	const char *comma = from == OP_NONE ? "{" : list->ops[from].kind == OP_OBJECT ? "" : ",";

	for (unsigned i = from == OP_NONE ? 0 : from + 1; i <= to; i++) {
		const struct op *o = &list->ops[i];

		if (o->common < common)
			common = o->common;
		if (i < to && o->kind != OP_LITERAL)
			continue;
		text_fill(t, '}', depth - common);
		if (o->kind == OP_END) {
			text_str(t, "}\n");
			break;
		}
		text_str(t, comma);
		text_put(t, o->key + o->open[common], (size_t)(o->keylen - o->open[common]));
		depth = o->depth;
		common = DEPTH_MAX;
		comma = ",";
	}
}

/* Which operations are done where this was seen. */
static void operations_of(const struct op_list *list, const uint64_t *seen, bool *there)
{
	const uint64_t *computed = seen + list->nchecks, *values = computed + COMPUTED_WORDS;

	memcpy(there, list->always, sizeof(list->always));
	for (unsigned w = 0; w < list->nchecks; w++)
		for (unsigned i = 0; i < list->checks[w]->n; i++)
			there[list->checks[w]->list[i].op] |= seen[w] >> i & 1;
	for (unsigned i = 0; i < list->ncomputed; i++)
		there[list->computed[i]] |= computed[i / 64] >> i % 64 & 1;
	/* Of transactions only. */
	for (unsigned i = 0; i < 64 * (list->nseen - list->nchecks - COMPUTED_WORDS); i++)
		if (list->value[i] != OP_NONE)
			there[list->value[i]] |= values[i / 64] >> i % 64 & 1;
}

static struct between *make_between(const struct op_list *list, unsigned from, unsigned to)
{
	struct between *b;
	size_t len;
	struct text t;

	text_init_growing(&t);
	if (list->ops[to].kind != OP_OBJECT_END)
		put_between(&t, list, from, to);
	len = t.len;
	text_fill(&t, '\0', KEY_PIECE); /* a piece even where there is nothing */
	b = xmalloc(sizeof(*b) + t.len);
	b->from = (uint16_t)from;
	b->len = (uint16_t)len;
	memcpy(b->text, t.p, t.len);
	text_release(&t);
	return b;
}

static const struct between *between(struct op_list *list, unsigned from, unsigned to)
{
	struct between **first = &list->ops[to].between, **at = first, *b;

	while (*at && (*at)->from != from)
		at = &(*at)->next;
	b = *at;
	if (b)
		*at = b->next;
	else
		b = make_between(list, from, to);
	b->next = *first;
	*first = b;
	return b;
}

static struct step make_step(struct op_list *list, unsigned from, unsigned to)
{
	const struct between *b = between(list, from, to);
	struct op *op = &list->ops[to];

	return (struct step){
		.text = b->text,
		.op = op,
		.offset = op->offset,
		.len = b->len,
		.kind = op->kind,
		.type = op->type,
		.save = op->save,
		.saved = op->saved,
	};
}

static struct program *make_program(struct op_list *list, const bool *there)
{
	struct program *p;
	unsigned from = OP_NONE, n = 1;

	for (unsigned i = 0; i < list->n; i++)
		n += there[i];
	p = xmalloc(sizeof(*p) + n * sizeof(p->steps[0]));
	n = 0;
	for (unsigned i = 0; i <= list->n; i++) {
		if (i < list->n && !there[i])
			continue;
		p->steps[n++] = make_step(list, from, i);
		from = i;
	}
	return p;
}

const struct program *jsonplan_program(struct op_list *list, const uint64_t *seen, uint64_t hash)
{
	unsigned set = PROGRAM_SET(hash), way = list->way[set]++ % PROGRAM_WAYS;
	bool there[OPS_MAX];
	struct program *p;

	operations_of(list, seen, there);
	p = make_program(list, there);
	p->hash = hash;
	memcpy(p->seen, seen, list->nseen * sizeof(*seen));
	free(list->programs[set][way]);
	list->programs[set][way] = p;
	return p;
}

static bool always_absent(const struct schema_column *c, const struct schema_env *env)
{
	return c->source == SCHEMA_COMPUTED && c->computed->constant && !c->computed->constant(env);
}

void jsonplan_make_list(struct jsonw_plan *p, unsigned i)
{
	unsigned without =
		(i & PLAN_NO_PORTS ? FIELD_F_PORTS : 0) | (i & PLAN_NO_TCP ? FIELD_F_TCP : 0);
	struct op_list *list = &p->list[i];
	struct builder b = {.list = list, .env = p->env, .flat = p->flat};

	for (unsigned column = 0; column < p->schema->n; column++) {
		const struct schema_column *c = &p->schema->columns[column];

		if (!(c->field->flags & without) && !always_absent(c, p->env))
			b.columns[b.n++] = c;
	}
	list->fixed = 64 + 2 * KEY_PIECE;
	list->ops = xcalloc(b.n + 2 * SAVED_MAX + 1, sizeof(list->ops[0]));
	memset(list->value, 0xff, sizeof(list->value));
	if (!p->flat)
		add_nested(&b);
	for (unsigned c = 0; c < b.n && p->flat; c++)
		add_field(&b, c);
	list->ops[list->n].kind = OP_END;
	for (unsigned op = 0; op < list->n; op++)
		add_check(list, op);
	list->nseen =
		list->nchecks + COMPUTED_WORDS + (p->schema->kind == RECORD_TXN ? VALUE_WORDS : 0);
}

struct jsonw_plan *jsonw_plan_new(struct schema *s, const struct schema_env *env, bool flat)
{
	struct jsonw_plan *p = xcalloc(1, sizeof(*p));

	p->schema = s;
	p->env = env;
	p->flat = flat;
	return p;
}

static void op_free(struct op *op)
{
	while (op->between) {
		struct between *b = op->between;

		op->between = b->next;
		free(b);
	}
	free((char *)(uintptr_t)op->key);
}

static void list_free(struct op_list *list)
{
	for (unsigned i = 0; list->ops && i <= list->n; i++)
		op_free(&list->ops[i]);
	free(list->ops);
	for (unsigned i = 0; i < list->nchecks; i++)
		free(list->checks[i]);
	for (unsigned set = 0; set < PROGRAM_SETS; set++)
		for (unsigned way = 0; way < PROGRAM_WAYS; way++)
			free(list->programs[set][way]);
}

void jsonw_plan_free(struct jsonw_plan *p)
{
	if (!p)
		return;
	for (unsigned i = 0; i < PLAN_LISTS; i++)
		list_free(&p->list[i]);
	schema_free(p->schema);
	free(p);
}

size_t jsonw_bound(struct jsonw_plan *p, const struct record *r)
{
	/* Text of the record stands in the line at most twice (path, resource). */
	return jsonplan_list(p, r)->fixed + 2 * JSONW_TEXT(r->size);
}
