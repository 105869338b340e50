/*
 * privileges.c - giving up what is not needed once everything is open (privileges.h).
 *
 * A list of what is denied, not of what is allowed: which calls the C library makes changes with
 * its version, what an intruder would want does not.
 */
#include "run/privileges.h"
#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <seccomp.h>
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

/* By name: a kernel's call that this libseccomp does not know is left out. */
static const char *const denied[] = {
	/* other programs */
	"execve",
	"execveat",
	"fork",
	"vfork",
	/* other processes; the leak checker of test builds traces its own */
	"process_vm_readv",
	"process_vm_writev",
	"pidfd_open",
	"pidfd_getfd",
	"kcmp",
	/* the network: sockets that are open stay usable */
	"socket",
	"socketpair",
	"connect",
	"bind",
	"listen",
	"accept",
	"accept4",
	/* the system */
	"mount",
	"umount",
	"umount2",
	"move_mount",
	"open_tree",
	"fsopen",
	"fsmount",
	"fspick",
	"fsconfig",
	"mount_setattr",
	"pivot_root",
	"chroot",
	"setns",
	"unshare",
	"swapon",
	"swapoff",
	"reboot",
	"kexec_load",
	"kexec_file_load",
	"init_module",
	"finit_module",
	"delete_module",
	"acct",
	"quotactl",
	"syslog",
	"sethostname",
	"setdomainname",
	"settimeofday",
	"clock_settime",
	"adjtimex",
	"clock_adjtime",
	"iopl",
	"ioperm",
	/* what kernels were attacked by */
	"bpf",
	"perf_event_open",
	"userfaultfd",
	"keyctl",
	"add_key",
	"request_key",
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
	"vmsplice",
	"modify_ldt",
	"personality",
	"name_to_handle_at",
	"open_by_handle_at",
	"fanotify_init",
	"mknod",
	"mknodat",
	"link",
	"linkat",
	"symlink",
	"symlinkat",
	"chown",
	"fchown",
	"lchown",
	"fchownat",
	"setuid",
	"setgid",
	"setreuid",
	"setregid",
	"setresuid",
	"setresgid",
	"setgroups",
};

static int deny(scmp_filter_ctx filter, const char *name)
{
	int call = seccomp_syscall_resolve_name(name);

	if (call == __NR_SCMP_ERROR)
		return 0;
	return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 0);
}

bool privileges_confine(char *err, size_t errsize)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int r = filter ? 0 : -ENOMEM;

	for (size_t i = 0; !r && i < sizeof(denied) / sizeof(denied[0]); i++)
		r = deny(filter, denied[i]);
	if (!r && !LEAK_CHECKER)
		r = deny(filter, "ptrace");
	if (!r)
		r = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	if (r)
		snprintf(err, errsize, "no system call filter: %s", strerror(-r));
	return r == 0;
}
