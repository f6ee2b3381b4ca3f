// An evaluation as tables, for people and for programs.
#pragma once

#include <dae/evaluation.h>

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace dae {

// The tables for people, as text; infinity reads "exact" where every view is, and "inf" where some
// are.
std::string to_text(const Evaluation& evaluation);
std::string to_html(const Evaluation& evaluation);
nlohmann::json to_json(const Evaluation& evaluation);  // infinity and NaN are null
nlohmann::json to_json(const Summary& summary);

}  // namespace dae
