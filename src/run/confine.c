/*
 * confine.c - see confine.h.
 *
 * The filters are made by libseccomp before the first of them is in force, and put in force by the
 * system call itself, as that allocates nothing.
 */
#include "run/confine.h"
#include "run/landlock.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>
#include <ucontext.h>
#include <unistd.h>

/* Sanitizers read /proc, start a program that knows names, and look for leaks by tracing. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(leak_sanitizer) ||                           \
	__has_feature(thread_sanitizer) || __has_feature(undefined_behavior_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* What a denied call can be given back is known of these. */
#if defined(__x86_64__)
#define RESULT(context) ((context)->uc_mcontext.gregs[REG_RAX])
#elif defined(__aarch64__)
#define RESULT(context) ((context)->uc_mcontext.regs[0])
#endif

/* The leak checker's own process blocks all signals, and one that is trapped ends by it. */
#if defined(RESULT) && !SANITIZED
#define DENIED SCMP_ACT_TRAP
#else
#define DENIED SCMP_ACT_ERRNO(EPERM)
#endif

/* Which calls: a filter is made of several of these. */
enum {
	ALWAYS = 1,
	THREADS = 2,    /* others are started */
	READ = 4,       /* what is open is read */
	WRITE = 8,      /* what is open is written */
	OPEN = 16,      /* files are opened to be read */
	FILES = 32,     /* files are made, written, removed */
	SOCKETS = 64,   /* frames come from interfaces */
	TERMINAL = 128, /* keys are read, and modes set */
	FOLDERS = 256,  /* folders are made, and files renamed */
	LESS = 512,     /* another filter follows; one is never taken back */
	KEEPER = 1024,  /* files that were made are handed over */
	CONNECT = 2048, /* records are sent by sockets, which are connected again */
	SERVE = 4096,   /* others connect, ask and are answered */
	OWN = 8192,     /* how much memory is used is read */
	KEEP = 16384    /* a database is written and read, that is open */
};

#define FD    (READ | WRITE | TERMINAL)
#define CALLS 1024

static const struct {
	const char *name; /* one that libseccomp or the machine does not have is left out */
	unsigned when;
} calls[] = {
	/* memory; mmap() and mprotect() are below */
	{"brk", ALWAYS},
	{"munmap", ALWAYS},
	{"mremap", ALWAYS},
	{"madvise", ALWAYS},
	/* waiting */
	{"futex", ALWAYS},
	{"futex_time64", ALWAYS},
	{"sched_yield", ALWAYS},
	{"restart_syscall", ALWAYS},
	{"nanosleep", ALWAYS},
	{"clock_nanosleep", ALWAYS},
	/* what is asked for, and changes nothing */
	{"clock_gettime", ALWAYS},
	{"clock_getres", ALWAYS},
	{"gettimeofday", ALWAYS},
	{"time", ALWAYS},
	{"getcpu", ALWAYS},
	{"getpid", ALWAYS},
	{"gettid", ALWAYS},
	{"getrandom", ALWAYS},
	{"getrusage", ALWAYS},
	{"sched_getaffinity", ALWAYS},
	{"sysinfo", ALWAYS}, /* how much memory there is: qsort() */
	/* signals, and the beginning and end of threads; tgkill() is below */
	{"rt_sigaction", ALWAYS},
	{"rt_sigprocmask", ALWAYS},
	{"rt_sigreturn", ALWAYS},
	{"sigaltstack", ALWAYS},
	{"set_robust_list", ALWAYS},
	{"rseq", ALWAYS},
	{"membarrier", ALWAYS},
	{"exit", ALWAYS},
	{"exit_group", ALWAYS},
	/* what is open; dissecting threads have none of it */
	{"read", READ | TERMINAL | SERVE},
	{"readv", READ},
	{"pread64", READ | FILES | OWN | KEEP},
	{"lseek", READ | WRITE},
	{"fstat", FD},
	{"newfstatat", FD},
	{"fstatat64", FD},
	{"stat", FD},
	{"lstat", FD},
	{"statx", FD},
	{"close", FD | CONNECT | SERVE},
	{"poll", FD},
	{"ppoll", FD},
	{"fadvise64", READ},
	{"eventfd2", READ},
	{"access", FD},
	{"faccessat", FD},
	{"faccessat2", FD},
	{"write", WRITE | TERMINAL | SERVE},
	{"writev", WRITE | TERMINAL | SERVE},
	{"ftruncate", WRITE},
	{"pwrite64", WRITE},
	{"fsync", KEEP},
	{"fdatasync", KEEP},
	{"geteuid", KEEP},
	/* files; open() is below */
	{"unlink", FILES | KEEP},
	{"unlinkat", FILES},
	{"rename", FOLDERS},
	{"renameat", FOLDERS},
	{"renameat2", FOLDERS},
	{"mkdir", FOLDERS},
	{"mkdirat", FOLDERS},
	/* frames are fetched, and counted */
	{"recvfrom", SOCKETS | SERVE},
	{"recvmsg", SOCKETS | TERMINAL | SERVE}, /* files that were made: keeper.c */
	{"getsockopt", SOCKETS | SERVE},
	{"getsockname", SOCKETS | SERVE},
	{"sendmsg", KEEPER | SERVE},
	{"sendto", CONNECT | SERVE},
	{"accept", SERVE},
	{"accept4", SERVE},
	{"shutdown", SERVE},
	{"epoll_ctl", SERVE},
	{"epoll_wait", SERVE},
	{"epoll_pwait", SERVE},
	{"connect", CONNECT},
	{"seccomp", LESS},
};

/* What sanitizers need besides. */
static const char *const sanitizers[] = {"arch_prctl", "clone", "dup", "dup2", "dup3", "execve",
	"fcntl", "fork", "getdents", "getdents64", "getppid", "getrlimit", "ioctl", "kill", "mmap",
	"mprotect", "open", "openat", "pipe", "pipe2", "prctl", "prlimit64", "process_vm_readv",
	"ptrace", "sched_getparam", "sched_getscheduler", "set_tid_address", "setrlimit",
	"socketpair", "sysinfo", "tgkill", "tkill", "uname", "vfork", "wait4", "waitid", "write",
	"writev", "read", "readlink", "readlinkat", "close", "lseek", "stat", "fstat", "newfstatat",
	"access", "getcwd", "getuid", "geteuid", "getgid", "getegid"};

/* Calls that the C library tries and does without: they fail, and nothing is said. */
static const struct {
	const char *name;
	int error;
	bool always; /* whatever its arguments are */
} without[] = {
	{"clone3", ENOSYS, true},  /* its flags lie in memory, where a filter does not look */
	{"openat2", ENOSYS, true}, /* so do its */
	{"open", EPERM, false}, {"openat", EPERM, false}, {"readlink", EPERM, true},
	{"readlinkat", EPERM, true},
	{"socket", EPERM, true}, /* a service's name is looked up: a daemon may know it */
};

struct program {
	struct sock_filter *code; /* NULL: there is none */
	unsigned short n;
};

static struct program all, silent, dissecting, reading, main_thread, sending, serving, keeping,
	writing, last;
static char *names[CALLS]; /* of system calls */
static uint8_t quiet[CALLS];
static atomic_bool told[CALLS];
static bool later; /* they are told by confine_tell() */

/* ---- What is denied ---- */

static size_t append(char *line, size_t n, size_t size, const char *s)
{
	while (*s && n < size)
		line[n++] = *s++;
	return n;
}

/* Async-signal-safe. */
static void tell(int number)
{
	const char *name = names[number] ? names[number] : "one without a name";
	char line[160];
	size_t n = 0;

	n = append(line, n, sizeof(line), "tsumari: system call denied: ");
	n = append(line, n, sizeof(line), name);
	n = append(line, n, sizeof(line),
		", which this program never makes: what comes out may be forged\n");
	if (write(STDERR_FILENO, line, n) < 0)
		return;
}

#ifdef RESULT
/* What a call is answered with; 0: with EPERM, and it is told. */
static int answer(int number)
{
	/* Newer than libseccomp, and so than what was looked at here: the C library has another. */
	if (number < 0 || number >= CALLS || !names[number])
		return ENOSYS;
	return quiet[number];
}

static void denied(int signal, siginfo_t *info, void *context)
{
	int number = info->si_syscall, saved = errno, error = answer(number);

	(void)signal;
	if (!error && !atomic_exchange(&told[number], true) && !later)
		tell(number);
	errno = saved;
	RESULT((ucontext_t *)context) = -(error ? error : EPERM);
}

static void catch_denied(void)
{
	struct sigaction action;

	for (int i = 0; i < CALLS; i++)
		names[i] = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i);
	for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
		int call = seccomp_syscall_resolve_name(without[i].name);

		if (call >= 0 && call < CALLS)
			quiet[call] = (uint8_t)without[i].error;
	}
	memset(&action, 0, sizeof(action));
	action.sa_sigaction = denied;
	action.sa_flags = SA_SIGINFO | SA_NODEFER;
	sigemptyset(&action.sa_mask);
	sigaction(SIGSYS, &action, NULL);
}
#else
static void catch_denied(void)
{
}
#endif

void confine_tell(void)
{
	if (!later)
		return;
	later = false;
	for (int i = 0; i < CALLS; i++)
		if (atomic_load(&told[i]))
			tell(i);
}

/* ---- Filters ---- */

/* Of an argument: its value, or that of some of its bits. */
static struct scmp_arg_cmp is(unsigned argument, scmp_datum_t value)
{
	return (struct scmp_arg_cmp){argument, SCMP_CMP_EQ, value, 0};
}

static struct scmp_arg_cmp has(unsigned argument, scmp_datum_t bits, scmp_datum_t value)
{
	return (struct scmp_arg_cmp){argument, SCMP_CMP_MASKED_EQ, bits, value};
}

/* A call that this machine or libseccomp does not have needs no rule. */
static void rule(scmp_filter_ctx f, uint32_t action, const char *name)
{
	int call = seccomp_syscall_resolve_name(name);

	if (call >= 0)
		(void)seccomp_rule_add_array(f, action, call, 0, NULL);
}

static void rule_where(
	scmp_filter_ctx f, uint32_t action, const char *name, struct scmp_arg_cmp argument)
{
	int call = seccomp_syscall_resolve_name(name);

	if (call >= 0)
		(void)seccomp_rule_add_array(f, action, call, 1, &argument);
}

static void allow(scmp_filter_ctx f, const char *name)
{
	rule(f, SCMP_ACT_ALLOW, name);
}

static void allow_where(scmp_filter_ctx f, const char *name, struct scmp_arg_cmp argument)
{
	rule_where(f, SCMP_ACT_ALLOW, name, argument);
}

static void allow_ioctl(scmp_filter_ctx f, unsigned long what)
{
	allow_where(f, "ioctl", is(1, what));
}

/* tcgetattr() and tcsetattr(), as the C library makes them or will make them. */
static void allow_modes(scmp_filter_ctx f, bool set)
{
	static const unsigned long gets[] = {TCGETS, 0x802c542a /* TCGETS2 */},
				   sets[] = {TCSETS, TCSETSW, TCSETSF, TCFLSH,
					   0x402c542b /* TCSETS2 */, 0x402c542c, 0x402c542d};

	for (size_t i = 0; i < sizeof(gets) / sizeof(gets[0]); i++)
		allow_ioctl(f, gets[i]);
	for (size_t i = 0; set && i < sizeof(sets) / sizeof(sets[0]); i++)
		allow_ioctl(f, sets[i]);
}

/* No memory is both written and executed. */
static void allow_memory(scmp_filter_ctx f)
{
	allow_where(f, "mmap", has(2, PROT_EXEC, 0));
	allow_where(f, "mprotect", has(2, PROT_EXEC, 0));
}

/* How a crash ends: the terminal is as it was, a word is said, and the signal comes again. */
static void allow_crash(scmp_filter_ctx f, bool terminal)
{
	allow_where(f, "tgkill", is(0, (scmp_datum_t)getpid()));
	allow_where(f, "write", is(0, STDERR_FILENO));
	allow_where(f, "writev", is(0, STDERR_FILENO));
	if (!terminal)
		return;
	allow_where(f, "write", is(0, STDOUT_FILENO));
	allow_modes(f, true);
}

static void allow_open(scmp_filter_ctx f, unsigned when)
{
	const scmp_datum_t writes = O_ACCMODE | O_CREAT | O_TRUNC;

	if (when & FILES) {
		allow(f, "open");
		allow(f, "openat");
	} else if (when & OPEN) {
		allow_where(f, "open", has(1, writes, 0));
		allow_where(f, "openat", has(2, writes, 0));
	}
}

/* A descriptor's copy could be written to where the descriptor must not be (no_sending()). */
static void allow_fcntl(scmp_filter_ctx f, unsigned when)
{
	static const int what[] = {F_GETFD, F_SETFD, F_GETFL, F_SETFL};

	for (size_t i = 0; i < sizeof(what) / sizeof(what[0]); i++)
		allow_where(f, "fcntl", is(1, (scmp_datum_t)what[i]));
	if (when & KEEP) {
		allow_where(f, "fcntl", is(1, F_SETLK));
		allow_where(f, "fcntl", is(1, F_GETLK));
	}
	if (!(when & SOCKETS))
		allow_where(f, "fcntl", is(1, (scmp_datum_t)F_DUPFD_CLOEXEC));
}

static void allow_by_arguments(scmp_filter_ctx f, unsigned when, bool terminal)
{
	allow_memory(f);
	allow_open(f, when);
	if (when & THREADS)
		allow_where(f, "clone", has(0, CLONE_THREAD, CLONE_THREAD));
	if (when & FD) {
		allow_fcntl(f, when);
		allow_modes(f, false);
		allow_ioctl(f, TIOCGWINSZ);
	}
	if (when & SOCKETS) {
		allow_where(f, "setsockopt", is(1, SOL_PACKET));
		allow_ioctl(f, SIOCGIFFLAGS); /* is it up? */
		allow_ioctl(f, SIOCGIFNAME);
		allow_ioctl(f, SIOCGIFINDEX);
	}
	if (when & CONNECT) {
		allow_where(f, "socket", is(0, AF_UNIX));
		allow_where(f, "socket", is(0, AF_INET));
		allow_where(f, "socket", is(0, AF_INET6));
		allow_where(f, "setsockopt", is(1, SOL_SOCKET));
	}
	if (when & SERVE)
		allow_where(f, "setsockopt", is(1, IPPROTO_TCP));
	if (when & SOCKETS && terminal) /* another filter of packets */
		allow_where(f, "setsockopt", is(1, SOL_SOCKET));
	allow_crash(f, terminal);
}

/* Of libseccomp's filter; one that cannot be had is none. */
static struct program program_of(scmp_filter_ctx f)
{
	struct program p = {NULL, 0};
	int fd = memfd_create("filter", MFD_CLOEXEC);
	off_t size;

	if (fd >= 0 && seccomp_export_bpf(f, fd) == 0 && (size = lseek(fd, 0, SEEK_END)) > 0) {
		p.code = xmalloc((size_t)size);
		p.n = (unsigned short)((size_t)size / sizeof(*p.code));
		if (pread(fd, p.code, (size_t)size, 0) != size) {
			free(p.code);
			p.code = NULL;
		}
	}
	if (fd >= 0)
		close(fd);
	return p;
}

static struct program make(unsigned when, bool terminal)
{
	scmp_filter_ctx f = seccomp_init(DENIED);
	struct program p = {NULL, 0};

	if (!f)
		return p;
	(void)seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	(void)seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	for (size_t i = 0; SANITIZED && i < sizeof(sanitizers) / sizeof(sanitizers[0]); i++)
		allow(f, sanitizers[i]);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i].when & (when | ALWAYS))
			allow(f, calls[i].name);
	allow_by_arguments(f, when, terminal);
	for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++)
		if (without[i].always &&
			!(when & CONNECT && strcmp(without[i].name, "socket") == 0))
			rule(f, SCMP_ACT_ERRNO((uint32_t)without[i].error), without[i].name);
	p = program_of(f);
	seccomp_release(f);
	return p;
}

/* Nothing is sent by the sockets that frames come from: whoever writes to one puts a frame on the
   wire. The kernel takes the lower half of the argument. */
static struct program no_sending(const struct confine *c)
{
	static const char *const ways[] = {
		"write", "writev", "pwrite64", "sendto", "sendmsg", "sendmmsg"};
	scmp_filter_ctx f = c->nsockets ? seccomp_init(SCMP_ACT_ALLOW) : NULL;
	struct program p = {NULL, 0};

	for (unsigned i = 0; f && i < c->nsockets; i++)
		for (size_t k = 0; k < sizeof(ways) / sizeof(ways[0]); k++)
			rule_where(f, DENIED, ways[k],
				has(0, UINT32_MAX, (scmp_datum_t)c->sockets[i]));
	if (f)
		p = program_of(f);
	seccomp_release(f);
	return p;
}

static bool enforce(const struct program *p)
{
	struct sock_fprog program = {.len = p->n, .filter = p->code};

	return p->code && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0u, &program) == 0;
}

static void make_filters(const struct confine *c)
{
	unsigned files = c->nfolders ? FILES : 0, sockets = c->ifaces ? SOCKETS : 0,
		 open = c->nagain || c->ifaces || c->terminal ? OPEN : 0,
		 terminal = c->terminal ? TERMINAL : 0, own = c->serves ? OWN : 0,
		 keep = c->keeps ? KEEP : 0, rest = WRITE | files | open | sockets | terminal | own;

	all = make(THREADS | LESS | READ | keep | rest, terminal);
	silent = no_sending(c);
	if (c->sends)
		sending = make(CONNECT, terminal);
	if (c->serves)
		serving = make(SERVE, terminal);
	if (c->keeps)
		keeping = make(READ | WRITE | KEEP, terminal);
	if (c->files)
		writing = make(WRITE | FILES, terminal);
	if (c->jobs)
		dissecting = make(0, terminal);
	if (c->jobs)
		reading = make(
			READ | sockets | (sockets ? OPEN : 0) | (c->capture ? WRITE | files : 0),
			terminal);
	if (c->repeated)
		return;
	/* The live view reads files again. */
	if (c->jobs)
		main_thread = make(LESS | rest | (c->nagain || c->ifaces ? READ : 0), terminal);
	last = make(WRITE | files | sockets | own, terminal);
}

/* ---- Files ---- */

static void allow_counters(struct landlock *l, const char *iface)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/class/net/%s/statistics", iface);
	landlock_allow(l, path, LANDLOCK_READ);
}

static bool restrict_files(const struct confine *c)
{
	static const char *const services[] = {"/etc/services", "/etc/protocols", "/etc/hosts",
		"/etc/nsswitch.conf", "/etc/networks", "/etc/ethers", "/etc/host.conf"};
	struct landlock *l = landlock_new();

	if (!l)
		return false;
	for (unsigned i = 0; i < c->nagain; i++)
		landlock_allow(l, c->again[i], LANDLOCK_READ);
	for (unsigned i = 0; i < c->nfolders; i++)
		landlock_allow(l, c->folders[i], LANDLOCK_WRITE);
	for (unsigned i = 0; c->ifaces && c->ifaces[i]; i++)
		allow_counters(l, c->ifaces[i]);
	/* Other packets can be asked for by names of these. */
	for (size_t i = 0; c->ifaces && c->terminal && i < sizeof(services) / sizeof(services[0]);
		i++)
		landlock_allow(l, services[i], LANDLOCK_READ);
	if (SANITIZED)
		landlock_allow(l, "/", LANDLOCK_READ | LANDLOCK_RUN);
	return landlock_close(l);
}

/* The libraries that look up a service's name are loaded while they may be. */
static void load_names(void)
{
	(void)getservbyname("http", "tcp");
	(void)getprotobyname("tcp");
	(void)getnetbyname("loopback");
}

/* ---- In force ---- */

void confine(const struct confine *c, char *missing, size_t size)
{
	bool files, calls_too;

	if (c->ifaces && c->terminal)
		load_names();
	make_filters(c);
	catch_denied();
	later = c->terminal;
	files = restrict_files(c);
	calls_too = enforce(&all);
	if (calls_too && silent.code)
		enforce(&silent);
	snprintf(missing, size, "%s%s%s", files ? "" : "the files that can be opened (Landlock)",
		files || calls_too ? "" : ", ", calls_too ? "" : "the system calls (seccomp)");
}

void confine_keeper(void)
{
	struct program keeper = make(READ | FILES | FOLDERS | KEEPER, false);

	enforce(&keeper);
}

void confine_dissecting(void)
{
	enforce(&dissecting);
}

void confine_reading(void)
{
	enforce(&reading);
}

void confine_main(void)
{
	enforce(&main_thread);
}

void confine_serving(void)
{
	if (!SANITIZED)
		landlock_close(landlock_new());
	if (silent.code)
		enforce(&silent);
	enforce(&serving);
}

void confine_keeping(void)
{
	enforce(&keeping);
}

void confine_sending(void)
{
	if (silent.code)
		enforce(&silent);
	enforce(&sending);
}

void confine_writing(void)
{
	enforce(&writing);
}

void confine_last(void)
{
	enforce(&last);
}
