/*
 * rpc.c - RPC and NFS from messages made by hand after the RFCs: what no server at hand says, what
 * is wrong on purpose, and every cut of the same bytes.
 */
#include "rpc_world.h"

/* ---- version 2 (RFC 1094) ---- */

static void attributes2(struct msg *to)
{
	/* type mode nlink uid gid size blocksize rdev blocks fsid fileid atime mtime ctime */
	W(to, 1u, 0100644u, 1u, 0u, 0u, 8u, 4096u, 0u, 1u, 2u, 77u, 1u, 2u, 1000u, 500000u, 3u, 4u);
}

static void test_version2(void **state)
{
	struct world *w = begin(true);

	(void)state;
	call(&m, 1, 100003, 2, 4); /* LOOKUP */
	fixed(&m, "directory", 32);
	opaque(&m, "file");
	tcp(w, 0, &m);
	reply(&m, 1, 0);
	W(&m, 0u);
	fixed(&m, "the file", 32);
	attributes2(&m);
	tcp(w, 1, &m);
	call(&m, 2, 100003, 2, 6); /* READ */
	fixed(&m, "the file", 32);
	W(&m, 4u, 8u, 0u);
	tcp(w, 0, &m);
	reply(&m, 2, 0);
	W(&m, 0u);
	attributes2(&m);
	opaque(&m, "abcdefg");
	tcp(w, 1, &m);
	call(&m, 3, 100003, 2, 8); /* WRITE */
	fixed(&m, "the file", 32);
	W(&m, 0u, 16u, 0u);
	opaque(&m, "12345");
	tcp(w, 0, &m);
	reply(&m, 3, 0);
	W(&m, 28u);
	tcp(w, 1, &m);
	call(&m, 4, 100003, 2, 11); /* RENAME */
	fixed(&m, "directory", 32);
	opaque(&m, "file");
	fixed(&m, "directory", 32);
	opaque(&m, "other");
	tcp(w, 0, &m);
	reply(&m, 4, 0);
	W(&m, 0u);
	tcp(w, 1, &m);
	call(&m, 5, 100003, 2, 16); /* READDIR */
	fixed(&m, "directory", 32);
	W(&m, 0u, 400u);
	tcp(w, 0, &m);
	reply(&m, 5, 0);
	W(&m, 0u, 1u, 7u);
	opaque(&m, "entry");
	W(&m, 1u, 0u, 1u);
	tcp(w, 1, &m);
	assert_int_equal(w->n, 5);
	holds(w, 0, "nfs LOOKUP path= status=1 quality=0 ");
	holds(w, 0, "nfs.version=2 nfs.opcode=LOOKUP");
	holds(w, 0, "tsumari.nfs.name=file");
	holds(w, 0,
		"nfs.status=NFS_OK tsumari.nfs.type=file tsumari.nfs.size=8 "
		"tsumari.nfs.fileid=77 tsumari.nfs.mtime=1000500000000");
	holds(w, 1, "tsumari.nfs.offset=4 tsumari.nfs.count=8");
	holds(w, 1, "tsumari.nfs.done=7");
	holds(w, 2,
		"tsumari.nfs.offset=16 tsumari.nfs.count=5 rpc.status=success "
		"nfs.status=NFSERR_NOSPC");
	holds(w, 2, "status=4 ");
	holds(w, 3, "tsumari.nfs.name=file");
	holds(w, 3, "tsumari.nfs.to_name=other");
	holds(w, 4, "tsumari.nfs.count=400");
	holds(w, 4, "tsumari.nfs.eof=1");
	for (unsigned i = 0; i < 5; i++) {
		holds(w, i,
			"rpc.auth_flavor=unix rpc.cred.stamp=7 rpc.cred.machinename=host "
			"rpc.cred.uid=10 rpc.cred.gid=20 rpc.cred.gids=30");
		lacks(w, i, "quality=1");
	}
	destroy(w);
}

/* ---- the same bytes, cut everywhere ---- */

/* A conversation: READ of 3,000 bytes with what is behind it, in fragments of this size. */
static size_t conversation(uint8_t *to, unsigned side, size_t fragment)
{
	static struct msg all, one;

	all.n = 0;
	for (uint32_t xid = 1; xid <= 3; xid++) {
		if (!side) {
			call(&one, xid, 100003, 4, 1);
			opaque(&one, "tag");
			W(&one, 0u, 4u, 22u);
			opaque(&one, "handle of a file");
			W(&one, 25u, 1u, 2u, 3u, 4u, 0u, 8u * xid, 3000u);  /* READ */
			W(&one, 38u, 1u, 2u, 3u, 4u, 0u, 4000u, 2u, 1001u); /* WRITE */
			fixed(&one, "data", 1004);
			W(&one, 9u, 1u, 0x10u);
		} else {
			reply(&one, xid, 0);
			W(&one, 0u);
			opaque(&one, "tag");
			W(&one, 4u, 22u, 0u, 25u, 0u, 1u, 3000u);
			fixed(&one, "data", 3000);
			W(&one, 38u, 0u, 1001u, 2u, 9u, 9u);
			W(&one, 9u, 0u, 1u, 0x10u, 8u, 0u, 12345u);
		}
		for (size_t at = 0; at < one.n; at += fragment) {
			size_t n = one.n - at < fragment ? one.n - at : fragment;

			W(&all, (uint32_t)n | (uint32_t)(at + n == one.n) << 31);
			memcpy(all.b + all.n, one.b + at, n);
			all.n += n;
		}
	}
	memcpy(to, all.b, all.n);
	return all.n;
}

static void check_conversation(struct world *w)
{
	finish(w);
	assert_int_equal(w->n, 4);
	for (unsigned i = 1; i < 4; i++) {
		holds(w, i, "nfs READ path= status=1 quality=0 ");
		holds(w, i, "nfs.tag=tag");
		holds(w, i, "nfs.opcode=READ");
		holds(w, i, "tsumari.nfs.done=3000");
		holds(w, i, "tsumari.nfs.committed=file_sync");
		holds(w, i, "tsumari.nfs.size=12345");
		holds(w, i, "tsumari.nfs.statuses=NFS_OK,NFS_OK,NFS_OK,NFS_OK");
	}
	holds(w, 3, "tsumari.nfs.offset=24 tsumari.nfs.count=3000");
}

static void test_cuts(void **state)
{
	static const size_t fragments[] = {70000, 1000, 96, 40, 7, 1};
	static uint8_t bytes[2][300000];

	(void)state;
	for (size_t f = 0; f < sizeof(fragments) / sizeof(fragments[0]); f++)
		for (size_t step = 1; step < 60000; step = step * 7 + 1) {
			struct world *w = begin(true);

			getattr(w, 100); /* which is recognised by its first fragment */
			for (unsigned side = 0; side < 2; side++) {
				size_t n = conversation(bytes[side], side, fragments[f]);

				if (f > 3 && step == 1) /* enough of single bytes */
					step = 8;
				for (size_t at = 0; at < n; at += step)
					segment(w, side, TCP_ACK, bytes[side] + at,
						n - at < step ? n - at : step);
			}
			check_conversation(w);
			destroy(w);
		}
}

/* ---- loss ---- */

/* One segment of a conversation is missing; the other side acknowledges it all the same. */
static void lose(struct world *w, unsigned side, size_t begin_at, size_t size)
{
	static uint8_t bytes[20000];
	size_t n = conversation(bytes, side, 70000);

	for (size_t at = 0; at < n; at += size) {
		size_t k = n - at < size ? n - at : size;

		if (at <= begin_at && begin_at < at + size)
			w->next[side] += (uint32_t)k;
		else
			segment(w, side, TCP_ACK, bytes + at, k);
		segment(w, !side, TCP_ACK, NULL, 0);
	}
}

static void test_loss(void **state)
{
	static uint8_t bytes[20000];
	size_t calls = conversation(bytes, 0, 70000), replies = conversation(bytes, 1, 70000);

	(void)state;
	for (unsigned side = 0; side < 2; side++)
		for (size_t at = 0; at < (side ? replies : calls); at += 100) {
			struct world *w = begin(true);
			unsigned whole = 0;
			size_t n;

			getattr(w, 100);
			if (side) {
				n = conversation(bytes, 0, 70000);
				segment(w, 0, TCP_ACK, bytes, n);
				lose(w, 1, at, 100);
			} else {
				lose(w, 0, at, 100);
				n = conversation(bytes, 1, 70000);
				segment(w, 1, TCP_ACK, bytes, n);
			}
			finish(w);
			/* One segment touches two messages at most, and mostly only one's data. */
			for (unsigned i = 0; i < w->n; i++)
				whole += strstr(w->shown[i], "tsumari.nfs.size=12345") &&
					 strstr(w->shown[i], "tsumari.nfs.count=3000");
			assert_in_range(whole, 1, 3);
			destroy(w);
		}
}

/* A megabyte read, of which one packet was lost: nothing but a mark on that transaction. */
static void test_loss_in_read(void **state)
{
	struct world *w = begin(true);
	static uint8_t data[1000];

	(void)state;
	call(&m, 1, 100003, 3, 6);
	opaque(&m, "file");
	W(&m, 0u, 0u, 1000000u);
	tcp(w, 0, &m);
	call(&m, 2, 100003, 3, 1);
	opaque(&m, "file");
	tcp(w, 0, &m);
	m.n = 0;
	W(&m, 0x80000000u | (24 + 4 + 4 + 12 + 1000000), 1u, 1u, 0u, 0u, 0u, 0u);
	W(&m, 0u, 0u, 1000000u, 1u, 1000000u);
	segment(w, 1, TCP_ACK, m.b, m.n);
	for (unsigned i = 0; i < 1000; i++) {
		if (i == 500)
			w->next[1] += sizeof(data);
		else
			segment(w, 1, TCP_ACK, data, sizeof(data));
		segment(w, 0, TCP_ACK, NULL, 0);
	}
	reply(&m, 2, 0);
	W(&m, 70u);
	tcp(w, 1, &m);
	assert_int_equal(w->n, 2);
	holds(w, 0, "nfs READ path= status=1 quality=4 "); /* gap */
	holds(w, 0, "tsumari.nfs.done=1000000 tsumari.nfs.eof=1");
	holds(w, 1, "nfs GETATTR path= status=2 quality=0 ");
	holds(w, 1, "nfs.status=NFSERR_STALE");
	destroy(w);
}

/* ---- records that are wrong ---- */

static void test_bad_records(void **state)
{
	struct world *w = begin(true);

	(void)state;
	getattr(w, 1);
	m.n = 0; /* a record too short for a header, an empty one, one of nothing but zeros */
	W(&m, 0x80000008u, 2u, 0u, 0x80000000u, 0x80000020u, 0u, 0u, 0u, 0u, 0u, 0u, 0u, 0u);
	segment(w, 0, TCP_ACK, m.b, m.n);
	segment(w, 1, TCP_ACK, m.b, m.n);
	getattr(w, 3);
	assert_int_equal(w->n, 2);
	holds(w, 1, "rpc.xid=00000003");
	holds(w, 1, "nfs.status=NFSERR_STALE");
	assert_true(counted(w, "rpc: no message where one should begin") >= 2);
	/* A mark of 2 GiB with a header that is right: counted in, and nothing is kept. */
	call(&m, 4, 100003, 3, 7);
	opaque(&m, "file");
	W(&m, 0u, 0u, 0x7fffff00u, 2u, 0x7fffff00u);
	memmove(m.b + 4, m.b, m.n);
	m.n += 4;
	memcpy(m.b, "\xff\xff\xff\xff", 4);
	segment(w, 0, TCP_ACK, m.b, m.n);
	for (unsigned i = 0; i < 200; i++)
		segment(w, 0, TCP_ACK, m.b, 60000);
	finish(w);
	assert_int_equal(w->n, 3);
	holds(w, 2, "nfs WRITE");
	destroy(w);
}

/* Lengths within a message that go past it: the message ends, the next one begins. */
static void test_bad_lengths(void **state)
{
	struct world *w = begin(true);

	(void)state;
	for (uint32_t xid = 1; xid < 9; xid++) {
		call(&m, xid, 100003, xid % 2 ? 3 : 4, xid % 2 ? 3 : 1);
		if (xid % 2)
			opaque(&m, "file");
		else
			W(&m, 0u, 0u, 0xffffffffu, 22u);
		W(&m, xid < 5 ? 0xffffffffu : 0x10000u);
		opaque(&m, "name");
		tcp(w, 0, &m);
		reply(&m, xid, 0);
		W(&m, 0u, xid < 5 ? 0xfffffffdu : 400u);
		tcp(w, 1, &m);
	}
	getattr(w, 99);
	assert_int_equal(w->n, 9);
	for (unsigned i = 0; i < 8; i++)
		holds(w, i, "quality=800 "); /* malformed */
	holds(w, 8, "nfs.status=NFSERR_STALE");
	destroy(w);
}

/* Calls that nobody answers: the oldest give way. */
static void test_unanswered(void **state)
{
	struct world *w = begin(true);

	(void)state;
	for (uint32_t xid = 1; xid <= 700; xid++) {
		call(&m, xid, 100003, 3, 1);
		opaque(&m, "file");
		tcp(w, 0, &m);
	}
	assert_int_equal(w->n, 700 - 512);
	reply(&m, 700, 0);
	W(&m, 0u);
	tcp(w, 1, &m);
	assert_int_equal(w->n, 700 - 512 + 1);
	holds(w, 700 - 512, "rpc.xid=000002bc");
	destroy(w);
}

/* ---- credentials, denials ---- */

static void gss(struct msg *to, uint32_t xid, uint32_t proc, uint32_t control, uint32_t service)
{
	to->n = 0;
	W(to, xid, 0u, 2u, 100003u, 3u, proc, 6u, 24u, 1u, control, 5u, service, 4u);
	fixed(to, "ctx", 4);
	W(to, 6u, 4u, 0u);
}

static void test_gss(void **state)
{
	struct world *w = begin(true);

	(void)state;
	gss(&m, 1, 0, 1, 1); /* its own call */
	opaque(&m, "token");
	tcp(w, 0, &m);
	reply(&m, 1, 0);
	tcp(w, 1, &m);
	gss(&m, 2, 1, 0, 2); /* integrity: length, sequence, arguments, checksum */
	W(&m, 12u, 5u);
	opaque(&m, "file");
	opaque(&m, "checksum");
	tcp(w, 0, &m);
	reply(&m, 2, 0);
	W(&m, 8u, 5u, 70u);
	opaque(&m, "checksum");
	tcp(w, 1, &m);
	gss(&m, 3, 1, 0, 3); /* privacy */
	opaque(&m, "sealed");
	tcp(w, 0, &m);
	reply(&m, 3, 0);
	opaque(&m, "sealed");
	tcp(w, 1, &m);
	assert_int_equal(w->n, 3);
	holds(w, 0, "nfs NULL");
	holds(w, 0, "tsumari.rpc.gss_service=control");
	holds(w, 1, "rpc.auth_flavor=rpcsec_gss tsumari.rpc.gss_service=integrity");
	holds(w, 1, "tsumari.nfs.handle=");
	holds(w, 1, "nfs.status=NFSERR_STALE");
	holds(w, 2, "nfs GETATTR path= status=1 quality=0 ");
	holds(w, 2, "gss_service=privacy");
	lacks(w, 2, "nfs.status");
	destroy(w);
}

static void test_denied(void **state)
{
	struct world *w = begin(true);

	(void)state;
	for (uint32_t xid = 1; xid <= 2; xid++) {
		call(&m, xid, 100003, 3, 0);
		tcp(w, 0, &m);
		m.n = 0;
		if (xid == 1)
			W(&m, xid, 1u, 1u, 0u, 2u, 2u);
		else
			W(&m, xid, 1u, 1u, 1u, 13u);
		tcp(w, 1, &m);
	}
	call(&m, 3, 390000, 1, 5);
	m.b[24 + 8 + 4 + 3] = 0xff; /* a machine's name longer than its credential */
	tcp(w, 0, &m);
	reply(&m, 3, 1);
	tcp(w, 1, &m);
	assert_int_equal(w->n, 3);
	holds(w, 0, "rpc.status=rpc_mismatch");
	holds(w, 1, "rpc.status=auth_error tsumari.rpc.auth_status=rpcsec_gsserr_credproblem");
	holds(w, 2, "rpc 5 path= status=2 quality=800 ");
	holds(w, 2, "rpc.status=prog_unavail");
	lacks(w, 2, "rpc.cred");
	destroy(w);
}

/* ---- UDP ---- */

static void test_udp(void **state)
{
	struct world *w = begin(false);

	(void)state;
	call(&m, 1, 100003, 3, 1);
	opaque(&m, "file");
	udp(w, 0, &m, m.n);
	udp(w, 0, &m, m.n); /* sent again */
	reply(&m, 1, 0);
	W(&m, 70u);
	udp(w, 1, &m, m.n);
	udp(w, 1, &m, m.n); /* and answered again */
	call(&m, 1, 100003, 3, 1);
	opaque(&m, "file");
	udp(w, 0, &m, m.n);
	assert_int_equal(w->n, 1);
	holds(w, 0, "tsumari.rpc.retransmits=1");
	assert_int_equal(counted(w, "rpc: call sent again"), 1);
	assert_int_equal(counted(w, "rpc: call sent again after its answer"), 1);
	assert_int_equal(counted(w, "rpc: answer that came before"), 1);
	/* A datagram that is cut, and one that ends too soon, leave the next ones alone. */
	call(&m, 2, 100003, 3, 3);
	opaque(&m, "file");
	opaque(&m, "a name that is cut");
	udp(w, 0, &m, m.n - 10);
	call(&m, 3, 100003, 3, 3);
	opaque(&m, "file");
	m.n -= 4;
	udp(w, 0, &m, m.n);
	for (uint32_t xid = 3; xid >= 2; xid--) {
		reply(&m, xid, 0);
		W(&m, 2u, 0u);
		udp(w, 1, &m, m.n);
	}
	assert_int_equal(w->n, 3);
	holds(w, 1, "rpc.xid=00000003");
	holds(w, 1, "quality=808 "); /* snaplen (of the flow), malformed */
	holds(w, 2, "rpc.xid=00000002");
	holds(w, 2, "quality=8 ");
	holds(w, 2, "nfs.status=NFSERR_NOENT");
	destroy(w);
}

/* ---- what was not there from the beginning ---- */

static void test_midstream(void **state)
{
	struct world *w = begin(false);

	(void)state;
	memset(m.b, 'd', 5000); /* inside the data of a READ */
	segment(w, 1, TCP_ACK, m.b, 1001);
	call(&m, 7, 100003, 3, 1);
	opaque(&m, "file");
	tcp(w, 0, &m);
	memset(m.b, 'd', 5000);
	segment(w, 1, TCP_ACK, m.b, 998);
	reply(&m, 6, 0); /* to a call that was not seen */
	W(&m, 0u);
	tcp(w, 1, &m);
	reply(&m, 7, 0);
	W(&m, 70u);
	tcp(w, 1, &m);
	getattr(w, 8);
	finish(w);
	assert_int_equal(w->n, 2);
	holds(w, 0, "rpc.xid=00000007");
	holds(w, 0, "NFSERR_STALE");
	holds(w, 1, "rpc.xid=00000008");
	destroy(w);
}

/* ---- callbacks ---- */

static void test_callback(void **state)
{
	struct world *w = begin(true);

	(void)state;
	call(&m, 1, 0x40000000, 1, 1);
	W(&m, 0u, 1u, 0u, 2u, 11u, 1u, 2u, 3u, 4u, 9u, 0u, 1u, 0u, 1u, 1u, 2u, 3u, 4u, 1u, 5u, 6u);
	W(&m, 4u, 1u, 2u, 3u, 4u, 0u); /* CB_RECALL */
	opaque(&m, "file");
	tcp(w, 0, &m);
	reply(&m, 1, 0);
	W(&m, 0u, 0u, 2u, 11u, 0u, 1u, 2u, 3u, 4u, 9u, 0u, 1u, 1u, 4u, 0u);
	tcp(w, 1, &m);
	assert_int_equal(w->n, 1);
	holds(w, 0, "nfs CB_RECALL path= status=1 quality=0 ");
	holds(w, 0, "tsumari.nfs.operations=CB_SEQUENCE,CB_RECALL");
	holds(w, 0, "tsumari.nfs.sequence=9 tsumari.nfs.slot=0");
	destroy(w);
}

/* A header that the snap length or a gap has cut: the message is counted, not guessed. */
static void test_header_cut(void **state)
{
	struct world *w = begin(true);

	(void)state;
	call(&m, 1, 100003, 3, 0);
	tcp(w, 0, &m);
	reply(&m, 1, 0);
	tcp(w, 1, &m);
	call(&m, 2, 100003, 3, 0);
	segment(w, 0, TCP_ACK, (const uint8_t *)"\x80\0\0", 3);
	w->next[0] += (uint32_t)m.n + 1;
	reply(&m, 2, 0);
	tcp(w, 1, &m);
	call(&m, 3, 100003, 3, 0);
	tcp(w, 0, &m);
	reply(&m, 3, 0);
	tcp(w, 1, &m);
	finish(w);
	assert_int_equal(counted(w, "rpc: header not captured whole, message not read"), 1);
	assert_int_equal(w->n, 3); /* of the second the reply */
	destroy(w);
	w = begin(false);
	call(&m, 1, 100003, 3, 0);
	udp(w, 0, &m, m.n);
	call(&m, 2, 100003, 3, 0);
	udp(w, 0, &m, 20);
	finish(w);
	assert_int_equal(counted(w, "rpc: header not captured whole, message not read"), 1);
	assert_int_equal(w->n, 1);
	destroy(w);
}

/* What might be the reply to an accepted call might be anything else: here DHCP's number is 1. */
static void test_alike(void **state)
{
	struct world *w = begin(false);

	(void)state;
	w->port = 67;
	m.n = 0;
	W(&m, 0x02010600u, 1u, 0u, 0u, 0u, 0u, 0u, 0u);
	udp(w, 1, &m, m.n);
	udp(w, 1, &m, m.n);
	finish(w);
	assert_int_equal(w->n, 0);
	destroy(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alike),
		cmocka_unit_test(test_header_cut),
		cmocka_unit_test(test_version2),
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_loss_in_read),
		cmocka_unit_test(test_bad_records),
		cmocka_unit_test(test_bad_lengths),
		cmocka_unit_test(test_unanswered),
		cmocka_unit_test(test_gss),
		cmocka_unit_test(test_denied),
		cmocka_unit_test(test_udp),
		cmocka_unit_test(test_midstream),
		cmocka_unit_test(test_callback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
