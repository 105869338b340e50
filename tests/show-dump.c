/*
 * show-dump.c - prints how each frame of a capture is explained: frame, place, length, field and
 * value, parted by tabs; headings with their layer. For show.py, which reads it against tshark.
 *
 * With --probes instead: which dissectors take the payload of a segment for the beginning of their
 * connection, a line each: dissector and frame.
 *
 * With --all instead: each frame, and variants of it that are cut short and have some bytes
 * changed, is explained by every dissector and for both sides; all that is shown must lie in the
 * frame. The frame is an allocation of its size, so that a sanitizer sees a read past it.
 */
#include "api/event.h"
#include "core/registry.h"
#include "core/show.h"
#include "base/text.h"
#include "capture/source.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct show tree;

static void value(const struct show_node *x)
{
	char buffer[4096];
	struct text t;

	text_init(&t, buffer, sizeof(buffer));
	switch (x->type) {
	case FIELD_STR:
		text_escape(&t, tree.text + x->text, x->ntext, SIZE_MAX);
		break;
	case FIELD_NAME:
		text_str(&t, x->name);
		break;
	case FIELD_IP:
		text_addr(&t, &x->ip);
		break;
	case FIELD_MAC:
		for (int i = 0; i < 6; i++)
			text_printf(&t, "%s%02x", i ? ":" : "", x->ip.b[i]);
		break;
	default:
		text_printf(&t, "%" PRIu64, x->u64);
	}
	fputs(buffer, stdout);
}

static void dump(const struct packet *p)
{
	show_frame(&tree, p, NULL, SIDE_CLIENT);
	for (unsigned i = 0; i < tree.n; i++) {
		const struct show_node *x = &tree.nodes[i];

		printf("%" PRIu64 "\t%u\t%u\t%u\t", p->number, x->depth, x->at, x->len);
		if (x->field) {
			printf("%s\t", x->field->name);
			value(x);
		} else {
			printf("%s\t%s", x->title, x->layer ? x->layer : "");
		}
		putchar('\n');
	}
}

/* What the transport carries, as a view of its own. */
static struct view payload_of(const struct packet *p)
{
	unsigned tcp = tree.n, next = tree.n;

	for (unsigned i = 0; i < tree.n; i++) {
		const struct show_node *x = &tree.nodes[i];

		if (x->depth || x->field)
			continue;
		if (tcp < tree.n && next == tree.n)
			next = i;
		if (x->layer && strcmp(x->layer, "tcp") == 0)
			tcp = i, next = tree.n;
	}
	return next < tree.n ? view_of(p->data + tree.nodes[next].at, tree.nodes[next].len, 0)
			     : view_of(NULL, 0, 0);
}

static void probes(const struct packet *p)
{
	struct view v;

	show_frame(&tree, p, NULL, SIDE_CLIENT);
	v = payload_of(p);
	for (unsigned i = 0; view_len(&v) && i < registry_count(); i++) {
		const struct dissector *d = registry_get(i);

		for (int side = 0; d->probe && side < 2; side++) {
			enum tsm_probe r = d->probe(v, (enum side)side);

			if (r == PROBE_YES || r == PROBE_SWAPPED)
				printf("%s\t%" PRIu64 "\n", d->name, p->number);
		}
	}
}

#define VARIANTS 8u
#define FRAMES   400u /* of a capture */

static uint32_t random32(void)
{
	static uint32_t x = 2463534242u;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

static bool among(const struct field *table, const struct field *f)
{
	for (const struct field *x = table; x && x->type != FIELD_END; x++)
		if (x == f)
			return true;
	return false;
}

/* Each protocol has one table of fields: what is shown is of it, or of what carries it. */
static bool declared(const struct show_node *x)
{
	if (!x->layer || strcmp(x->layer, "proxy") == 0)
		return true;
	for (unsigned i = 0; i < registry_count(); i++) {
		const struct dissector *d = registry_get(i);
		const struct tsm_event_kind *events = registry_event(d);

		if (among(d->fields, x->field) || (events && among(events->fields, x->field)))
			return true;
	}
	return false;
}

static void check(const struct packet *p)
{
	for (unsigned i = 0; i < tree.n; i++) {
		const struct show_node *x = &tree.nodes[i];

		if ((uint64_t)x->at + x->len > p->caplen || x->ntext > tree.used ||
			x->text > tree.used - x->ntext || (!x->field && !x->title)) {
			fprintf(stderr, "frame %" PRIu64 ": %s is shown outside of it\n", p->number,
				x->field ? x->field->name : "a heading");
			exit(1);
		}
		if (x->field && !declared(x)) {
			fprintf(stderr, "%s is in no protocol's table of fields\n", x->field->name);
			exit(1);
		}
	}
}

/* Explained by whoever it is for, and by all that may explain an application. */
static void by_all(const struct packet *p)
{
	show_frame(&tree, p, NULL, SIDE_CLIENT);
	check(p);
	for (unsigned i = 0; i < registry_count(); i++)
		for (int side = 0; registry_get(i)->data && side < 2; side++) {
			show_frame(&tree, p, registry_get(i), (enum side)side);
			check(p);
		}
}

static void vary(const struct packet *frame)
{
	for (unsigned k = 0; k < VARIANTS && frame->number <= FRAMES; k++) {
		struct packet p = *frame;
		uint8_t *own;

		if (k % 3 == 2)
			p.caplen = random32() % (p.caplen + 1);
		own = malloc(p.caplen ? p.caplen : 1);
		if (!own)
			abort();
		if (p.caplen)
			memcpy(own, frame->data, p.caplen);
		for (unsigned n = k ? random32() % 6 : 0; n > 0 && p.caplen; n--)
			own[random32() % p.caplen] = (uint8_t)(random32() & 1   ? random32()
							       : random32() & 1 ? 0
										: 0xff);
		p.data = own;
		by_all(&p);
		free(own);
	}
}

int main(int argc, char **argv)
{
	void (*explain)(const struct packet *) = dump;
	struct source_options o = {0};
	struct packet frames[64];
	struct chunk *chunk;
	char err[256];
	unsigned n;

	registry_init();
	for (int i = 1; i < argc; i++) {
		enum source_state state = SOURCE_MORE;
		struct source *s;

		if (strcmp(argv[i], "--all") == 0 || strcmp(argv[i], "--probes") == 0) {
			explain = argv[i][2] == 'a' ? vary : probes;
			continue;
		}
		s = source_open_file(argv[i], &o, err, sizeof(err));

		if (!s) {
			fprintf(stderr, "%s\n", err);
			return 1;
		}
		while (state == SOURCE_MORE) {
			state = source_read(s, frames, 64, &n, &chunk);
			for (unsigned k = 0; k < n; k++)
				explain(&frames[k]);
		}
		source_close(s);
	}
	return 0;
}
