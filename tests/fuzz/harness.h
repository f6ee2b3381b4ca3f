// Harnesses: functions that read bytes as the project reads a file of one format, and do with it what is
// done with such a file next. They run under libFuzzer (libfuzzer.cpp), and over seeds and old findings in
// the ordinary tests (seeds.cpp). What is wrong with a file ends in an Error; everything else that ends a
// harness is a finding.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dae::fuzz {

using Bytes = std::vector<uint8_t>;
using View = std::span<const uint8_t>;

struct Harness {
  const char* name;
  void (*run)(View input);
  std::vector<Bytes> (*seeds)();  // small sound inputs
};

// All of this program, by name.
const std::vector<Harness>& harnesses();

// Runs one input; an Error is one of the ways in which it should end.
void run(const Harness& harness, View input);

// Ends the process, as a finding, where a harness sees a result that cannot be right.
void expect(bool holds, const char* what);

// A file of this process alone, and its folder, which is a cache folder as well: removed at the end.
std::filesystem::path folder();
std::filesystem::path write(const char* name, View bytes);

// Files of tests/fixtures/ whose names end so.
std::vector<Bytes> fixtures(std::initializer_list<std::string_view> endings);
Bytes read(const std::filesystem::path& path);
inline Bytes bytes_of(std::string_view text) {
  return {text.begin(), text.end()};
}
inline std::string_view text_of(View bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace dae::fuzz
