/* session_calls.c - what a dissector asks of its session (api/dissector.h). */
#include "core/session.h"
#include "api/layer.h"
#include "core/registry.h"
#include "core/shard.h"

void tsm_switch(struct session *s, const char *name)
{
	const struct dissector *to = name && *name ? registry_find(name) : NULL;

	s->switched = true;
	reading_of(s)->to = to;
	if (name && !to)
		s->stopped = true; /* nobody reads on, what is open is still closed in order */
}

bool tsm_datagram(const struct session *s)
{
	return s->flow->proto != IP_PROTO_TCP;
}

bool tsm_mask_mail(const struct session *s)
{
	return s->shard->engine->config->mask_mail;
}

bool tsm_literal(const struct session *s)
{
	return s->shard->engine->config->literal;
}

void tsm_note(struct session *s, const char *what)
{
	session_count(s, what);
}

bool tsm_body(struct session *s, struct tsm_txn which, enum tsm_table table, uint32_t key)
{
	struct txn *t = txn_of(which);
	const struct dissector *d = registry_body(table, key);

	(void)s;
	if (t && d)
		t->d = d;
	return d != NULL;
}

struct take tsm_body_read(
	struct session *s, struct tsm_txn which, const struct body *b, struct view *v)
{
	struct txn *t = txn_of(which);
	struct take rest = {.skip = TAKE_TO_END};

	return t && t->d->body ? t->d->body(s, which, b, v) : rest;
}
