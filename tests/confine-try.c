/*
 * confine-try.c - a dissector and a preloaded library in one, for confine.sh: makes each system
 * call that should be denied, once, on the thread and in the phase that TRY names, and says how it
 * ended. The calls are harmless where they are not denied: descriptors that are none, names that
 * are not there, the signal 0.
 *
 * TRY=dissecting  in a dissector       TRY=reading  where a capture is read
 * TRY=main        where a first line is written to standard output
 * TRY=last        where a report is written, and all else is over
 * TRY=drawing     where keys are waited for
 * TRY=sending     where a record is sent to a socket
 * TRY=serving     where it is waited for who asks
 * TRY=crash       a dissector crashes
 * TRY=abort       a dissector aborts
 * TRY=refuse      as where a container denies filters and Landlock
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#undef _FORTIFY_SOURCE /* whose functions are defined here */
#include <dissector.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

static int place(const char *name)
{
	const char *want = getenv("TRY");

	return want && strcmp(want, name) == 0;
}

static void say(const char *where, const char *what, long r)
{
	char line[128];
	int n = snprintf(line, sizeof(line), "try %s %s %s\n", where, what,
		r >= 0            ? "done"
		: errno == EPERM  ? "denied"
		: errno == EACCES ? "denied"
		: errno == ENOSYS ? "unknown"
				  : "allowed");

	syscall(SYS_write, STDERR_FILENO, line, (size_t)n);
}

#define TRY(what, ...) (errno = 0, say(where, what, syscall(__VA_ARGS__)))
#define FD             (-1)
#define NOWHERE        "/nowhere/nothing"

static void try_programs(const char *where)
{
	char *const none[] = {NULL};
	long r;

	TRY("execve", SYS_execve, NOWHERE, none, none);
	TRY("execveat", SYS_execveat, FD, NOWHERE, none, none, 0);
	errno = 0;
	r = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); /* fork() */
	if (r == 0)
		syscall(SYS_exit_group, 0);
	say(where, "fork", r);
	TRY("kill-parent", SYS_kill, getppid(), 0);
	TRY("kill-own", SYS_kill, getpid(), 0);
	TRY("tgkill-parent", SYS_tgkill, getppid(), getppid(), 0);
	TRY("tgkill-own", SYS_tgkill, getpid(), (int)syscall(SYS_gettid), 0);
	TRY("ptrace", SYS_ptrace, 2, -1, 0, 0);
	TRY("process_vm_readv", SYS_process_vm_readv, getpid(), NULL, 0, NULL, 0, 0);
	TRY("process_vm_writev", SYS_process_vm_writev, getpid(), NULL, 0, NULL, 0, 0);
	TRY("pidfd_open", SYS_pidfd_open, -1, 0);
	TRY("setpgid", SYS_setpgid, 0, 0);
	TRY("setuid", SYS_setuid, getuid());
	TRY("capset", SYS_capset, NULL, NULL);
	TRY("unshare", SYS_unshare, 0);
	TRY("prctl", SYS_prctl, PR_GET_DUMPABLE, 0, 0, 0, 0);
	TRY("setrlimit", SYS_prlimit64, 0, 7, NULL, NULL);
	TRY("wait4", SYS_wait4, -1, NULL, 1, NULL);
}

static void try_network(const char *where)
{
	TRY("socket", SYS_socket, AF_INET, SOCK_DGRAM, 0);
	TRY("socketpair", SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, NULL);
	TRY("connect", SYS_connect, FD, NULL, 0);
	TRY("bind", SYS_bind, FD, NULL, 0);
	TRY("listen", SYS_listen, FD, 0);
	TRY("accept4", SYS_accept4, FD, NULL, NULL, 0);
	TRY("sendto", SYS_sendto, FD, NULL, 0, 0, NULL, 0);
	TRY("sendmsg", SYS_sendmsg, FD, NULL, 0);
	TRY("recvfrom", SYS_recvfrom, FD, NULL, 0, 0, NULL, NULL);
	TRY("setsockopt", SYS_setsockopt, FD, SOL_SOCKET, SO_ATTACH_FILTER, NULL, 0);
}

static void try_files(const char *where)
{
	TRY("open-read", SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY);
	TRY("open-write", SYS_openat, AT_FDCWD, "victim", O_WRONLY);
	TRY("open-make", SYS_openat, AT_FDCWD, "made", O_WRONLY | O_CREAT, 0600);
	TRY("open-outside", SYS_openat, AT_FDCWD, "../outside", O_WRONLY | O_CREAT, 0600);
	TRY("memfd_create", SYS_memfd_create, "x", 0);
	TRY("unlink", SYS_unlinkat, AT_FDCWD, NOWHERE, 0);
	TRY("rename", SYS_renameat2, AT_FDCWD, NOWHERE, AT_FDCWD, NOWHERE, 0);
	TRY("mkdir", SYS_mkdirat, AT_FDCWD, "/", 0700);
	TRY("symlink", SYS_symlinkat, NOWHERE, AT_FDCWD, "/");
	TRY("link", SYS_linkat, AT_FDCWD, NOWHERE, AT_FDCWD, NOWHERE, 0);
	TRY("chmod", SYS_fchmodat, AT_FDCWD, NOWHERE, 0600);
	TRY("chown", SYS_fchownat, AT_FDCWD, NOWHERE, -1, -1, 0);
	TRY("fchmod", SYS_fchmod, FD, 0600);
	TRY("truncate", SYS_truncate, NOWHERE, 0L);
	TRY("mknod", SYS_mknodat, AT_FDCWD, "/", 0, 0);
	TRY("mount", SYS_mount, NULL, NULL, NULL, 0, NULL);
	TRY("chroot", SYS_chroot, NOWHERE);
	TRY("chdir", SYS_chdir, NOWHERE);
	TRY("getdents64", SYS_getdents64, FD, NULL, 0);
	TRY("read", SYS_read, FD, NULL, 0);
	TRY("write", SYS_write, FD, NULL, 0);
	TRY("lseek", SYS_lseek, FD, 0L, 0);
	TRY("close", SYS_close, FD);
	TRY("fstat", SYS_fstat, FD, NULL);
	TRY("dup", SYS_dup, FD);
	TRY("fcntl-owner", SYS_fcntl, FD, F_SETOWN, 0);
	TRY("ftruncate", SYS_ftruncate, FD, 0L);
	TRY("sendfile", SYS_sendfile, FD, FD, NULL, 0);
	TRY("splice", SYS_splice, FD, NULL, FD, NULL, 0, 0);
	TRY("inotify_init1", SYS_inotify_init1, -1);
}

static void try_rest(const char *where)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	TRY("ioctl-type", SYS_ioctl, FD, TIOCSTI, "x");
	TRY("ioctl-type-high", SYS_ioctl, FD, (unsigned long)TIOCSTI | 1ul << 32, "x");
	TRY("ioctl-modes", SYS_ioctl, FD, TCSETS, NULL);
	TRY("ioctl-size", SYS_ioctl, FD, TIOCGWINSZ, NULL);
	TRY("mmap-execute", SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	TRY("mprotect-execute", SYS_mprotect, page, 4096, PROT_READ | PROT_EXEC);
	TRY("bpf", SYS_bpf, -1, NULL, 0);
	TRY("perf_event_open", SYS_perf_event_open, NULL, 0, 0, -1, 0);
	TRY("io_uring_setup", SYS_io_uring_setup, 0, NULL);
	TRY("userfaultfd", SYS_userfaultfd, -1);
	TRY("keyctl", SYS_keyctl, -1);
	TRY("shmget", SYS_shmget, 0, 0, 0);
	TRY("seccomp", SYS_seccomp, -1, 0, NULL);
	TRY("init_module", SYS_init_module, NULL, 0, NULL);
	TRY("clock_settime", SYS_clock_settime, 0, NULL);
	TRY("sethostname", SYS_sethostname, NULL, -1);
	TRY("syslog", SYS_syslog, -1, NULL, 0);
}

static void try_all(const char *where)
{
	static int done;
	int saved = errno;

	if (!place(where) || __atomic_exchange_n(&done, 1, __ATOMIC_SEQ_CST))
		return;
	try_programs(where);
	try_network(where);
	try_files(where);
	try_rest(where);
	errno = saved;
}

/* ---- On the main thread, and where a capture is read ---- */

static int is_main(void)
{
	return syscall(SYS_gettid) == getpid();
}

ssize_t write(int fd, const void *from, size_t n)
{
	if (fd == STDOUT_FILENO && is_main())
		try_all("main");
	return syscall(SYS_write, fd, from, n);
}

int fflush(FILE *f)
{
	int (*real)(FILE *) = (int (*)(FILE *))dlsym(RTLD_NEXT, "fflush");

	if (f && f != stderr && is_main())
		try_all("last");
	return real(f);
}

ssize_t read(int fd, void *to, size_t n)
{
	if (!is_main())
		try_all("reading");
	return syscall(SYS_read, fd, to, n);
}

ssize_t __read_chk(int fd, void *to, size_t n, size_t size);
ssize_t __read_chk(int fd, void *to, size_t n, size_t size)
{
	(void)size;
	return read(fd, to, n);
}

int poll(struct pollfd *fds, nfds_t n, int timeout)
{
	int (*real)(struct pollfd *, nfds_t, int) =
		(int (*)(struct pollfd *, nfds_t, int))dlsym(RTLD_NEXT, "poll");

	if (is_main())
		try_all("drawing");
	return real(fds, n, timeout);
}

ssize_t send(int fd, const void *from, size_t n, int flags)
{
	if (!is_main())
		try_all("sending");
	return syscall(SYS_sendto, fd, from, n, flags, NULL, 0);
}

int epoll_wait(int fd, struct epoll_event *events, int most, int timeout)
{
	int (*real)(int, struct epoll_event *, int, int) =
		(int (*)(int, struct epoll_event *, int, int))dlsym(RTLD_NEXT, "epoll_wait");

	if (!is_main())
		try_all("serving");
	return real(fd, events, most, timeout);
}

/* ---- Where neither filters nor Landlock can be had ---- */

__attribute__((constructor)) static void refuse(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 444, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 446, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	if (!place("refuse"))
		return;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		abort();
}

/* ---- The dissector ---- */

static enum tsm_probe probe(struct view head, enum side side)
{
	(void)head;
	(void)side;
	if (place("crash"))
		*(volatile int *)NULL = 1;
	if (place("abort"))
		abort();
	try_all("dissecting");
	return PROBE_NO;
}

static struct take data(struct session *s, void *state, enum side side, struct view *v)
{
	struct take t = {0, 0, true};

	(void)s;
	(void)state;
	(void)side;
	(void)v;
	return t;
}

static const struct claim claims[] = {{TABLE_TCP_PORT, 6379}, {TABLE_END, 0}};
static const struct field fields[] = {FIELDS_END};

TSM_DISSECTOR(trying) = {
	TSM_HEAD,
	.name = "trying",
	.title = "Makes system calls that are denied",
	.claims = claims,
	.fields = fields,
	.probe = probe,
	.data = data,
};
