# SPDX-License-Identifier: MIT
# bash completion of tsgwctl(1): asks the program itself, so it knows every command, option and tailnet.
_tsgwctl()
{
	local line=${COMP_LINE:0:COMP_POINT} words current candidate head
	local -a found=()

	# our own words: bash cuts at '=' and ':', which belong to ours
	read -ra words <<< "$line"
	[[ $line == *[[:space:]] ]] && words+=("")
	current=${words[-1]}
	while IFS=$'\t' read -r candidate _; do
		case $candidate in
		:command*)
			COMP_WORDS=("${COMP_WORDS[@]:0:1}" "${words[@]:${candidate#:command }+1}")
			compopt -o default
			if ((${#COMP_WORDS[@]} <= 2)); then
				mapfile -t COMPREPLY < <(compgen -c -- "$current")
			else
				mapfile -t COMPREPLY < <(compgen -f -- "$current")
			fi
			return
			;;
		:file)
			compopt -o filenames
			mapfile -t COMPREPLY < <(compgen -f -- "${current#--*=}")
			return
			;;
		:dir)
			compopt -o filenames
			mapfile -t COMPREPLY < <(compgen -d -- "${current#--*=}")
			return
			;;
		esac
		found+=("$candidate")
	done < <("${words[0]}" --complete "${words[@]:1}" 2>/dev/null)
	# readline replaces only what stands behind the last '=' or ':'
	head=${current%"${current##*[=:]}"}
	[[ $COMP_WORDBREAKS == *[=:]* ]] || head=
	COMPREPLY=("${found[@]#"$head"}")
	[[ ${#found[@]} -eq 1 && ${found[0]} == *= ]] && compopt -o nospace
	return 0
}
complete -F _tsgwctl tsgwctl
