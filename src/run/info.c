/*
 * info.c - what the program knows about itself and this machine (info.h).
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "run/info.h"
#include "run/values.h"
#include "base/mem.h"
#include "base/text.h"
#include "core/registry.h"
#include "out/schema.h"
#include <bzlib.h>
#include <json-c/json.h>
#include <lz4.h>
#include <lzma.h>
#include <maxminddb.h>
#include <microhttpd.h>
#include <curses.h>
#include <nghttp2/nghttp2.h>
#include <openssl/crypto.h>
#include <pcap/pcap.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <seccomp.h>
#include <sqlite3.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0"
#endif

static bool list(pcap_if_t **devices, char *err, size_t errsize)
{
	char why[PCAP_ERRBUF_SIZE] = "";

	if (pcap_findalldevs(devices, why) == 0)
		return true;
	snprintf(err, errsize, "cannot list interfaces: %s", why);
	return false;
}

/* Descriptions come from drivers and devices. */
static void print_safe(FILE *f, const char *s)
{
	char buffer[512];
	struct text t;

	text_init(&t, buffer, sizeof(buffer));
	text_escape(&t, s, strlen(s), SIZE_MAX);
	fputs(buffer, f);
}

static void print_flags(FILE *f, const pcap_if_t *d)
{
	const struct {
		bpf_u_int32 flag;
		const char *name;
	} flags[] = {
		{PCAP_IF_UP, "Up"},
		{PCAP_IF_RUNNING, "Running"},
		{PCAP_IF_LOOPBACK, "Loopback"},
		{PCAP_IF_WIRELESS, "Wireless"},
	};
	const char *before = " [";

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (!(d->flags & flags[i].flag))
			continue;
		fprintf(f, "%s%s", before, flags[i].name);
		before = ", ";
	}
	if (*before == ',')
		putc(']', f);
}

bool info_interfaces(FILE *f, char *err, size_t errsize)
{
	pcap_if_t *devices;
	unsigned n = 0;

	if (!list(&devices, err, errsize))
		return false;
	for (const pcap_if_t *d = devices; d; d = d->next) {
		fprintf(f, "%u.", ++n);
		print_safe(f, d->name);
		if (d->description) {
			fputs(" (", f);
			print_safe(f, d->description);
			putc(')', f);
		}
		print_flags(f, d);
		putc('\n', f);
	}
	if (devices)
		pcap_freealldevs(devices);
	if (n)
		return true;
	snprintf(err, errsize, "there is no interface to capture from (are you allowed to?)");
	return false;
}

static const pcap_if_t *find(const pcap_if_t *devices, const char *name)
{
	for (; devices; devices = devices->next)
		if (strcmp(devices->name, name) == 0)
			return devices;
	return NULL;
}

char *info_interface(const char *which, char *err, size_t errsize)
{
	pcap_if_t *devices;
	const pcap_if_t *d;
	uint64_t number = 1;
	char *name = NULL;

	/* Only a number needs the list: an interface may be there without standing in it. */
	if (which && !value_number(which, 1, UINT32_MAX, &number))
		return xstrdup(which);
	if (!list(&devices, err, errsize))
		return NULL;
	d = which ? find(devices, which) : NULL;
	if (!d)
		for (d = devices; d && number > 1; d = d->next)
			number--;
	if (d)
		name = xstrdup(d->name);
	else if (which)
		snprintf(err, errsize, "%s: there is no such interface; tsumari -D lists them",
			which);
	else
		snprintf(err, errsize,
			"there is no interface to capture from: give -r FILE or -i IFACE");
	if (devices)
		pcap_freealldevs(devices);
	return name;
}

bool info_datalinks(FILE *f, const char *iface, char *err, size_t errsize)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	pcap_t *p = pcap_create(iface, why);
	int *links = NULL, n = 0, r;

	if (!p) {
		snprintf(err, errsize, "%s: %s", iface, why);
		return false;
	}
	r = pcap_activate(p);
	if (r >= 0)
		n = pcap_list_datalinks(p, &links);
	if (r < 0 || n < 0) {
		if (r == PCAP_ERROR_NO_SUCH_DEVICE)
			snprintf(err, errsize,
				"%s: there is no such interface; tsumari -D lists them", iface);
		else
			snprintf(err, errsize, "%s: %s", iface,
				r < 0 && r != PCAP_ERROR ? pcap_statustostr(r) : pcap_geterr(p));
		pcap_close(p);
		return false;
	}
	for (int i = 0; i < n; i++) {
		const char *name = pcap_datalink_val_to_name(links[i]);
		const char *title = pcap_datalink_val_to_description(links[i]);

		if (name)
			fprintf(f, "%s (%s)\n", name, title ? title : "");
		else
			fprintf(f, "DLT %d\n", links[i]);
	}
	pcap_free_datalinks(links);
	pcap_close(p);
	return true;
}

bool info_stamps(FILE *f, const char *iface, char *err, size_t errsize)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	pcap_t *p = pcap_create(iface, why);
	int *types = NULL, n = p ? pcap_list_tstamp_types(p, &types) : -1;

	if (n < 0)
		snprintf(err, errsize, "%s: %s", iface, p ? pcap_geterr(p) : why);
	else if (n == 0)
		fprintf(f, "%s: time stamps are of one type only\n", iface);
	for (int i = 0; i < n; i++) {
		const char *name = pcap_tstamp_type_val_to_name(types[i]);
		const char *title = pcap_tstamp_type_val_to_description(types[i]);

		if (name)
			fprintf(f, "%s (%s)\n", name, title ? title : "");
	}
	pcap_free_tstamp_types(types);
	if (p)
		pcap_close(p);
	return n >= 0;
}

const char *info_linktype(int link)
{
	const char *name = pcap_datalink_val_to_name(link);

	return name ? name : "unknown";
}

void info_protocols(FILE *f)
{
	for (unsigned i = 0; i < registry_count(); i++) {
		const struct dissector *d = registry_get(i);
		const char *before = "  ";

		fprintf(f, "%-12s %s", d->name, d->title ? d->title : "");
		for (const struct claim *c = d->claims; c && c->table != TABLE_END; c++) {
			if (c->table != TABLE_TCP_PORT && c->table != TABLE_UDP_PORT)
				continue;
			fprintf(f, "%s%s/%u", before, c->table == TABLE_TCP_PORT ? "tcp" : "udp",
				c->key);
			before = " ";
		}
		putc('\n', f);
	}
}

void info_types(FILE *f)
{
	fprintf(f, "%-12s %s\n", "flow", "Connections and other flows");
	for (unsigned i = 0; i < registry_count(); i++) {
		const struct dissector *d = registry_get(i);

		if (schema_has_records(d))
			fprintf(f, "%-12s %s\n", d->name, d->title ? d->title : "");
	}
	fprintf(f, "%-12s %s (only where they are named)\n", finding_type.name, "Findings");
}

const char *info_version_number(void)
{
	return PACKAGE_VERSION;
}

void info_version(FILE *f)
{
	const struct scmp_version *seccomp = seccomp_version();
	char pcre2[64];

	fprintf(f, "tsumari %s\n%s\nzlib %s (built with %s)\nzstd %s (built with %s)\n%s\n",
		PACKAGE_VERSION, pcap_lib_version(), zlibVersion(), ZLIB_VERSION,
		ZSTD_versionString(), ZSTD_VERSION_STRING, OpenSSL_version(OPENSSL_VERSION));
	fprintf(f, "liblzma %s (built with %s)\nLZ4 %s (built with %s)\nbzip2 %s\n",
		lzma_version_string(), LZMA_VERSION_STRING, LZ4_versionString(), LZ4_VERSION_STRING,
		BZ2_bzlibVersion());
	fprintf(f, "libseccomp %u.%u.%u (built with %d.%d.%d)\n", seccomp->major, seccomp->minor,
		seccomp->micro, SCMP_VER_MAJOR, SCMP_VER_MINOR, SCMP_VER_MICRO);
	pcre2_config(PCRE2_CONFIG_VERSION, pcre2);
	fprintf(f, "PCRE2 %s (built with %d.%d)\n", pcre2, PCRE2_MAJOR, PCRE2_MINOR);
	fprintf(f, "json-c %s (built with %s)\n", json_c_version(), JSON_C_VERSION);
	fprintf(f, "libmaxminddb %s\n", MMDB_lib_version());
	fprintf(f, "SQLite %s (built with %s)\n", sqlite3_libversion(), SQLITE_VERSION);
	fprintf(f, "libmicrohttpd %s\n", MHD_get_version());
	fprintf(f, "%s (built with %s.%d)\n", curses_version(), NCURSES_VERSION,
		NCURSES_VERSION_PATCH);
	fprintf(f, "nghttp2 %s (built with %s)\n", nghttp2_version(0)->version_str,
		NGHTTP2_VERSION);
#ifdef CAPNG_VERSION
	fprintf(f, "libcap-ng %s\n", CAPNG_VERSION);
#else
	fputs("libcap-ng\n", f);
#endif
}
