/* confinement.c - what a run has still to do, when everything is open: all else is denied (run.h).
 */
#include "run/run.h"
#include "run/confine.h"
#include "base/mem.h"
#include "base/message.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define JOBS_MAX 8 /* more do not make one capture faster */

/* The live view's thread does nothing else: it must not make the capture wait. */
static unsigned jobs(const struct run *r)
{
	unsigned least = r->ui != NULL;
	long cpus;

	if (r->o.jobs != OPTIONS_JOBS_AUTO)
		return r->o.jobs > least ? r->o.jobs : least;
	cpus = sysconf(_SC_NPROCESSORS_ONLN);
	if (cpus < 2)
		return least;
	return cpus > JOBS_MAX ? JOBS_MAX : (unsigned)cpus - 1;
}

/* The folder of a file that may be made again: rotated, or moved away. Behind a `%` anything may
   come: then it is the folder that all of them are below. */
static void add_folder(struct confine *c, char *folder[], const char *path)
{
	struct stat st;
	char *end;

	if (!path || strcmp(path, "-") == 0 || (stat(path, &st) == 0 && !S_ISREG(st.st_mode)))
		return;
	folder[c->nfolders] = xstrdup(path);
	end = folder[c->nfolders];
	end[strcspn(end, "%")] = '\0';
	end = strrchr(end, '/');
	if (!end)
		snprintf(folder[c->nfolders], 2, ".");
	else
		end[end == folder[c->nfolders]] = '\0';
	c->folders[c->nfolders] = folder[c->nfolders];
	c->nfolders++;
}

static const char *const *again(const struct run *r, unsigned *n)
{
	const char **paths;

	*n = r->ui && r->o.nreads ? r->inputs.n : 0;
	if (!*n)
		return NULL;
	paths = xcalloc(*n, sizeof(*paths));
	for (unsigned i = 0; i < *n; i++)
		paths[i] = r->inputs.list[i].path;
	return paths;
}

/* The interfaces and the sockets that their frames come from. */
static void interfaces(const struct run *r, struct confine *c)
{
	const char **names;
	int *sockets;
	unsigned n = 0;

	if (!source_live(r->source))
		return;
	while (source_iface(r->source, n))
		n++;
	names = xcalloc(n + 1, sizeof(*names));
	sockets = xcalloc(n, sizeof(*sockets));
	for (unsigned i = 0; i < n; i++) {
		names[i] = source_iface(r->source, i);
		sockets[i] = source_socket(r->source, i);
	}
	c->ifaces = names;
	c->sockets = sockets;
	c->nsockets = n;
}

void run_confine(struct run *r, bool repeated)
{
	char *folder[CONFINE_FOLDERS] = {NULL}, missing[128];
	struct confine c = {
		.terminal = r->ui != NULL,
		.capture = r->writer || r->printer,
		.repeated = repeated,
		.serves = r->web != NULL,
		.keeps = r->history != NULL,
	};

	r->pipeline.jobs = jobs(r);
	c.jobs = r->pipeline.jobs > 0;
	c.again = again(r, &c.nagain);
	interfaces(r, &c);
	add_folder(&c, folder, r->writer ? r->o.write : NULL);
	add_folder(&c, folder, r->o.history); /* its log is removed at the end */
	for (unsigned i = 0; i < r->o.noutputs; i++)
		add_folder(&c, folder, r->outputs[i].ndjson ? r->o.outputs[i].file : NULL);
	for (unsigned i = 0; i < r->o.nto; i++) {
		bool file = deliver_is_file(r->to[i]);

		c.sends |= !file;
		c.files |= file;
		add_folder(&c, folder, file ? r->o.to[i].at : NULL);
	}
	confine(&c, missing, sizeof(missing));
	if (*missing && r->o.print.verbose)
		message("not denied here: %s", missing);
	for (unsigned i = 0; i < c.nfolders; i++)
		free(folder[i]);
	free((void *)c.again);
	free((void *)c.ifaces);
	free((void *)c.sockets);
}
