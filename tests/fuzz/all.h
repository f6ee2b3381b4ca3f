// What harness.cpp lists.
#pragma once

#include "tests/fuzz/harness.h"

namespace dae::fuzz {

#define DAE_HARNESS(name) \
  void name(View input);  \
  std::vector<Bytes> name##_seeds()
DAE_HARNESS(jpeg);  // pictures.cpp
DAE_HARNESS(png);
DAE_HARNESS(tiff);
DAE_HARNESS(webp);
DAE_HARNESS(pnm);
DAE_HARNESS(other);
DAE_HARNESS(metadata);  // metadata.cpp
DAE_HARNESS(orientation);
DAE_HARNESS(cifar);  // datasets.cpp
DAE_HARNESS(archive);
DAE_HARNESS(cache);
DAE_HARNESS(safetensors);  // tensors.cpp
DAE_HARNESS(checkpoint);
DAE_HARNESS(network);
DAE_HARNESS(features);
DAE_HARNESS(config);  // run_files.cpp
DAE_HARNESS(metrics);
DAE_HARNESS(engines);
DAE_HARNESS(plan);
DAE_HARNESS(loss);  // expressions.cpp
DAE_HARNESS(ranges);
#undef DAE_HARNESS

}  // namespace dae::fuzz
