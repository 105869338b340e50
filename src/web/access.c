/*
 * access.c - who may ask (server.h).
 *
 * A page of another site can make a browser ask for anything on the loopback, by a name of its own
 * that leads there (DNS rebinding): the Host that it sends gives it away.
 */
#include "web/server.h"
#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>
#include <strings.h>

#define HEADER_MAX 1024u /* bytes of a token in a header */

/* Host or [Host], before the port. */
static size_t without_port(const char **host)
{
	const char *end;

	if (**host == '[') {
		end = strchr(++*host, ']');
		return end && (!end[1] || end[1] == ':') ? (size_t)(end - *host) : 0;
	}
	return strcspn(*host, ":");
}

bool web_host_is_local(const char *host)
{
	char name[64];
	struct in_addr four;
	struct in6_addr six;
	size_t n = without_port(&host);

	if (!n || n >= sizeof(name))
		return false;
	memcpy(name, host, n);
	name[n] = '\0';
	if (inet_pton(AF_INET, name, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, name, &six) == 1)
		return IN6_IS_ADDR_LOOPBACK(&six);
	return strcasecmp(name, "localhost") == 0;
}

/* Neither how long the token is nor where another one differs shows in the time that this takes. */
static bool is_token(const char *p, size_t n, const char *token)
{
	unsigned char a[SHA256_DIGEST_LENGTH], b[SHA256_DIGEST_LENGTH];

	SHA256((const unsigned char *)p, n, a);
	SHA256((const unsigned char *)token, strlen(token), b);
	return CRYPTO_memcmp(a, b, sizeof(a)) == 0;
}

/* USER:TOKEN in base64 (RFC 7617). */
static bool is_basic(const char *text, const char *token)
{
	unsigned char plain[HEADER_MAX + 4];
	size_t n = strlen(text);
	const unsigned char *colon;
	int got;

	if (n > HEADER_MAX || n % 4)
		return false;
	got = EVP_DecodeBlock(plain, (const unsigned char *)text, (int)n);
	if (got < 0)
		return false;
	/* What was filled up with = are zeroes. */
	for (size_t i = n; got && i && text[i - 1] == '=' && n - i < 2; i--)
		got--;
	colon = memchr(plain, ':', (size_t)got);
	return colon && is_token((const char *)colon + 1, (size_t)(plain + got - colon - 1), token);
}

bool web_authorized(const char *header, const char *token)
{
	if (!header)
		return false;
	if (strncasecmp(header, "Bearer ", 7) == 0)
		return is_token(header + 7, strlen(header + 7), token);
	return strncasecmp(header, "Basic ", 6) == 0 && is_basic(header + 6, token);
}
