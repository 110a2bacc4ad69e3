#!/bin/bash
# links.sh ROOT PREFIX: every relative link in the documents that are installed leads somewhere, to the heading too, and
# every path that the manual page names is there. ROOT is where the installation lies, "" for this machine.
set -euo pipefail
root=$1 prefix=$2
documents=$root$prefix/share/doc/lrkproxy
failures=0

dead() {
	printf 'FAIL: %s\n' "$*"
	failures=$((failures + 1))
}

# anchors FILE: of its headings, a line each, as GitHub makes them.
anchors() {
	sed -n 's/^##* //p' "$1" | tr '[:upper:]' '[:lower:]' | sed -e 's/[^-a-z0-9_ ]//g' -e 's/ /-/g'
}

links=0
while IFS=: read -r file link; do
	links=$((links + 1))
	path=${link%%#*} fragment=
	[[ $link != *'#'* ]] || fragment=${link#*#}
	target=$file
	[[ -z $path ]] || target=$(dirname "$file")/$path
	if [[ ! -e $target ]]; then
		dead "${file#"$documents/"} links to $link, which is not there"
	elif [[ -n $fragment ]] && ! grep -qxF "$fragment" <(anchors "$target"); then
		dead "${file#"$documents/"} links to $link, which has no such heading"
	fi
done < <(grep -rHoE --include='*.md' '\]\([^) ]+\)' "$documents" | sed -E 's/:\]\((.*)\)$/:\1/' | grep -vE ':[a-z]+://')
((links > 20)) || dead "only $links links in $documents"

page=$root$prefix/share/man/man8/lrkproxy.8
[[ -e $page ]] || page+=.gz
paths=0
while read -r path; do
	paths=$((paths + 1))
	[[ -n $root && $path == /etc/* || -e $root$path ]] || dead "lrkproxy(8) names $path, which is not there"
done < <(zcat -f "$page" | sed 's/\\-/-/g' | sed -n 's/^\.I \(\/.*\)/\1/p')
((paths > 5)) || dead "only $paths paths in $page"

((failures == 0))
