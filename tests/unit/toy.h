/*
 * toy.h - messages of a protocol for tests: "(name)" asks and "[name]" answers.
 */
#ifndef TSUMARI_TESTS_TOY_H
#define TSUMARI_TESTS_TOY_H

#include "talk.h"

static const struct field toy_fields[] = {
	FIELD("said", "Said", "What it was answered", FIELD_STR, 5),
	FIELDS_END,
};

static inline bool toy_begins(enum side side, uint8_t c)
{
	return c == (side == SIDE_CLIENT ? '(' : '[');
}

/* Reads the message that begins at v's front; false: its end is not there. */
static inline bool toy_read(struct session *s, enum side side, struct view *v)
{
	bool request = side == SIDE_CLIENT;
	const uint8_t *end = memchr(v->p, request ? ')' : ']', view_len(v));
	struct view name;
	struct tsm_txn x;

	if (!end)
		return false;
	name = view_of(v->p + 1, (size_t)(end - v->p) - 1, 0);
	if (request) {
		x = tsm_request(s, 0, v->p);
		tsm_op(x, name, view_of(end, 0, 0));
		tsm_request_end(s, x, end + 1);
	} else {
		x = tsm_response(s, 0, v->p);
		tsm_str(x, 0, name);
		tsm_response_end(s, x, end + 1);
	}
	v->p = end + 1;
	return true;
}

#endif
