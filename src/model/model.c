/* model.c - see model.h. */
#include "model/model.h"
#include "base/mem.h"
#include "model/services.h"
#include <stdlib.h>

struct model {
	struct services *services;
};

struct model *model_new(void)
{
	struct model *m = xcalloc(1, sizeof(*m));

	m->services = services_new();
	return m;
}

void model_free(struct model *m)
{
	if (!m)
		return;
	services_free(m->services);
	free(m);
}

void model_record(struct model *m, const struct record *r)
{
	services_record(m->services, r);
}

struct services *model_services(const struct model *m)
{
	return m->services;
}
