/*
 * text.c - bounded text: escaping, numbers, times and addresses as people read them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "api/field.h"
#include "api/packet.h"
#include "api/view.h"
#include "base/share.h"
#include "base/text.h"

static struct view seen(const char *text)
{
	return view_of(text, strlen(text), 0);
}

/* What dissectors read lines with (view.h). */
static void words_and_numbers(void **state)
{
	static const char nul[] = "root\0db";
	struct view v = seen("  GET  a:1 "), word = view_word(&v), whole;
	uint64_t n;

	(void)state;
	assert_true(view_is(&word, "GET"));
	word = view_word(&v);
	assert_true(view_is(&word, "a:1") && view_len(&v) == 0);
	word = view_word(&v);
	assert_int_equal(view_len(&word), 0);
	v = seen("ERROR no more");
	assert_false(view_literal(&v, "ERRORS"));
	assert_false(view_literal(&v, "error"));
	assert_true(view_literal(&v, "ERROR "));
	assert_true(view_is(&v, "no more"));
	v = seen("18446744073709551615");
	assert_true(view_decimal(&v, UINT64_MAX, &n) && n == UINT64_MAX);
	v = seen("18446744073709551616");
	assert_false(view_decimal(&v, UINT64_MAX, &n));
	v = seen("256");
	assert_true(view_decimal(&v, 256, &n) && n == 256);
	assert_false(view_decimal(&v, 255, &n));
	assert_int_equal(n, 0);
	v = seen("3");
	assert_false(view_decimal(&v, 2, &n));
	v = seen("12x");
	assert_false(view_decimal(&v, 1000, &n));
	v = seen("");
	assert_false(view_decimal(&v, 1000, &n));
	v = view_of(nul, sizeof(nul) - 1, 0);
	word = view_text(&v);
	assert_true(view_is(&word, "root"));
	whole = v;
	word = view_text(&v);
	assert_true(view_is(&word, "db") && view_len(&v) == 0);
	whole.cut = 1; /* its rest was not captured */
	word = view_text(&whole);
	assert_int_equal(view_len(&word), 0);
}

static void bounded_buffer_is_never_overrun(void **state)
{
	char buffer[8];
	struct text t;

	(void)state;
	memset(buffer, 'x', sizeof(buffer));
	text_init(&t, buffer, 5);
	text_str(&t, "abc");
	assert_false(t.cut);
	text_str(&t, "defgh");
	assert_true(t.cut);
	assert_string_equal(buffer, "abcd");
	assert_memory_equal(buffer + 5, "xxx", 3);
	text_clear(&t);
	text_printf(&t, "%d", 123456);
	assert_string_equal(buffer, "1234");
	assert_true(t.cut);
	text_clear(&t);
	text_fill(&t, '-', 100);
	assert_string_equal(buffer, "----");
	assert_memory_equal(buffer + 5, "xxx", 3);
}

static void growing_text_holds_everything(void **state)
{
	struct text t;

	(void)state;
	text_init_growing(&t);
	for (int i = 0; i < 1000; i++)
		text_printf(&t, "%05d,", i);
	assert_int_equal(t.len, 6000);
	assert_int_equal(strlen(t.p), 6000);
	assert_memory_equal(t.p + 5994, "00999,", 6);
	assert_false(t.cut);
	text_release(&t);
}

static void escape_is(const char *in, size_t n, size_t columns, const char *want)
{
	struct text t;

	text_init_growing(&t);
	text_escape(&t, in, n, columns);
	assert_string_equal(t.p, want);
	text_release(&t);
}

#define ESCAPE(in, want) escape_is(in, sizeof(in) - 1, SIZE_MAX, want)

static void nothing_a_terminal_acts_on_passes(void **state)
{
	(void)state;
	ESCAPE("plain text, \"quotes\"", "plain text, \"quotes\"");
	ESCAPE("\x1b[31mred", "\\x1b[31mred");
	ESCAPE("a\tb\r\nc\0d", "a\\tb\\r\\nc\\x00d");
	ESCAPE("\x7f\x07", "\\x7f\\x07");
	ESCAPE("back\\slash", "back\\\\slash");
	ESCAPE("\xc2\x9b"
	       "31m",
		"\\u009b31m"); /* C1: CSI */
	ESCAPE("gnp.\xe2\x80\xae"
	       "exe",
		"gnp.\\u202eexe");
	ESCAPE("\xe2\x80\x8e\xe2\x80\x8f\xd8\x9c\xe2\x81\xa6\xe2\x81\xa9\xe2\x80\xa8",
		"\\u200e\\u200f\\u061c\\u2066\\u2069\\u2028");
	/* Well-formed text stays: umlaut, CJK, an emoji of four bytes. */
	ESCAPE("gr\xc3\xbc\xc3\x9f \xe8\xa9\xb0\xe3\x81\xbe\xe3\x82\x8a \xf0\x9f\x98\x80",
		"gr\xc3\xbc\xc3\x9f \xe8\xa9\xb0\xe3\x81\xbe\xe3\x82\x8a \xf0\x9f\x98\x80");
	/* Not UTF-8: lone continuation, overlong slash, surrogate, above U+10FFFF, cut short. */
	ESCAPE("\x80", "\\x80");
	ESCAPE("\xc0\xaf", "\\xc0\\xaf");
	ESCAPE("\xed\xa0\x80", "\\xed\\xa0\\x80");
	ESCAPE("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
	ESCAPE("\xe2\x82", "\\xe2\\x82");
	/* U+2027 and U+2070 lie just outside of what is hidden. */
	ESCAPE("\xe2\x80\xa7\xe2\x81\xb0", "\xe2\x80\xa7\xe2\x81\xb0");
}

static void escaped_text_fits_its_columns(void **state)
{
	(void)state;
	escape_is("abcdef", 6, 6, "abcdef");
	escape_is("abcdefg", 7, 6, "abc...");
	escape_is("ab\x1b"
		  "def",
		6, 6, "ab...");
	escape_is("\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", 10, 4, "\xc3\xbc...");
	escape_is("abcdef", 6, 2, "..");
	escape_is("abcdef", 6, 0, "");
	escape_is("", 0, 0, "");
	assert_int_equal(text_columns("\xc3\xbc-\xe8\xa9\xb0", 6), 3);
}

/* A text that is cut in a small buffer never ends in the middle of a character or an escape. */
static void escape_in_a_small_buffer_keeps_characters_whole(void **state)
{
	static const char in[] = "a\x1b\xc3\xbc\xf0\x9f\x98\x80z";

	(void)state;
	for (size_t size = 1; size < 20; size++) {
		char *buffer = malloc(size);
		struct text t;
		uint32_t code;

		assert_non_null(buffer);
		text_init(&t, buffer, size);
		text_escape(&t, in, sizeof(in) - 1, SIZE_MAX);
		assert_true(t.len < size);
		for (const uint8_t *p = (const uint8_t *)t.p, *end = p + t.len; p < end;) {
			unsigned n = text_utf8(p, end, &code);

			assert_true(n > 0);
			p += n;
		}
		if (memchr(t.p, '\\', t.len))
			assert_non_null(strstr(t.p, "\\x1b"));
		free(buffer);
	}
}

/* The decoder against the definition (RFC 3629, 3), all sequences of up to three bytes. */
static void utf8_is_what_rfc3629_says(void **state)
{
	uint8_t made[4];

	(void)state;
	for (uint32_t c = 0; c < 0x110000; c++) {
		unsigned n;
		uint32_t code = 0;

		if (c < 0x80) {
			made[0] = (uint8_t)c;
			n = 1;
		} else if (c < 0x800) {
			made[0] = (uint8_t)(0xc0 | c >> 6);
			n = 2;
		} else if (c < 0x10000) {
			made[0] = (uint8_t)(0xe0 | c >> 12);
			n = 3;
		} else {
			made[0] = (uint8_t)(0xf0 | c >> 18);
			n = 4;
		}
		for (unsigned i = 1; i < n; i++)
			made[i] = (uint8_t)(0x80 | (c >> 6 * (n - 1 - i) & 0x3f));
		if (c >= 0xd800 && c <= 0xdfff) {
			assert_int_equal(text_utf8(made, made + n, &code), 0);
			continue;
		}
		assert_int_equal(text_utf8(made, made + n, &code), n);
		assert_int_equal(code, c);
		assert_int_equal(text_utf8(made, made + n - 1, &code), 0);
	}
}

/* What the put_ functions write, against the C library. */
static void numbers_match_printf(void **state)
{
	static const uint64_t edges[] = {0, 9, 10, 11, 99, 100, 101, 999, 1000, 9999, 10000, 99999,
		100000, 999999, 1000000, 9999999, 10000000, 99999999, 100000000, 100000001,
		999999999, 1000000000, 4294967295u, 4294967296u, 9999999999999999u,
		10000000000000000u, 10000000000000001u, 9999999999999999999u, 10000000000000000000u,
		UINT64_MAX};
	uint64_t x = 88172645463325252u;
	char got[PUT_U64 + 1], want[32];

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		uint64_t v = i < sizeof(edges) / sizeof(edges[0]) ? edges[i] : x >> (x & 63);

		*put_u64(got, v) = '\0';
		snprintf(want, sizeof(want), "%" PRIu64, v);
		assert_string_equal(got, want);
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
	}
}

static void times_match_gmtime(void **state)
{
	struct time_cache cache = {0};
	uint64_t x = 1234567;
	char got[PUT_TIME + 1], want[64];

	(void)state;
	for (unsigned i = 0; i < 50000; i++) {
		uint64_t ns = i % 3 ? x : x / 1000000000u * 1000000000u;
		time_t second = (time_t)(ns / 1000000000u);
		struct tm tm;

		gmtime_r(&second, &tm);
		*put_time(got, ns, &cache) = '\0';
		strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S", &tm);
		snprintf(want + strlen(want), 16, ".%09uZ", (unsigned)(ns % 1000000000u));
		assert_string_equal(got, want);
		/* Often within the same second, sometimes far away. */
		x = i % 5 ? x + 123456789 : x * 6364136223846793005u + 1442695040888963407u;
	}
}

static void addr_is(const char *text, const char *want)
{
	uint8_t raw[16];
	struct addr a;
	char got[PUT_ADDR + 1];

	if (strchr(text, ':')) {
		assert_int_equal(inet_pton(AF_INET6, text, raw), 1);
		a = addr_v6(raw);
	} else {
		assert_int_equal(inet_pton(AF_INET, text, raw), 1);
		a = addr_v4(raw);
	}
	*put_addr(got, &a) = '\0';
	assert_string_equal(got, want);
}

/* The examples of RFC 5952, 4 and 5, and IPv4. */
static void addresses_follow_rfc5952(void **state)
{
	(void)state;
	addr_is("2001:0db8::0001", "2001:db8::1");
	addr_is("2001:db8:0:0:0:0:2:1", "2001:db8::2:1");
	addr_is("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1");
	addr_is("2001:0:0:1:0:0:0:1", "2001:0:0:1::1");
	addr_is("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1");
	addr_is("2001:DB8:AAAA:BBBB:CCCC:DDDD:EEEE:0001", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:1");
	addr_is("::", "::");
	addr_is("::1", "::1");
	addr_is("1::", "1::");
	addr_is("0:0:1::", "0:0:1::");
	addr_is("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	addr_is("::ffff:192.0.2.33", "192.0.2.33");
	addr_is("0.0.0.0", "0.0.0.0");
	addr_is("255.100.10.9", "255.100.10.9");
	addr_is("1.205.99.200", "1.205.99.200");
}

static void endpoint_and_mac(void **state)
{
	static const uint8_t v4[4] = {192, 0, 2, 1}, mac[6] = {0, 0, 0x5e, 0, 0x53, 0x23};
	struct addr a = addr_v4(v4), b = {{0x20, 1, 0xd, 0xb8, [15] = 1}};
	char buffer[80];
	struct text t;

	(void)state;
	text_init(&t, buffer, sizeof(buffer));
	text_endpoint(&t, &a, 80);
	text_char(&t, ' ');
	text_endpoint(&t, &b, 443);
	assert_string_equal(buffer, "192.0.2.1:80 [2001:db8::1]:443");
	*put_mac(buffer, mac) = '\0';
	assert_string_equal(buffer, "00-00-5E-00-53-23");
}

static const char *counts(uint64_t n, uint64_t of, const char *plural)
{
	static char out[64];
	struct text t;

	text_init(&t, out, sizeof(out));
	text_counts(&t, n, of, plural);
	return out;
}

static const char *said(void (*say)(struct text *, uint64_t), uint64_t v)
{
	static char buffer[64];
	struct text t;

	text_init(&t, buffer, sizeof(buffer));
	say(&t, v);
	return buffer;
}

static void durations_have_three_digits(void **state)
{
	(void)state;
	assert_string_equal(said(text_duration, 0), "0 ns");
	assert_string_equal(said(text_duration, 45), "45 ns");
	assert_string_equal(said(text_duration, 1500), "1.50 us");
	assert_string_equal(said(text_duration, 12300000), "12.3 ms");
	assert_string_equal(said(text_duration, 123000000), "123 ms");
	assert_string_equal(said(text_duration, 1230000000), "1.23 s");
	assert_string_equal(said(text_duration, 9996000000), "10.0 s");
	assert_string_equal(said(text_duration, 99960000000), "100 s");
	assert_string_equal(said(text_duration, 754000000000), "12 min 34 s");
	assert_string_equal(said(text_duration, 7500000000000), "2 h 05 min");
	assert_string_equal(said(text_duration, FIELD_ABSENT), "-");
}

static void sizes_counts_and_rates(void **state)
{
	char buffer[64];
	struct text t;

	(void)state;
	assert_string_equal(said(text_bytes, 1023), "1023 B");
	assert_string_equal(said(text_bytes, 1024), "1.00 KiB");
	assert_string_equal(said(text_bytes, 4718592), "4.50 MiB");
	assert_string_equal(said(text_bytes, 700 * 1048576u), "700 MiB");
	assert_string_equal(said(text_bytes, UINT64_MAX - 1), "16.0 EiB");
	assert_string_equal(counts(3, 12, "transactions"), "3 of 12 transactions");
	assert_string_equal(counts(1, 1, "recipients"), "1 of 1 recipient");
	assert_string_equal(counts(1, UINT64_MAX, "queries"), "1 query");
	assert_string_equal(counts(1, 0, "times"), "once");
	assert_string_equal(counts(2, UINT64_MAX, "times"), "twice");
	assert_string_equal(counts(1234, 0, "round trips"), "1,234 round trips");
	assert_string_equal(counts(7, 0, NULL), "7");
	assert_string_equal(said(text_count, 0), "0");
	assert_string_equal(said(text_count, 999), "999");
	assert_string_equal(said(text_count, 12345678), "12,345,678");
	assert_string_equal(said(text_count, UINT64_MAX), "18,446,744,073,709,551,615");
	text_init(&t, buffer, sizeof(buffer));
	text_bit_rate(&t, 1250000, 1000000000);
	text_str(&t, "; ");
	text_rate(&t, 1234, 100000000);
	text_str(&t, "; ");
	text_rate(&t, 1, 0);
	text_str(&t, "; ");
	text_rate(&t, UINT64_MAX, 1);
	assert_non_null(strstr(buffer, "10.0 Mbit/s; 12.3 k/s; -; "));
	text_clear(&t);
	text_percent(&t, 1, 8);
	text_char(&t, ';');
	text_percent(&t, 1, 100000);
	text_char(&t, ';');
	text_percent(&t, 0, 5);
	text_char(&t, ';');
	text_percent(&t, 0, 0);
	assert_string_equal(buffer, "12.5 %;<0.1 %;0.0 %;-");
}

static void shares_stay_on_their_scale(void **state)
{
	(void)state;
	assert_int_equal(share_of(0, 0, 100), 0);
	assert_int_equal(share_of(5, 0, 100), 0);
	assert_int_equal(share_of(0, 5, 100), 0);
	assert_int_equal(share_of(1, 3, 100), 33);
	assert_int_equal(share_of(2, 3, 100), 67);
	assert_int_equal(share_of(5, 5, 44), 44);
	assert_int_equal(share_of(UINT64_MAX, 5, 44), 44);
	assert_int_equal(share_of(UINT64_MAX - 1, UINT64_MAX, 44), 44);
	assert_int_equal(share_of(1, UINT64_MAX, 1000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_and_numbers),
		cmocka_unit_test(bounded_buffer_is_never_overrun),
		cmocka_unit_test(growing_text_holds_everything),
		cmocka_unit_test(nothing_a_terminal_acts_on_passes),
		cmocka_unit_test(escaped_text_fits_its_columns),
		cmocka_unit_test(escape_in_a_small_buffer_keeps_characters_whole),
		cmocka_unit_test(utf8_is_what_rfc3629_says),
		cmocka_unit_test(numbers_match_printf),
		cmocka_unit_test(shares_stay_on_their_scale),
		cmocka_unit_test(times_match_gmtime),
		cmocka_unit_test(addresses_follow_rfc5952),
		cmocka_unit_test(endpoint_and_mac),
		cmocka_unit_test(durations_have_three_digits),
		cmocka_unit_test(sizes_counts_and_rates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
