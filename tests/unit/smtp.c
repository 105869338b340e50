/*
 * smtp.c - what the reader of SMTP makes of conversations that no capture here holds, cut into
 * segments of any size: the records must be the same. Commands have records of their own; a mail
 * has one that is made of its commands'.
 */
#include "talk.h"

struct line {
	unsigned side;
	const char *text;
};

#define C(text)                                                                                    \
	{                                                                                          \
		0, text "\r\n"                                                                     \
	}
#define S(text)                                                                                    \
	{                                                                                          \
		1, text "\r\n"                                                                     \
	}
#define GREETING S("220 mx ESMTP"), C("EHLO me"), S("250-mx"), S("250 PIPELINING")

/* Has a conversation; lines of one side that follow one another go together. */
static void have(uint16_t port, const struct line *l, size_t n, size_t step, size_t lose)
{
	talk_begin(port, true);
	for (size_t i = 0; i < n;) {
		char all[4096];
		size_t len = 0, to = i;

		for (; to < n && l[to].side == l[i].side && (to == i || lose >= n); to++) {
			size_t k = strlen(l[to].text);

			assert_true(len + k <= sizeof(all));
			memcpy(all + len, l[to].text, k);
			len += k;
		}
		if (i == lose)
			talk_lose(l[i].side, len);
		else
			talk_bytes(l[i].side, all, len, step);
		i = to;
	}
	talk_close();
	talk_end();
}

/* The same lines, whatever the segments are; durations are not the same and are left out. */
static void without_times(char *text)
{
	char *at = text;

	while ((at = strstr(at, " tsumari.smtp.time.")) != NULL) {
		char *end = at + 1 + strcspn(at + 1, " \n");

		memmove(at, end, strlen(end) + 1);
	}
}

static void same_on(uint16_t port, const struct line *l, size_t n)
{
	static const size_t steps[] = {1, 2, 3, 7, 30};
	char want[sizeof(talk.out) / 8];

	have(port, l, n, 1460, SIZE_MAX);
	without_times(talk.out);
	assert_true(strlen(talk.out) < sizeof(want));
	memcpy(want, talk.out, strlen(talk.out) + 1);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		have(port, l, n, steps[i], SIZE_MAX);
		without_times(talk.out);
		if (strcmp(talk.out, want) != 0)
			fail_msg("in segments of %zu bytes:\n%s\nwanted:\n%s", steps[i], talk.out,
				want);
	}
}

#define SAME(port, l)       same_on(port, l, sizeof(l) / sizeof((l)[0]))
#define LOSE(port, l, lose) have(port, l, sizeof(l) / sizeof((l)[0]), 1460, lose)

/* Where the line that begins so goes on with this. */
static void line_holds(const char *begin, const char *text)
{
	const char *at = strstr(talk.out, begin), *end, *found;

	if (!at)
		fail_msg("no \"%s\" in:\n%s", begin, talk.out);
	end = strstr(at + 1, "\nsmtp ");
	found = strstr(at, text);
	if (!found || (end && found > end))
		fail_msg("\"%s\" does not go on with \"%s\":\n%s", begin, text, talk.out);
}

/* ---- what a mail is ---- */

static void test_mail(void **state)
{
	static const struct line l[] = {GREETING,
		C("MAIL FROM:<@relay:a@b.c> SIZE=300 BODY=8BITMIME SMTPUTF8"), S("250 2.1.0 Ok"),
		C("RCPT TO:<d@e.f>"), S("250 2.1.5 Ok"), C("RCPT TO:<\"x y\"@e.f>"),
		S("550-5.1.1 no"), S("550 5.1.1 such"), C("DATA"), S("354 go"),
		C("Subject: hi\r\n there\r\nMessage-ID: <1@b.c>\r\n\r\n..dot\r\nQUIT\r\n."),
		S("250 2.0.0 queued"), C("QUIT"), S("221 Bye")};

	(void)state;
	SAME(25, l);
	assert_int_equal(talk.records, 8);
	line_holds("smtp greeting|greeting|1 ", "smtp.reply_code=220 smtp.reply=mx ESMTP");
	line_holds("smtp EHLO|EHLO me|1 ", "smtp.reply=mx\nPIPELINING");
	line_holds("smtp MAIL|MAIL a@b.c|1 ",
		"tsumari.smtp.declared_size=300 tsumari.smtp.body_type=8BITMIME "
		"tsumari.smtp.utf8=1 smtp.reply_code=250");
	line_holds("smtp RCPT|RCPT \"x y\"@e.f|3 ",
		"smtp.reply=5.1.1 no\n5.1.1 such tsumari.smtp.enhanced_code=5.1.1");
	line_holds("smtp mail|mail|1 ", "email.subject=hi there email.message_id=<1@b.c>");
	line_holds("smtp mail|mail|1 ", "email.to.address=d@e.f\n\"x y\"@e.f");
	line_holds("smtp mail|mail|1 ",
		"tsumari.smtp.outcome=accepted smtp.rcpt_count=2 tsumari.smtp.rcpt_accepted=1 "
		"tsumari.smtp.rcpt_rejected=1 tsumari.smtp.message_bytes=57");
	line_holds("smtp DATA|DATA|1 ", "smtp.reply_code=250");
}

/* Three on one connection: refused at DATA, given up with RSET, given up with the connection. */
static void test_outcomes(void **state)
{
	static const struct line l[] = {GREETING, C("MAIL FROM:<>"), S("250 Ok"),
		C("RCPT TO:<d@e.f>"), S("450 4.2.0 later"), C("DATA"), S("554 5.5.1 none"),
		C("RSET"), S("250 Ok"), C("MAIL FROM:<2@b.c>"), S("250 Ok"), C("RCPT TO:<d@e.f>"),
		S("250 Ok"), C("RSET"), S("250 Ok"), C("MAIL FROM:<3@b.c>"), S("250 Ok"), C("DATA"),
		S("503 5.5.1 need RCPT"), C("DATA"), S("503 5.5.1 need RCPT")};

	(void)state;
	SAME(587, l);
	line_holds("smtp MAIL|MAIL|1 ", "smtp.reply_code=250");
	line_holds("smtp RCPT|RCPT d@e.f|4", "smtp.reply_code=450");
	line_holds("smtp mail|mail|", "tsumari.smtp.outcome=rejected");
	talk_holds("tsumari.smtp.outcome=reset");
	talk_lacks("tsumari.smtp.outcome=accepted");
	line_holds("smtp DATA|DATA|", "smtp.reply_code=554");
}

/* A client that does not wait: replies go to commands in order. */
static void test_pipelining(void **state)
{
	static const struct line l[] = {GREETING, C("MAIL FROM:<a@b.c>"), C("RCPT TO:<1@e.f>"),
		C("RCPT TO:<2@e.f>"), C("DATA"), S("250 m"), S("250-one"), S("250 one"),
		S("550 two"), S("354 go"), C("x\r\n."), C("MAIL FROM:<b@b.c>"), C("RSET"),
		C("NOOP"), C("QUIT"), S("250 first"), S("250 m2"), S("250 r"), S("250 n"),
		S("221 q")};

	(void)state;
	SAME(25, l);
	line_holds("smtp RCPT|RCPT 1@e.f|1 ", "smtp.reply=one\none");
	line_holds("smtp RCPT|RCPT 2@e.f|3 ", "smtp.reply=two");
	line_holds("smtp DATA|DATA|1 ", "smtp.reply=first");
	line_holds("smtp MAIL|MAIL b@b.c|1 ", "smtp.reply=m2");
	line_holds("smtp RSET|RSET|1 ", "smtp.reply=r");
	line_holds("smtp NOOP|NOOP|1 ", "smtp.reply=n");
	line_holds("smtp QUIT|QUIT|1 ", "smtp.reply=q");
}

/* Chunks are counted, and what they hold is no command; a size that is none is answered, too. */
static void test_chunks(void **state)
{
	static const struct line l[] = {GREETING, C("MAIL FROM:<a@b.c> BODY=BINARYMIME"),
		S("250 Ok"), C("RCPT TO:<d@e.f>"), S("250 Ok"), C("BDAT 6"), {0, "QUIT\r\n"},
		S("250 6 octets"), C("BDAT 0"), S("250 none"), C("BDAT 2 LAST"), {0, ".\n"},
		S("250 2.0.0 queued"), C("BDAT 99999999999999999999 LAST"), S("501 no"),
		C("BDAT -1"), S("501 no"), C("NOOP"), S("250 n")};

	(void)state;
	SAME(25, l);
	line_holds("smtp BDAT|BDAT 6|1 ", "tsumari.smtp.chunk_size=6");
	line_holds("smtp BDAT|BDAT 0|1 ", "smtp.reply=none");
	line_holds("smtp mail|mail|1 ", "tsumari.smtp.outcome=accepted");
	line_holds("smtp mail|mail|1 ", "tsumari.smtp.message_bytes=8");
	line_holds("smtp NOOP|NOOP|1 ", "smtp.reply=n");
	talk_lacks("QUIT");
}

/* LMTP: after the message a reply for each recipient that was accepted. */
static void test_lmtp(void **state)
{
	static const struct line l[] = {S("220 store LMTP"), C("LHLO me"), S("250 store"),
		C("MAIL FROM:<a@b.c>"), S("250 Ok"), C("RCPT TO:<1@e.f>"), S("250 Ok"),
		C("RCPT TO:<2@e.f>"), S("550 no"), C("RCPT TO:<3@e.f>"), S("250 Ok"), C("DATA"),
		S("354 go"), C("x\r\n."), S("250 first"), S("452 third is full"), C("QUIT"),
		S("221 Bye")};

	(void)state;
	SAME(24, l);
	line_holds("smtp LHLO|LHLO me|1", "smtp.reply_code=250");
	line_holds("smtp mail|mail|", "smtp.rcpt_count=3");
	line_holds("smtp QUIT|QUIT|1 ", "smtp.reply=Bye");
}

/* Each recipient has an outcome of its own, whichever comes first. */
static void test_lmtp_recipients(void **state)
{
#define LMTP(first, second)                                                                        \
	{                                                                                          \
		S("220 store LMTP"), C("LHLO me"), S("250 store"), C("MAIL FROM:<a@b.c>"),         \
			S("250 Ok"), C("RCPT TO:<1@e.f>"), S("250 Ok"), C("RCPT TO:<2@e.f>"),      \
			S("250 Ok"), C("RCPT TO:<3@e.f>"), S("550 no"), C("DATA"), S("354 go"),    \
			C("x\r\n."), S(first), S(second), C("QUIT"), S("221 Bye")                  \
	}
	static const struct line good_bad[] = LMTP("250 saved", "451 full"),
				 bad_good[] = LMTP("451 full", "250 saved"),
				 bad[] = LMTP("451 full", "452 full, too"),
				 good[] = LMTP("250 saved", "250 saved, too");

	(void)state;
	SAME(24, good_bad);
	line_holds("smtp mail|mail|", "tsumari.smtp.rcpt_accepted=1 tsumari.smtp.rcpt_rejected=2");
	line_holds("smtp mail|mail|", "tsumari.smtp.outcome=partial");
	line_holds("smtp DATA|DATA|4 ", "smtp.reply=full");
	SAME(24, bad_good);
	line_holds("smtp mail|mail|", "tsumari.smtp.rcpt_accepted=1 tsumari.smtp.rcpt_rejected=2");
	line_holds("smtp mail|mail|", "tsumari.smtp.outcome=partial");
	line_holds("smtp DATA|DATA|4 ", "smtp.reply=full");
	SAME(24, bad);
	line_holds("smtp mail|mail|", "tsumari.smtp.rcpt_accepted=0 tsumari.smtp.rcpt_rejected=3");
	line_holds("smtp mail|mail|", "tsumari.smtp.outcome=rejected");
	line_holds("smtp DATA|DATA|4 ", "smtp.reply_code=451");
	SAME(24, good);
	line_holds("smtp mail|mail|", "tsumari.smtp.rcpt_accepted=2 tsumari.smtp.rcpt_rejected=1");
	line_holds("smtp mail|mail|", "tsumari.smtp.outcome=accepted");
	line_holds("smtp DATA|DATA|1 ", "smtp.reply=saved, too");
}

/* Nothing of a secret is in a record: in the command, in lines of its own, in what is cut off. */
static void test_secrets(void **state)
{
	static const struct line l[] = {GREETING, C("AUTH PLAIN AHUAc2VjcmV0"), S("235 Ok"),
		C("AUTH LOGIN"), S("334 VXNlcm5hbWU6"), C("c2VjcmV0LXU="), S("334 UGFzc3dvcmQ6"),
		C("c2VjcmV0"), S("535 5.7.8 no"), C("auth CRAM-MD5"), S("334 PDEyMz4="),
		C("c2VjcmV0IDEyMw=="), S("235 Ok"), C("AUTH XOAUTH2 c2VjcmV0"), S("334 e30="),
		C(""), S("535 no"), C("AUTH LOGIN"), S("334 VXNlcm5hbWU6"), C("*"), S("501 off"),
		C("NOOP"), S("250 n")};

	(void)state;
	SAME(587, l);
	talk_lacks("c2VjcmV0");
	talk_lacks("AHU");
	line_holds("smtp AUTH|AUTH PLAIN|1 ", "tsumari.smtp.auth_mechanism=PLAIN");
	line_holds("smtp AUTH|AUTH LOGIN|", "smtp.reply_code=535");
	talk_holds("tsumari.smtp.auth_mechanism=CRAM-MD5");
	talk_holds("tsumari.smtp.auth_mechanism=XOAUTH2");
	line_holds("smtp NOOP|NOOP|1 ", "smtp.reply=n");
	/* whatever of it was lost */
	for (size_t lose = 0; lose < sizeof(l) / sizeof(l[0]); lose++) {
		LOSE(587, l, lose);
		talk_lacks("c2VjcmV0");
		talk_lacks("AHU");
	}
}

/* The client goes over to TLS where the server says so, and only then. */
static void test_starttls(void **state)
{
	static const struct line yes[] = {GREETING, C("STARTTLS"), S("220 go"),
		{0, "\x16\x03\x01\x02"}, {1, "\x16\x03\x03\x02"}};
	static const struct line no[] = {
		GREETING, C("STARTTLS"), S("454 not now"), C("NOOP"), S("250 n")};

	(void)state;
	SAME(25, yes);
	line_holds("smtp STARTTLS|STARTTLS|1 ", "smtp.tls=1");
	SAME(25, no);
	line_holds("smtp STARTTLS|STARTTLS|", "smtp.reply_code=454");
	line_holds("smtp NOOP|NOOP|1 ", "smtp.reply=n");
	talk_lacks("smtp.tls");
}

/* The greeting comes late, in several lines, or refuses; a client speaks before it. */
static void test_greetings(void **state)
{
	static const struct line lines[] = {
		S("220-mx"), S("220-wait"), S("220 ESMTP"), C("HELO me"), S("250 mx")};
	static const struct line refused[] = {S("554 5.7.1 not you"), C("QUIT"), S("221 Bye")};
	static const struct line early[] = {
		C("EHLO me"), S("220 mx"), S("250 mx"), C("QUIT"), S("221 Bye")};

	(void)state;
	SAME(25, lines);
	line_holds("smtp greeting|greeting|1 ", "smtp.reply=mx\nwait\nESMTP");
	SAME(25, refused);
	line_holds("smtp greeting|greeting|", "smtp.reply_code=554");
	SAME(25, early);
	line_holds("smtp EHLO|EHLO me|1 ", "smtp.reply=mx");
	talk_holds("smtp greeting|greeting|1");
}

/* Whatever is lost, no reply is given to another command. */
static void test_loss(void **state)
{
	static const struct line l[] = {GREETING, C("VRFY n1"), S("252 n1"), C("MAIL FROM:<n2@b>"),
		S("250 n2"), C("RCPT TO:<n3@b>"), S("250 n3"), C("RCPT TO:<n4@b>"), S("250 n4"),
		C("DATA"), S("354 go"), C("Message-ID: <n5@b>\r\n\r\nx\r\n."), S("250 n5"),
		C("VRFY n6"), S("252 n6"), C("VRFY n7"), S("252 n7"), C("QUIT"), S("221 Bye")};
	size_t n = sizeof(l) / sizeof(l[0]);

	(void)state;
	for (size_t lose = 0; lose < n; lose++) {
		LOSE(25, l, lose);
		for (const char *at = talk.out; *at; at = strchr(at, '\n') + 1) {
			const char *end = strchr(at, '\n');
			const char *asked = strstr(at, " n"), *got = strstr(at, "smtp.reply=n");

			if (asked && asked < end && got && got < end && asked[2] != got[12])
				fail_msg("line %zu lost: %s", lose, at);
		}
		if (lose < n - 6) /* it goes on behind it */
			line_holds("smtp VRFY|VRFY n7|1", "smtp.reply=n7");
	}
}

/* Verbs of any length and case, what is no command, lines that end in LF alone. */
static void test_odd_lines(void **state)
{
	static const struct line l[] = {GREETING, C("noop"), S("250 1"), C("XUNKNOWN thing"),
		S("500 2"), C(""), S("500 3"), C("From: me"), S("500 4"), {0, "NOOP\n"}, S("250 5"),
		C("MAIL FROM: a@b.c"), S("250 6"), C("MAIL FROM:<broken"), S("501 7"), C("HELP"),
		{1, "214-x\r\n214\r\n"}, C("QUIT"), S("221 8")};

	(void)state;
	SAME(25, l);
	line_holds("smtp NOOP|NOOP|1 ", "smtp.reply=1");
	line_holds("smtp XUNKNOWN|XUNKNOWN", "smtp.reply=2");
	line_holds("smtp MAIL|MAIL a@b.c|1", "smtp.reply=6");
	line_holds("smtp HELP|HELP|1", "smtp.reply_code=214");
	line_holds("smtp QUIT|QUIT|1 ", "smtp.reply=8");
}

/* Lines over the limit, in commands, replies and heads; what follows is read. */
static void test_long_lines(void **state)
{
	static char big[20000 + 1];
	static const char *const after = "NOOP\r\n";

	(void)state;
	memset(big, 'a', sizeof(big) - 1);
	for (unsigned which = 0; which < 2; which++) {
		talk_begin(25, true);
		talk_bytes(1, "220 mx\r\n", 8, 1460);
		talk_bytes(0, "EHLO me\r\n", 9, 1460);
		talk_bytes(1, "250-mx\r\n", 8, 1460);
		talk_bytes(1, "250 ", which ? 4 : 0, 1460);
		talk_bytes(1, big, which ? sizeof(big) - 1 : 0, 1460);
		talk_bytes(1, which ? "\r\n" : "250 x\r\n", which ? 2 : 7, 1460);
		talk_bytes(0, which ? "NOOP" : big, which ? 4 : sizeof(big) - 1, 1460);
		talk_bytes(0, "\r\n", 2, 1460);
		talk_bytes(1, "500 x\r\n", 7, 1460);
		talk_bytes(0, after, strlen(after), 1460);
		talk_bytes(1, "250 y\r\n", 7, 1460);
		talk_close();
		talk_end();
		assert_true(talk_counted("smtp: line over the limit, not read") > 0);
		talk_holds("smtp NOOP|NOOP|1");
	}
}

static int teardown(void **state)
{
	(void)state;
	talk_free();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mail),
		cmocka_unit_test(test_outcomes),
		cmocka_unit_test(test_pipelining),
		cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_lmtp),
		cmocka_unit_test(test_lmtp_recipients),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_starttls),
		cmocka_unit_test(test_greetings),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_odd_lines),
		cmocka_unit_test(test_long_lines),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
