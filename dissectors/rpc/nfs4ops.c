/*
 * nfs4ops.c - the operations of NFSv4: arguments and results of 4.0 (RFC 7531), 4.1 (RFC 5662), 4.2
 * (RFC 7863) and of extended attributes (RFC 8276), as descriptions (xdr.h).
 *
 * Results stand behind NFS4_OK; where other statuses have results too, they begin with the union.
 * Marks: f F handle put and got; n name, N the new one; l target; O offset, C count; S stable, w
 * committed; r bytes done, e end of file; D session, q sequence, k slot; y name of an entry.
 */
#include "nfs.h"

#define STATEID    "16x"
#define BITMAP     "[u]"
#define CHANGE     "20x"
#define OWNER      "ho"
#define ACE        "uuuo"
#define DENIED     "hhu" OWNER
#define NETLOC     "u<1,2:o|3:oo>"
#define DONE       "[" STATEID "]h@ru@w8x"
#define SECURITY   "[u<0:|1:uouu[u]|6:uoo>]"
#define SECINFO    "[u<6:ouu|*:>]"
#define CHANNEL    "24x[u]"
#define PROTECT    BITMAP BITMAP
#define SEQUENCE   "16f@Du@qu@k"
#define DELEGATION "u<0:|1:" STATEID "u" ACE "|2:" STATEID "uu<1:h|2:uu>" ACE "|3:u<1,2:u|*:>>"
#define OPENHOW    "u<1:u<0,1:A|2:8x|3:8xA>|*:>"
#define CLAIM      "u<0,3:s@n|1:u|2:" STATEID "s@n|5:" STATEID "|*:>"

static const struct nfs_operation operations[] = {
	[3] = {"ACCESS", 2, "u", "uu"},
	[4] = {"CLOSE", 3, "u" STATEID, STATEID},
	[5] = {"COMMIT", 3, "h@Ou@C", "8x"},
	[6] = {"CREATE", 4, "u<5:s@l|3,4:uu|*:>s@nA", CHANGE BITMAP},
	[7] = {"DELEGPURGE", 3, "h", ""},
	[8] = {"DELEGRETURN", 3, STATEID, ""},
	[9] = {"GETATTR", 1, BITMAP, "A"},
	[10] = {"GETFH", 0, "", "s@F"},
	[11] = {"LINK", 4, "s@N", CHANGE},
	[12] = {"LOCK", 4, "uuh@Oh@Cu<1:u" STATEID "u" OWNER "|*:" STATEID "u>",
		"<0:" STATEID "|10010:" DENIED "|*:>"},
	[13] = {"LOCKT", 4, "uh@Oh@C" OWNER, "<10010:" DENIED "|*:>"},
	[14] = {"LOCKU", 4, "uu" STATEID "h@Oh@C", STATEID},
	[15] = {"LOOKUP", 2, "s@n", ""},
	[16] = {"LOOKUPP", 2, "", ""},
	[17] = {"NVERIFY", 1, "A", ""},
	[18] = {"OPEN", 5, "uuu" OWNER OPENHOW CLAIM, STATEID CHANGE "u" BITMAP DELEGATION},
	[19] = {"OPENATTR", 3, "u", ""},
	[20] = {"OPEN_CONFIRM", 3, STATEID "u", STATEID},
	[21] = {"OPEN_DOWNGRADE", 3, STATEID "uuu", STATEID},
	[22] = {"PUTFH", 0, "s@f", ""},
	[23] = {"PUTPUBFH", 0, "", ""},
	[24] = {"PUTROOTFH", 0, "", ""},
	[25] = {"READ", 4, STATEID "h@Ou@C", "u@eo@r"},
	[26] = {"READDIR", 4, "h8xuu@C" BITMAP, "8x{hs@yA}u@e"},
	[27] = {"READLINK", 3, "", "s@l"},
	[28] = {"REMOVE", 4, "s@n", CHANGE},
	[29] = {"RENAME", 4, "s@ns@N", CHANGE CHANGE},
	[30] = {"RENEW", 3, "h", ""},
	[31] = {"RESTOREFH", 0, "", ""},
	[32] = {"SAVEFH", 0, "", ""},
	[33] = {"SECINFO", 3, "s@n", SECINFO},
	[34] = {"SETATTR", 4, STATEID "A", "<*:" BITMAP ">"},
	[35] = {"SETCLIENTID", 3, "8xouoou", "<0:h8x|10017:oo|*:>"},
	[36] = {"SETCLIENTID_CONFIRM", 3, "h8x", ""},
	[37] = {"VERIFY", 1, "A", ""},
	[38] = {"WRITE", 4, STATEID "h@Ou@So@C", "u@ru@w8x"},
	[39] = {"RELEASE_LOCKOWNER", 3, OWNER, ""},
	/* 4.1 */
	[40] = {"BACKCHANNEL_CTL", 3, "u" SECURITY, ""},
	[41] = {"BIND_CONN_TO_SESSION", 3, "16f@Duu", "16xuu"},
	[42] = {"EXCHANGE_ID", 3, "8xouu<0:|1:" PROTECT "|2:" PROTECT "[o][o]uu>[oohu]",
		"huuu<0:|1:" PROTECT "|2:" PROTECT "uuuu[o]>hoo[oohu]"},
	[43] = {"CREATE_SESSION", 3, "huu" CHANNEL CHANNEL "u" SECURITY, "16f@Duu" CHANNEL CHANNEL},
	[44] = {"DESTROY_SESSION", 3, "16f@D", ""},
	[45] = {"FREE_STATEID", 3, STATEID, ""},
	[46] = {"GET_DIR_DELEGATION", 3, "u" BITMAP "huhu" BITMAP BITMAP,
		"u<0:8x" STATEID BITMAP BITMAP BITMAP "|1:u|*:>"},
	[47] = {"GETDEVICEINFO", 3, "16xuu" BITMAP, "<0:uo" BITMAP "|10005:u|*:>"},
	[48] = {"GETDEVICELIST", 3, "uuh8x", "h8x[16x]u"},
	[49] = {"LAYOUTCOMMIT", 3, "h@Oh@Cu" STATEID "(h)(hu)uo", "(h)"},
	[50] = {"LAYOUTGET", 3, "uuuh@Oh@Ch" STATEID "u", "<0:u" STATEID "[hhuuo]|10058:u|*:>"},
	[51] = {"LAYOUTRETURN", 3, "uuuu<1:h@Oh@C" STATEID "o|*:>", "(" STATEID ")"},
	[52] = {"SECINFO_NO_NAME", 3, "u", SECINFO},
	[53] = {"SEQUENCE", 0, SEQUENCE "uu", SEQUENCE "uuu"},
	[54] = {"SET_SSV", 3, "oo", "o"},
	[55] = {"TEST_STATEID", 3, "[" STATEID "]", "[u]"},
	[56] = {"WANT_DELEGATION", 3, "uu<1:u|*:>", DELEGATION},
	[57] = {"DESTROY_CLIENTID", 3, "h", ""},
	[58] = {"RECLAIM_COMPLETE", 3, "u", ""},
	/* 4.2 */
	[59] = {"ALLOCATE", 4, STATEID "h@Oh@C", ""},
	[60] = {"COPY", 4, STATEID STATEID "h@Ohh@Cuu[" NETLOC "]", "<0:" DONE "uu|10094:uu|*:>"},
	[61] = {"COPY_NOTIFY", 4, STATEID NETLOC, "hu" STATEID "[" NETLOC "]"},
	[62] = {"DEALLOCATE", 4, STATEID "h@Oh@C", ""},
	[63] = {"IO_ADVISE", 4, STATEID "h@Oh@C" BITMAP, BITMAP},
	[64] = {"LAYOUTERROR", 3, "hh" STATEID "[16xuu]", ""},
	[65] = {"LAYOUTSTATS", 3, "hh" STATEID "hhhh16xuo", ""},
	[66] = {"OFFLOAD_CANCEL", 3, STATEID, ""},
	[67] = {"OFFLOAD_STATUS", 3, STATEID, "h@r[u]"},
	[68] = {"READ_PLUS", 4, STATEID "h@Ou@C", "u@e[u<0:ho@r|1:hh>]"},
	[69] = {"SEEK", 4, STATEID "h@Ou", "u@eh"},
	[70] = {"WRITE_SAME", 4, STATEID "u@Sh@Ohhhuho", DONE},
	[71] = {"CLONE", 4, STATEID STATEID "h@Ohh@C", ""},
	/* Extended attributes */
	[72] = {"GETXATTR", 4, "s@n", "o"},
	[73] = {"SETXATTR", 4, "us@no", CHANGE},
	[74] = {"LISTXATTRS", 4, "hu", "h[o]u"},
	[75] = {"REMOVEXATTR", 4, "s@n", CHANGE},
};

static const struct nfs_operation callbacks[] = {
	[3] = {"CB_GETATTR", 3, "s@f" BITMAP, "A"},
	[4] = {"CB_RECALL", 3, STATEID "us@f", ""},
	[5] = {"CB_LAYOUTRECALL", 3, "uuuu<1:s@fh@Oh@C" STATEID "|2:hh|*:>", ""},
	[6] = {"CB_NOTIFY", 3, STATEID "s@f[" BITMAP "o]", ""},
	[7] = {"CB_PUSH_DELEG", 3, "s@f" DELEGATION, ""},
	[8] = {"CB_RECALL_ANY", 3, "u" BITMAP, ""},
	[9] = {"CB_RECALLABLE_OBJ_AVAIL", 3, "u" BITMAP, ""},
	[10] = {"CB_RECALL_SLOT", 3, "u", ""},
	[11] = {"CB_SEQUENCE", 0, SEQUENCE "uu[16x[uu]]", SEQUENCE "uu"},
	[12] = {"CB_WANTS_CANCELLED", 3, "uu", ""},
	[13] = {"CB_NOTIFY_LOCK", 3, "s@f" OWNER, ""},
	[14] = {"CB_NOTIFY_DEVICEID", 3, "[" BITMAP "o]", ""},
	[15] = {"CB_OFFLOAD", 3, "s@f" STATEID "u<0:" DONE "|*:h@r>", ""},
};

const struct nfs_operation *nfs4_operation(uint64_t op, bool callback)
{
	static const struct nfs_operation illegal = {"ILLEGAL", 3, "", ""};
	const struct nfs_operation *o = NULL;

	if (op == 10044)
		return &illegal;
	if (callback && op < sizeof(callbacks) / sizeof(callbacks[0]))
		o = &callbacks[op];
	if (!callback && op < sizeof(operations) / sizeof(operations[0]))
		o = &operations[op];
	return o && o->name ? o : NULL;
}
