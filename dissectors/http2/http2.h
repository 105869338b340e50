/*
 * http2.h - what the files of HTTP/2 share: http2.c reads frames, http2_stream.c keeps streams and
 * windows, http2_hpack.c header blocks, http2_message.c what headers say.
 */
#ifndef TSUMARI_HTTP2_H
#define TSUMARI_HTTP2_H

#include "http/http_text.h"
#include <nghttp2/nghttp2.h>

#define STREAMS_MAX 500u   /* open at a time, fewer than transactions may be */
#define HEADERS_MAX 1024u  /* of one block; more are decoded and not looked at */
#define RESETS      32u    /* streams called off that are remembered */
#define BLOCK_MAX   65536u /* a header block in several frames */
#define WINDOW_MAX  0x7fffffff
#define PREFACE_KEY (UINT64_C(1) << 32) /* no stream's */

enum frame_type {
	FRAME_DATA,
	FRAME_HEADERS,
	FRAME_PRIORITY,
	FRAME_RST_STREAM,
	FRAME_SETTINGS,
	FRAME_PUSH_PROMISE,
	FRAME_PING,
	FRAME_GOAWAY,
	FRAME_WINDOW_UPDATE,
	FRAME_CONTINUATION,
};

#define FLAG_END_STREAM  0x01u /* of SETTINGS and PING: ACK */
#define FLAG_ACK         0x01u
#define FLAG_END_HEADERS 0x04u
#define FLAG_PADDED      0x08u
#define FLAG_PRIORITY    0x20u

enum {
	F_STREAM = F_HTTP_FIELDS,
	F_UPGRADED,
	F_PUSHED,
	F_UNKNOWN,
	F_STALL_CLIENT,
	F_STALL_SERVER,
	F_RESET_BY,
	F_RESET_CODE,
	F_GRPC_SERVICE,
	F_GRPC_METHOD,
	F_GRPC_STATUS,
	F_GRPC_MESSAGE,
	F_GRPC_STREAMING,
	/* Only shown. */
	D_MAGIC,
	D_LENGTH,
	D_TYPE,
	D_FLAGS,
	D_ACK,
	D_STREAM,
	D_PAD,
	D_EXCLUSIVE,
	D_DEPENDENCY,
	D_WEIGHT,
	D_PROMISED,
	D_HEADER,
	D_INDEX,
	D_BLOCK,
	D_DATA,
	D_PADDING,
	D_SETTING,
	D_VALUE,
	D_ERROR,
	D_PING,
	D_LAST,
	D_DEBUG,
	D_INCREMENT,
	D_REST,
};

/* struct stream, flags: those of a side are shifted by it. */
#define S_BEGUN   0x01u /* its message has begun */
#define S_ENDED   0x04u /* ... and ended */
#define S_DOUBT   0x10u /* bytes of this side were lost since */
#define S_BLOCKED 0x40u /* this side, the receiver, has no window left for the other's message */
#define S_GRPC    0x100u
#define S_PUSHED  0x200u /* the server promised it */
#define S_CONNECT 0x400u /* CONNECT: once it is granted the rest is a tunnel (8.5; RFC 8441) */

struct stream {
	uint32_t id;
	uint16_t flags;
	struct tsm_txn t; /* of none: there was no memory for it */
	uint32_t interim, unknown;
	uint32_t seen[2];  /* headers there were, a bit each */
	int64_t window[2]; /* by receiver */
	uint64_t body[2], bytes[2], stall[2];
	uint64_t left[2];    /* gRPC: of the message at hand */
	uint8_t messages[2]; /* gRPC's; two are many */
};

static inline bool stream_is(const struct stream *st, unsigned flag, enum side side)
{
	return st->flags & flag << side;
}

static inline void stream_set(struct stream *st, unsigned flag, enum side side)
{
	st->flags |= (uint16_t)(flag << side);
}

struct hpack {
	nghttp2_hd_inflater *inflater;
	bool whole; /* from the connection's first block on */
};

struct half { /* what one side sends */
	uint8_t phase;
	uint8_t flags; /* of the DATA at hand */
	uint32_t id, data_len;
	bool end_stream;    /* the header block at hand ends the stream ... */
	bool begins;        /* ... or began its message with the first of several frames */
	uint8_t block_type; /* HEADERS or PUSH_PROMISE whose CONTINUATION must come; 0: none */
	uint8_t *block;     /* in several frames, put together */
	uint32_t block_id, block_len, block_cap;
	struct hpack hpack;
	uint32_t max_id;    /* highest stream this side has opened, or promised */
	uint32_t promised;  /* stream of the PUSH_PROMISE at hand */
	uint32_t max_frame; /* payload the other side takes */
	uint32_t initial;   /* window of new streams, this side the receiver */
	int64_t window;     /* of the connection, this side the receiver */
};

struct http2 {
	nghttp2_mem mem; /* the inflaters' */
	struct half half[2];
	bool begun, windows;    /* windows: what there is of them is known */
	bool refused;           /* the server answered in HTTP/1: nothing more is read */
	struct tsm_txn preface; /* until there is a stream, or the server's preface; then none */
	uint8_t ended;
	struct stream *streams;
	uint32_t n, cap, last;
	uint32_t reset[RESETS]; /* streams called off last: answers may be on their way */
	uint32_t resets;
};

#define GRPC_PREFIX 5u /* bytes before a gRPC message: a flag and its length */

/* http2.c */
extern const char http2_preface[];       /* 3.4 */
bool http2_frame_like(const uint8_t *p); /* nine bytes: could a frame begin so? */

/* http2_show.c */
void http2_describe(struct show *s, const struct packet *p, enum side side, struct view v);

/* http2_hpack.c */
typedef void hpack_emit(void *arg, struct view name, struct view value);
/*
 * A whole header block. What refers to a part of the dynamic table that was not seen is left out
 * and counted. False: against the rules; the table is forgotten.
 */
bool hpack_block(struct session *s, struct http2 *h, enum side side, struct view block,
	hpack_emit *emit, void *arg, uint32_t *unknown);
/* Nothing of the dynamic table is known any more. */
void hpack_forget(struct hpack *hp);
/* One that knows no connection; inflater NULL: no memory. */
void hpack_alone(struct hpack *hp, nghttp2_mem *mem);
/*
 * The representation at the front of a block, which gives a header, or none, or is counted as
 * unknown. False: against the rules, cut, or memory has run out.
 */
bool hpack_next(
	struct hpack *hp, struct view *block, hpack_emit *emit, void *arg, uint32_t *unknown);
/* The index that a representation begins with. */
uint32_t hpack_index(struct view *representation);

/* http2_stream.c */
struct stream *stream_find(struct http2 *h, uint32_t id);
struct stream *stream_new(struct session *s, struct http2 *h, uint32_t id);
void stream_remove(struct http2 *h, struct stream *st);
void stream_begin(
	struct session *s, struct http2 *h, struct stream *st, enum side side, const uint8_t *at);
/* The stream may be gone after these. */
void stream_end(
	struct session *s, struct http2 *h, struct stream *st, enum side side, const uint8_t *at);
/* DATA of a gRPC stream, without padding. */
void stream_grpc(struct stream *st, enum side side, const uint8_t *p, uint32_t n);
void stream_reset(struct session *s, struct http2 *h, struct stream *st, enum side side,
	uint32_t code, const uint8_t *at);
/* Can a response on a stream that is not open be one whose request was not captured? */
bool stream_unseen(const struct http2 *h, uint32_t id);
/* What is known of its sizes and stalls, before its transaction leaves. */
void stream_values(struct stream *st);
/* DATA of n bytes (with padding) was sent to `side`. */
void window_used(struct session *s, struct http2 *h, struct stream *st, enum side side, uint32_t n,
	const uint8_t *at);
void window_update(struct session *s, struct http2 *h, enum side side, uint32_t id, uint32_t n,
	const uint8_t *at);
void window_initial(
	struct session *s, struct http2 *h, enum side side, uint32_t n, const uint8_t *at);
/* Bytes were lost: nothing is known of windows any more. */
void window_unknown(struct http2 *h);

/* http2_message.c */
extern const struct field http2_fields[];
/* A header block of a stream; begin is its frame's first byte. Ends the stream where that is so. */
void message_block(struct session *s, struct http2 *h, enum side side, uint32_t id,
	struct view block, uint64_t wire, const uint8_t *begin, const uint8_t *end);
/* The header block of a PUSH_PROMISE: the request that the server answers unasked. */
void message_promised(struct session *s, struct http2 *h, uint32_t id, struct view block);
/* The request that the connection was upgraded with. */
void message_upgraded(struct session *s, struct http2 *h);

#endif
