#!/bin/bash
# Tries a wheel where nothing of this project's packages is, a Debian 12 with python3 and python3-venv alone: it is
# installed with NumPy, used, and runs its tests. As root:
#   bash tools/test.sh --python && bash python/tests/bare_machine.sh [WHEEL]
set -euo pipefail
cd "$(dirname "$0")/../.."
. tools/packages.sh
. tools/clean_debian.sh
dae_packages="debootstrap python3-pip"
install_packages
wheel=$(realpath "${1:-$(ls build/python/dae-*-cp311-*.whl)}")
clean_debian python3 python3-venv
python3 -m pip download --quiet --disable-pip-version-check --python-version 3.11 --only-binary :all: \
  --dest "$clean_root/given" "$wheel" pytest pillow
mkdir -p "$clean_root/given/dae/python"
cp -r python/tests "$clean_root/given/dae/python/"
cp -r docs examples "$clean_root/given/dae/"
pip="/tmp/environment/bin/pip --disable-pip-version-check --quiet install --no-index --find-links /given"
in_root "python3 -m venv /tmp/environment
  $pip dae
  cd /tmp && /tmp/environment/bin/python -" <<'EOF'
import numpy as np, dae
pictures = np.random.default_rng(1).integers(0, 256, (4, 64, 64, 3), dtype=np.uint8)
corrupted = dae.Corruption(noise=(0, 50))(pictures, step=1)
restored = dae.Denoiser.open()(corrupted)
outcome = dae.train("synthetic", steps=2, size=16, width=4, batch=2, out="run")
row = dae.evaluate(outcome.run, dataset="synthetic", most_views=4, sigma=25.0).rows[0]
steps = dae.read_run("run").metrics["step"]
print(f"dae {dae.__version__} on {dae.best_device()}: restored {restored.shape}, trained {steps[-1]} steps, "
      f"{row.corrupted.mean.psnr:.2f} dB corrupted by sigma 25. {dae.describe_libraries()}")
EOF
in_root "$pip pytest pillow
  cd /tmp && /tmp/environment/bin/python -m pytest -q -p no:cacheprovider -rs /given/dae/python/tests"
