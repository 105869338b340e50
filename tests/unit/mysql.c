/*
 * mysql.c - what the reader of MySQL makes of packets that no capture here holds, cut into segments
 * of every size: one byte, a few, all at once. The records must be the same.
 *
 * Packets are laid out as the protocol's documentation has them. A talk is a text of what both
 * sides send; what came out is compared as text, too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <zlib.h>
#include <zstd.h>
#include "core/engine.h"
#include "api/layer.h"
#include "core/registry.h"

#define CAPS_OLD   0x0000a20fu
#define CAPS_NEW   (0x01ffa20fu & ~0x800u)
#define ATTRIBUTES (1u << 27)

struct message {
	bool server;
	size_t n;
	uint8_t *p;
};

struct talk {
	struct message m[4096];
	unsigned n;
	uint8_t seq;
	bool midstream;
	uint16_t port; /* of the server; 0: MySQL's */
};

struct run {
	struct engine_config config;
	struct engine *engine;
	uint64_t number, time;
	uint32_t next[2];
	char out[65536];
	size_t len;
	unsigned records;
	uint64_t too_much; /* times that more came out of compressed bytes than may */
};

static struct talk talk;
static struct run run;

static void add(bool server, const void *p, size_t n)
{
	struct message *m = &talk.m[talk.n++];

	assert_true(talk.n < sizeof(talk.m) / sizeof(talk.m[0]));
	m->server = server;
	m->n = n;
	m->p = malloc(n ? n : 1);
	assert_non_null(m->p);
	if (n)
		memcpy(m->p, p, n);
}

/* A packet; the sequence number goes on, or begins anew with a command. */
static void packet(bool server, const void *p, size_t n)
{
	uint8_t *b = malloc(n + 4);

	assert_non_null(b);
	b[0] = (uint8_t)n;
	b[1] = (uint8_t)(n >> 8);
	b[2] = (uint8_t)(n >> 16);
	b[3] = talk.seq++;
	memcpy(b + 4, p, n);
	add(server, b, n + 4);
	free(b);
}

#define SERVER(text) packet(true, text, sizeof(text) - 1)
#define CLIENT(text) packet(false, text, sizeof(text) - 1)
#define COMMAND(text)                                                                              \
	do {                                                                                       \
		talk.seq = 0;                                                                      \
		CLIENT(text);                                                                      \
	} while (0)
#define OK     "\0\0\0\2\0\0\0"
#define EOF_   "\xfe\0\0\2\0"
#define EOF_OK "\xfe\0\0\2\0\0\0"
#define COLUMN "\3def\0\1t\1t\1a\1a\x0c\x21\0\4\0\0\0\3\0\0\0\0\0"
#define QUERY  "\3"

static void talk_new(void)
{
	for (unsigned i = 0; i < talk.n; i++)
		free(talk.m[i].p);
	memset(&talk, 0, sizeof(talk));
}

static void login(uint32_t caps)
{
	uint8_t g[] = "\x0a"
		      "8.0.99\0"
		      "\1\0\0\0"
		      "aaaaaaaa\0"
		      "\0\0"
		      "\x21"
		      "\2\0"
		      "\0\0"
		      "\x15"
		      "\0\0\0\0\0\0\0\0\0\0"
		      "bbbbbbbbbbbb\0"
		      "mysql_native_password";
	uint8_t l[] = "\0\0\0\0"
		      "\0\0\0\1"
		      "\x21"
		      "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
		      "app\0"
		      "\4pass"
		      "shop\0"
		      "mysql_native_password";

	talk_new();
	g[21] = (uint8_t)caps;
	g[22] = (uint8_t)(caps >> 8);
	g[26] = (uint8_t)(caps >> 16);
	g[27] = (uint8_t)(caps >> 24);
	for (int i = 0; i < 4; i++)
		l[i] = (uint8_t)(caps >> 8 * i);
	packet(true, g, sizeof(g));
	packet(false, l, sizeof(l));
	SERVER(OK);
}

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(run.out + run.len, sizeof(run.out) - run.len, format, ap);
	va_end(ap);
	assert_true(n >= 0 && (size_t)n < sizeof(run.out) - run.len);
	run.len += (size_t)n;
}

/* One transaction: method, query, status, then the fields that matter here, in their order. */
static void show(const struct txn_record *t)
{
	static const char *const shown[] = {"mysql.schema", "mysql.statement_id",
		"mysql.affected_rows", "mysql.num_fields", "mysql.num_rows", "mysql.error_code",
		"mysql.error_message", "tsumari.mysql.result_bytes", "tsumari.mysql.result_sets",
		"tsumari.mysql.warnings", "tsumari.mysql.no_index_used",
		"tsumari.mysql.unknown_statement", "tsumari.mysql.query_attributes",
		"tsumari.mysql.infile_bytes", "tsumari.mysql.tls", "tsumari.mysql.binlog.position",
		"tsumari.mysql.binlog.ack_wait"};
	const struct field *fields = t->r.dissector->fields;

	say("%.*s|%.*s|%u", (int)t->method.len, (const char *)t + t->method.offset,
		(int)t->query.len, (const char *)t + t->query.offset, t->r.status);
	for (size_t k = 0; k < sizeof(shown) / sizeof(shown[0]); k++) {
		const struct value *v = (const void *)((const char *)t + t->values);

		for (uint32_t i = 0; i < t->nvalues; i++, v = value_next(v)) {
			const char *name = strrchr(shown[k], '.') + 1;

			if (v->field == 0xffff || strcmp(fields[v->field].name, shown[k]) != 0)
				continue;
			if (fields[v->field].type == FIELD_STR)
				say(" %s=%.*s", name, (int)v->len, value_text(v));
			else
				say(" %s=%llu", name, (unsigned long long)v->u64);
		}
	}
	for (unsigned q = 0; q < QUALITY_COUNT; q++)
		if (t->r.quality >> q & 1 && q != QUALITY_CONNECT && q != QUALITY_MIDSTREAM &&
			q != QUALITY_NO_RTT && q != QUALITY_ONE_WAY)
			say(" %s", quality_names[q]);
	say("\n");
}

static void drain(void)
{
	struct records *out = engine_records(run.engine);

	for (struct recblock *b = out->first; b; b = b->next)
		for (uint32_t at = 0; at < b->len;) {
			const struct record *r = (const void *)(b->data + at);

			if (r->kind == RECORD_TXN && (++run.records < 200 || run.records > 1300))
				show((const void *)r);
			at += r->size;
		}
	records_free(out);
}

static void segment(bool server, uint8_t flags, const uint8_t *p, size_t n)
{
	static const uint8_t ends[2][4] = {{192, 0, 2, 1}, {192, 0, 2, 33}};
	struct packet k = {.linktype = 1}, *list[] = {&k};
	uint8_t *own = malloc(n ? n : 1); /* a sanitizer sees a read past it */

	assert_non_null(own);
	if (n)
		memcpy(own, p, n);
	k.time = run.time += 1000;
	k.number = ++run.number;
	k.flags = PACKET_IP | PACKET_TCP;
	k.ip_version = 4;
	k.ip_proto = IP_PROTO_TCP;
	k.src = addr_v4(ends[server]);
	k.dst = addr_v4(ends[!server]);
	k.sport = server ? talk.port : 40000;
	k.dport = server ? 40000 : talk.port;
	k.tcp_flags = flags;
	k.tcp_seq = run.next[server];
	k.tcp_ack = flags & TCP_ACK ? run.next[!server] : 0;
	k.tcp_window = 0xffff;
	k.payload = own;
	k.paylen = (uint32_t)n;
	k.caplen = k.len = 54 + (uint32_t)n;
	run.next[server] += (uint32_t)n + (flags & (TCP_SYN | TCP_FIN) ? 1 : 0);
	if (engine_route(&run.config, &k))
		engine_packets(run.engine, list, 1);
	free(own);
	drain();
}

/* Has the talk in segments of `size` bytes; messages of one side that follow one another are cut
   as one. `lose`: this message (and no other) is not captured. */
static const char *play(size_t size, unsigned lose)
{
	bool more = true;

	talk.port = talk.port ? talk.port : 3306;
	memset(&run, 0, sizeof(run));
	engine_config_defaults(&run.config);
	run.engine = engine_new(&run.config, (1u << SHARDS) - 1);
	run.time = UINT64_C(1600000000000000000);
	run.next[1] = 0xfffff000u;
	if (!talk.midstream) {
		segment(false, TCP_SYN, NULL, 0);
		segment(true, TCP_SYN | TCP_ACK, NULL, 0);
		segment(false, TCP_ACK, NULL, 0);
	}
	for (unsigned i = 0; i < talk.n;) {
		bool server = talk.m[i].server;
		uint8_t *all;
		size_t n = 0, at = 0;
		unsigned to = i;

		while (to < talk.n && talk.m[to].server == server && (to == i || lose >= talk.n))
			n += talk.m[to++].n;
		all = malloc(n ? n : 1);
		assert_non_null(all);
		for (unsigned k = i; k < to; k++) {
			memcpy(all + at, talk.m[k].p, talk.m[k].n);
			at += talk.m[k].n;
		}
		if (i == lose)
			run.next[server] += (uint32_t)n;
		else
			for (at = 0; at < n; at += size)
				segment(server, TCP_ACK, all + at, n - at < size ? n - at : size);
		segment(!server, TCP_ACK, NULL, 0);
		free(all);
		i = to;
	}
	segment(false, TCP_FIN | TCP_ACK, NULL, 0);
	segment(true, TCP_FIN | TCP_ACK, NULL, 0);
	segment(false, TCP_ACK, NULL, 0);
	while (more) {
		more = engine_finish(run.engine, run.number + 1);
		drain();
	}
	for (unsigned i = 0; i < engine_counters(run.engine)->n; i++)
		if (strncmp(engine_counters(run.engine)->c[i].name, "inflate: more", 13) == 0)
			run.too_much += engine_counters(run.engine)->c[i].n;
	engine_free(run.engine);
	return run.out;
}

#define NOTHING_LOST UINT32_MAX

/* Whatever the segments are, the records are these. */
static void gives(const char *want)
{
	static const size_t sizes[] = {1, 2, 3, 5, 7, 16, 61, 1460, SIZE_MAX / 2};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const char *got = play(sizes[i], NOTHING_LOST);

		if (strcmp(got, want) != 0)
			fail_msg("in segments of %zu bytes:\n%s\nwanted:\n%s", sizes[i], got, want);
	}
	talk_new();
}

#define LOGIN_RECORD "LOGIN|LOGIN|1 schema=shop\n"

/* A result set of two rows, in both forms. */
static void result(bool eof)
{
	SERVER("\1");
	SERVER(COLUMN);
	if (eof)
		SERVER(EOF_);
	SERVER("\3abc");
	SERVER("\xfb");
	if (eof)
		SERVER(EOF_);
	else
		SERVER(EOF_OK);
}

static void deprecate_eof_both_ways(void **state)
{
	(void)state;
	for (int eof = 0; eof < 2; eof++) {
		login(eof ? CAPS_OLD : CAPS_NEW);
		COMMAND(QUERY "select a from t");
		result(eof);
		COMMAND("\x16select ?");
		SERVER("\0\7\0\0\0\1\0\1\0\0\0\0");
		SERVER(COLUMN);
		if (eof)
			SERVER(EOF_);
		SERVER(COLUMN);
		if (eof)
			SERVER(EOF_);
		COMMAND("\x17\7\0\0\0\0\1\0\0\0");
		result(eof);
		COMMAND("\x04t\0");
		SERVER(COLUMN);
		if (eof)
			SERVER(EOF_);
		else
			SERVER(EOF_OK);
		gives(LOGIN_RECORD
			"SELECT|select a from t|1 schema=shop num_fields=1 num_rows=2 "
			"result_bytes=5\n"
			"PREPARE|select ?|1 schema=shop statement_id=7 num_fields=1\n"
			"SELECT|select ?|1 schema=shop statement_id=7 num_fields=1 num_rows=2 "
			"result_bytes=5\n"
			"FIELD_LIST|FIELD_LIST t|1 schema=shop num_fields=1\n");
	}
}

/* The same without a handshake: told from the packets. */
static void midstream(void **state)
{
	(void)state;
	for (int eof = 0; eof < 2; eof++) {
		talk_new();
		talk.midstream = true;
		COMMAND(QUERY "select a from t");
		result(eof);
		COMMAND("\x17\7\0\0\0\0\1\0\0\0");
		result(eof);
		COMMAND("\x16select b from t");
		SERVER("\0\x8\0\0\0\1\0\0\0\0\0\0");
		SERVER(COLUMN);
		if (eof)
			SERVER(EOF_);
		COMMAND("\x17\x8\0\0\0\0\1\0\0\0");
		result(eof);
		COMMAND(QUERY "\0\1use other");
		SERVER(OK);
		COMMAND("\x0e");
		SERVER(OK);
		gives("SELECT|select a from t|1 num_fields=1 num_rows=2 result_bytes=5\n"
		      "STMT_EXECUTE|STMT_EXECUTE|1 statement_id=7 num_fields=1 num_rows=2 "
		      "result_bytes=5 unknown_statement=1\n"
		      "PREPARE|select b from t|1 statement_id=8 num_fields=1\n"
		      "SELECT|select b from t|1 statement_id=8 num_fields=1 num_rows=2 "
		      "result_bytes=5\n"
		      "USE|use other|1 affected_rows=0\n"
		      "PING|PING|1 schema=other affected_rows=0\n");
	}
}

static void query_attributes(void **state)
{
	(void)state;
	login(CAPS_NEW | ATTRIBUTES);
	COMMAND(QUERY "\0\1select 'none'");
	SERVER(OK);
	COMMAND(QUERY "\3\1\4\1\xfe\0\2k1\3\0\2k2\6\0\2k3\2v1\1\0\0\0select 'three'");
	SERVER(OK);
	COMMAND(QUERY "\3\1\4\1\xfe\0\2k1\xfc\xff\xff"); /* their names are not all there */
	SERVER(OK);
	COMMAND(QUERY "\1\1\0\1\xfe\0\1k\xfe\xff\xff\xff\xff\xff\xff\xff\xffselect 'past the end'");
	SERVER(OK);
	gives(LOGIN_RECORD "SELECT|select ?|1 schema=shop affected_rows=0\n"
			   "SELECT|select ?|1 schema=shop affected_rows=0 query_attributes=3\n"
			   "||1 schema=shop affected_rows=0 query_attributes=3 malformed\n"
			   "||1 schema=shop affected_rows=0 query_attributes=1 malformed\n");
}

static void several_results(void **state)
{
	(void)state;
	login(CAPS_NEW);
	COMMAND(QUERY "select 1; update t set a = 2; nonsense");
	SERVER("\1");
	SERVER(COLUMN);
	SERVER("\1"
	       "1");
	SERVER("\xfe\0\0\x2a\0\1\0"); /* more, no index was used, a warning */
	SERVER("\0\5\0\x0a\0\0\0");
	SERVER("\xff\x28\4#42000near 'O'Brien' at line 1");
	gives(LOGIN_RECORD
		"SELECT|select ?; update t set a = ?; nonsense|2 schema=shop affected_rows=5 "
		"num_fields=1 "
		"num_rows=1 error_code=1064 error_message=near '?' at line 1 result_bytes=2 "
		"no_index_used=1\n");
}

/* Session state says which schema it is now. */
static void session_state(void **state)
{
	(void)state;
	login(CAPS_NEW);
	COMMAND(QUERY "call use_other()");
	SERVER("\0\0\0\2\x40\0\0\0\x0c\0\2\1x\1\6\5other");
	COMMAND("\x0e");
	SERVER("\0\0\0\2\x40\0\0\0\xfe\xff\xff\xff\xff\xff\xff\xff\x7f\1"); /* past the packet */
	COMMAND("\x02third");
	SERVER(OK);
	COMMAND("\x02nosuch");
	SERVER("\xff\x19\4#42000Unknown database 'nosuch'");
	COMMAND("\x1f");
	SERVER(OK);
	gives(LOGIN_RECORD "CALL|call use_other|1 schema=shop affected_rows=0\n"
			   "PING|PING|1 schema=other affected_rows=0\n"
			   "INIT_DB|INIT_DB third|1 schema=other affected_rows=0\n"
			   "INIT_DB|INIT_DB nosuch|2 schema=third error_code=1049 "
			   "error_message=Unknown database 'nosuch'\n"
			   "RESET_CONNECTION|RESET_CONNECTION|1 schema=third affected_rows=0\n");
}

/* A progress report is not the answer; a message that nobody asked for is no answer either. */
static void beside_the_answers(void **state)
{
	(void)state;
	login(CAPS_NEW);
	COMMAND(QUERY "alter table t engine=innodb");
	SERVER("\xff\xff\xff\1\2\3\0\0\0\4copy");
	SERVER("\xff\xff\xff\1\2\3\0\0\0\4copy");
	SERVER(OK);
	talk.seq = 0;
	SERVER("\xff\xbf\x0f#08S01The client was disconnected");
	/* An answer's record leaves when the client has it. */
	gives(LOGIN_RECORD "||2 error_code=4031 error_message=The client was disconnected\n"
			   "ALTER|alter table t engine=innodb|1 schema=shop affected_rows=0\n");
}

/* caching_sha2_password: another method, data of its own both ways, then OK. */
static void authentication(void **state)
{
	(void)state;
	login(CAPS_NEW);
	free(talk.m[--talk.n].p);
	talk.seq = 2;
	SERVER("\xfe"
	       "caching_sha2_password\0abcdefghijklmnopqrst\0");
	CLIENT("12345678901234567890123456789012");
	SERVER("\1\4");
	CLIENT("\2");
	SERVER("\1-----BEGIN PUBLIC KEY-----");
	CLIENT("\3select 'this is no command'");
	SERVER(OK);
	COMMAND(QUERY "select 1");
	result(false);
	gives(LOGIN_RECORD
		"SELECT|select ?|1 schema=shop num_fields=1 num_rows=2 result_bytes=5\n");
}

/* A packet of 16 MiB - 1 goes on in the next: a statement, a row, and one that ends exactly so. */
static void full_packets(void **state)
{
	size_t n = 0xffffff;
	uint8_t *big = malloc(n);

	(void)state;
	assert_non_null(big);
	login(CAPS_NEW);
	memset(big, 'x', n);
	memcpy(big, QUERY "select length('", 16);
	talk.seq = 0;
	packet(false, big, n);
	CLIENT("xxx')");
	SERVER("\1");
	SERVER(COLUMN);
	big[0] = 0xfe; /* a length of eight bytes, not the end of the rows */
	packet(true, big, n);
	packet(true, "", 0);
	packet(true, big, n);
	SERVER("rest");
	SERVER("\1"
	       "1");
	SERVER(EOF_OK);
	COMMAND("\x0e");
	SERVER(OK);
	for (size_t size = 1460; size; size = size == 1460 ? 60000 : 0) {
		char want[256];

		snprintf(want, sizeof(want),
			LOGIN_RECORD "SELECT|select length(?|1 schema=shop num_fields=1 num_rows=3 "
				     "result_bytes=%zu truncated\n"
				     "PING|PING|1 schema=shop affected_rows=0\n",
			2 * n + 4 + 2);
		assert_string_equal(play(size, NOTHING_LOST), want);
	}
	talk_new();
	free(big);
}

/* More prepared statements than are kept: the newest are known. */
static void many_statements(void **state)
{
	(void)state;
	login(CAPS_NEW);
	for (unsigned i = 0; i < 1300; i++) {
		uint8_t ok[12] = {0, (uint8_t)i, (uint8_t)(i >> 8)};

		COMMAND("\x16select ?");
		packet(true, ok, sizeof(ok));
	}
	for (unsigned i = 0; i < 2; i++) {
		uint8_t execute[10] = {
			0x17, (uint8_t)(i ? 1299 : 7), (uint8_t)(i ? 1299 >> 8 : 0), 0, 0, 0, 1};

		talk.seq = 0;
		packet(false, execute, sizeof(execute));
		SERVER(OK);
	}
	play(1460, NOTHING_LOST);
	assert_int_equal(run.records, 1 + 1300 + 2);
	assert_non_null(strstr(run.out,
		"STMT_EXECUTE|STMT_EXECUTE|1 schema=shop statement_id=7 affected_rows=0 "
		"unknown_statement=1\nSELECT|select ?|1 schema=shop statement_id=1299 "
		"affected_rows=0\n"));
	talk_new();
}

/* An answer is never given to another command, whichever message was lost. */
static void one_message_lost(void **state)
{
	(void)state;
	for (int eof = 0; eof < 2; eof++) {
		unsigned messages;

		login(eof ? CAPS_OLD : CAPS_NEW);
		for (unsigned i = 1; i <= 9; i++) {
			uint8_t query[] = QUERY "update t0 set a = 1", ok[] = OK;
			uint8_t q[] = QUERY "select a from r0";

			query[9] = q[16] = (uint8_t)('0' + i);
			talk.seq = 0;
			if (i % 3) {
				packet(false, query, sizeof(query) - 1);
				ok[1] = (uint8_t)i; /* rows that were changed: the command's number
						     */
				packet(true, ok, sizeof(ok) - 1);
			} else {
				packet(false, q, sizeof(q) - 1);
				result(eof);
			}
		}
		messages = talk.n;
		for (unsigned lose = 3; lose < messages; lose++) {
			unsigned whole = 0;
			char *save = NULL;

			play(SIZE_MAX / 2, lose);
			for (char *line = strtok_r(run.out, "\n", &save); line;
				line = strtok_r(NULL, "\n", &save)) {
				char *at = strstr(line, "update t"),
				     *rows = strstr(line, "affected_rows=");

				if (at && rows && at[8] != rows[14])
					fail_msg("without message %u: %s", lose, line);
				if (at && strstr(line, "num_rows="))
					fail_msg("without message %u: %s", lose, line);
				if (strstr(line, "select a") && rows)
					fail_msg("without message %u: %s", lose, line);
				whole += (at && rows) || strstr(line, "num_rows=2");
			}
			if (whole < 7)
				fail_msg("without message %u only %u of 9 are left", lose, whole);
		}
		talk_new();
	}
}

/* Every beginning of a connection, and every byte of it changed: no crash, no end of the reading.
 */
static void damaged(void **state)
{
	(void)state;
	login(CAPS_NEW | ATTRIBUTES);
	COMMAND(QUERY "\1\1\0\1\xfe\0\1k\1vselect 1");
	result(false);
	COMMAND("\x16select ?");
	SERVER("\0\7\0\0\0\1\0\1\0\0\0\0");
	SERVER(COLUMN);
	SERVER(COLUMN);
	COMMAND("\x17\7\0\0\0\0\1\0\0\0");
	result(false);
	for (unsigned i = 0; i < talk.n; i++)
		for (size_t at = 0; at < talk.m[i].n; at++) {
			uint8_t was = talk.m[i].p[at];
			static const uint8_t bytes[] = {0, 1, 0xfb, 0xfc, 0xfd, 0xfe, 0xff};

			for (size_t k = 0; k < sizeof(bytes); k++) {
				talk.m[i].p[at] = bytes[k];
				play(SIZE_MAX / 2, NOTHING_LOST);
				assert_true(run.records >= 1 || i < 3);
			}
			talk.m[i].p[at] = was;
		}
	talk_new();
}

/* The stream of the binary log: an event, one that asks for an acknowledgment, and that. */
static void binary_log(void **state)
{
	(void)state;
	login(CAPS_NEW);
	COMMAND("\x12\4\0\0\0\0\0\2\0\0\0binlog.000001");
	SERVER("\0\0\0\0\0\4\1\0\0\0\x28\0\0\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0binlog.000001");
	SERVER("\0\xef\0\0\x0d\x5e\x5f\x10\1\0\0\0\x1b\0\0\0\x90\1\0\0\0\0abcdefgh");
	SERVER("\0\xef\1\0\x0d\x5e\x5f\x10\1\0\0\0\x1b\0\0\0\xab\1\0\0\0\0abcdefgh");
	talk.seq = 0;
	CLIENT("\xef\xab\1\0\0\0\0\0\0binlog.000001");
	talk.seq = 4;
	SERVER("\xff\xd4\4#HY000the log is gone");
	play(SIZE_MAX / 2, NOTHING_LOST);
	assert_string_equal(run.out,
		LOGIN_RECORD "BINLOG_EVENT|BINLOG_EVENT ROTATE|1 schema=shop\n"
			     "BINLOG_EVENT|BINLOG_EVENT XID|1 schema=shop position=400\n"
			     "BINLOG_EVENT|BINLOG_EVENT XID|1 schema=shop position=427\n"
			     "BINLOG_DUMP|BINLOG_DUMP|1 schema=shop position=4\n"
			     "SEMISYNC_ACK|SEMISYNC_ACK|1 schema=shop position=427 ack_wait=2000\n"
			     "||2 error_code=1236 error_message=the log is gone\n");
	for (size_t size = 1; size < 64; size++)
		play(size, NOTHING_LOST);
	assert_int_equal(run.records, 7);
	talk_new();
}

/* From now on the messages that follow `from` are packets of the compressed protocol, two parts of
   a message each, the first of them not compressed. */
static void compress_from(unsigned from, bool zstd)
{
	for (unsigned i = from; i < talk.n; i++) {
		struct message *m = &talk.m[i];
		size_t half = m->n / 2, rest = m->n - half, max = ZSTD_compressBound(rest) + 1000;
		uint8_t *b = malloc(half + max + 14);
		uLongf n = max;

		assert_non_null(b);
		memcpy(b, (uint8_t[7]){(uint8_t)half, (uint8_t)(half >> 8), (uint8_t)(half >> 16)},
			7);
		memcpy(b + 7, m->p, half);
		if (zstd) {
			n = ZSTD_compress(b + half + 14, max, m->p + half, rest, 3);
			assert_false(ZSTD_isError(n));
		} else {
			assert_int_equal(compress(b + half + 14, &n, m->p + half, rest), Z_OK);
		}
		memcpy(b + half + 7,
			(uint8_t[7]){(uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16), 1,
				(uint8_t)rest, (uint8_t)(rest >> 8), (uint8_t)(rest >> 16)},
			7);
		free(m->p);
		m->p = b;
		m->n = half + n + 14;
	}
}

static void compression(void **state)
{
	(void)state;
	for (int zstd = 0; zstd < 2; zstd++) {
		uint8_t row[2000];

		login(CAPS_NEW | (zstd ? 1u << 26 : 1u << 5));
		COMMAND(QUERY
			"select a from t where b = 'a text of some length, a text of some length'");
		SERVER("\1");
		SERVER(COLUMN);
		for (int i = 0; i < 40; i++) {
			memset(row, 'a' + i % 26, sizeof(row));
			memcpy(row, "\xfc\xcd\x07", 3);
			packet(true, row, sizeof(row));
		}
		SERVER(EOF_OK);
		COMMAND("\x0e");
		SERVER(OK);
		compress_from(3, zstd);
		gives(LOGIN_RECORD "SELECT|select a from t where b = ?|1 schema=shop num_fields=1 "
				   "num_rows=40 result_bytes=80000\n"
				   "PING|PING|1 schema=shop affected_rows=0\n");
	}
}

/* A packet that holds more than it says, one that is no compressed data, one that gives a thousand
   times its size: counted, and the next command is read. */
static void bombs(void **state)
{
	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		size_t n = 0xfffffe;
		uint8_t *big = calloc(1, n);
		struct message *m;

		assert_non_null(big);
		login(CAPS_NEW | (kind == 3 ? 1u << 26 : 1u << 5));
		COMMAND(QUERY "select a from t");
		talk.seq = 1;
		packet(true, big, n);
		compress_from(3, kind == 3);
		m = &talk.m[talk.n - 1];
		if (kind == 0) /* it says 100 bytes */
			memcpy(m->p + n / 2 + 2 + 7 + 4, "\x64\0\0", 3);
		else if (kind == 1)
			memset(m->p + n / 2 + 2 + 20, 0x55, 300);
		COMMAND("\x0e");
		SERVER(OK);
		compress_from(talk.n - 2, kind == 3);
		play(1460, NOTHING_LOST);
		assert_non_null(strstr(run.out, "PING|PING|1 schema=shop affected_rows=0"));
		assert_int_equal(run.too_much, kind == 0 || kind == 3);
		talk_new();
		free(big);
	}
}

static int set_up(void **state)
{
	(void)state;
	registry_init();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deprecate_eof_both_ways),
		cmocka_unit_test(midstream),
		cmocka_unit_test(query_attributes),
		cmocka_unit_test(several_results),
		cmocka_unit_test(session_state),
		cmocka_unit_test(beside_the_answers),
		cmocka_unit_test(authentication),
		cmocka_unit_test(full_packets),
		cmocka_unit_test(many_statements),
		cmocka_unit_test(one_message_lost),
		cmocka_unit_test(damaged),
		cmocka_unit_test(binary_log),
		cmocka_unit_test(compression),
		cmocka_unit_test(bombs),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
