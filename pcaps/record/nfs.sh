# nfs.sh: nfs-ganesha with rpcbind, libnfs and clients of our own. Sourced by record.sh.
#
# The server exports /srv of a mount namespace of its own, as /srv (NFSv3) and /data (NFSv4). libnfs
# speaks versions 3 and 4.0 over TCP; nfs.py speaks 4.1, 4.2, UDP and what else is needed.

NFS=10.77.0.50

nfs_up() {
	mkdir -p "$WORK/nfs/dir/sub" "$WORK/ganesha"
	echo 'hello from the server' >"$WORK/nfs/hello.txt"
	ln -sfn hello.txt "$WORK/nfs/link"
	page 1100000 >"$WORK/nfs/1m.bin"
	page 64000 >"$WORK/nfs/64k.bin"
	page 20000 >"$WORK/nfs/20k.bin"
	page 200 >"$WORK/nfs/dir/one"
	page 300 >"$WORK/nfs/dir/two"
	# NFS_TRUST: seconds for which the server takes its file system's attributes for unchanged.
	# NFS_ACL: true, that it speaks NFS_ACL, too.
	sed "s|@WORK@|$WORK|g; s|@TRUST@|${NFS_TRUST:-60}|; s|@ACL@|${NFS_ACL:-false}|" "$HERE/ganesha.conf" \
		>"$WORK/ganesha.conf"
	gcc -w -o "$WORK/nfsops" "$HERE/nfsops.c" -lnfs || return
	attach nfs 50 || return
	spawn nfs rpcbind rpcbind -f -w -h "$NFS"
	wait_port nfs 111 || return
	# A file system of its own, so that inode numbers are small and nothing outside is exported;
	# another one by NFS_MOUNT.
	spawn nfs ganesha unshare -m sh -c "${NFS_MOUNT:-mount -t tmpfs none /srv} && cp -a '$WORK/nfs/.' /srv &&
		exec ganesha.nfsd -F -f '$WORK/ganesha.conf' -L '$WORK/log/ganesha.log' -p '$WORK/ganesha.pid'"
	wait_port nfs 2049 && wait_port nfs 20048 && sleep 6	# the grace period
}

nfs() {
	cli "$@" >>"$WORK/log/nfs-client" 2>&1
}

# rpc_client WHAT: everything it asks must be answered.
rpc_client() {
	cli "$PYTHON" "$HERE/nfs.py" "$NFS" "$1"
}

scenario nfs_v3 nfs3 nfs3-large
nfs_v3() {
	local url="nfs://$NFS/srv" v=version=3
	nfs_up && capture nfs3 cli eth0 host "$NFS" || return
	nfs nfs-ls "$url?$v"
	nfs nfs-ls -R "$url?$v"
	nfs nfs-cat "$url/hello.txt?$v"
	nfs nfs-cat "$url/20k.bin?$v"
	nfs nfs-cp "$WORK/nfs/20k.bin" "$url/new3.bin?$v"
	nfs nfs-cat "$url/missing?$v"
	nfs nfs-ls "$url/nodir?$v"
	nfs nfs-ls "nfs://$NFS/not/exported?$v"
	nfs nfs-cat "$url/link?$v"
	nfs "$WORK/nfsops" "$NFS" /srv 3
	nfs "$WORK/nfsops" "$NFS" /srv 3 1000
	captures_end
	# READ and WRITE of a megabyte; their bytes are not kept.
	capture nfs3-large cli eth0 -s 250 host "$NFS" || return
	nfs nfs-cat "$url/1m.bin?$v"
	nfs nfs-cp "$WORK/nfs/64k.bin" "$url/copy.bin?$v"
	captures_end
}

scenario nfs_v4 nfs4
nfs_v4() {
	local url="nfs://$NFS/data" v=version=4
	nfs_up && capture nfs4 cli eth0 host "$NFS" || return
	nfs nfs-ls "$url?$v"
	nfs nfs-ls "$url/dir?$v"
	nfs nfs-cat "$url/hello.txt?$v"
	nfs nfs-cat "$url/20k.bin?$v"
	nfs nfs-cp "$WORK/nfs/20k.bin" "$url/new4.bin?$v"
	nfs nfs-cat "$url/missing?$v"
	nfs nfs-ls "nfs://$NFS/nope?$v"
	nfs "$WORK/nfsops" "$NFS" /data 4
	nfs "$WORK/nfsops" "$NFS" /data 4 1000
	captures_end
}

scenario nfs_session nfs41
nfs_session() {
	nfs_up && capture nfs41 cli eth0 host "$NFS" || return
	rpc_client session || return
	captures_end
}

scenario nfs_udp nfs-udp
nfs_udp() {
	nfs_up && capture nfs-udp cli eth0 host "$NFS" || return
	rpc_client udp || return
	captures_end
}

scenario nfs_fragments nfs-fragments
nfs_fragments() {
	nfs_up && capture nfs-fragments cli eth0 host "$NFS" || return
	rpc_client fragments || return
	captures_end
}

scenario nfs_portmap nfs-portmap
nfs_portmap() {
	nfs_up && capture nfs-portmap cli eth0 host "$NFS" || return
	nfs rpcinfo -p "$NFS"
	nfs rpcinfo "$NFS"
	nfs rpcinfo -s "$NFS"
	nfs rpcinfo -T tcp "$NFS" nfs 3
	nfs rpcinfo -T udp "$NFS" nfs 3
	nfs rpcinfo -T udp "$NFS" mountd 9
	nfs rpcinfo -T tcp "$NFS" 390000
	nfs nfs-ls -D "nfs://$NFS/"
	nfs rpcinfo -T udp "$NFS" nfs 4
	nfs rpcinfo -T tcp "$NFS" nlockmgr 4
	captures_end
}

scenario nfs_acl nfs-acl
nfs_acl() {
	NFS_ACL=true nfs_up || return
	spawn web acl "$PYTHON" "$HERE/acl.py" 2049 "$NFS"
	wait_port web 2049 && capture nfs-acl cli eth0 port 2049 or port 20048 || return
	cli "$PYTHON" "$HERE/nfs.py" "$WEB" acl "$NFS" || return
	captures_end
}
