/*
 * nfs.h - what the versions of NFS share: fields, names, handles and the reading of a message.
 */
#ifndef TSUMARI_NFS_H
#define TSUMARI_NFS_H

#include "rpc.h"

enum {
	F_NFS_VERSION = F_RPC_FIELDS,
	F_NFS_MINOR,
	F_NFS_TAG,
	F_NFS_OPCODE,
	F_NFS_STATUS,
	F_NFS_HANDLE,
	F_NFS_PATH,
	F_NFS_NAME,
	F_NFS_TO_HANDLE,
	F_NFS_TO_NAME,
	F_NFS_TARGET,
	F_NFS_OFFSET,
	F_NFS_COUNT,
	F_NFS_DONE,
	F_NFS_EOF,
	F_NFS_STABLE,
	F_NFS_COMMITTED,
	F_NFS_TYPE,
	F_NFS_FILEID,
	F_NFS_SIZE,
	F_NFS_MTIME,
	F_NFS_CHANGE,
	F_NFS_OPERATIONS,
	F_NFS_STATUSES,
	F_NFS_SESSION,
	F_NFS_SLOT,
	F_NFS_SEQUENCE,
	/* Only shown. */
	D_ENTRY,
};

extern const struct field nfs_fields[];

#define NFS_REL_MAX 150u

/* A place in the tree: a handle, and a path from there whose handle was not told. */
struct nfs_place {
	uint64_t handle; /* 0: not known */
	uint8_t len;
	char rel[NFS_REL_MAX];
};

/* The reading of one message; zeroed at its front. */
struct nfs {
	struct xdr x;
	bool begun, entry;
	bool main_here;    /* the operation being read is the main one */
	uint8_t rank;      /* of the main operation so far */
	uint8_t learned;   /* GETFHs so far */
	uint16_t op, nops; /* the operation being read; operations so far */
	uint32_t done_by;  /* number of the first operation that read or wrote, from 1 */
	uint64_t done;     /* its bytes */
	uint16_t entries;
	uint32_t status;
	const char *name; /* of the main operation */
	uint64_t seconds; /* of the mtime being read */
	uint64_t handle;  /* v2, v3: what the call is about */
	struct nfs_place here, saved, main;
};

_Static_assert(sizeof(struct nfs) <= TSM_BODY_STATE, "the carrier keeps no more");

/* A message and whose it is, for the marks of its description. */
struct nfs_message {
	struct nfs *n;
	struct tsm_txn t;
	const struct body *b;
};

uint64_t nfs_hash(struct view handle);
void nfs_hashed(struct tsm_txn t, unsigned field, uint64_t hash);
const char *nfs_status_name(uint32_t status);
/* Shows a status in the field, and that of the transaction. */
void nfs_outcome(struct tsm_txn t, unsigned field, uint32_t status);
void nfs_status(struct nfs_message *m, uint32_t status);
/* What all versions read alike; marks that are not theirs are left alone. */
void nfs_mark(struct nfs_message *m, char letter, uint64_t number, struct view text);

/* nfs3.c: versions 2 and 3 */
const char *nfs_procedure(uint32_t version, uint32_t procedure);
const char *nfs_describe(const struct body *b);
void nfs3_mark(void *m, char letter, uint64_t number, struct view text);

/* nfs4.c, nfs4ops.c */
struct nfs_operation {
	const char *name;
	uint8_t rank;               /* the operation with the highest is the main one */
	const char *args, *results; /* NULL: not known */
};
const struct nfs_operation *nfs4_operation(uint64_t op, bool callback);
const char *nfs4_describe(struct nfs_message *m);
void nfs4_mark(void *m, char letter, uint64_t number, struct view text);
const char *nfs4_pick(void *m, uint64_t number);
void nfs4_end(struct nfs_message *m);

#define NFS_CALLBACK UINT32_C(0x40000000) /* the program clients name for callbacks most often */

#endif
