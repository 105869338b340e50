/*
 * bench-read: what reading a capture costs before any analysis, as baselines for bench.sh.
 *
 *     bench-read plain FILE   read() in pieces of 256 KiB, the bytes untouched
 *     bench-read pcap FILE    libpcap, every packet given to an empty callback
 */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* u_char in pcap.h */
#endif

#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 256 * 1024 };

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "bench-read: %s: %s\n", what, why);
	return 1;
}

static int read_plain(const char *path)
{
	const int fd = open(path, O_RDONLY);
	char *piece = aligned_alloc(4096, PIECE); /* unaligned it is slow on some processors */
	ssize_t n = -1;
	int ret = 0;

	if (fd >= 0 && piece) {
		do
			n = read(fd, piece, PIECE);
		while (n > 0 || (n < 0 && errno == EINTR));
	}
	if (n < 0)
		ret = fail(path, strerror(errno));
	free(piece);
	if (fd >= 0)
		close(fd);
	return ret;
}

static void ignore_packet(u_char *user, const struct pcap_pkthdr *header, const u_char *bytes)
{
	(void)user;
	(void)header;
	(void)bytes;
}

static int read_pcap(const char *path)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline(path, error);
	int ret = 0;

	if (!pcap)
		return fail(path, error);
	if (pcap_loop(pcap, -1, ignore_packet, NULL) < 0)
		ret = fail(path, pcap_geterr(pcap));
	pcap_close(pcap);
	return ret;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "plain"))
		return read_plain(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "pcap"))
		return read_pcap(argv[2]);
	fputs("usage: bench-read plain|pcap FILE\n", stderr);
	return 2;
}
