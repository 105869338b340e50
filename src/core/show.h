/*
 * show.h - one frame explained: a tree of its layers and their fields, with the bytes of each.
 *
 * The tree is a list in the frame's order; a line's children follow it, one deeper. It is bounded
 * (SHOW_NODES lines, SHOW_TEXT bytes of text); `full` says that something was left out.
 */
#ifndef TSUMARI_CORE_SHOW_H
#define TSUMARI_CORE_SHOW_H

#include "api/dissector.h"
#include "api/show.h"

#define SHOW_NODES 1024u
#define SHOW_TEXT  65536u

struct show_node {
	const struct field *field; /* NULL: a heading */
	const char *title;         /* of a heading */
	const char *layer;         /* the dissector's name; NULL: the frame itself, or payload */
	uint32_t at, len;          /* bytes from the frame's first one on; len 0: none */
	uint8_t depth;
	uint8_t type; /* enum field_type: what its value is here; a record's may be another */
	uint64_t u64;
	const char *name;     /* FIELD_NAME; what a number means; NULL: nothing */
	uint32_t text, ntext; /* FIELD_STR: in show.text */
	struct addr ip;
};

struct show {
	const uint8_t *data; /* the frame; the caller's, and only while it is being read */
	size_t size;
	const char *layer;
	uint8_t depth, least; /* least: of what is under the dissector's heading */
	bool full;
	unsigned n;
	uint32_t used; /* of text[] */
	struct show_node nodes[SHOW_NODES];
	char text[SHOW_TEXT];
};

/*
 * Reads the frame p: data, caplen, len, linktype are set. app is the dissector of what the last
 * layer carries, sent by `side`; NULL: it is found by port or by what its bytes look like. Needs
 * nothing but the registry; any thread.
 */
void show_frame(
	struct show *s, const struct packet *p, const struct dissector *app, enum side side);

#endif
