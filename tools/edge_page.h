// The page of `blur_report --edges`, and its figures as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tools/edge_study.h"

namespace dae {

std::string render_edge_page(const EdgeStudyOptions& options, const std::vector<EdgePoint>& points);
nlohmann::json to_json(const EdgeStudyOptions& options, const std::vector<EdgePoint>& points);

}  // namespace dae
