/*
 * filter_value.c - the values of a display filter: text to what a field of that type holds.
 */
#include "base/clock.h"
#include "out/filter_impl.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/duration.h"
#include "base/mem.h"

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit no_units[] = {{"", 1}, {NULL, 0}};
static const struct unit fractions[] = {{"", 1000000}, {NULL, 0}};
static const struct unit sizes[] = {{"", 1}, {"B", 1}, {"k", 1000}, {"kB", 1000}, {"K", 1000},
	{"M", 1000000}, {"MB", 1000000}, {"G", SECOND}, {"GB", SECOND}, {"KiB", 1u << 10},
	{"MiB", 1u << 20}, {"GiB", 1u << 30}, {NULL, 0}};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static uint64_t factor_of(const struct unit *units, const char *name)
{
	for (; units->name; units++)
		if (strcmp(units->name, name) == 0)
			return units->factor;
	return 0;
}

/* Decimal, with a fraction where the unit can hold it, or 0x and hexadecimal digits. */
static bool number(const char *text, const struct unit *units, uint64_t *v)
{
	uint64_t whole = 0, part = 0, scale = 1, factor;
	const char *p = text;

	if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
		char *end;

		*v = strtoull(p, &end, 16);
		return *end == '\0' && end > p + 2;
	}
	if (!is_digit(*p))
		return false;
	for (; is_digit(*p); p++) {
		if (whole > UINT64_MAX / 10 - 1)
			return false;
		whole = whole * 10 + (uint64_t)(*p - '0');
	}
	if (*p == '.') {
		if (!is_digit(*++p))
			return false;
		for (; is_digit(*p); p++)
			if (scale < SECOND) {
				part = part * 10 + (uint64_t)(*p - '0');
				scale *= 10;
			}
	}
	factor = factor_of(units, p);
	if (!factor || whole > UINT64_MAX / factor - 1 || (scale > 1 && factor == 1))
		return false;
	*v = whole * factor + part * factor / scale;
	return true;
}

/* RFC 3339, with Z or an offset; or seconds since 1970. */
static bool point_in_time(const char *text, uint64_t *v)
{
	static const struct unit seconds[] = {{"", SECOND}, {NULL, 0}};
	struct tm tm = {.tm_isdst = 0};
	uint64_t part = 0, scale = 1;
	const char *p = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	long offset = 0;
	time_t t;

	if (!p)
		return number(text, seconds, v);
	if (*p == '.')
		for (p++; is_digit(*p); p++)
			if (scale < SECOND) {
				part = part * 10 + (uint64_t)(*p - '0');
				scale *= 10;
			}
	if (*p == '+' || *p == '-') {
		if (strlen(p) != 6 || p[3] != ':' || !is_digit(p[1]) || !is_digit(p[2]) ||
			!is_digit(p[4]) || !is_digit(p[5]))
			return false;
		offset = ((p[1] - '0') * 10 + p[2] - '0') * 3600 +
			 ((p[4] - '0') * 10 + p[5] - '0') * 60;
		offset = *p == '-' ? -offset : offset;
	} else if (strcmp(p, "Z") != 0) {
		return false;
	}
	t = timegm(&tm) - offset;
	if (t < 0)
		return false;
	*v = (uint64_t)t * SECOND + part * (SECOND / scale);
	return true;
}

static bool address(char *text, struct operand *o)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	char *slash = strchr(text, '/');
	unsigned width = 128;
	uint64_t bits;

	if (slash)
		*slash++ = '\0';
	if (inet_pton(AF_INET, text, o->ip.b + 12) == 1) {
		memcpy(o->ip.b, mapped, sizeof(mapped));
		width = 32;
	} else if (inet_pton(AF_INET6, text, o->ip.b) != 1) {
		return false;
	}
	bits = width;
	if (slash && (!number(slash, no_units, &bits) || bits > width))
		return false;
	o->prefix = (unsigned)bits + 128 - width;
	return true;
}

static int hex(char c)
{
	if (is_digit(c))
		return c - '0';
	c = (char)(c | 32);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 02-00-5e-10-00-01 or with colons. */
static bool mac(struct operand *o)
{
	char bytes[6];

	if (o->len != 17)
		return false;
	for (size_t i = 0; i < 6; i++) {
		int a = hex(o->text[3 * i]), b = hex(o->text[3 * i + 1]);

		if (a < 0 || b < 0 ||
			(i < 5 && o->text[3 * i + 2] != '-' && o->text[3 * i + 2] != ':'))
			return false;
		bytes[i] = (char)(a << 4 | b);
	}
	memcpy(o->text, bytes, sizeof(bytes));
	o->len = sizeof(bytes);
	return true;
}

/* One of the names a set may hold, as its bit. */
static bool name_bit(const struct field *f, struct operand *o)
{
	for (unsigned i = 0; f->names && f->names[i]; i++)
		if (strcmp(f->names[i], o->text) == 0) {
			o->u64 = UINT64_C(1) << i;
			return true;
		}
	return false;
}

/* 7: of any run; RUN-7: of that one. */
static bool run_number(struct operand *o)
{
	const char *dash = strchr(o->text, '-');

	if (dash && (dash - o->text != IDENTITY_RUN ||
			    strspn(o->text, "0123456789abcdef") != IDENTITY_RUN))
		return false;
	return number(dash ? dash + 1 : o->text, no_units, &o->u64);
}

static bool truth(struct operand *o)
{
	o->u64 = strcmp(o->text, "true") == 0;
	return o->u64 || strcmp(o->text, "false") == 0;
}

static bool convert(const struct field *f, struct operand *o, const char **what)
{
	switch (f->type) {
	case FIELD_TIME:
		*what = "a time such as 2026-11-24T18:00:00Z";
		return point_in_time(o->text, &o->u64);
	case FIELD_DURATION:
	case FIELD_DURATIONS:
		*what = "a time with its unit, such as 200ms or 1.5s";
		return duration_parse(o->text, false, &o->u64);
	case FIELD_BYTES:
		*what = "a size such as 64KiB";
		return number(o->text, sizes, &o->u64);
	case FIELD_FRACTION:
		*what = "a part of a whole, such as 0.25";
		return number(o->text, fractions, &o->u64);
	case FIELD_BOOL:
		*what = "true or false";
		return truth(o);
	case FIELD_IP:
	case FIELD_IPS:
		*what = "an address such as 10.0.0.0/8";
		return address(o->text, o);
	case FIELD_MAC:
		*what = "a MAC address such as 02-00-5E-10-00-01";
		return mac(o);
	case FIELD_NAMES:
		*what = "one of the field's names; --fields lists them";
		return name_bit(f, o);
	case FIELD_STR:
	case FIELD_NAME:
		return true;
	case FIELD_RUN_ID:
		*what = "a number, or tsumari.run.id, '-' and a number";
		return run_number(o);
	default:
		*what = "a number";
		return number(o->text, no_units, &o->u64);
	}
}

bool filter_operand(
	const struct field *f, const char *p, size_t n, struct operand *o, const char **what)
{
	memset(o, 0, sizeof(*o));
	o->text = xmalloc(n + 1);
	memcpy(o->text, p, n);
	o->text[n] = '\0';
	o->len = n;
	return convert(f, o, what);
}

bool filter_unit(enum field_type type, const char *word)
{
	if (type == FIELD_DURATION || type == FIELD_DURATIONS)
		return duration_unit(word);
	return type == FIELD_BYTES && factor_of(sizes, word) != 0;
}
