#!/bin/bash
# Every test there is: sudo ./tests/run.sh [TIER…]
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/packages.sh
. tools/packages.sh

usage() {
	cat <<'HELP'
Usage: sudo ./tests/run.sh [TIER…]

Installs what the tests need and runs these tiers, all of them by default:

  ok          style, types, layers, shell scripts, unit tests, transcripts, fuzzing
  install     install.sh and the Debian package on fresh Debian 12 and 13 roots
  onefile     the one executable: start, cache, environment, signals; its launcher for arm64
  netns       the kernel path in network namespaces: contract suite, real daemon
  systemd     the unit in a booted Debian 12 and 13: kill -9, restart, upgrade, hang under calls
  metrics     what is exported, and the alert rules, in the eyes of Prometheus' own tool
  vm          the kernel module on the stock kernels of Debian 12, 13 and sid, alone and with the daemon, in virtual
              machines; and in a kernel that looks for mistakes
  acceptance  Kamailio 6.0 and 5.6 with SIPp callers and real RTP, and with phones that do whatever SIP allows

Exit status 0 if every tier passed.
HELP
}

packages=(nftables iproute2 iptables ufw ethtool python3 shellcheck sip-tester debootstrap procps strace systemd-container
	gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static "${kernel_packages[@]}")

tier_ok() {
	tools/deno.sh task ok
	git ls-files -z | xargs -0 grep -lZ -E '^#!.*(bash|/sh)$' | xargs -0 shellcheck -x --source-path=SCRIPTDIR
}

tier_install() {
	bash tests/install/run.sh
}

tier_onefile() {
	tools/build.sh --self-extracting
	tools/deno.sh task onefile
}

tier_netns() {
	tools/build.sh
	make --silent -C tests/tools
	tools/deno.sh task netns
}

tier_systemd() {
	tools/build.sh
	make --silent -C tests/tools
	tests/acceptance/roots.sh systemd-bookworm systemd-trixie
	tools/deno.sh task systemd
}

# promtool comes in the package of a whole server, which is unpacked and not installed.
tier_metrics() {
	local scratch
	scratch=$(mktemp -d)
	# shellcheck disable=SC2064 # the folder of now
	trap "rm -rf '$scratch'" EXIT
	chmod 755 "$scratch"
	apt-cache show prometheus >/dev/null 2>&1 || apt-get update -qq
	(cd "$scratch" && apt-get download -qq -o APT::Sandbox::User=root prometheus)
	dpkg-deb --fsys-tarfile "$scratch"/prometheus_*.deb | tar -x -C "$scratch" ./usr/bin/promtool
	"$scratch/usr/bin/promtool" check metrics <tests/golden/metrics.txt
	"$scratch/usr/bin/promtool" check rules docs/alerts/lrkproxy.rules.yml
	"$scratch/usr/bin/promtool" test rules docs/alerts/lrkproxy.tests.yml
}

tier_vm() {
	tools/build.sh
	tests/vm/run.sh
}

tier_acceptance() {
	tools/build.sh
	make --silent -C tests/tools
	tools/deno.sh task acceptance
}

all_tiers=(ok install onefile netns systemd metrics vm acceptance)
tiers=()
for argument in "$@"; do
	case " ${all_tiers[*]} " in
	*" $argument "*) tiers+=("$argument") ;;
	*)
		[[ $argument == --help || $argument == -h ]] && usage && exit 0
		usage >&2
		exit 2
		;;
	esac
done
((${#tiers[@]})) || tiers=("${all_tiers[@]}")
[[ $(id -u) == 0 ]] || { echo "tests/run.sh: must be run as root" >&2; exit 1; }

install_packages "${packages[@]}"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# Nothing of the runtime that these programs unpack stays, or takes the place of an installed one's.
export CACHE_DIRECTORY=$scratch/cache
mkdir "$CACHE_DIRECTORY"
chmod 755 "$scratch" "$CACHE_DIRECTORY"
# No test goes by how this machine is set up: whatever network namespace it makes, it finds its settings upside down.
export PATH=$PWD/tests/support/hostile:$PATH
passed=0 failed=()
log=$scratch/tier.log
# What a failed tier said last, once more at the end: the tiers after it may have said thousands of lines.
tail_of() { printf '\n--- the end of tier %s:\n' "$1"; tail -n 60 "$log" | cut -c1-200; }
ends=""
for tier in "${tiers[@]}"; do
	printf '\n=== %s\n' "$tier"
	start=$SECONDS
	# A tier runs in a shell of its own, so that its first failing command ends it.
	if bash -euo pipefail -c "$(declare -f "tier_$tier"); tier_$tier" 2>&1 | tee "$log"; then
		passed=$((passed + 1))
		printf '=== %s passed in %d s\n' "$tier" $((SECONDS - start))
	else
		failed+=("$tier")
		ends+=$(tail_of "$tier")$'\n'
		printf '=== %s FAILED after %d s\n' "$tier" $((SECONDS - start))
	fi
done
printf '%s\n%d passed, %d failed%s\n' "$ends" "$passed" "${#failed[@]}" "${failed[*]:+: ${failed[*]}}"
((${#failed[@]} == 0))
