// Questions 2 to 5 of the laboratory, each a section of its page. The first is edge_page.h's.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "laboratory/laboratory.h"

namespace dae {

struct LabSection {
  std::string title;
  std::string answer = {};  // in a sentence or two, as HTML; for the top of the page
  std::string html = {};
  nlohmann::json figures = {};
};

LabSection architecture_section(Laboratory& lab);  // 2: what do networks lose without corruption?
LabSection ladder_section(Laboratory& lab);        // 3: how much of the error is whose?
LabSection loss_section(Laboratory& lab);          // 4: what helps, and what does it cost?
LabSection corruption_section(Laboratory& lab);    // 5: which corruption blurs most?

}  // namespace dae
