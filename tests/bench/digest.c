/*
 * digest.c - the digest of SQL statements: of each line of the input (bench-digest -), or how many
 * a second (bench-digest): statements of 200 bytes as programs send them, all different, for a
 * second.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "sql.h"

#define SIZE  200
#define KINDS 4u

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int digests_of_lines(void)
{
	char line[65536];
	uint8_t out[TSM_SQL_DIGEST_MAX];

	while (fgets(line, sizeof(line), stdin)) {
		bool cut = false;
		size_t n = tsm_sql_digest(
			view_of(line, strcspn(line, "\n"), 0), out, sizeof(out), &cut);

		printf("%.*s\n", (int)n, (const char *)out);
	}
	return 0;
}

static void make(char *to, unsigned kind, unsigned n)
{
	static const char *const statements[KINDS] = {
		"SELECT o.id, o.total, c.name FROM orders AS o JOIN customers AS c ON c.id = "
		"o.customer_id WHERE o.id = %u AND o.state IN ('new', 'paid', 'sent') ORDER BY "
		"o.id "
		"DESC LIMIT 20 ",
		"INSERT INTO events (id, kind, payload, created) VALUES (%u, 'page view', "
		"'{\"url\": \"/index.html\", \"ms\": 12.5}', '2026-11-24 19:08:31'), (7, 'click', "
		"NULL, NOW()) ",
		"UPDATE /* from the basket */ stock SET amount = amount - 1, changed = NOW() WHERE "
		"item = %u AND amount > 0 AND place IN (1, 2, 3, 4, 5, 6, 7, 8) -- one at a time\n",
		"SELECT `k`, COUNT(*) FROM `sbtest1` WHERE `c` LIKE '%%%u-68487932199-963%%' AND "
		"pad "
		"BETWEEN 0x1f AND 1.5e3 GROUP BY `k` HAVING COUNT(*) > 10 ",
	};
	int len = snprintf(to, SIZE + 1, statements[kind % KINDS], n);

	while (len < SIZE)
		to[len++] = ' ';
}

int main(int argc, char **argv)
{
	static char texts[1024][SIZE + 1];
	uint8_t out[TSM_SQL_DIGEST_MAX];
	unsigned long done = 0, bytes = 0;
	double begin, now;

	if (argc > 1 && strcmp(argv[1], "-") == 0)
		return digests_of_lines();
	for (unsigned i = 0; i < 1024; i++)
		make(texts[i], i, i * 7919);
	begin = seconds();
	do {
		for (unsigned i = 0; i < 1024; i++) {
			bool cut = false;

			bytes += tsm_sql_digest(view_of(texts[i], SIZE, 0), out, sizeof(out), &cut);
		}
		done += 1024;
		now = seconds();
	} while (now - begin < 1);
	printf("SQL digest: %.2f M statements of %d bytes a second (%.0f MB/s), %lu bytes each "
	       "come out\n",
		(double)done / (now - begin) / 1e6, SIZE, (double)done * SIZE / (now - begin) / 1e6,
		bytes / done);
	return 0;
}
