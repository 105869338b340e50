/*
 * tls.h - what the files that read TLS share: tls.c (the handshake), tls_show.c (one packet).
 */
#ifndef TSUMARI_TLS_H
#define TSUMARI_TLS_H

#include "dissector.h"

struct show;

#define RECORD_MAX (16384u + 2048u) /* RFC 5246, 6.2.3 */
#define HEADER     5u
#define HELLO_MAX  16384u /* of a longer one, in several records, the first record is read */

enum {
	F_NAME,
	F_ALPN,
	F_VERSION,
	F_PROTOCOL,
	F_CIPHER,
	F_ESTABLISHED,
	F_RESUMED,
	F_HANDSHAKE,
	F_RETRY,
	F_ALERT,
	/* Only shown. */
	D_TYPE,
	D_VERSION,
	D_LENGTH,
	D_MESSAGE,
	D_MESSAGE_LENGTH,
	D_HELLO_VERSION,
	D_SUITES,
	D_EXT,
	D_LEVEL,
	D_REST,
};
extern const struct field tls_fields[];

enum { CHANGE_CIPHER_SPEC = 20, ALERT = 21, HANDSHAKE = 22, APPLICATION = 23 };
enum { CLIENT_HELLO = 1, SERVER_HELLO = 2 };
enum { EXT_NAME = 0, EXT_ALPN = 16, EXT_PSK = 41, EXT_VERSIONS = 43 };

/* The name of a cipher suite; NULL: it is not known. */
const char *tls_suite_name(unsigned id);

/* As dissector.describe. */
void tls_describe(struct show *s, const struct packet *p, enum side side, struct view v);

#endif
