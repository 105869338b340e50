/* lines.c - see lines.h. */
#include "out/lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "core/community.h"
#include "core/registry.h"
#include "out/jsonw.h"

#define PLANS_MAX (DISSECTORS_MAX + 2u) /* of flows and findings, too */

struct type_plan {
	const struct dissector *dissector; /* NULL: flows */
	struct jsonw_plan *plan;           /* NULL: not wanted */
};

struct lines {
	bool flat;
	char *types;           /* NULL: all but findings */
	struct filter *filter; /* NULL: all */
	unsigned nplans;
	struct type_plan plans[PLANS_MAX];
	struct type_plan *last; /* of the record before */
	struct time_cache times;
	struct schema_env env;
	char error[256];
};

/* Is a name in the list of types? */
static bool listed(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = list; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (strncmp(p, name, len) == 0 && (p[len] == ',' || p[len] == '\0'))
			return true;
	}
	return false;
}

static struct type_plan *plan_add(struct lines *n, const struct dissector *d)
{
	struct type_plan *t = &n->plans[n->nplans];
	struct schema *s;

	if (n->nplans == PLANS_MAX) {
		snprintf(n->error, sizeof(n->error), "more than %u types of records", PLANS_MAX);
		return NULL;
	}
	t->dissector = d;
	t->plan = NULL;
	if (n->types ? listed(n->types, d ? d->name : "flow") : d != &finding_type) {
		s = schema_new(d, n->error, sizeof(n->error));
		if (!s)
			return NULL;
		if (!n->env.geo)
			schema_without_geo(s);
		t->plan = jsonw_plan_new(s, &n->env, n->flat);
	}
	n->nplans++;
	return t;
}

static struct type_plan *plan_of(struct lines *n, const struct dissector *d)
{
	if (n->last && n->last->dissector == d)
		return n->last;
	n->last = NULL;
	for (unsigned i = 0; i < n->nplans && !n->last; i++)
		if (n->plans[i].dissector == d)
			n->last = &n->plans[i];
	if (!n->last)
		n->last = plan_add(n, d);
	return n->last;
}

/* Every type asked for must be one that there is. */
static bool check_types(const char *types, char *err, size_t errsize)
{
	const char *p = types;

	do {
		size_t len = strcspn(p, ",");
		bool known = (len == 4 && strncmp(p, "flow", 4) == 0) ||
			     (len == 7 && strncmp(p, "finding", 7) == 0);

		for (unsigned i = 0; i < registry_count() && !known; i++) {
			const struct dissector *d = registry_get(i);

			known = schema_has_records(d) && strlen(d->name) == len &&
				strncmp(d->name, p, len) == 0;
		}
		if (!known) {
			char shown[64];
			struct text t;

			text_init(&t, shown, sizeof(shown));
			text_escape(&t, p, len, 40);
			snprintf(err, errsize,
				"no type of records named '%s'; --types help lists them", shown);
			return false;
		}
		p += len;
	} while (*p++ == ',');
	return true;
}

/* All plans are made before the first record, so that a field that does not fit is told at once. */
static bool make_plans(struct lines *n)
{
	if (!plan_add(n, NULL) || !plan_add(n, &finding_type))
		return false;
	for (unsigned i = 0; i < registry_count(); i++)
		if (schema_has_records(registry_get(i)) && !plan_add(n, registry_get(i)))
			return false;
	return true;
}

struct lines *lines_new(const struct lines_options *o, char *err, size_t errsize)
{
	struct lines *n;

	if (o->types && !check_types(o->types, err, errsize))
		return NULL;
	n = xcalloc(1, sizeof(*n));
	n->flat = o->flat;
	n->types = o->types ? xstrdup(o->types) : NULL;
	n->env = o->env;
	n->env.community = community_cache_new();
	n->filter = o->filter ? filter_new(o->filter, &o->env, err, errsize) : NULL;
	if (o->filter && !n->filter) {
		lines_free(n);
		return NULL;
	}
	if (!make_plans(n)) {
		snprintf(err, errsize, "%s", n->error);
		lines_free(n);
		return NULL;
	}
	return n;
}

size_t lines_bound(struct lines *n, const struct record *r)
{
	struct type_plan *t = plan_of(n, r->kind == RECORD_FLOW ? NULL : r->dissector);

	if (!t || !t->plan || (n->filter && !filter_match(n->filter, r)))
		return 0;
	return jsonw_bound(t->plan, r);
}

char *lines_put(struct lines *n, const struct record *r, char *at)
{
	return jsonw_record(n->last->plan, r, &n->env, &n->times, at);
}

bool lines_list(const char *types, const char *type)
{
	return types && listed(types, type);
}

const char *lines_error(const struct lines *n)
{
	return n->error[0] ? n->error : NULL;
}

void lines_free(struct lines *n)
{
	if (!n)
		return;
	for (unsigned i = 0; i < n->nplans; i++)
		jsonw_plan_free(n->plans[i].plan);
	community_cache_free(n->env.community);
	filter_free(n->filter);
	free(n->types);
	free(n);
}
