/*
 * jsonplan.h - a schema made ready for writing JSON: between jsonplan.c and jsonw.c only.
 *
 * Each field's key is made once: for "tsumari.tcp.client.mss" the text
 *     "tsumari":{"tcp":{"client":{"mss":
 * of which a record needs the part behind the objects that are open already. How many of them stay
 * open from one field to the next is the number of leading words the two names share, and over
 * fields that are left out the least of those numbers.
 */
#ifndef TSUMARI_OUT_JSONPLAN_H
#define TSUMARI_OUT_JSONPLAN_H

#include "out/jsonw.h"

#define DEPTH_MAX  8 /* objects in objects, the record's own not counted; more stay dotted */
#define SAVED_MAX  24
#define NAME_SHOWN 128 /* bytes of a constant name, at most */
#define NAME_KEPT  32  /* of these, kept ready to be copied */
#define KEY_PIECE  16  /* keys are copied in pieces of this size, two at least */
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
	/* Around an object that comes again under another name, and in its place. */
	OP_OBJECT,
	OP_OBJECT_END,
	OP_OBJECT_SAME,
};

struct op {
	uint8_t kind;   /* enum op_kind */
	uint8_t type;   /* of the field */
	uint8_t depth;  /* objects around the field */
	uint8_t common; /* of these, shared with the field before */
	uint8_t flags;  /* FIELD_F_ */
	uint8_t saved;  /* place in the list of texts that come again; NOT_SAVED */
	bool save;      /* this field's does */
	/* Where the field before was written: objects to close, and the rest of the key. */
	uint8_t closed;
	uint16_t keylen, next_open;
	uint32_t offset; /* in the record; of a value: number of the dissector's field */
	const char *key;
	/* A name or list of names as it was shown last, whole: most come again and again. */
	const char *name;
	uint64_t mask;
	uint8_t shown_len;
	char shown[NAME_KEPT];
	uint16_t open[DEPTH_MAX]; /* where the key begins, by the number of objects open */
	const struct schema_column *column;
};

/* What is done for one record, in this order. */
struct op_list {
	size_t fixed; /* bytes of everything but text from the wire, at most */
	unsigned nsaved, n;
	struct op *ops;
};

/* There is a list for records without ports, one for flows that are not TCP, and so on. */
#define PLAN_NO_PORTS 1u
#define PLAN_NO_TCP   2u
#define PLAN_LISTS    4u

struct jsonw_plan {
	struct schema *schema;
	unsigned nvalues; /* of the dissector's fields */
	struct op_list list[PLAN_LISTS];
};

#endif
