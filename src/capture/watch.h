/*
 * watch.h - what becomes of interfaces: taken down and up, renamed, removed; the kernel tells on a
 * netlink socket. Made before rights are given up; reading it needs none.
 */
#ifndef TSUMARI_CAPTURE_WATCH_H
#define TSUMARI_CAPTURE_WATCH_H

#include "core/stats.h"
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

struct watch {
	int fd;      /* readable where there is news; -1: nobody tells */
	bool missed; /* there was more news than the kernel keeps: watch_ask() about each */
	size_t at, len;
	_Alignas(4) unsigned char data[16384];
};

struct watch_link {
	unsigned index; /* of the interface: it keeps it under another name */
	enum iface_state state;
	char name[IFNAMSIZ];
};

void watch_open(struct watch *w);
void watch_close(struct watch *w);
/* The next that changed; false: none for now. */
bool watch_next(struct watch *w, struct watch_link *l);
/* How an interface is, asked on any socket. */
void watch_ask(int fd, unsigned index, struct watch_link *l);

#endif
