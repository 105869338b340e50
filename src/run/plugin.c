/*
 * plugin.c - dissectors from shared objects (plugin.h).
 */
#include "run/plugin.h"
#include "core/registry.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Loading runs its code: may anybody but the user (and root) have written it? */
static bool trusted(const char *path, int fd, char *err, size_t errsize)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		snprintf(err, errsize, "plugin %s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		snprintf(err, errsize, "plugin %s: is not a file", path);
	else if (st.st_uid != 0 && st.st_uid != geteuid())
		snprintf(err, errsize, "plugin %s: belongs neither to root nor to you: not loaded",
			path);
	else if (st.st_mode & (S_IWGRP | S_IWOTH))
		snprintf(err, errsize, "plugin %s: can be written by others: not loaded", path);
	else
		return true;
	return false;
}

static bool load(const char *path, int fd, char *err, size_t errsize)
{
	char by_fd[64], why[256];
	const struct dissector *d;
	void *handle;

	/* By the descriptor: the very file that was looked at, whoever renames what meanwhile. */
	snprintf(by_fd, sizeof(by_fd), "/proc/self/fd/%d", fd);
	handle = dlopen(by_fd, RTLD_NOW | RTLD_LOCAL);
	if (!handle) {
		const char *reason = dlerror();
		size_t n = strlen(by_fd);

		if (strncmp(reason, by_fd, n) == 0 && strncmp(reason + n, ": ", 2) == 0)
			reason += n + 2;
		snprintf(err, errsize, "plugin %s: cannot be loaded: %s", path, reason);
		return false;
	}
	d = dlsym(handle, "tsm_plugin");
	if (!d) {
		snprintf(err, errsize, "plugin %s: holds no dissector (tsm_plugin)", path);
		dlclose(handle);
		return false;
	}
	if (!registry_add(d, why, sizeof(why))) {
		snprintf(err, errsize, "plugin %s: %s", path, why);
		dlclose(handle);
		return false;
	}
	return true;
}

bool plugin_load(const char *path, char *err, size_t errsize)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0) {
		snprintf(err, errsize, "plugin %s: %s", path, strerror(errno));
		return false;
	}
	/* It stays open: the loader knows objects by name, and the next one may not have this
	 * one's. */
	if (trusted(path, fd, err, errsize) && load(path, fd, err, errsize))
		return true;
	close(fd);
	return false;
}
