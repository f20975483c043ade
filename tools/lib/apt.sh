# SPDX-License-Identifier: MIT
# apt.sh - installs Debian packages, only those that are missing. Sourced.
#
#   need_packages NAME...   returns when all are installed; ends the script
#                           with status 2 and a plain message when it cannot

is_installed() {
    case $(dpkg-query -W -f '${Status}' "$1" 2>/dev/null) in
    *' installed') return 0 ;;
    esac
    return 1
}

# A package that apt can install now; false too when the lists are absent.
is_known() {
    apt-cache --names-only policy "$1" 2>/dev/null | grep -q '^  Candidate: [^(]'
}

# RUNLEVEL=1: what a test wants to run itself is not started as a service.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 LC_ALL=C.UTF-8 "$@" </dev/null
    else
        sudo env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 LC_ALL=C.UTF-8 "$@"
    fi
}

refresh_lists() {
    echo "Refreshing the package lists" >&2
    as_root apt-get -qq update >&2
}

install_now() {
    as_root apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 install "$@" >&2
}

need_packages() {
    missing=
    for package in "$@"; do
        is_installed "$package" || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "This is no Debian: there is no apt-get. Install what these Debian packages" >&2
        echo "hold, then build with meson as CONTRIBUTING.md says:$missing" >&2
        exit 2
    fi
    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null 2>&1; then
        echo "These packages are missing, and only root can install them. As root, run:" >&2
        echo "    apt-get install --no-install-recommends$missing" >&2
        exit 2
    fi
    echo "Installing:$missing" >&2
    for package in $missing; do
        is_known "$package" || { refresh_lists; break; }
    done
    # A list that is older than the mirror names files that are gone: once more.
    # shellcheck disable=SC2086  # one word for each package
    install_now $missing || { refresh_lists && install_now $missing; } || {
        echo "apt-get could not install:$missing" >&2
        exit 2
    }
}
