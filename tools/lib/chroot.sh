# Debian chroots that bring another version of PostgreSQL. Sourced after common.sh. They are cached in BASTION_CHROOTS,
# keyed by suite and by the hash of this file and the list of packages, and may be removed at any time. Packages come from the archive that this
# machine's own apt uses. No mounts are needed.

chroots=${BASTION_CHROOTS:-/var/tmp/pg_bastion-chroots}

chroot_suite() {
    case $1 in
        15) echo bookworm ;;
        17) echo trixie ;;
        18) echo forky ;;
        *) die "no Debian suite brings PostgreSQL $1; one of 15, 17 and 18" ;;
    esac
}

# The packages that go into it, with commas.
chroot_packages() {
    # shellcheck disable=SC2046 # lists of names
    printf '%s,' $(build_packages "$1") $(pgtap_packages "$1") $(example_packages "$1" $(example_names)) | sed 's/,$//'
}

chroot_folder() {
    echo "$chroots/$(chroot_suite "$1")-$({ cat "$checkout/tools/lib/chroot.sh"; chroot_packages "$1"; } | sha256sum | cut -c1-12)"
}

# The archive of the machine's own sources: Debian's, and neither its security nor its updates archive.
debian_archive() {
    local archive
    archive=$(apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Identifier: Packages' 2>/dev/null |
        sed -n '/^Debian http/{s/^Debian //p;q}')
    [ -n "$archive" ] || archive=$(sed -nE 's/^(URIs:|deb) +(\[.*\] +)?(http[^ ]*debian\/?)( .*)?$/\3/p' \
        /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null | head -1)
    printf '%s' "$archive"
}

# The server's development package depends on clang and llvm for bitcode, 1 GB that a build without bitcode never uses.
# One empty package stands in for every version of them.
make_llvm_stub() {
    local folder=$1 version provides=
    for version in $(seq 14 30); do
        provides+="${provides:+, }clang-$version (= 99:0), llvm-$version-dev (= 99:0)"
    done
    mkdir -p "$folder/stub/DEBIAN"
    cat >"$folder/stub/DEBIAN/control" <<CONTROL
Package: no-llvm
Version: 99:0
Architecture: all
Maintainer: nobody <nobody@localhost>
Provides: $provides
Description: stands in for clang and llvm
CONTROL
    dpkg-deb -b "$folder/stub" "$folder/no-llvm.deb" >/dev/null
}

# Makes the chroot of a version unless it exists. Prints the reason and fails when the packages are not available.
chroot_make() {
    local wanted=$1 root work archive packages
    root=$(chroot_folder "$wanted")
    [ ! -d "$root" ] || return 0
    archive=$(debian_archive)
    [ -n "$archive" ] || { say "no Debian archive among this machine's package sources"; return 1; }
    as_root mkdir -p "$chroots"
    work=$(as_root mktemp -d "$chroots/new.XXXXXX")
    [ "$(id -u)" = 0 ] || as_root chown "$(id -u)" "$work"
    make_llvm_stub "$work"
    packages=$(chroot_packages "$wanted")
    say "making a chroot of $(chroot_suite "$wanted") with PostgreSQL $wanted"
    # The Release file of an unreleased suite may be past its Valid-Until.
    if ! as_root mmdebstrap --mode=root --variant=minbase --dpkgopt=force-unsafe-io \
        --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Apt::Install-Recommends "false"' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        --dpkgopt='path-exclude=/usr/share/man/*' \
        --essential-hook='mkdir -p "$1/etc/postgresql-common"' \
        --essential-hook='echo "create_main_cluster = false" >"$1/etc/postgresql-common/createcluster.conf"' \
        --essential-hook="copy-in $work/no-llvm.deb /tmp" --essential-hook='chroot "$1" dpkg -i /tmp/no-llvm.deb' \
        --include="$packages" \
        "$(chroot_suite "$wanted")" "$work/root" "$archive" >"$work/log" 2>&1; then
        tail -5 "$work/log"
        as_root rm -rf "$work"
        return 1
    fi
    as_root mv -T "$work/root" "$root" 2>/dev/null || true # another run was first
    as_root rm -rf "$work"
}

# chroot_test VERSION LAYER...: runs tools/test on a copy of the checkout inside the chroot.
chroot_test() {
    local root copy=$state-chroot-$1 inside
    root=$(chroot_folder "$1")
    inside=/var/tmp/checkout-$(printf '%s' "$copy" | sha256sum | cut -c1-12)
    shift
    lock_folder "$copy"
    copy_checkout "$copy/checkout"
    as_root rm -rf "$root$inside"
    as_root cp -a "$copy/checkout" "$root$inside"
    as_root chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root BASTION_CHROOT=1 ${BASTION_LONG:+BASTION_LONG=1} "$inside/tools/test" "$@"
}
