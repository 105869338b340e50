/* comparison.c - see comparison.h. */
#include "run/comparison.h"
#include "out/stream.h"
#include <errno.h>
#include <string.h>

bool comparison_open(struct comparison *c, const char *path, char *err, size_t errsize)
{
	c->out = stream_open(path, false, STREAM_LINES);
	if (!c->out)
		snprintf(err, errsize, "cannot write %s: %s", path, strerror(errno));
	return c->out != NULL;
}

void comparison_release(struct comparison *c)
{
	for (int i = 0; i < 2; i++) {
		model_free(c->side[i].of.model);
		spreads_free(c->side[i].of.spreads);
	}
	stream_close(c->out);
}

static void on_record(void *arg, const struct record *r)
{
	spreads_record(arg, r);
}

int comparison_read(struct comparison *c, int which, struct pipeline *p, struct source *s,
	const struct model_config *config)
{
	struct compare_side *side = &c->side[which];
	unsigned nsinks = p->nsinks;
	int failed;

	side->of.model = model_new(config);
	side->of.spreads = spreads_new();
	p->sinks[p->nsinks++] = (struct sink){.arg = side->of.spreads, .record = on_record};
	p->source = s;
	p->model = side->of.model;
	memset(&p->capture, 0, sizeof(p->capture));
	memset(&p->counters, 0, sizeof(p->counters));
	failed = pipeline_run(p);
	side->capture = p->capture;
	p->nsinks = nsinks;
	p->model = NULL;
	return failed;
}

bool comparison_write(struct comparison *c, char *err, size_t errsize)
{
	struct change_side of[2] = {c->side[0].of, c->side[1].of};
	struct changes changes;
	int error;

	changes_make(&changes, of);
	if (c->json)
		compare_json(stream_file(c->out), c->side, &changes);
	else
		compare_text(stream_file(c->out), c->side, &changes);
	changes_release(&changes);
	error = stream_close(c->out);
	c->out = NULL;
	if (!error || error == EPIPE)
		return true;
	snprintf(err, errsize, "cannot write the comparison: %s", strerror(error));
	return false;
}
