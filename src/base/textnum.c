/*
 * textnum.c - numbers, times and addresses as text (RFC 3339, RFC 5952, RFC 7042).
 *
 * Everything is computed with integers, so that the same number reads the same everywhere.
 */
#include "base/text.h"

#include <string.h>
#include <time.h>

/* Wide enough for any 64-bit number times a power of ten. */
__extension__ typedef unsigned __int128 wide_u64;

const char text_digits[201] = "00010203040506070809101112131415161718192021222324252627282930313233"
			      "34353637383940414243444546474849505152535455565758596061626364656667"
			      "6869707172737475767778798081828384858687888990919293949596979899";

/* n digits, zeros in front; v < 10^n, n even. */
static void fixed(char *at, unsigned n, uint64_t v)
{
	for (; n >= 2; n -= 2, v /= 100)
		memcpy(at + n - 2, text_digits + v % 100 * 2, 2);
}

/*
 * The eight digits of v < 10^8, one a byte, the first in the lowest: halves, quarters and digits
 * are parted two, four and eight at a time.
 */
static inline uint64_t eight_digits(uint32_t v)
{
	uint64_t x, y, z;

	x = v / 10000u | (uint64_t)(v % 10000u) << 32;
	y = (x * 10486u >> 20) & UINT64_C(0x0000007f0000007f); /* each / 100 */
	y |= (x - 100u * y) << 16;
	z = (y * 103u >> 10) & UINT64_C(0x000f000f000f000f); /* each / 10 */
	return z | (y - 10u * z) << 8;
}

static inline void store(char *at, uint64_t digits)
{
	digits |= UINT64_C(0x3030303030303030);
	if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
		digits = __builtin_bswap64(digits);
	memcpy(at, &digits, 8);
}

char *put_u64_long(char *at, uint64_t v)
{
	uint64_t digits;
	unsigned zeros;

	if (v < 10000) {
		at = put_u64(at, v / 100);
		memcpy(at, text_digits + v % 100 * 2, 2);
		return at + 2;
	}
	if (v >= 100000000u) {
		at = put_u64(at, v / 100000000u);
		store(at, eight_digits((uint32_t)(v % 100000000u)));
		return at + 8;
	}
	digits = eight_digits((uint32_t)v);
	zeros = (unsigned)__builtin_ctzll(digits | UINT64_C(1) << 56) / 8;
	store(at, digits >> 8 * zeros);
	return at + 8 - zeros;
}

/* 2^64 ns end in the year 2554: gmtime_r() does not fail. */
static void day_fill(struct time_cache *cache, uint64_t day)
{
	time_t t = (time_t)(day * 86400u);
	struct tm tm;

	gmtime_r(&t, &tm);
	fixed(cache->text, 4, (unsigned)tm.tm_year + 1900u);
	cache->text[4] = '-';
	fixed(cache->text + 5, 2, (unsigned)tm.tm_mon + 1u);
	cache->text[7] = '-';
	fixed(cache->text + 8, 2, (unsigned)tm.tm_mday);
	cache->text[10] = 'T';
	cache->text[13] = ':';
	cache->text[16] = ':';
	cache->text[19] = '.';
	cache->day = (uint32_t)day + 1;
}

static void time_fill(struct time_cache *cache, uint64_t second)
{
	uint64_t day = second / 86400u;
	unsigned of_day = (unsigned)(second % 86400u);

	if (cache->day != day + 1)
		day_fill(cache, day);
	fixed(cache->text + 11, 2, of_day / 3600u);
	fixed(cache->text + 14, 2, of_day / 60u % 60u);
	fixed(cache->text + 17, 2, of_day % 60u);
	cache->second = second + 1;
}

char *put_time(char *at, uint64_t ns, struct time_cache *cache)
{
	uint64_t second = ns / 1000000000u;
	uint32_t part = (uint32_t)(ns % 1000000000u);

	if (cache->second != second + 1)
		time_fill(cache, second);
	memcpy(at, cache->text, 20);
	at[20] = (char)('0' + part / 100000000u);
	store(at + 21, eight_digits(part % 100000000u));
	at[29] = 'Z';
	return at + 30;
}

static char *put_octet(char *at, unsigned v)
{
	if (v >= 100) {
		*at++ = (char)('0' + v / 100);
		v %= 100;
		memcpy(at, text_digits + v * 2, 2);
		return at + 2;
	}
	if (v >= 10) {
		memcpy(at, text_digits + v * 2, 2);
		return at + 2;
	}
	*at = (char)('0' + v);
	return at + 1;
}

static char *put_group(char *at, unsigned v)
{
	static const char hex[] = "0123456789abcdef";

	for (int shift = v > 0xfff ? 12 : v > 0xff ? 8 : v > 0xf ? 4 : 0; shift >= 0; shift -= 4)
		*at++ = hex[v >> shift & 15];
	return at;
}

static bool is_v4(const struct addr *a)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(a, mapped, sizeof(mapped)) == 0;
}

char *put_addr(char *at, const struct addr *a)
{
	const uint8_t *b = (const uint8_t *)a;
	unsigned group[8], best = 8, best_len = 1;

	if (is_v4(a)) {
		for (unsigned i = 12; i < 16; i++) {
			at = put_octet(at, b[i]);
			*at++ = '.';
		}
		return at - 1;
	}
	/* RFC 5952, 4.2: the first of the longest runs of two or more zero groups is left out. */
	for (unsigned i = 0, run = 0; i < 8; i++) {
		group[i] = (unsigned)b[2 * i] << 8 | b[2 * i + 1];
		run = group[i] ? 0 : run + 1;
		if (run > best_len) {
			best_len = run;
			best = i + 1 - run;
		}
	}
	for (unsigned i = 0; i < 8;) {
		if (i == best) {
			*at++ = ':';
			*at++ = ':';
			i += best_len;
			continue;
		}
		if (i > 0 && at[-1] != ':')
			*at++ = ':';
		at = put_group(at, group[i++]);
	}
	return at;
}

char *put_mac(char *at, const uint8_t mac[6])
{
	static const char hex[] = "0123456789ABCDEF";

	for (unsigned i = 0; i < 6; i++) {
		at[3 * i] = hex[mac[i] >> 4];
		at[3 * i + 1] = hex[mac[i] & 15];
		at[3 * i + 2] = '-'; /* overwritten behind the last */
	}
	return at + 17;
}

/* v / scale with three significant digits (all digits before the point), rounded. */
static void three_digits(struct text *t, uint64_t v, uint64_t scale)
{
	uint64_t power = v / scale >= 100 ? 1 : v / scale >= 10 ? 10 : 100;
	uint64_t scaled = (uint64_t)(((wide_u64)v * power + scale / 2) / scale);

	/* 9.996 is 10.0 */
	if (scaled >= 1000 && power > 1) {
		scaled /= 10;
		power /= 10;
	}
	if (power == 1)
		text_printf(t, "%llu", (unsigned long long)scaled);
	else
		text_printf(t, "%llu.%0*llu", (unsigned long long)(scaled / power),
			power == 10 ? 1 : 2, (unsigned long long)(scaled % power));
}

void text_duration(struct text *t, uint64_t ns)
{
	const uint64_t us = 1000, ms = 1000000, s = 1000000000, min = 60 * s, h = 60 * min;

	if (ns == UINT64_MAX)
		text_char(t, '-');
	else if (ns >= h)
		text_printf(t, "%llu h %02llu min", (unsigned long long)(ns / h),
			(unsigned long long)(ns % h / min));
	else if (ns >= 10 * min)
		text_printf(t, "%llu min %02llu s", (unsigned long long)(ns / min),
			(unsigned long long)(ns % min / s));
	else if (ns >= s) {
		three_digits(t, ns, s);
		text_str(t, " s");
	} else if (ns >= ms) {
		three_digits(t, ns, ms);
		text_str(t, " ms");
	} else if (ns >= us) {
		three_digits(t, ns, us);
		text_str(t, " us");
	} else
		text_printf(t, "%llu ns", (unsigned long long)ns);
}

void text_bytes(struct text *t, uint64_t bytes)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	unsigned i = 0;
	uint64_t scale = 1024;

	if (bytes == UINT64_MAX) {
		text_char(t, '-');
		return;
	}
	if (bytes < 1024) {
		text_printf(t, "%llu B", (unsigned long long)bytes);
		return;
	}
	for (; i < 5 && bytes / scale >= 1024; i++)
		scale *= 1024;
	three_digits(t, bytes, scale);
	text_printf(t, " %s", units[i]);
}

void text_count(struct text *t, uint64_t n)
{
	char digits[PUT_U64];
	size_t len = (size_t)(put_u64(digits, n) - digits);

	for (size_t i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			text_char(t, ',');
		text_char(t, digits[i]);
	}
}

void text_counts(struct text *t, uint64_t n, uint64_t of, const char *plural)
{
	bool whole = of && of != UINT64_MAX;
	size_t len = plural ? strlen(plural) : 0;

	if (!whole && n <= 2 && n && len && strcmp(plural, "times") == 0) {
		text_str(t, n == 1 ? "once" : "twice");
		return;
	}
	text_count(t, n);
	if (whole) {
		text_str(t, " of ");
		text_count(t, of);
	}
	if (!len)
		return;
	text_char(t, ' ');
	if ((whole ? of : n) != 1 || plural[len - 1] != 's') {
		text_put(t, plural, len);
	} else if (len > 3 && memcmp(plural + len - 3, "ies", 3) == 0) {
		text_put(t, plural, len - 3);
		text_char(t, 'y');
	} else {
		text_put(t, plural, len - 1);
	}
}

/* A quantity per second with a decimal prefix. */
static void per_second(struct text *t, wide_u64 thousandths, const char *unit)
{
	static const char *const prefixes[] = {"", "k", "M", "G", "T"};
	unsigned i = 0;
	uint64_t scale = 1000;

	for (; i < 4 && thousandths / scale >= 1000; i++)
		scale *= 1000;
	if (thousandths > UINT64_MAX)
		thousandths = UINT64_MAX;
	three_digits(t, (uint64_t)thousandths, scale);
	text_printf(t, " %s%s", prefixes[i], unit);
}

void text_bit_rate(struct text *t, uint64_t bytes, uint64_t ns)
{
	if (ns == 0)
		text_char(t, '-');
	else
		per_second(t, (wide_u64)bytes * 8000000000000u / ns, "bit/s");
}

void text_rate(struct text *t, uint64_t n, uint64_t ns)
{
	if (ns == 0)
		text_char(t, '-');
	else
		per_second(t, (wide_u64)n * 1000000000000u / ns, "/s");
}

void text_percent(struct text *t, uint64_t part, uint64_t whole)
{
	uint64_t tenths;

	if (whole == 0) {
		text_char(t, '-');
		return;
	}
	tenths = (uint64_t)(((wide_u64)part * 1000 + whole / 2) / whole);
	if (tenths == 0 && part > 0)
		text_str(t, "<0.1 %");
	else
		text_printf(t, "%llu.%llu %%", (unsigned long long)(tenths / 10),
			(unsigned long long)(tenths % 10));
}

void text_time(struct text *t, uint64_t ns)
{
	struct time_cache cache = {0};
	char buffer[PUT_TIME];

	text_put(t, buffer, (size_t)(put_time(buffer, ns, &cache) - buffer));
}

void text_addr(struct text *t, const struct addr *a)
{
	char buffer[PUT_ADDR];

	text_put(t, buffer, (size_t)(put_addr(buffer, a) - buffer));
}

void text_endpoint(struct text *t, const struct addr *a, uint16_t port)
{
	bool v4 = is_v4(a);

	if (!v4)
		text_char(t, '[');
	text_addr(t, a);
	text_printf(t, "%s:%u", v4 ? "" : "]", port);
}
