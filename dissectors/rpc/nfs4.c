/*
 * nfs4.c - COMPOUND of NFSv4 (RFC 7530, 8881, 7862): one record with its operations, of which one
 * is the main one. The current and the saved file handle are followed through the call, so that
 * what GETFH brings has its place in the tree.
 */
#include "nfs.h"

#define ENTRY_FIRST 0x100u /* what entries of directories are learned under, behind the GETFHs */

enum {
	OP_LINK = 11,
	OP_GETFH = 10,
	OP_CREATE = 6,
	OP_LOOKUP = 15,
	OP_LOOKUPP = 16,
	OP_OPEN = 18,
	OP_OPENATTR = 19,
	OP_PUTPUBFH = 23,
	OP_PUTROOTFH = 24,
	OP_REMOVE = 28,
	OP_RENAME = 29,
	OP_RESTOREFH = 31,
	OP_SAVEFH = 32,
};

/*
 * Paths begin elsewhere than those of MOUNT: a handle is another file's name here than there, even
 * where a server uses the same for both.
 */
static uint64_t known_as(uint64_t handle)
{
	return handle <= TSM_ROOT ? handle : handle ^ UINT64_C(4) << 60;
}

static bool is_callback(const struct nfs_message *m)
{
	return m->b->version == 1;
}

const char *nfs4_describe(struct nfs_message *m)
{
	if (m->b->procedure != 1)
		return NULL;
	if (m->b->side == SIDE_SERVER)
		return "u@ss@g[u@ou@p!]";
	return is_callback(m) ? "s@gu@vu[u@o!]" : "s@gu@v[u@o!]";
}

static void forget(struct nfs_place *p)
{
	p->handle = 0;
	p->len = 0;
}

/* One step down the tree. */
static void step(struct nfs_place *p, struct view name)
{
	size_t n = view_len(&name);

	if (!p->handle)
		return;
	if (!n || p->len + n + 1 > NFS_REL_MAX || memchr(name.p, '/', n)) {
		forget(p);
		return;
	}
	if (p->len)
		p->rel[p->len++] = '/';
	memcpy(p->rel + p->len, name.p, n);
	p->len = (uint8_t)(p->len + n);
}

static struct view rel_of(const struct nfs_place *p)
{
	return view_of(p->rel, p->len, 0);
}

/* What the operation does to the current file handle before its arguments. */
static void move_handle(struct nfs_message *m)
{
	struct nfs *n = m->n;

	switch (n->op) {
	case OP_PUTROOTFH:
	case OP_PUTPUBFH:
		n->here.handle = TSM_ROOT;
		n->here.len = 0;
		break;
	case OP_SAVEFH:
		n->saved = n->here;
		break;
	case OP_RESTOREFH:
		n->here = n->saved;
		break;
	case OP_LOOKUPP:
	case OP_OPENATTR:
		forget(&n->here);
		break;
	case OP_GETFH:
		if (n->here.handle)
			tsm_learn(m->t, n->learned, known_as(n->here.handle), rel_of(&n->here));
		n->learned++;
		break;
	default:
		break;
	}
}

/* An operation of the call: is it the main one? */
static void operation(struct nfs_message *m, const struct nfs_operation *o)
{
	struct nfs *n = m->n;
	uint8_t rank = (uint8_t)(o->rank + 1);

	n->main_here = rank > n->rank || (rank == n->rank && (rank == 1 || n->op == OP_LOOKUP));
	if (n->main_here) {
		n->rank = rank;
		n->main = n->op == OP_RENAME || n->op == OP_LINK ? n->saved : n->here;
		n->name = o->name;
	}
	move_handle(m);
}

/* On the call's side the number is the operation, on the reply's its status. */
const char *nfs4_pick(void *arg, uint64_t number)
{
	struct nfs_message *m = arg;
	const struct nfs_operation *o = nfs4_operation(m->n->op, is_callback(m));

	if (!o) {
		tsm_add(m->t, F_NFS_OPERATIONS, rpc_text("UNKNOWN"));
		return NULL;
	}
	if (m->b->side == SIDE_CLIENT) {
		tsm_add(m->t, F_NFS_OPERATIONS, rpc_text(o->name));
		operation(m, o);
		return o->args;
	}
	return *o->results == '<' || number == 0 ? o->results : "";
}

static void on_name(struct nfs_message *m, struct view name)
{
	struct nfs *n = m->n;

	if (n->op == OP_REMOVE && !n->here.len)
		tsm_removed(m->t, known_as(n->here.handle), name);
	if (n->main_here) {
		tsm_str(m->t, F_NFS_NAME, name);
		step(&n->main, name);
	}
	if (n->op == OP_LOOKUP || n->op == OP_OPEN || n->op == OP_CREATE)
		step(&n->here, name);
}

static void on_new_name(struct nfs_message *m, struct view name)
{
	struct nfs *n = m->n;

	if (!n->main_here)
		return;
	tsm_str(m->t, F_NFS_TO_NAME, name);
	if (n->here.len || n->here.handle <= TSM_ROOT)
		return;
	nfs_hashed(m->t, F_NFS_TO_HANDLE, n->here.handle);
	if (n->op == OP_RENAME)
		tsm_moved(m->t, known_as(n->here.handle), name);
}

static void on_status(struct nfs_message *m, uint32_t status)
{
	const char *name = nfs_status_name(status);

	tsm_add(m->t, F_NFS_STATUSES, rpc_text(name ? name : "UNKNOWN"));
}

static void call_mark(struct nfs_message *m, char letter, uint64_t number, struct view text)
{
	struct nfs *n = m->n;

	switch (letter) {
	case 'v':
		tsm_u64(m->t, F_NFS_MINOR, number);
		break;
	case 'f':
		n->here.handle = nfs_hash(text);
		n->here.len = 0;
		if (is_callback(m))
			n->main = n->here;
		break;
	case 'n':
		on_name(m, text);
		break;
	case 'N':
		on_new_name(m, text);
		break;
	default:
		if (n->main_here)
			nfs_mark(m, letter, number, text);
	}
}

void nfs4_mark(void *arg, char letter, uint64_t number, struct view text)
{
	struct nfs_message *m = arg;
	struct nfs *n = m->n;

	switch (letter) {
	case 'g':
		if (view_len(&text))
			tsm_str(m->t, F_NFS_TAG, text);
		break;
	case 'o':
		n->op = number < UINT16_MAX ? (uint16_t)number : UINT16_MAX;
		n->entry = false;
		n->nops++;
		break;
	case 'p':
		on_status(m, (uint32_t)number);
		break;
	case 'D':
		nfs_hashed(m->t, F_NFS_SESSION, nfs_hash(text));
		break;
	case 'q':
		tsm_u64(m->t, F_NFS_SEQUENCE, number);
		break;
	case 'k':
		tsm_u64(m->t, F_NFS_SLOT, number);
		break;
	case 's':
		nfs_status(m, (uint32_t)number);
		break;
	case 'F':
		tsm_learned(m->t, n->learned++, known_as(nfs_hash(text)));
		break;
	case 'y':
		n->entry = true;
		n->entries++;
		tsm_learn(m->t, ENTRY_FIRST + n->entries, TSM_HERE, text);
		break;
	case 'G':
		if (n->entry)
			tsm_learned(m->t, ENTRY_FIRST + n->entries, known_as(nfs_hash(text)));
		break;
	default:
		if (m->b->side == SIDE_CLIENT)
			call_mark(m, letter, number, text);
		else
			nfs_mark(m, letter, number, text);
	}
}

void nfs4_end(struct nfs_message *m)
{
	struct nfs *n = m->n;

	if (m->b->side == SIDE_SERVER || !n->rank)
		return;
	tsm_name(m->t, F_NFS_OPCODE, n->name);
	tsm_op(m->t, rpc_text(n->name), view_of(n->name, 0, 0));
	if (!n->main.handle)
		return;
	if (n->main.handle > TSM_ROOT)
		nfs_hashed(m->t, F_NFS_HANDLE, n->main.handle);
	tsm_where(m->t, F_NFS_PATH, known_as(n->main.handle), rel_of(&n->main));
}
