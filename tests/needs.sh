# shellcheck shell=sh
# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# What the tests need of the machine: tests/run reads this file and calls its functions.
# Packages are installed where that can be done without a question, by root or by sudo without a password.

say() { echo "tests/run: $*" >&2; }
die() { say "$*"; exit 1; }
works() { "$@" >/dev/null 2>&1; }
recent() { works "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

can_install() {
    works command -v apt-get && works as_root true
}

# A package that brings a service must not start it: it would take port 69 from the machine's own server.
apt_install() {
    say "installing $*"
    # shellcheck disable=SC2016  # that shell expands it, not this one
    as_root env DEBIAN_FRONTEND=noninteractive sh -ec '
        policy=/usr/sbin/policy-rc.d
        if [ ! -e "$policy" ]; then
            trap "rm -f $policy" EXIT
            printf "#!/bin/sh\nexit 101\n" > "$policy"
            chmod +x "$policy"
        fi
        install() { apt-get install -qq -y --no-install-recommends "$@" >/dev/null; }
        install "$@" 2>/dev/null || { apt-get update -qq; install "$@"; }
        case " $* " in *" tftpd-hpa "*) update-rc.d tftpd-hpa disable >/dev/null 2>&1 || true ;; esac
    ' sh "$@" </dev/null
}

# pyenv's shims stand in front of the interpreters and refuse all but the chosen one. Look behind them.
find_interpreters() {
    behind=
    for folder in $(printf %s "$PATH" | tr : '\n' | grep '/shims$' | sed 's,/shims$,,') "${PYENV_ROOT:-${HOME:-}/.pyenv}"; do
        for bin in "$folder"/versions/3.*/bin; do
            [ -d "$bin" ] && behind=$behind:$bin
        done
    done
    PATH=$(printf %s "$PATH" | tr : '\n' | grep -v '/shims$' | paste -sd :)$behind:/usr/sbin:/sbin
    export PATH
}

# .venv, in which nox runs.
make_environment() {
    if recent .venv/bin/python && works .venv/bin/python -m pip --version; then return; fi
    for python in python3 python3.13 python3.12 python3.11 none; do
        recent "$python" && break
    done
    [ "$python" != none ] || die "needs Python 3.11 or later, found $(python3 --version 2>&1 || true)"
    if works "$python" -m venv --clear .venv; then return; fi
    # Debian keeps a part of venv in a package of its own.
    if can_install; then apt_install python3-venv || true; fi
    works "$python" -m venv --clear .venv || {
        works "$python" -m virtualenv --version ||
            works "$python" -m pip install --user virtualenv ||
            works "$python" -m pip install --user --break-system-packages virtualenv ||
            die "$python cannot make a virtual environment: install python3-venv or virtualenv"
        "$python" -m virtualenv -q --clear .venv
    }
}

# Of pairs command:package, the packages whose command is not there.
lacking() {
    for need in "$@"; do
        works command -v "${need%%:*}" || printf ' %s' "${need#*:}"
    done
}

need_servers() {
    packages=$(lacking in.tftpd:tftpd-hpa dnsmasq:dnsmasq-base)
    # shellcheck disable=SC2086
    if [ -n "$packages" ] && ! { can_install && apt_install $packages; }; then
        say "the tests that use a real TFTP server need: apt-get install$packages"
    fi
}

# For single tests, which say what they miss.
need_tools() {
    tools="ip:iproute2 nft:nftables mkfs.ext4:e2fsprogs mkfs.xfs:xfsprogs xfs_io:xfsprogs chromium:chromium"
    tools="$tools dhcpd:isc-dhcp-server kea-dhcp4:kea-dhcp4-server sshd:openssh-server ssh:openssh-client sudo:sudo"
    # shellcheck disable=SC2086
    for package in $(lacking $tools | tr " " "\n" | sort -u); do
        { can_install && apt_install "$package"; } || say "some tests need: apt-get install $package"
    done
}

# Its package and that of tftpd-hpa exclude each other. It is unpacked, not installed.
need_atftpd() {
    if works command -v atftpd; then return; fi
    atftpd=.nox/.atftpd/usr/sbin/atftpd
    if ! [ -x "$atftpd" ] && works command -v apt-get && works command -v dpkg-deb; then
        say "fetching atftpd"
        mkdir -p .nox/.atftpd
        fetch() { (cd .nox/.atftpd && apt-get download -qq atftpd >/dev/null 2>&1); }
        fetch || { can_install && works as_root apt-get update -qq && fetch; } || true
        works dpkg-deb -x .nox/.atftpd/atftpd_*.deb .nox/.atftpd || say "the tests of atftpd's log need: apt-get download atftpd"
        # libwrap0 came with tftpd-hpa.
        if ldd "$atftpd" 2>/dev/null | grep -q 'libpcre2-8.*not found' && can_install; then apt_install libpcre2-8-0 || true; fi
    fi
    if [ -x "$atftpd" ]; then export CISCO79XX_ATFTPD="$PWD/$atftpd"; fi
}
