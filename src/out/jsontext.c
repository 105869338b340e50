/*
 * jsontext.c - any bytes as the inside of a JSON string (RFC 8259, 7).
 *
 * Most text needs no care: it is copied 16 bytes at a time, and each piece looked at as a whole.
 */
#include "out/jsonw.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static char *escape_u(char *at, uint32_t code)
{
	static const char hex[] = "0123456789abcdef";

	memcpy(at, "\\u", 2);
	at[2] = hex[code >> 12 & 15];
	at[3] = hex[code >> 8 & 15];
	at[4] = hex[code >> 4 & 15];
	at[5] = hex[code & 15];
	return at + 6;
}

/* One character; moves *p behind it. */
static char *put_char(char *at, const uint8_t **p, const uint8_t *end)
{
	static const char shorts[128] = {['"'] = '"',
		['\\'] = '\\',
		['\b'] = 'b',
		['\f'] = 'f',
		['\n'] = 'n',
		['\r'] = 'r',
		['\t'] = 't'};
	uint32_t code = **p;
	unsigned n;

	if (code < 0x80) {
		(*p)++;
		if (shorts[code]) {
			*at++ = '\\';
			*at++ = shorts[code];
			return at;
		}
		if (code < 0x20 || code == 0x7f)
			return escape_u(at, code);
		*at++ = (char)code;
		return at;
	}
	n = text_utf8(*p, end, &code);
	if (n == 0) {
		(*p)++;
		return escape_u(at, 0xfffd);
	}
	if (text_hidden(code))
		at = escape_u(at, code);
	else {
		memcpy(at, *p, n);
		at += n;
	}
	*p += n;
	return at;
}

#define BYTES(b) (UINT64_C(0x0101010101010101) * (b))

/* Is there a byte that does not go into a string as it is? (Rarely says so where there is none.) */
static bool special(uint64_t x)
{
	uint64_t quote = x ^ BYTES('"'), slash = x ^ BYTES('\\'), del = x ^ BYTES(0x7f);

	return ((x | (x - BYTES(0x20)) | (quote - BYTES(1)) | (slash - BYTES(1)) |
			(del - BYTES(1))) &
		       BYTES(0x80)) != 0;
}

/* Copies n < 16 bytes in two overlapping pieces; false: one of them needs care. */
static inline bool copy_short(char *at, const uint8_t *p, size_t n)
{
	uint64_t x, y;
	uint32_t u, w;

	if (n >= 8) {
		memcpy(&x, p, 8);
		memcpy(&y, p + n - 8, 8);
		memcpy(at, &x, 8);
		memcpy(at + n - 8, &y, 8);
		return !special(x) && !special(y);
	}
	if (n >= 4) {
		memcpy(&u, p, 4);
		memcpy(&w, p + n - 4, 4);
		memcpy(at, &u, 4);
		memcpy(at + n - 4, &w, 4);
		return !special((uint64_t)u << 32 | w);
	}
	if (n == 0)
		return true;
	at[0] = (char)p[0];
	at[n / 2] = (char)p[n / 2];
	at[n - 1] = (char)p[n - 1];
	return !special(
		BYTES(' ') << 24 | (uint64_t)p[0] << 16 | (uint64_t)p[n / 2] << 8 | p[n - 1]);
}

#ifdef __SSE2__
/* Copies 16 bytes; a bit is set for each that needs care. */
static inline unsigned copy16(char *at, const uint8_t *p)
{
	__m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
	/* Signed: bytes from 0x80 on are less than a space, too. */
	__m128i a = _mm_or_si128(
		_mm_cmplt_epi8(x, _mm_set1_epi8(0x20)), _mm_cmpeq_epi8(x, _mm_set1_epi8('"')));
	__m128i b = _mm_or_si128(
		_mm_cmpeq_epi8(x, _mm_set1_epi8('\\')), _mm_cmpeq_epi8(x, _mm_set1_epi8(0x7f)));

	_mm_storeu_si128((__m128i *)(void *)at, x);
	return (unsigned)_mm_movemask_epi8(_mm_or_si128(a, b));
}
#else
static inline unsigned copy16(char *at, const uint8_t *p)
{
	unsigned mask = 0;
	uint64_t x, y;

	memcpy(&x, p, 8);
	memcpy(&y, p + 8, 8);
	memcpy(at, p, 16);
	if (special(x) || special(y))
		for (unsigned i = 0; i < 16; i++)
			if (p[i] < 0x20 || p[i] >= 0x7f || p[i] == '"' || p[i] == '\\')
				mask |= 1u << i;
	return mask;
}
#endif

/* At least 16 bytes, or any number with some that need care. */
static char *put_long(char *at, const uint8_t *p, const uint8_t *end)
{
	while (end - p >= 16) {
		unsigned mask = copy16(at, p), good;

		if (mask == 0) {
			p += 16;
			at += 16;
			continue;
		}
		good = (unsigned)__builtin_ctz(mask);
		p += good;
		at = put_char(at + good, &p, end);
	}
	if (copy_short(at, p, (size_t)(end - p)))
		return at + (end - p);
	while (p < end)
		at = put_char(at, &p, end);
	return at;
}

char *jsonw_text(char *at, const char *text, size_t n)
{
	const uint8_t *p = (const uint8_t *)text;

	if (n < 16 && copy_short(at, p, n))
		return at + n;
	return put_long(at, p, p + n);
}
