#!/bin/bash
# Install lrkproxy from this folder: sudo ./install.sh
set -euo pipefail

usage() {
	cat <<'HELP'
Usage: sudo ./install.sh [--no-demo]
       sudo ./install.sh --uninstall

Builds lrkproxy, installs it and shows by a demonstration that it works here.
Calls of a running daemon go on in the kernel; restart it to run the new version.

  --no-demo    do not run the demonstration at the end
  --uninstall  remove the program; /etc/lrkproxy stays
  --help       this text

Environment:
  PREFIX   where to install (default /usr/local)
  DESTDIR  put all files below this folder, for packaging; implies --no-demo

Needs Debian 12 or newer, npm, and the npm and Debian package registries.
HELP
}

source_dir=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tools/packages.sh
. "$source_dir/tools/packages.sh"
prefix=${PREFIX:-/usr/local}
destdir=${DESTDIR:-}
command_path=$destdir$prefix/bin/lrkproxy
config_path=$destdir/etc/lrkproxy/lrkproxy.ini
packages=(nftables iproute2 ca-certificates "${build_packages[@]}")

say() { printf '==> %s\n' "$*"; }
die() {
	printf 'install.sh: %s\n' "$*" >&2
	exit 1
}

# The new program is renamed over the old one, so that a failure leaves the old one working.
place_files() {
	install -D -m 755 "$source_dir/dist/lrkproxy" "$command_path.new"
	mv -f "$command_path.new" "$command_path"
	[[ -e $config_path ]] ||
		install -D -m 640 "$source_dir/tests/golden/lrkproxy.ini" "$config_path"
}

uninstall() {
	rm -f "$command_path" "$command_path.new"
	rm -rf "$destdir/var/cache/lrkproxy"
	say "Removed. The configuration stays in $destdir/etc/lrkproxy"
	say 'A running daemon and its calls go on: lrkproxy stop --drop, before this, ends both'
}

run_demo=yes
action=install
for argument in "$@"; do
	case $argument in
	--no-demo) run_demo=no ;;
	--uninstall) action=uninstall ;;
	--help | -h)
		usage
		exit 0
		;;
	*)
		usage >&2
		exit 2
		;;
	esac
done
[[ -z $destdir ]] || run_demo=no
[[ $(id -u) == 0 || -n $destdir ]] || die "must be run as root: sudo $0"

if [[ $action == uninstall ]]; then
	uninstall
	exit 0
fi

command -v npm >/dev/null || die "npm is missing: apt-get install npm"
[[ -n $destdir ]] || install_packages "${packages[@]}"
say "Building"
"$source_dir/tools/build.sh"
say "Installing $command_path"
place_files
if [[ $run_demo == yes ]]; then
	say "Demonstration: two endpoints talk through the relay"
	"$command_path" demo
fi
cat <<NEXT

Next: set the addresses in ${config_path#"$destdir"}, then
  lrkproxy check-config
  lrkproxy run
README.md shows what to put into kamailio.cfg.
NEXT
