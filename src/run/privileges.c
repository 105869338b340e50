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

#define NOBODY       "nobody"
#define NOBODY_KNOWN 65534 /* where no file says which number it has */

/* Which user to become; NULL: stay. */
static const char *target(const struct privileges *p)
{
	if (geteuid() != 0)
		return NULL;
	if (p->user)
		return strcmp(p->user, "root") == 0 ? NULL : p->user;
	return p->more_files ? NULL : NOBODY;
}

/* False: errno. */
static bool become(const char *user)
{
	struct passwd *pw = getpwnam(user);
	uid_t uid = pw ? pw->pw_uid : NOBODY_KNOWN;
	gid_t gid = pw ? pw->pw_gid : NOBODY_KNOWN;

	if ((pw ? initgroups(user, gid) : setgroups(0, NULL)) < 0 || setresgid(gid, gid, gid) < 0 ||
		setresuid(uid, uid, uid) < 0)
		return false;
	if (uid == 0 || setuid(0) < 0)
		return true;
	errno = EPERM;
	return false;
}

static bool change_user(const struct privileges *p, const char *user, char *err, size_t errsize)
{
	if (p->user && !getpwnam(user)) {
		snprintf(err, errsize, "-Z %s: there is no such user", user);
		return false;
	}
	if (become(user))
		return true;
	snprintf(err, errsize, "cannot become user %s: %s", user, strerror(errno));
	/* A container may have a root who cannot become another. */
	return !p->user && geteuid() == 0;
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
	*err = '\0';
	if (user && !change_user(p, user, err, errsize))
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
