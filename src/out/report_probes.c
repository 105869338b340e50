/* report_probes.c - health checks, which no other number holds. */
#include "model/probes.h"
#include "out/report_impl.h"

static void one(struct report *r, const struct probe *p)
{
	struct text *t = &r->t;

	text_str(t, "  ");
	text_addr(t, &p->client);
	text_str(t, " to ");
	report_operation(t, p->service, p->len ? p->operation : "(connection)",
		p->len ? p->len : strlen("(connection)"), r->o.width);
	text_str(t, ": ");
	text_count(t, p->connections);
	if (p->period) {
		text_str(t, ", every ");
		text_duration(t, p->period);
	}
	report_count(r, p->sum.errors, p->sum.errors == 1 ? "error" : "errors");
	if (p->sum.duration.n) {
		text_str(t, ", p50 ");
		text_duration(t, hist_at(&p->sum.duration, 0.5));
		text_str(t, ", p99 ");
		text_duration(t, hist_at(&p->sum.duration, 0.99));
	}
	report_text(r, 4);
}

void report_probes(struct report *r)
{
	const struct probe **list;
	unsigned n = probes_list(model_probes(r->o.model), &list);

	if (!n)
		return;
	report_heading(r, "Health checks, kept apart");
	for (unsigned i = 0; i < n && i < REPORT_TOP; i++)
		one(r, list[i]);
	report_more(r, n > REPORT_TOP ? n - REPORT_TOP : 0);
}
