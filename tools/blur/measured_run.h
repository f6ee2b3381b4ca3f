// A finished run, asked to restore what a report shows it.
#pragma once

#include <filesystem>

#include "tools/blur/material.h"
#include "tools/blur/measures.h"

namespace dae {

struct MeasuredRun {
  Pictures views;  // as restored
  BlurMeasures measures;
};

// Throws Error naming the file when the run has no weights that fit its configuration.
MeasuredRun measure_run(const std::filesystem::path& path, Device device,
                        const BlurMaterial& material);

}  // namespace dae
