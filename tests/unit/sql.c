/*
 * sql.c - the digest of SQL statements: what it must be, what it must never show, and that its time
 * is in proportion to the text.
 *
 * `agreed` are digests that pt-fingerprint of percona-toolkit 3.2.1 gives, too (default options; it
 * leaves a blank where a comment was the last);
 * `differ` are those where it does not, with what it gives and why this is better.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>
#include "api/sql.h"

static const struct {
	const char *sql, *digest;
} agreed[] = {
	{"SELECT * FROM t WHERE a = 5 AND b IN (1, 2,3)",
		"select * from t where a = ? and b in(?+)"},
	{"select a from t where a = 'x' and b=\"y\"", "select a from t where a = ? and b=?"},
	{"select * from t where s = 'it\\'s' and n is null",
		"select * from t where s = ? and n is ?"},
	{"INSERT INTO t(a,b) VALUES (1,'a'), (2, 'b'),(3,NULL)", "insert into t(a,b) values(?+)"},
	{"insert into t values (now(), 1)", "insert into t values (now(), ?)"},
	{"insert into t values (now(), 1), (now(), 2)", "insert into t values (now(), ?)"},
	{"select 'a -- b', c from t -- d", "select ?, c from t"},
	{"select c from t limit 10", "select c from t limit ?"},
	{"select c from t limit 10, 20", "select c from t limit ?"},
	{"select c from t limit 10 offset 20", "select c from t limit ?"},
	{"select c from t order by a asc, b desc", "select c from t order by a, b desc"},
	{"select\tc \n from   t", "select c from t"},
	{"select /* one */ c from t # two", "select c from t"},
	{"call foo.bar(1, 'x')", "call foo.bar"},
	{"select x'4d', 0x4d, b'01', 1.5e-3, -7", "select ?, ?, ?, ?, ?"},
	{"select a.`B c`.d, @x, @@global.y from d", "select a.`b c`.d, @x, @@global.y from d"},
	{"select * from foo where (bar,baz) in ((1,2),(3,4))",
		"select * from foo where (bar,baz) in ((?,?),(?,?))"},
	{"select 1 from t where a in (select b from c where d in (1,2)) and e in(3)",
		"select ? from t where a in (select b from c where d in(?+)) and e in(?+)"},
	{"update t set a = 'x' where b between 1 and 2",
		"update t set a = ? where b between ? and ?"},
	{"SELECT * FROM tbl WHERE id IN (?, ?, ?)", "select * from tbl where id in(?+)"},
	{"begin", "begin"},
	{"", ""},
};

static const struct {
	const char *sql, *digest, *theirs, *why;
} differ[] = {
	{"select * from tab_2020 where c1 = 5", "select * from tab_2020 where c1 = ?",
		"select * from tab_? where c? = ?", "identifiers are kept"},
	{"select * from 2020_logs", "select * from 2020_logs", "select * from ?_logs",
		"identifiers are kept"},
	{"use Shop", "use shop", "use ?", "identifiers are kept"},
	{"select a-1, a + 1 from t", "select a-?, a + ? from t", "select a?, a ? ? from t",
		"an operator is no part of a number"},
	{"select 'it''s'", "select ?", "select ??", "a doubled quote does not end a text"},
	{"select 'a\\\\', 'b'", "select ?, ?", "select ?b'",
		"an escaped backslash does not escape"},
	{"select _utf8'x', N'y'", "select _utf8?, ?", "select _utf??, n?", "prefixes of texts"},
	{"select 'never ends", "select ?", "select 'never ends",
		"a text that was cut shows nothing"},
	{"select 1 union all select 2", "select ? union all select ?",
		"select ? /*repeat union all*/", "a union is shown as it is"},
	{"select 1;", "select ?", "select ?;", "the separator is no part of the statement"},
	{"select a--1 from t", "select a-? from t", "select a",
		"-- is a comment before a space only"},
	{"SELECT /*!40001 SQL_NO_CACHE */ * FROM `tab`", "select /*!? sql_no_cache */ * from `tab`",
		"mysqldump", "the table that is dumped is of interest"},
	{"select true, b = true", "select ?, b = ?", "select true, b = true", "literals as well"},
	{"select /*/ one */ c /**/ from t /*** / ***/", "select c from t", "select c ",
		"a comment may be empty"},
	{"select 1e5x from t", "select 1e5x from t", "select ? from t", "a name with digits first"},
};

/* PostgreSQL's quotes, parameters, casts and comments. */
static const struct {
	const char *sql, *digest;
} postgres[] = {
	{"SELECT \"Name\" FROM t WHERE a = 'it''s' AND b = E'it\\'s' AND c = 'a\\'",
		"select \"Name\" from t where a = ? and b = ? and c = ?"},
	{"select $1::int, $tag$it's $1$tag$, $$x$$ || U&'d', n'e', b'01'",
		"select ?::int, ?, ? || ?, ?, ?"},
	{"select a from t where b in ($1, $2, $3) limit $4 offset $5",
		"select a from t where b in(?+) limit ?"},
	{"select 1_000, 0xff, 1.5e-3, -7 -- end", "select ?, ?, ?, ?"},
	{"/* one /* two */ 'three' */ select a#>'{b}', c->>'d' from t",
		"select a#>?, c->>? from t"},
	{"insert into t values ($1, $2), ($3, $4) on conflict do nothing",
		"insert into t values(?+) on conflict do nothing"},
	{"select U&\"d\" from \"a\"\"b\"", "select \"d\" from \"a\"\"b\""},
	{"do $$ begin perform 'secret'; end $$", "do ?"},
	/* What is open at its end has no literal, either. */
	{"select $$secret", "select ?"},
	{"select $x$secret$y$", "select ?"},
	{"select \"secret", "select \"?"},
	{"select e'secret\\'", "select ?"},
};

static void digest_is(const char *sql, const char *want)
{
	uint8_t out[TSM_SQL_DIGEST_MAX];
	bool cut;
	size_t n = tsm_sql_digest(view_of(sql, strlen(sql), 0), out, sizeof(out), &cut);

	if (n != strlen(want) || memcmp(out, want, n) != 0)
		fail_msg("%s\n gives: %.*s\nwanted: %s", sql, (int)n, (const char *)out, want);
	assert_false(cut);
}

static void the_same_as_pt_fingerprint(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(agreed) / sizeof(agreed[0]); i++)
		digest_is(agreed[i].sql, agreed[i].digest);
}

static void better_than_pt_fingerprint(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(differ) / sizeof(differ[0]); i++) {
		digest_is(differ[i].sql, differ[i].digest);
		assert_string_not_equal(differ[i].digest, differ[i].theirs);
		assert_non_null(differ[i].why);
	}
}

/* A digest is a statement with its own digest. */
static void twice_is_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(differ) / sizeof(differ[0]); i++)
		digest_is(differ[i].digest, differ[i].digest);
}

/* Wherever it is cut, a statement gives none of its values away. */
static void no_literal_is_shown(void **state)
{
	static const char *const sql[] = {
		"insert into t(a, b) values ('SECRET', \"SECRET\", 0x5EC12E7, N'SECRET', "
		"'x''SECRET')",
		"update t set p = 'a\\'SECRET', q = concat('SECRET', `b`) where r in "
		"('SECRET','SECRET')",
		"select /* SECRET */ `a` -- SECRET\n from b # SECRET",
	};

	(void)state;
	for (size_t k = 0; k < sizeof(sql) / sizeof(sql[0]); k++)
		for (size_t n = 0; n <= strlen(sql[k]); n++) {
			uint8_t out[TSM_SQL_DIGEST_MAX];
			uint8_t *own = malloc(n + 1);
			bool cut;
			size_t len;

			assert_non_null(own);
			memcpy(own, sql[k], n);
			len = tsm_sql_digest(view_of(own, n, 0), out, sizeof(out), &cut);
			for (size_t i = 0; i + 3 <= len; i++)
				assert_memory_not_equal(out + i, "sec", 3);
			free(own);
		}
}

/* Little room: what fits, and no byte more; long lists need none. */
static void room(void **state)
{
	static char sql[400000];
	uint8_t out[TSM_SQL_DIGEST_MAX];
	size_t n, at;
	bool cut;

	(void)state;
	for (size_t max = 0; max < 40; max++) {
		uint8_t *own = malloc(max + 1);

		n = tsm_sql_digest(
			view_of("select abc, 'x' from t where d in (1,2)", 39, 0), own, max, &cut);
		assert_true(n <= max);
		if (!cut) {
			assert_int_equal(n, 35);
			assert_memory_equal(own, "select abc, ? from t where d in(?+)", n);
		}
		assert_true(cut || max >= 35);
		free(own);
	}
	at = (size_t)sprintf(sql, "select a from t where b in (");
	for (int i = 0; i < 50000; i++)
		at += (size_t)sprintf(sql + at, "%d,", i % 1000);
	sql[at - 1] = ')';
	n = tsm_sql_digest(view_of(sql, at, 0), out, sizeof(out), &cut);
	assert_string_equal((out[n] = 0, (char *)out), "select a from t where b in(?+)");
	assert_false(cut);
	at = (size_t)sprintf(sql, "insert into t values ");
	for (int i = 0; i < 20000; i++)
		at += (size_t)sprintf(sql + at, "(%d,'a'),", i % 1000);
	n = tsm_sql_digest(view_of(sql, at - 1, 0), out, sizeof(out), &cut);
	assert_string_equal((out[n] = 0, (char *)out), "insert into t values(?+)");
	assert_false(cut);
}

static double seconds(const char *sql, size_t n, int times)
{
	uint8_t out[TSM_SQL_DIGEST_MAX];
	struct timespec a, b;
	double best = 1e9;
	bool cut;

	for (int run = 0; run < 5; run++) {
		double s;

		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
		for (int i = 0; i < times; i++)
			tsm_sql_digest(view_of(sql, n, 0), out, sizeof(out), &cut);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
		s = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
		best = s < best ? s : best;
	}
	return best;
}

/* Twice the text, at most 2.2 times the time; some slack for the clock. */
static void time_in_proportion(void **state)
{
	static const char *const units[] = {"((((", "in (", "values (", "(?),", "'a','b',", "/* */",
		"/", "-- \n", "`", "'", "\\", "a,b,", "limit 1,", "1.1e", "/*", "values (now()),("};
	static char sql[1 << 20];

	(void)state;
	for (size_t k = 0; k < sizeof(units) / sizeof(units[0]); k++) {
		size_t n = strlen(units[k]), half = sizeof(sql) / 2 / n * n;
		double one = 0, two = 0;

		for (size_t i = 0; i + n <= sizeof(sql); i += n)
			memcpy(sql + i, units[k], n);
		/* A machine with other work to do may need another try. */
		for (int tries = 0; tries < 5; tries++) {
			one = seconds(sql, half, 1);
			two = seconds(sql, half * 2, 1);
			if (two <= one * 2.2 + 0.002)
				break;
		}
		if (two > one * 2.2 + 0.002)
			fail_msg("\"%s\" again and again: %f s, twice as much %f s", units[k], one,
				two);
	}
}

static void of_postgres(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(postgres) / sizeof(postgres[0]); i++) {
		uint8_t out[TSM_SQL_DIGEST_MAX + 1];
		bool cut;
		size_t n = tsm_sql_digest_of(SQL_POSTGRES,
			view_of(postgres[i].sql, strlen(postgres[i].sql), 0), out, sizeof(out) - 1,
			&cut);

		out[n] = '\0';
		assert_string_equal((char *)out, postgres[i].digest);
		assert_false(cut);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_postgres),
		cmocka_unit_test(the_same_as_pt_fingerprint),
		cmocka_unit_test(better_than_pt_fingerprint),
		cmocka_unit_test(twice_is_once),
		cmocka_unit_test(no_literal_is_shown),
		cmocka_unit_test(room),
		cmocka_unit_test(time_in_proportion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
