#include "laboratory/measured_run.h"

#include "evaluate/measure.h"

namespace dae {

MeasuredRun measure_run(const std::filesystem::path& path, Device device,
                        const BlurMaterial& material) {
  OpenedRun opened(path, device);
  const PlacedNetwork network = opened.network();
  MeasuredRun run{restore_set(network, material, material.views), {}};
  run.measures = measure_blur(material, run.views, restore_set(network, material, material.leaves),
                              restore_set(network, material, material.edges));
  return run;
}

}  // namespace dae
