#!/bin/bash
# The service under systemd: sourced by install.sh.
# shellcheck disable=SC2154  # program: the lrkproxy to ask

has_systemd() { [[ -d /run/systemd/system ]]; }

is_active() { has_systemd && systemctl --quiet is-active lrkproxy.service; }

# enable_service: also where systemd is installed but does not run, for the next boot.
enable_service() {
	! has_systemd || systemctl daemon-reload
	! command -v systemctl >/dev/null || systemctl --quiet enable lrkproxy.service
}

# restart_service: returns when the daemon has said that it is ready, or why it has not.
restart_service() {
	systemctl restart lrkproxy.service && running_version >/dev/null && return
	say "The service does not start; the journal's last lines:" >&2
	journalctl --unit lrkproxy.service --lines 20 --no-pager >&2
	return 1
}

# running_version: of the daemon that answers.
running_version() { version_in "$("$program" status --json)"; }
version_in() { grep -o '"version":"[^"]*"' <<<"$1" | head -n 1; }

# is_new_running: the daemon that answers is of the version that was installed.
is_new_running() {
	local running
	running=$(running_version) || return
	[[ $running == "$(version_in "$("$program" version --json)")" ]]
}
