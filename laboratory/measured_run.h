// A finished run, asked to restore what a report shows it.
#pragma once

#include <filesystem>

#include "laboratory/blur_measures.h"
#include "laboratory/material.h"

namespace dae {

struct MeasuredRun {
  Pictures views;  // as restored
  BlurMeasures measures;
};

// Throws Error naming the file when the run has no weights that fit its configuration.
MeasuredRun measure_run(const std::filesystem::path& path, Device device,
                        const BlurMaterial& material);

}  // namespace dae
