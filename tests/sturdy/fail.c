/*
 * fail.c - makes the nth allocation or system call of a program fail. To be preloaded; with -DWRAP
 * to be linked with -Wl,--wrap=malloc and so on, as allocations of a build with sanitizers are
 * theirs.
 *
 * FAIL_CALL: malloc (with calloc, realloc and their like), mmap, write, open, close, rename,
 * ftruncate, thread. FAIL_AT: which one, from 1 on. FAIL_WITH: a number of errno, or "short": less
 * than was given is written. FAIL_ON: set, all that come later fail as well. FAIL_TELL: a file
 * whose first byte becomes 1 when one has failed. What goes to the standard error output never
 * fails.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *which;
static volatile char *told; /* shared with who asks */
static unsigned long at;
static int with;
static bool later, ready;
static atomic_ulong seen;

#ifndef WRAP
static struct {
	uintptr_t from, to;
} spared[2];
static unsigned nspared;

/* These do not survive it: libseccomp 2.5.4 crashes or goes on for ever, ncurses 6.4 crashes in
 * setupterm(). */
static int spare(struct dl_phdr_info *x, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	if ((!strstr(x->dlpi_name, "libseccomp") && !strstr(x->dlpi_name, "libtinfo")) ||
		nspared == 2)
		return 0;
	spared[nspared].from = spared[nspared].to = x->dlpi_addr;
	for (int i = 0; i < x->dlpi_phnum; i++)
		if (x->dlpi_phdr[i].p_type == PT_LOAD)
			spared[nspared].to =
				x->dlpi_addr + x->dlpi_phdr[i].p_vaddr + x->dlpi_phdr[i].p_memsz;
	nspared++;
	return 0;
}

static bool is_spared(void *from)
{
	for (unsigned i = 0; i < nspared; i++)
		if ((uintptr_t)from >= spared[i].from && (uintptr_t)from < spared[i].to)
			return true;
	return false;
}
#else
#define is_spared(from) false
#endif

static void set_up(void)
{
	const char *n = getenv("FAIL_AT"), *e = getenv("FAIL_WITH"), *tell = getenv("FAIL_TELL");
	char *p;
	int fd;

	which = getenv("FAIL_CALL");
	if (tell && (fd = (int)syscall(SYS_openat, AT_FDCWD, tell, O_RDWR)) >= 0) {
		p = (char *)syscall(SYS_mmap, NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		told = p == MAP_FAILED ? NULL : p;
		syscall(SYS_close, fd);
	}
	at = n ? strtoul(n, NULL, 10) : 0;
	with = !e ? ENOMEM : strcmp(e, "short") == 0 ? 0 : atoi(e);
	later = getenv("FAIL_ON") != NULL;
#ifndef WRAP
	dl_iterate_phdr(spare, NULL);
#endif
	ready = true;
}

/* Not before main(): what the loader and libraries do then is theirs. */
__attribute__((constructor)) static void constructed(void)
{
	set_up();
}

static _Thread_local bool apart; /* what fails now would be no fault of ours */

static bool fails(const char *call)
{
	unsigned long n;
	int was = errno;

	if (apart || !ready || !which || strcmp(which, call) != 0)
		return false;
	n = atomic_fetch_add(&seen, 1) + 1;
	if (n != at && !(later && n > at))
		return false;
	if (told)
		*told = 1;
	errno = with ? with : was;
	return true;
}

#ifdef WRAP
#define NAME(f) __wrap_##f
#define REAL(f) __real_##f
#else
#define NAME(f) f
#define REAL(f) __libc_##f
#endif

void *REAL(malloc)(size_t n);
void *REAL(calloc)(size_t n, size_t size);
void *REAL(realloc)(void *p, size_t n);
void *NAME(malloc)(size_t n);
void *NAME(calloc)(size_t n, size_t size);
void *NAME(realloc)(void *p, size_t n);

void *NAME(malloc)(size_t n)
{
	return !is_spared(__builtin_return_address(0)) && fails("malloc") ? NULL : REAL(malloc)(n);
}

void *NAME(calloc)(size_t n, size_t size)
{
	return !is_spared(__builtin_return_address(0)) && fails("malloc") ? NULL
									  : REAL(calloc)(n, size);
}

void *NAME(realloc)(void *p, size_t n)
{
	return !is_spared(__builtin_return_address(0)) && fails("malloc") ? NULL
									  : REAL(realloc)(p, n);
}

#ifdef WRAP
void *__real_aligned_alloc(size_t alignment, size_t n);
void *__wrap_aligned_alloc(size_t alignment, size_t n);
char *__real_strdup(const char *s);
char *__wrap_strdup(const char *s);

void *__wrap_aligned_alloc(size_t alignment, size_t n)
{
	return fails("malloc") ? NULL : __real_aligned_alloc(alignment, n);
}

char *__wrap_strdup(const char *s)
{
	return fails("malloc") ? NULL : __real_strdup(s);
}
#else
void *__libc_memalign(size_t alignment, size_t n);

/* glibc 2.36 ends the program where it cannot read nsswitch.conf for want of memory. */
struct passwd *getpwnam(const char *name)
{
	static struct passwd *(*real)(const char *);
	struct passwd *p;

	apart = true;
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "getpwnam");
	p = real(name);
	apart = false;
	return p;
}

/* The C library's own would be the one that asks. */
char *strdup(const char *s)
{
	size_t n = strlen(s) + 1;
	char *p =
		!is_spared(__builtin_return_address(0)) && fails("malloc") ? NULL : REAL(malloc)(n);

	return p ? memcpy(p, s, n) : NULL;
}

void *aligned_alloc(size_t alignment, size_t n)
{
	return fails("malloc") ? NULL : __libc_memalign(alignment, n);
}

void *mmap(void *p, size_t n, int protection, int flags, int fd, off_t from)
{
	if (fails("mmap"))
		return MAP_FAILED;
	return (void *)syscall(SYS_mmap, p, n, protection, flags, fd, from);
}

ssize_t write(int fd, const void *p, size_t n)
{
	if (fd != STDERR_FILENO && n && fails("write")) {
		if (with)
			return -1;
		n = n > 1 ? n / 2 : n;
	}
	return syscall(SYS_write, fd, p, n);
}

static int opened(const char *path, int flags, mode_t mode)
{
	if (fails("open"))
		return -1;
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if (flags & (O_CREAT | O_TMPFILE))
		mode = va_arg(ap, mode_t);
	va_end(ap);
	return opened(path, flags, mode);
}

/* The file is closed all the same. */
int close(int fd)
{
	bool wrong = fd > STDERR_FILENO && fails("close");
	int number = errno, r = (int)syscall(SYS_close, fd);

	if (!wrong)
		return r;
	errno = number;
	return -1;
}

int rename(const char *from, const char *to)
{
	return fails("rename") ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int ftruncate(int fd, off_t n)
{
	return fails("ftruncate") ? -1 : (int)syscall(SYS_ftruncate, fd, n);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *a, void *(*run)(void *), void *arg)
{
	static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

	if (fails("thread"))
		return with;
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
	return real(thread, a, run, arg);
}
#endif
