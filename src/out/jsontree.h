/*
 * jsontree.h - values of json-c for what is put together before it is written: HAR entries, the
 * report.
 *
 * Text goes in by jsontree_text() and jsontree_bytes() only, which are written as jsonw_text()
 * writes them, '<' too as its number: what comes out may stand inside a script of an HTML page.
 */
#ifndef TSUMARI_OUT_JSONTREE_H
#define TSUMARI_OUT_JSONTREE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "api/packet.h"

/* The caller owns what these return, until it is put into an object or array. */
struct json_object *jsontree_bytes(const char *p, size_t n);
struct json_object *jsontree_text(const char *s);
struct json_object *jsontree_int(int v);
struct json_object *jsontree_bool(bool v);
struct json_object *jsontree_u64(uint64_t v);
struct json_object *jsontree_ms(uint64_t ns);   /* ms, to the ns */
struct json_object *jsontree_real(double v);    /* six digits */
struct json_object *jsontree_time(uint64_t ns); /* RFC 3339 */
struct json_object *jsontree_addr(const struct addr *a);
struct json_object *jsontree_endpoint(const struct addr *a, uint16_t port); /* 192.0.2.1:80 */

/* Puts a value, of which the object becomes the owner, under a name of ours,
   a constant: it is not copied. */
void jsontree_put(struct json_object *o, const char *name, struct json_object *value);
/* A new object or array in one. */
struct json_object *jsontree_object(struct json_object *o, const char *name);
struct json_object *jsontree_array(struct json_object *o, const char *name);
void jsontree_append(struct json_object *array, struct json_object *value);

/* Writes it, without a newline. False where that failed. */
bool jsontree_write(struct json_object *o, FILE *f);

#endif
