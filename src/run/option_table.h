/*
 * option_table.h - the one table of options: the parser, --help, the completions and the messages
 * are made from it, and the tests compare the man page with it. For options.c and usage.c only.
 */
#ifndef TSUMARI_RUN_OPTION_TABLE_H
#define TSUMARI_RUN_OPTION_TABLE_H

#include "run/options.h"

enum option_group {
	GROUP_SOURCE,
	GROUP_OUTPUT,
	GROUP_PACKETS,
	GROUP_ANALYSIS,
	GROUP_OTHER,
	GROUP_TCPDUMP, /* of tcpdump, without effect here */
	GROUP_COUNT
};

/* What a value names, for completions. */
enum option_value {
	VALUE_PLAIN, /* nothing that could be listed */
	VALUE_FILE,
	VALUE_INTERFACE,
	VALUE_LINKTYPE,
	VALUE_FORM, /* of --report */
	VALUE_TYPES,
	VALUE_FILTER,
	VALUE_DECODE,
	VALUE_USER,
	VALUE_DIRECTION,
	VALUE_ADDRESS, /* [ADDRESS:]PORT */
	VALUE_COUNT
};

/* Without what an option changes nothing. */
enum option_use {
	USE_ALWAYS,
	USE_PRINT, /* --print */
	USE_LIVE,  /* an interface */
	USE_NEVER  /* accepted; its help says what stands in for it */
};

/* Where a parse is: the message of the first fault goes to err. */
struct parse {
	struct options *o;
	char *err;
	size_t errsize;
	struct output_option *last; /* the output given last: -o is its */
	const char *early;          /* -o before any output */
	bool *given;                /* by entry of the table */
};

struct option_entry {
	const char *name;  /* long, without its dashes; NULL: has a letter only */
	char letter;       /* 0: none */
	const char *value; /* what its value is called; NULL: takes none; [=FORM]: may be left out
			    */
	enum option_group group;
	enum option_value kind;
	const char *help; /* a line, or several */
	bool (*take)(struct parse *p, const struct option_entry *e, const char *arg);
	/* For `take`: the member of struct options that is set, and the values that are allowed. */
	size_t at;
	uint64_t min, max;
	enum option_use use;
};

extern const struct option_entry option_table[];
extern const unsigned option_count;

#define OPTION_CALLED 40u
/* "-r", or "--json" where there is no letter. */
const char *option_called(const struct option_entry *e, char to[OPTION_CALLED]);
bool option_value_optional(const struct option_entry *e);

/* One more of a list of texts. */
void options_append(const char ***list, unsigned *n, const char *text);
/* Sets the message; false. */
bool options_fault(struct parse *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
