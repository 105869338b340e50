/*
 * dns.h - what the files of DNS share: dns_message.c reads names and numbers, dns.c pairs messages,
 * dns_transfer.c knows where a zone transfer ends, dns_show.c explains messages.
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

/*
 * dns_transfer.c: an answer in several messages. Of a connection's DNS_TRANSFERS at most are
 * followed at a time; the answer of another one ends with its first message.
 */
#define DNS_TRANSFERS 4u
struct dns_transfer {
	struct tsm_txn t;
	uint32_t records; /* of the answer sections so far */
	uint32_t serial;  /* of the first SOA record */
	uint16_t id;
	uint8_t seen, last; /* SOA records of this serial: so far, until the end */
	bool incremental;
};
/* What a query says of a transfer, as its transaction's tag: from which serial on (IXFR). */
uint64_t dns_transfer_asked(const struct dns_head *h, struct dns_message m);
/*
 * Is this response the first message of a transfer that goes on? m stands behind the header and the
 * first question.
 */
bool dns_transfer_begins(struct dns_transfer *list, struct tsm_txn t, const struct dns_head *h,
	struct dns_message *m);
/* The transfer that a response with this identifier is of; NULL: none. */
struct dns_transfer *dns_transfer_of(struct dns_transfer *list, uint16_t id);
/* One message more of it; false: it was the last. */
bool dns_transfer_goes_on(struct dns_transfer *r, struct dns_message *m, const struct dns_head *h);

/* dns_show.c */
void dns_describe(struct show *s, const struct packet *p, enum side side, struct view v);

enum {
	F_ID,
	F_OP_CODE,
	F_TYPE,
	F_FLAGS,
	F_RESPONSE_CODE,
	F_QUESTIONS,
	F_NAME,
	F_QTYPE,
	F_QCLASS,
	F_ANSWERS,
	F_AUTHORITIES,
	F_ADDITIONALS,
	F_RESOLVED,
	F_TTL,
	F_EDNS_SIZE,
	F_EDNS_DO,
	F_TRUNCATED,
	F_RETRIES,
	/* Only shown. */
	D_LENGTH,
	D_FLAGS,
	D_RR_NAME,
	D_RR_TYPE,
	D_RR_TTL,
	D_A,
	D_AAAA,
	D_RR_NAME_IN,
	D_RR_LENGTH,
};

extern const struct field dns_fields[];

#endif
