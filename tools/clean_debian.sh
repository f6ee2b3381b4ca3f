# shellcheck shell=bash
# Sourced by scripts that try what was built where nothing of this project's packages is: a Debian 12 in a folder of its
# own, which is gone when the script ends. As root; needs debootstrap.

# clean_debian PACKAGES...: what a minimal Debian has, and these. in_root SCRIPT runs there; /given is what it is given.
clean_debian() {
  clean_root=$(mktemp -d)
  trap 'umount "$clean_root/proc" 2>/dev/null || true; rm -rf "$clean_root"' EXIT
  debootstrap --variant=minbase ${1:+--include="$(IFS=,; echo "$*")"} bookworm "$clean_root" >"$clean_root.log" ||
    { tail "$clean_root.log"; exit 1; }
  rm -f "$clean_root.log"
  # How this machine reaches the packages.
  cp /etc/resolv.conf "$clean_root/etc/"
  cp -r /etc/apt/apt.conf.d "$clean_root/etc/apt/"
  mount -t proc proc "$clean_root/proc"
  mkdir "$clean_root/given"
}

in_root() {
  chroot "$clean_root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
    http_proxy="${http_proxy:-}" https_proxy="${https_proxy:-}" sh -euc "$1"
}
