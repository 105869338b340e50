/* privileges.c - see privileges.h. */
#include "run/privileges.h"
#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define LEAK_CHECKER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(leak_sanitizer)
#define LEAK_CHECKER 1
#endif
#endif
#ifndef LEAK_CHECKER
#define LEAK_CHECKER 0
#endif

/* Which user to become; NULL: stay. */
static const char *target(const struct privileges *p)
{
	if (geteuid() != 0)
		return NULL;
	if (p->user)
		return strcmp(p->user, "root") == 0 ? NULL : p->user;
	return p->live && !p->more_files ? "nobody" : NULL;
}

static bool become(const char *user, char *err, size_t errsize)
{
	struct passwd *pw = getpwnam(user);

	if (!pw) {
		snprintf(err, errsize, "-Z %s: there is no such user", user);
		return false;
	}
	if (initgroups(user, pw->pw_gid) < 0 || setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0 ||
		setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0) {
		snprintf(err, errsize, "cannot become user %s: %s", user, strerror(errno));
		return false;
	}
	if (pw->pw_uid != 0 && setuid(0) == 0) {
		snprintf(err, errsize, "cannot become user %s for good", user);
		return false;
	}
	return true;
}

static bool drop_capabilities(bool create_files, char *err, size_t errsize)
{
	capng_clear(CAPNG_SELECT_CAPS);
	if (create_files)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_DAC_OVERRIDE);
	if (capng_apply(CAPNG_SELECT_CAPS) == 0)
		return true;
	snprintf(err, errsize, "cannot give up capabilities: %s", strerror(errno));
	return false;
}

bool privileges_drop(const struct privileges *p, char *err, size_t errsize)
{
	const char *user = target(p);
	bool root = geteuid() == 0;
	bool create_files = root && !user && p->more_files;

	/* A container may have root without this capability. */
	if (create_files) {
		capng_get_caps_process();
		create_files = capng_have_capability(CAPNG_PERMITTED, CAP_DAC_OVERRIDE);
	}
	if (user && !become(user, err, errsize))
		return false;
	if (!drop_capabilities(create_files, err, errsize))
		return false;
	if (LEAK_CHECKER)
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		snprintf(err, errsize, "cannot set no_new_privs: %s", strerror(errno));
		return false;
	}
	return true;
}
