/*
 * order.h - the place of a packet among all of them.
 *
 * Packets are looked at in order of time, which a frame's number in the capture does not always
 * tell. A place rises from one packet to the next; that of a frame which stands behind all frames
 * with lower numbers is made of its number alone, so that what knows the number knows the place.
 * Others, which were moved, have a place just behind the one before them.
 */
#ifndef TSUMARI_CORE_ORDER_H
#define TSUMARI_CORE_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#define ORDER_BITS 24u /* of a place below the number; five more are RECORD_KEY's */

struct order { /* zeroed at first */
	uint64_t last;
};

/* The least place that the frame of a number can have: the one it has where nothing was moved. */
static inline uint64_t order_of(uint64_t number)
{
	return number << ORDER_BITS;
}

/* The number that a place is named after. */
static inline uint64_t order_number(uint64_t place)
{
	return place >> ORDER_BITS;
}

/* Has the frame with this number and place been moved? */
static inline bool order_moved(uint64_t number, uint64_t place)
{
	return place != order_of(number);
}

/* The place of the frame that comes next. */
static inline uint64_t order_next(struct order *o, uint64_t number)
{
	uint64_t place = order_of(number);

	return o->last = place > o->last ? place : o->last + 1;
}

#endif
