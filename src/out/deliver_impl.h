/* deliver_impl.h - between deliver.c and deliver_write.c only. */
#ifndef TSUMARI_OUT_DELIVER_IMPL_H
#define TSUMARI_OUT_DELIVER_IMPL_H

#include "out/deliver.h"
#include <netdb.h>
#include <pthread.h>

#define BLOCK    ((size_t)256 << 10)
#define PATIENCE UINT64_C(5000000000) /* ns in which something must leave */

/* Lines, whole ones. */
struct delivery {
	struct delivery *next;
	size_t len, room;
	uint64_t lines;
	uint64_t time; /* of the capture, for a file that rotates by it */
	char data[];
};

struct deliver {
	struct deliver_options o;
	struct lines *lines;
	/* The main thread's. */
	struct delivery *filling;
	uint64_t time;  /* of the latest record */
	uint64_t begun; /* s: the file, where it rotates by time */
	/* Under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t more, room;
	struct delivery *first, *last;
	uint64_t queued, progress;
	struct deliver_counts counts;
	bool held, ending, reopen, over, give_up;
	int away; /* errno: why it cannot be connected; 0: it is */
	char error[256];
	/* The thread's. */
	bool started;
	pthread_t thread;
	void (*confined)(void);
	struct outfile file;
	struct addrinfo *hosts;
	int fd; /* of the socket; -1: not connected */
	uint64_t pause;
	char tag[48]; /* what stands before a syslog message, but for its time */
};

bool deliver_prepare(struct deliver *d, char *err, size_t errsize);
/* Lines of the block that left. */
uint64_t deliver_write(struct deliver *d, const struct delivery *b);
void deliver_fail(struct deliver *d, const char *what, int error);
void deliver_close(struct deliver *d);
void deliver_release(struct deliver *d);

#endif
