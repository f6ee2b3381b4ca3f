// The table of a study for people, and its files.
#pragma once

#include <string>

#include "laboratory/study_table.h"

namespace dae {

std::string to_text(const StudyTable& table);  // for a terminal
std::string to_html(const Study& study, const StudyTable& table);

// Writes STUDY/study.html, study.json and study.csv as the runs are now. Of processes that do so at once the
// last one writes what all of them have.
void write_study_table(const Study& study);

}  // namespace dae
