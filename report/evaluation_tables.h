// An evaluation as tables, for people and for programs.
#pragma once

#include <dae/evaluation.h>

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace dae {

// The tables for people; infinity reads "exact", for every view is. Where some are, which the means leave out,
// a line after the table says so.
std::string to_text(const Evaluation& evaluation);
std::string to_html(const Evaluation& evaluation);
nlohmann::json to_json(const Evaluation& evaluation);  // infinity and NaN are null
nlohmann::json to_json(const Summary& summary);

}  // namespace dae
