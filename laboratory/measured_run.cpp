#include "laboratory/measured_run.h"

#include "restore/trained_network.h"
#include "runtime/device.h"
#include "runtime/memory.h"

namespace dae {

MeasuredRun measure_run(const std::filesystem::path& path, Device device,
                        const BlurMaterial& material) {
  TrainedNetwork trained = open_trained_network(path, device);
  const Buffer weights(device, trained.weights.size() * sizeof(float));
  copy_between_devices(weights.data(), trained.weights.data(), weights.bytes());
  const PlacedNetwork network{device, trained.config.network, trained.parameters,
                              reinterpret_cast<const float*>(weights.data())};
  MeasuredRun run{restore_set(network, material, material.views), {}};
  run.measures = measure_blur(material, run.views, restore_set(network, material, material.leaves),
                              restore_set(network, material, material.edges));
  return run;
}

}  // namespace dae
