// The first question, is it the loss, as a section of a page, and its figures as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "laboratory/edge_study.h"

namespace dae {

// What the best answers and the networks are blurred by at one strength, in a sentence.
std::string edge_answer(const std::vector<EdgePoint>& points);
std::string edge_section(const EdgeStudyOptions& options, const std::vector<EdgePoint>& points);
nlohmann::json to_json(const EdgeStudyOptions& options, const std::vector<EdgePoint>& points);

}  // namespace dae
