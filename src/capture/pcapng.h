/*
 * pcapng.h - what the blocks of a pcapng file say of its interfaces (draft-ietf-opsawg-pcapng):
 * link type, snap length, resolution of time, name, and how many packets were dropped.
 *
 * An interface has a number of its own in each section of a file, and here another one, from 0,
 * which one of the same name and link type keeps from section to section. The reader's thread adds;
 * names may be asked for on others.
 */
#ifndef TSUMARI_CAPTURE_PCAPNG_H
#define TSUMARI_CAPTURE_PCAPNG_H

#include "capture/ifaces.h"
#include "capture/source_impl.h"

#define NG_SECTION 65536u /* interfaces of a section */
#define NG_FILTERS 64u    /* link types that a filter is compiled for */

enum ng_option {
	NG_OPT_END = 0,
	NG_OPT_COMMENT = 1,
	NG_IF_NAME = 2,
	NG_IF_TSRESOL = 9,
	NG_IF_TSOFFSET = 14,
	NG_EPB_DROPCOUNT = 4,
	NG_ISB_IFDROP = 5,
	NG_ISB_OSDROP = 7
};

/* The options that are left of a block. */
struct ng_options {
	const uint8_t *p, *end;
	bool swapped;
	bool bad; /* one of them reaches beyond the block */
	uint16_t code;
	uint16_t len;
	const uint8_t *value; /* len bytes */
};

/* An interface in its section. */
struct ng_iface {
	uint16_t number;     /* in the file */
	uint16_t linktype;   /* LINKTYPE_ value */
	uint32_t snaplen;    /* 0: no limit */
	uint32_t limit;      /* of a captured length */
	uint64_t factor;     /* ns in a unit of its times; 0: units has them */
	uint64_t units;      /* in a second */
	int64_t offset;      /* s */
	bool filtered, fits; /* there is a filter; it can be said of this link type */
	struct bpf_program filter;
	uint64_t os_dropped, if_dropped; /* by its statistics */
	uint64_t lost;                   /* by its packets */
};

struct ng_file {
	const char *filter;      /* NULL: none */
	struct ng_iface *ifaces; /* of this section */
	uint32_t n, room;
	struct ifaces named; /* those of all sections */
	struct {
		uint16_t linktype;
		bool fits;
		struct bpf_program program;
	} filters[NG_FILTERS];
	uint32_t nfilters;
	char bad_filter[PCAP_ERRBUF_SIZE]; /* why the first did not fit */
	uint64_t dropped, if_dropped; /* all interfaces, all sections; of these by interfaces */
};

static inline uint16_t ng16(const uint8_t *p, bool swapped)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return swapped ? __builtin_bswap16(v) : v;
}

static inline uint32_t ng32(const uint8_t *p, bool swapped)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return swapped ? __builtin_bswap32(v) : v;
}

static inline uint64_t ng64(const uint8_t *p, bool swapped)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return swapped ? __builtin_bswap64(v) : v;
}

void ng_init(struct ng_file *f, const char *filter);
void ng_release(struct ng_file *f);

/* The next one; false: there are no more. */
bool ng_option_next(struct ng_options *o);

/* A section begins: its interfaces are numbered from 0 again. */
void ng_section(struct ng_file *f);
/* Adds one, of an interface description's fixed part and options. False, with why in err: it cannot
   be. */
bool ng_interface(struct ng_file *f, uint16_t linktype, uint32_t snaplen, struct ng_options o,
	char *err, size_t errsize);
/* Interface statistics; the counts are those since its beginning. */
void ng_statistics(struct ng_file *f, struct ng_iface *i, struct ng_options o);
/* So many packets were lost before one of its packets. */
void ng_lost(struct ng_file *f, struct ng_iface *i, uint64_t n);

/* ns since the epoch, up to 2262; what is before or behind is at that end, and *odd is set: so that
   the time between any two frames is a number with a sign. */
#define NG_TIME_MAX ((uint64_t)INT64_MAX)
uint64_t ng_time_any(const struct ng_iface *i, uint64_t ts, bool *odd);

static inline uint64_t ng_time(const struct ng_iface *i, uint64_t ts, bool *odd)
{
	uint64_t ns;

	if (i->factor && !i->offset && !__builtin_mul_overflow(ts, i->factor, &ns) &&
		ns <= NG_TIME_MAX)
		return ns;
	return ng_time_any(i, ts, odd);
}

#endif
