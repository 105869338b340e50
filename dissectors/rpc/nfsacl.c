/*
 * nfsacl.c - NFS_ACL, the side band by which NFS versions 2 and 3 get at POSIX access control
 * lists. No RFC has it: its description is nfs_acl.x of Solaris, and Linux does the same
 * (fs/nfsd/nfs2acl.c, nfs3acl.c; fs/nfs_common/nfsacl.c).
 *
 * It is spoken on NFS' own connection, about NFS' handles.
 */
#include "nfs.h"
#include "rpcmsg.h"

enum {
	F_STATUS = F_RPC_FIELDS,
	F_HANDLE,
	F_PATH,
	F_ENTRIES,
	F_DEFAULT_ENTRIES,
};

static const struct field fields[] = {
	RPC_FIELDS,
	[F_STATUS] = FIELD("tsumari.nfsacl.status", "ACL status", "Status, named as that of NFS.",
		FIELD_STR, 14),
	[F_HANDLE] = FIELD("tsumari.nfsacl.handle", "Handle", "File handle, as a hash of 64 bits.",
		FIELD_STR, 16),
	[F_PATH] = FIELD("tsumari.nfsacl.path", "Path",
		"Path of the file, where names that were seen before tell it.", FIELD_STR, 30),
	[F_ENTRIES] = FIELD("tsumari.nfsacl.entries", "Entries",
		"Entries of the access list, as answered or to be set.", FIELD_U64, 5),
	[F_DEFAULT_ENTRIES] = FIELD("tsumari.nfsacl.default_entries", "Default",
		"Entries of the list that a directory gives to what is made in it.", FIELD_U64, 5),
	FIELDS_END,
};

/*
 * Marks: s status; f handle; e d entries of the lists, which may be counted and not sent. With an
 * error nfs-ganesha leaves out the attributes that version 3 has there: they are not asked for.
 */
#define FH2   "32f@f"
#define ATTR2 "68x"
#define POST3 "(84x)"
#define LISTS "u@e[12x]u@d[12x]"

static const struct procedure v2[] = {
	{"NULL", "", ""},
	{"GETACL", FH2 "u", "u@s<0:" ATTR2 "u" LISTS "|*:>"},
	{"SETACL", FH2 "u" LISTS, "u@s<0:" ATTR2 "|*:>"},
	{"GETATTR", FH2, "u@s<0:" ATTR2 "|*:>"},
	{"ACCESS", FH2 "u", "u@s<0:" ATTR2 "u|*:>"},
	{"GETXATTRDIR", FH2 "u", "u@s<0:32x" ATTR2 "|*:>"},
};

static const struct procedure v3[] = {
	{"NULL", "", ""},
	{"GETACL", "s@fu", "u@s<0:" POST3 "u" LISTS "|*:>"},
	{"SETACL", "s@fu" LISTS, "u@s<0:" POST3 "|*:>"},
	{"GETXATTRDIR", "s@fu", "u@s<0:o" POST3 "|*:>"},
};

static const struct procedure *find(uint32_t version, uint32_t procedure)
{
	return version == 2   ? RPC_PROCEDURE(v2, procedure)
	       : version == 3 ? RPC_PROCEDURE(v3, procedure)
			      : NULL;
}

const char *nfsacl_procedure(uint32_t version, uint32_t procedure)
{
	const struct procedure *p = find(version, procedure);

	return p ? p->name : NULL;
}

static const char *describe(struct tsm_txn t, const struct body *b)
{
	return rpc_by_procedure(t, b, find(b->version, b->procedure));
}

static void mark(void *arg, char letter, uint64_t number, struct view text)
{
	struct tsm_txn t = *(const struct tsm_txn *)arg;
	uint64_t handle;

	switch (letter) {
	case 's':
		nfs_outcome(t, F_STATUS, (uint32_t)number);
		break;
	case 'f':
		handle = nfs_hash(text);
		nfs_hashed(t, F_HANDLE, handle);
		tsm_where(t, F_PATH, handle, view_of(text.p, 0, 0));
		break;
	case 'e':
		tsm_u64(t, F_ENTRIES, number);
		break;
	default:
		tsm_u64(t, F_DEFAULT_ENTRIES, number);
	}
}

static struct take body(struct session *s, struct tsm_txn t, const struct body *b, struct view *v)
{
	return rpc_body(s, t, b, v, describe, mark);
}

static const struct claim claims[] = {
	{TABLE_RPC_PROGRAM, 100227},
	{TABLE_END, 0},
};

TSM_DISSECTOR(nfsacl) = {
	TSM_HEAD,
	.name = "nfsacl",
	.title = "Access control lists beside NFS",
	.claims = claims,
	.fields = fields,
	.body = body,
};
