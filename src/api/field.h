/*
 * field.h - one column of the schema.
 *
 * A field is declared once; JSON key, table column, filter name, metric label, DDL and
 * documentation come from that declaration. Names are those of the Elastic Common Schema or of
 * Packetbeat where they have one, else below "tsumari.".
 */
#ifndef TSUMARI_FIELD_H
#define TSUMARI_FIELD_H

#include <stdbool.h>
#include <stdint.h>
#include "packet.h"

enum field_type {
	FIELD_END,      /* ends a table of fields */
	FIELD_U64,      /* a number */
	FIELD_BYTES,    /* a number of bytes */
	FIELD_TIME,     /* a point in time, ns since 1970-01-01 UTC; shown as RFC 3339 */
	FIELD_DURATION, /* ns */
	FIELD_BOOL,     /* shown only where true */
	FIELD_STR,      /* text from the wire: bytes of any kind, escaped wherever they go; of a
			   dissector with FIELD_F_LIST: a list, its items parted by LF */
	FIELD_NAME,     /* text of ours: a constant C string */
	FIELD_IP,       /* struct addr */
	FIELD_MAC,      /* six bytes */
	FIELD_NAMES,    /* a set of names: a bit mask (u32) with one constant name a bit */
	FIELD_U64S, /* a list of numbers; `width` of struct field_list holds at most FIELD_LIST_MAX
		     */
	FIELD_ID,   /* a number that only names something: shown as text */
	FIELD_IPS,  /* a list of addresses: struct field_addrs; an empty one is absent */
	FIELD_DURATIONS, /* as FIELD_U64S, of ns */
	FIELD_FRACTION,  /* a part of a whole, in millionths; shown as a number from 0 to 1 */
	FIELD_RUN_ID,    /* a FIELD_ID of this run: shown behind the run's name and '-' */
};

/* The value of a number, time or duration that the capture cannot support. */
#define FIELD_ABSENT UINT64_MAX

/* Flags. */
#define FIELD_F_NONZERO 0x01u /* 0 means absent; of a FIELD_IP: all zero */
#define FIELD_F_U32     0x02u /* the struct member is a uint32_t, not a uint64_t */
#define FIELD_F_U16     0x04u /* the struct member is a uint16_t */
#define FIELD_F_U8      0x08u /* the struct member is a uint8_t (or a bool) */
#define FIELD_F_FALSE   0x10u /* a FIELD_BOOL that is shown where it is false, too */
#define FIELD_F_TCP     0x20u /* of a flow: counts only where it is a TCP connection */
#define FIELD_F_PORTS   0x40u /* counts only where the record has ports */
/* May hold several values: a list even where it holds one; of a FIELD_STR the items are parted by
   line feeds. */
#define FIELD_F_LIST  0x80u
#define FIELD_F_SHOWN 0x100u /* of packets explained (show.h) only: no record has it */

#define FIELD_LIST_MAX 10
struct field_list {
	uint32_t n;
	uint32_t reserved;
	uint64_t v[FIELD_LIST_MAX];
};

#define FIELD_ADDRS_MAX 20
struct field_addrs {
	uint32_t n; /* of those in a[] */
	struct addr a[FIELD_ADDRS_MAX];
};

struct field {
	const char *name;  /* "http.response.status_code" */
	const char *title; /* a column's head: "Status" */
	const char *help;  /* one sentence, for docs and the filter's completion */
	uint8_t type;      /* enum field_type */
	uint8_t width;     /* a column's usual width in characters */
	uint16_t flags;    /* FIELD_F_ */
	uint32_t offset;   /* where a record's struct keeps it; not used for a dissector's own */
	const char *const *names; /* FIELD_NAMES: the name of each bit, NULL-ended; FIELD_NAME: all
				     that there are, or NULL */
};

/*
 * A table of fields: those of records first, behind them those that are only shown, FIELDS_END.
 *
 *     static const struct field fields[] = {
 *             [F_KEY] = FIELD("cache.key", "Key", "Key asked for.", FIELD_STR, 20),
 *             [F_OPAQUE] = FIELD_SHOWN("cache.opaque", "Opaque", "Comes back.", FIELD_ID),
 *             FIELDS_END,
 *     };
 */
#define FIELD(name, title, help, type, width) FIELD_WITH(name, title, help, type, width, 0)
#define FIELD_WITH(name, title, help, type, width, flags)                                          \
	FIELD_AT(name, title, help, type, width, flags, 0, NULL)
#define FIELD_SHOWN(name, title, help, type) FIELD_WITH(name, title, help, type, 8, FIELD_F_SHOWN)
/* A mask, shown by the names of its bits. */
#define FIELD_SHOWN_NAMES(name, title, help, names)                                                \
	FIELD_AT(name, title, help, FIELD_NAMES, 8, FIELD_F_SHOWN, 0, names)
#define FIELDS_END FIELD_AT(NULL, NULL, NULL, FIELD_END, 0, 0, 0, NULL)
/* A member of a struct, at its offset. */
#define FIELD_AT(name, title, help, type, width, flags, offset, names)                             \
	{                                                                                          \
		name, title, help, type, width, flags, offset, names                               \
	}

/* One that several protocols have: by it their records are tied together. */
#define FIELD_TRACE_ID                                                                             \
	FIELD("trace.id", "Trace",                                                                 \
		"Trace identifier of a traceparent (W3C Trace Context), a header or in a comment " \
		"of SQL (sqlcommenter)",                                                           \
		FIELD_STR, 32)

/* Is it a field of records? The first of a table that is not ends those that are. */
static inline bool field_recorded(const struct field *f)
{
	return f->type != FIELD_END && !(f->flags & FIELD_F_SHOWN);
}

#endif
