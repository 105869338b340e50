/* inputs.c - see inputs.h. */
#include "capture/inputs.h"
#include "base/mem.h"
#include "capture/keeper.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool add(struct inputs *in, const char *path, char *err, size_t errsize)
{
	bool input = strcmp(path, "-") == 0;
	struct stat st;

	if ((input ? fstat(STDIN_FILENO, &st) : stat(path, &st)) < 0) {
		snprintf(err, errsize, "%s: %s", input ? "standard input" : path, strerror(errno));
		return false;
	}
	if (S_ISREG(st.st_mode) && inputs_hold(in, &st)) {
		snprintf(err, errsize, "%s is given twice", path);
		return false;
	}
	in->list = xrealloc(in->list, (in->n + 1) * sizeof(*in->list));
	in->list[in->n++] = (struct input){
		xstrdup(path), st.st_dev, st.st_ino, st.st_size, S_ISREG(st.st_mode) && !input};
	return true;
}

static int captures_only(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static bool add_entry(struct inputs *in, const char *path, char *err, size_t errsize)
{
	struct stat st;

	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return true;
	if (source_is_capture(path))
		return add(in, path, err, errsize);
	in->left_out++;
	return true;
}

static bool add_folder(struct inputs *in, const char *path, char *err, size_t errsize)
{
	struct dirent **entries;
	unsigned before = in->n;
	size_t len = strlen(path);
	int n = scandir(path, &entries, captures_only, alphasort);
	bool good = true;

	if (n < 0) {
		snprintf(err, errsize, "%s: %s", path, strerror(errno));
		return false;
	}
	while (len > 1 && path[len - 1] == '/')
		len--;
	for (int i = 0; i < n; i++) {
		size_t size = len + strlen(entries[i]->d_name) + 2;
		char *name = xmalloc(size);

		snprintf(name, size, "%.*s/%s", (int)len, path, entries[i]->d_name);
		good = good && add_entry(in, name, err, errsize);
		free(name);
		free(entries[i]);
	}
	free(entries);
	if (good && in->n == before) {
		snprintf(err, errsize, "%s: there is no capture file in this folder", path);
		return false;
	}
	return good;
}

bool inputs_find(struct inputs *in, const char *const *given, unsigned n, char *err, size_t errsize)
{
	for (unsigned i = 0; i < n; i++) {
		struct stat st;
		bool folder = strcmp(given[i], "-") != 0 && stat(given[i], &st) == 0 &&
			      S_ISDIR(st.st_mode);

		if (!(folder ? add_folder(in, given[i], err, errsize)
			     : add(in, given[i], err, errsize)))
			return false;
	}
	return true;
}

struct source *inputs_open(
	const struct inputs *in, const struct source_options *o, char *err, size_t errsize)
{
	const char **paths = xcalloc(in->n, sizeof(*paths));
	struct source *s;

	for (unsigned i = 0; i < in->n; i++)
		paths[i] = in->list[i].path;
	s = source_open_files(paths, in->n, o, err, errsize);
	free(paths);
	return s;
}

void inputs_release(struct inputs *in)
{
	for (unsigned i = 0; i < in->n; i++)
		free(in->list[i].path);
	free(in->list);
	memset(in, 0, sizeof(*in));
}

bool inputs_regular(const struct inputs *in)
{
	for (unsigned i = 0; i < in->n; i++)
		if (!in->list[i].regular)
			return false;
	return in->n > 0;
}

/* A folder on the way may be one that this user cannot enter any more. */
static bool look_at(const char *path, struct stat *st)
{
	bool good;
	int fd;

	if (stat(path, st) == 0)
		return true;
	fd = keeper_capture(path);
	if (fd < 0)
		return false;
	good = fstat(fd, st) == 0;
	close(fd);
	return good;
}

bool inputs_unchanged(const struct inputs *in)
{
	for (unsigned i = 0; i < in->n; i++) {
		const struct input *x = &in->list[i];
		struct stat st;

		if (!look_at(x->path, &st) || st.st_dev != x->device || st.st_ino != x->inode ||
			st.st_size < x->size)
			return false;
	}
	return true;
}

bool inputs_hold(const struct inputs *in, const struct stat *st)
{
	for (unsigned i = 0; i < in->n; i++)
		if (in->list[i].device == st->st_dev && in->list[i].inode == st->st_ino)
			return true;
	return false;
}

/* pcap-filter(7): words that a filter may begin with, or that may stand between others. */
static const char *const words[] = {"aarp", "action", "address1", "address2", "address3",
	"address4", "ah", "and", "any", "arp", "atalk", "atm", "ata", "bcc", "broadcast", "byte",
	"carp", "clnp", "connectmsg", "csnp", "decnet", "dest", "dir", "direction", "dpc", "dst",
	"egp", "es-is", "esis", "esp", "ether", "fddi", "fisu", "gateway", "geneve", "greater",
	"hdpc", "hfisu", "hlssu", "hmsu", "hopc", "host", "hsio", "hsls", "icmp", "icmp6", "ifname",
	"igmp", "igrp", "iih", "ilmic", "inbound", "ip", "ip6", "ipx", "is-is", "isis", "iso", "l1",
	"l2", "lane", "lat", "len", "less", "link", "llc", "lsp", "lssu", "lsu", "mask", "metac",
	"metaconnect", "moprc", "mopdl", "mpls", "msu", "multicast", "net", "netbeui", "not", "oam",
	"oamf4", "oamf4ec", "oamf4sc", "on", "opc", "or", "outbound", "pf", "pim", "port",
	"portrange", "ppp", "pppoed", "pppoes", "proto", "protochain", "psnp", "ra", "radio",
	"rarp", "reason", "rnr", "rset", "rulenum", "ruleset", "sc", "sca", "sctp", "sio", "slip",
	"sls", "snp", "src", "srnr", "stp", "subrulenum", "subtype", "ta", "tcp", "tr", "type",
	"udp", "vci", "vlan", "vpi", "vrrp", "vxlan", "wlan"};

static bool consists_of(const char *s, const char *characters)
{
	return s[strspn(s, characters)] == '\0';
}

/* Numbers, addresses, networks, MAC addresses: 80, 10.0.0.0/8, 2001:db8::1, 02:00:00:00:00:01. */
static bool is_number(const char *s)
{
	return consists_of(s, "0123456789./-") ||
	       (strchr(s, ':') && consists_of(s, "0123456789abcdefABCDEF:./"));
}

bool inputs_is_name(const char *operand)
{
	struct stat st;

	if (stat(operand, &st) < 0 ||
		!(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) || S_ISFIFO(st.st_mode)))
		return false;
	if (*operand == '/' || strncmp(operand, "./", 2) == 0 || strncmp(operand, "../", 3) == 0)
		return true;
	if (is_number(operand))
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(operand, words[i]) == 0)
			return false;
	return true;
}
