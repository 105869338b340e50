/*
 * mount.c - the mount protocol of NFS, versions 1 and 2 (RFC 1094, appendix A) and 3 (RFC 1813,
 * appendix I): gives the handle of an exported directory.
 */
#include "nfs.h"
#include "rpcmsg.h"

enum {
	F_PATH = F_RPC_FIELDS,
	F_STATUS,
	F_HANDLE,
	F_ENTRIES,
};

static const struct field fields[] = {
	RPC_FIELDS,
	[F_PATH] = FIELD("tsumari.mount.path", "Path", "Directory that is mounted or unmounted.",
		FIELD_STR, 30),
	[F_STATUS] = FIELD(
		"tsumari.mount.status", "Mount status", "What the server answered.", FIELD_STR, 14),
	[F_HANDLE] = FIELD("tsumari.mount.handle", "Handle",
		"Handle of the directory, as a hash of 64 bits.", FIELD_STR, 16),
	[F_ENTRIES] = FIELD("tsumari.mount.entries", "Entries",
		"Exports or mounts that the answer lists.", FIELD_U64, 5),
	FIELDS_END,
};

static const struct {
	const char *name, *args, *results, *old;
} procedures[] = {
	{"NULL", "", "", ""},
	{"MNT", "s@p", "u@s<0:s@f|*:>", "u@s<0:32f@f|*:>"},
	{"DUMP", "", "{oo@e}", "{oo@e}"},
	{"UMNT", "s@p", "", ""},
	{"UMNTALL", "", "", ""},
	{"EXPORT", "", "{o@e{o}}", "{o@e{o}}"},
	{"EXPORTALL", "", "{o@e{o}}", "{o@e{o}}"},
	{"PATHCONF", "s@p", "", ""},
};

const char *mount_procedure(uint32_t version, uint32_t procedure)
{
	bool known = procedure < sizeof(procedures) / sizeof(procedures[0]) && version >= 1 &&
		     version <= 3;

	return known ? procedures[procedure].name : NULL;
}

static const char *describe(struct tsm_txn t, const struct body *b)
{
	const char *name = mount_procedure(b->version, b->procedure);

	if (b->side == SIDE_CLIENT)
		rpc_procedure(t, name, b->procedure);
	if (!name)
		return NULL;
	return b->side == SIDE_CLIENT ? procedures[b->procedure].args
	       : b->version == 3      ? procedures[b->procedure].results
				      : procedures[b->procedure].old;
}

static void on_path(struct tsm_txn t, struct view path)
{
	struct view name = path;

	while (name.p < name.end && *name.p == '/')
		name.p++;
	while (name.p < name.end && name.end[-1] == '/')
		name.end--;
	tsm_str(t, F_PATH, path);
	tsm_learn(t, 0, TSM_ROOT, name);
	tsm_where(t, F_PATH, TSM_ROOT, name);
}

static void on_status(struct tsm_txn t, uint64_t status)
{
	const char *name = status <= UINT32_MAX ? nfs_status_name((uint32_t)status) : NULL;
	char digits[10];

	if (name && status)
		name += strlen("NFSERR_");
	tsm_str(t, F_STATUS,
		!status ? rpc_text("OK")
		: name  ? rpc_text(name)
			: rpc_decimal(digits, (uint32_t)status));
	if (status)
		tsm_status(t, status == 5 || status == 10006 ? STATUS_SERVER_ERROR : STATUS_ERROR);
}

static void mark(void *arg, char letter, uint64_t number, struct view text)
{
	struct tsm_txn t = *(const struct tsm_txn *)arg;

	switch (letter) {
	case 'p':
		on_path(t, text);
		break;
	case 's':
		on_status(t, number);
		break;
	case 'f':
		nfs_hashed(t, F_HANDLE, nfs_hash(text));
		tsm_learned(t, 0, nfs_hash(text));
		break;
	default:
		tsm_count(t, F_ENTRIES);
	}
}

static struct take body(struct session *s, struct tsm_txn t, const struct body *b, struct view *v)
{
	return rpc_body(s, t, b, v, describe, mark);
}

static const struct claim claims[] = {
	{TABLE_RPC_PROGRAM, 100005},
	{TABLE_END, 0},
};

TSM_DISSECTOR(mount) = {
	TSM_HEAD,
	.name = "mount",
	.title = "Mount protocol of NFS",
	.claims = claims,
	.fields = fields,
	.body = body,
};
