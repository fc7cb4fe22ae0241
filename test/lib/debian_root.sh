# test/lib/debian_root.sh: a folder with another Debian release in it (sourced)
#
# The packages come through apt from the mirror that this machine uses already,
# under a private apt configuration, and are only unpacked: no maintainer script
# runs and nothing of the machine changes.  Commands run in it by chroot in
# namespaces of their own, so that mounts and processes end with them.

debian_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# debian_mirror: where this machine gets Debian's packages from
debian_mirror()
{
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        sed -n 's/^Debian|Debian|//p' | head -n 1
}

# debian_apt DIR LINE: sets the array apt to apt-get with a configuration, lists
# and a (empty) state of its own in DIR, and LINE as the only source
debian_apt()
{
    mkdir -p "$1/apt/lists/partial" "$1/apt/cache/archives/partial" "$1/apt/preferences.d"
    : >"$1/apt/status"
    echo "$2" >"$1/apt/sources.list"
    apt=(apt-get -q -y -o "Dir::Etc=$1/apt" -o "Dir::Etc::sourcelist=$1/apt/sources.list"
        -o "Dir::Etc::sourceparts=-" -o "Dir::State::lists=$1/apt/lists"
        -o "Dir::State::status=$1/apt/status" -o "Dir::Cache=$1/apt/cache"
        -o "APT::Sandbox::User=root" -o "APT::Install-Recommends=false")
}

# debian_root DIR SUITE PACKAGE...: makes the folder; says why where it cannot
debian_root()
{
    local dir=$1 suite=$2 mirror
    shift 2
    # a folder that was made of other packages is made anew
    [ "$(cat "$dir/complete" 2>/dev/null)" = "$suite $*" ] && return 0
    [ "$(id -u)" = 0 ] || { echo "needs root for chroot"; return 1; }
    mirror=$(debian_mirror)
    [ -n "$mirror" ] || { echo "this machine has no Debian mirror among its apt sources"; return 1; }
    rm -rf "$dir"
    debian_apt "$dir" "deb [signed-by=$debian_keyring] $mirror $suite main"
    "${apt[@]}" update >"$dir/apt.log" 2>&1 || { echo "no suite $suite: $(tail -n 1 "$dir/apt.log")"; return 1; }
    debian_download "$dir" "$@" >>"$dir/apt.log" 2>&1 ||
        { echo "suite $suite does not have it: $(grep -m 1 '^E:' "$dir/apt.log")"; return 1; }
    debian_unpack "$dir" >>"$dir/apt.log" 2>&1 || { echo "could not unpack, see $dir/apt.log"; return 1; }
    rm -rf "$dir/apt/cache" "$dir/apt/lists"
    echo "$suite $*" >"$dir/complete"
}

# debian_download DIR PACKAGE...: the packages, the essential ones and what they need, but for the
# compiler of the JIT, which is most of the bytes and not used here
debian_download()
{
    local dir=$1 names
    shift
    names=$("${apt[@]}" --print-uris install '?essential' "$@" |
        sed -nE "s/^'[^']*' ([a-z0-9.+-]+)_[^ ]*\.deb .*/\1/p" | grep -vE '^(lib)?(llvm|clang)|-jit$')
    [ -n "$names" ] || return 1
    # shellcheck disable=SC2086
    (cd "$dir/apt/cache/archives" && "${apt[@]}" download $names)
}

debian_unpack()
{
    local dir=$1 root=$1/os deb name
    mkdir -p "$root"/usr/{bin,sbin,lib,lib64} "$root"/{etc,proc,dev,tmp,sys}
    for name in bin sbin lib lib64; do
        ln -s "usr/$name" "$root/$name"
    done
    for deb in "$dir"/apt/cache/archives/*.deb; do
        dpkg-deb --fsys-tarfile "$deb" | tar -xf - --keep-directory-symlink -C "$root" || return 1
    done
    # what maintainer scripts would have made, as far as we need it
    echo 'root:x:0:0:root:/root:/bin/bash
postgres:x:999:999::/tmp:/bin/bash' >"$root/etc/passwd"
    echo 'root:x:0:
postgres:x:999:' >"$root/etc/group"
    [ -e "$root/usr/bin/awk" ] || ln -s mawk "$root/usr/bin/awk"
    chroot "$root" /sbin/ldconfig
}

# debian_run DIR SHARED COMMAND...: in the folder, as its root, with the directory SHARED as /shared
debian_run()
{
    local root=$1/os shared=$2
    shift 2
    mkdir -p "$root/shared"
    # shellcheck disable=SC2016
    unshare --mount --pid --fork --kill-child bash -c '
        mount --make-rprivate / && mount --rbind /dev "$0/dev" && mount -t proc proc "$0/proc" &&
        mount -t tmpfs tmpfs "$0/tmp" || exit 1
        [ ! -d "$1" ] || mount --bind "$1" "$0/shared" || exit 1
        shift
        exec chroot "$0" /usr/bin/env -i HOME=/tmp PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C "$@"' "$root" "$shared" "$@"
}
