/* keeper.c - see keeper.h. */
#include "capture/keeper.h"
#include "capture/inputs.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { NEW_FILE, IS_THERE, CAPTURE, SETTINGS, SETTINGS_DONE };

struct request {
	int what;
	char path[PATH_MAX];
};

union room { /* for one descriptor */
	struct cmsghdr head;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static int to_keeper = -1;

/* Is a name on the way hidden? "." and ".." are not. */
static bool hidden(const char *path)
{
	for (const char *at = path; *at; at += strspn(at, "/")) {
		size_t n = strcspn(at, "/");

		if (*at == '.' && !(n == 1 || (n == 2 && at[1] == '.')))
			return true;
		at += n;
	}
	return false;
}

static int new_file(const char *path)
{
	if (hidden(path)) {
		errno = EACCES;
		return -1;
	}
	return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0666);
}

/* The folders that lead to a file. */
static void make_folders(const char *path)
{
	char part[PATH_MAX];

	snprintf(part, sizeof(part), "%s", path);
	for (char *at = part + 1; (at = strchr(at, '/')); at++) {
		*at = '\0';
		mkdir(part, 0700);
		*at = '/';
	}
}

static int settings(const char *path, bool done)
{
	char other[PATH_MAX + 8];

	snprintf(other, sizeof(other), "%s.new", path);
	if (!done) {
		make_folders(path);
		return open(other, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
	}
	if (rename(other, path) == 0)
		return 0;
	unlink(other);
	return -1;
}

static int capture(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
}

static int do_it(int what, const char *path)
{
	switch (what) {
	case NEW_FILE:
		return new_file(path);
	case IS_THERE:
		return access(path, F_OK);
	case CAPTURE:
		return capture(path);
	default:
		return settings(path, what == SETTINGS_DONE);
	}
}

/* ---- The keeper ---- */

/* 0, or errno, and with it the descriptor, where there is one. */
static bool reply(int socket, int error, int fd)
{
	struct iovec part = {&error, sizeof(error)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	union room room = {0};

	if (fd >= 0) {
		message.msg_control = &room;
		message.msg_controllen = sizeof(room);
		room.head.cmsg_level = SOL_SOCKET;
		room.head.cmsg_type = SCM_RIGHTS;
		room.head.cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(&room.head), &fd, sizeof(fd));
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL) >= 0;
}

/* What was asked for, as far as it may be. */
static int permitted(const struct request *r, const char *path, const struct inputs *inputs)
{
	if (r->what == NEW_FILE || r->what == IS_THERE)
		return do_it(r->what, r->path);
	if (r->what != CAPTURE)
		return do_it(r->what, path);
	for (unsigned i = 0; inputs && i < inputs->n; i++)
		if (strcmp(inputs->list[i].path, r->path) == 0)
			return do_it(r->what, r->path);
	errno = EACCES;
	return -1;
}

static void serve(int socket, const char *path, const struct inputs *inputs)
{
	struct request r;
	ssize_t n;

	while ((n = read(socket, &r, sizeof(r))) > (ssize_t)sizeof(r.what)) {
		const bool file = r.what != IS_THERE && r.what != SETTINGS_DONE;
		bool good;
		int fd;

		((char *)&r)[n - 1] = '\0';
		fd = permitted(&r, path, inputs);
		good = reply(socket, fd < 0 ? errno : 0, file ? fd : -1);
		if (file && fd >= 0)
			close(fd);
		if (!good)
			return;
	}
}

static void keep(int socket, const char *path, const struct inputs *inputs,
	bool (*give_up)(const void *arg), const void *arg)
{
	static const int terminals[] = {SIGINT, SIGQUIT, SIGHUP, SIGTSTP};

	/* What keys do to the program it learns when the program ends. */
	setpgid(0, 0);
	for (size_t i = 0; i < sizeof(terminals) / sizeof(terminals[0]); i++)
		signal(terminals[i], SIG_IGN);
	if (socket != STDIN_FILENO && dup2(socket, STDIN_FILENO) < 0)
		_exit(1);
	close_range(STDIN_FILENO + 1, UINT_MAX, 0);
	if (!give_up(arg))
		_exit(1);
	serve(STDIN_FILENO, path, inputs);
	_exit(0);
}

bool keeper_start(const char *path, const struct inputs *inputs, bool (*give_up)(const void *arg),
	const void *arg)
{
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return false;
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		keep(ends[1], path, inputs, give_up, arg);
	}
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return false;
	}
	to_keeper = ends[0];
	return true;
}

/* ---- Who asks ---- */

static int receive(void)
{
	int error = EIO, fd = -1;
	struct iovec part = {&error, sizeof(error)};
	union room room = {0};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &room,
		.msg_controllen = sizeof(room)};
	const struct cmsghdr *head;

	if (recvmsg(to_keeper, &message, MSG_CMSG_CLOEXEC) != (ssize_t)sizeof(error)) {
		errno = EIO;
		return -1;
	}
	head = CMSG_FIRSTHDR(&message);
	if (head && head->cmsg_type == SCM_RIGHTS && head->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	errno = error;
	return error ? -1 : fd < 0 ? 0 : fd;
}

static int ask(int what, const char *path)
{
	struct request r = {.what = what};
	size_t n = strlen(path) + 1;

	if (to_keeper < 0)
		return do_it(what, path);
	if (n > sizeof(r.path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(r.path, path, n);
	if (write(to_keeper, &r, offsetof(struct request, path) + n) < 0)
		return -1;
	return receive();
}

int keeper_new(const char *path)
{
	return ask(NEW_FILE, path);
}

/* The folder may be one that this user cannot enter any more. */
bool keeper_finds(const char *path)
{
	return access(path, F_OK) == 0 || (errno == EACCES && ask(IS_THERE, path) == 0);
}

int keeper_capture(const char *path)
{
	int fd = capture(path);

	return fd < 0 && to_keeper >= 0 && (errno == EACCES || errno == EPERM) ? ask(CAPTURE, path)
									       : fd;
}

int keeper_settings(const char *path)
{
	return ask(SETTINGS, path);
}

bool keeper_settings_done(const char *path)
{
	return ask(SETTINGS_DONE, path) == 0;
}
