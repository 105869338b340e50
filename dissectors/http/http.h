/*
 * http.h - what the files of HTTP/1 share: http.c (messages) and http_url.c.
 */
#ifndef TSUMARI_DISSECTORS_HTTP_H
#define TSUMARI_DISSECTORS_HTTP_H

#include "http_text.h"

enum {
	F_RES_PHRASE = F_HTTP_FIELDS,
	/* Only shown. */
	D_TARGET,
	D_HEADER,
	D_BODY,
};

extern const struct field http_fields[];

enum phase {
	START,
	HEADERS,
	BODY,
	CHUNK,
	CHUNK_END,
	TRAILERS,
	TO_CLOSE,
	REST_OF_LINE,
	LOST, /* no message where one should begin */
	WAIT,
	EXPECTING /* a body that is sent when the server wants it (RFC 9110, 10.1.1) */
};

/* A transaction's tag. */
#define TAG_HEAD    1u
#define TAG_CONNECT 2u
#define TAG_UPGRADE 4u
#define TAG_ASKED   8u /* it has a request */

#define HOST_MAX   256u
#define TARGET_MAX 2048u
#define URL_PIECE  64u /* bytes that the room for both grows by */

struct message {
	uint8_t phase; /* enum phase */
	uint8_t after; /* phase after REST_OF_LINE, EXPECTING */
	bool interim, chunked, has_length, bad_length, other_coding, in_framing;
	bool length_seen_empty, close_delimited, upgrade, expects, refused;
	bool typed, tunnel; /* there is a Content-Type; another protocol follows */
	bool headed;        /* it may answer a HEAD, which was not captured, and have no body */
	uint16_t status;
	uint32_t headers, header_bytes;
	uint32_t scanned; /* bytes of an unfinished line that hold no LF */
	uint8_t last;     /* which header a folded line goes on with */
	uint64_t length, bytes;
	uint64_t body; /* EXPECTING: when the head in front of it had ended */
	struct whose whose;
	struct tsm_txn txn;
};

struct http {
	struct message m[2];
	uint32_t interim;
	uint8_t *url; /* the request's target and, behind it, its host; room for so much */
	uint16_t url_room, target_len, host_len;
	bool asked;             /* a request has begun */
	bool simple;            /* it is of HTTP/0.9: whatever comes is its answer ... */
	bool sloppy;            /* ... but the server took it for one of HTTP/1 */
	bool client_closed;     /* its side, before the server did */
	const char *upgrade_to; /* the dissector of an upgraded connection; NULL: whichever */
};

/* The target of a request that begins, and its host, are kept as far as there is room. */
void http_keep_target(struct session *s, struct http *h, struct view v);
void http_keep_host(struct session *s, struct http *h, struct view v);
/* The parts of the URL of a request, from the target and the Host header (RFC 9112, 3.3). */
void http_url(const struct http *h, struct tsm_txn t);

#endif
