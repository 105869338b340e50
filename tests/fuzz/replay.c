/*
 * replay.c - fuzz-replay [-t] TARGET PATH ...: runs files, and every file of folders, through a
 * target: the committed corpus is a test with any compiler, without libFuzzer.
 *
 * With -t every beginning of each file is run, too. Exit status 1 where there was nothing to run.
 * An input that takes longer than a minute ends the program. It prints the types of the records
 * that came out; without arguments the targets there are.
 */
#include "fuzz.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE 60u /* s */

static const struct fuzz_target *target;
static bool truncations;
static unsigned long done;

static void run(const uint8_t *data, size_t n)
{
	uint8_t *own = malloc(n); /* exactly so long, for a sanitizer */

	fuzz_check(own || !n, "memory");
	if (n)
		memcpy(own, data, n);
	alarm(PATIENCE);
	(void)target->run(own, n);
	alarm(0);
	free(own);
	done++;
}

static bool replay_file(const char *path, size_t size)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(size + 1);
	bool whole = f && data && fread(data, 1, size, f) == size;

	if (f)
		fclose(f);
	if (!whole) {
		perror(path);
		free(data);
		return false;
	}
	for (size_t n = truncations ? 0 : size; n <= size; n++)
		run(data, n);
	free(data);
	return true;
}

static bool replay(const char *path);

static bool replay_folder(const char *path)
{
	struct dirent **list;
	int n = scandir(path, &list, NULL, alphasort);
	bool good = n >= 0;

	for (int i = 0; i < n; i++) {
		char name[4096];

		snprintf(name, sizeof(name), "%s/%s", path, list[i]->d_name);
		if (list[i]->d_name[0] != '.' && !replay(name))
			good = false;
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return good;
}

static bool replay(const char *path)
{
	struct stat st;

	if (getenv("VERBOSE"))
		fprintf(stderr, "%s\n", path);
	if (stat(path, &st) != 0) {
		perror(path);
		return false;
	}
	return S_ISDIR(st.st_mode) ? replay_folder(path) : replay_file(path, (size_t)st.st_size);
}

int main(int argc, char **argv)
{
	int at = argc > 1 && strcmp(argv[1], "-t") == 0 ? 2 : 1;
	bool good = true;

	if (argc == 1) {
		for (const struct fuzz_target *t = fuzz_targets; t->name; t++)
			puts(t->name);
		return 0;
	}
	truncations = at == 2;
	target = at < argc ? fuzz_target(argv[at]) : NULL;
	if (!target) {
		fprintf(stderr, "usage: fuzz-replay [-t] TARGET PATH ...\n");
		return 2;
	}
	while (++at < argc)
		good &= replay(argv[at]);
	fuzz_types(stdout);
	return good && done ? 0 : 1;
}
