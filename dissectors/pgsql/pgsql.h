/*
 * pgsql.h - what the files of the PostgreSQL dissector share. The protocol is described in the
 * chapter "Frontend/Backend Protocol" of PostgreSQL's manual; 3.2 is that of PostgreSQL 18.
 *
 * A request is what the server answers in one go: a Query, or the messages of the extended query
 * up to an Execute, with the Sync, Flush or Close behind it. Without an Execute it ends with the
 * Sync or Flush. How many steps the server answers is kept in the transaction's tag.
 */
#ifndef PGSQL_H
#define PGSQL_H

#include "dissector.h"
#include "sql.h"

#define PGSQL_HEAD    5u     /* bytes of a message's type and length */
#define PGSQL_SQL_MAX 16384u /* bytes of a statement that are read */
#define PGSQL_SHORT   1024u  /* bytes of any other message that are read */
#define PGSQL_NAME    64u
#define PGSQL_MOST    0x3fffffffu /* bytes of a message: the server's own limit */
#define PGSQL_STARTUP 10000u      /* of the first message: the same */

enum pgsql_field {
	F_USER,
	F_DATABASE,
	F_APPLICATION,
	F_TRACE_ID,
	F_VERSION,
	F_PROTOCOL,
	F_STATEMENT,
	F_PORTAL,
	F_TAG,
	F_FIELDS,
	F_ROWS,
	F_AFFECTED,
	F_ERROR_CODE,
	F_ERROR_SEVERITY,
	F_ERROR_MESSAGE,
	F_ABORTED,
	F_IN_TRANSACTION,
	F_FAILED,
	F_SUSPENDED,
	F_RESULT_BYTES,
	F_COPY_BYTES,
	F_NOTICES,
	F_UNKNOWN_STATEMENT,
	F_PROCESS,
	F_TLS,
	/* Only shown. */
	D_TYPE,
	D_LENGTH,
	D_QUERY,
	D_STATUS,
	D_PARAMETER,
	D_VALUE,
	D_CODE,
	D_AUTH,
	D_REST,
};
extern const struct field pgsql_fields[];

/* Codes where a client's first message has the version. */
#define CODE_CANCEL  80877102u
#define CODE_SSL     80877103u
#define CODE_GSS     80877104u
#define CODE_VERSION 0x30000u

/* A transaction's tag: the steps that are answered, flags, its number. */
#define TAG_STEPS     0xffffu
#define TAG_SYNC      0x10000u /* its answer ends with ReadyForQuery */
#define TAG_SIMPLE    0x20000u
#define TAG_LOGIN     0x40000u
#define TAG_COPY      0x80000u  /* COPY FROM STDIN, whose data goes on with the request */
#define TAG_ANY       0x100000u /* one byte answers it */
#define TAG_STREAM    0x200000u /* a replication stream: what follows its answer is none of it */
#define TAG_SERIAL(t) ((t) >> 24)

struct pgsql {
	bool begun;
	bool startup; /* the client's first message is still to come */
	bool one;     /* the server's next byte answers an SSLRequest or GSSENCRequest */
	bool gss;     /* the latter */
	bool aborted; /* the server passes over what the client sends, up to a Sync */
	bool streaming;
	struct {
		bool lost;    /* the place was found again: what is in front? */
		bool skipped; /* the rest of a message has been passed over */
		uint8_t type; /* of that one */
	} side[2];
	uint64_t serial, gap_serial; /* of requests; of the last before bytes were lost */
	/* The request that is being put together. */
	struct {
		struct tsm_txn t;
		bool building; /* it has begun, and more may follow */
		bool executed; /* nothing but a Close, Flush or Sync */
		bool bound, copied;
		uint64_t statement; /* key of its text */
	} q;
	uint64_t portal; /* the unnamed one's statement */
	/* The response. */
	struct {
		struct tsm_txn t;
		bool going, error, event;
		uint64_t tag, steps, rows, bytes, copied;
	} r;
	uint64_t answered; /* serial of the last one that was */
	uint64_t notices;
	uint8_t user[PGSQL_NAME], database[PGSQL_NAME], application[PGSQL_NAME];
	uint8_t user_len, database_len, application_len;
};

struct pgsql_message {
	uint8_t type;
	uint32_t len; /* bytes behind the header */
	struct view body;
	bool whole; /* the body is all of it */
};

static inline uint32_t pgsql_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline struct view pgsql_text(const char *s)
{
	return view_of(s, strlen(s), 0);
}

/* ---- pgsql_message.c ---- */

const char *pgsql_type_name(enum side side, uint8_t type);
/* May a message of this type be so long? */
bool pgsql_plausible(enum side side, uint8_t type, uint32_t len);
/* Is it a message of this side, by what is in it? */
enum tsm_probe pgsql_like(struct view v, enum side side);
enum tsm_probe pgsql_startup_like(struct view v);

/* ---- pgsql_client.c ---- */

uint32_t pgsql_client_wants(uint8_t type, uint32_t len);
void pgsql_first(struct session *s, struct pgsql *h, const uint8_t *at, struct view body);
void pgsql_client_begins(
	struct session *s, struct pgsql *h, const uint8_t *at, const struct pgsql_message *m);
void pgsql_client_ends(struct session *s, struct pgsql *h, uint8_t type, const uint8_t *end);
void pgsql_whose(struct pgsql *h, struct tsm_txn t);
/* The key by which a statement's text is kept. */
uint64_t pgsql_named(struct view name);

/* ---- pgsql_server.c ---- */

uint32_t pgsql_server_wants(uint8_t type, uint32_t len);
void pgsql_server_begins(
	struct session *s, struct pgsql *h, const uint8_t *at, const struct pgsql_message *m);
void pgsql_server_ends(struct session *s, struct pgsql *h, uint8_t type, const uint8_t *end);
void pgsql_one(struct session *s, struct pgsql *h, const uint8_t *at);

/* ---- pgsql_show.c ---- */

void pgsql_describe(struct show *s, const struct packet *p, enum side side, struct view v);

#endif
