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
PORTMAP2 = "NULL SET UNSET GETPORT DUMP CALLIT".split()
PORTMAP = ("NULL SET UNSET GETADDR DUMP CALLIT GETTIME UADDR2TADDR TADDR2UADDR GETVERSADDR INDIRECT "
           "GETADDRLIST GETSTAT").split()
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
STATUSES = {0: "NFS_OK", 1: "NFSERR_PERM", 2: "NFSERR_NOENT", 5: "NFSERR_IO", 13: "NFSERR_ACCESS",
            17: "NFSERR_EXIST", 20: "NFSERR_NOTDIR", 21: "NFSERR_ISDIR", 22: "NFSERR_INVAL",
            30: "NFSERR_ROFS", 63: "NFSERR_NAMETOOLONG", 66: "NFSERR_NOTEMPTY",
            70: "NFSERR_STALE", 10001: "NFSERR_BADHANDLE", 10004: "NFSERR_NOTSUPP",
            10006: "NFSERR_SERVERFAULT", 10008: "NFSERR_DELAY", 10021: "NFSERR_MINOR_VERS_MISMATCH",
            10025: "NFSERR_BAD_STATEID", 10026: "NFSERR_BAD_SEQID", 10038: "NFSERR_OPENMODE",
            10044: "NFSERR_OP_ILLEGAL", 10052: "NFSERR_BADSESSION",
            10063: "NFSERR_SEQ_MISORDERED", 10068: "NFSERR_RETRY_UNCACHED_REP"}
ACCEPTED = ["success", "prog_unavail", "prog_mismatch", "proc_unavail", "garbage_args",
            "system_err"]


def procedure(program, version, number):
    names = {(100003, 3): V3, (100003, 2): V2, (100003, 4): ["NULL", "COMPOUND"],
             (100000, 2): PORTMAP2, (100000, 3): PORTMAP, (100000, 4): PORTMAP}.get(
                 (program, version), MOUNT if program == 100005 and version < 4 else [])
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
        if "procedure" in r["rpc"]:
            calls.append((frames.get("request_last", 0), xid, r["rpc"]["procedure"],
                          ",".join(more.get("operations", ()))))
        if "response_first" in frames:
            replies.append((frames.get("response_last", 0), xid, r["rpc"].get("status", "?"),
                            nfs.get("status", ""), ",".join(more.get("statuses", ()))))
        if "wait" in t and "response_last" in frames:
            seen.keyed_times["%08x" % xid, frames["response_last"]] = t["wait"] + t.get("response", 0)
    reduce(seen, calls, replies)
