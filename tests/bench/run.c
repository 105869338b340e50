/*
 * bench-run: runs one command and measures the whole process, so that bench.sh needs no time tool.
 *
 *     bench-run ERRORS COMMAND [ARGUMENT...]
 *
 * The command reads and writes /dev/null; its standard error goes to the file ERRORS. One line
 * comes out: wall seconds, user and system seconds together, peak resident KiB, exit status (128
 * and more: killed by that signal, as the shell counts; 127: not started).
 */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* wait4() */
#endif

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NOT_STARTED = 127 };

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static double seconds(struct timeval tv)
{
	return (double)tv.tv_sec + (double)tv.tv_usec * 1e-6;
}

static void redirect(int to, const char *path, int flags)
{
	const int fd = open(path, flags, 0644);

	if (fd < 0 || dup2(fd, to) < 0)
		_exit(NOT_STARTED);
	close(fd);
}

_Noreturn static void become(char **command, const char *errors)
{
	redirect(STDIN_FILENO, "/dev/null", O_RDONLY);
	redirect(STDOUT_FILENO, "/dev/null", O_WRONLY);
	redirect(STDERR_FILENO, errors, O_WRONLY | O_CREAT | O_TRUNC);
	execvp(command[0], command);
	fprintf(stderr, "%s: %s\n", command[0], strerror(errno));
	fflush(stderr);
	_exit(NOT_STARTED);
}

int main(int argc, char **argv)
{
	struct rusage usage;
	double begin, wall;
	int status;
	pid_t pid;

	if (argc < 3) {
		fputs("usage: bench-run ERRORS COMMAND [ARGUMENT...]\n", stderr);
		return 2;
	}
	begin = now();
	pid = fork();
	if (pid == 0)
		become(argv + 2, argv[1]);
	while (pid > 0 && wait4(pid, &status, 0, &usage) < 0) {
		if (errno != EINTR)
			pid = -1;
	}
	if (pid < 0) {
		fprintf(stderr, "bench-run: %s\n", strerror(errno));
		return 1;
	}
	wall = now() - begin;
	status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	printf("%.6f %.6f %ld %d\n", wall, seconds(usage.ru_utime) + seconds(usage.ru_stime),
		usage.ru_maxrss, status);
	return 0;
}
