/*
 * mysql_binlog.c - events of the binary log as servers send them: with and without a checksum,
 * whatever was agreed on; larger than a packet, with semi-synchronous replication and without;
 * compressed statements of MariaDB and transactions of MySQL. In segments of several sizes.
 */
#include "talk.h"
#include <zlib.h>
#include <zstd.h>

#define PORT 3306

static const size_t steps[] = {1, 7, 1460, 1 << 20};
#define EACH for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++)

struct bytes {
	uint8_t *b;
	size_t n;
};

static void put(struct bytes *to, const void *p, size_t n)
{
	to->b = realloc(to->b, to->n + n + 1);
	assert_non_null(to->b);
	if (n)
		memcpy(to->b + to->n, p, n);
	to->n += n;
}

static void le(struct bytes *to, uint64_t x, unsigned n)
{
	for (unsigned i = 0; i < n; i++, x >>= 8)
		put(to, &(uint8_t){(uint8_t)x}, 1);
}

#define TEXT(to, text) put(to, text, sizeof(text) - 1)

/* A packet, in as many as it needs. */
static void packet(struct bytes *to, uint8_t seq, const struct bytes *body)
{
	size_t at = 0, n;

	do {
		n = body->n - at < 0xffffff ? body->n - at : 0xffffff;
		le(to, n, 3);
		le(to, seq++, 1);
		put(to, body->b + at, n);
		at += n;
	} while (n == 0xffffff);
}

enum { PLAIN = 1, SEMI = 3 };

/* An event with its header. */
static struct bytes event(uint32_t time, unsigned type, const struct bytes *body, bool checksum)
{
	struct bytes e = {NULL, 0};

	le(&e, time, 4);
	le(&e, type, 1);
	le(&e, 7, 4);
	le(&e, 19 + body->n + (checksum ? 4 : 0), 4);
	le(&e, 1000, 4);
	le(&e, 0, 2);
	put(&e, body->b, body->n);
	if (checksum)
		le(&e, crc32(0, e.b, (uInt)e.n), 4);
	return e;
}

static void add_event(struct bytes *to, int front, uint32_t time, unsigned type,
	const struct bytes *body, bool checksum)
{
	struct bytes e = event(time, type, body, checksum), p = {NULL, 0};

	put(&p, "\0\xef\0", (size_t)front);
	put(&p, e.b, e.n);
	packet(to, 5, &p);
	free(e.b);
	free(p.b);
}

static void query(struct bytes *to, const void *sql, size_t n)
{
	le(to, 0, 8);
	le(to, 4, 1);
	le(to, 0, 2);
	le(to, 3, 2);
	put(to, "\1\2\3shop", 8);
	put(to, sql, n);
}

static void add_query(struct bytes *to, const char *sql, bool checksum)
{
	struct bytes q = {NULL, 0};

	query(&q, sql, strlen(sql));
	add_event(to, PLAIN, 1600000000, 2, &q, checksum);
	free(q.b);
}

static void begin(size_t step)
{
	static const char greeting[] = "\x41\0\0\0\x0a"
				       "8.0.99\0\1\0\0\0aaaaaaaa\0\x0f\xa2\x21\2\0\xff\1\x15"
				       "\0\0\0\0\0\0\0\0\0\0bbbbbbbbbbbb\0m_n_password\0";
	static const char login[] =
		"\x40\0\0\1\x07\xa2\xff\1\0\0\0\1\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
		"repl\0\4passmysql_native_password\0";
	static const char ok[] = "\7\0\0\2\0\0\0\2\0\0\0";
	static const char dump[] = "\x18\0\0\0\x12\4\0\0\0\0\0\1\0\0\0binlog.000001";

	talk_begin(PORT, true);
	talk_bytes(1, greeting, sizeof(greeting) - 1, step);
	talk_bytes(0, login, sizeof(login) - 1, step);
	talk_bytes(1, ok, sizeof(ok) - 1, step);
	talk_bytes(0, dump, sizeof(dump) - 1, step);
}

/* The answer to the dump, and what came out of all. */
static void answer(struct bytes *all, size_t step)
{
	talk_bytes(1, all->b, all->n, step);
	free(all->b);
	talk_close();
	talk_end();
	talk_lacks("!malformed");
}

/* What the client asked for, and what FORMAT_DESCRIPTION says of the file, decides nothing. */
static void checksums_are_each_events_own(void **state)
{
	(void)state;
	EACH
	{
		struct bytes all = {NULL, 0}, rotate = {NULL, 0};

		begin(steps[k]);
		le(&rotate, 4, 8);
		TEXT(&rotate, "binlog.000001");
		add_event(&all, PLAIN, 0, 4, &rotate, false);
		rotate.b[rotate.n - 1]++;
		add_event(&all, PLAIN, 0, 4, &rotate, true);
		free(rotate.b);
		add_query(&all, "create table a (b int)", true);
		add_query(&all, "create table c (d int)", false);
		add_query(&all, "drop table e", true);
		answer(&all, steps[k]);
		talk_holds("binlog.size=40 tsumari.mysql.binlog.file=binlog.000001\n");
		talk_holds("binlog.size=44 tsumari.mysql.binlog.file=binlog.000002\n");
		talk_holds("mysql CREATE|create table a (b int)|1");
		talk_holds("mysql CREATE|create table c (d int)|1");
		talk_holds("mysql DROP|drop table e|1");
	}
}

/* A statement of some thousand bytes is read to its end. */
static void long_statements(void **state)
{
	char sql[9000];

	(void)state;
	memset(sql, 'x', sizeof(sql) - 1);
	memcpy(sql, "insert into t values ('", 23);
	memcpy(sql + sizeof(sql) - 3, "')", 3);
	EACH
	{
		struct bytes all = {NULL, 0};

		begin(steps[k]);
		add_query(&all, sql, true);
		add_query(&all, "drop table e", true);
		answer(&all, steps[k]);
		talk_holds("mysql INSERT|insert into t values(?+)|1");
		talk_lacks("!truncated");
	}
}

/* The second packet of an event is none of its own, whatever its bytes. */
static void larger_than_a_packet(void **state)
{
	static const uint32_t times[] = {0x6a0cb4e7, 0x6a0cb4ef, 0x6a0c01ef, 0x6a0c00ef};
	struct bytes rows = {NULL, 0};

	(void)state;
	rows.n = 20000000;
	rows.b = calloc(1, rows.n + 1);
	assert_non_null(rows.b);
	for (int front = PLAIN; front <= SEMI; front += 2)
		for (size_t i = 0; i < 4; i++)
			for (int known = 0; known < 2; known++) {
				struct bytes all = {NULL, 0}, none = {NULL, 0};

				begin(1460);
				put(&none, "12345678", 8);
				if (known)
					add_event(&all, front, times[i], 16, &none, true);
				add_event(&all, front, times[i], 23, &rows, true);
				add_event(&all, front, times[i], 16, &none, true);
				free(none.b);
				answer(&all, 1 << 20);
				talk_holds("binlog.type=WRITE_ROWS_V1");
				talk_holds("binlog.size=20000023");
				talk_holds("binlog.type=XID");
				talk_holds("binlog.server_id=7");
				assert_int_equal(talk.records, 4u + (unsigned)known);
			}
	free(rows.b);
}

/* MariaDB's log_bin_compress: one byte, the length, zlib. */
static void compressed(struct bytes *to, uint8_t head, const char *sql, size_t n, size_t cut)
{
	uLongf len = compressBound(n);
	uint8_t *out = malloc(len);
	unsigned bytes = head & 7;

	assert_non_null(out);
	assert_int_equal(compress(out, &len, (const void *)sql, n), Z_OK);
	le(to, head, 1);
	for (unsigned i = 0; i < bytes; i++)
		le(to, n >> 8 * (bytes - 1 - i), 1);
	put(to, out, len - cut);
	free(out);
}

static void compressed_statements(void **state)
{
	(void)state;
	EACH for (uint8_t bytes = 1; bytes <= 4; bytes++)
	{
		struct bytes all = {NULL, 0}, z = {NULL, 0}, q = {NULL, 0};

		begin(steps[k]);
		compressed(&z, 0x80 | bytes, "update t set a = 5", 18, 0);
		query(&q, z.b, z.n);
		add_event(&all, PLAIN, 1600000000, 165, &q, true);
		add_query(&all, "drop table e", true);
		answer(&all, steps[k]);
		free(z.b);
		free(q.b);
		talk_holds("mysql UPDATE|update t set a = ?|1");
		talk_holds("binlog.type=QUERY_COMPRESSED");
		talk_holds("mysql.schema=shop");
		talk_holds("mysql DROP|drop table e|1");
		talk_lacks("!");
	}
}

/* What cannot be read harms nothing behind it. */
static void compressed_statements_that_are_broken(void **state)
{
	(void)state;
	for (int how = 0; how < 5; how++) {
		struct bytes all = {NULL, 0}, z = {NULL, 0}, q = {NULL, 0};

		begin(1460);
		if (how == 0) /* not to its end */
			compressed(&z, 0x81, "update t set a = 5", 18, 9);
		else if (how == 1) /* another coding */
			compressed(&z, 0x91, "update t set a = 5", 18, 0);
		else if (how == 2) /* not compressed */
			compressed(&z, 0x01, "update t set a = 5", 18, 0);
		else if (how == 3)
			put(&z, "\x81\x20nonsense, no zlib at all", 26);
		else /* more comes out than is said */
			compressed(&z, 0x81, "update t set a = 5", 18, 0), z.b[1] = 3;
		query(&q, z.b, z.n);
		add_event(&all, PLAIN, 1600000000, 165, &q, true);
		q.n = 0;
		free(z.b);
		z = (struct bytes){NULL, 0};
		compressed(&z, 0x81, "delete from t", 13, 0);
		query(&q, z.b, z.n);
		add_event(&all, PLAIN, 1600000000, 165, &q, true);
		free(z.b);
		free(q.b);
		talk_bytes(1, all.b, all.n, 1460);
		free(all.b);
		talk_close();
		talk_end();
		talk_holds("!malformed");
		talk_lacks("UPDATE");
		talk_holds("mysql DELETE|delete from t|1");
	}
}

/* The events of a transaction as MySQL puts them together. */
static struct bytes transaction(void)
{
	struct bytes all = {NULL, 0}, q = {NULL, 0}, e;

	query(&q, "BEGIN", 5);
	e = event(1600000000, 2, &q, false);
	put(&all, e.b, e.n);
	free(e.b);
	q.n = 0;
	TEXT(&q, "\x16insert into t values(1)");
	e = event(1600000000, 29, &q, false);
	put(&all, e.b, e.n);
	free(e.b);
	q.n = 20;
	for (unsigned i = 0; i < 3; i++) { /* TABLE_MAP, WRITE_ROWS, XID */
		e = event(1600000000, (const uint8_t[]){19, 30, 16}[i], &q, false);
		put(&all, e.b, e.n);
		free(e.b);
	}
	free(q.b);
	return all;
}

static struct bytes payload(const struct bytes *events, bool coded, size_t says)
{
	struct bytes all = {NULL, 0}, z = {NULL, 0};

	if (coded) {
		z.b = malloc(ZSTD_compressBound(events->n));
		assert_non_null(z.b);
		z.n = ZSTD_compress(z.b, ZSTD_compressBound(events->n), events->b, events->n, 3);
		assert_false(ZSTD_isError(z.n));
	} else {
		put(&z, events->b, events->n);
	}
	TEXT(&all, "\2\3\xfc");
	le(&all, coded ? 0 : 255, 2);
	TEXT(&all, "\1\3\xfc");
	le(&all, z.n, 2);
	if (coded) {
		TEXT(&all, "\3\3\xfc");
		le(&all, says, 2);
	}
	TEXT(&all, "\x63\2xx"); /* what a later version may say */
	le(&all, 0, 1);
	put(&all, z.b, z.n);
	free(z.b);
	return all;
}

static void transactions_as_one_event(void **state)
{
	(void)state;
	EACH for (int coded = 0; coded < 2; coded++) for (int checksum = 0; checksum < 2;
							  checksum++)
	{
		struct bytes all = {NULL, 0}, in = transaction();
		struct bytes p = payload(&in, coded, in.n);

		begin(steps[k]);
		add_event(&all, PLAIN, 1600000000, 40, &p, checksum);
		add_query(&all, "drop table e", true);
		answer(&all, steps[k]);
		free(in.b);
		free(p.b);
		talk_holds("mysql INSERT|insert into t values(?+)|1");
		talk_holds("binlog.type=TRANSACTION_PAYLOAD");
		talk_holds("binlog.events=5 tsumari.mysql.binlog.row_events=1");
		talk_holds("mysql DROP|drop table e|1");
		talk_lacks("!");
	}
}

/* Of one that is cut or broken no number is known, and the next one is read. */
static void transactions_that_are_broken(void **state)
{
	(void)state;
	for (int how = 0; how < 4; how++) {
		struct bytes all = {NULL, 0}, in = transaction(), p;

		begin(1460);
		if (how == 2)
			in.n -= 5;
		p = payload(&in, true, in.n + (how == 3));
		if (how == 0)
			p.n -= 5;
		else if (how == 1)
			p.b[20] ^= 0xff; /* the magic number */
		add_event(&all, PLAIN, 1600000000, 40, &p, true);
		free(in.b);
		free(p.b);
		in = transaction();
		p = payload(&in, true, in.n);
		add_event(&all, PLAIN, 1600000000, 40, &p, true);
		free(in.b);
		free(p.b);
		talk_bytes(1, all.b, all.n, 1460);
		free(all.b);
		talk_close();
		talk_end();
		talk_holds("!malformed");
		assert_ptr_equal(strstr(talk.out, "binlog.events="),
			strstr(strstr(talk.out, "!malformed"), "binlog.events="));
		talk_holds("binlog.events=5 tsumari.mysql.binlog.row_events=1");
	}
}

/* More than is read: the statement is known, no number is. */
static void a_large_transaction(void **state)
{
	struct bytes in = transaction(), big = {NULL, 0}, noise = {NULL, 0}, all = {NULL, 0},
		     p = {NULL, 0}, e;
	uint32_t x = 1;

	(void)state;
	for (unsigned i = 0; i < 40000; i++)
		le(&noise, x = x * 1664525 + 1013904223, 4);
	e = event(1600000000, 30, &noise, false);
	put(&big, in.b, in.n);
	put(&big, e.b, e.n);
	begin(1460);
	TEXT(&p, "\2\3\xfc\xff\0\1\4\xfd");
	le(&p, big.n, 3);
	le(&p, 0, 1);
	put(&p, big.b, big.n);
	add_event(&all, PLAIN, 1600000000, 40, &p, true);
	add_query(&all, "drop table e", true);
	answer(&all, 1460);
	free(p.b);
	free(e.b);
	free(in.b);
	free(big.b);
	free(noise.b);
	talk_holds("mysql INSERT|insert into t values(?+)|1");
	talk_holds("!truncated");
	talk_lacks("binlog.events");
	talk_holds("mysql DROP|drop table e|1");
}

static int finish(void **state)
{
	(void)state;
	talk_free();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checksums_are_each_events_own),
		cmocka_unit_test(long_statements),
		cmocka_unit_test(larger_than_a_packet),
		cmocka_unit_test(compressed_statements),
		cmocka_unit_test(compressed_statements_that_are_broken),
		cmocka_unit_test(transactions_as_one_event),
		cmocka_unit_test(transactions_that_are_broken),
		cmocka_unit_test(a_large_transaction),
	};

	return cmocka_run_group_tests(tests, NULL, finish);
}
