// The first question, is it the loss, as a section of a page, and its figures as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tools/blur/edge_study.h"

namespace dae {

std::string edge_section(const EdgeStudyOptions& options, const std::vector<EdgePoint>& points);
nlohmann::json to_json(const EdgeStudyOptions& options, const std::vector<EdgePoint>& points);

}  // namespace dae
