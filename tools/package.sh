#!/bin/bash
# Makes Debian packages of the programs (dae), of what lets them train on several processes (dae-mpi) and of the
# library with its headers (libdae-dev), for Debian 12:
#   bash tools/package.sh            build/package/*.deb, which lintian finds no error in
#   bash tools/package.sh --check    besides, as root: installs them on a clean Debian 12 with apt, uses them, removes
#                                    them, and says what is left
# The packages compute on the CPU: CUDA is not of Debian.
set -euo pipefail
cd "$(dirname "$0")/.."
case "${1:-}" in
  "" | --check) ;;
  *) echo "package.sh: unknown option $1 (--check or nothing)" >&2; exit 2 ;;
esac
. tools/packages.sh
dae_packages="$dae_packages git dpkg-dev lintian"
[ -z "${1:-}" ] || dae_packages="$dae_packages debootstrap"
install_packages
cmake --preset package
cmake --build --preset package
(cd build/package && rm -f ./*.deb && cpack -G DEB >cpack.log || { cat cpack.log; exit 1; })
lintian --allow-root --fail-on error build/package/*.deb
ls -sh build/package/*.deb
[ "${1:-}" = --check ] || exit 0

. tools/clean_debian.sh
clean_debian
cp build/package/*.deb "$clean_root/given/"
cp -r examples "$clean_root/given/"
cp tests/fixtures/photos/profile.png "$clean_root/given/photo.png"
in_root 'apt-get update -qq'
# /etc/gshadow- and /run/adduser: Debian's own, of the group that ssh makes, which Open MPI needs.
files() { in_root "find / -xdev -not -path '/proc*' -not -path '/given*' -not -path '/var/cache/*' \
  -not -path '/var/lib/*' -not -path '/var/log/*' -not -path '/tmp*' -not -path /etc/gshadow- -not -path /run/adduser |
  sort"; }
echo "--- the programs"
files >"$clean_root.before"
in_root 'apt-get install -y -qq --no-install-recommends /given/dae_*.deb >/dev/null
  dae-denoise --version
  dae-denoise /given/photo.png --out /tmp/restored
  dae-export --onnx /tmp/network.onnx
  dae-train_cuda --dataset synthetic --steps 3 --size 16 --width 4 --batch 2 --out /tmp/run | tail -n 1
  test -s /usr/share/man/man1/dae-denoise.1.gz || grep -q man /etc/dpkg/dpkg.cfg.d/* # minimal images leave manuals out
  test -s /usr/share/bash-completion/completions/dae-denoise
  apt-get purge -y -qq --auto-remove dae >/dev/null'
files >"$clean_root.after"
diff "$clean_root.before" "$clean_root.after" && echo "nothing is left of them"
echo "--- several processes"
in_root 'apt-get install -y -qq --no-install-recommends /given/dae_*.deb /given/dae-mpi_*.deb >/dev/null
  mpirun --allow-run-as-root --oversubscribe -np 2 dae-train_cuda --dataset synthetic --steps 3 --size 16 --width 4 \
    --batch 2 --threads 1 --out /tmp/shared | grep "2 shards on 2 ranks"
  apt-get purge -y -qq --auto-remove dae dae-mpi >/dev/null'
files >"$clean_root.after"
diff "$clean_root.before" "$clean_root.after" && echo "nothing is left of them"
echo "--- the library"
in_root 'apt-get install -y -qq --no-install-recommends /given/*.deb g++ cmake make >/dev/null
  cmake -S /given/examples -B /tmp/examples >/dev/null && cmake --build /tmp/examples >/dev/null
  /tmp/examples/corrupt
  apt-get purge -y -qq --auto-remove dae dae-mpi libdae-dev g++ cmake make >/dev/null'
files >"$clean_root.after"
diff "$clean_root.before" "$clean_root.after" && echo "nothing is left of it"
rm -f "$clean_root.before" "$clean_root.after"
