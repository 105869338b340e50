/*
 * unread.h - bytes of a side that its dissector has not read yet.
 */
#ifndef TSUMARI_CORE_UNREAD_H
#define TSUMARI_CORE_UNREAD_H

#include "core/session.h"

void unread_init(struct session_side *x); /* none, and room for few */
/* Gives back what they were kept in. */
void unread_drop(struct session *s, struct session_side *x);
/* Keeps n bytes at p (which may lie in the buffer already); false where they are too many. */
bool unread_keep(struct session *s, struct session_side *x, const uint8_t *p, size_t n);
/* Those from `offset` on came with this stamp; what was kept before and is read goes. */
void unread_span(
	struct session *s, struct session_side *x, uint64_t offset, const struct stamp *at);
void unread_swap(struct session *s); /* both sides with all they have */

#endif
