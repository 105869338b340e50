/* packet_text.c - see packet_text.h. */
#include "out/packet_text.h"
#include "out/cell.h"
#include <inttypes.h>
#include <string.h>

#define INFO_VALUES 4u
#define INFO_TEXT   100u /* bytes of one of them */

static unsigned last_heading(const struct show *s)
{
	unsigned from = 0;

	for (unsigned i = 0; i < s->n; i++)
		if (s->nodes[i].depth == 0)
			from = i;
	return from;
}

void packet_info(struct text *t, const struct show *s)
{
	unsigned from = last_heading(s), put = 0;

	for (unsigned k = from; k < s->n && put < INFO_VALUES; k++) {
		const struct show_node *x = &s->nodes[k];

		if (!x->field) {
			if (k == from && x->layer)
				text_str(t, x->layer);
		} else if (x->type == FIELD_STR) {
			text_str(t, " ");
			text_put(t, s->text + x->text, x->ntext < INFO_TEXT ? x->ntext : INFO_TEXT);
			put++;
		} else if (x->name) {
			text_printf(t, " %s", x->name);
			put++;
		} else if (x->type == FIELD_U64 && x->depth <= 2) {
			text_printf(t, " %s=%" PRIu64, x->field->title, x->u64);
			put++;
		}
	}
}

void packet_value(struct text *t, const struct show *s, const struct show_node *n)
{
	struct field as = *n->field;
	struct schema_value v;

	as.type = n->type;
	as.flags = 0;
	memset(&v, 0, sizeof(v));
	v.u64 = n->u64;
	switch (n->type) {
	case FIELD_STR:
		v.p = s->text + n->text;
		v.n = n->ntext;
		break;
	case FIELD_NAME:
		v.p = n->name;
		v.n = strlen(n->name);
		break;
	case FIELD_IP:
		v.ip[0] = &n->ip;
		v.n = 1;
		break;
	case FIELD_MAC:
		v.p = (const char *)n->ip.b;
		v.n = 6;
		break;
	case FIELD_ID:
		text_printf(t, "0x%0*" PRIx64, n->len <= 4 ? (int)n->len * 2 : 0, n->u64);
		break;
	default:
		break;
	}
	if (n->type != FIELD_ID)
		cell_put(t, &as, &v);
	if (n->name && n->type != FIELD_NAME)
		text_printf(t, " (%s)", n->name);
}
