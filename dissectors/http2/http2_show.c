/*
 * http2_show.c - HTTP/2 explained (RFC 9113, 4 and 6): the frames that begin in one packet, what
 * their payload says, and header blocks (RFC 7541) as far as they stand by themselves. What refers
 * to the table of the connection is known by its index only.
 */
#include "http2.h"
#include "show.h"
#include <stdalign.h>

#define FRAME_HEADER 9u
#define FRAMES_MAX   200u
#define PREFACE      24u
#define MEMORY       49152u /* for the inflater of one packet */

static const char *const types[] = {"DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS",
	"PUSH_PROMISE", "PING", "GOAWAY", "WINDOW_UPDATE", "CONTINUATION"};

static const char *setting_name(uint64_t id)
{
	static const char *const names[] = {NULL, "HEADER_TABLE_SIZE", "ENABLE_PUSH",
		"MAX_CONCURRENT_STREAMS", "INITIAL_WINDOW_SIZE", "MAX_FRAME_SIZE",
		"MAX_HEADER_LIST_SIZE", NULL, "ENABLE_CONNECT_PROTOCOL"};

	return id < sizeof(names) / sizeof(names[0]) ? names[id] : NULL;
}

/* Memory that is gone with the packet: a dissector has no other. */
struct memory {
	alignas(max_align_t) uint8_t bytes[MEMORY];
	size_t used;
};

struct piece { /* before each */
	alignas(max_align_t) size_t size;
};

static void *take(size_t n, void *memory)
{
	struct memory *m = memory;
	size_t need = (sizeof(struct piece) + n + sizeof(struct piece) - 1) / sizeof(struct piece) *
		      sizeof(struct piece);
	struct piece *p;

	if (n > MEMORY || need > MEMORY - m->used)
		return NULL;
	p = (struct piece *)(void *)(m->bytes + m->used);
	m->used += need;
	p->size = n;
	return p + 1;
}

static void give(void *p, void *memory)
{
	(void)p;
	(void)memory;
}

static void *take_zeroed(size_t n, size_t size, void *memory)
{
	void *p = n && size > MEMORY / n ? NULL : take(n * size, memory);

	if (p)
		memset(p, 0, n * size);
	return p;
}

static void *take_again(void *old, size_t n, void *memory)
{
	size_t had = old ? ((struct piece *)old - 1)->size : 0;
	void *p = n <= had ? old : take(n, memory);

	if (p && p != old && had)
		memcpy(p, old, had);
	return p;
}

struct reading {
	struct show *s;
	struct hpack hpack; /* inflater NULL: there was no memory for it */
	nghttp2_mem mem;
	const uint8_t *at; /* of the representation at hand */
	size_t n;
};

struct header {
	struct view name, value;
	bool any;
};

static void emit(void *arg, struct view name, struct view value)
{
	struct header *h = arg;

	*h = (struct header){name, value, true};
}

static void show_header(struct reading *r, const struct header *h, const uint8_t *at, size_t n)
{
	char line[512];
	size_t name = view_len(&h->name), value = view_len(&h->value);

	name = name < 100 ? name : 100;
	value = value < sizeof(line) - 2 - name ? value : sizeof(line) - 2 - name;
	if (name)
		memcpy(line, h->name.p, name);
	memcpy(line + name, ": ", 2);
	if (value)
		memcpy(line + name + 2, h->value.p, value);
	tsm_show_str(r->s, &http2_fields[D_HEADER], at, n, view_of(line, name + 2 + value, 0));
}

/* The index of a representation that is not known; 0: it is none. */
static void show_unknown(struct reading *r, const uint8_t *at, size_t n)
{
	struct view v = view_of(at, n, 0);
	uint32_t index = hpack_index(&v);

	tsm_show_code(r->s, &http2_fields[D_INDEX], at, n, index, "in the table of the connection");
}

/* Behind one that cannot be read nothing is known of the table any more: no block is read then. */
static void header_block(struct reading *r, struct view block)
{
	while (view_len(&block)) {
		struct header h = {.any = false};
		const uint8_t *at = block.p;
		struct view rest = block;
		uint32_t unknown = 0;

		if (!r->hpack.inflater || !hpack_next(&r->hpack, &rest, emit, &h, &unknown)) {
			tsm_show_u64(r->s, &http2_fields[D_BLOCK], at, view_len(&block),
				view_len(&block));
			r->hpack.inflater = NULL;
			return;
		}
		block = rest;
		if (unknown)
			show_unknown(r, at, (size_t)(block.p - at));
		else if (h.any)
			show_header(r, &h, at, (size_t)(block.p - at));
	}
	if (r->hpack.inflater)
		nghttp2_hd_inflate_end_headers(r->hpack.inflater);
}

/* Takes the padding off the end. */
static void padding(struct show *s, uint8_t flags, struct view *v, struct view *pad)
{
	uint64_t n;

	*pad = view_of(v->end, 0, 0);
	if (!(flags & FLAG_PADDED))
		return;
	n = show_be(s, &http2_fields[D_PAD], v, 1);
	/* Where the frame's end is not here, neither is its padding. */
	if (v->cut || n > view_len(v))
		return;
	v->end -= n;
	*pad = view_of(v->end, (size_t)n, 0);
}

static void priority(struct show *s, struct view *v)
{
	const uint8_t *at = v->p;
	uint64_t x = view_be(v, 4);

	if (v->bad)
		return;
	tsm_show_u64(s, &http2_fields[D_EXCLUSIVE], at, 4, x >> 31);
	tsm_show_u64(s, &http2_fields[D_DEPENDENCY], at, 4, x & 0x7fffffffu);
	show_be(s, &http2_fields[D_WEIGHT], v, 1);
}

static void error_code(struct show *s, struct view *v)
{
	const uint8_t *at = v->p;
	uint64_t code = view_be(v, 4);

	if (!v->bad)
		tsm_show_code(s, &http2_fields[D_ERROR], at, 4, code,
			nghttp2_http2_strerror((uint32_t)code));
}

static void stream_number(struct show *s, const struct field *f, struct view *v)
{
	const uint8_t *at = v->p;
	uint64_t x = view_be(v, 4);

	if (!v->bad)
		tsm_show_u64(s, f, at, 4, x & 0x7fffffffu);
}

static void settings(struct show *s, struct view v)
{
	while (view_len(&v) >= 6) {
		const uint8_t *at = v.p;
		uint64_t id = view_be(&v, 2);

		tsm_show_code(s, &http2_fields[D_SETTING], at, 2, id, setting_name(id));
		show_be(s, &http2_fields[D_VALUE], &v, 4);
	}
}

static void payload(struct reading *r, uint8_t type, uint8_t flags, struct view v)
{
	struct view pad = view_of(v.end, 0, 0);
	struct show *s = r->s;

	if (type == FRAME_DATA || type == FRAME_HEADERS || type == FRAME_PUSH_PROMISE)
		padding(s, flags, &v, &pad);
	switch (type) {
	case FRAME_DATA:
		if (view_len(&v))
			tsm_show_u64(s, &http2_fields[D_DATA], v.p, view_len(&v), view_len(&v));
		break;
	case FRAME_HEADERS:
		if (flags & FLAG_PRIORITY)
			priority(s, &v);
		header_block(r, v);
		break;
	case FRAME_PUSH_PROMISE:
		stream_number(s, &http2_fields[D_PROMISED], &v);
		header_block(r, v);
		break;
	case FRAME_CONTINUATION:
		header_block(r, v);
		break;
	case FRAME_PRIORITY:
		priority(s, &v);
		break;
	case FRAME_RST_STREAM:
		error_code(s, &v);
		break;
	case FRAME_SETTINGS:
		settings(s, v);
		break;
	case FRAME_PING:
		show_be(s, &http2_fields[D_PING], &v, 8);
		break;
	case FRAME_GOAWAY:
		stream_number(s, &http2_fields[D_LAST], &v);
		error_code(s, &v);
		if (view_len(&v))
			tsm_show_text(s, &http2_fields[D_DEBUG], v);
		break;
	default: /* WINDOW_UPDATE */
		stream_number(s, &http2_fields[D_INCREMENT], &v);
		break;
	}
	if (view_len(&pad))
		tsm_show_u64(s, &http2_fields[D_PADDING], pad.p, view_len(&pad), view_len(&pad));
}

/* One frame; false: there is none here. */
static bool frame(struct reading *r, struct view *v)
{
	struct view body, head = *v;
	uint32_t n;
	uint8_t type, flags;
	bool ack;

	if (view_len(v) < FRAME_HEADER || !http2_frame_like(v->p))
		return false;
	n = (uint32_t)view_be(&head, 3);
	type = (uint8_t)view_be(&head, 1);
	flags = (uint8_t)view_be(&head, 1);
	ack = type == FRAME_SETTINGS || type == FRAME_PING;
	body = view_of(v->p + FRAME_HEADER, view_len(v) - FRAME_HEADER, v->cut);
	if (n < view_len(&body))
		body = view_of(body.p, n, 0);
	else
		body.cut = (uint32_t)(n - view_len(&body));
	tsm_show_group(r->s, types[type], v->p, FRAME_HEADER + view_len(&body));
	tsm_show_u64(r->s, &http2_fields[D_LENGTH], v->p, 3, n);
	tsm_show_code(r->s, &http2_fields[D_TYPE], v->p + 3, 1, type, types[type]);
	tsm_show_u64(r->s, &http2_fields[ack ? D_ACK : D_FLAGS], v->p + 4, 1, flags);
	stream_number(r->s, &http2_fields[D_STREAM], &head);
	payload(r, type, flags, body);
	tsm_show_end(r->s);
	v->p = body.end;
	return true;
}

void http2_describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	struct memory memory = {.used = 0};
	struct reading r = {.s = s, .mem = {&memory, take, give, take_zeroed, take_again}};
	unsigned n = 0;

	(void)p;
	(void)side;
	hpack_alone(&r.hpack, &r.mem);
	if (view_len(&v) >= PREFACE && memcmp(v.p, http2_preface, PREFACE) == 0) {
		tsm_show_text(s, &http2_fields[D_MAGIC], view_of(v.p, PREFACE, 0));
		v.p += PREFACE;
	}
	while (n < FRAMES_MAX && frame(&r, &v))
		n++;
	if (view_len(&v))
		tsm_show_u64(s, &http2_fields[D_REST], v.p, view_len(&v), view_len(&v));
}
