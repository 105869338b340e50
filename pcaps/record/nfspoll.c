/*
 * nfspoll.c - asks for the attributes of an open file, and reads it: HOST EXPORT PATH TIMES PAUSE,
 * NFSv3, ms between. As a client that does not trust its cache, or one that holds a file which is
 * gone.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <nfsc/libnfs.h>

int main(int argc, char **argv)
{
	struct nfs_context *nfs = nfs_init_context();
	struct nfs_stat_64 st;
	struct nfsfh *file;
	char block[512];

	if (argc != 6 || !nfs || nfs_mount(nfs, argv[1], argv[2]) != 0 ||
		nfs_open(nfs, argv[3], O_RDONLY, &file) != 0) {
		fprintf(stderr, "nfspoll: %s\n", nfs ? nfs_get_error(nfs) : "no memory");
		return 1;
	}
	for (int i = atoi(argv[4]); i > 0; i--) {
		if (nfs_fstat64(nfs, file, &st) == 0 && i % 50 == 10)
			nfs_pread(nfs, file, 0, sizeof(block), block);
		usleep((useconds_t)atoi(argv[5]) * 1000);
	}
	nfs_destroy_context(nfs);
	return 0;
}
