/*
 * sync.h - where the next message begins, behind lost bytes and in the middle of a connection.
 */
#ifndef TSUMARI_CORE_SYNC_H
#define TSUMARI_CORE_SYNC_H

#include "api/dissector.h"

/* Where the side takes its turn in what is being read of it; NULL: nowhere. */
const uint8_t *sync_turn_in(const struct session *s, enum side side);
/*
 * Where does the next message begin? True: at the front of the view. False: it must be asked again
 * when there is more of what is left in the view. `ask` may be NULL; `turn` is where the side takes
 * its turn, of these bytes, or NULL.
 */
bool sync_find(
	struct session *s, enum side side, tsm_sync *ask, const uint8_t *turn, struct view *v);
/* The same, of bytes that may not be this protocol's. */
bool sync_look(
	struct session *s, enum side side, tsm_sync *ask, const uint8_t *turn, struct view *v);
/* Bytes of the side that are being delivered begin at x->pos, and the other spoke last, or nobody.
 */
void sync_turn(struct session *s, enum side side);
/* Its protocol was found: which sides begin in the middle of something? */
void sync_place(struct session *s);

#endif
