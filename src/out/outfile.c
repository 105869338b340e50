/* outfile.c - see outfile.h. */
#include "base/clock.h"
#include "out/outfile.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The name of the file that begins now. */
static bool make_name(struct outfile *f)
{
	char name[PATH_MAX];
	time_t t = (time_t)f->began;
	struct tm tm;
	int n = 0;

	if (f->named_by_time &&
		(!localtime_r(&t, &tm) || !strftime(name, sizeof(name), f->o.path, &tm)))
		n = PATH_MAX;
	else if (!f->named_by_time && f->number)
		n = snprintf(name, sizeof(name), "%s%u", f->o.path, f->number);
	else if (!f->named_by_time)
		n = snprintf(name, sizeof(name), "%s", f->o.path);
	if (n < 0 || n >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return false;
	}
	free(f->name);
	f->name = xstrdup(name);
	return true;
}

/* A line that was cut short, when what wrote it was killed, stays by itself. */
static void end_line(int fd, off_t size)
{
	char last = '\n';

	if (size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n' &&
		write(fd, "\n", 1) < 0)
		return; /* the next write tells */
}

/* The file of f->name; -1: errno. */
static int open_name(struct outfile *f, bool append)
{
	int how = O_CREAT | O_CLOEXEC | O_NOCTTY | (append ? O_APPEND : O_TRUNC);
	int fd = append ? open(f->name, how | O_RDWR, 0666) : -1;
	struct stat st;

	if (fd < 0)
		fd = open(f->name, how | O_WRONLY, 0666);
	if (fd < 0)
		return -1;
	f->written = 0;
	if (append && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		end_line(fd, st.st_size);
		f->written = (uint64_t)st.st_size;
	}
	return fd;
}

/* Of more files than are to be kept the oldest goes. */
static void keep(struct outfile *f)
{
	if (!f->o.files)
		return;
	if (f->nkept < f->o.files) {
		f->kept[f->nkept++] = xstrdup(f->name);
		return;
	}
	/* A name may come again, where the clock was set back. */
	if (strcmp(f->kept[f->oldest], f->name) != 0)
		unlink(f->kept[f->oldest]);
	free(f->kept[f->oldest]);
	f->kept[f->oldest] = xstrdup(f->name);
	f->oldest = (f->oldest + 1) % f->o.files;
}

static bool begin(struct outfile *f)
{
	do {
		if (!make_name(f))
			return false;
		f->fd = open_name(f, f->o.append);
		if (f->fd < 0)
			return false;
		keep(f);
		/* What an earlier run has filled is passed over. */
		if (!f->o.append || !f->o.size || f->written < f->o.size || f->named_by_time)
			return true;
		close(f->fd);
		f->fd = -1;
		f->number++;
	} while (f->number);
	errno = EEXIST;
	return false;
}

bool outfile_open(struct outfile *f, const struct outfile_options *o, char *err, size_t errsize)
{
	memset(f, 0, sizeof(*f));
	f->o = *o;
	f->fd = -1;
	f->own = o->path && strcmp(o->path, "-") != 0;
	f->named_by_time = f->own && o->seconds && strchr(o->path, '%');
	f->began = o->now / SECOND;
	f->name = xstrdup(f->own ? o->path : "standard output");
	if (o->files)
		f->kept = xcalloc(o->files, sizeof(*f->kept));
	if (!f->own)
		f->fd = STDOUT_FILENO;
	if (!f->own || (o->seconds && !o->now) || begin(f))
		return true;
	snprintf(err, errsize, "cannot write %s: %s", f->name, strerror(errno));
	outfile_release(f);
	return false;
}

void outfile_use(struct outfile *f, int fd, const char *name)
{
	memset(f, 0, sizeof(*f));
	f->fd = fd;
	f->name = xstrdup(name);
}

bool outfile_due(const struct outfile *f, uint64_t waiting, uint64_t n, uint64_t time)
{
	uint64_t has = f->written + waiting;

	if (f->fd < 0 || (f->o.seconds && time / SECOND >= f->began + f->o.seconds))
		return true;
	return f->o.size && has && has + n > f->o.size;
}

bool outfile_next(struct outfile *f, uint64_t time)
{
	bool first = f->fd < 0 && !f->began;

	if (!outfile_close(f))
		return false;
	if (first || (f->o.seconds && time / SECOND >= f->began + f->o.seconds))
		f->began = time / SECOND;
	if (!first && !f->named_by_time)
		f->number++;
	return begin(f);
}

bool outfile_reopen(struct outfile *f)
{
	struct stat ours, now;
	int fd;

	if (!f->own || f->fd < 0 || fstat(f->fd, &ours) < 0 || !S_ISREG(ours.st_mode))
		return true;
	if (stat(f->name, &now) == 0 && now.st_dev == ours.st_dev && now.st_ino == ours.st_ino)
		return true;
	fd = open_name(f, true);
	if (fd < 0)
		return false;
	close(f->fd);
	f->fd = fd;
	return true;
}

bool outfile_close(struct outfile *f)
{
	int fd = f->fd;

	f->fd = -1;
	/* Some file systems tell only now that they had no room. */
	return !f->own || fd < 0 || close(fd) == 0 || errno == EINTR;
}

void outfile_release(struct outfile *f)
{
	outfile_close(f);
	for (unsigned i = 0; i < f->nkept; i++)
		free(f->kept[i]);
	free(f->kept);
	free(f->name);
	memset(f, 0, sizeof(*f));
	f->fd = -1;
}
