/*
 * usage.c - the text of --help, and the list that completions read, both of the table of options.
 * The man page tells more.
 */
#include "run/option_table.h"
#include <string.h>

#define INDENT 25u
#define WIDTH  80u

static const char *const headings[GROUP_COUNT] = {
	[GROUP_SOURCE] = "Input",
	[GROUP_OUTPUT] = "Output",
	[GROUP_PACKETS] = "Format of --print",
	[GROUP_ANALYSIS] = "Analysis",
	[GROUP_OTHER] = "Other",
	[GROUP_TCPDUMP] = "Options of tcpdump that have no effect, and what is used instead",
};

static const char *const kinds[VALUE_COUNT] = {
	[VALUE_PLAIN] = "",
	[VALUE_FILE] = "file",
	[VALUE_INTERFACE] = "interface",
	[VALUE_LINKTYPE] = "linktype",
	[VALUE_FORM] = "form",
	[VALUE_TYPES] = "types",
	[VALUE_FILTER] = "filter",
	[VALUE_DECODE] = "decode",
	[VALUE_USER] = "user",
	[VALUE_DIRECTION] = "direction",
	[VALUE_ADDRESS] = "",
};

/* Puts words behind `column` columns of a line, and what has no room there below, indented. */
static void wrap(FILE *f, const char *text, size_t column)
{
	if (column + 2 > INDENT) {
		fputc('\n', f);
		column = 0;
	}
	fprintf(f, "%*s", (int)(INDENT - column), "");
	column = INDENT;
	while (*text) {
		size_t n = strcspn(text, " ");

		if (column > INDENT && column + 1 + n >= WIDTH) {
			fprintf(f, "\n%*s", (int)INDENT, "");
			column = INDENT;
		} else if (column > INDENT) {
			fputc(' ', f);
			column++;
		}
		fwrite(text, 1, n, f);
		column += n;
		text += n + strspn(text + n, " ");
	}
	fputc('\n', f);
}

static void print_option(FILE *f, const struct option_entry *e)
{
	bool optional = option_value_optional(e);
	char names[80];
	int n;

	n = snprintf(names, sizeof(names), "  %s%.1s%s%s%s%s%s", e->letter ? "-" : "",
		e->letter ? &e->letter : "", e->letter && e->name ? ", " : "", e->name ? "--" : "",
		e->name ? e->name : "", e->value && !optional ? " " : "", e->value ? e->value : "");
	fputs(names, f);
	wrap(f, e->help, (size_t)n);
}

void options_usage(FILE *f)
{
	fputs("Usage: tsumari [options] [-r FILE... | -i INTERFACE] [filter expression]\n", f);
	for (int group = 0; group < GROUP_COUNT; group++) {
		fprintf(f, "\n%s\n", headings[group]);
		for (unsigned i = 0; i < option_count; i++)
			if ((int)option_table[i].group == group)
				print_option(f, &option_table[i]);
	}
}

/* Of a value that may be left out the name without its brackets. */
static void print_value(FILE *f, const struct option_entry *e)
{
	const char *name = e->value ? e->value + (option_value_optional(e) ? 2 : 0) : "";

	size_t n = strlen(name);

	fprintf(f, "%.*s", (int)(n - (n && option_value_optional(e))), name);
}

void options_list(FILE *f)
{
	for (unsigned i = 0; i < option_count; i++) {
		const struct option_entry *e = &option_table[i];

		fprintf(f, "%s%.1s\t%s%s\t%s\t", e->letter ? "-" : "", e->letter ? &e->letter : "",
			e->name ? "--" : "", e->name ? e->name : "",
			!e->value                  ? "none"
			: option_value_optional(e) ? "optional"
						   : "needed");
		print_value(f, e);
		fprintf(f, "\t%s\t%s\n", kinds[e->kind], e->help);
	}
}
