/*
 * document_impl.h - the parts of document.c.
 */
#ifndef TSUMARI_OUT_DOCUMENT_IMPL_H
#define TSUMARI_OUT_DOCUMENT_IMPL_H

#include "base/text.h"
#include "model/tally.h"
#include "out/document.h"
#include "out/jsontree.h"
#include "out/stream.h"

struct document {
	struct document_options o;
	struct stream *to;
	FILE *out; /* of it */
	char error[256];
};

/* The whole, which is the caller's; the verdict, bytes as they are, goes to the end of a text. */
struct json_object *document_tree(const struct document *d, const struct capture_stats *st,
	const struct counters *c, struct text *verdict);

/* Parts of it, each in a file of its own (document_model.c, document_time.c). */
void document_ledger(struct json_object *o, const char *name, const uint64_t *ledger);
void document_findings(struct json_object *all, const struct model *m,
	const struct capture_stats *st, struct text *verdict);
void document_series(struct json_object *all, const struct model *m);
void document_hosts(struct json_object *all, const struct document *d);
void document_tiers(struct json_object *all, const struct model *m);
void document_slowest(struct json_object *all, const struct model *m);

/* The page around it. */
void document_page(const struct document *d, const char *verdict, struct json_object *all);

#endif
