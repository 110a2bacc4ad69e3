#!/bin/bash
# machine.sh ROOT FOLDER CASES: in namespaces of its own, becomes a fresh machine of that root in the cache
# and runs CASES in it. Started by run.sh, which connects tap0.
. "$(dirname "$0")/../acceptance/lib.sh"
base=$CACHE/$1 folder=$2 root=$2/root cases=$3

# A machine that nobody has set up, on one whose settings somebody has turned upside down.
disturb_settings
set_kernel_defaults
touch "$folder/network"

# Nothing of this outlives the machine, so nothing needs to reach a disk.
mount -t overlay -o "volatile,lowerdir=$base,upperdir=$folder/upper,workdir=$folder/work" machine "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
# Whether the running kernel has the module is no business of this machine's, and it may not change that.
mount -t tmpfs tmpfs "$root/sys/module"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
	touch "$root/dev/$device"
	mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"

# A machine between two networks.
has_address() { ip -4 address show dev tap0 2>/dev/null | grep -q inet; }
wait_for 10 'the way out' has_address
ip link set lo up
ip link add inside type veth peer name phones
ip address add 10.77.0.1/24 dev inside
ip link set inside up
ip link set phones up

# How this machine reaches the registries.
cp /etc/resolv.conf "$folder/resolv.conf"
sed -i '/^nameserver/d' "$folder/resolv.conf"
echo 'nameserver 10.0.2.3' >>"$folder/resolv.conf"
cp --remove-destination "$folder/resolv.conf" "$root/etc/resolv.conf"
apt-config dump | grep -E '^Acquire::(http|https|Check|Retries)' >"$root/etc/apt/apt.conf.d/00registry" || true
[[ ! -e ~/.npmrc ]] || cp ~/.npmrc "$root/root/.npmrc"
cp /etc/ssl/certs/ca-certificates.crt "$root/run/certificates.pem"
passed_on=()
while IFS= read -r variable; do
	passed_on+=("$variable=${!variable}")
done < <(compgen -e | grep -iE '^(https?|no|all)_proxy$|^npm_config_registry$')

source=$root/root/lrkproxy
mkdir -p "$source"
(cd "$TOP" && git ls-files -z --cached --others --exclude-standard | tar -c --null --files-from=- --ignore-failed-read) | tar -x -C "$source"
# Compressing the same runtime again would take most of the time.
mkdir -p "$source/dist/.build"
cp "$TOP"/dist/.build/*.zst "$source/dist/.build/" 2>/dev/null || true
cp "$TOP"/dist/lrkproxy_*.deb "$root/root/lrkproxy.deb"
cp "$TOP/dist/lrkproxy" "$root/root/built"

exec setpriv --bounding-set=-sys_module chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
	LANG=C.UTF-8 npm_config_cafile=/run/certificates.pem NODE_EXTRA_CA_CERTS=/run/certificates.pem \
	"${passed_on[@]}" bash "/root/lrkproxy/tests/install/$cases"
