/*
 * nfs3.c - NFS version 2 (RFC 1094) and version 3 (RFC 1813): descriptions of all calls and
 * replies, and what their marks mean.
 *
 * Marks: s status; f handle the call is about, F the one a reply brings; n name in it; g N handle
 * and name a link or file gets; l target of a link; O offset, C count; r bytes done, e end of file;
 * S stable, w committed; t i z m M u c attributes; y Y name and handle of an entry.
 */
#include "nfs.h"

/* Version 3. */
#define FATTR  "u@t 16x h@z 8x 8x 8x h@i 8x u@mu@M 8x"
#define POST   "(" FATTR ")"
#define OTHER  "(84x)" /* of a directory or entry beside what the call is about */
#define WCC    "(24x)" POST
#define DIRWCC "(24x)" OTHER
#define SATTR  "(u)(u)(u)(h)u<2:uu|*:>u<2:uu|*:>"
#define MADE   "u@s<0:(s@F)" POST DIRWCC "|*:" DIRWCC ">"

/* Version 2: handles of 32 bytes, times in microseconds. */
#define FH2    "32f@f"
#define FATTR2 "u@t 16x u@z 16x u@i 8x u@mu@u 8x"
#define ATTR2  "u@s<0:" FATTR2 "|*:>"
#define MADE2  "u@s<0:32f@F" FATTR2 "|*:>"

static const struct procedure v3[] = {
	{"NULL", "", ""},
	{"GETATTR", "s@f", "u@s<0:" FATTR "|*:>"},
	{"SETATTR", "s@f" SATTR "(uu)", "u@s" WCC},
	{"LOOKUP", "s@fs@n", "u@s<0:s@F" POST OTHER "|*:" OTHER ">"},
	{"ACCESS", "s@fu", "u@s" POST},
	{"READLINK", "s@f", "u@s<0:" POST "s@l|*:" POST ">"},
	{"READ", "s@fh@Ou@C", "u@s<0:" POST "u@ru@eo|*:" POST ">"},
	{"WRITE", "s@fh@Ou@Cu@So", "u@s<0:" WCC "u@ru@w8x|*:" WCC ">"},
	{"CREATE", "s@fs@nu<0,1:" SATTR "|2:8x>", MADE},
	{"MKDIR", "s@fs@n" SATTR, MADE},
	{"SYMLINK", "s@fs@n" SATTR "s@l", MADE},
	{"MKNOD", "s@fs@nu<3,4:" SATTR "uu|6,7:" SATTR "|*:>", MADE},
	{"REMOVE", "s@fs@n", "u@s" DIRWCC},
	{"RMDIR", "s@fs@n", "u@s" DIRWCC},
	{"RENAME", "s@fs@ns@gs@N", "u@s" DIRWCC DIRWCC},
	{"LINK", "s@fs@gs@N", "u@s" POST DIRWCC},
	{"READDIR", "s@fh8xu@C", "u@s<0:" POST "8x{hoh}u@e|*:" POST ">"},
	{"READDIRPLUS", "s@fh8xuu@C", "u@s<0:" POST "8x{hs@yh" OTHER "(s@Y)}u@e|*:" POST ">"},
	{"FSSTAT", "s@f", "u@s" POST},
	{"FSINFO", "s@f", "u@s" POST},
	{"PATHCONF", "s@f", "u@s" POST},
	{"COMMIT", "s@fh@Ou@C", "u@s<0:" WCC "8x|*:" WCC ">"},
};

static const struct procedure v2[] = {
	{"NULL", "", ""},
	{"GETATTR", FH2, ATTR2},
	{"SETATTR", FH2 "32x", ATTR2},
	{"ROOT", "", ""},
	{"LOOKUP", FH2 "s@n", MADE2},
	{"READLINK", FH2, "u@s<0:s@l|*:>"},
	{"READ", FH2 "u@Ou@Cu", "u@s<0:" FATTR2 "o@r|*:>"},
	{"WRITECACHE", "", ""},
	{"WRITE", FH2 "uu@Ouo@C", ATTR2},
	{"CREATE", FH2 "s@n32x", MADE2},
	{"REMOVE", FH2 "s@n", "u@s"},
	{"RENAME", FH2 "s@n32f@gs@N", "u@s"},
	{"LINK", FH2 "32f@gs@N", "u@s"},
	{"SYMLINK", FH2 "s@ns@l32x", "u@s"},
	{"MKDIR", FH2 "s@n32x", MADE2},
	{"RMDIR", FH2 "s@n", "u@s"},
	{"READDIR", FH2 "4xu@C", "u@s<0:{uo4x}u@e|*:>"},
	{"STATFS", FH2, "u@s"},
};

static const struct procedure *find(uint32_t version, uint32_t procedure)
{
	return version == 3   ? RPC_PROCEDURE(v3, procedure)
	       : version == 2 ? RPC_PROCEDURE(v2, procedure)
			      : NULL;
}

const char *nfs_procedure(uint32_t version, uint32_t procedure)
{
	const struct procedure *p = find(version, procedure);
	static const char *const four[] = {"NULL", "COMPOUND"};
	static const char *const callback[] = {"CB_NULL", "CB_COMPOUND"};

	if (version == 4)
		return RPC_NAME(four, procedure);
	if (version == 1)
		return RPC_NAME(callback, procedure);
	return p ? p->name : NULL;
}

const char *nfs_describe(const struct body *b)
{
	const struct procedure *p = find(b->version, b->procedure);

	return !p ? NULL : b->side == SIDE_CLIENT ? p->args : p->results;
}

#define REMOVE(b) ((b)->procedure == ((b)->version == 3 ? 12u : 10u))
#define RMDIR(b)  ((b)->procedure == ((b)->version == 3 ? 13u : 15u))
#define RENAME(b) ((b)->procedure == ((b)->version == 3 ? 14u : 11u))

/* The name in the directory that the call is about. */
static void on_name(struct nfs_message *m, struct view name)
{
	tsm_str(m->t, F_NFS_NAME, name);
	tsm_where(m->t, F_NFS_PATH, m->n->handle, name);
	if (REMOVE(m->b) || RMDIR(m->b))
		tsm_removed(m->t, m->n->handle, name);
	else
		tsm_learn(m->t, 0, m->n->handle, name);
}

void nfs3_mark(void *arg, char letter, uint64_t number, struct view text)
{
	struct nfs_message *m = arg;
	struct nfs *n = m->n;

	switch (letter) {
	case 's':
		nfs_status(m, (uint32_t)number);
		break;
	case 'f':
		n->handle = nfs_hash(text);
		nfs_hashed(m->t, F_NFS_HANDLE, n->handle);
		tsm_where(m->t, F_NFS_PATH, n->handle, view_of(text.p, 0, 0));
		break;
	case 'F':
		tsm_learned(m->t, 0, nfs_hash(text));
		break;
	case 'n':
		on_name(m, text);
		break;
	case 'g':
		n->main.handle = nfs_hash(text);
		nfs_hashed(m->t, F_NFS_TO_HANDLE, n->main.handle);
		break;
	case 'N':
		tsm_str(m->t, F_NFS_TO_NAME, text);
		if (RENAME(m->b))
			tsm_moved(m->t, n->main.handle, text);
		break;
	case 'y':
		n->entry = true;
		n->entries++;
		tsm_learn(m->t, n->entries, TSM_HERE, text);
		break;
	case 'Y':
		tsm_learned(m->t, n->entries, nfs_hash(text));
		break;
	default:
		nfs_mark(m, letter, number, text);
	}
}
