#!/bin/bash
# man.sh PREFIX: the manual page lrkproxy(8), made of the help texts that the tests pin.
set -euo pipefail
documents=$1/share/doc/lrkproxy
cd "$(dirname "$0")/../.."
version=$(sed -n 's/^export const VERSION = "\(.*\)";/\1/p' src/base/version.ts)

verbatim() { # lines as they are, in roff
	printf '.nf\n'
	sed -e 's/\\/\\e/g' -e 's/-/\\-/g' -e "s/^[.']/\\\\\&&/" "$1"
	printf '.fi\n'
}

cat <<ROFF
.TH LRKPROXY 8 "" "lrkproxy $version" "System Administration"
.SH NAME
lrkproxy \- relay RTP for Kamailio's lrkproxy module inside the Linux kernel
.SH SYNOPSIS
.B lrkproxy
.RI [ command ]
.RI [ options ]
.SH DESCRIPTION
ROFF
verbatim tests/golden/help/lrkproxy.txt
echo '.SH COMMANDS'
for help in tests/golden/help/*.txt; do
	command=$(basename "$help" .txt)
	[[ $command != lrkproxy ]] || continue
	printf '.SS %s\n' "${command//-/\\-}"
	verbatim "$help"
done
file() { # PATH WHAT
	printf '.TP\n.I %s\n%s\n' "${1//-/\\-}" "$2"
}

cat <<'ROFF'
.SH FILES
.TP
.I /etc/lrkproxy/lrkproxy.ini
The configuration.
.TP
.I /etc/sysctl.d/60\-lrkproxy.conf
Kernel settings for the addresses and ports of the configuration.
ROFF
file "$documents/README.md" 'What it is, the first configuration, kamailio.cfg.'
file "$documents/OPERATIONS.md" 'Sizing, firewall, NAT, restart, failure modes, metrics.'
file "$documents/PROTOCOL.md" 'What Kamailio and the daemon say to each other.'
file "$documents/KMOD.md" 'The kernel module: build, Secure Boot, interface.'
file "$documents/examples/kamailio.cfg" 'A complete configuration of Kamailio.'
file "$documents/examples/lrkproxy.cfg" 'What of it any kamailio.cfg needs for media.'
file "$documents/grafana/lrkproxy.json" 'A dashboard of the metrics.'
file "$documents/alerts/lrkproxy.rules.yml" 'Alert rules for Prometheus.'
cat <<'ROFF'
.SH SEE ALSO
.BR nft (8),
.BR kamailio (8)
ROFF
