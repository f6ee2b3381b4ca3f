# shellcheck shell=bash
# Sourced by the scripts of tools/: installs what the build needs on Debian 12, if anything is missing.

# ocl-icd-opencl-dev: libdnnl-dev only recommends it, but its CMake file asks for it.
# libopenblas-openmp-dev: of OpenBLAS's builds, the one that works on the programs' own OpenMP threads.
# chrpath: what tools/gpu_bundle.sh takes a library's own search path out with.
# liblapacke-dev: lapack.h declares what OpenBLAS has of LAPACK.
dae_packages="g++ cmake ninja-build pkg-config libdnnl-dev ocl-icd-opencl-dev libhwy-dev libfmt-dev
  libcli11-dev nlohmann-json3-dev libstb-dev libxxhash-dev libgtest-dev libbenchmark-dev libfftw3-dev
  libexif-dev libjpeg62-turbo-dev libspng-dev libtiff-dev libwebp-dev libexiv2-dev
  libopenblas-openmp-dev liblapacke-dev libboost-dev libboost-context-dev libonnx-dev libprotobuf-dev
  protobuf-compiler libopenmpi-dev openmpi-bin chrpath xz-utils"

install_packages() {
  local missing="" package
  for package in $dae_packages; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "install ok installed" ||
      missing="$missing $package"
  done
  [ -z "$missing" ] && return
  local sudo=""
  if [ "$(id -u)" -ne 0 ]; then
    sudo=sudo
    if ! command -v sudo >/dev/null; then
      echo "as root, run: apt-get install$missing" >&2
      exit 1
    fi
  fi
  echo "installing:$missing"
  $sudo apt-get update -qq
  # shellcheck disable=SC2086  # a list of names
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# nvcc is found where NVIDIA's packages put it, even when PATH does not name it.
if ! command -v nvcc >/dev/null && [ -x /usr/local/cuda/bin/nvcc ]; then
  PATH=$PATH:/usr/local/cuda/bin
fi

# nvdisasm, with which a test reads the machine code of kernels, where nvcc came without it: from PyPI into
# build/nvdisasm, where CMakeLists.txt looks. Without it that test is skipped, so a failure ends nothing.
lacks_nvdisasm() {
  command -v nvcc >/dev/null && ! command -v nvdisasm >/dev/null && [ ! -x build/nvdisasm/nvidia/cu13/bin/nvdisasm ]
}
install_nvdisasm() {
  lacks_nvdisasm || return 0
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps \
    --target build/nvdisasm nvidia-cuda-nvdisasm==13.5.37 || echo "no nvdisasm: what it reads is not tested" >&2
}

# Compiler results are kept between builds where ccache is installed.
if command -v ccache >/dev/null; then
  export CMAKE_CXX_COMPILER_LAUNCHER=ccache CMAKE_CUDA_COMPILER_LAUNCHER=ccache
fi
