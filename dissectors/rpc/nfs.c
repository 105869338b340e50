/*
 * nfs.c - the Network File System, versions 2 (RFC 1094), 3 (RFC 1813) and 4.0, 4.1, 4.2 (RFC 7530,
 * 8881, 7862): what the versions share. Messages are read by descriptions (xdr.h), the data of READ
 * and WRITE is passed over unseen.
 */
#include "nfs.h"

const struct field nfs_fields[] = {
	RPC_FIELDS,
	[F_NFS_VERSION] = FIELD("nfs.version", "NFS", "Version of the protocol.", FIELD_U64, 3),
	[F_NFS_MINOR] = FIELD("nfs.minor_version", "Minor",
		"Minor version of the protocol (NFSv4).", FIELD_U64, 5),
	[F_NFS_TAG] = FIELD(
		"nfs.tag", "Tag", "Tag of the COMPOUND, where it is not empty.", FIELD_STR, 12),
	[F_NFS_OPCODE] = FIELD("nfs.opcode", "Operation",
		"Operation: the procedure, or the main operation of a COMPOUND.", FIELD_NAME, 12),
	[F_NFS_STATUS] = FIELD("nfs.status", "NFS status",
		"How it ended; of a COMPOUND the status of the last operation done.", FIELD_STR,
		14),
	[F_NFS_HANDLE] = FIELD("tsumari.nfs.handle", "Handle",
		"File handle of the (main) operation, as a hash of 64 bits.", FIELD_STR, 16),
	[F_NFS_PATH] = FIELD("tsumari.nfs.path", "Path",
		"Path of the file, where the capture shows how its handle came about.", FIELD_STR,
		40),
	[F_NFS_NAME] = FIELD(
		"tsumari.nfs.name", "Name", "Name of the file in its directory.", FIELD_STR, 16),
	[F_NFS_TO_HANDLE] = FIELD("tsumari.nfs.to_handle", "To handle",
		"RENAME, LINK: handle of the directory of the new name, as a hash.", FIELD_STR, 16),
	[F_NFS_TO_NAME] = FIELD(
		"tsumari.nfs.to_name", "To name", "RENAME, LINK: the new name.", FIELD_STR, 16),
	[F_NFS_TARGET] = FIELD(
		"tsumari.nfs.target", "Target", "What a symbolic link points to.", FIELD_STR, 16),
	[F_NFS_OFFSET] = FIELD(
		"tsumari.nfs.offset", "Offset", "Where in the file, from 0.", FIELD_BYTES, 10),
	[F_NFS_COUNT] = FIELD("tsumari.nfs.count", "Count", "Bytes asked for or sent by the call.",
		FIELD_BYTES, 8),
	[F_NFS_DONE] = FIELD(
		"tsumari.nfs.done", "Done", "Bytes read or written by the reply.", FIELD_BYTES, 8),
	[F_NFS_EOF] = FIELD_WITH("tsumari.nfs.eof", "EOF",
		"The end of the file or directory was reached.", FIELD_BOOL, 5, FIELD_F_FALSE),
	[F_NFS_STABLE] = FIELD("tsumari.nfs.stable", "Stable",
		"WRITE: unstable, data_sync or file_sync was asked for.", FIELD_NAME, 9),
	[F_NFS_COMMITTED] = FIELD("tsumari.nfs.committed", "Committed",
		"WRITE: how far the server committed the data.", FIELD_NAME, 9),
	[F_NFS_TYPE] = FIELD("tsumari.nfs.type", "Type",
		"Type of the file: file, dir, blk, chr, lnk, sock, fifo.", FIELD_NAME, 5),
	[F_NFS_FILEID] =
		FIELD("tsumari.nfs.fileid", "File ID", "Number of the file (inode).", FIELD_ID, 10),
	[F_NFS_SIZE] = FIELD("tsumari.nfs.size", "Size", "Size of the file after the operation.",
		FIELD_BYTES, 10),
	[F_NFS_MTIME] = FIELD("tsumari.nfs.mtime", "Modified",
		"When the file was last modified, as the server says after the operation.",
		FIELD_TIME, 30),
	[F_NFS_CHANGE] = FIELD("tsumari.nfs.change", "Change",
		"Change attribute of the file after the operation (NFSv4).", FIELD_ID, 20),
	[F_NFS_OPERATIONS] = FIELD_WITH("tsumari.nfs.operations", "Operations",
		"Operations of the COMPOUND in their order.", FIELD_STR, 30, FIELD_F_LIST),
	[F_NFS_STATUSES] = FIELD_WITH("tsumari.nfs.statuses", "Statuses",
		"Status of each operation that was done.", FIELD_STR, 30, FIELD_F_LIST),
	[F_NFS_SESSION] = FIELD("tsumari.nfs.session", "Session",
		"Session (NFSv4.1), as a hash of 64 bits.", FIELD_STR, 16),
	[F_NFS_SLOT] = FIELD("tsumari.nfs.slot", "Slot", "Slot of the session.", FIELD_U64, 4),
	[F_NFS_SEQUENCE] = FIELD(
		"tsumari.nfs.sequence", "Sequence", "Sequence number in the slot.", FIELD_U64, 8),
	[D_ENTRY] = FIELD_SHOWN("tsumari.nfs.entry", "Entry", "A name in it.", FIELD_STR),
	FIELDS_END,
};

/* FNV-1a with a last mixing; 0 and TSM_ROOT are no handle's. */
uint64_t nfs_hash(struct view handle)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (const uint8_t *p = handle.p; p < handle.end; p++)
		h = (h ^ *p) * UINT64_C(0x100000001b3);
	h ^= h >> 32;
	h *= UINT64_C(0x9e3779b97f4a7c15);
	h ^= h >> 29;
	return h > TSM_ROOT ? h : h + 2;
}

void nfs_hashed(struct tsm_txn t, unsigned field, uint64_t hash)
{
	char hex[16];

	rpc_hex(hex, hash, 16);
	tsm_str(t, field, view_of(hex, 16, 0));
}

/* Names as Packetbeat has them, one for all versions; those it lacks are made alike. */
const char *nfs_status_name(uint32_t status)
{
	static const char *const low[] = {
		[0] = "NFS_OK",
		[1] = "NFSERR_PERM",
		[2] = "NFSERR_NOENT",
		[5] = "NFSERR_IO",
		[6] = "NFSERR_NXIO",
		[13] = "NFSERR_ACCESS",
		[17] = "NFSERR_EXIST",
		[18] = "NFSERR_XDEV",
		[19] = "NFSERR_NODEV",
		[20] = "NFSERR_NOTDIR",
		[21] = "NFSERR_ISDIR",
		[22] = "NFSERR_INVAL",
		[27] = "NFSERR_FBIG",
		[28] = "NFSERR_NOSPC",
		[30] = "NFSERR_ROFS",
		[31] = "NFSERR_MLINK",
		[63] = "NFSERR_NAMETOOLONG",
		[66] = "NFSERR_NOTEMPTY",
		[69] = "NFSERR_DQUOT",
		[70] = "NFSERR_STALE",
		[71] = "NFSERR_REMOTE",
		[99] = "NFSERR_WFLUSH",
	};
	static const char *const high[] = {NULL, "NFSERR_BADHANDLE", "NFSERR_NOT_SYNC",
		"NFSERR_BAD_COOKIE", "NFSERR_NOTSUPP", "NFSERR_TOOSMALL", "NFSERR_SERVERFAULT",
		"NFSERR_BADTYPE", "NFSERR_DELAY", "NFSERR_SAME", "NFSERR_DENIED", "NFSERR_EXPIRED",
		"NFSERR_LOCKED", "NFSERR_GRACE", "NFSERR_FHEXPIRED", "NFSERR_SHARE_DENIED",
		"NFSERR_WRONGSEC", "NFSERR_CLID_INUSE", "NFSERR_RESOURCE", "NFSERR_MOVED",
		"NFSERR_NOFILEHANDLE", "NFSERR_MINOR_VERS_MISMATCH", "NFSERR_STALE_CLIENTID",
		"NFSERR_STALE_STATEID", "NFSERR_OLD_STATEID", "NFSERR_BAD_STATEID",
		"NFSERR_BAD_SEQID", "NFSERR_NOT_SAME", "NFSERR_LOCK_RANGE", "NFSERR_SYMLINK",
		"NFSERR_RESTOREFH", "NFSERR_LEASE_MOVED", "NFSERR_ATTRNOTSUPP", "NFSERR_NO_GRACE",
		"NFSERR_RECLAIM_BAD", "NFSERR_RECLAIM_CONFLICT", "NFSERR_BADXDR",
		"NFSERR_LOCKS_HELD", "NFSERR_OPENMODE", "NFSERR_BADOWNER", "NFSERR_BADCHAR",
		"NFSERR_BADNAME", "NFSERR_BAD_RANGE", "NFSERR_LOCK_NOTSUPP", "NFSERR_OP_ILLEGAL",
		"NFSERR_DEADLOCK", "NFSERR_FILE_OPEN", "NFSERR_ADMIN_REVOKED",
		"NFSERR_CB_PATH_DOWN", "NFSERR_BADIOMODE", "NFSERR_BADLAYOUT",
		"NFSERR_BAD_SESSION_DIGEST", "NFSERR_BADSESSION", "NFSERR_BADSLOT",
		"NFSERR_COMPLETE_ALREADY", "NFSERR_CONN_NOT_BOUND_TO_SESSION",
		"NFSERR_DELEG_ALREADY_WANTED", "NFSERR_BACK_CHAN_BUSY", "NFSERR_LAYOUTTRYLATER",
		"NFSERR_LAYOUTUNAVAILABLE", "NFSERR_NOMATCHING_LAYOUT", "NFSERR_RECALLCONFLICT",
		"NFSERR_UNKNOWN_LAYOUTTYPE", "NFSERR_SEQ_MISORDERED", "NFSERR_SEQUENCE_POS",
		"NFSERR_REQ_TOO_BIG", "NFSERR_REP_TOO_BIG", "NFSERR_REP_TOO_BIG_TO_CACHE",
		"NFSERR_RETRY_UNCACHED_REP", "NFSERR_UNSAFE_COMPOUND", "NFSERR_TOO_MANY_OPS",
		"NFSERR_OP_NOT_IN_SESSION", "NFSERR_HASH_ALG_UNSUPP",
		"NFSERR_CONN_BINDING_NOT_ENFORCED", "NFSERR_CLIENTID_BUSY", "NFSERR_PNFS_IO_HOLE",
		"NFSERR_SEQ_FALSE_RETRY", "NFSERR_BAD_HIGH_SLOT", "NFSERR_DEADSESSION",
		"NFSERR_ENCR_ALG_UNSUPP", "NFSERR_PNFS_NO_LAYOUT", "NFSERR_NOT_ONLY_OP",
		"NFSERR_WRONG_CRED", "NFSERR_WRONG_TYPE", "NFSERR_DIRDELEG_UNAVAIL",
		"NFSERR_REJECT_DELEG", "NFSERR_RETURNCONFLICT", "NFSERR_DELEG_REVOKED",
		"NFSERR_PARTNER_NOTSUPP", "NFSERR_PARTNER_NO_AUTH", "NFSERR_UNION_NOTSUPP",
		"NFSERR_OFFLOAD_DENIED", "NFSERR_WRONG_LFS", "NFSERR_BADLABEL",
		"NFSERR_OFFLOAD_NO_REQS", "NFSERR_NOXATTR", "NFSERR_XATTR2BIG"};

	if (status >= 10000)
		return RPC_NAME(high, status - 10000);
	return RPC_NAME(low, status);
}

void nfs_status(struct nfs_message *m, uint32_t status)
{
	m->n->status = status;
	nfs_outcome(m->t, F_NFS_STATUS, status);
}

void nfs_outcome(struct tsm_txn t, unsigned field, uint32_t status)
{
	const char *name = nfs_status_name(status);
	char number[10];

	tsm_str(t, field, name ? rpc_text(name) : rpc_decimal(number, status));
	switch (status) {
	case 0:
		tsm_status(t, STATUS_OK);
		break;
	case 5:     /* IO */
	case 6:     /* NXIO */
	case 28:    /* NOSPC */
	case 10006: /* SERVERFAULT */
	case 10008: /* DELAY */
	case 10018: /* RESOURCE */
		tsm_status(t, STATUS_SERVER_ERROR);
		break;
	default:
		tsm_status(t, STATUS_ERROR);
	}
}

/* The time of last modification; absent where it is not one that can be shown. */
static void modified(struct nfs_message *m, uint64_t fraction, uint64_t unit)
{
	const uint64_t second = UINT64_C(1000000000);

	if (m->n->seconds < UINT64_C(9000000000) && fraction * unit < second)
		tsm_u64(m->t, F_NFS_MTIME, m->n->seconds * second + fraction * unit);
}

/* Attributes after the operation; those of entries of a directory are not the operation's. */
static void attribute(struct nfs_message *m, char letter, uint64_t number)
{
	static const char *const types[] = {
		NULL, "file", "dir", "blk", "chr", "lnk", "sock", "fifo"};

	if (m->b->side == SIDE_CLIENT || m->n->entry)
		return;
	switch (letter) {
	case 't':
		tsm_name(m->t, F_NFS_TYPE, RPC_NAME(types, number));
		break;
	case 'i':
		tsm_u64(m->t, F_NFS_FILEID, number);
		break;
	case 'z':
		tsm_u64(m->t, F_NFS_SIZE, number);
		break;
	case 'c':
		tsm_u64(m->t, F_NFS_CHANGE, number);
		break;
	case 'm':
		m->n->seconds = number;
		break;
	case 'M':
		modified(m, number, 1);
		break;
	default: /* 'u': version 2 has microseconds */
		modified(m, number, 1000);
	}
}

void nfs_mark(struct nfs_message *m, char letter, uint64_t number, struct view text)
{
	static const char *const stable[] = {"unstable", "data_sync", "file_sync"};

	switch (letter) {
	case 't':
	case 'i':
	case 'z':
	case 'c':
	case 'm':
	case 'M':
	case 'u':
		attribute(m, letter, number);
		break;
	case 'O':
		tsm_u64(m->t, F_NFS_OFFSET, number);
		break;
	case 'C':
		tsm_u64(m->t, F_NFS_COUNT, number);
		break;
	case 'r':
		if (!m->n->done_by)
			m->n->done_by = m->n->nops + 1u;
		if (m->n->done_by != m->n->nops + 1u)
			break; /* of several operations the first counts, as its offset does */
		m->n->done += number;
		tsm_u64(m->t, F_NFS_DONE, m->n->done);
		break;
	case 'e':
		if (!m->n->done_by || m->n->done_by == m->n->nops + 1u)
			tsm_u64(m->t, F_NFS_EOF, number != 0);
		break;
	case 'S':
		tsm_name(m->t, F_NFS_STABLE, RPC_NAME(stable, number));
		break;
	case 'w':
		tsm_name(m->t, F_NFS_COMMITTED, RPC_NAME(stable, number));
		break;
	case 'l':
		if (view_len(&text))
			tsm_str(m->t, F_NFS_TARGET, text);
		break;
	default:
		break;
	}
}

static void begin(struct nfs_message *m)
{
	const struct body *b = m->b;
	const char *name = nfs_procedure(b->version, b->procedure);
	const char *description;

	if (b->side == SIDE_CLIENT) {
		rpc_procedure(m->t, name, b->procedure);
		tsm_u64(m->t, F_NFS_VERSION, b->version == 1 ? 4 : b->version);
		if (name)
			tsm_name(m->t, F_NFS_OPCODE, name);
	}
	description = b->version == 4 || b->version == 1 ? nfs4_describe(m) : nfs_describe(b);
	xdr_begin(&m->n->x, description ? description : "");
	m->n->begun = true;
}

static struct take body(struct session *s, struct tsm_txn t, const struct body *b, struct view *v)
{
	static const struct xdr_reader old = {nfs3_mark, NULL}, four = {nfs4_mark, nfs4_pick};
	struct nfs_message m = {b->state, t, b};
	bool done;
	struct take take;

	(void)s;
	if (!m.n->begun)
		begin(&m);
	done = !m.n->x.pc;
	take = xdr_read(&m.n->x, b->version < 2 || b->version > 3 ? &four : &old, &m, v, b->last);
	if (m.n->x.bad)
		tsm_flag(t, QUALITY_MALFORMED);
	if (!done && (!m.n->x.pc || b->last)) {
		m.n->x.pc = NULL;
		if (b->version == 4 || b->version == 1)
			nfs4_end(&m);
	}
	return take;
}

static const struct claim claims[] = {
	{TABLE_RPC_PROGRAM, 100003},
	{TABLE_RPC_PROGRAM, NFS_CALLBACK},
	{TABLE_END, 0},
};

static const struct tsm_model model = {.kind = KIND_FILES};

TSM_DISSECTOR(nfs) = {
	TSM_HEAD,
	.name = "nfs",
	.title = "Network File System, versions 2, 3 and 4",
	.claims = claims,
	.fields = nfs_fields,
	.body = body,
	.model = &model,
};
