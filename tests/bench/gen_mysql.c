/*
 * Workload mysql: applications and their database (MySQL client/server protocol 4.1, with
 * CLIENT_DEPRECATE_EOF). Persistent connections, queries as text and prepared statements, answers
 * of no row to some thousand rows, a few errors.
 */
#include "gen.h"

#include <stdlib.h>
#include <string.h>

enum { FLOWS = 1600, QUERIES = 160000, APPS = 64 };

#define SPAN (60 * SEC)

/* Capability flags. */
enum {
	LONG_PASSWORD = 0x1,
	LONG_FLAG = 0x4,
	CONNECT_WITH_DB = 0x8,
	PROTOCOL_41 = 0x200,
	TRANSACTIONS = 0x2000,
	SECURE_CONNECTION = 0x8000,
	MULTI_RESULTS = 0x20000,
	PLUGIN_AUTH = 0x80000,
	DEPRECATE_EOF = 0x1000000
};
enum {
	CAPABILITIES = LONG_PASSWORD | LONG_FLAG | CONNECT_WITH_DB | PROTOCOL_41 | TRANSACTIONS |
		       SECURE_CONNECTION | MULTI_RESULTS | PLUGIN_AUTH | DEPRECATE_EOF
};
enum { COM_QUERY = 0x03, COM_STMT_PREPARE = 0x16, COM_STMT_EXECUTE = 0x17 };
enum { TYPE_LONGLONG = 8, TYPE_VAR_STRING = 253 };
enum { STATUS_AUTOCOMMIT = 2, STATUS_NO_INDEX = 0x20 };

struct packet {
	uint8_t bytes[1024];
	size_t len;
};

enum stage { GREETING, LOGIN, LOGGED_IN, ASK, ANSWER };

struct mysql {
	uint32_t queries_left;
	uint32_t user;
	enum stage stage;
	bool prepared; /* it works with a prepared statement */
	bool preparing;
	uint8_t seq;
	uint32_t kind;
};

static const char *const statements[] = {
	"SELECT id, name, price FROM products WHERE category_id = %u AND price < %u.50 ORDER BY "
	"name LIMIT 20",
	"SELECT c.*, u.name FROM comments c JOIN users u ON u.id = c.user_id WHERE c.article_id = "
	"%u ORDER BY c.created_at DESC LIMIT %u",
	"SELECT COUNT(*) FROM sessions WHERE user_id IN (%u, %u, 17, 18, 19) /* counter */",
	"INSERT INTO events (session_id, kind, payload) VALUES (%u, 'click', '{\"n\": %u}')",
	"UPDATE carts SET quantity = quantity + 1 WHERE user_id = %u AND item_id = %u",
	"SELECT * FROM log WHERE day = '2023-11-14' AND host = 'web%u' AND n > %u",
};

enum { NSTATEMENTS = sizeof(statements) / sizeof(statements[0]), FIRST_WRITE = 3, LAST_WRITE = 4 };

static void put(struct packet *p, const void *bytes, size_t n)
{
	if (n > sizeof(p->bytes) - p->len)
		die("MySQL packet too long");
	memcpy(p->bytes + p->len, bytes, n);
	p->len += n;
}

static void put_le(struct packet *p, uint64_t v, unsigned n)
{
	uint8_t bytes[8];

	for (unsigned i = 0; i < n; i++)
		bytes[i] = (uint8_t)(v >> 8 * i);
	put(p, bytes, n);
}

static void put_zeros(struct packet *p, size_t n)
{
	static const uint8_t zeros[32];

	put(p, zeros, n);
}

/* A string with its length in front (below 251 bytes: one byte). */
static void put_lenenc(struct packet *p, const char *s)
{
	put_le(p, strlen(s), 1);
	put(p, s, strlen(s));
}

static void end_packet(struct mysql *m, struct message *msg, const struct packet *p)
{
	uint8_t head[4] = {
		(uint8_t)p->len, (uint8_t)(p->len >> 8), (uint8_t)(p->len >> 16), m->seq++};

	message_bytes(msg, head, sizeof(head));
	message_bytes(msg, p->bytes, p->len);
}

static void write_greeting(struct sim *sim, struct mysql *m, struct message *msg)
{
	struct packet p = {.len = 0};

	put_le(&p, 10, 1);
	put(&p, "8.0.36", 7);
	put_le(&p, rnd_below(sim, 1 << 20), 4);
	put(&p, "abcdefgh", 9);
	put_le(&p, CAPABILITIES & 0xffff, 2);
	put_le(&p, 45, 1);
	put_le(&p, STATUS_AUTOCOMMIT, 2);
	put_le(&p, CAPABILITIES >> 16, 2);
	put_le(&p, 21, 1);
	put_zeros(&p, 10);
	put(&p, "ijklmnopqrst", 13);
	put(&p, "mysql_native_password", 22);
	m->seq = 0;
	end_packet(m, msg, &p);
}

static void write_login(struct mysql *m, struct message *msg)
{
	struct packet p = {.len = 0};

	put_le(&p, CAPABILITIES, 4);
	put_le(&p, 1 << 24, 4);
	put_le(&p, 45, 1);
	put_zeros(&p, 23);
	put(&p, "shop", 5);
	put_le(&p, 20, 1);
	put_zeros(&p, 20);
	put(&p, "shopdb", 7);
	put(&p, "mysql_native_password", 22);
	end_packet(m, msg, &p);
}

static void write_ok(struct mysql *m, struct message *msg, uint8_t header, unsigned rows)
{
	struct packet p = {.len = 0};

	put_le(&p, header, 1);
	put_le(&p, rows, 1);
	put_le(&p, 0, 1);
	put_le(&p, STATUS_AUTOCOMMIT | (m->kind == NSTATEMENTS - 1 ? STATUS_NO_INDEX : 0), 2);
	put_le(&p, 0, 2);
	end_packet(m, msg, &p);
}

static void write_error(struct mysql *m, struct message *msg)
{
	static const char text[] = "#42S02Table 'shopdb.log' doesn't exist";
	struct packet p = {.len = 0};

	put_le(&p, 0xff, 1);
	put_le(&p, 1146, 2);
	put(&p, text, sizeof(text) - 1);
	end_packet(m, msg, &p);
}

static void write_column(struct mysql *m, struct message *msg, const char *name, unsigned type)
{
	struct packet p = {.len = 0};

	put_lenenc(&p, "def");
	put_lenenc(&p, "shopdb");
	put_lenenc(&p, "products");
	put_lenenc(&p, "products");
	put_lenenc(&p, name);
	put_lenenc(&p, name);
	put_le(&p, 0x0c, 1);
	put_le(&p, 45, 2);
	put_le(&p, 200, 4);
	put_le(&p, type, 1);
	put_zeros(&p, 2 + 1 + 2);
	end_packet(m, msg, &p);
}

/* A row of a number and a text of n bytes. */
static void write_row(
	struct sim *sim, struct mysql *m, struct message *msg, uint32_t id, uint32_t n)
{
	struct packet p = {.len = 0};
	uint8_t head[4];
	size_t len;

	if (m->prepared) {
		put_zeros(&p, 2); /* header, NULL bitmap */
		put_le(&p, id, 8);
	} else {
		put_le(&p, 5, 1);
		for (uint32_t i = 10000; i; i /= 10)
			put_le(&p, '0' + id / i % 10, 1);
	}
	if (n < 251) {
		put_le(&p, n, 1);
	} else {
		put_le(&p, 0xfc, 1);
		put_le(&p, n, 2);
	}
	len = p.len + n;
	head[0] = (uint8_t)len;
	head[1] = (uint8_t)(len >> 8);
	head[2] = (uint8_t)(len >> 16);
	head[3] = m->seq++;
	message_bytes(msg, head, sizeof(head));
	message_bytes(msg, p.bytes, p.len);
	message_fill(sim, msg, FILL_TEXT, n);
}

static uint32_t row_count(struct sim *sim)
{
	const uint32_t dice = rnd_below(sim, 1000);

	if (dice < 600)
		return rnd_below(sim, 4);
	if (dice < 990)
		return (uint32_t)rnd_octaves(sim, 4, 4);
	return (uint32_t)rnd_octaves(sim, 64, 6);
}

static void write_result(struct sim *sim, struct mysql *m, struct message *msg)
{
	const uint32_t rows = row_count(sim), first = rnd_below(sim, 90000);
	struct packet p = {.len = 0};

	put_le(&p, 2, 1);
	end_packet(m, msg, &p);
	write_column(m, msg, "id", TYPE_LONGLONG);
	write_column(m, msg, "name", TYPE_VAR_STRING);
	for (uint32_t i = 0; i < rows; i++)
		write_row(sim, m, msg, first + i, (uint32_t)rnd_octaves(sim, 16, 5));
	sim_count(sim, "mysql.rows", rows);
	write_ok(m, msg, 0xfe, 0);
}

static void write_query(struct sim *sim, struct mysql *m, struct message *msg)
{
	struct packet p = {.len = 0};
	struct message text = {.spans = NULL};
	const uint32_t a = rnd_between(sim, 1, 99999), b = rnd_between(sim, 1, 400);

	m->kind = rnd_below(sim, NSTATEMENTS);
	message_printf(&text, statements[m->kind], a, b);
	put_le(&p, COM_QUERY, 1);
	put(&p, text.text, text.text_len);
	message_release(&text);
	end_packet(m, msg, &p);
}

static void write_prepare(struct mysql *m, struct message *msg)
{
	static const char sql[] = "SELECT id, name FROM products WHERE id = ?";
	struct packet p = {.len = 0};

	m->kind = 0;
	m->preparing = true;
	put_le(&p, COM_STMT_PREPARE, 1);
	put(&p, sql, sizeof(sql) - 1);
	end_packet(m, msg, &p);
}

static void write_prepared(struct mysql *m, struct message *msg)
{
	struct packet p = {.len = 0};

	put_le(&p, 0, 1);
	put_le(&p, 1, 4);
	put_le(&p, 2, 2);
	put_le(&p, 1, 2);
	put_zeros(&p, 3);
	end_packet(m, msg, &p);
	write_column(m, msg, "?", TYPE_VAR_STRING);
	write_column(m, msg, "id", TYPE_LONGLONG);
	write_column(m, msg, "name", TYPE_VAR_STRING);
	m->preparing = false;
}

static void write_execute(struct sim *sim, struct mysql *m, struct message *msg)
{
	struct packet p = {.len = 0};

	put_le(&p, COM_STMT_EXECUTE, 1);
	put_le(&p, 1, 4);
	put_le(&p, 0, 1);
	put_le(&p, 1, 4);
	put_le(&p, 0, 1);
	put_le(&p, 1, 1);
	put_le(&p, TYPE_LONGLONG, 2);
	put_le(&p, rnd_below(sim, 100000), 8);
	end_packet(m, msg, &p);
}

static void write_request(struct sim *sim, struct mysql *m, struct message *msg)
{
	sim_count(sim, "mysql.queries", 1);
	m->seq = 0;
	if (!m->prepared && rnd_chance(sim, 100000)) {
		m->prepared = true;
		write_prepare(m, msg);
	} else if (m->prepared) {
		write_execute(sim, m, msg);
	} else {
		write_query(sim, m, msg);
	}
}

static void write_answer(struct sim *sim, struct mysql *m, struct message *msg)
{
	if (m->preparing)
		write_prepared(m, msg);
	else if (rnd_chance(sim, 5000))
		write_error(m, msg);
	else if (!m->prepared && m->kind >= FIRST_WRITE && m->kind <= LAST_WRITE)
		write_ok(m, msg, 0, 1);
	else
		write_result(sim, m, msg);
}

static bool mysql_next(struct sim *sim, void *state, struct turn *turn)
{
	struct mysql *m = state;

	turn->from = m->stage == LOGIN || m->stage == ASK ? CLIENT : SERVER;
	turn->think = rnd_octaves(sim, 50 * USEC, 3);
	switch (m->stage) {
	case GREETING:
		write_greeting(sim, m, turn->msg);
		m->stage = LOGIN;
		return true;
	case LOGIN:
		write_login(m, turn->msg);
		m->stage = LOGGED_IN;
		return true;
	case LOGGED_IN:
		write_ok(m, turn->msg, 0, 0);
		m->stage = ASK;
		return true;
	case ASK:
		turn->think = rnd_exp(sim, 3 * MSEC);
		if (!m->queries_left--)
			return false;
		write_request(sim, m, turn->msg);
		m->stage = ANSWER;
		return true;
	default:
		turn->think = rnd_octaves(sim, 100 * USEC, 7);
		write_answer(sim, m, turn->msg);
		m->stage = ASK;
		return true;
	}
}

static const struct script mysql_script = {.next = mysql_next};

static void mysql_open(struct sim *sim, uint32_t index)
{
	struct mysql *m = xcalloc(1, sizeof(*m));
	struct tcp_spec spec = tcp_usual(&mysql_script, m);

	m->queries_left = (uint32_t)rnd_exp(sim, QUERIES / FLOWS * 1024) / 1024;
	m->user = index % APPS;
	/* Applications from 10.3.0.0, the database 10.4.0.1. */
	spec.side[CLIENT] =
		endpoint_at(sim, 0x0a030000 + m->user, 32768 + index / APPS % 28000, 64);
	spec.side[SERVER] = endpoint_at(sim, 0x0a040001, 3306, 64);
	spec.loop[SERVER] = rnd_octaves(sim, 20 * USEC, 2);
	spec.loop[CLIENT] = rnd_octaves(sim, 50 * USEC, 2);
	spec.spacing = rnd_octaves(sim, 2 * USEC, 2);
	spec.max_window = (uint16_t)rnd_between(sim, 20, 64);
	spec.lost_before_tap = spec.lost_after_tap = 200;
	tcp_open(sim, &spec);
}

void mysql_start(struct sim *sim)
{
	sim_arrivals(sim, sim_scaled(sim, FLOWS), sim_scaled(sim, SPAN), mysql_open);
}
