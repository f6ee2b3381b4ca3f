// What nvcc made of every kernel for sm_90, against kernels/compiled_code.json: no spills, no more
// registers and shared memory than its budget, no local memory, and 128-bit loads and stores where
// its comment promises them. The build leaves PTX and ptxas's report for each .cu file
// (CMakeLists.txt).
#include <cxxabi.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

namespace dae::test {
namespace {

namespace fs = std::filesystem;

struct Code {
  std::string file;
  int registers = -1, shared = 0, stack = 0, spills = 0, vector_loads = 0, vector_stores = 0;
};

std::string read(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// "upsample2x_kernel<float4>" of a mangled entry: without namespaces and arguments.
std::string kernel_name(const std::string& mangled) {
  int status = 0;
  char* const demangled = abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status);
  std::string name = demangled ? demangled : mangled;
  std::free(demangled);
  std::smatch match;
  if (!std::regex_search(name, match, std::regex(R"((\w+_kernel)(?:<(.*?)>\()?)"))) return name;
  if (!match[2].matched) return match[1];
  const std::regex scope(R"((\(anonymous namespace\)|\w+)::)");
  return match[1].str() + "<" + std::regex_replace(match[2].str(), scope, "") + ">";
}

std::map<std::string, Code> compiled_kernels(const fs::path& folder) {
  std::map<std::string, Code> kernels;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".txt") continue;
    const std::string file = entry.path().stem().string();
    std::istringstream report(read(entry.path()));
    std::string line, current;
    std::smatch match;
    while (std::getline(report, line)) {
      if (std::regex_search(line, match, std::regex("Compiling entry function '([^']+)'"))) {
        current = kernel_name(match[1]);
        kernels[current].file = file;
      }
      if (current.empty()) continue;
      Code& code = kernels[current];
      // The line after the entry's; later ones of the kind are of the functions it calls.
      if (code.registers < 0 &&
          std::regex_search(
              line, match,
              std::regex(R"((\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes)"))) {
        code.stack += std::stoi(match[1]);
        code.spills += std::stoi(match[2]) + std::stoi(match[3]);
      }
      if (std::regex_search(line, match, std::regex(R"(Used (\d+) registers)")))
        code.registers = std::stoi(match[1]);
      if (std::regex_search(line, match, std::regex(R"((\d+) bytes smem)")))
        code.shared = std::stoi(match[1]);
    }
    std::istringstream ptx(read(fs::path(entry.path()).replace_extension(".ptx")));
    current.clear();
    while (std::getline(ptx, line)) {
      if (std::regex_search(line, match, std::regex(R"(\.entry (\w+))")))
        current = kernel_name(match[1]);
      if (current.empty()) continue;
      if (line.find("ld.global") != std::string::npos && line.find(".v4.") != std::string::npos)
        kernels[current].vector_loads++;
      if (line.find("st.global") != std::string::npos && line.find(".v4.") != std::string::npos)
        kernels[current].vector_stores++;
    }
  }
  return kernels;
}

TEST(CompiledCode, KeepsItsBudget) {
  const fs::path folder = DAE_COMPILED_CODE;
  if (folder.empty()) GTEST_SKIP() << "built without nvcc";
  const auto budgets =
      nlohmann::json::parse(read(fs::path(DAE_SOURCE) / "kernels/compiled_code.json"));
  const std::map<std::string, Code> kernels = compiled_kernels(folder);
  EXPECT_GE(kernels.size(), 20u) << folder;
  for (const auto& [name, code] : kernels) {
    if (!budgets.contains(name)) {
      ADD_FAILURE() << name << " (" << code.file << ".cu) has no budget: it takes "
                    << code.registers << " registers, " << code.shared
                    << " bytes of shared memory, " << code.stack << " of stack, with "
                    << code.vector_loads << " 128-bit loads and " << code.vector_stores
                    << " stores";
      continue;
    }
    const nlohmann::json& budget = budgets[name];
    const std::string where = name + " (" + code.file + ".cu): ";
    EXPECT_EQ(code.spills, 0) << where << "bytes of spills";
    EXPECT_LE(code.registers, budget.at("registers").get<int>()) << where << "registers";
    EXPECT_LE(code.shared, budget.value("shared", 0)) << where << "bytes of shared memory";
    EXPECT_EQ(code.stack, 0) << where << "bytes of local memory";
    EXPECT_GE(code.vector_loads, budget.value("vector_loads", 0)) << where << "128-bit loads";
    EXPECT_GE(code.vector_stores, budget.value("vector_stores", 0)) << where << "128-bit stores";
  }
  for (const auto& [name, budget] : budgets.items())
    EXPECT_TRUE(name == "about" || kernels.contains(name)) << name << " is no kernel any more";
}

// The reader of reports itself.
TEST(CompiledCode, NamesAreShortened) {
  EXPECT_EQ(kernel_name("_Z11fill_kernelPff"), "fill_kernel");
  EXPECT_EQ(kernel_name("_ZN3dae4cuda11copy_kernelI6float4EEvPKT_PS3_"), "copy_kernel<float4>");
}

}  // namespace
}  // namespace dae::test
