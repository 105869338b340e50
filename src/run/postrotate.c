/* postrotate.c - see postrotate.h. */
#include "run/postrotate.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAMES (STDERR_FILENO + 1) /* the pipe, in the process that starts commands */

struct postrotate {
	int fd;
};

static void complain(const char *command, const char *why)
{
	fprintf(stderr, "tsumari: -z %s: %s\n", command, why);
}

static void run(const char *command, const char *name)
{
	pid_t pid = fork();

	if (pid < 0)
		complain(command, strerror(errno));
	if (pid)
		return;
	close(NAMES);
	setpriority(PRIO_PROCESS, 0, 19);
	execlp(command, command, name, (char *)NULL);
	complain(command, strerror(errno));
	_exit(127);
}

/* Names end with a zero byte. */
static void serve(const char *command)
{
	char name[PATH_MAX];
	size_t n = 0;
	char c;

	while (read(NAMES, &c, 1) == 1) {
		if (n < sizeof(name))
			name[n++] = c;
		if (c)
			continue;
		name[n - 1] = '\0';
		run(command, name);
		n = 0;
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
	while (waitpid(-1, NULL, 0) > 0)
		;
}

static void child(const char *command, const struct privileges *rights, int fd)
{
	static const int usual[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2, SIGXFSZ};
	char err[256];

	/* A terminal's ^C ends the capture, not what becomes of its files. */
	setpgid(0, 0);
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		signal(usual[i], SIG_DFL);
	if (fd != NAMES && dup2(fd, NAMES) < 0)
		_exit(1);
	close_range(NAMES + 1, UINT_MAX, 0);
	if (privileges_drop(rights, err, sizeof(err)))
		serve(command);
	else
		complain(command, err);
	_exit(0);
}

struct postrotate *postrotate_start(
	const char *command, const struct privileges *rights, char *err, size_t errsize)
{
	struct postrotate *p;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0) {
		snprintf(err, errsize, "-z %s: %s", command, strerror(errno));
		return NULL;
	}
	pid = fork();
	if (pid == 0)
		child(command, rights, ends[0]);
	close(ends[0]);
	if (pid < 0) {
		snprintf(err, errsize, "-z %s: %s", command, strerror(errno));
		close(ends[1]);
		return NULL;
	}
	p = xcalloc(1, sizeof(*p));
	p->fd = ends[1];
	return p;
}

void postrotate_file(void *arg, const char *name)
{
	struct postrotate *p = arg;

	/* Less than PIPE_BUF is written at once; the other end is gone where it was killed. */
	if (write(p->fd, name, strlen(name) + 1) < 0)
		return;
}

void postrotate_free(struct postrotate *p)
{
	if (!p)
		return;
	close(p->fd);
	free(p);
}
