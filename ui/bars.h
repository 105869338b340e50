/*
 * bars.h - the four things that are waited for, as bars: the network, servers, stalls, and what
 * nobody knows. Each has a colour and, where there are none, a letter.
 */
#ifndef TSUMARI_UI_BARS_H
#define TSUMARI_UI_BARS_H

#include "term.h"

/* The parts of a ledger one behind the other, as long as their time: `full` ns are `width` columns.
 */
void bars_ledger(int row, int column, int width, const uint64_t *ledger, uint64_t full);
/* What colour or letter stands for what, as long as there is room for. */
void bars_key(int row, int column, int width);

#endif
