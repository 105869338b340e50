/*
 * filter.h - the display filter (-Y): which records are wanted.
 *
 *     http.response.status_code >= 500 and event.duration > 200ms
 *     client.ip in {10.0.0.0/8, 192.0.2.1} and not url.path ~ "^/health"
 *
 * Every field by its name. A name alone asks whether the field is there; a comparison with a field
 * that is absent is false, whatever it asks (so `not status == OK` and `status != OK` differ).
 *
 *     == eq  != ne  < lt  <= le  > gt  >= ge     numbers, sizes, durations, times, texts by bytes
 *     contains                                   texts
 *     ~ matches                                  texts, a PCRE2 pattern, with limits
 *     in {a, b, c}                               one of them
 *     not ! and && or || ( )
 *
 * Values: numbers; sizes with B, k, M, G (1000), KiB, MiB, GiB; durations with ns, us, ms, s, m, h;
 * times as RFC 3339; addresses with a prefix; truth as true or false; texts in quotes where they
 * hold blanks or any of ( ) { } , ! = < > ~. A field that holds several values fits when one of
 * them does.
 */
#ifndef TSUMARI_OUT_FILTER_H
#define TSUMARI_OUT_FILTER_H

#include "out/schema.h"

struct filter;

/*
 * NULL, with one line in err that says at which character it is wrong. All dissectors must be
 * registered by now. env: what records do not know themselves; copied.
 */
struct filter *filter_new(
	const char *text, const struct schema_env *env, char *err, size_t errsize);
bool filter_match(struct filter *f, const struct record *r);
void filter_free(struct filter *f);

#endif
