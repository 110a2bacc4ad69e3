#!/bin/bash
# Install, upgrade or remove lrkproxy from this folder: sudo ./install.sh
set -euo pipefail

usage() {
	cat <<'HELP'
Usage: sudo ./install.sh [--upgrade] [--binary FILE] [--no-start] [--no-demo]
                         [--no-module | --kernel RELEASE]
       sudo ./install.sh --uninstall | --purge

Builds lrkproxy and installs it as a service, with its kernel module if the kernel's
headers and a compiler are there. Run again, it puts right what is
missing and keeps what you have edited. Calls go on meanwhile. If anything fails,
the version that was there before goes on working.

  --upgrade      replace the program of an installation, and go back to the old
                 one unless the new one answers
  --binary FILE  install this program, which tools/build.sh made, and build nothing
  --no-start     put everything in place, but start nothing
  --no-demo      do not run the demonstration at the end
  --kernel RELEASE  build the kernel module for this kernel, or for "all" whose headers
                 are installed, instead of the running one
  --no-module    build no kernel module; one that is installed stays
  --uninstall    end calls, stop the service and remove all of it but an edited
                 lrkproxy.ini
  --purge        the same, and lrkproxy.ini
  --help         this text

Environment:
  PREFIX   where to install (default /usr/local)
  DESTDIR  put the files below this folder, for packaging, and do nothing else

Needs Debian 12 or newer and, to build, the npm and Debian package registries.
HELP
}

source_dir=$(cd "$(dirname "$0")" && pwd)
prefix=${PREFIX:-/usr/local}
destdir=${DESTDIR:-}
command_path=$prefix/bin/lrkproxy
program=$command_path
binary=$source_dir/dist/lrkproxy
packages=(nftables iproute2 procps)
action=install start=yes demo=yes build=yes module=yes kernel=''
stage='' progress=''

say() { printf '==> %s\n' "$*"; }
die() {
	printf 'install.sh: %s\n' "$*" >&2
	exit 1
}
# shellcheck source=tools/packages.sh
. "$source_dir/tools/packages.sh"
# shellcheck source=tools/install/guess.sh
. "$source_dir/tools/install/guess.sh"
# shellcheck source=tools/install/machine.sh
. "$source_dir/tools/install/machine.sh"
# shellcheck source=tools/install/files.sh
. "$source_dir/tools/install/files.sh"
# shellcheck source=tools/install/module.sh
. "$source_dir/tools/install/module.sh"
# shellcheck source=tools/install/module_build.sh
. "$source_dir/tools/install/module_build.sh"
# shellcheck source=tools/install/service.sh
. "$source_dir/tools/install/service.sh"
manifest=$state_dir/files

parse() {
	while (($#)); do
		case $1 in
		--upgrade) action=upgrade ;;
		--uninstall | --purge) action=${1#--} ;;
		--no-start) start=no ;;
		--no-demo) demo=no ;;
		--no-module) module=no ;;
		--kernel)
			[[ ${2:-} == all || -d /lib/modules/${2:-/none} ]] || die "--kernel: there is no /lib/modules/${2:-RELEASE}"
			kernel=$2
			shift
			;;
		--binary)
			[[ -f ${2:-} ]] || die "--binary needs a file: \"${2:-}\" is none"
			build=no binary=$(readlink -f "$2")
			shift
			;;
		--help | -h) usage && exit 0 ;;
		*) usage >&2 && exit 2 ;;
		esac
		shift
	done
}

# Whatever ends the script early ends here too.
finish() {
	local status=$?
	[[ -z $stage ]] || rm -rf "$stage"
	if [[ $status != 0 && $progress == placed ]]; then
		restore_old_files
		say 'The old version is back' >&2
		[[ $was_active == no ]] || { systemctl daemon-reload && systemctl restart lrkproxy.service; }
	fi
	return "$status"
}

get_packages() {
	local wanted=("${packages[@]}") missing
	[[ $build == no ]] || wanted+=(ca-certificates "${build_packages[@]}")
	# Where Node.js does not come from Debian, neither does its npm.
	[[ $build == no ]] || command -v npm >/dev/null || wanted+=(npm)
	mkdir -p "$state_dir"
	missing=$(missing_packages "${wanted[@]}")
	install_packages "${wanted[@]}" || die 'the packages cannot be installed: see what apt-get says above'
	printf '%s\n' "$missing" >>"$state_dir/packages"
}

# What building downloads stays in this folder.
build_program() {
	say 'Building (a minute or two the first time)'
	DENO_DIR=${DENO_DIR:-$source_dir/dist/.deno} npm_config_cache=${npm_config_cache:-$source_dir/dist/.npm} \
		"$source_dir/tools/build.sh" || die 'the build failed, see above; nothing was changed'
}

# The new program must run here and accept the configuration before anything is replaced.
check_program() {
	program=$stage$command_path
	"$program" version >/dev/null || die "\"$binary\" does not run here; nothing was changed"
	if [[ -e $config_path ]]; then
		"$program" check-config >/dev/null ||
			die "$config_path is not valid for the new version: correct it and run this again; nothing was changed"
	fi
}

place() {
	# Without an older version to go back to, what is there helps more than nothing would.
	[[ ! -e $command_path ]] || progress=placed
	place_files "$stage" "$manifest"
	program=$command_path
}

bring_up() {
	enable_service
	if ! has_systemd; then
		say "systemd does not run here: start \"lrkproxy run\" by other means"
		"$program" version >/dev/null
	elif [[ $start == no ]]; then
		say 'Not started: systemctl start lrkproxy'
	elif ! has_media_address; then
		say "Not started, since this machine has none of the addresses in $config_path:"
		say 'set them there, then: systemctl start lrkproxy'
	else
		restart_service && is_new_running
	fi
}

install_it() {
	[[ $action == install || -x $command_path ]] ||
		die "there is no $command_path to upgrade: run it without --upgrade"
	was_active=no
	! is_active || was_active=yes
	get_packages
	[[ $build == no ]] || build_program
	# Not in /tmp: programs cannot be run there on every machine.
	stage=$(mktemp -d "$state_dir/new.XXXXXX")
	stage_files "$stage"
	check_program
	make_user "$source_dir/systemd/sysusers.d/lrkproxy.conf"
	make_config "$source_dir/tests/golden/lrkproxy.ini"
	say "Installing $command_path"
	place
	make_sysctls
	read_device_rule
	bring_up || die "the new version does not work; correct what the lines above say, then run this again"
	progress=''
	keep_new_files
	# Last, since calls do not need it.
	[[ $module == no ]] || make_module
	[[ $start == no ]] || use_module
}

show_it() {
	say 'lrkproxy doctor:'
	"$program" doctor || say 'The lines above say what to correct'
	if [[ $demo == no || $action == upgrade ]]; then
		return
	elif unshare --net true 2>/dev/null; then
		say 'Demonstration: two endpoints talk through the relay'
		"$program" demo --seconds 3 || die 'installed, but the demonstration failed: see above'
	else
		say 'No demonstration: network namespaces cannot be made here'
	fi
}

say_what_is_next() {
	cat <<NEXT

Installed. In kamailio.cfg:

  loadmodule "lrkproxy.so"
  modparam("lrkproxy", "lrkproxy_sock", "$(kamailio_sockets "$("$program" check-config)")")

A complete one is $prefix/share/doc/lrkproxy/examples/kamailio.cfg with lrkproxy.cfg beside it, which any other needs too.
Settings: $config_path, then systemctl restart lrkproxy (calls go on); lrkproxy status looks at it.
NEXT
}

uninstall_it() {
	local packages_kept
	packages_kept=$(recorded packages | sort -u | tr '\n' ' ')
	[[ ! -e $state_dir/modules ]] || forget_module
	[[ ! -x $command_path ]] || end_calls || say 'The daemon could not be asked to end its calls'
	! command -v systemctl >/dev/null || systemctl --quiet disable lrkproxy.service 2>/dev/null || true
	! is_active || systemctl stop lrkproxy.service
	! has_systemd || systemctl reset-failed lrkproxy.service 2>/dev/null || true
	remove_table
	restore_sysctls
	[[ ! -e $manifest ]] || remove_files "$manifest"
	! has_systemd || systemctl daemon-reload
	read_device_rule
	forget_machine "$1"
	say 'Removed'
	[[ -z ${packages_kept// /} ]] ||
		say "Debian packages that came with it stay: apt-get autoremove --purge $packages_kept"
}

parse "$@"
if [[ -n $destdir ]]; then
	[[ $action == install ]] || die "DESTDIR is for packaging only: remove $destdir yourself"
	[[ $build == no ]] || build_program
	stage_files "$destdir"
	[[ $module == no ]] || stage_module "$destdir/usr/src/lrkproxy-$(project_version)"
	exit 0
fi
[[ $(id -u) == 0 ]] || die "must be run as root: sudo $0"
[[ -z $(missing_packages lrkproxy) ]] && die 'the Debian package lrkproxy is installed: use apt-get for it, or remove it first'
case $action in
install | upgrade)
	trap finish EXIT
	install_it
	show_it
	say_what_is_next
	;;
uninstall) uninstall_it no ;;
purge) uninstall_it yes ;;
esac
