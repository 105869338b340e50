/*
 * proxy.c - the PROXY protocol's header in front of other protocols, in one piece and in many.
 */
#include "core/prefix.h"
#include "talk.h"

#define V1    "PROXY TCP4 198.51.100.7 192.0.2.25 56324 80\r\n"
#define V2    "\r\n\r\n\0\r\nQUIT\n"
#define V2_V4 V2 "\x21\x11\0\xc\xc6\x33\x64\7\xc0\0\2\x19\xdc\4\0\x50"
#define V2_V6                                                                                      \
	V2 "\x21\x21\0\x27\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\7\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0"  \
	   "\0"                                                                                    \
	   "\1\0\1\0\2\3\0\0"
#define GET "GET /behind HTTP/1.1\r\nHost: a\r\n\r\n"
#define OK  "HTTP/1.1 204 No Content\r\n\r\n"

static enum tsm_probe read_header(const void *p, size_t n, size_t *len, struct addr *who)
{
	uint8_t *own = malloc(n ? n : 1);
	struct view v;
	enum tsm_probe r;

	assert_non_null(own);
	memcpy(own, p, n);
	v = view_of(own, n, 0);
	r = prefix_probe(&v, len, who);
	free(own);
	return r;
}

#define READ(text, len, who) read_header(text, sizeof(text) - 1, len, who)

static void headers(void **state)
{
	static const uint8_t v4[4] = {198, 51, 100, 7};
	static const uint8_t v6[16] = {0x20, 1, 0xd, 0xb8, [15] = 7};
	struct addr who, is4 = addr_v4(v4), is6 = addr_v6(v6);
	size_t len = 0;

	(void)state;
	assert_int_equal(READ(V1 GET, &len, &who), PROBE_YES);
	assert_int_equal(len, sizeof(V1) - 1);
	assert_memory_equal(&who, &is4, sizeof(who));
	assert_int_equal(READ("PROXY TCP6 2001:db8::7 2001:db8::1 1 2\r\n", &len, &who), PROBE_YES);
	assert_memory_equal(&who, &is6, sizeof(who));
	assert_int_equal(READ("PROXY UNKNOWN\r\n", &len, &who), PROBE_YES);
	assert_true(addr_is_zero(&who));
	assert_int_equal(READ("PROXY UNKNOWN ff:: 1 2 3\r\n", &len, &who), PROBE_YES);
	assert_int_equal(READ(V2_V4 GET, &len, &who), PROBE_YES);
	assert_int_equal(len, 28);
	assert_memory_equal(&who, &is4, sizeof(who));
	assert_int_equal(READ(V2_V6 GET, &len, &who), PROBE_YES);
	assert_int_equal(len, 55);
	assert_memory_equal(&who, &is6, sizeof(who));
	assert_int_equal(READ(V2 "\x20\0\0\0", &len, &who), PROBE_YES); /* LOCAL */
	assert_true(addr_is_zero(&who));
	assert_int_equal(READ(V2 "\x21\x31\0\0", &len, &who), PROBE_YES); /* AF_UNIX */
	assert_true(addr_is_zero(&who));
	/* None. */
	assert_int_equal(READ("PROXY TCP4 2001:db8::7 192.0.2.1 1 2\r\n", &len, &who), PROBE_NO);
	assert_int_equal(READ("PROXY TCP5 1.1.1.1 1.1.1.1 1 2\r\n", &len, &who), PROBE_NO);
	assert_int_equal(READ("PROXY TCP4 1.1.1.1\n", &len, &who), PROBE_NO);
	assert_int_equal(READ("PROXY / HTTP/1.1\r\n", &len, &who), PROBE_NO);
	assert_int_equal(READ("PROXY TCP4 1.1.1.1 1.1.1.1 111111111111111111111111111111111111111"
			      "1111111111111111111111111111111111111111111111111111111111\r\n",
				 &len, &who),
		PROBE_NO);
	assert_int_equal(READ(V2 "\x11\x11\0\0", &len, &who), PROBE_NO);
	assert_int_equal(READ(V2 "\x22\x11\0\0", &len, &who), PROBE_NO);
	/* Cut anywhere it is not known yet. */
	for (size_t n = 0; n < sizeof(V1) - 1; n++)
		assert_int_equal(read_header(V1, n, &len, &who), PROBE_MAYBE);
	for (size_t n = 0; n < 55; n++)
		assert_int_equal(read_header(V2_V6, n, &len, &who), PROBE_MAYBE);
}

static void in_front_of_anything(void **state)
{
	static const struct {
		const char *head;
		size_t n;
	} heads[] = {{V1, sizeof(V1) - 1}, {V2_V4, sizeof(V2_V4) - 1}, {V2_V6, sizeof(V2_V6) - 1},
		{"PROXY UNKNOWN\r\n", 15}};

	(void)state;
	for (unsigned i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		for (unsigned step = 1; step < 300; step = step * 5 + 2)
			for (unsigned port = 80; port < 10000; port += 9000) {
				char all[256];
				size_t n = heads[i].n;

				memcpy(all, heads[i].head, n);
				memcpy(all + n, GET, sizeof(GET) - 1);
				talk_begin((uint16_t)port, true);
				talk_bytes(0, all, n + sizeof(GET) - 1, step);
				talk_bytes(1, OK, sizeof(OK) - 1, step);
				talk_bytes(0, GET, sizeof(GET) - 1, step);
				talk_bytes(1, OK, sizeof(OK) - 1, step);
				talk_close();
				(void)talk_end();
				assert_int_equal(talk.records, 2);
				talk_holds("http GET|GET /behind|1 ");
				talk_lacks("!");
			}
}

/* What only begins as one is what it is. */
static void something_else(void **state)
{
	(void)state;
	talk_begin(80, true);
	talk_bytes(0, "PROXY /x HTTP/1.1\r\nHost: a\r\n\r\n", 30, 3);
	talk_bytes(1, OK, sizeof(OK) - 1, 100);
	talk_close();
	(void)talk_end();
	talk_holds("http PROXY|PROXY /x|1 ");
	/* A header without an end is given up. */
	talk_begin(80, true);
	talk_bytes(0, V2 "\x21\x11\xff\xff", 16, 16);
	for (unsigned i = 0; i < 60; i++) {
		char junk[1400] = {0};

		talk_bytes(0, junk, sizeof(junk), sizeof(junk));
	}
	talk_close();
	(void)talk_end();
	assert_int_equal(talk.records, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers),
		cmocka_unit_test(in_front_of_anything),
		cmocka_unit_test(something_else),
	};
	int failed;

	registry_init();
	failed = cmocka_run_group_tests(tests, NULL, NULL);

	talk_free();
	return failed;
}
