/* geo.c - see geo.h. */
#include "model/geo.h"
#include "base/hash.h"
#include "base/mem.h"
#include <errno.h>
#include <maxminddb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CACHE 4096u /* addresses remembered; a power of two */

struct entry {
	struct addr ip;
	bool used, known;
	struct geo_place place;
};

struct geo {
	MMDB_s db[GEO_FILES];
	unsigned n;
	struct entry *cache;
	struct hash_key key;
	uint64_t failed;
};

static bool add(struct geo *g, const char *file, char *err, size_t errsize)
{
	int status;

	if (g->n == GEO_FILES) {
		snprintf(err, errsize, "--geoip: more than %u databases", GEO_FILES);
		return false;
	}
	if (access(file, R_OK) != 0) { /* libmaxminddb has one word for whatever went wrong */
		snprintf(err, errsize, "--geoip %s: %s", file, strerror(errno));
		return false;
	}
	status = MMDB_open(file, MMDB_MODE_MMAP, &g->db[g->n]);
	if (status != MMDB_SUCCESS) {
		snprintf(err, errsize, "--geoip %s: this is no usable MaxMind database: %s", file,
			MMDB_strerror(status));
		return false;
	}
	g->n++;
	return true;
}

/* The first that is there, of one kind. */
static void add_usual(struct geo *g, const char *const *kinds)
{
	static const char *const folders[] = {
		"/usr/share/GeoIP", "/var/lib/GeoIP", "/usr/local/share/GeoIP"};
	static const char *const makers[] = {"GeoIP2", "GeoLite2"};
	char file[128], err[256];

	for (unsigned k = 0; kinds[k]; k++)
		for (unsigned i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
			for (unsigned m = 0; m < sizeof(makers) / sizeof(makers[0]); m++) {
				snprintf(file, sizeof(file), "%s/%s-%s.mmdb", folders[i], makers[m],
					kinds[k]);
				if (access(file, R_OK) == 0 && add(g, file, err, sizeof(err)))
					return;
			}
}

bool geo_open(struct geo **out, const char *const *files, unsigned n, char *err, size_t errsize)
{
	static const char *const places[] = {"City", "Country", NULL};
	static const char *const networks[] = {"ASN", NULL};
	struct geo *g = xcalloc(1, sizeof(*g));
	bool good = true;

	*out = NULL;
	if (!n) {
		add_usual(g, places);
		add_usual(g, networks);
	} else if (n > 1 || strcmp(files[0], "none") != 0) {
		for (unsigned i = 0; i < n && good; i++)
			good = add(g, files[i], err, errsize);
	}
	if (!good || !g->n) {
		geo_free(g);
		return good;
	}
	g->cache = xcalloc(CACHE, sizeof(*g->cache));
	hash_key_draw(&g->key);
	*out = g;
	return true;
}

void geo_free(struct geo *g)
{
	if (!g)
		return;
	for (unsigned i = 0; i < g->n; i++)
		MMDB_close(&g->db[i]);
	free(g->cache);
	free(g);
}

static bool value_at(MMDB_entry_s *e, MMDB_entry_data_s *d, const char *const *path)
{
	return MMDB_aget_value(e, d, path) == MMDB_SUCCESS && d->has_data;
}

/* Leaves what an earlier database said. */
static bool get_text(MMDB_entry_s *e, const char *const *path, char *out, size_t size)
{
	MMDB_entry_data_s d;
	size_t n;

	if (*out || !value_at(e, &d, path) || d.type != MMDB_DATA_TYPE_UTF8_STRING || !d.data_size)
		return false;
	n = d.data_size < size ? d.data_size : size - 1;
	/* A character that does not fit goes whole. */
	while (n < d.data_size && n && ((unsigned char)d.utf8_string[n] & 0xc0) == 0x80)
		n--;
	memcpy(out, d.utf8_string, n);
	out[n] = '\0';
	return n > 0;
}

static bool get_location(MMDB_entry_s *e, struct geo_place *p)
{
	static const char *const latitude[] = {"location", "latitude", NULL};
	static const char *const longitude[] = {"location", "longitude", NULL};
	MMDB_entry_data_s a, b;

	if (p->location[0] || !value_at(e, &a, latitude) || !value_at(e, &b, longitude) ||
		a.type != MMDB_DATA_TYPE_DOUBLE || b.type != MMDB_DATA_TYPE_DOUBLE ||
		!(a.double_value >= -90 && a.double_value <= 90) ||
		!(b.double_value >= -180 && b.double_value <= 180))
		return false;
	snprintf(p->location, sizeof(p->location), "%.4f,%.4f", a.double_value, b.double_value);
	return true;
}

static bool get_number(MMDB_entry_s *e, struct geo_place *p)
{
	static const char *const number[] = {"autonomous_system_number", NULL};
	MMDB_entry_data_s d;

	if (p->as_number || !value_at(e, &d, number) || d.type != MMDB_DATA_TYPE_UINT32)
		return false;
	p->as_number = d.uint32;
	return d.uint32 != 0;
}

static bool read_entry(MMDB_entry_s *e, struct geo_place *p)
{
	static const char *const country[] = {"country", "iso_code", NULL};
	static const char *const city[] = {"city", "names", "en", NULL};
	static const char *const organization[] = {"autonomous_system_organization", NULL};
	bool any = get_text(e, country, p->country, sizeof(p->country));

	any |= get_text(e, city, p->city, sizeof(p->city));
	any |= get_text(e, organization, p->organization, sizeof(p->organization));
	any |= get_location(e, p);
	any |= get_number(e, p);
	return any;
}

static void look_up(struct geo *g, struct entry *e)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	struct sockaddr_in four = {.sin_family = AF_INET};
	const struct sockaddr *sa = (const struct sockaddr *)&six;

	memset(&e->place, 0, sizeof(e->place));
	e->known = false;
	memcpy(&six.sin6_addr, &e->ip, sizeof(e->ip));
	memcpy(&four.sin_addr, e->ip.b + 12, sizeof(four.sin_addr));
	if (addr_is_v4(&e->ip))
		sa = (const struct sockaddr *)&four;
	for (unsigned i = 0; i < g->n; i++) {
		int error = MMDB_SUCCESS;
		MMDB_lookup_result_s found = MMDB_lookup_sockaddr(&g->db[i], sa, &error);

		if (error == MMDB_IPV6_LOOKUP_IN_IPV4_DATABASE_ERROR)
			continue;
		if (error != MMDB_SUCCESS)
			g->failed++;
		else if (found.found_entry && read_entry(&found.entry, &e->place))
			e->known = true;
	}
}

const struct geo_place *geo_find(struct geo *g, const struct addr *a)
{
	struct entry *e = &g->cache[hash_bytes(&g->key, 0, a, sizeof(*a)) % CACHE];

	if (!e->used || memcmp(&e->ip, a, sizeof(*a)) != 0) {
		e->used = true;
		e->ip = *a;
		look_up(g, e);
	}
	return e->known ? &e->place : NULL;
}

void geo_counters(const struct geo *g, struct counters *c)
{
	if (g && g->failed)
		counters_add(c, "geoip: lookups that a damaged database spoiled", g->failed);
}
