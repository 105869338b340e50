# bash completion for tsumari(1). The options, and what their values are, come from tsumari --list-options.

# The names that a list of the program has in its first column.
_tsumari_names()
{
	"${COMP_WORDS[0]}" "$1" 2>/dev/null | sed -n "$2"
}

# Of the table of options, by an option's letter or name: the kind of its value; nothing where it takes none.
_tsumari_kind()
{
	"${COMP_WORDS[0]}" --list-options 2>/dev/null | tr '\t' '\037' | while IFS=$'\x1f' read -r letter name takes _ kind _; do
		[[ $takes == needed && ($1 == "$letter" || $1 == "$name") ]] && echo "${kind:-plain}"
	done
}

_tsumari()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} names before= kind
	COMPREPLY=()
	# Readline takes = and : for words of their own: --types=flow, tcp/80=http.
	if [[ $cur == = ]]; then
		cur=
	elif [[ $prev == = && $COMP_CWORD -ge 2 ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	case $prev in
	tcp/* | udp/*) kind=protocol ;;
	-*) kind=$(_tsumari_kind "$prev") ;;
	esac
	case $kind in
	file)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	interface)
		names=$(_tsumari_names -D 's/^[0-9]*\.\([^ ]*\).*/\1/p')
		;;
	linktype)
		names=$(_tsumari_names -L 's/ .*//p')
		;;
	types)
		[[ $cur != *,* ]] || before=${cur%,*},
		cur=${cur##*,}
		names="flow finding $(_tsumari_names --list-protocols 's/^\([^ ]*\) .*\(tcp\|udp\)\/[0-9].*/\1/p')"
		;;
	filter)
		names=$(_tsumari_names --fields 's/^| `\([a-z@._0-9]*\)`.*/\1/p')
		;;
	decode)
		names="tcp/ udp/"
		compopt -o nospace 2>/dev/null
		;;
	protocol)
		names="none fou: $(_tsumari_names --list-protocols 's/^\([^ ]*\) .*\(tcp\|udp\)\/[0-9].*/\1/p')"
		;;
	direction)
		names="in out inout"
		;;
	user)
		mapfile -t COMPREPLY < <(compgen -u -- "$cur")
		return
		;;
	?*)
		return
		;;
	*)
		[[ $cur == -* ]] || return
		names=$(_tsumari_names --list-options 's/^\([^\t]*\)\t\([^\t]*\)\t.*/\1 \2/p')
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -P "$before" -W "$names" -- "$cur")
}
complete -F _tsumari tsumari
