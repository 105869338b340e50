/*
 * nfsops.c - does most of what NFS can to the tree of a server: nfsops HOST EXPORT VERSION [UID]
 *
 * Built by nfs.sh with libnfs. What fails fails on purpose, or because this library's NFSv4 is not
 * whole; either is an answer of a real server.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <nfsc/libnfs.h>

static char block[70000];
static struct nfs_context *nfs;

static void write_and_read(void)
{
	struct nfs_stat_64 st;
	struct nfsfh *f;

	if (nfs_creat(nfs, "/t1/a", 0644, &f) == 0) {
		nfs_write(nfs, f, 20000, block);
		nfs_pwrite(nfs, f, 100000, 3000, block);
		nfs_fsync(nfs, f);
		nfs_ftruncate(nfs, f, 5000);
		nfs_fstat64(nfs, f, &st);
		nfs_close(nfs, f);
	}
	if (nfs_open(nfs, "/t1/a", O_RDWR, &f) == 0) {
		nfs_read(nfs, f, 4000, block);
		nfs_pread(nfs, f, 4500, 4000, block);
		nfs_pread(nfs, f, 999999, 10, block);
		nfs_lockf(nfs, f, NFS4_F_LOCK, 0);
		nfs_lockf(nfs, f, NFS4_F_ULOCK, 0);
		nfs_close(nfs, f);
	}
}

static void attributes(void)
{
	struct timeval times[2] = {{1000000000, 0}, {1000000000, 5}};
	struct nfs_stat_64 st;
	struct statvfs vf;
	char target[200];

	nfs_stat64(nfs, "/t1/a", &st);
	nfs_readlink(nfs, "/link", target, sizeof(target));
	nfs_access(nfs, "/t1/a", R_OK);
	nfs_chmod(nfs, "/t1/a", 0600);
	nfs_chown(nfs, "/t1/a", 12, 34);
	nfs_utimes(nfs, "/t1/a", times);
	nfs_truncate(nfs, "/t1/a", 10);
	nfs_statvfs(nfs, "/", &vf);
}

static void names(void)
{
	static const char renamed[] = "/t1/b-with-a-long-name-\xc3\xa9";
	struct nfs_stat_64 st;
	struct nfsdir *d;
	struct nfsfh *f;

	nfs_symlink(nfs, "a", "/t1/sl");
	nfs_link(nfs, "/t1/a", "/t1/hl");
	nfs_mknod(nfs, "/t1/fifo", S_IFIFO | 0644, 0);
	nfs_rename(nfs, "/t1/a", renamed);
	nfs_stat64(nfs, renamed, &st);
	if (nfs_opendir(nfs, "/t1", &d) == 0) {
		while (nfs_readdir(nfs, d))
			;
		nfs_closedir(nfs, d);
	}
	nfs_stat64(nfs, "/t1/a", &st);
	nfs_rmdir(nfs, "/t1");
	nfs_unlink(nfs, "/t1/nosuch");
	nfs_open(nfs, "/t1/sub", O_RDWR, &f);
	nfs_rmdir(nfs, "/t1/fifo");
	nfs_unlink(nfs, "/t1/hl");
	nfs_unlink(nfs, "/t1/sl");
	nfs_unlink(nfs, "/t1/fifo");
	nfs_unlink(nfs, renamed);
	nfs_rmdir(nfs, "/t1/sub");
	nfs_rmdir(nfs, "/t1");
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	memset(block, 'D', sizeof(block));
	nfs = nfs_init_context();
	nfs_set_version(nfs, atoi(argv[3]));
	if (argc > 4) {
		nfs_set_uid(nfs, atoi(argv[4]));
		nfs_set_gid(nfs, atoi(argv[4]));
	}
	if (nfs_mount(nfs, argv[1], argv[2]) != 0)
		return 1;
	nfs_mkdir(nfs, "/t1");
	nfs_mkdir(nfs, "/t1");
	nfs_mkdir(nfs, "/t1/sub");
	write_and_read();
	attributes();
	names();
	nfs_umount(nfs);
	nfs_destroy_context(nfs);
	return 0;
}
