/*
 * bench-send: puts the frames of a capture on an interface as fast as it takes them.
 *
 *     bench-send INTERFACE FILE [FRAMES]
 *
 * FILE is a pcap file of this machine's byte order, as bench-gen makes; FRAMES: no more than these.
 * Needs CAP_NET_RAW. One line comes out: frames sent, seconds.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* sendmmsg() */
#endif

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FILE_HEADER = 24, RECORD_HEADER = 16, BATCH = 64 };

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

_Noreturn static void die(const char *what)
{
	fprintf(stderr, "bench-send: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint8_t *map(const char *path, size_t *size)
{
	const int fd = open(path, O_RDONLY);
	struct stat st;
	void *p;

	if (fd < 0 || fstat(fd, &st) != 0)
		die(path);
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (p == MAP_FAILED)
		die(path);
	close(fd);
	*size = (size_t)st.st_size;
	return p;
}

static int open_interface(const char *name)
{
	/* No protocol: it receives nothing. */
	const int s = socket(AF_PACKET, SOCK_RAW, 0), on = 1;
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(name)};

	if (s < 0)
		die("socket");
	if (!to.sll_ifindex || bind(s, (struct sockaddr *)&to, sizeof(to)) != 0)
		die(name);
	(void)setsockopt(s, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on));
	return s;
}

static void send_all(int s, struct mmsghdr *m, unsigned n)
{
	for (unsigned done = 0; done < n;) {
		const int k = sendmmsg(s, m + done, n - done, 0);

		if (k > 0)
			done += (unsigned)k;
		else if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR)
			die("sendmmsg");
	}
}

int main(int argc, char **argv)
{
	struct mmsghdr m[BATCH];
	struct iovec v[BATCH];
	uint64_t sent = 0, most;
	unsigned n = 0;
	size_t size, at = FILE_HEADER;
	const uint8_t *p;
	double begun;
	int s;

	if (argc < 3 || argc > 4) {
		fprintf(stderr, "usage: bench-send INTERFACE FILE [FRAMES]\n");
		return 2;
	}
	most = argc == 4 ? strtoull(argv[3], NULL, 10) : UINT64_MAX;
	p = map(argv[2], &size);
	s = open_interface(argv[1]);
	memset(m, 0, sizeof(m));
	begun = now();
	while (at + RECORD_HEADER <= size && sent + n < most) {
		uint32_t caplen;

		memcpy(&caplen, p + at + 8, sizeof(caplen));
		at += RECORD_HEADER;
		if (caplen > size - at)
			break;
		v[n] = (struct iovec){(void *)(uintptr_t)(p + at), caplen};
		m[n].msg_hdr.msg_iov = &v[n];
		m[n].msg_hdr.msg_iovlen = 1;
		at += caplen;
		if (++n == BATCH) {
			send_all(s, m, n);
			sent += n;
			n = 0;
		}
	}
	send_all(s, m, n);
	sent += n;
	printf("%llu %.3f\n", (unsigned long long)sent, now() - begun);
	return 0;
}
