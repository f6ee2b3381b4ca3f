#include "tools/blur/measured_run.h"

#include "runtime/device.h"
#include "tools/run_folder.h"

namespace dae {

MeasuredRun measure_run(const std::filesystem::path& path, const RunConfig& trained, Device device,
                        const BlurMaterial& material) {
  RunConfig config = trained;
  settle_precision(config.network, device);
  ParameterSet parameters = parameters_of(config.network);
  const std::vector<float> values = RunFolder::open(path).load_weights(parameters);
  const Buffer weights(device, values.size() * sizeof(float));
  copy_between_devices(weights.data(), values.data(), weights.bytes());
  const Network network{device, config, parameters, reinterpret_cast<const float*>(weights.data())};
  MeasuredRun run{restore_set(network, material, material.views), {}};
  run.measures = measure_blur(material, run.views, restore_set(network, material, material.leaves),
                              restore_set(network, material, material.edges));
  return run;
}

}  // namespace dae
