/*
 * show-dump.c - prints how each frame of a capture is explained: frame, place, length, field and
 * value, parted by tabs; headings with their layer. For show.py, which reads it against tshark.
 */
#include "core/registry.h"
#include "core/show.h"
#include "base/text.h"
#include "run/source.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct show tree;

static void value(const struct show_node *x)
{
	char buffer[4096];
	struct text t;

	text_init(&t, buffer, sizeof(buffer));
	switch (x->field->type) {
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

int main(int argc, char **argv)
{
	struct source_options o = {0};
	struct packet frames[64];
	struct chunk *chunk;
	char err[256];
	unsigned n;

	registry_init();
	for (int i = 1; i < argc; i++) {
		enum source_state state = SOURCE_MORE;
		struct source *s = source_open_file(argv[i], &o, err, sizeof(err));

		if (!s) {
			fprintf(stderr, "%s\n", err);
			return 1;
		}
		while (state == SOURCE_MORE) {
			state = source_read(s, frames, 64, &n, &chunk);
			for (unsigned k = 0; k < n; k++)
				dump(&frames[k]);
		}
		source_close(s);
	}
	return 0;
}
