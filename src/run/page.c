/* page.c - the page that is shown over HTTP while it runs: opened, started, left (run.h). */
#include "run/run.h"
#include "run/confine.h"
#include "run/info.h"
#include "run/signals.h"
#include "base/mem.h"
#include "base/message.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_MAX  ((size_t)256 * 1024)
#define TOKEN_MIN 8u
#define TOKEN_ENV "TSUMARI_WEB_TOKEN"

/* What a file holds, to be freed; NULL: err says why. */
static char *load(const char *option, const char *path, char *err, size_t errsize)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *text = xmalloc(FILE_MAX + 1);
	size_t n = 0;
	ssize_t got = fd < 0 ? -1 : 1;

	while (got > 0 && n < FILE_MAX && (got = read(fd, text + n, FILE_MAX - n)) > 0)
		n += (size_t)got;
	if (got < 0)
		snprintf(err, errsize, "%s %.200s: %s", option, path, strerror(errno));
	else if (n == FILE_MAX || memchr(text, '\0', n))
		snprintf(err, errsize, "%s %.200s: this is no such file", option, path);
	else
		got = 0;
	if (fd >= 0)
		close(fd);
	text[n] = '\0';
	if (got == 0)
		return text;
	free(text);
	return NULL;
}

/* The first line; *token stays NULL where there is none to be had, and none was asked for. */
static bool load_token(const struct run *r, char **token, char *err, size_t errsize)
{
	const char *path = r->o.web_token, *said = getenv(TOKEN_ENV);
	struct stat st;
	size_t n;

	if (path)
		*token = load("--web-token", path, err, errsize);
	else if (said && *said)
		*token = xstrdup(said);
	if (path && *token && stat(path, &st) == 0 && st.st_mode & S_IROTH)
		message("--web-token %.200s: everybody here can read it (chmod 600)", path);
	if (!*token)
		return !path;
	n = strcspn(*token, "\r\n");
	(*token)[n] = '\0';
	for (size_t i = 0; i < n; i++)
		if ((*token)[i] <= ' ' || (*token)[i] > '~')
			n = 0;
	if (n >= TOKEN_MIN)
		return true;
	snprintf(err, errsize,
		"%s: a token is one line of %u characters or more that are neither blanks nor "
		"beyond "
		"ASCII",
		path ? "--web-token" : TOKEN_ENV, TOKEN_MIN);
	return false;
}

static void capture_so_far(void *arg, struct capture_stats *st)
{
	struct run *r = arg;

	pipeline_published(&r->pipeline, st);
}

static unsigned outputs(void *arg, struct metrics_output *list, unsigned most)
{
	struct run *r = arg;
	unsigned n = 0;

	for (; n < r->o.nto && n < most; n++) {
		struct deliver_counts c;

		deliver_counts(r->to[n], &c);
		list[n] = (struct metrics_output){.kind = deliver_kind(r->to[n]),
			.sent = c.lines,
			.dropped = c.dropped,
			.queued = c.queued,
			.connects = c.connects};
	}
	return n;
}

/* The second number of statm(5), in pages. */
static uint64_t resident(void *arg)
{
	struct run *r = arg;
	char text[128], *rest;
	ssize_t n = r->statm >= 0 ? pread(r->statm, text, sizeof(text) - 1, 0) : 0;
	long page = sysconf(_SC_PAGESIZE);

	if (n <= 0 || page <= 0)
		return 0;
	text[n] = '\0';
	(void)strtoull(text, &rest, 10);
	return (uint64_t)strtoull(rest, NULL, 10) * (uint64_t)page;
}

static void open_shown(struct run *r)
{
	struct shown_options v = {
		.web = r->web,
		.model = r->model,
		.geo = r->geo,
		.source = r->name,
		.version = info_version_number(),
		.literal = r->o.engine.literal,
		.live = source_live(r->source),
		.identity = &r->identity,
		.history = r->history,
		.outputs = outputs,
		.resident = resident,
		.capture = capture_so_far,
		.arg = r,
	};

	r->statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

	model_keep_slowest(r->model);
	r->o.engine.moments = true;
	r->shown = shown_new(&v);
	r->sinks[r->pipeline.nsinks++] = shown_sink(r->shown);
	r->pipeline.publishes = true;
}

bool page_open(struct run *r)
{
	struct web_options w = {.at = r->o.web_at, .open = r->o.web_open};
	char *token = NULL, *certificate = NULL, *key = NULL, *policy = document_policy();
	bool good = load_token(r, &token, r->err, sizeof(r->err));

	if (good && r->o.web_cert) {
		certificate = load("--web-cert", r->o.web_cert, r->err, sizeof(r->err));
		key = certificate ? load("--web-key", r->o.web_key, r->err, sizeof(r->err)) : NULL;
		good = key != NULL;
	}
	if (good && r->o.history) {
		r->history = history_new(r->o.history,
			r->o.history_size ? r->o.history_size : HISTORY_SIZE, r->o.engine.literal,
			r->err, sizeof(r->err));
		good = w.history = r->history != NULL;
	}
	if (good) {
		w.token = token;
		w.certificate = certificate;
		w.key = key;
		w.policy = policy;
		r->web = web_new(&w, r->err, sizeof(r->err));
		good = r->web != NULL;
	}
	if (token)
		explicit_bzero(token, strlen(token));
	if (key)
		explicit_bzero(key, strlen(key));
	free(token);
	free(certificate);
	free(key);
	free(policy);
	if (good)
		open_shown(r);
	return good;
}

bool page_start(struct run *r)
{
	if (!r->web || web_start(r->web, confine_serving))
		return true;
	snprintf(r->err, sizeof(r->err), "--web: no thread can be started");
	return false;
}

bool page_keep(struct run *r)
{
	if (!r->history || history_start(r->history, r->web, confine_keeping))
		return true;
	snprintf(r->err, sizeof(r->err), "--history: no thread can be started");
	return false;
}

bool page_end(struct run *r)
{
	if (!r->web)
		return true;
	shown_end(r->shown, &r->pipeline.capture, &r->pipeline.counters);
	if (!r->history || history_finish(r->history, r->err, sizeof(r->err)))
		return true;
	message("%s", r->err);
	return false;
}

void page_announce(const struct run *r)
{
	if (r->web && !r->ui)
		message("the page is at %s", web_url(r->web));
}

/* Of a file: who looks at it says when it is enough. */
void page_stay(struct run *r)
{
	const struct timespec moment = {0, 20000000};
	struct sink s;

	if (!r->web)
		return;
	if (source_live(r->source) || signals_stopped())
		return;
	s = shown_sink(r->shown);
	message("all is read: the page stays at %s until ^C", web_url(r->web));
	while (!signals_stopped()) {
		s.poll(s.arg);
		nanosleep(&moment, NULL);
	}
	if (isatty(STDERR_FILENO) && signals_interrupted())
		fputc('\n', stderr);
}

void page_release(struct run *r)
{
	if (r->web && r->statm >= 0)
		close(r->statm);
	web_free(r->web);
	history_free(r->history);
	shown_free(r->shown);
}
