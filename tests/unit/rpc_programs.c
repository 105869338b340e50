/*
 * rpc_programs.c - the programs beside NFS, and what they tell of others: names of handles (MOUNT),
 * ports (port mapper); access control lists.
 */
#include "rpc_world.h"

/* A program's table begins with the fields of RPC, which sets them by place. */
static void test_tables(void **state)
{
	const struct dissector *rpc;
	unsigned bodies = 0, n = 0;

	(void)state;
	registry_init();
	rpc = registry_find("rpc");
	while (field_recorded(&rpc->fields[n]))
		n++;
	assert_true(n > 10);
	for (unsigned i = 0; i < registry_count(); i++) {
		const struct dissector *d = registry_get(i);

		if (!d->body)
			continue;
		bodies++;
		for (unsigned k = 0; k < n; k++) {
			assert_string_equal(d->fields[k].name, rpc->fields[k].name);
			assert_int_equal(d->fields[k].type, rpc->fields[k].type);
		}
	}
	assert_int_equal(bodies, 7);
}

/* A directory of many entries: all are learned that fit, and looked up by handle. */
static void test_paths(void **state)
{
	struct world *w = begin(true);

	(void)state;
	call(&m, 1, 100005, 3, 1);
	opaque(&m, "/export/home/");
	tcp(w, 0, &m);
	reply(&m, 1, 0);
	W(&m, 0u);
	opaque(&m, "root");
	W(&m, 1u, 1u);
	tcp(w, 1, &m);
	call(&m, 2, 100003, 3, 17); /* READDIRPLUS */
	opaque(&m, "root");
	W(&m, 0u, 0u, 0u, 0u, 4096u, 4096u);
	tcp(w, 0, &m);
	reply(&m, 2, 0);
	W(&m, 0u, 0u, 0u, 0u);
	for (unsigned i = 0; i < 30; i++) {
		char name[16];

		snprintf(name, sizeof(name), i == 29 ? ".." : "entry %02u", i);
		W(&m, 1u, 0u, i);
		opaque(&m, name);
		W(&m, 0u, i, 0u, 1u);
		snprintf(name, sizeof(name), "handle %02u", i);
		opaque(&m, i == 29 ? "root" : name);
	}
	W(&m, 0u, 1u);
	tcp(w, 1, &m);
	for (uint32_t xid = 3; xid < 5; xid++) {
		call(&m, xid, 100003, 3, 1);
		opaque(&m, xid == 3 ? "handle 17" : "not seen");
		tcp(w, 0, &m);
		reply(&m, xid, 0);
		W(&m, 70u);
		tcp(w, 1, &m);
	}
	holds(w, 0, "mount MNT path=/export/home ");
	holds(w, 1, "nfs READDIRPLUS path=/export/home ");
	holds(w, 2, "nfs GETATTR path=/export/home/entry 17 ");
	holds(w, 2, "tsumari.nfs.path=/export/home/entry 17");
	holds(w, 3, "nfs GETATTR path= ");
	lacks(w, 3, "tsumari.nfs.path");
	destroy(w);
}

/* More handles than are kept: the one used longest ago gives way, and is not made up. */
static void test_paths_limit(void **state)
{
	struct world *w = begin(true);
	struct counters c = {0};

	(void)state;
	for (uint32_t xid = 1; xid <= 100; xid++) { /* 64 are kept */
		char path[16];

		call(&m, xid, 100005, 3, 1);
		snprintf(path, sizeof(path), "/%u", xid);
		opaque(&m, path);
		tcp(w, 0, &m);
		reply(&m, xid, 0);
		W(&m, 0u);
		opaque(&m, path);
		W(&m, 0u);
		tcp(w, 1, &m);
	}
	for (uint32_t xid = 101; xid < 103; xid++) {
		call(&m, xid, 100003, 3, 1);
		opaque(&m, xid == 101 ? "/36" : "/37");
		tcp(w, 0, &m);
		reply(&m, xid, 0);
		W(&m, 70u);
		tcp(w, 1, &m);
	}
	holds(w, 100, "nfs GETATTR path= ");
	holds(w, 101, "nfs GETATTR path=/37 ");
	paths_counters(w->paths, &c);
	assert_int_equal(c.n, 1);
	assert_int_equal(c.c[0].n, 36);
	destroy(w);
}

/* Asks for a port, in one of three ways, over UDP. */
static void ask_for_port(struct world *w, unsigned how)
{
	w->port = 111;
	call(&m, 1, 100000, how ? 4 : 2, how == 2 ? 4 : 3);
	if (how < 2)
		W(&m, 100021u, 4u);
	if (how == 0)
		W(&m, 6u, 0u);
	if (how == 1) {
		opaque(&m, "tcp");
		W(&m, 0u, 0u);
	}
	udp(w, 0, &m, m.n);
	reply(&m, 1, 0);
	if (how == 0) {
		W(&m, 40000u);
	} else if (how == 1) {
		opaque(&m, "192.0.2.49.156.64");
	} else {
		W(&m, 1u, 100021u, 4u);
		opaque(&m, "tcp");
		opaque(&m, "192.0.2.49.156.64");
		opaque(&m, "owner");
		W(&m, 0u);
	}
	udp(w, 1, &m, m.n);
	w->port = 0;
}

/* Far inside of something long, on a port that nothing else speaks for. */
static void test_taught_port(void **state)
{
	(void)state;
	for (unsigned how = 0; how < 4; how++) {
		struct world *w = begin(false);

		if (how < 3)
			ask_for_port(w, how);
		w->n = 0;
		w->port = 40000;
		memset(m.b, 'd', 1000);
		for (unsigned i = 0; i < 40; i++)
			segment(w, 1, TCP_ACK, m.b, 1000);
		getattr(w, 7);
		finish(w);
		assert_int_equal(w->n, how < 3);
		if (how < 3)
			holds(w, 0, "rpc.xid=00000007");
		destroy(w);
	}
}

/* ---- access control lists ---- */

static void acl_call(struct msg *to, uint32_t xid, uint32_t version, uint32_t procedure)
{
	call(to, xid, 100227, version, procedure);
	if (version == 2)
		fixed(to, "the file", 32);
	else
		opaque(to, "the file");
}

/* Attributes as both versions have them: 68 and 84 bytes that are of no interest. */
static void attributes(struct msg *to, uint32_t version)
{
	if (version == 3)
		W(to, 1u);
	memset(to->b + to->n, 0x5a, version == 2 ? 68 : 84);
	to->n += version == 2 ? 68 : 84;
}

static void list(struct msg *to, uint32_t n)
{
	W(to, n, n);
	for (uint32_t i = 0; i < n; i++)
		W(to, 1u << i, 100u + i, 7u);
}

static void test_acl(void **state)
{
	/* Solaris' nfs_acl.x; of version 3 there are fewer. */
	static const char *const names[2][6] = {
		{"NULL", "GETACL", "SETACL", "GETATTR", "ACCESS", "GETXATTRDIR"},
		{"NULL", "GETACL", "SETACL", "GETXATTRDIR", "4", "5"}};

	(void)state;
	for (uint32_t version = 2; version <= 3; version++) {
		struct world *w = begin(true);
		unsigned known = version == 2 ? 6 : 4;
		char line[64];

		for (uint32_t k = 0; k < 6; k++) {
			bool get = k == 1, set = k == 2, dir = version == 2 ? k == 5 : k == 3;

			acl_call(&m, k + 1, version, k);
			if (k == 0)
				m.n -= version == 2 ? 32 : 12;
			if (get || set || dir || (version == 2 && k == 4))
				W(&m, 15u);
			if (set) {
				list(&m, 5);
				list(&m, 0);
			}
			tcp(w, 0, &m);
			reply(&m, k + 1, 0);
			if (k)
				W(&m, 0u);
			if (dir && version == 2)
				fixed(&m, "the directory", 32);
			else if (dir)
				opaque(&m, "the directory");
			if (k)
				attributes(&m, version);
			if (version == 2 && k == 4)
				W(&m, 1u);
			if (get) {
				W(&m, 15u);
				list(&m, 4);
				W(&m, 3u, 0u); /* counted, not sent */
			}
			tcp(w, 1, &m);
		}
		assert_int_equal(w->n, 6);
		for (unsigned i = 0; i < 6; i++) {
			snprintf(line, sizeof(line), "nfsacl %s path= status=1 quality=0 ",
				names[version - 2][i]);
			holds(w, i, line);
			if (i && i < known) {
				holds(w, i, "tsumari.nfsacl.handle=");
				holds(w, i, "tsumari.nfsacl.status=NFS_OK");
			}
		}
		holds(w, 1, "tsumari.nfsacl.entries=4 tsumari.nfsacl.default_entries=3");
		holds(w, 2, "tsumari.nfsacl.entries=5 tsumari.nfsacl.default_entries=0");
		destroy(w);
	}
}

/* The handle is that of NFS: what is known of it holds here. */
static void test_acl_paths(void **state)
{
	struct world *w = begin(true);

	(void)state;
	call(&m, 1, 100005, 3, 1);
	opaque(&m, "/export");
	tcp(w, 0, &m);
	reply(&m, 1, 0);
	W(&m, 0u);
	opaque(&m, "root");
	W(&m, 0u);
	tcp(w, 1, &m);
	call(&m, 2, 100003, 3, 3); /* LOOKUP */
	opaque(&m, "root");
	opaque(&m, "file");
	tcp(w, 0, &m);
	reply(&m, 2, 0);
	W(&m, 0u);
	opaque(&m, "the file");
	W(&m, 0u, 0u);
	tcp(w, 1, &m);
	acl_call(&m, 3, 3, 1);
	W(&m, 1u);
	tcp(w, 0, &m);
	reply(&m, 3, 0);
	W(&m, 10004u, 0u); /* NOTSUPP */
	tcp(w, 1, &m);
	acl_call(&m, 4, 3, 2);
	W(&m, 1u);
	list(&m, 4);
	list(&m, 0);
	tcp(w, 0, &m);
	reply(&m, 4, 0);
	W(&m, 28u);
	attributes(&m, 3);
	tcp(w, 1, &m);
	assert_int_equal(w->n, 4);
	holds(w, 2, "nfsacl GETACL path=/export/file status=2 quality=0 ");
	holds(w, 2, "tsumari.nfsacl.status=NFSERR_NOTSUPP");
	holds(w, 2, "tsumari.nfsacl.path=/export/file");
	holds(w, 3, "nfsacl SETACL path=/export/file status=4 quality=0 ");
	holds(w, 3, "tsumari.nfsacl.status=NFSERR_NOSPC");
	destroy(w);
}

/* Every cut of a call; lists of more than is there; a handle of no length that can be. */
static void test_acl_bad(void **state)
{
	struct world *w = begin(true);
	uint32_t xid = 1;
	size_t cut, arguments = 12 + 4 + 56 + 8;

	(void)state;
	for (cut = 1; cut <= arguments; cut++, xid++) {
		acl_call(&m, xid, 3, 2);
		W(&m, 1u);
		list(&m, 4);
		list(&m, 0);
		m.n -= cut;
		tcp(w, 0, &m);
		reply(&m, xid, 0);
		W(&m, 22u, 0u);
		tcp(w, 1, &m);
		holds(w, w->n - 1, "nfsacl SETACL path= status=2 quality=800 ");
		holds(w, w->n - 1, "tsumari.nfsacl.status=NFSERR_INVAL");
	}
	for (unsigned i = 0; i < 3; i++, xid++) {
		acl_call(&m, xid, 3, 2);
		if (i == 2)
			memset(m.b + m.n - 12, 0xff, 4);
		W(&m, 1u, 0xffffffffu, i == 1 ? 0x10000000u : 0xffffffffu, 1u, 2u, 3u);
		tcp(w, 0, &m);
		reply(&m, xid, 0);
		W(&m, 22u, 0u);
		tcp(w, 1, &m);
		holds(w, w->n - 1, "nfsacl SETACL path= status=2 quality=800 ");
	}
	getattr(w, 999);
	holds(w, w->n - 1, "nfs.status=NFSERR_STALE");
	lacks(w, w->n - 1, "quality=800");
	destroy(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_paths_limit),
		cmocka_unit_test(test_taught_port),
		cmocka_unit_test(test_acl),
		cmocka_unit_test(test_acl_paths),
		cmocka_unit_test(test_acl_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
