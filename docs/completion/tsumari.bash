# bash completion for tsumari(1). The options are those of tsumari --help; tests/manual.sh compares.

# The names that a list of the program has in its first column.
_tsumari_names()
{
	"${COMP_WORDS[0]}" "$1" 2>/dev/null | sed -n "$2"
}

_tsumari()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} names before=
	COMPREPLY=()
	# Readline takes = and : for words of their own: --types=flow, tcp/80=http.
	if [[ $cur == = ]]; then
		cur=
	elif [[ $prev == = && $COMP_CWORD -ge 2 ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	case $prev in
	-r | --read | -w | --write | -o | --output | -F | --filter-file | --compare | --har | --plugin | --geoip)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	-i | --interface)
		names=$(_tsumari_names -D 's/^[0-9]*\.\([^ ]*\).*/\1/p')
		;;
	-y | --linktype)
		names=$(_tsumari_names -L 's/ .*//p')
		;;
	--types)
		[[ $cur != *,* ]] || before=${cur%,*},
		cur=${cur##*,}
		names="flow finding $(_tsumari_names --list-protocols 's/^\([^ ]*\) .*\(tcp\|udp\)\/[0-9].*/\1/p')"
		;;
	-Y | --display-filter)
		names=$(_tsumari_names --fields 's/^| `\([a-z@._0-9]*\)`.*/\1/p')
		;;
	-d | --decode-as)
		names="tcp/ udp/"
		compopt -o nospace 2>/dev/null
		;;
	tcp/* | udp/*)
		names="none fou: $(_tsumari_names --list-protocols 's/^\([^ ]*\) .*\(tcp\|udp\)\/[0-9].*/\1/p')"
		;;
	-Z | --relinquish-privileges)
		mapfile -t COMPREPLY < <(compgen -u -- "$cur")
		return
		;;
	-c | --count | -s | --snapshot-length | -B | --buffer-size | -C | -G | -W | -j | --jobs | --memory | --extract-memory | --keep | \
		--duration | --reorder-window | --flow-interval | --timeout-syn | --timeout-tcp | --timeout-closed | --timeout-udp)
		return
		;;
	*)
		[[ $cur == -* ]] || return
		names="-r -i -D -L -F -c -s -B -p -y -Y -o -l -n -w -C -G -W -U -d -j -Z -h
			--read --interface --list-interfaces --list-data-link-types --filter-file --count
			--duration --reorder-window --snapshot-length --buffer-size --no-promiscuous-mode --linktype
			--json --json-flat --report --live --keep --compare --har --types --display-filter --output --line-buffered
			--numeric --write --extract --extract-memory
			--packet-buffered --print --decode-as --geoip --plugin --jobs --memory --flow-interval
			--timeout-syn --timeout-tcp --timeout-closed --timeout-udp --ignore-vlan --literal
			--mask-mail --threshold
			--relinquish-privileges --list-protocols --fields --version --help"
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -P "$before" -W "$names" -- "$cur")
}
complete -F _tsumari tsumari
