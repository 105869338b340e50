/* watch.c - see watch.h. */
#include "capture/watch.h"
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

void watch_open(struct watch *w)
{
	struct sockaddr_nl to = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};

	memset(w, 0, sizeof(*w));
	w->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (w->fd >= 0 && bind(w->fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
		return;
	watch_close(w);
}

void watch_close(struct watch *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

static enum iface_state state_of(unsigned flags)
{
	if (!(flags & IFF_UP))
		return IFACE_DOWN;
	return flags & IFF_RUNNING ? IFACE_UP : IFACE_NO_CARRIER;
}

/* Of one message; false: it is about something else. */
static bool link_of(const struct nlmsghdr *h, struct watch_link *l)
{
	const struct ifinfomsg *about = NLMSG_DATA(h);
	const struct rtattr *a;
	size_t left, n;

	if ((h->nlmsg_type != RTM_NEWLINK && h->nlmsg_type != RTM_DELLINK) ||
		h->nlmsg_len < NLMSG_LENGTH(sizeof(*about)))
		return false;
	/* A bridge that lets go of an interface says so with the same words. */
	if (about->ifi_family != AF_UNSPEC || about->ifi_index <= 0)
		return false;
	memset(l, 0, sizeof(*l));
	l->index = (unsigned)about->ifi_index;
	l->state = h->nlmsg_type == RTM_DELLINK ? IFACE_REMOVED : state_of(about->ifi_flags);
	left = h->nlmsg_len - NLMSG_LENGTH(sizeof(*about));
	for (a = IFLA_RTA(about); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type != IFLA_IFNAME)
			continue;
		n = RTA_PAYLOAD(a);
		memcpy(l->name, RTA_DATA(a), n < IFNAMSIZ ? n : IFNAMSIZ - 1);
	}
	return l->name[0] != '\0';
}

static bool refill(struct watch *w)
{
	ssize_t n = w->fd < 0 ? -1 : read(w->fd, w->data, sizeof(w->data));

	if (n < 0 && w->fd >= 0 && errno == ENOBUFS)
		w->missed = true;
	w->at = 0;
	w->len = n > 0 ? (size_t)n : 0;
	return n > 0;
}

bool watch_next(struct watch *w, struct watch_link *l)
{
	do {
		while (w->len - w->at >= sizeof(struct nlmsghdr)) {
			const struct nlmsghdr *h = (const void *)(w->data + w->at);
			size_t left = w->len - w->at;

			if (!NLMSG_OK(h, left))
				break;
			w->at +=
				NLMSG_ALIGN(h->nlmsg_len) < left ? NLMSG_ALIGN(h->nlmsg_len) : left;
			if (link_of(h, l))
				return true;
		}
	} while (refill(w));
	return false;
}

void watch_ask(int fd, unsigned index, struct watch_link *l)
{
	struct ifreq r;

	memset(l, 0, sizeof(*l));
	l->index = index;
	l->state = IFACE_REMOVED;
	memset(&r, 0, sizeof(r));
	r.ifr_ifindex = (int)index;
	if (ioctl(fd, SIOCGIFNAME, &r) < 0)
		return;
	memcpy(l->name, r.ifr_name, IFNAMSIZ - 1);
	if (ioctl(fd, SIOCGIFFLAGS, &r) == 0)
		l->state = state_of((unsigned short)r.ifr_flags);
}
