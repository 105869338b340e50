/*
 * community.h - Community ID version 1: one name for a connection in every tool.
 *
 * "1:" and the Base64 of SHA-1 over seed, addresses, protocol and ports in network order, the
 * smaller end first. For ICMP the type and its counterpart (or the code, where a type has none)
 * stand for the ports. github.com/corelight/community-id-spec
 */
#ifndef TSUMARI_CORE_COMMUNITY_H
#define TSUMARI_CORE_COMMUNITY_H

#include "core/record.h"

#define COMMUNITY_LEN 30 /* characters, no NUL */

/*
 * Writes COMMUNITY_LEN characters. Without has_ports the ports are left out of the sum (protocols
 * other than TCP, UDP, SCTP and ICMP). ICMP: sport is the type, dport the code.
 */
void community_id(char *out, const struct addr *src, const struct addr *dst, uint8_t proto,
	bool has_ports, uint16_t sport, uint16_t dport, uint16_t seed);

/* The type that answers an ICMP (proto 1) or ICMPv6 (58) type, or -1: it is one-way. */
int community_icmp_counterpart(uint8_t proto, uint8_t type);

/* Identifiers of the connections seen last: records of one connection often follow each other. */
struct community_cache;
struct community_cache *community_cache_new(void); /* about 80 KiB */
void community_cache_free(struct community_cache *c);

/* Of a record, seed 0; false where it has no addresses. The cache may be NULL. */
bool community_record(char *out, const struct record *r, struct community_cache *cache);

#endif
