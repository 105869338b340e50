/*
 * outfile.h - the file that lines are written to: made anew or appended to, begun again by size or
 * time, and opened again under its name, as a program that rotates logs wants it.
 *
 * Lines are never divided between two files. With a name that is a format of strftime() a new file
 * has the time at which it begins; else files have numbers behind their names, from 1 on. Times are
 * those of the capture, so that a file gives the same files each time.
 */
#ifndef TSUMARI_OUT_OUTFILE_H
#define TSUMARI_OUT_OUTFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct outfile_options {
	const char *path; /* NULL or "-": standard output; must stay */
	bool append;      /* behind what is there */
	uint64_t size;    /* bytes of a file, at most, but for a longer line; 0: no limit */
	uint64_t seconds; /* after which a new one begins; 0: never */
	unsigned files;   /* the newest that are kept; 0: all */
	uint64_t now;     /* ns: when the first file begins; 0: with the first line */
};

struct outfile {
	struct outfile_options o;
	int fd; /* -1: not open yet */
	bool own, named_by_time;
	unsigned number;
	uint64_t written; /* bytes that it has */
	uint64_t began;   /* s */
	char *name;       /* of the open file, or what messages call it */
	char **kept;      /* o.files names, the oldest at `oldest` */
	unsigned nkept, oldest;
};

/* False with one line in err. */
bool outfile_open(struct outfile *f, const struct outfile_options *o, char *err, size_t errsize);
/* A descriptor that stays the caller's. */
void outfile_use(struct outfile *f, int fd, const char *name);

static inline bool outfile_rotates(const struct outfile *f)
{
	return f->o.size || f->o.seconds;
}

/* Must another file begin before a line of n bytes, with `waiting` bytes before it that are not
   written yet? */
bool outfile_due(const struct outfile *f, uint64_t waiting, uint64_t n, uint64_t time);
/* Begins it; what waits must have been written. False: errno. */
bool outfile_next(struct outfile *f, uint64_t time);
/* Its name is another file's by now: opens that. False: errno, and the old one goes on. */
bool outfile_reopen(struct outfile *f);
/* False: errno. */
bool outfile_close(struct outfile *f);
void outfile_release(struct outfile *f);

#endif
