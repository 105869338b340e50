/* threshold.c - see threshold.h. */
#include "run/threshold.h"
#include "run/values.h"
#include <string.h>

/* 2% or 0.5%, in thousandths. */
static bool permille(const char *text, uint64_t *v)
{
	size_t n = strlen(text);
	char whole[16], *point;
	uint64_t a = 0, b = 0;

	if (n < 2 || n >= sizeof(whole) || text[n - 1] != '%')
		return false;
	memcpy(whole, text, n - 1);
	whole[n - 1] = '\0';
	point = strchr(whole, '.');
	if (point) {
		*point = '\0';
		if (!value_number(point + 1, 0, 9, &b))
			return false;
	}
	if (!value_number(whole, 0, 100, &a))
		return false;
	*v = a * 10 + b;
	return *v <= 1000;
}

bool threshold_set(struct thresholds *t, const char *text, char *err, size_t errsize)
{
	static const char *const forms[] = {[THRESHOLD_DURATION] = "a time such as 200ms",
		[THRESHOLD_PERMILLE] = "a part such as 2% or 0.5%",
		[THRESHOLD_NUMBER] = "a whole number"};
	const char *equal = strchr(text, '=');
	size_t len = equal ? (size_t)(equal - text) : 0;

	for (int i = 0; i < THRESHOLD_COUNT && len; i++) {
		const struct threshold_kind *k = &threshold_kinds[i];
		bool good;

		if (strlen(k->name) != len || strncmp(k->name, text, len) != 0)
			continue;
		good = k->unit == THRESHOLD_DURATION ? value_time(equal + 1, &t->v[i])
		       : k->unit == THRESHOLD_PERMILLE
			       ? permille(equal + 1, &t->v[i])
			       : value_number(equal + 1, 1, UINT64_MAX, &t->v[i]);
		if (!good)
			snprintf(
				err, errsize, "--threshold %s: %s is needed", text, forms[k->unit]);
		return good;
	}
	snprintf(err, errsize,
		"--threshold %s: there is no such name; tsumari --threshold help lists them", text);
	return false;
}

void threshold_list(FILE *f)
{
	for (int i = 0; i < THRESHOLD_COUNT; i++) {
		const struct threshold_kind *k = &threshold_kinds[i];
		char buffer[40];
		struct text t;

		text_init(&t, buffer, sizeof(buffer));
		if (k->unit == THRESHOLD_DURATION)
			text_printf(&t, "%llums", (unsigned long long)(k->value / 1000000));
		else if (k->unit == THRESHOLD_PERMILLE)
			text_printf(&t, "%llu.%llu%%", (unsigned long long)(k->value / 10),
				(unsigned long long)(k->value % 10));
		else
			text_printf(&t, "%llu", (unsigned long long)k->value);
		fprintf(f, "%s=%-*s %s\n", k->name, 24 - (int)strlen(k->name), t.p, k->help);
	}
}
