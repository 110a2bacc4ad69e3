# Packages of Debian suites that this machine need not have: apt with a state of its own, where nothing is installed.
# Sourced, after lib.sh, by scripts that have set APT_WORK to a folder.
# shellcheck shell=bash

mirror() { echo "${LRK_DEBIAN_MIRROR:-http://deb.debian.org/debian}"; }

# apt_of SUITE COMMAND…: apt, for that suite.
apt_of() {
	local suite=$1 state=$APT_WORK/$1 command=$2
	shift 2
	"$command" -qq -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=/nonexistent \
		-o Dir::State::lists="$state/lists" -o Dir::State::status="$state/status" -o Dir::Cache="$state/cache" \
		-o APT::Install-Recommends=0 -o APT::Sandbox::User=root -o Debug::NoLocking=1 -o APT::Default-Release="" "$@"
}

# prepare_suite SUITE: its lists.
prepare_suite() {
	local suite=$1 state=$APT_WORK/$1 keys=/usr/share/keyrings/debian-archive-keyring.gpg
	mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
	: >"$state/status"
	echo "deb [signed-by=$keys] $(mirror) $suite main" >"$state/sources.list"
	[[ $suite == sid ]] ||
		echo "deb [signed-by=$keys] ${LRK_DEBIAN_SECURITY:-http://deb.debian.org/debian-security} $suite-security main" \
			>>"$state/sources.list"
	apt_of "$suite" apt-get update
}

# depends_of SUITE PACKAGE PATTERN: the dependencies whose names match.
depends_of() {
	apt_of "$1" apt-cache depends --no-recommends --no-suggests "$2" | awk -v pattern="$3" '$1 == "Depends:" && $2 ~ pattern { print $2 }'
}
