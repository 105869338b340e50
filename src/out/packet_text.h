/*
 * packet_text.h - one packet in words, of the fields that its dissectors show (core/show.h): for
 * the list of packets, the tree of one packet, and the lines of --print.
 */
#ifndef TSUMARI_OUT_PACKET_TEXT_H
#define TSUMARI_OUT_PACKET_TEXT_H

#include "base/text.h"
#include "core/show.h"

/* The first values of the last heading: what the packet carries. Text from the wire is put as it
 * is: what draws it escapes it. */
void packet_info(struct text *t, const struct show *s);
/* The value of a field of a packet; n->field is set. As packet_info(). */
void packet_value(struct text *t, const struct show *s, const struct show_node *n);

#endif
