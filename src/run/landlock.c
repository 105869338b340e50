/*
 * landlock.c - see landlock.h. The kernel's header may be older than the kernel, and no library is
 * needed for three calls, so what there is to know is written down here.
 */
#include "run/landlock.h"
#include "base/mem.h"
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_landlock_create_ruleset /* the same number everywhere */
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule       445
#define SYS_landlock_restrict_self  446
#endif

#define ASK_VERSION  1u /* a flag of landlock_create_ruleset() */
#define PATH_BENEATH 1  /* a type of landlock_add_rule() */

#define EXECUTE     (UINT64_C(1) << 0)
#define WRITE_FILE  (UINT64_C(1) << 1)
#define READ_FILE   (UINT64_C(1) << 2)
#define READ_DIR    (UINT64_C(1) << 3)
#define REMOVE_FILE (UINT64_C(1) << 5)
#define MAKE_REG    (UINT64_C(1) << 8)
#define TRUNCATE    (UINT64_C(1) << 14) /* version 3 */

/* What each version can deny in the file system: all of the first n bits. */
static const unsigned fs_bits[] = {0, 13, 14, 15, 15, 16};

#define TCP_BOTH     3u /* bind, connect: version 4 */
#define SCOPE_BOTH   3u /* abstract sockets, signals: version 6 */
#define VERSIONS     (sizeof(fs_bits) / sizeof(fs_bits[0]))
#define VERSION_NET  4
#define VERSION_SIGS 6

struct ruleset { /* struct landlock_ruleset_attr */
	uint64_t fs, net, scoped;
};

struct rule { /* struct landlock_path_beneath_attr */
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

struct landlock {
	int fd;
	uint64_t fs; /* what is denied where no rule allows it */
};

int landlock_version(void)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, ASK_VERSION);

	return version > 0 ? (int)version : 0;
}

struct landlock *landlock_new(void)
{
	unsigned version = (unsigned)landlock_version();
	struct ruleset r = {0};
	struct landlock *l;
	size_t size;
	long fd;

	if (!version)
		return NULL;
	r.fs = (UINT64_C(1) << fs_bits[version < VERSIONS ? version : VERSIONS - 1]) - 1;
	r.net = version >= VERSION_NET ? TCP_BOTH : 0;
	r.scoped = version >= VERSION_SIGS ? SCOPE_BOTH : 0;
	/* An older kernel takes the shorter form. */
	size = r.scoped ? sizeof(r) : r.net ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
	fd = syscall(SYS_landlock_create_ruleset, &r, size, 0u);
	if (fd < 0)
		return NULL;
	l = xcalloc(1, sizeof(*l));
	l->fd = (int)fd;
	l->fs = r.fs;
	return l;
}

void landlock_allow(struct landlock *l, const char *path, unsigned what)
{
	const uint64_t of_files = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE;
	struct rule rule = {0};
	struct stat st;

	if (!l || !what)
		return;
	if (what & LANDLOCK_READ)
		rule.allowed |= READ_FILE | READ_DIR;
	if (what & LANDLOCK_WRITE)
		rule.allowed |= WRITE_FILE | READ_FILE | REMOVE_FILE | MAKE_REG | TRUNCATE;
	if (what & LANDLOCK_RUN)
		rule.allowed |= EXECUTE;
	rule.parent = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent < 0)
		return;
	if (fstat(rule.parent, &st) == 0 && !S_ISDIR(st.st_mode))
		rule.allowed &= of_files;
	rule.allowed &= l->fs;
	syscall(SYS_landlock_add_rule, l->fd, PATH_BENEATH, &rule, 0u);
	close(rule.parent);
}

bool landlock_close(struct landlock *l)
{
	bool good;

	if (!l)
		return true;
	good = syscall(SYS_landlock_restrict_self, l->fd, 0u) == 0;
	close(l->fd);
	free(l);
	return good;
}
