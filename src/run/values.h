/*
 * values.h - numbers, times and sizes as they are written on a command line.
 *
 * Strict: the whole text is the value, decimal, without sign or blanks, within its limits. False
 * where it is not; *v is then untouched.
 */
#ifndef TSUMARI_RUN_VALUES_H
#define TSUMARI_RUN_VALUES_H

#include <stdbool.h>
#include <stdint.h>

bool value_number(const char *text, uint64_t min, uint64_t max, uint64_t *v);
/* "10s", "0.5s", "250 ms" (base/duration.h; without a unit: seconds) in ns. */
bool value_time(const char *text, uint64_t *ns);
/* "512M" (K M G T, powers of 1024; without a unit: bytes) in bytes. */
bool value_size(const char *text, uint64_t *bytes);

#endif
