#!/usr/bin/env bash
# test/setup.sh [tests]: what a machine needs before anything can be built or tested
#
# Installs what is missing with apt-get where that is possible and says so;
# elsewhere it prints what is needed.  Before tests also what some of them would
# be skipped without, where that comes by itself.  Then builds and installs the extension
# for the server of $PG_CONFIG.  No cluster of the system is made or touched.

set -u
cd "$(dirname "$0")/.." || exit 1
PG_CONFIG=${PG_CONFIG:-pg_config}

# missing: the Debian packages that this machine lacks, one per line
missing()
{
    local major
    command -v gcc >/dev/null || echo gcc
    [ -e /usr/include/stdio.h ] || echo libc6-dev
    command -v prove >/dev/null || echo perl
    perl -MIPC::Run -e1 2>/dev/null || echo libipc-run-perl
    perl -MTest::More -e1 2>/dev/null || echo perl
    command -v setpriv >/dev/null || echo util-linux
    command -v git >/dev/null || echo git
    [ -n "$(header git2.h)" ] || echo libgit2-dev
    [ -n "$(header jansson.h)" ] || echo libjansson-dev
    [ -n "$(header libpq-fe.h "-I$("$PG_CONFIG" --includedir 2>/dev/null)")" ] || echo libpq-dev
    major=$("$PG_CONFIG" --version 2>/dev/null | sed -n 's/^PostgreSQL \([0-9]*\).*/\1/p')
    [ -n "$major" ] || major=$(apt-cache depends postgresql 2>/dev/null |
        sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p' | head -n 1)
    [ -x "$("$PG_CONFIG" --bindir 2>/dev/null)/postgres" ] || echo "postgresql-${major:-15}"
    [ -e "$("$PG_CONFIG" --includedir-server 2>/dev/null)/postgres.h" ] &&
        [ -e "$("$PG_CONFIG" --pgxs 2>/dev/null)" ] || echo "postgresql-server-dev-${major:-15}"
}

# wished: the small packages without which some tests are skipped, one per line
wished()
{
    command -v zsh >/dev/null || echo zsh
    command -v groff >/dev/null || echo groff-base
}

# header NAME [OPTION]: says yes if the compiler finds it
header()
{
    echo "#include <$1>" | "${CC:-cc}" ${2:+"$2"} -E - >/dev/null 2>&1 && echo yes
}

# as_root COMMAND...: directly, or by sudo where it asks nothing
as_root()
{
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

can_be_root()
{
    [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null
}

install_packages()
{
    local quiet=/etc/postgresql-common/createcluster.d/dbmaestro-setup.conf
    echo "This machine lacks: $*"
    if ! command -v apt-get >/dev/null; then
        cat <<-'NEEDED'
		Please install by the means of your system, then call make again:
		  PostgreSQL 15 to 18: server, client programs, server headers and PGXS, pg_regress
		  gcc, GNU make, git, perl with Test::More, prove and IPC::Run
		  libpq, libgit2 and jansson with their headers, for the command line
		and name the right pg_config: make PG_CONFIG=/path/to/pg_config ...
		NEEDED
        exit 1
    fi
    if ! can_be_root; then
        echo "Please run as root: apt-get install $*"
        exit 1
    fi
    echo "Installing with apt-get (packages only; no cluster is created or started)"
    # a fresh postgresql package makes and starts a cluster of its own unless told not to
    if ! [ -d /etc/postgresql-common ]; then
        as_root mkdir -p "$(dirname "$quiet")"
        echo "create_main_cluster = false" | as_root tee "$quiet" >/dev/null
    fi
    apt_install "$@" || { as_root apt-get -q update && apt_install "$@"; } || exit 1
    as_root rm -f "$quiet"
    [ -z "$(missing)" ] || { echo "Still missing: $(missing | sort -u | xargs)"; exit 1; }
}

# install_wished PACKAGE...: if that is not to be, the tests say what was skipped
install_wished()
{
    command -v apt-get >/dev/null && can_be_root || return
    echo "Installing with apt-get, for some of the tests: $*"
    as_root env DEBIAN_FRONTEND=noninteractive timeout 60 apt-get -q -y --no-install-recommends \
        -o Acquire::Retries=0 -o Acquire::http::Timeout=10 install "$@" >"$log" 2>&1 ||
        echo "Not installed: $(grep -m 1 '^E:' "$log")"
}

apt_install()
{
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install "$@" \
        >"$log" 2>&1 || { tail -n 5 "$log"; return 1; }
}

# up_to_date: is what is installed what has been built?
up_to_date()
{
    local sql
    sql=$(echo extension/dbmaestro--*.sql)
    cmp -s dbmaestro.so "$("$PG_CONFIG" --pkglibdir)/dbmaestro.so" &&
        cmp -s cli/dbmaestro "$("$PG_CONFIG" --bindir)/dbmaestro" &&
        cmp -s "$sql" "$("$PG_CONFIG" --sharedir)/$sql"
}

build_and_install()
{
    make -s -j2 all || exit 1
    if [ -w "$("$PG_CONFIG" --pkglibdir)" ] && [ -w "$("$PG_CONFIG" --sharedir)/extension" ] &&
        [ -w "$("$PG_CONFIG" --bindir)" ]; then
        make -s install >"$log" 2>&1 || { cat "$log"; exit 1; }
    elif can_be_root; then
        as_root make -s install "PG_CONFIG=$PG_CONFIG" >"$log" 2>&1 || { cat "$log"; exit 1; }
    else
        up_to_date && return
        echo "Built.  Please run as root: make install PG_CONFIG=$PG_CONFIG, then call make again"
        exit 1
    fi
}

log=$(mktemp) && trap 'rm -f "$log"' EXIT
packages=$(missing | sort -u)
# shellcheck disable=SC2086
[ -z "$packages" ] || install_packages $packages
packages=
[ "${1:-}" != tests ] || packages=$(wished)
# shellcheck disable=SC2086
[ -z "$packages" ] || install_wished $packages
build_and_install
