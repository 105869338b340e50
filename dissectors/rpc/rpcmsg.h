/*
 * rpcmsg.h - the header of an RPC message (RFC 5531, 9): between rpc.c, rpcmsg.c and rpcsync.c.
 */
#ifndef TSUMARI_RPCMSG_H
#define TSUMARI_RPCMSG_H

#include "rpc.h"

#define RPC_HEADER_LEAST 20u /* bytes of the shortest header: a call that was denied */
#define RPC_AUTH_MAX     400u
#define RPC_SUCCESS      0u

enum { RPC_NONE, RPC_SYS, RPC_SHORT, RPC_DH, RPC_GSS = 6 }; /* flavors */

struct rpc_header {
	uint32_t xid;
	bool reply;
	/* A call. */
	uint32_t rpc_version, program, version, procedure, flavor;
	struct view credential;
	uint32_t gss_service;
	bool gss_control;
	/* A reply. */
	bool denied;
	uint32_t status; /* accept_stat or reject_stat */
	uint32_t why;    /* auth_stat of an authentication that failed */
};

/*
 * Reads the header at the front of v. Gives its size; where that is more than the view holds, the
 * size known so far; 0 where this is no header. `last`: the message ends with the view.
 */
size_t rpc_header_read(struct rpc_header *r, struct view v, bool last);

const char *rpc_program_name(uint32_t program);
void rpc_credential(struct tsm_txn t, const struct rpc_header *c);
void rpc_reply_status(struct tsm_txn t, const struct rpc_header *r);

/* What the programs call their procedures; NULL: it has none of that number. */
const char *mount_procedure(uint32_t version, uint32_t procedure);
const char *nfsacl_procedure(uint32_t version, uint32_t procedure);
const char *portmap_procedure(uint32_t version, uint32_t procedure);

/* rpcsync.c */
enum tsm_probe rpc_probe(struct view head, enum side side);
/*
 * Does a record begin in the view? As sync(), which moves there. `alone`: no calls were seen, so
 * that a reply need not answer one.
 */
enum tsm_probe rpc_sync(struct session *s, enum side side, struct view *v, bool alone);

/* rpc_show.c */
void rpc_describe(struct show *s, const struct packet *p, enum side side, struct view v);

#endif
