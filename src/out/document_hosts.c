/* document_hosts.c - what each host sent and asked, and where it is (document.h). */
#include "model/geo.h"
#include "model/hosts.h"
#include "out/document_impl.h"

static void text(struct json_object *o, const char *name, const char *s)
{
	if (*s)
		jsontree_put(o, name, jsontree_text(s));
}

static void place(struct json_object *o, const struct geo_place *p)
{
	if (!p)
		return;
	text(o, "country", p->country);
	text(o, "city", p->city);
	text(o, "location", p->location);
	if (p->as_number)
		jsontree_put(o, "as_number", jsontree_u64(p->as_number));
	text(o, "organization", p->organization);
}

static struct json_object *host(struct geo *geo, const struct host *x)
{
	struct json_object *o = jsontree_object(NULL, NULL);

	if (x->other) {
		jsontree_put(o, "other", jsontree_bool(true));
	} else {
		jsontree_put(o, "ip", jsontree_addr(&x->ip));
		place(o, geo ? geo_find(geo, &x->ip) : NULL);
	}
	jsontree_put(o, "sent", jsontree_u64(x->sent));
	jsontree_put(o, "received", jsontree_u64(x->received));
	jsontree_put(o, "asked", jsontree_u64(x->asked));
	jsontree_put(o, "served", jsontree_u64(x->served));
	jsontree_put(o, "requests", jsontree_u64(x->requests));
	jsontree_put(o, "answers", jsontree_u64(x->answers));
	jsontree_put(o, "errors", jsontree_u64(x->errors));
	jsontree_put(o, "waited", jsontree_u64(x->waited));
	jsontree_put(o, "kept_waiting", jsontree_u64(x->kept_waiting));
	jsontree_put(o, "retransmits", jsontree_u64(x->retransmits));
	jsontree_put(o, "lost_in_capture", jsontree_u64(x->lost));
	return o;
}

void document_hosts(struct json_object *all, const struct document *d)
{
	const struct host **list;
	unsigned n = hosts_sorted(model_hosts(d->o.model), &list);
	struct json_object *array = jsontree_array(all, "hosts");

	for (unsigned i = 0; i < n; i++)
		jsontree_append(array, host(d->o.geo, list[i]));
	jsontree_put(all, "hosts_given_up", jsontree_u64(hosts_given_up(model_hosts(d->o.model))));
}
