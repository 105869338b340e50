/*
 * mysql.h - what the files of the MySQL dissector share. The protocol is described in the "MySQL
 * Client/Server Protocol" of MySQL's source documentation and, where MariaDB differs, in the
 * "Client/Server Protocol" of the MariaDB knowledge base.
 */
#ifndef MYSQL_H
#define MYSQL_H

#include "dissector.h"
#include "sql.h"

#define MYSQL_FULL      0xffffffu /* length of a packet that goes on in the next */
#define MYSQL_HEAD      4u        /* bytes of a packet's header */
#define MYSQL_SQL_MAX   16384u    /* bytes of a statement that are read */
#define MYSQL_SHORT     1024u     /* bytes of any other packet that are read */
#define MYSQL_LOGIN_MAX 4096u     /* bytes of a login that are read */
#define MYSQL_NAME_MAX  64u

enum mysql_field {
	F_COMMAND,
	F_STATEMENT,
	F_USER,
	F_SCHEMA,
	F_TRACE_ID,
	F_VERSION,
	F_AFFECTED,
	F_INSERT_ID,
	F_FIELDS,
	F_ROWS,
	F_ERRNO,
	F_MESSAGE,
	F_ERROR_CODE,
	F_ERROR_MESSAGE,
	F_SQLSTATE,
	F_WARNINGS,
	F_NO_INDEX,
	F_NO_GOOD_INDEX,
	F_SLOW,
	F_IN_TRANSACTION,
	F_RESULT_SETS,
	F_RESULT_BYTES,
	F_INFILE_BYTES,
	F_UNKNOWN_STATEMENT,
	F_ATTRIBUTES,
	F_PARAMETERS,
	F_COLLATION,
	F_AUTH_PLUGIN,
	F_COMPRESSION,
	F_TLS,
	F_BEFORE_GREETING,
	F_B_TYPE,
	F_B_TIME,
	F_B_SERVER,
	F_B_POSITION,
	F_B_FILE,
	F_B_GTID,
	F_B_SIZE,
	F_B_EVENTS,
	F_B_ROW_EVENTS,
	F_B_AGE,
	F_B_LAG,
	F_B_ACK_WAIT,
	/* Only shown. */
	D_LENGTH,
	D_SEQUENCE,
	D_QUERY,
	D_KIND,
	D_REST,
};

extern const struct field mysql_fields[];

enum mysql_command {
	COM_QUIT = 1,
	COM_INIT_DB,
	COM_QUERY,
	COM_FIELD_LIST,
	COM_CREATE_DB,
	COM_DROP_DB,
	COM_REFRESH,
	COM_SHUTDOWN,
	COM_STATISTICS,
	COM_PROCESS_INFO,
	COM_PROCESS_KILL = 12,
	COM_DEBUG,
	COM_PING,
	COM_CHANGE_USER = 17,
	COM_BINLOG_DUMP,
	COM_REGISTER_SLAVE = 21,
	COM_STMT_PREPARE,
	COM_STMT_EXECUTE,
	COM_STMT_SEND_LONG_DATA,
	COM_STMT_CLOSE,
	COM_STMT_RESET,
	COM_SET_OPTION,
	COM_STMT_FETCH,
	COM_BINLOG_DUMP_GTID = 30,
	COM_RESET_CONNECTION,
	COM_STMT_BULK_EXECUTE = 250, /* MariaDB */
	MYSQL_LOGIN = 256,           /* of ours: the client's answer to the greeting */
};

/* A transaction's tag: the command, whether its success changes the schema, and a number. */
#define TAG_COMMAND   0x1ffu
#define TAG_SCHEMA    0x200u
#define TAG_SERIAL(t) ((t) >> 16)

/* Keys of texts kept: a statement by its number; the one being prepared by its serial. */
#define MEMO_STATEMENT(id) (UINT64_C(1) << 32 | (id))
#define MEMO_PENDING(n)    (UINT64_C(2) << 32 | (n))
#define MEMO_LAST          (UINT64_C(3) << 32)

/* Capabilities. */
#define CLIENT_MYSQL             (1u << 0) /* MariaDB: not set by its own clients */
#define CLIENT_CONNECT_WITH_DB   (1u << 3)
#define CLIENT_COMPRESS          (1u << 5)
#define CLIENT_PROTOCOL_41       (1u << 9)
#define CLIENT_SSL               (1u << 11)
#define CLIENT_SECURE            (1u << 15)
#define CLIENT_PLUGIN_AUTH       (1u << 19)
#define CLIENT_LENENC_AUTH       (1u << 21)
#define CLIENT_SESSION_TRACK     (1u << 23)
#define CLIENT_DEPRECATE_EOF     (1u << 24)
#define CLIENT_OPTIONAL_METADATA (1u << 25)
#define CLIENT_ZSTD              (1u << 26)
#define CLIENT_QUERY_ATTRIBUTES  (1u << 27)

/* Status flags. */
#define SERVER_IN_TRANS       0x0001u
#define SERVER_AUTOCOMMIT     0x0002u
#define SERVER_MORE_RESULTS   0x0008u
#define SERVER_NO_GOOD_INDEX  0x0010u
#define SERVER_NO_INDEX       0x0020u
#define SERVER_CURSOR_EXISTS  0x0040u
#define SERVER_SLOW           0x0800u
#define SERVER_SESSION_CHANGE 0x4000u

enum mysql_phase {
	P_START, /* the server: a response; the client: a command */
	P_GREETING,
	P_LOGIN,
	P_AUTH,
	P_PARAMETERS, /* definitions of a prepared statement's parameters */
	P_PREPARED,   /* and of its columns */
	P_COLUMNS,
	P_AFTER_COLUMNS,
	P_ROWS,
	P_FIELD_LIST,
	P_DUMP, /* events of the binary log */
};

/* What is due at the end of the packet that is being passed over. */
enum mysql_after {
	AFTER_NOTHING,
	AFTER_REQUEST,
	AFTER_SILENT, /* a request that is not answered */
	AFTER_RESPONSE,
	AFTER_EVENT,
	AFTER_TLS,
};

struct mysql_stream {
	uint8_t phase; /* enum mysql_phase */
	uint8_t seq;   /* of the packet that comes next */
	uint8_t after; /* enum mysql_after */
	bool more;     /* the packet was full and goes on in the next */
	bool lost;     /* out of step */
};

struct mysql_result {
	uint16_t command;
	uint16_t warnings, status, flags;  /* of the last result; flags of all of them */
	bool going, error;                 /* it has begun; it ended with an error */
	bool sum, lost;                    /* affected is known; rows are missing */
	uint32_t serial, sets, left, then; /* left: definitions; then: those of columns after */
	uint64_t fields, rows, bytes, affected, insert_id;
};

/* A packet of the compressed protocol. */
struct mysql_frame {
	uint32_t left, raw; /* bytes that are to come; what they were before compression */
	uint8_t coding;     /* enum tsm_coding */
	bool first, lost;
};

/* What comes out of a compressed event. */
struct mysql_unpack {
	uint64_t raw;          /* bytes that it says it has */
	uint64_t events, rows; /* events in a payload, and those of rows */
	bool statement, bad;   /* a statement was found; it cannot be read */
};

struct mysql {
	struct mysql_stream side[2];
	struct mysql_frame frame[2];
	struct mysql_result r;
	bool begun, tls, compressed, caps_known, infile, age_known;
	bool dump, fetch;    /* the last command asked for the binary log; for rows of a cursor */
	bool client_gone;    /* it closed first */
	bool prepare_before; /* the first command is one on the last statement prepared, unseen */
	uint32_t server_caps, client_caps, caps;
	uint32_t serial;  /* of the last statement that was to be prepared */
	uint32_t waiting; /* commands whose response has not begun */
	uint64_t silent;  /* keys of requests that are not answered */
	uint64_t infile_bytes;
	int64_t least_age; /* of events of the binary log, ns */
	uint64_t ack_asked, ack_position;
	uint8_t event_front; /* bytes in front of an event of the binary log; 0: not known */
	struct mysql_unpack unpack;
	uint8_t version_len, user_len, schema_len, next_schema_len, plugin_len;
	uint8_t version[MYSQL_NAME_MAX], user[MYSQL_NAME_MAX], schema[MYSQL_NAME_MAX];
	uint8_t next_schema[MYSQL_NAME_MAX], plugin[MYSQL_NAME_MAX];
};

/* Events of the binary log. */
#define EVENT_HEAD               19u
#define EVENT_QUERY              2u
#define EVENT_ROTATE             4u
#define EVENT_FORMAT             15u
#define EVENT_ROWS_QUERY         29u
#define EVENT_GTID               33u
#define EVENT_PAYLOAD            40u
#define MARIADB_GTID             162u
#define MARIADB_QUERY_COMPRESSED 165u

/* A length-encoded number; marks the view bad where it is none. */
static inline uint64_t mysql_lenenc(struct view *v)
{
	uint64_t n = view_le(v, 1);

	if (n < 0xfb)
		return n;
	if (n == 0xfc)
		return view_le(v, 2);
	if (n == 0xfd)
		return view_le(v, 3);
	if (n == 0xfe)
		return view_le(v, 8);
	v->bad = true;
	return 0;
}

/* Text behind its length, as much of it as is there. */
static inline struct view mysql_lenenc_text(struct view *v)
{
	uint64_t n = mysql_lenenc(v);
	struct view text = *v;

	if (n > view_len(v)) {
		v->bad = true;
		n = view_len(v);
	}
	text.end = text.p + n;
	v->p = text.end;
	return text;
}

static inline struct view mysql_kept(const uint8_t *p, uint8_t len)
{
	return view_of(p, len, 0);
}

static inline void mysql_keep(uint8_t *to, uint8_t *len, struct view text)
{
	size_t n = view_len(&text) < MYSQL_NAME_MAX ? view_len(&text) : MYSQL_NAME_MAX;

	if (n)
		memcpy(to, text.p, n);
	*len = (uint8_t)n;
}

/* Length and sequence number of a packet whose header is there. */
static inline uint32_t mysql_length(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
}

/* mysql_probe.c: what bytes look like, from the front of the view. */
enum tsm_probe mysql_greeting_like(struct view v);
enum tsm_probe mysql_login_like(struct view v);
enum tsm_probe mysql_command_like(struct view v);
enum tsm_probe mysql_response_like(struct view v);
/* The same for a connection that is not known yet: surer. */
enum tsm_probe mysql_client_probe(struct view v);
enum tsm_probe mysql_server_probe(struct view v);
/* Does a packet of this side begin here? As sync(). */
enum tsm_probe mysql_sync(struct session *s, void *state, enum side side, struct view *v);

/*
 * mysql_client.c, mysql_server.c: one packet of `len` bytes, the first of which are in `body`; `p`
 * is where its header was. False: it is none that can be here.
 */
uint32_t mysql_client_wants(const struct mysql *h, const uint8_t *p, uint32_t len, size_t have);
bool mysql_client_packet(
	struct session *s, struct mysql *h, const uint8_t *p, uint32_t len, struct view body);
uint32_t mysql_server_wants(const struct mysql *h, const uint8_t *p, uint32_t len, size_t have);
bool mysql_server_packet(
	struct session *s, struct mysql *h, const uint8_t *p, uint32_t len, struct view body);
/* The response under way goes no further. */
void mysql_give_up(struct session *s, struct mysql *h);
void mysql_response_end(struct session *s, struct mysql *h, const uint8_t *end);
/* The transaction of the response under way, which begins at p if there is none yet. */
struct tsm_txn mysql_respond(struct session *s, struct mysql *h, const uint8_t *p);
/* It is an error; it is an OK_Packet. */
void mysql_failed(struct session *s, struct mysql *h, struct view v);
void mysql_ok(struct mysql *h, struct view v, bool sum);
/* A command without an object. */
void mysql_bare(struct tsm_txn t, const char *method);
void mysql_error(struct session *s, struct tsm_txn t, struct view body);
/* User and schema of the connection, as far as they are known. */
void mysql_whose(struct mysql *h, struct tsm_txn t);
/*
 * Method and query of a statement; `whole`: all of it is in sql. `digest` is room for it, and then
 * holds it. True: it is not all there.
 */
bool mysql_statement(
	struct session *s, struct tsm_txn t, struct view sql, bool whole, struct view *digest);

/*
 * mysql_login.c: packets of the server and the client until it is let in; what is known when a side
 * has ended.
 */
bool mysql_greeting(struct session *s, struct mysql *h, const uint8_t *p, struct view v);
bool mysql_login(struct session *s, struct mysql *h, const uint8_t *p, uint32_t len, struct view v);
bool mysql_authentication(
	struct session *s, struct mysql *h, const uint8_t *p, uint32_t len, struct view v);
void mysql_end(struct session *s, struct mysql *h, enum side side, enum tsm_end why);

/* mysql.c: the bytes of a side as packets; what was under way is lost. */
struct take mysql_packets(struct session *s, void *state, enum side side, struct view *v);
void mysql_lose(struct session *s, struct mysql *h, enum side side);

/* mysql_compressed.c */
enum tsm_probe mysql_compressed_like(struct view v, enum side side);
enum tsm_probe mysql_compressed_whole(struct view v, enum side side);
enum tsm_probe mysql_compressed_sync(struct view v, enum side side, bool turn);
struct take mysql_compressed(struct session *s, struct mysql *h, enum side side, struct view *v);

/* mysql_binlog.c */
bool mysql_event(
	struct session *s, struct mysql *h, const uint8_t *p, uint32_t len, struct view body);
enum tsm_probe mysql_event_like(struct view v);
/* How much of it is to be read, at most. */
uint32_t mysql_event_wants(const struct mysql *h, const uint8_t *p, uint32_t len, size_t have);

/* A semi-synchronous acknowledgment. */
bool mysql_ack_like(const struct view *v);

/*
 * mysql_unpack.c: a compressed QUERY event from its statement on; a transaction as one event, from
 * behind its header on. mysql_event_query() passes over what is in front of a statement; false: it
 * is not all there.
 */
bool mysql_event_query(struct view *v, struct view *schema);
void mysql_unpack_statement(
	struct session *s, struct mysql *h, struct tsm_txn t, struct view v, bool whole);
void mysql_unpack_payload(
	struct session *s, struct mysql *h, struct tsm_txn t, struct view v, bool whole);

/*
 * mysql_gtid.c: F_B_GTID of a set (`whole`: it is all in the view), or of a GTID event by what
 * follows its header.
 */
void mysql_gtid_set(struct tsm_txn t, struct view v, bool whole);
void mysql_gtid(struct tsm_txn t, struct view v);
void mysql_gtid_mariadb(struct tsm_txn t, uint32_t server, struct view v);

/* The name of a command, or NULL. */
const char *mysql_command_name(uint8_t command);

/* mysql_show.c */
void mysql_describe(struct show *s, const struct packet *p, enum side side, struct view v);
void mysql_semisync_ack(struct session *s, struct mysql *h, const uint8_t *p, struct view body);

#endif
