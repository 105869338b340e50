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
 * what stands between two fields (closed objects, constants, the key) is kept with the second, and
 * made again only where another field came before it.
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

#define OPS_MAX  (SCHEMA_FIELDS_MAX + 2 * SAVED_MAX)
#define OP_WORDS ((OPS_MAX + 63) / 64)
#define OP_NONE  0xffff

#define BEFORES 4u

/* What stands before a value where the field before it is that of operation `from`. */
struct before {
	uint16_t from, len;
	char *text; /* in whole pieces */
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
	struct before before[BEFORES]; /* the first was used last */
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

enum check_size { CHECK_64, CHECK_32, CHECK_16, CHECK_8, CHECK_SIZES };

struct checks {
	unsigned n;
	unsigned usual; /* the first so many do for a flow_record that is usual */
	struct check *list;
};

/* What is done for one record, in this order. */
struct op_list {
	size_t fixed; /* bytes of everything but text from the wire, at most */
	unsigned nsaved, n;
	struct op *ops; /* and OP_END behind them */
	/* Which of them: */
	uint64_t always[OP_WORDS];
	struct checks member[CHECK_SIZES];
	struct checks address, mac; /* those that may be absent */
	unsigned ncomputed;
	uint16_t computed[SCHEMA_FIELDS_MAX]; /* their operations */
	uint16_t value[SCHEMA_FIELDS_MAX];    /* by the dissector's fields, OP_NONE */
};

/*
 * Puts what stands before the value of operation `to`, or ends the record, where that of `from`
 * (OP_NONE: nothing) was the last to be written, to the front of its list.
 */
void jsonplan_between(struct op_list *list, unsigned from, unsigned to);

/* There is a list for records without ports, one for flows that are not TCP, and so on. */
#define PLAN_NO_PORTS 1u
#define PLAN_NO_TCP   2u
#define PLAN_LISTS    4u

struct jsonw_plan {
	struct schema *schema;
	struct op_list list[PLAN_LISTS];
};

#endif
