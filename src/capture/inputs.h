/*
 * inputs.h - the capture files of a run: those that -r and the operands behind it name, and what is
 * in the folders among them.
 */
#ifndef TSUMARI_CAPTURE_INPUTS_H
#define TSUMARI_CAPTURE_INPUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include "capture/source.h"

struct input {
	char *path; /* "-": standard input */
	dev_t device;
	ino_t inode;
	off_t size;
	bool regular;
};

struct inputs {
	struct input *list;
	unsigned n;
	unsigned left_out; /* files of folders that are no captures */
};

/*
 * Finds them: a folder stands for the captures that are in it (not in folders below), in the order
 * of their names. False, with one line in err, where one of them is not there, given twice, or a
 * folder holds none.
 */
bool inputs_find(
	struct inputs *in, const char *const *given, unsigned n, char *err, size_t errsize);
void inputs_release(struct inputs *in);

/* As source_open_files(). */
struct source *inputs_open(
	const struct inputs *in, const struct source_options *o, char *err, size_t errsize);

/* Can all of them be read twice? */
bool inputs_regular(const struct inputs *in);
/* Are they the files that they were? One that has grown is the same. */
bool inputs_unchanged(const struct inputs *in);
/* Is it one of them? Writing to it would destroy what is being read. */
bool inputs_hold(const struct inputs *in, const struct stat *st);

/*
 * Does an operand name a capture file or a folder, or is it a word of a filter expression? It is a
 * name where there is such a file, and no word, number or address that a filter may have looks like
 * it; with a slash at its beginning, or after one or two dots there, it always is.
 */
bool inputs_is_name(const char *operand);

#endif
