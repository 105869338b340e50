/* duration.c - see duration.h. */
#include "base/duration.h"
#include <inttypes.h>

#define DECIMALS_MAX UINT64_C(1000000000)

static const struct {
	const char *name;
	uint64_t ns;
} units[] = {
	{"ns", 1},
	{"us", 1000},
	{"ms", 1000000},
	{"s", UINT64_C(1000000000)},
	{"m", UINT64_C(60000000000)},
	{"min", UINT64_C(60000000000)},
	{"h", UINT64_C(3600000000000)},
	{"d", UINT64_C(86400000000000)},
};

#define UNITS (sizeof(units) / sizeof(units[0]))

static uint64_t unit_of(const char *text)
{
	for (size_t i = 0; i < UNITS; i++)
		if (strcmp(units[i].name, text) == 0)
			return units[i].ns;
	return 0;
}

bool duration_unit(const char *text)
{
	return unit_of(text) != 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "1.5": a whole number, and part of scale (a power of ten). */
static const char *decimal(const char *p, uint64_t *whole, uint64_t *part, uint64_t *scale)
{
	*whole = *part = 0;
	*scale = 1;
	if (!is_digit(*p))
		return NULL;
	for (; is_digit(*p); p++) {
		if (*whole > (UINT64_MAX - 9) / 10)
			return NULL;
		*whole = *whole * 10 + (uint64_t)(*p - '0');
	}
	if (*p != '.')
		return p;
	if (!is_digit(*++p))
		return NULL;
	for (; is_digit(*p); p++)
		if (*scale < DECIMALS_MAX) {
			*part = *part * 10 + (uint64_t)(*p - '0');
			*scale *= 10;
		}
	return p;
}

/* part / scale of a unit: both are small enough for the product of their halves. */
static uint64_t share(uint64_t unit, uint64_t part, uint64_t scale)
{
	return unit / scale * part + unit % scale * part / scale;
}

bool duration_parse(const char *text, bool bare, uint64_t *ns)
{
	uint64_t whole, part, scale, unit;
	const char *p = decimal(text, &whole, &part, &scale);

	if (!p)
		return false;
	unit = unit_of(p + (p[0] == ' '));
	if (!*p && (bare || (whole == 0 && part == 0)))
		unit = UINT64_C(1000000000);
	/* UINT64_MAX means "absent" elsewhere; of nanoseconds there are no parts. */
	if (!unit || whole > (UINT64_MAX - 1) / unit - 1 || (unit == 1 && scale > 1))
		return false;
	*ns = whole * unit + share(unit, part, scale);
	return true;
}

void duration_put(struct text *t, uint64_t ns)
{
	unsigned i = 3;
	uint64_t part;

	while (i && ns % (units[i].ns / 1000))
		i--;
	while (i && ns < units[i].ns)
		i--;
	part = i ? ns % units[i].ns / (units[i].ns / 1000) : 0;
	text_printf(t, "%" PRIu64, ns / units[i].ns);
	if (part % 100 == 0 && part)
		text_printf(t, ".%" PRIu64, part / 100);
	else if (part % 10 == 0 && part)
		text_printf(t, ".%02" PRIu64, part / 10);
	else if (part)
		text_printf(t, ".%03" PRIu64, part);
	text_str(t, units[i].name);
}
