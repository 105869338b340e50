/* bars.c - see bars.h. */
#include "bars.h"
#include "screens.h"
#include "base/share.h"
#include <string.h>

static const struct part {
	enum role role;
	const char *name, *brief;
} parts[] = {
	{ROLE_NETWORK, "network", "net"},
	{ROLE_SERVER, "server", "srv"},
	{ROLE_STALL, "stall", "stall"},
	{ROLE_DIM, "unknown", "?"},
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

void bars_ledger(int row, int column, int width, const uint64_t *ledger, uint64_t full)
{
	uint64_t sum = 0;
	int at = 0;

	for (size_t k = 0; k < PARTS && at < width; k++) {
		uint64_t before = sum;
		int end;

		for (int i = 0; i < LEDGER_COUNT; i++)
			sum += ledger_role(i) == parts[k].role ? ledger[i] : 0;
		end = (int)share_of(sum, full, (unsigned)width);
		if (sum > before && end <= at)
			end = at + 1;
		term_bar(row, column + at, width - at, end - at, parts[k].role);
		at = end > at ? end : at;
	}
}

enum form { FORM_NAMES, FORM_BRIEF, FORM_LETTERS };

/* " network" behind its colour or letter; letters alone are told apart by the help. */
static int put_part(int row, int column, const struct part *p, enum form form)
{
	bool plain = !term_colours(), named = !plain || p->brief[0] != '?';
	const char *name = form == FORM_NAMES            ? p->name
			   : form == FORM_BRIEF && named ? p->brief
							 : "";
	int gap = *name && (plain || form == FORM_NAMES);

	if (row >= 0) {
		char letter[2] = {term_letter(p->role), '\0'};

		if (form == FORM_LETTERS)
			term_put(row, column, 1, letter, p->role);
		else
			term_bar(row, column, 1, 1, p->role);
		term_put(row, column + 1 + gap, (int)strlen(name), name, p->role);
	}
	return 1 + gap + (int)strlen(name);
}

void bars_key(int row, int column, int width)
{
	for (enum form form = FORM_NAMES; form <= FORM_LETTERS; form++) {
		int need = (int)PARTS - 1;

		for (size_t k = 0; k < PARTS; k++)
			need += put_part(-1, 0, &parts[k], form);
		if (need > width)
			continue;
		term_put(row, column, width, "", ROLE_TEXT);
		for (size_t k = 0; k < PARTS; k++)
			column += put_part(row, column, &parts[k], form) + 1;
		return;
	}
}
