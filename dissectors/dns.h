/*
 * dns.h - what the files of DNS share: dns_message.c reads names and numbers, dns.c pairs messages,
 * dns_show.c explains them.
 */
#ifndef TSUMARI_DNS_H
#define TSUMARI_DNS_H

#include "dissector.h"

#define DNS_HEADER      12u
#define DNS_NAME_TEXT   1024u /* of at most 255 bytes, each shown as up to four */
#define DNS_RECORDS_MAX 256u  /* resource records looked at */

enum { FLAG_QR = 0x8000, FLAG_AA = 0x0400, FLAG_TC = 0x0200, FLAG_RD = 0x0100, FLAG_RA = 0x0080 };
enum {
	TYPE_A = 1,
	TYPE_NS = 2,
	TYPE_CNAME = 5,
	TYPE_SOA = 6,
	TYPE_PTR = 12,
	TYPE_AAAA = 28,
	TYPE_OPT = 41,
	TYPE_IXFR = 251,
	TYPE_AXFR = 252
};

/* A list of names of numbers ends with a NULL name. */
struct dns_number {
	uint16_t number;
	const char *name;
};
extern const struct dns_number dns_types[], dns_classes[], dns_codes[], dns_opcodes[];
const char *dns_number_name(const struct dns_number *list, unsigned n); /* NULL: it has none */

/* A message and where in it the reading is. */
struct dns_message {
	const uint8_t *p;
	size_t n, at;
	bool bad; /* it ended too early */
};
uint32_t dns_take(struct dns_message *m, unsigned bytes);

/* Text being made; what is over its room is left out. */
struct dns_text {
	uint8_t *p;
	size_t n, max;
};
void dns_put(struct dns_text *o, uint8_t c);
void dns_put_text(struct dns_text *o, const char *text);
/* An address as one more line; half of one is not put. */
void dns_put_address(struct dns_text *o, const uint8_t *p, bool v6);
/* Reads a name (o may be NULL), escaped as in RFC 1035, 5.1; false where it is none. */
bool dns_name(struct dns_message *m, struct dns_text *o);

/* The header and the first question. */
struct dns_head {
	uint16_t id, flags, counts[4], type, class;
	uint8_t text[DNS_NAME_TEXT];
	size_t len;    /* of the name's text */
	uint64_t key;  /* of the question and the identifier; 0: no question */
	bool question; /* it could be read */
};
bool dns_read_head(struct dns_message *m, struct dns_head *h);

/* dns_show.c */
void dns_describe(struct show *s, const struct packet *p, enum side side, struct view v);

#endif
