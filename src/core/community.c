/*
 * community.c - Community ID version 1 (github.com/corelight/community-id-spec).
 *
 * What is summed is at most 40 bytes: always one block of SHA-1 (FIPS 180-4), padded here and
 * given to libcrypto's block function, which costs a third of the general interface.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "core/community.h"

#include <arpa/inet.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

#define PROTO_ICMP   1
#define PROTO_ICMPV6 58

int community_icmp_counterpart(uint8_t proto, uint8_t type)
{
	/* Asking and answering type; an answer without its own entry (a router's advertisement
	   over IPv4) is one-way. */
	static const uint8_t v4[][2] = {{8, 0}, {0, 8}, {13, 14}, {14, 13}, {15, 16}, {16, 15},
		{10, 9}, {17, 18}, {18, 17}};
	static const uint8_t v6[][2] = {{128, 129}, {129, 128}, {133, 134}, {134, 133}, {135, 136},
		{136, 135}, {130, 131}, {131, 130}, {139, 140}, {140, 139}, {144, 145}, {145, 144}};

	if (proto == PROTO_ICMP)
		for (size_t i = 0; i < sizeof(v4) / sizeof(v4[0]); i++)
			if (v4[i][0] == type)
				return v4[i][1];
	if (proto == PROTO_ICMPV6)
		for (size_t i = 0; i < sizeof(v6) / sizeof(v6[0]); i++)
			if (v6[i][0] == type)
				return v6[i][1];
	return -1;
}

/* What is summed, in the order of the two ends. */
struct tuple {
	uint8_t p[40];
	uint32_t n;
};

static void add(struct tuple *t, const void *p, size_t n)
{
	memcpy(t->p + t->n, p, n);
	t->n += (uint32_t)n;
}

static void add_u16(struct tuple *t, uint16_t v)
{
	t->p[t->n++] = (uint8_t)(v >> 8);
	t->p[t->n++] = (uint8_t)v;
}

static void tuple_make(struct tuple *t, const struct addr *src, const struct addr *dst,
	uint8_t proto, bool has_ports, uint16_t sport, uint16_t dport, uint16_t seed)
{
	size_t from = addr_is_v4(src) && addr_is_v4(dst) ? 12 : 0;
	bool one_way = false;
	int order;

	if (proto == PROTO_ICMP || proto == PROTO_ICMPV6) {
		int other = community_icmp_counterpart(proto, (uint8_t)sport);

		one_way = other < 0;
		if (!one_way)
			dport = (uint16_t)other;
		has_ports = true;
	}
	order = memcmp(src->b, dst->b, sizeof(src->b));
	if (order == 0)
		order = has_ports && sport > dport ? 1 : 0;
	if (order > 0 && !one_way) {
		const struct addr *a = src;
		uint16_t port = sport;

		src = dst;
		dst = a;
		sport = dport;
		dport = port;
	}
	t->n = 0;
	add_u16(t, seed);
	add(t, src->b + from, 16 - from);
	add(t, dst->b + from, 16 - from);
	t->p[t->n++] = proto;
	t->p[t->n++] = 0;
	if (has_ports) {
		add_u16(t, sport);
		add_u16(t, dport);
	}
}

static void put_base64(char *out, const uint8_t sum[21])
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (unsigned i = 0; i < 7; i++, out += 4) {
		uint32_t v =
			(uint32_t)sum[3 * i] << 16 | (uint32_t)sum[3 * i + 1] << 8 | sum[3 * i + 2];

		out[0] = letters[v >> 18];
		out[1] = letters[v >> 12 & 63];
		out[2] = letters[v >> 6 & 63];
		out[3] = letters[v & 63];
	}
}

static void put_word(uint8_t *at, uint32_t v)
{
	v = htonl(v);
	memcpy(at, &v, 4);
}

static void tuple_id(char *out, const struct tuple *t)
{
	uint8_t block[64] = {0}, sum[21] = {0};
	uint32_t bits = t->n * 8;
	SHA_CTX sha;

	memcpy(block, t->p, t->n);
	block[t->n] = 0x80;
	block[62] = (uint8_t)(bits >> 8);
	block[63] = (uint8_t)bits;
	SHA1_Init(&sha);
	SHA1_Transform(&sha, block);
	put_word(sum, sha.h0);
	put_word(sum + 4, sha.h1);
	put_word(sum + 8, sha.h2);
	put_word(sum + 12, sha.h3);
	put_word(sum + 16, sha.h4);
	memcpy(out, "1:", 2);
	put_base64(out + 2, sum);
	out[COMMUNITY_LEN - 1] = '=';
}

void community_id(char *out, const struct addr *src, const struct addr *dst, uint8_t proto,
	bool has_ports, uint16_t sport, uint16_t dport, uint16_t seed)
{
	struct tuple t;

	tuple_make(&t, src, dst, proto, has_ports, sport, dport, seed);
	tuple_id(out, &t);
}

#define CACHE_SIZE 1024u /* a power of two */

struct community_cache {
	struct {
		struct tuple tuple;
		char id[COMMUNITY_LEN];
	} entry[CACHE_SIZE];
};

struct community_cache *community_cache_new(void)
{
	return xcalloc(1, sizeof(struct community_cache));
}

void community_cache_free(struct community_cache *c)
{
	free(c);
}

bool community_record(char *out, const struct record *r, struct community_cache *cache)
{
	bool icmp = r->transport == PROTO_ICMP || r->transport == PROTO_ICMPV6;
	uint16_t sport = icmp ? r->icmp_type : r->client.port;
	uint16_t dport = icmp ? r->icmp_code : r->server.port;
	uint64_t slot = (r->flow_id ^ r->flow_id >> 32) & (CACHE_SIZE - 1);
	struct tuple t;

	if (r->ip_version == 0)
		return false;
	tuple_make(
		&t, &r->client.ip, &r->server.ip, r->transport, r->has_ports != 0, sport, dport, 0);
	if (!cache) {
		tuple_id(out, &t);
		return true;
	}
	if (cache->entry[slot].tuple.n != t.n ||
		memcmp(cache->entry[slot].tuple.p, t.p, t.n) != 0) {
		cache->entry[slot].tuple = t;
		tuple_id(cache->entry[slot].id, &t);
	}
	memcpy(out, cache->entry[slot].id, COMMUNITY_LEN);
	return true;
}
