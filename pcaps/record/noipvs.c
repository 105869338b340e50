/*
 * noipvs.c - lets keepalived check servers on a kernel without IPVS.
 *
 * Preloaded: what keepalived tells the kernel's balancer is taken for done. Its checks are its own.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* IP_VS_BASE_CTL of linux/ip_vs.h, and what lies behind it. */
static int is_ipvs(int level, int name)
{
	return level == IPPROTO_IP && name >= 1152 && name < 1152 + 64;
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	int (*real)(int, int, int, void *, socklen_t *) = dlsym(RTLD_NEXT, "getsockopt");

	if (!is_ipvs(level, name))
		return real(fd, level, name, value, len);
	memset(value, 0, *len);
	return 0;
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	int (*real)(int, int, int, const void *, socklen_t) = dlsym(RTLD_NEXT, "setsockopt");

	return is_ipvs(level, name) ? 0 : real(fd, level, name, value, len);
}
