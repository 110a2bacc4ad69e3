#!/bin/bash
# What an installation makes on a machine besides its files: user, configuration, sysctls. Sourced
# by install.sh after guess.sh, and put into the package's scripts; needs say() and `program`.
# shellcheck disable=SC2154  # program: the lrkproxy to ask

config_path=/etc/lrkproxy/lrkproxy.ini
legacy_config_path=/etc/pylrkproxy/pylrkproxy.ini
sysctl_path=/etc/sysctl.d/60-lrkproxy.conf
# What an uninstallation has to know.
state_dir=/var/lib/lrkproxy

make_user() {
	if ! getent passwd lrkproxy >/dev/null && command -v systemd-sysusers >/dev/null; then
		systemd-sysusers "$1"
	elif ! getent passwd lrkproxy >/dev/null; then
		getent group lrkproxy >/dev/null || groupadd --system lrkproxy
		useradd --system --gid lrkproxy --home-dir / --no-create-home --shell /usr/sbin/nologin \
			--comment 'lrkproxy RTP relay' lrkproxy
	fi
}

remove_user() {
	getent passwd lrkproxy >/dev/null && userdel lrkproxy
	getent group lrkproxy >/dev/null && groupdel lrkproxy
	return 0
}

addresses() { ip -o -4 address show scope global; }

# make_config SAMPLE: unless there is a configuration.
make_config() {
	local guess='' new=$config_path.new
	mkdir -p "${config_path%/*}"
	if [[ -e $config_path ]]; then
		say "$config_path is kept as it is"
		return
	fi
	if [[ -e $legacy_config_path ]]; then
		say "Importing $legacy_config_path; it stays where it is"
		{ echo "# Imported from $legacy_config_path by the installation of lrkproxy, word for word."
			cat "$legacy_config_path"; } >"$new"
	else
		guess=$(guess_addresses "$(addresses)" "$(ip -4 route show default)")
		fill_sample "$1" "${guess% *}" "${guess#* }" >"$new"
	fi
	chown root:lrkproxy "$new"
	chmod 640 "$new"
	sha256sum <"$new" >"$state_dir/config.sha256"
	mv "$new" "$config_path"
}

# fill_sample SAMPLE INTERNAL EXTERNAL: the sample, with the addresses if they are known.
fill_sample() {
	if [[ -z $2 ]]; then
		say "Which addresses carry media? Set internal_ip and external_ip in $config_path" >&2
		cat "$1"
		return
	fi
	say "Guessed from the routing table: internal_ip = $2, external_ip = $3 (in $config_path)" >&2
	# Further down the sample has both once more, in an [instance].
	sed -e "0,/^internal_ip = /s/^internal_ip = .*/internal_ip = $2/" \
		-e "0,/^;external_ip = /s/^;external_ip = .*/external_ip = $3/" "$1"
}

# is_config_untouched: nobody has edited it since it was made.
is_config_untouched() {
	[[ -e $config_path && -e $state_dir/config.sha256 ]] &&
		[[ $(sha256sum <"$config_path") == "$(<"$state_dir/config.sha256")" ]]
}

# has_media_address: one of the configured local addresses is on this machine.
has_media_address() {
	[[ -n $(interfaces_of "$("$program" check-config)" "$(addresses)") ]]
}

# Keys of settings are written with slashes here: the name of an interface may have dots in it.
read_sysctl() { cat "/proc/sys/$1" 2>/dev/null || true; }
write_sysctl() { printf '%s\n' "$2" >"/proc/sys/$1"; } 2>/dev/null

# recorded FILE: what an earlier run wrote down. Of settings: KEY, what it was made, what it was before.
recorded() { cat "$state_dir/$1" 2>/dev/null || true; }
recorded_sysctl() { awk -F '\t' -v key="$1" '$1 == key { print $3 }' <<<"$(recorded sysctls)"; }
is_recorded() { grep -qs "^$1"$'\t' "$state_dir/sysctls"; }

# sysctl_settings CHECKED: "KEY VALUE", a line each; of the media interfaces what the daemon sets too.
sysctl_settings() {
	local device conf reserved=net/ipv4/ip_local_reserved_ports
	echo "net/ipv4/ip_forward 1"
	echo "$reserved $(port_set "$(read_sysctl $reserved)" "$(recorded relay_ports)" \
		"$(recorded_sysctl $reserved),$(relay_ports "$1")")"
	for device in $(interfaces_of "$1" "$(addresses)"); do
		conf=net/ipv4/conf/$device
		printf '%s\n' "$conf/forwarding 1" "$conf/accept_local 1" "$conf/send_redirects 0"
		# Strict filtering drops what is relayed. Of 0 and 2 nothing has to change.
		[[ $(read_sysctl net/ipv4/conf/all/rp_filter)$(read_sysctl "$conf/rp_filter") != *1* &&
			$(recorded_sysctl "$conf/rp_filter") != 1 ]] || echo "$conf/rp_filter 2"
	done
}

# make_sysctls: for this configuration on this machine, now and at each boot. What only an earlier
# configuration needed is set back.
make_sysctls() {
	local checked settings key value ours before failed='' record=''
	checked=$("$program" check-config)
	settings=$(sysctl_settings "$checked")
	while read -r key value; do
		before=$(if is_recorded "$key"; then recorded_sysctl "$key"; else read_sysctl "$key"; fi)
		record+="$key"$'\t'"$value"$'\t'"$before"$'\n'
	done <<<"$settings"
	while IFS=$'\t' read -r key ours before; do
		[[ -z $key || $record == *"$key"$'\t'* ]] || set_back "$key" "$ours" "$before"
	done <<<"$(recorded sysctls)"
	printf '%s' "$record" >"$state_dir/sysctls"
	relay_ports "$checked" >"$state_dir/relay_ports"
	mkdir -p "${sysctl_path%/*}"
	{
		echo "# For the addresses and ports of $config_path; made anew by each installation of lrkproxy."
		sysctl_lines "$settings"
	} >"$sysctl_path"
	while read -r key value; do
		[[ $(read_sysctl "$key") == "$value" ]] || write_sysctl "$key" "$value" || failed+=" $key"
	done <<<"$settings"
	[[ -z $failed ]] || say "Cannot be set here, only at the next boot of a machine:$failed"
}

# set_back KEY OURS BEFORE: unless somebody else has changed it since. Of ports, only ours are freed.
set_back() {
	local live before=$3
	live=$(read_sysctl "$1")
	if [[ $1 == */ip_local_reserved_ports ]]; then
		before=$(port_set "$live" "$(recorded relay_ports)" "$3")
	elif [[ $live != "$2" ]]; then
		return
	fi
	[[ $live == "$before" ]] || write_sysctl "$1" "$before" || say "Cannot be set back: $1"
}

restore_sysctls() {
	local key ours before
	[[ -e $state_dir/sysctls ]] || return 0
	while IFS=$'\t' read -r key ours before; do
		set_back "$key" "$ours" "$before"
	done <"$state_dir/sysctls"
	rm -f "$sysctl_path" "$state_dir/sysctls" "$state_dir/relay_ports"
}

# remove_table: the kernel's, unless it may belong to the machine around this chroot.
remove_table() {
	! ischroot && command -v nft >/dev/null || return 0
	! nft list table ip lrkproxy >/dev/null 2>&1 || nft delete table ip lrkproxy
}

# end_calls: of a running daemon, and the daemon.
end_calls() {
	! "$program" status >/dev/null 2>&1 || "$program" stop --drop
}

# forget_machine PURGE: user, run-time folders, record and, unless somebody edited it, configuration.
forget_machine() {
	if [[ $1 == yes ]] || is_config_untouched; then
		rm -f "$config_path"
	elif [[ -e $config_path ]]; then
		say "$config_path stays, since it was edited: --purge removes it"
		chown root:root "$config_path"
	fi
	[[ ! -d ${config_path%/*} ]] || rmdir --ignore-fail-on-non-empty "${config_path%/*}"
	rm -rf /run/lrkproxy /var/cache/lrkproxy /var/log/lrkproxy "$state_dir"
	# Root does not run what the service's user has unpacked, and has a cache of its own.
	rm -rf /root/.cache/lrkproxy/{lock,runtime-*}
	[[ ! -d /root/.cache/lrkproxy ]] || rmdir --ignore-fail-on-non-empty /root/.cache/lrkproxy
	[[ ! -d /root/.cache ]] || rmdir --ignore-fail-on-non-empty /root/.cache
	remove_user
}
