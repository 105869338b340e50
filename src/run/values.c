/*
 * values.c - numbers, times and sizes as they are written on a command line (values.h).
 */
#include "run/values.h"
#include "base/duration.h"
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* strtoull() takes blanks, signs and hexadecimal where one does not expect them: digits only. */
static bool digits(const char *text, uint64_t *v, const char **rest)
{
	char *end;
	unsigned long long n;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno)
		return false;
	*v = n;
	*rest = end;
	return true;
}

bool value_number(const char *text, uint64_t min, uint64_t max, uint64_t *v)
{
	const char *rest;
	uint64_t n;

	if (!digits(text, &n, &rest) || *rest || n < min || n > max)
		return false;
	*v = n;
	return true;
}

struct unit {
	const char *name;
	uint64_t factor;
};

static bool with_unit(const char *text, const struct unit *units, uint64_t *v)
{
	const char *rest;
	uint64_t n;

	if (!digits(text, &n, &rest))
		return false;
	for (const struct unit *u = units; u->name; u++) {
		if (strcmp(rest, u->name) != 0)
			continue;
		/* UINT64_MAX means "absent" elsewhere. */
		if (n > (UINT64_MAX - 1) / u->factor)
			return false;
		*v = n * u->factor;
		return true;
	}
	return false;
}

bool value_time(const char *text, uint64_t *ns)
{
	return duration_parse(text, true, ns);
}

bool value_size(const char *text, uint64_t *bytes)
{
	static const struct unit units[] = {
		{"", 1},
		{"K", UINT64_C(1) << 10},
		{"M", UINT64_C(1) << 20},
		{"G", UINT64_C(1) << 30},
		{"T", UINT64_C(1) << 40},
		{"k", UINT64_C(1) << 10},
		{"m", UINT64_C(1) << 20},
		{"g", UINT64_C(1) << 30},
		{"t", UINT64_C(1) << 40},
		{NULL, 0},
	};

	return with_unit(text, units, bytes);
}
