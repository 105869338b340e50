/*
 * nlm.c - the programs beside NFS: the network lock manager, versions 1 to 4 (RFC 1813, appendix
 * II; X/Open XNFS), and, by the names of their procedures, the status monitor and quotas.
 */
#include "nfs.h"

enum {
	F_STATUS = F_RPC_FIELDS,
	F_CALLER,
	F_HANDLE,
	F_OFFSET,
	F_LENGTH,
	F_EXCLUSIVE,
};

static const struct field fields[] = {
	RPC_FIELDS,
	[F_STATUS] = FIELD(
		"tsumari.nlm.status", "Lock status", "What became of the lock.", FIELD_STR, 12),
	[F_CALLER] = FIELD("tsumari.nlm.caller", "Caller", "Name of the host that wants the lock.",
		FIELD_STR, 12),
	[F_HANDLE] = FIELD("tsumari.nlm.handle", "Handle", "File handle, as a hash of 64 bits.",
		FIELD_STR, 16),
	[F_OFFSET] =
		FIELD("tsumari.nlm.offset", "Offset", "Where the lock begins.", FIELD_BYTES, 10),
	[F_LENGTH] = FIELD("tsumari.nlm.length", "Length", "Bytes that are locked; 0: to the end.",
		FIELD_BYTES, 10),
	[F_EXCLUSIVE] = FIELD_WITH("tsumari.nlm.exclusive", "Exclusive", "A lock for writing.",
		FIELD_BOOL, 5, FIELD_F_FALSE),
	FIELDS_END,
};

static const struct field rpc_only[] = {
	RPC_FIELDS,
	FIELDS_END,
};

/* Marks: c caller, f handle, O offset, L length, x exclusive, s status. */
#define LOCK4  "s@cs@fouh@Oh@L"
#define LOCK   "s@cs@fouu@Ou@L"
#define SHARE  "os@cs@f"
#define STATUS "ou@s"

#define PROCEDURES(lock)                                                                           \
	{                                                                                          \
		{"NULL", "", ""}, {"TEST", "ou@x" lock, STATUS}, {"LOCK", "ouu@x" lock, STATUS},   \
			{"CANCEL", "ouu@x" lock, STATUS}, {"UNLOCK", "o" lock, STATUS},            \
			{"GRANTED", "ou@x" lock, STATUS}, {"TEST_MSG", "ou@x" lock, ""},           \
			{"LOCK_MSG", "ouu@x" lock, ""}, {"CANCEL_MSG", "ouu@x" lock, ""},          \
			{"UNLOCK_MSG", "o" lock, ""}, {"GRANTED_MSG", "ou@x" lock, ""},            \
			{"TEST_RES", STATUS, ""}, {"LOCK_RES", STATUS, ""},                        \
			{"CANCEL_RES", STATUS, ""}, {"UNLOCK_RES", STATUS, ""},                    \
			{"GRANTED_RES", STATUS, ""}, {NULL, NULL, NULL}, {NULL, NULL, NULL},       \
			{NULL, NULL, NULL}, {NULL, NULL, NULL}, {"SHARE", SHARE, STATUS},          \
			{"UNSHARE", SHARE, STATUS}, {"NM_LOCK", "ouu@x" lock, STATUS},             \
		{                                                                                  \
			"FREE_ALL", "s@c", ""                                                      \
		}                                                                                  \
	}

static const struct procedure v1[] = PROCEDURES(LOCK), v4[] = PROCEDURES(LOCK4);

static const char *describe(struct tsm_txn t, const struct body *b)
{
	const struct procedure *p = b->version == 4 ? RPC_PROCEDURE(v4, b->procedure)
				    : b->version >= 1 && b->version < 4
					    ? RPC_PROCEDURE(v1, b->procedure)
					    : NULL;

	return rpc_by_procedure(t, b, p);
}

static void mark(void *arg, char letter, uint64_t number, struct view text)
{
	static const char *const states[] = {"GRANTED", "DENIED", "DENIED_NOLOCKS", "BLOCKED",
		"DENIED_GRACE_PERIOD", "DEADLCK", "ROFS", "STALE_FH", "FBIG", "FAILED"};
	struct tsm_txn t = *(const struct tsm_txn *)arg;
	const char *name;
	char digits[10];

	switch (letter) {
	case 'c':
		if (view_len(&text))
			tsm_str(t, F_CALLER, text);
		break;
	case 'f':
		nfs_hashed(t, F_HANDLE, nfs_hash(text));
		break;
	case 'O':
		tsm_u64(t, F_OFFSET, number);
		break;
	case 'L':
		tsm_u64(t, F_LENGTH, number);
		break;
	case 'x':
		tsm_u64(t, F_EXCLUSIVE, number != 0);
		break;
	default:
		name = RPC_NAME(states, number);
		tsm_str(t, F_STATUS, name ? rpc_text(name) : rpc_decimal(digits, (uint32_t)number));
		if (number && number != 3)
			tsm_status(t, STATUS_ERROR);
	}
}

static struct take body(struct session *s, struct tsm_txn t, const struct body *b, struct view *v)
{
	return rpc_body(s, t, b, v, describe, mark);
}

/* Programs of which the procedures are named and no more. */
static struct take named(
	struct tsm_txn t, const struct body *b, const char *const *names, unsigned n)
{
	struct take take = {TAKE_TO_END, 0, false};

	if (b->side == SIDE_CLIENT)
		rpc_procedure(t, b->procedure < n ? names[b->procedure] : NULL, b->procedure);
	return take;
}

#define NAMED(id, number, what, ...)                                                               \
	static struct take id##_body(                                                              \
		struct session *s, struct tsm_txn t, const struct body *b, struct view *v)         \
	{                                                                                          \
		static const char *const names[] = {__VA_ARGS__};                                  \
                                                                                                   \
		(void)s;                                                                           \
		(void)v;                                                                           \
		return named(t, b, names, sizeof(names) / sizeof(names[0]));                       \
	}                                                                                          \
	static const struct claim id##_claims[] = {{TABLE_RPC_PROGRAM, number}, {TABLE_END, 0}};   \
	TSM_DISSECTOR(id) = {TSM_HEAD, .name = #id, .title = what, .claims = id##_claims,          \
		.fields = rpc_only, .body = id##_body}

NAMED(nsm, 100024, "Network status monitor", "NULL", "STAT", "MON", "UNMON", "UNMON_ALL",
	"SIMU_CRASH", "NOTIFY");
NAMED(rquota, 100011, "Remote quotas", "NULL", "GETQUOTA", "GETACTIVEQUOTA", "SETQUOTA",
	"SETACTIVEQUOTA");

static const struct claim claims[] = {
	{TABLE_RPC_PROGRAM, 100021},
	{TABLE_END, 0},
};

TSM_DISSECTOR(nlm) = {
	TSM_HEAD,
	.name = "nlm",
	.title = "Network lock manager",
	.claims = claims,
	.fields = fields,
	.body = body,
};
