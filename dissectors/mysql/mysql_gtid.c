/*
 * mysql_gtid.c - global transaction identifiers as text: of MySQL "UUID:5", sets of them
 * "UUID:1-5:7,UUID:1-3"; of MariaDB "DOMAIN-SERVER-NUMBER".
 *
 * A set is the number of UUIDs (8 bytes), and for each its 16 bytes, the number of its intervals
 * (8) and these: the first number and one past the last (8 and 8), in order (MySQL source,
 * Gtid_set::encode). The highest byte of the number of UUIDs names the form; form 1 (with tags,
 * MySQL 8.3) is not read.
 */
#include "mysql.h"

#define TEXT_MAX   2048u
#define ITEM_MAX   80u /* UUID, two numbers and what parts them */
#define UUID       16u
#define NUMBER_MAX ((uint64_t)INT64_MAX)

struct item {
	char p[ITEM_MAX];
	size_t n;
};

struct list {
	char p[TEXT_MAX];
	size_t n;
	bool full, wrong; /* the next item has no room; it is none */
};

static void number(struct item *to, uint64_t n)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + n % 10);
	while (n /= 10);
	memcpy(to->p + to->n, digits + at, sizeof(digits) - at);
	to->n += sizeof(digits) - at;
}

static void uuid(struct item *to, const uint8_t *p)
{
	static const char hex[] = "0123456789abcdef";

	for (unsigned i = 0; i < UUID; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			to->p[to->n++] = '-';
		to->p[to->n++] = hex[p[i] >> 4];
		to->p[to->n++] = hex[p[i] & 15];
	}
}

/* Puts the intervals of one UUID into the list. */
static void intervals(struct list *list, const uint8_t *id, uint64_t count, struct view *v)
{
	uint64_t last = 0;

	for (uint64_t i = 0; i < count; i++) {
		uint64_t first = view_le(v, 8), end = view_le(v, 8);
		struct item item = {.n = 0};

		if (v->bad)
			return;
		list->wrong = first <= last || end <= first || end > NUMBER_MAX;
		if (list->wrong)
			return;
		last = end;
		if (i == 0) {
			if (list->n)
				item.p[item.n++] = ',';
			uuid(&item, id);
		}
		item.p[item.n++] = ':';
		number(&item, first);
		if (end - first > 1) {
			item.p[item.n++] = '-';
			number(&item, end - 1);
		}
		list->full = item.n > TEXT_MAX - list->n;
		if (list->full)
			return;
		memcpy(list->p + list->n, item.p, item.n);
		list->n += item.n;
	}
}

void mysql_gtid_set(struct tsm_txn t, struct view v, bool whole)
{
	struct list list;
	uint64_t uuids = view_le(&v, 8);

	if (uuids >> 56 == 1)
		return;
	list.n = 0;
	list.full = false;
	list.wrong = uuids >> 56 != 0;
	for (uint64_t i = 0; i < uuids && !v.bad && !list.full && !list.wrong; i++) {
		const uint8_t *id = view_take(&v, UUID);
		uint64_t count = view_le(&v, 8);

		if (!v.bad)
			intervals(&list, id, count, &v);
	}
	if (list.wrong || (v.bad && whole)) {
		tsm_flag(t, QUALITY_MALFORMED);
		return;
	}
	if (v.bad || list.full)
		tsm_flag(t, QUALITY_TRUNCATED);
	if (list.n)
		tsm_str(t, F_B_GTID, view_of(list.p, list.n, 0));
}

void mysql_gtid(struct tsm_txn t, struct view v)
{
	struct item item = {.n = 0};
	const uint8_t *id;

	(void)view_le(&v, 1); /* flags */
	id = view_take(&v, UUID);
	if (id)
		uuid(&item, id);
	item.p[item.n++] = ':';
	number(&item, view_le(&v, 8));
	if (!v.bad)
		tsm_str(t, F_B_GTID, view_of(item.p, item.n, 0));
}

void mysql_gtid_mariadb(struct tsm_txn t, uint32_t server, struct view v)
{
	struct item item = {.n = 0};
	uint64_t n = view_le(&v, 8);

	number(&item, view_le(&v, 4));
	item.p[item.n++] = '-';
	number(&item, server);
	item.p[item.n++] = '-';
	number(&item, n);
	if (!v.bad)
		tsm_str(t, F_B_GTID, view_of(item.p, item.n, 0));
}
