"""For oracle.py: RPC calls and replies as tshark sees them and as this program does.

A call is its frame, XID, program, version and procedure and, of an NFSv4 COMPOUND, its operations;
a reply its frame, XID and status and the operations that were done. tshark's numbers stand against
names that are listed here on their own, from the RFCs. Of frames that hold several messages only the
XIDs are compared, as tshark's fields cannot be told apart there.
"""
import collections

FIELDS = ["rpc.msgtyp", "rpc.xid", "rpc.program", "rpc.programversion",
          "rpc.procedure", "rpc.replystat", "rpc.state_accept", "rpc.state_reject", "rpc.time",
          "nfs.opcode", "nfs.nfsstat4", "nfs.status", "mount.status"]
V3 = ("NULL GETATTR SETATTR LOOKUP ACCESS READLINK READ WRITE CREATE MKDIR SYMLINK MKNOD REMOVE "
      "RMDIR RENAME LINK READDIR READDIRPLUS FSSTAT FSINFO PATHCONF COMMIT").split()
V2 = ("NULL GETATTR SETATTR ROOT LOOKUP READLINK READ WRITECACHE WRITE CREATE REMOVE RENAME LINK "
      "SYMLINK MKDIR RMDIR READDIR STATFS").split()
MOUNT = "NULL MNT DUMP UMNT UMNTALL EXPORT EXPORTALL PATHCONF".split()
NLM = ("NULL TEST LOCK CANCEL UNLOCK GRANTED TEST_MSG LOCK_MSG CANCEL_MSG UNLOCK_MSG GRANTED_MSG TEST_RES "
       "LOCK_RES CANCEL_RES UNLOCK_RES GRANTED_RES").split()
PORTMAP2 = "NULL SET UNSET GETPORT DUMP CALLIT".split()
PORTMAP = ("NULL SET UNSET GETADDR DUMP CALLIT GETTIME UADDR2TADDR TADDR2UADDR GETVERSADDR INDIRECT "
           "GETADDRLIST GETSTAT").split()
ACL2 = "NULL GETACL SETACL GETATTR ACCESS GETXATTRDIR".split()
ACL3 = "NULL GETACL SETACL GETXATTRDIR".split()
OPERATIONS = dict(enumerate((
    "ACCESS CLOSE COMMIT CREATE DELEGPURGE DELEGRETURN GETATTR GETFH LINK LOCK LOCKT LOCKU LOOKUP "
    "LOOKUPP NVERIFY OPEN OPENATTR OPEN_CONFIRM OPEN_DOWNGRADE PUTFH PUTPUBFH PUTROOTFH READ READDIR "
    "READLINK REMOVE RENAME RENEW RESTOREFH SAVEFH SECINFO SETATTR SETCLIENTID SETCLIENTID_CONFIRM "
    "VERIFY WRITE RELEASE_LOCKOWNER BACKCHANNEL_CTL BIND_CONN_TO_SESSION EXCHANGE_ID CREATE_SESSION "
    "DESTROY_SESSION FREE_STATEID GET_DIR_DELEGATION GETDEVICEINFO GETDEVICELIST LAYOUTCOMMIT "
    "LAYOUTGET LAYOUTRETURN SECINFO_NO_NAME SEQUENCE SET_SSV TEST_STATEID WANT_DELEGATION "
    "DESTROY_CLIENTID RECLAIM_COMPLETE ALLOCATE COPY COPY_NOTIFY DEALLOCATE IO_ADVISE LAYOUTERROR "
    "LAYOUTSTATS OFFLOAD_CANCEL OFFLOAD_STATUS READ_PLUS SEEK WRITE_SAME CLONE GETXATTR SETXATTR "
    "LISTXATTRS REMOVEXATTR").split(), 3))
# RFC 1813, 2.6; RFC 8881, 15.1; RFC 7862, 11.1; RFC 8276, 8.3.
STATUSES = {0: "NFS_OK", 1: "NFSERR_PERM", 2: "NFSERR_NOENT", 5: "NFSERR_IO", 6: "NFSERR_NXIO",
            13: "NFSERR_ACCESS", 17: "NFSERR_EXIST", 18: "NFSERR_XDEV", 19: "NFSERR_NODEV",
            20: "NFSERR_NOTDIR", 21: "NFSERR_ISDIR", 22: "NFSERR_INVAL", 27: "NFSERR_FBIG",
            28: "NFSERR_NOSPC", 30: "NFSERR_ROFS", 31: "NFSERR_MLINK", 63: "NFSERR_NAMETOOLONG",
            66: "NFSERR_NOTEMPTY", 69: "NFSERR_DQUOT", 70: "NFSERR_STALE", 71: "NFSERR_REMOTE",
            99: "NFSERR_WFLUSH"}
STATUSES.update(enumerate(("NFSERR_" + w for w in (
    "BADHANDLE NOT_SYNC BAD_COOKIE NOTSUPP TOOSMALL SERVERFAULT BADTYPE DELAY SAME DENIED EXPIRED "
    "LOCKED GRACE FHEXPIRED SHARE_DENIED WRONGSEC CLID_INUSE RESOURCE MOVED NOFILEHANDLE "
    "MINOR_VERS_MISMATCH STALE_CLIENTID STALE_STATEID OLD_STATEID BAD_STATEID BAD_SEQID NOT_SAME "
    "LOCK_RANGE SYMLINK RESTOREFH LEASE_MOVED ATTRNOTSUPP NO_GRACE RECLAIM_BAD RECLAIM_CONFLICT BADXDR "
    "LOCKS_HELD OPENMODE BADOWNER BADCHAR BADNAME BAD_RANGE LOCK_NOTSUPP OP_ILLEGAL DEADLOCK FILE_OPEN "
    "ADMIN_REVOKED CB_PATH_DOWN BADIOMODE BADLAYOUT BAD_SESSION_DIGEST BADSESSION BADSLOT "
    "COMPLETE_ALREADY CONN_NOT_BOUND_TO_SESSION DELEG_ALREADY_WANTED BACK_CHAN_BUSY LAYOUTTRYLATER "
    "LAYOUTUNAVAILABLE NOMATCHING_LAYOUT RECALLCONFLICT UNKNOWN_LAYOUTTYPE SEQ_MISORDERED SEQUENCE_POS "
    "REQ_TOO_BIG REP_TOO_BIG REP_TOO_BIG_TO_CACHE RETRY_UNCACHED_REP UNSAFE_COMPOUND TOO_MANY_OPS "
    "OP_NOT_IN_SESSION HASH_ALG_UNSUPP").split()), 10001))
STATUSES.update(enumerate(("NFSERR_" + w for w in (
    "CLIENTID_BUSY PNFS_IO_HOLE SEQ_FALSE_RETRY BAD_HIGH_SLOT DEADSESSION ENCR_ALG_UNSUPP "
    "PNFS_NO_LAYOUT NOT_ONLY_OP WRONG_CRED WRONG_TYPE DIRDELEG_UNAVAIL REJECT_DELEG RETURNCONFLICT "
    "DELEG_REVOKED PARTNER_NOTSUPP PARTNER_NO_AUTH UNION_NOTSUPP OFFLOAD_DENIED WRONG_LFS BADLABEL "
    "OFFLOAD_NO_REQS NOXATTR XATTR2BIG").split()), 10074))
ACCEPTED = ["success", "prog_unavail", "prog_mismatch", "proc_unavail", "garbage_args",
            "system_err"]


def procedure(program, version, number):
    names = {(100003, 3): V3, (100003, 2): V2, (100003, 4): ["NULL", "COMPOUND"],
             (100000, 2): PORTMAP2, (100000, 3): PORTMAP, (100000, 4): PORTMAP,
             (100227, 2): ACL2, (100227, 3): ACL3}.get(
                 (program, version), MOUNT if program == 100005 and version < 4 else
                 NLM if program == 100021 and version < 5 else [])
    # Of other programs only the NULL procedure has a name here.
    return names[number] if number < len(names) else "NULL" if number == 0 else str(number)


def reduce(seen, calls, replies):
    """Of frames with several messages only the XIDs."""
    busy = collections.Counter(f for f, *_ in calls + replies)
    for kind, rows in (("requests", calls), ("responses", replies)):
        for frame, xid, *rest in rows:
            rest = rest if busy[frame] == 1 else ()
            getattr(seen, kind)[(frame, "%08x" % xid, *rest)] += 1


def tshark(rows, seen):
    calls, replies = [], []
    for row in rows:
        (types, xids, programs, versions, procedures, _, accepted, rejected, times, ops, four, status,
         _) = [row[f] for f in FIELDS]
        frame, one = row["frame"], len(types) == 1
        for kind, xid in zip(types, xids):
            if kind == "0" and one and versions:
                name = procedure(int(programs[0]), int(versions[0]), int(procedures[0]))
                calls.append((frame, int(xid, 16), name, operations(ops)))
            elif kind == "0":
                calls.append((frame, int(xid, 16)))
            elif one:
                rpc = ACCEPTED[int(accepted[0])] if accepted else (
                    ["rpc_mismatch", "auth_error"][int(rejected[0])] if rejected else "?")
                last = four[:1] if four else status[:1]
                replies.append((frame, int(xid, 16), rpc,
                                STATUSES.get(int(last[0]), last[0]) if last else "",
                                statuses(four[1:]) if four else ""))
                if times:
                    seen.keyed_times["%08x" % int(xid, 16), frame] = times[0]
            else:
                replies.append((frame, int(xid, 16)))
    reduce(seen, calls, replies)


def operations(numbers):
    return ",".join(OPERATIONS.get(int(n), "UNKNOWN") for n in numbers)


def statuses(numbers):
    return ",".join(STATUSES.get(int(n), n) for n in numbers)


def tsumari(records, seen):
    calls, replies = [], []
    for r in records:
        if "rpc" not in r:
            continue
        xid, frames, nfs = int(r["rpc"]["xid"], 16), r["tsumari"].get("frame", {}), r.get("nfs", {})
        more, t = r["tsumari"].get("nfs", {}), r["tsumari"].get("time", {})
        acl = r["tsumari"].get("nfsacl", {})
        if "procedure" in r["rpc"]:
            calls.append((frames.get("request_last", 0), xid, r["rpc"]["procedure"],
                          ",".join(more.get("operations", ()))))
        if "response_first" in frames:
            replies.append((frames.get("response_last", 0), xid, r["rpc"].get("status", "?"),
                            nfs.get("status", "") or acl.get("status", ""), ",".join(more.get("statuses", ()))))
        if "wait" in t and "response_last" in frames:
            seen.keyed_times["%08x" % xid, frames["response_last"]] = t["wait"] + t.get("response", 0)
    reduce(seen, calls, replies)
