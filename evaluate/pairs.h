// Any program's restorations beside the clean pictures, paired by file name.
#pragma once

#include <dae/evaluation.h>

#include <string>
#include <vector>

namespace dae {

struct PairScores {
  Summary summary;
  std::vector<std::string> without_partner;  // clean pictures, by path without extension
  std::vector<std::string> left_out;         // pairs that cannot be compared, and why, a line each
};

// Pairs are files of one path below the two folders but for the extension. Throws Error when there
// is no pair, or none that can be compared.
PairScores score_pairs(const std::string& clean_folder, const std::string& restored_folder);

// In a sentence or two, for people.
std::string to_text(const PairScores& scores);

}  // namespace dae
