/*
 * text.h - bounded text, and numbers, times and addresses as text.
 *
 * struct text builds text in a caller's buffer, which is never overrun (what does not fit is cut
 * and `cut` is set), or in memory that grows. It is always NUL-terminated. Bytes from the wire go
 * in by text_escape() only: nothing that a terminal could act on, and nothing that reorders what is
 * read, passes as it is.
 *
 * The put_ functions write at a place that has room for their PUT_ number of bytes and return the
 * place behind; they add no NUL.
 */
#ifndef TSUMARI_BASE_TEXT_H
#define TSUMARI_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct addr; /* api/packet.h: the sixteen bytes of an IPv6 or IPv4-mapped address */

struct text {
	char *p;
	size_t len;  /* without the NUL */
	size_t size; /* of the buffer */
	bool grows;  /* the buffer is ours */
	bool cut;    /* something did not fit */
};

void text_init(struct text *t, char *buffer, size_t size); /* size > 0 */
void text_init_growing(struct text *t);
void text_release(struct text *t); /* of a growing one; does nothing otherwise */
void text_clear(struct text *t);

void text_put(struct text *t, const char *p, size_t n);
void text_str(struct text *t, const char *s);
void text_char(struct text *t, char c);
void text_fill(struct text *t, char c, size_t n);
void text_printf(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Bytes from the wire, safe for a terminal: control bytes, DEL and backslash become \x1b, \x7f,
 * \\; C1 controls and marks that reorder text become \u202e; bytes that are no UTF-8 become \xff.
 * Tab, CR and LF become \t, \r, \n. Stops at the last whole character within `columns` columns and
 * puts "..." (within them) where there was more; SIZE_MAX: no limit.
 */
void text_escape(struct text *t, const char *p, size_t n, size_t columns);

/* Columns that text takes on a terminal, each character counted as one. */
size_t text_columns(const char *p, size_t n);

/* 1.23 s, 12.3 ms, 123 us, 45 ns; three digits, from an hour on "2 h 05 min". "-": UINT64_MAX
 * (absent). */
void text_duration(struct text *t, uint64_t ns);
/* 512 B, 4.5 KiB, 4.50 MiB */
void text_bytes(struct text *t, uint64_t bytes);
/* Digits in groups: 12,345,678 */
void text_count(struct text *t, uint64_t n);
/* "3 of 12 transactions", "1 query", "twice"; of: UINT64_MAX or 0: not said. The name is a plural;
   NULL: none. */
void text_counts(struct text *t, uint64_t n, uint64_t of, const char *plural);
/* Bits a second of so many bytes in so many ns: 12.3 Mbit/s */
void text_bit_rate(struct text *t, uint64_t bytes, uint64_t ns);
/* So many in so many ns: 12.3 /s */
void text_rate(struct text *t, uint64_t n, uint64_t ns);
/* Part of whole: 12.3 % (less than 0.05 % but not zero: "<0.1 %") */
void text_percent(struct text *t, uint64_t part, uint64_t whole);
/* RFC 3339 in UTC with nanoseconds. */
void text_time(struct text *t, uint64_t ns);
void text_addr(struct text *t, const struct addr *a);
/* 192.0.2.1:80, [2001:db8::1]:80 */
void text_endpoint(struct text *t, const struct addr *a, uint16_t port);

/* Characters put in, taken out or changed between two names; UINT_MAX: they are too long to say. */
unsigned text_edits(const char *a, const char *b);

/*
 * The character at p: its length in bytes (1 to 4) and code point, or 0 where p begins no well-
 * formed UTF-8 sequence (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
 */
unsigned text_utf8(const uint8_t *p, const uint8_t *end, uint32_t *code);

/*
 * Must a character be shown by its number? C0 and C1 controls, DEL, the marks that reorder text
 * (U+061C, U+200E, U+200F, U+202A-202E, U+2066-2069) and line separators (U+2028, U+2029).
 */
bool text_hidden(uint32_t code);

#define PUT_U64  20
#define PUT_TIME 40
#define PUT_ADDR 46
#define PUT_MAC  18

/* RFC 3339 times are nearly always in the second of the one before. */
struct time_cache {
	uint64_t second; /* + 1; 0: empty */
	uint32_t day;    /* since the epoch, + 1 */
	char text[28];   /* 2026-11-24T01:52:16. */
};

extern const char text_digits[201]; /* "00" to "99" */
char *put_u64_long(char *at, uint64_t v);

static inline char *put_u64(char *at, uint64_t v)
{
	if (v < 10) {
		*at = (char)('0' + v);
		return at + 1;
	}
	if (v < 100) {
		memcpy(at, text_digits + 2 * v, 2);
		return at + 2;
	}
	return put_u64_long(at, v);
}

char *put_time(char *at, uint64_t ns, struct time_cache *cache);
char *put_addr(char *at, const struct addr *a); /* RFC 5952; IPv4 dotted */
char *put_mac(char *at, const uint8_t mac[6]);  /* 00-00-5E-00-53-23 (RFC 7042) */

#endif
