/* finding_record.c - a finding as a record, for the sinks that take records. */
#include "findings/find_impl.h"
#include "base/mem.h"
#include "base/share.h"
#include <stdlib.h>

static void put(struct finding_record *r, struct record_text *where, const struct text *t)
{
	where->offset = r->r.size;
	where->len = (uint32_t)t->len;
	memcpy((char *)r + r->r.size, t->p, t->len);
	r->r.size += (uint32_t)((t->len + 7) / 8 * 8);
}

static size_t room_for(const struct finding *x)
{
	return sizeof(struct finding_record) + x->filter.len + x->bpf.len + x->saw.len +
	       x->means.len + x->next.len + x->against.len + strlen(x->title) + 8 * 8;
}

static void put_all(struct finding_record *o, const struct finding *x)
{
	put(o, &o->filter, &x->filter);
	put(o, &o->bpf, &x->bpf);
	put(o, &o->saw, &x->saw);
	put(o, &o->means, &x->means);
	put(o, &o->next, &x->next);
	put(o, &o->against, &x->against);
}

const struct record *findings_as_record(struct findings *f, const struct finding *x)
{
	struct finding_record *o;

	free(f->record);
	f->record = xcalloc(1, room_for(x));
	o = (void *)f->record;
	o->r.kind = RECORD_FINDING;
	o->r.size = sizeof(*o);
	o->r.type = finding_type.name;
	o->r.dissector = &finding_type;
	o->r.number = (uint32_t)(x - f->list);
	o->r.start = x->first ? x->first : FIELD_ABSENT;
	o->r.end = x->last ? x->last : FIELD_ABSENT;
	o->r.server.ip = x->server;
	o->r.server.port = x->port;
	o->r.client.ip = x->client;
	o->r.transport = x->transport;
	o->r.ip_version = x->ip_version;
	o->r.has_ports = x->port != 0;
	o->id = x->id;
	o->title = x->title;
	o->severity = severity_names[x->severity];
	o->protocol = x->protocol;
	o->part_of = x->part_of;
	o->of_capture = x->of_capture;
	o->cost = x->cost;
	o->at_least = x->cost && x->at_least;
	o->share = share_of(x->cost, x->waiting, 1000000);
	o->count = x->count;
	o->of = x->of ? x->of : FIELD_ABSENT;
	o->counted = x->counted;
	o->peak = x->first ? x->peak : FIELD_ABSENT;
	o->frames.n = x->nframes;
	memcpy(o->frames.v, x->frames, sizeof(x->frames));
	put_all(o, x);
	return &o->r;
}
