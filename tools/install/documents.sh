#!/bin/bash
# The documents as they are installed: in one folder, without links to what stays in the source. Sourced by files.sh.
# shellcheck disable=SC2154  # source_dir, prefix: of whoever sources this

# document_table: of the documents, like file_table.
document_table() {
	local file folder=$prefix/share/doc/lrkproxy
	for file in "$source_dir"/{README,CHANGELOG,SECURITY}.md "$source_dir"/docs/*.md; do
		echo "644 $file $folder/${file##*/}"
	done
	for file in "$source_dir"/docs/adr/*.md "$source_dir"/docs/{grafana/lrkproxy.json,alerts/lrkproxy.rules.yml}; do
		echo "644 $file $folder/${file#"$source_dir"/docs/}"
	done
	echo "644 $source_dir/tests/acceptance/kamailio.cfg $folder/examples/kamailio.cfg"
	echo "644 $source_dir/tests/acceptance/lrkproxy.cfg $folder/examples/lrkproxy.cfg"
	echo "644 $source_dir/nft/lrkproxy.nft $folder/examples/lrkproxy.nft"
}

# installed_at TABLE SOURCE: where a file or a folder of the source is installed; nothing if it is not.
installed_at() {
	awk -v wanted="$2" '
		$2 == wanted { print $3; exit }
		index($2, wanted "/") == 1 { print substr($3, 1, length($3) - length($2) + length(wanted)); exit }' <<<"$1"
}

# document TABLE SOURCE TARGET: the text, with links between installed files as they lie there. Of any other link to the
# source, what it says is left.
document() {
	local path place links=''
	while read -r path; do
		place=$(installed_at "$1" "$(realpath -m "$(dirname "$2")/$path")")
		[[ -z $place ]] || links+="$path $(realpath -m --relative-to="$(dirname "$3")" "$place")"$'\n'
	done < <(grep -oE '\]\([^)# ]+' "$2" | cut -c 3- | grep -v : | sort -u)
	awk -v links="$links" '
		BEGIN {
			count = split(links, each, "\n")
			for (i = 1; i <= count; i++) { split(each[i], words, " "); now[words[1]] = words[2] }
		}
		{
			for (rest = $0; match(rest, /\[[^]]*\]\([^) ]+\)/); rest = substr(rest, RSTART + RLENGTH)) {
				link = substr(rest, RSTART, RLENGTH)
				printf "%s", substr(rest, 1, RSTART - 1)
				middle = index(link, "](")
				path = substr(link, middle + 2, length(link) - middle - 2)
				heading = index(path, "#") ? substr(path, index(path, "#")) : ""
				path = substr(path, 1, length(path) - length(heading))
				if (path == "" || path ~ /:/) printf "%s", link
				else if (path in now) printf "%s(%s%s)", substr(link, 1, middle), now[path], heading
				else printf "%s", substr(link, 2, middle - 2)
			}
			print rest
		}' "$2"
}
