/*
 * rpc.h - what RPC and the programs on top of it share: the fields that come first in each of their
 * tables, so that a transaction keeps its values when a program takes it over.
 */
#ifndef TSUMARI_RPC_H
#define TSUMARI_RPC_H

#include "dissector.h"
#include "xdr.h"

enum {
	F_RPC_XID,
	F_RPC_PROGRAM,
	F_RPC_VERSION,
	F_RPC_PROCEDURE,
	F_RPC_STATUS,
	F_RPC_FLAVOR,
	F_RPC_UID,
	F_RPC_GID,
	F_RPC_GIDS,
	F_RPC_STAMP,
	F_RPC_MACHINE,
	F_RPC_NAME,
	F_RPC_RETRANSMITS,
	F_RPC_GSS,
	F_RPC_AUTH_STATUS,
	F_RPC_FIELDS,
	/* Only shown. */
	D_LAST = F_RPC_FIELDS,
	D_FRAGMENT,
	D_TYPE,
	D_RPC,
	D_STATE,
	D_BODY
};

extern const struct field rpc_fields[];

#define RPC_FIELDS                                                                                 \
	[F_RPC_XID] =                                                                              \
		FIELD("rpc.xid", "XID", "Transaction identifier, hexadecimal.", FIELD_STR, 8),     \
	[F_RPC_PROGRAM] =                                                                          \
		FIELD("rpc.program", "Program", "Number of the program called.", FIELD_U64, 7),    \
	[F_RPC_VERSION] =                                                                          \
		FIELD("rpc.version", "Version", "Version of the program called.", FIELD_U64, 7),   \
	[F_RPC_PROCEDURE] = FIELD("rpc.procedure", "Procedure",                                    \
		"Procedure called: its name, or its number where it has none.", FIELD_STR, 12),    \
	[F_RPC_STATUS] = FIELD("rpc.status", "RPC status",                                         \
		"success, prog_unavail, prog_mismatch, proc_unavail, garbage_args, system_err; "   \
		"rpc_mismatch or auth_error where the call was denied.",                           \
		FIELD_NAME, 12),                                                                   \
	[F_RPC_FLAVOR] = FIELD("rpc.auth_flavor", "Auth",                                          \
		"Flavor of the credential: none, unix, short, des, rpcsec_gss or its number.",     \
		FIELD_STR, 10),                                                                    \
	[F_RPC_UID] =                                                                              \
		FIELD("rpc.cred.uid", "UID", "User ID of the caller (AUTH_SYS).", FIELD_U64, 6),   \
	[F_RPC_GID] =                                                                              \
		FIELD("rpc.cred.gid", "GID", "Group ID of the caller (AUTH_SYS).", FIELD_U64, 6),  \
	[F_RPC_GIDS] = FIELD_WITH("rpc.cred.gids", "GIDs",                                         \
		"Further group IDs of the caller (AUTH_SYS).", FIELD_STR, 12, FIELD_F_LIST),       \
	[F_RPC_STAMP] = FIELD(                                                                     \
		"rpc.cred.stamp", "Stamp", "Stamp of the credential (AUTH_SYS).", FIELD_U64, 10),  \
	[F_RPC_MACHINE] = FIELD("rpc.cred.machinename", "Machine",                                 \
		"Name of the caller's machine (AUTH_SYS).", FIELD_STR, 12),                        \
	[F_RPC_NAME] = FIELD(                                                                      \
		"tsumari.rpc.program_name", "Name", "Name of the program called.", FIELD_NAME, 8), \
	[F_RPC_RETRANSMITS] = FIELD("tsumari.rpc.retransmits", "Again",                            \
		"Times the call was sent again (same XID) before it was answered.", FIELD_U64, 5), \
	[F_RPC_GSS] = FIELD("tsumari.rpc.gss_service", "GSS",                                      \
		"Protection by RPCSEC_GSS: none, integrity, privacy; control for its own calls.",  \
		FIELD_NAME, 9),                                                                    \
	[F_RPC_AUTH_STATUS] = FIELD("tsumari.rpc.auth_status", "Auth status",                      \
		"Why authentication failed (RFC 5531, 9).", FIELD_NAME, 12)

/* The procedure's name, or its number where it has none; the method of the transaction. */
void rpc_procedure(struct tsm_txn t, const char *name, uint32_t number);

/* The last digits of n in hexadecimal. */
void rpc_hex(char *to, uint64_t n, unsigned digits);
/* Decimal digits of n; `to` holds 10. */
struct view rpc_decimal(char *to, uint32_t n);

static inline struct view rpc_text(const char *s)
{
	return view_of(s, strlen(s), 0);
}

/* The place of a number in a table of names; NULL: not in it. */
#define RPC_NAME(names, n) ((n) < sizeof(names) / sizeof((names)[0]) ? (names)[n] : NULL)

/* A procedure of a program, and what its calls and replies hold (xdr.h). */
struct procedure {
	const char *name, *args, *results;
};

/* The one of a number in a table; NULL: not in it. */
#define RPC_PROCEDURE(table, n) ((n) < sizeof(table) / sizeof((table)[0]) ? &(table)[n] : NULL)

/* How the body is read, by its procedure (NULL: not known); a call is named by it, too. */
const char *rpc_by_procedure(struct tsm_txn t, const struct body *b, const struct procedure *p);

/*
 * Reads a body by its description: for dissectors whose state is a struct xdr and which need to
 * know no more than the transaction. `describe` is asked at the front of the message.
 */
struct take rpc_body(struct session *s, struct tsm_txn t, const struct body *b, struct view *v,
	const char *(*describe)(struct tsm_txn t, const struct body *b),
	void (*mark)(void *t, char letter, uint64_t number, struct view text));

#endif
