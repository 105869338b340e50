/* linktypes.c - see linktypes.h. */
#include "capture/linktypes.h"
#include "base/text.h"
#include "core/layers.h"
#include <pcap/pcap.h>

#define NAMED 4u /* link types, in a line */

static void name_type(struct text *t, int linktype)
{
	const char *name = pcap_datalink_val_to_name(linktype);

	text_printf(t, "link type %d", linktype);
	if (name)
		text_printf(t, " (%s)", name);
}

bool linktypes_check(const struct source *s, const char *name, char *err, size_t errsize)
{
	struct text t;
	int link;

	if (!source_live(s))
		return true;
	for (unsigned i = 0; (link = source_iface_linktype(s, i)) >= 0; i++)
		if (layers_reads((uint16_t)link))
			return true;
	text_init(&t, err, errsize);
	text_str(&t, name);
	text_str(&t, ": frames of ");
	for (unsigned i = 0; i < NAMED && (link = source_iface_linktype(s, i)) >= 0; i++) {
		text_str(&t, i ? ", " : "");
		name_type(&t, link);
	}
	text_str(&t, " are not read");
	return false;
}

enum linktypes linktypes_unread(
	uint64_t frames, const struct counters *c, const char *name, char *err, size_t errsize)
{
	uint64_t all = 0, n;
	unsigned named = 0;
	struct text t;
	int link;

	for (uint32_t at = 0; layers_unread(c, &at, &link, &n);)
		all += n;
	if (!all)
		return LINKTYPES_READ;
	text_init(&t, err, errsize);
	text_str(&t, name);
	text_str(&t, ": ");
	if (all < frames) {
		text_count(&t, all);
		text_str(&t, " of ");
		text_count(&t, frames);
		text_char(&t, ' ');
	}
	text_str(&t, "frames of ");
	for (uint32_t at = 0; named < NAMED && layers_unread(c, &at, &link, &n);) {
		text_str(&t, named++ ? ", " : "");
		if (link < 0)
			text_str(&t, "other link types");
		else
			name_type(&t, link);
	}
	text_str(&t, " are not read");
	return all < frames ? LINKTYPES_SOME : LINKTYPES_ALL;
}
