/*
 * operation.h - what a transaction does, so that equal work has equal names.
 *
 *     http, http2   GET /page/?            the path without its query; numbers, hashes, ids are ?
 *     mysql         SELECT * FROM t ...    the statement's digest; PREPARE and its kin before it
 *     nfs           READ /srv/spool/?      the path, folded in the same way
 *     dns           QUERY AAAA             the type asked for
 *     tls           HELLO www.example.com  the name asked for
 *     others                               the method, and the object where it is a path
 */
#ifndef TSUMARI_MODEL_OPERATION_H
#define TSUMARI_MODEL_OPERATION_H

#include "base/text.h"
#include "core/record.h"

#define OPERATION_MAX 4608u /* bytes of any operation: a method, a blank, a value, a NUL */

/*
 * Puts the operation of a transaction at the end of `out`: bytes from the wire. `literal`:
 * statements were recorded with their values (--literal), which are taken out here.
 */
void operation_of(const struct txn_record *t, bool literal, struct text *out);

/*
 * A path with what names single things taken out: writes at most n bytes to out, gives their
 * number. A part (between characters that are neither letters nor digits) becomes ? where it is a
 * number, a UUID, eight hexadecimal digits or more with a number among them, 20 letters and
 * digits, or eight with several numbers among them; of any other the numbers become ?. A version
 * ("v2" between slashes) and a file name's ending stay.
 */
size_t operation_fold(const char *path, size_t n, char *out);

#endif
