/*
 * show.c - one frame explained (show.h).
 *
 * The layers are walked as in layers.c; after each has read its header, its describe() gets the
 * same bytes. A header that is cut or wrong is described as far as it goes and ends the walk.
 */
#include "core/show.h"

#include "core/layers.h"
#include "core/prefix.h"
#include "core/registry.h"

/* The n bytes at `at` are the frame's. */
static bool inside(const struct show *s, const uint8_t *at, size_t n)
{
	return at >= s->data && at <= s->data + s->size && n <= (size_t)(s->data + s->size - at);
}

static struct show_node *add(struct show *s, const uint8_t *at, size_t n)
{
	struct show_node *x;

	if (s->n == SHOW_NODES) {
		s->full = true;
		return NULL;
	}
	x = &s->nodes[s->n++];
	memset(x, 0, sizeof(*x));
	x->depth = s->depth;
	x->layer = s->layer;
	if (at >= s->data && at <= s->data + s->size) {
		size_t left = (size_t)(s->data + s->size - at);

		x->at = (uint32_t)(at - s->data);
		x->len = (uint32_t)(n < left ? n : left);
	}
	return x;
}

static struct show_node *add_field(
	struct show *s, const struct field *f, const uint8_t *at, size_t n)
{
	struct show_node *x = add(s, at, n);

	if (x) {
		x->field = f;
		x->type = f->type;
	}
	return x;
}

/* What a number is shown as: as the field says, where that is of numbers. */
static uint8_t number_type(uint8_t type)
{
	switch (type) {
	case FIELD_BYTES:
	case FIELD_TIME:
	case FIELD_DURATION:
	case FIELD_BOOL:
	case FIELD_NAMES:
	case FIELD_ID:
	case FIELD_FRACTION:
		return type;
	default:
		return FIELD_U64;
	}
}

static void add_number(struct show *s, const struct field *f, const uint8_t *at, size_t n,
	uint64_t value, const char *meaning, uint8_t type)
{
	struct show_node *x = add_field(s, f, at, n);

	if (!x)
		return;
	x->type = type;
	x->u64 = value;
	x->name = meaning;
}

void tsm_show_code(struct show *s, const struct field *f, const uint8_t *at, size_t n,
	uint64_t value, const char *meaning)
{
	add_number(s, f, at, n, value, meaning, number_type(f->type));
}

void tsm_show_number(struct show *s, const struct field *f, const uint8_t *at, size_t n,
	uint64_t value, const char *meaning)
{
	add_number(s, f, at, n, value, meaning, FIELD_U64);
}

void tsm_show_id(struct show *s, const struct field *f, const uint8_t *at, size_t n, uint64_t value,
	const char *meaning)
{
	add_number(s, f, at, n, value, meaning, FIELD_ID);
}

void tsm_show_u64(
	struct show *s, const struct field *f, const uint8_t *at, size_t n, uint64_t value)
{
	tsm_show_code(s, f, at, n, value, NULL);
}

void tsm_show_str(
	struct show *s, const struct field *f, const uint8_t *at, size_t n, struct view text)
{
	struct show_node *x = add_field(s, f, at, n);
	size_t len = view_len(&text);

	if (!x)
		return;
	if (len > SHOW_TEXT - s->used) {
		len = SHOW_TEXT - s->used;
		s->full = true;
	}
	x->type = FIELD_STR;
	x->text = s->used;
	x->ntext = (uint32_t)len;
	if (len)
		memcpy(s->text + s->used, text.p, len);
	s->used += (uint32_t)len;
}

void tsm_show_text(struct show *s, const struct field *f, struct view text)
{
	tsm_show_str(s, f, text.p, view_len(&text), text);
}

void tsm_show_name(
	struct show *s, const struct field *f, const uint8_t *at, size_t n, const char *name)
{
	struct show_node *x = name ? add_field(s, f, at, n) : NULL;

	if (x) {
		x->type = FIELD_NAME;
		x->name = name;
	}
}

void tsm_show_ip(struct show *s, const struct field *f, const uint8_t *at, size_t n)
{
	bool is = (n == 4 || n == 16) && inside(s, at, n);
	struct show_node *x = is ? add_field(s, f, at, n) : NULL;

	if (x) {
		x->type = FIELD_IP;
		x->ip = n == 4 ? addr_v4(at) : addr_v6(at);
	}
}

void tsm_show_mac(struct show *s, const struct field *f, const uint8_t *at)
{
	struct show_node *x = inside(s, at, 6) ? add_field(s, f, at, 6) : NULL;

	if (x) {
		x->type = FIELD_MAC;
		memcpy(x->ip.b, at, 6);
	}
}

void tsm_show_group(struct show *s, const char *title, const uint8_t *at, size_t n)
{
	struct show_node *x = add(s, at, n);

	if (x)
		x->title = title;
	if (s->depth < UINT8_MAX)
		s->depth++;
}

void tsm_show_end(struct show *s)
{
	if (s->depth > s->least)
		s->depth--;
}

/* A protocol's bytes under its own heading. */
static void describe(struct show *s, const struct dissector *d, const struct packet *p,
	enum side side, struct view v)
{
	void (*fn)(struct show *, const struct packet *, enum side, struct view) =
		registry_describe(d);
	uint8_t depth = s->depth, least = s->least;

	if (view_len(&v) == 0)
		return;
	s->layer = d->name;
	tsm_show_group(s, d->title ? d->title : d->name, v.p, view_len(&v));
	s->least = s->depth;
	if (fn)
		fn(s, p, side, v);
	s->depth = depth;
	s->least = least;
	s->layer = NULL;
}

static const struct dissector *layer_of(const struct packet *p, const struct next *next)
{
	const struct dissector *d;

	if (next->table == TABLE_END)
		return NULL;
	d = registry_layer(next->table, next->key);
	return d || next->table != TABLE_UDP_PORT ? d : registry_layer(next->table, p->sport);
}

/* Gives what the last layer carries. */
static struct view layers(struct show *s, struct packet *p)
{
	struct view v = view_of(p->data, p->caplen, p->len > p->caplen ? p->len - p->caplen : 0);
	struct next next = {TABLE_LINKTYPE, p->linktype};
	const struct dissector *d;

	for (unsigned depth = 0; depth < LAYERS_MAX; depth++) {
		struct view header = v;

		layers_fou(p, &next);
		d = layer_of(p, &next);
		if (!d)
			break;
		next.table = TABLE_END;
		d->layer(p, &v, &next);
		if (v.bad) {
			describe(s, d, p, SIDE_CLIENT, header);
			v.p = v.end;
			break;
		}
		header.end = v.p;
		header.cut = 0;
		describe(s, d, p, SIDE_CLIENT, header);
	}
	return v;
}

static const struct dissector *by_content(struct view v, enum side *side)
{
	for (unsigned i = 0; i < registry_count(); i++) {
		const struct dissector *d = registry_get(i);

		if (!d->probe || !d->data || !registry_describe(d))
			continue;
		for (int k = SIDE_CLIENT; k <= SIDE_SERVER; k++)
			if (d->probe(v, (enum side)k) == PROBE_YES) {
				*side = (enum side)k;
				return d;
			}
	}
	return NULL;
}

/* By port, unless the bytes are another's that knows them; else by content. */
static const struct dissector *find_app(const struct packet *p, struct view v, enum side *side)
{
	unsigned table = p->flags & PACKET_TCP ? TABLE_TCP_PORT : TABLE_UDP_PORT;
	const struct dissector *d = registry_app_port(table, p->dport), *other;
	enum side theirs;

	*side = SIDE_CLIENT;
	if (!d) {
		d = registry_app_port(table, p->sport);
		*side = SIDE_SERVER;
	}
	if (d && (!d->probe || d->probe(v, *side) != PROBE_NO))
		return d;
	other = by_content(v, &theirs);
	if (other)
		*side = theirs;
	return other ? other : d;
}

/* What proxies say before a connection's first byte; the view is moved behind it. */
static void proxies(struct show *s, struct view *v)
{
	size_t n;

	while ((n = prefix_show(s, v)) != 0)
		v->p += n;
}

void show_frame(
	struct show *s, const struct packet *frame, const struct dissector *app, enum side side)
{
	struct packet p = *frame;
	struct view v;

	s->data = p.data;
	s->size = p.caplen;
	s->layer = NULL;
	s->depth = s->least = 0;
	s->full = false;
	s->n = 0;
	s->used = 0;
	p.flags = 0;
	p.nvlan = 0;
	p.tunnel = 0;
	p.tunnel_kind = NULL;
	p.ip_version = 0;
	p.ip_proto = 0;
	p.sport = p.dport = 0;
	v = layers(s, &p);
	if (view_len(&v) == 0)
		return;
	if (p.flags & PACKET_TCP && !(p.flags & PACKET_FRAGMENT)) {
		proxies(s, &v);
		if (view_len(&v) == 0)
			return;
	}
	if (!(p.flags & (PACKET_TCP | PACKET_UDP)) || (p.flags & PACKET_FRAGMENT))
		app = NULL;
	else if (!app || !app->data)
		app = find_app(&p, v, &side);
	if (app)
		describe(s, app, &p, side, v);
	else
		tsm_show_group(s, "Data", v.p, view_len(&v));
	s->depth = 0;
}
