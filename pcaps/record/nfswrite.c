/* nfswrite.c - writes a text over the beginning of a file that is there: HOST EXPORT PATH TEXT,
 * NFSv3. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
#include <nfsc/libnfs.h>

int main(int argc, char **argv)
{
	struct nfs_context *nfs = nfs_init_context();
	struct nfsfh *file;

	if (argc != 5 || !nfs || nfs_mount(nfs, argv[1], argv[2]) != 0 ||
		nfs_open(nfs, argv[3], O_WRONLY, &file) != 0 ||
		nfs_pwrite(nfs, file, 0, strlen(argv[4]), argv[4]) < 0 ||
		nfs_close(nfs, file) != 0) {
		fprintf(stderr, "nfswrite: %s\n", nfs ? nfs_get_error(nfs) : "no memory");
		return 1;
	}
	nfs_destroy_context(nfs);
	return 0;
}
