/* pcapng.c - see pcapng.h. */
#include "base/clock.h"
#include "capture/pcapng.h"
#include "base/mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DECIMAL_MAX  19u /* 10^19 units a second are what 64 bits hold */
#define BINARY_MAX   63u
#define OPTION_ALIGN 4u
#define NOT_KNOWN    UINT64_MAX /* a count of the statistics that nobody counted */

void ng_init(struct ng_file *f, const char *filter)
{
	memset(f, 0, sizeof(*f));
	f->filter = filter;
	ifaces_init(&f->named);
}

void ng_release(struct ng_file *f)
{
	for (uint32_t i = 0; i < f->nfilters; i++)
		pcap_freecode(&f->filters[i].program);
	ifaces_release(&f->named);
	free(f->ifaces);
}

bool ng_option_next(struct ng_options *o)
{
	size_t left = (size_t)(o->end - o->p), padded;

	if (left == 0 || o->bad)
		return false;
	if (left < 4) {
		o->bad = true;
		return false;
	}
	o->code = ng16(o->p, o->swapped);
	o->len = ng16(o->p + 2, o->swapped);
	if (o->code == NG_OPT_END)
		return false;
	padded = (o->len + OPTION_ALIGN - 1u) / OPTION_ALIGN * OPTION_ALIGN;
	if (padded > left - 4) {
		o->bad = true;
		return false;
	}
	o->value = o->p + 4;
	o->p += 4 + padded;
	return true;
}

void ng_section(struct ng_file *f)
{
	f->n = 0;
}

/* Compiled once for a link type; one that it does not fit has no program. */
static void set_filter(struct ng_file *f, struct ng_iface *i)
{
	uint32_t k = 0;

	i->filtered = f->filter != NULL;
	if (!f->filter)
		return;
	while (k < f->nfilters && f->filters[k].linktype != i->linktype)
		k++;
	if (k == NG_FILTERS)
		return;
	if (k == f->nfilters) {
		char why[PCAP_ERRBUF_SIZE] = "";

		f->nfilters++;
		f->filters[k].linktype = i->linktype;
		f->filters[k].fits = source_compile(
			i->linktype, f->filter, &f->filters[k].program, why, sizeof(why));
		if (!f->filters[k].fits && !f->bad_filter[0])
			memcpy(f->bad_filter, why, sizeof(why));
	}
	i->fits = f->filters[k].fits;
	i->filter = f->filters[k].program;
}

/* if_tsresol: the high bit says of what the rest is the exponent. */
static bool set_resolution(struct ng_iface *i, uint8_t v)
{
	unsigned exponent = v & 0x7fu;

	if (v & 0x80u) {
		if (exponent > BINARY_MAX)
			return false;
		i->units = UINT64_C(1) << exponent;
	} else {
		if (exponent > DECIMAL_MAX)
			return false;
		i->units = 1;
		while (exponent--)
			i->units *= 10;
	}
	i->factor = SECOND % i->units == 0 ? SECOND / i->units : 0;
	return true;
}

bool ng_interface(struct ng_file *f, uint16_t linktype, uint32_t snaplen, struct ng_options o,
	char *err, size_t errsize)
{
	const char *name = "";
	struct ng_iface i = {.linktype = linktype, .snaplen = snaplen};
	size_t len = 0;

	if (f->n == NG_SECTION) {
		snprintf(err, errsize, "more than %u interfaces", NG_SECTION);
		return false;
	}
	set_resolution(&i, 6);
	while (ng_option_next(&o)) {
		if (o.code == NG_IF_NAME) {
			name = (const char *)o.value;
			len = o.len;
		} else if (o.code == NG_IF_TSOFFSET && o.len == 8) {
			i.offset = (int64_t)ng64(o.value, o.swapped);
		} else if (o.code == NG_IF_TSRESOL && o.len == 1 &&
			   !set_resolution(&i, o.value[0])) {
			snprintf(err, errsize, "the times of interface %u are in units of %u^-%u s",
				f->n, o.value[0] & 0x80u ? 2u : 10u, o.value[0] & 0x7fu);
			return false;
		}
	}
	i.number = ifaces_number(&f->named, linktype, name, len);
	i.limit = source_caplen_limit(linktype);
	set_filter(f, &i);
	if (f->n == f->room) {
		f->room = f->room ? f->room * 2 : 8;
		f->ifaces = xrealloc(f->ifaces, f->room * sizeof(*f->ifaces));
	}
	f->ifaces[f->n++] = i;
	return true;
}

static uint64_t sum(uint64_t a, uint64_t b)
{
	uint64_t c;

	return __builtin_add_overflow(a, b, &c) ? UINT64_MAX : c;
}

/* The same packets may be in both counts. */
static uint64_t dropped(const struct ng_iface *i)
{
	uint64_t said = sum(i->os_dropped, i->if_dropped);

	return said > i->lost ? said : i->lost;
}

static void set_if_greater(uint64_t *at, const struct ng_options *o)
{
	uint64_t v = o->len == 8 ? ng64(o->value, o->swapped) : NOT_KNOWN;

	if (v != NOT_KNOWN && v > *at)
		*at = v;
}

void ng_statistics(struct ng_file *f, struct ng_iface *i, struct ng_options o)
{
	uint64_t before = dropped(i), by_iface = i->if_dropped;

	while (ng_option_next(&o)) {
		if (o.code == NG_ISB_IFDROP)
			set_if_greater(&i->if_dropped, &o);
		else if (o.code == NG_ISB_OSDROP)
			set_if_greater(&i->os_dropped, &o);
	}
	f->dropped = sum(f->dropped, dropped(i) - before);
	f->if_dropped = sum(f->if_dropped, i->if_dropped - by_iface);
}

void ng_lost(struct ng_file *f, struct ng_iface *i, uint64_t n)
{
	uint64_t before = dropped(i);

	i->lost = sum(i->lost, n);
	f->dropped = sum(f->dropped, dropped(i) - before);
}

uint64_t ng_time_any(const struct ng_iface *i, uint64_t ts, bool *odd)
{
	__extension__ const unsigned __int128 part =
		(unsigned __int128)(ts % i->units) * SECOND / i->units;
	__extension__ const __int128 seconds = (__int128)(ts / i->units) + i->offset;
	__extension__ const __int128 ns = seconds * (__int128)SECOND + (__int128)part;

	if (ns >= 0 && ns <= NG_TIME_MAX)
		return (uint64_t)ns;
	*odd = true;
	return ns < 0 ? 0 : NG_TIME_MAX;
}
