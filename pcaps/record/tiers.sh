# tiers.sh: nginx, a shop behind it (shop.py) and its database. Sourced by record.sh.

scenario tiers tiers
tiers() {
	local i pids=()
	database db 1 && web || return
	spawn app shop "$PYTHON" "$HERE/shop.py" 8000 "$WORK/shop.log"
	wait_port app 8000 && capture tiers sw br0 port 80 or port 8000 or port 3306 || return
	for i in 1 2 3; do
		get "$URL/app/list" "$URL/app/item/$i" "$URL/app/plain"
	done
	get "$URL/app/slow"
	# Side by side: only the ids tell whose the queries are.
	for i in 1 2 3 4; do
		cli curl -s -H "traceparent: 00-0af7651916cd43dd8448eb211c80319$i-b7ad6b716920333$i-01" \
			"$URL/app/list" "$URL/app/slow" >/dev/null &
		pids+=($!)
	done
	wait "${pids[@]}"
	# And without ids: they share.
	pids=()
	for i in 5 6; do
		get "$URL/app/list" "$URL/app/slow" >/dev/null &
		pids+=($!)
	done
	wait "${pids[@]}"
	captures_end
	sed 's|^|/app|' "$WORK/shop.log" >"$OUT/tiers.shop.log"
}
