#!/bin/bash
# dist/lrkproxy_VERSION_ARCHITECTURE.deb from dist/lrkproxy: the files of install.sh below /usr.
# With the same SOURCE_DATE_EPOCH (default: the last commit) and dist/lrkproxy, the same bytes.
set -euo pipefail
cd "$(dirname "$0")/../.."
source_dir=$PWD prefix=/usr
binary=${BINARY:-$PWD/dist/lrkproxy}
# shellcheck source=../install/files.sh
. tools/install/files.sh
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)}
export SOURCE_DATE_EPOCH
umask 022

version=$(project_version)
architecture=$(dpkg --print-architecture)
maintainer=${DEB_MAINTAINER:-$(git log -1 --format='%an <%ae>' 2>/dev/null || true)}
maintainer=${maintainer:-lrkproxy maintainers <root@$(hostname -f)>}
package=dist/lrkproxy_${version}_$architecture.deb

[[ -x $binary ]] || { echo "tools/deb/build.sh: there is no $binary: run tools/build.sh first" >&2; exit 1; }

# The oldest C library that the runtime inside knows all its symbols of.
libc_version() {
	grep -aoh 'GLIBC_2\.[0-9]*' tools/deno/node_modules/@deno/linux-*/deno | sort -uV | tail -n 1 | sed 's/GLIBC_//'
}

control() {
	cat <<CONTROL
Package: lrkproxy
Version: $version
Architecture: $architecture
Maintainer: $maintainer
Section: net
Priority: optional
Installed-Size: $(du -sk --apparent-size --exclude=DEBIAN "$root" | cut -f 1)
Depends: libc6 (>= $(libc_version)), libgcc-s1, nftables, iproute2, procps, passwd
Suggests: dkms
Enhances: kamailio
Description: RTP relay in the kernel for Kamailio's lrkproxy module
 Relays the RTP and RTCP of SIP calls inside the Linux kernel, with stateless
 nftables rules, on the commands of Kamailio. It neither transcodes nor inspects
 media. Calls outlive a restart of the daemon.
 .
 The source of a kernel module for high rates is included. It is built where
 dkms and the headers of the kernel are installed.
CONTROL
}

changelog() {
	printf 'lrkproxy (%s) stable; urgency=medium\n\n' "$version"
	printf '  * See CHANGELOG.md of the source, or the documentation of this package.\n\n'
	printf ' -- %s  %s\n' "$maintainer" "$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")"
}

# A maintainer script: the functions that install.sh uses too, then what is its own.
script() {
	printf '#!/bin/bash\nset -e\nprogram=/usr/bin/lrkproxy\nversion=%s\nsay() { echo "lrkproxy: $*"; }\n\n' "$version"
	sed -e '/^#!/d' -e '/^# shellcheck/d' tools/install/guess.sh tools/install/machine.sh tools/install/module.sh
	sed -e '/^#/d' "tools/deb/$1"
}

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
stage_files "$root"
stage_module "$root/usr/src/lrkproxy-$version"
gzip -9n "$root/usr/share/man/man8/lrkproxy.8"
doc=$root/usr/share/doc/lrkproxy
install -m 644 tools/deb/copyright "$doc/copyright"
changelog | gzip -9n >"$doc/changelog.gz"
install -D -m 644 tools/deb/lintian-overrides "$root/usr/share/lintian/overrides/lrkproxy"

mkdir "$root/DEBIAN"
control >"$root/DEBIAN/control"
(cd "$root" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
for name in preinst postinst prerm postrm; do
	script "$name" >"$root/DEBIAN/$name"
	chmod 755 "$root/DEBIAN/$name"
done
chmod 755 "$root"
find "$root" -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +
# What is inside is compressed already.
dpkg-deb --root-owner-group -Zgzip -z1 --build "$root" "$package" >/dev/null
echo "$package"
