// Whether a browser reads the tags of a page as they were meant: it guesses where they do not fit. And what is in it.
#pragma once

#include <cstddef>
#include <string>

namespace dae::test {

// What is wrong with the tags of a page or of a part of one: the first whose name is none, that is not closed, or that
// closes another. "" if all fit. Every tag is to be closed but those that hold nothing (br, img, meta).
std::string wrong_tags(const std::string& html);

// How often a part, which is not empty, stands in a page.
size_t count(const std::string& page, const std::string& part);

}  // namespace dae::test
