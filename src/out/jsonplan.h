/*
 * jsonplan.h - a schema made ready for writing JSON: between jsonplan.c and jsonw.c only.
 *
 * Each field's key is made once: for "tsumari.tcp.client.mss" the text
 *     "tsumari":{"tcp":{"client":{"mss":
 * of which a record needs the part behind the objects that are open already. How many of them stay
 * open from one field to the next is the number of leading words the two names share, and over
 * fields that are left out the least of those numbers.
 *
 * Which fields a record has is found out first, a bit each. Records of a type resemble one another:
 * for each such set of fields that was met lately there is a program, whose steps are the fields'
 * values with what stands before each of them (closed objects, constants, the key) as one text.
 * These texts are kept by the pair of fields they stand between, so that a program is soon made.
 */
#ifndef TSUMARI_OUT_JSONPLAN_H
#define TSUMARI_OUT_JSONPLAN_H

#include "out/jsonw.h"

#define DEPTH_MAX  8 /* objects in objects, the record's own not counted; more stay dotted */
#define SAVED_MAX  24
#define NAME_SHOWN 128 /* bytes of a constant name, at most */
#define NAME_KEPT  32  /* of these, kept ready to be copied */
#define KEY_PIECE  32  /* what stands before a value is copied in pieces of this size */
#define NOT_SAVED  0xff

enum op_kind {
	OP_LITERAL, /* the key's text holds the value, too */
	OP_SAME,    /* the text of an earlier field */
	/* Members. */
	OP_U64,
	OP_U32,
	OP_U16,
	OP_U8,
	OP_OTHER, /* a number that is not shown as its digits */
	OP_STR,
	OP_NAME,
	OP_IP,
	OP_MAC,
	OP_U64S,
	OP_IPS,
	/* A dissector's own values. */
	OP_VALUE_U64,
	OP_VALUE_STR,
	OP_VALUE_STRS, /* items parted by line feeds */
	OP_VALUE_NAME,
	OP_VALUE_OTHER,
	/* Computed. */
	OP_GET,
	OP_GET_NAME,
	/* Around an object that comes again under another name, and in its place: they have no
	   value of their own. */
	OP_OBJECT,
	OP_OBJECT_END,
	OP_OBJECT_SAME,
	OP_END, /* of the record; behind the last one */
};

#define OPS_MAX (SCHEMA_FIELDS_MAX + 2 * SAVED_MAX)
#define OP_NONE 0xffff

/* A step of a program: text, and behind it a value. */
struct step {
	const char *text; /* in whole pieces */
	struct op *op;
	uint32_t offset; /* as the operation's */
	uint16_t len;    /* of the text */
	uint8_t kind;    /* enum op_kind; OP_END is the last step's */
	uint8_t type;    /* of the field */
	bool save;       /* the value comes again */
	uint8_t saved;   /* place in the list of texts that come again; NOT_SAVED */
};

/* What stands between the values of two operations. */
struct between {
	struct between *next;
	uint16_t from; /* the first; OP_NONE: the line begins */
	uint16_t len;
	char text[]; /* in whole pieces */
};

struct op {
	uint8_t kind;   /* enum op_kind */
	uint8_t type;   /* of the field */
	uint8_t depth;  /* objects around the field */
	uint8_t common; /* of these, shared with the field before */
	uint8_t flags;  /* FIELD_F_ */
	uint8_t saved;  /* place in the list of texts that come again; NOT_SAVED */
	bool save;      /* this field's does */
	bool zero;      /* of a number: 0 is one, and does not say that there is none */
	uint16_t keylen;
	uint32_t offset; /* in the record; of a value: number of the dissector's field; of a
			    computed one: which of them */
	const char *key;
	struct between *between; /* this one and others, the first was used last */
	/* A name or list of names as it was shown last, whole: most come again and again. */
	const char *name;
	uint64_t mask;
	uint8_t shown_len;
	char shown[NAME_KEPT];
	uint16_t open[DEPTH_MAX]; /* where the key begins, by the number of objects open */
	const struct schema_column *column;
};

/* A member is there where its number, and 1, is greater than `limit` (FIELD_ABSENT is -1). */
struct check {
	uint16_t op, limit;
	uint32_t offset;
};

enum check_kind {
	CHECK_64,
	CHECK_32,
	CHECK_16,
	CHECK_8,
	CHECK_ADDRESS, /* not all zeros */
	CHECK_MAC,
	CHECK_KINDS
};

#define CHECKS_MAX 64u /* bits of a word */

/* Checks of one kind; their answers are the bits of one word. */
struct checks {
	uint8_t kind;
	unsigned n;
	unsigned usual; /* the first so many do for a flow_record that is usual */
	struct check list[CHECKS_MAX];
};

/*
 * Which fields a record has, in words: one for each of the list's checks, then the computed ones,
 * then the dissector's own values.
 */
#define CHECKS_WORDS   (CHECK_KINDS + OPS_MAX / CHECKS_MAX)
#define COMPUTED_WORDS 1u
#define VALUE_WORDS    (SCHEMA_FIELDS_MAX / 64u)
#define SEEN_WORDS     (CHECKS_WORDS + COMPUTED_WORDS + VALUE_WORDS)

struct program {
	uint64_t hash; /* of what was seen */
	uint64_t seen[SEEN_WORDS];
	struct step steps[]; /* the last is OP_END */
};

#define PROGRAM_SETS 32u
/* The highest bits of the hash are the only ones that depend on all that was seen. */
#define PROGRAM_SET(hash) ((unsigned)((hash) >> 59))
#define PROGRAM_WAYS      4u

/* What is done for records of one list. */
struct op_list {
	size_t fixed; /* bytes of everything but text from the wire, at most */
	unsigned nsaved, n;
	struct op *ops; /* and OP_END behind them */
	/* How it is known which of them a record has: */
	bool always[OPS_MAX];
	unsigned nchecks;
	struct checks *checks[CHECKS_WORDS];
	unsigned ncomputed;
	uint16_t computed[64 * COMPUTED_WORDS]; /* their operations */
	uint16_t value[SCHEMA_FIELDS_MAX];      /* by the dissector's fields, OP_NONE */
	unsigned nseen;                         /* words */
	/* The programs made so far, by hash; the one to give up next. */
	struct program *programs[PROGRAM_SETS][PROGRAM_WAYS];
	uint8_t way[PROGRAM_SETS];
};

/* Makes the program for records of which this was seen, in place of an older one. */
const struct program *jsonplan_program(struct op_list *list, const uint64_t *seen, uint64_t hash);

/* There is a list for records without ports, one for flows that are not TCP, and so on. */
#define PLAN_NO_PORTS 1u
#define PLAN_NO_TCP   2u
#define PLAN_LISTS    4u

struct jsonw_plan {
	struct schema *schema;
	const struct schema_env *env;
	bool flat;
	struct op_list list[PLAN_LISTS]; /* made when a record first needs it */
};

void jsonplan_make_list(struct jsonw_plan *p, unsigned i);

/* The list for such records. */
static inline struct op_list *jsonplan_list(struct jsonw_plan *p, const struct record *r)
{
	unsigned i = r->has_ports ? 0 : PLAN_NO_PORTS;

	if (r->kind == RECORD_FLOW && !((const struct flow_record *)r)->tcp_state)
		i |= PLAN_NO_TCP;
	if (!p->list[i].ops)
		jsonplan_make_list(p, i);
	return &p->list[i];
}

#endif
