// The page of `blur_report --train`: the five questions, each with its figures and what they say.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "laboratory/edge_study.h"
#include "laboratory/laboratory.h"

namespace dae {

struct LabPage {
  std::string html;
  nlohmann::json figures;
};

// A question whose runs cannot be measured says why; the others are answered.
LabPage render_lab_page(Laboratory& lab, const EdgeStudyOptions& study,
                        const std::vector<EdgePoint>& points);

}  // namespace dae
