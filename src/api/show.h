/*
 * show.h - how a dissector explains its bytes to a reader: field by field, with the bytes that say
 * so.
 *
 * struct dissector's describe() gets a view of bytes in one frame: of a layer its header, of an
 * application what one packet carries, which may begin anywhere in a message. It shows what it can
 * tell from these bytes alone, in their order. Fields are those of the dissector's one table: a
 * record's where it has the field, else one declared by FIELD_SHOWN and named as Wireshark does.
 * Text is copied; it may hold any
 * bytes. `at` points into the view; n is 0 where a field has no bytes of its own. What is past a
 * limit of the whole frame is left out.
 */
#ifndef TSUMARI_SHOW_H
#define TSUMARI_SHOW_H

#include "field.h"
#include "view.h"

struct show;

/* A number, shown as the field's type says: FIELD_U64, FIELD_BYTES, FIELD_DURATION, FIELD_BOOL,
   FIELD_ID (hexadecimal), the mask of FIELD_NAMES. Of another type (a name, of which the bytes hold
   the number) it is the number. */
void tsm_show_u64(
	struct show *s, const struct field *f, const uint8_t *at, size_t n, uint64_t value);
/* The same with what the number stands for: a constant, or NULL. */
void tsm_show_code(struct show *s, const struct field *f, const uint8_t *at, size_t n,
	uint64_t value, const char *meaning);
/* The same in decimal, or in hexadecimal, whatever the field's type. */
void tsm_show_number(struct show *s, const struct field *f, const uint8_t *at, size_t n,
	uint64_t value, const char *meaning);
void tsm_show_id(struct show *s, const struct field *f, const uint8_t *at, size_t n, uint64_t value,
	const char *meaning);
/* A text, whatever the field's type. */
void tsm_show_str(
	struct show *s, const struct field *f, const uint8_t *at, size_t n, struct view text);
/* The text that the bytes themselves are. */
void tsm_show_text(struct show *s, const struct field *f, struct view text);
/* A constant; NULL: nothing is shown. */
void tsm_show_name(
	struct show *s, const struct field *f, const uint8_t *at, size_t n, const char *name);
/* An address: four or sixteen bytes at `at`, of the frame; else nothing is shown. */
void tsm_show_ip(struct show *s, const struct field *f, const uint8_t *at, size_t n);
/* A MAC address: six bytes at `at`, of the frame; else nothing is shown. */
void tsm_show_mac(struct show *s, const struct field *f, const uint8_t *at);

/* What follows, up to tsm_show_end(), belongs together under a constant title. */
void tsm_show_group(struct show *s, const char *title, const uint8_t *at, size_t n);
void tsm_show_end(struct show *s);

/* The next n bytes (1 to 8) of the view as a number in network order, shown. 0 where they are not
   there: nothing is shown then. */
static inline uint64_t show_be(struct show *s, const struct field *f, struct view *v, unsigned n)
{
	const uint8_t *at = v->p;
	uint64_t x = view_be(v, n);

	if (!v->bad)
		tsm_show_u64(s, f, at, n, x);
	return x;
}

#endif
