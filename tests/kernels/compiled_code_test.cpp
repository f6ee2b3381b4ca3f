// What nvcc made of every kernel for sm_90, against kernels/compiled_code.json: no spills, no more
// registers and shared memory than its budget, no local memory, and 128-bit loads and stores where
// its comment promises them; then, of the machine code, no more instructions than its budget, no
// calls that it does not allow, loads on their way before one of them is waited for, and the tensor cores'
// instructions and asynchronous copies that its comment promises. The build
// leaves PTX and ptxas's report for each .cu file and, where it found nvdisasm, the machine code
// (CMakeLists.txt).
#include <cxxabi.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "tests/kernels/machine_path.h"
#include "tests/support/json_file.h"

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

// What of the machine code has a budget.
struct MachineCode {
  int instructions = 0;
  int calls = 0;         // of routines out of line: what a division's fast path cannot take, say
  int long_divides = 0;  // of these, divisions and remainders of 64-bit integers
  int loads_first = 0;   // 128-bit loads before anything touches what one of them has loaded
  MachineLines lines;    // with labels
  int mma = 0;           // products on tensor cores
  int async_copies = 0;  // to shared memory, past the registers
};

// "upsample2x_kernel<float, 4>" of a mangled entry: without namespaces and arguments.
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

// A line of nvdisasm's without address and end: "@P0 LDG.E.128 R8, desc[UR4][R2.64]". Empty when it
// is no instruction.
std::string instruction(const std::string& line) {
  static const std::regex form(R"(\s*/\*[0-9a-f]{4,}\*/\s+(.*?)\s*;.*)");
  std::smatch match;
  return std::regex_match(line, match, form) ? match[1].str() : "";
}

// The machine code of every kernel in `disassembly`, by name. A kernel's routines out of line stand
// behind it in its section and are counted with it.
std::map<std::string, MachineCode> machine_code(const std::string& disassembly) {
  const std::regex section(R"(\s*\.section\s+(?:\.text\.(\w+))?.*)"),
      long_divide("_(div|rem)_[su]64"), reg(R"(\bR(\d+)\b)");
  std::map<std::string, MachineCode> kernels;
  MachineCode* code = nullptr;
  std::set<int> loaded;  // registers that 128-bit loads have been told to fill
  bool used = false;     // one of them has been touched
  std::istringstream lines(disassembly);
  std::string line;
  std::smatch match;
  while (std::getline(lines, line)) {
    if (std::regex_match(line, match, section)) {
      code = match[1].matched ? &kernels[kernel_name(match[1])] : nullptr;
      if (code) *code = {};  // of equal kernels in several files the last
      loaded.clear();
      used = false;
    }
    static const std::regex label(R"(\.L_x_\d+:)");
    const std::string text = instruction(line);
    if (code && (!text.empty() || std::regex_match(line, label)))
      code->lines.push_back(text.empty() ? line : text);
    if (!code || text.empty() || text == "NOP") continue;
    code->instructions++;
    if (text.find("CALL.") != std::string::npos) {
      code->calls++;
      if (std::regex_search(text, long_divide)) code->long_divides++;
    }
    if (text.find("HMMA.16816.F32.BF16") != std::string::npos) code->mma++;
    if (text.find("LDGSTS.E.BYPASS.128") != std::string::npos) code->async_copies++;
    std::vector<int> registers;
    for (std::sregex_iterator at(text.begin(), text.end(), reg), end; at != end; ++at)
      registers.push_back(std::stoi((*at)[1]));
    for (const int touched : registers) used |= loaded.contains(touched);
    if (used || text.find("LDG.E.128") == std::string::npos || registers.empty()) continue;
    code->loads_first++;
    for (int i = 0; i < 4; i++) loaded.insert(registers[0] + i);
  }
  return kernels;
}

// What a kernel takes, as its budget says it: registers up to a step of what fits an SM, instructions
// and a twentieth more. `sass` is there where nvdisasm is.
std::string budget_of(const Code& code, const fs::path& sass, const std::string& name) {
  nlohmann::ordered_json budget;
  const int steps[] = {32, 40, 48, 64, 80, 96, 128, 168, 255};
  budget["registers"] = *std::lower_bound(std::begin(steps), std::end(steps) - 1, code.registers);
  const auto add = [&](const char* key, int value) {
    if (value > 0) budget[key] = value;
  };
  add("shared", code.shared);
  add("vector_loads", code.vector_loads);
  add("vector_stores", code.vector_stores);
  if (DAE_HAS_MACHINE_CODE) {
    const auto machine = machine_code(read(sass));
    if (const auto found = machine.find(name); found != machine.end()) {
      add("instructions", found->second.instructions * 21 / 20);
      add("calls", found->second.calls);
      add("long_divides", found->second.long_divides);
      add("loads_first", found->second.loads_first);
      add("mma", found->second.mma);
      add("async_copies", found->second.async_copies);
    }
  }
  return budget.dump();
}

TEST(CompiledCode, KeepsItsBudget) {
  const fs::path folder = DAE_COMPILED_CODE;
  if (folder.empty()) GTEST_SKIP() << "built without nvcc";
  const auto budgets = json_file(fs::path(DAE_SOURCE) / "kernels/compiled_code.json");
  const std::map<std::string, Code> kernels = compiled_kernels(folder);
  ASSERT_GE(kernels.size(), 20u) << folder << ": build dae_compiled_code first";
  for (const auto& [name, code] : kernels) {
    if (!budgets.contains(name)) {
      ADD_FAILURE() << name << " (" << code.file
                    << ".cu) has no budget. If what it takes is right, this is its line in "
                       "kernels/compiled_code.json:\n  \""
                    << name << "\": " << budget_of(code, folder / (code.file + ".sass"), name)
                    << ",";
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

// Instructions an element (a pixel, say) on the longest way through a kernel.
void expect_path(const MachineLines& lines, const nlohmann::json& path, const std::string& where) {
  const auto trips = path.at("trips").get<std::vector<double>>();
  const std::vector<int> loops = loop_sizes(lines);
  ASSERT_EQ(loops.size(), trips.size())
      << where << "trips of its loops, whose instructions are " << testing::PrintToString(loops)
      << ": a loop more or less, so the budget's path has to be written again";
  EXPECT_LE(longest_path(lines, trips) / path.at("elements").get<double>(),
            path.at("most").get<double>())
      << where << "instructions an element on the longest path";
}

TEST(CompiledCode, MachineCodeKeepsItsBudget) {
  const fs::path folder = DAE_COMPILED_CODE;
  if (folder.empty()) GTEST_SKIP() << "built without nvcc";
  if (!DAE_HAS_MACHINE_CODE)
    GTEST_SKIP() << "no nvdisasm when the build was configured: bash tools/test.sh installs it, or "
                    "install NVIDIA's package cuda-nvdisasm-13-0, then configure again";
  const auto budgets = json_file(fs::path(DAE_SOURCE) / "kernels/compiled_code.json");
  std::set<std::string> seen;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".sass") continue;
    for (const auto& [name, code] : machine_code(read(entry.path()))) {
      seen.insert(name);
      const std::string where = name + " (" + entry.path().stem().string() + ".cu): ";
      const nlohmann::json budget = budgets.value(name, nlohmann::json::object());
      EXPECT_GT(code.instructions, 0) << where << "nothing was read";
      EXPECT_LE(code.instructions, budget.value("instructions", 0)) << where << "instructions";
      EXPECT_LE(code.calls, budget.value("calls", 0))
          << where << "calls of routines out of line (kernels/division.h may help)";
      EXPECT_LE(code.long_divides, budget.value("long_divides", 0))
          << where << "divisions of 64-bit integers (kernels/division.h has Divisor)";
      EXPECT_GE(code.loads_first, budget.value("loads_first", 0))
          << where << "128-bit loads before one of them is waited for";
      if (budget.contains("path")) expect_path(code.lines, budget["path"], where);
      EXPECT_EQ(code.mma, budget.value("mma", 0)) << where << "products on tensor cores";
      EXPECT_GE(code.async_copies, budget.value("async_copies", 0))
          << where << "asynchronous copies";
    }
  }
  for (const auto& [name, budget] : budgets.items())
    EXPECT_TRUE(name == "about" || seen.contains(name)) << name << " was not disassembled";
}

// The readers themselves.
TEST(CompiledCode, NamesAreShortened) {
  EXPECT_EQ(kernel_name("_Z11fill_kernelPff"), "fill_kernel");
  EXPECT_EQ(kernel_name("_ZN3dae4cuda11copy_kernelI6float4EEvPKT_PS3_"), "copy_kernel<float4>");
}

TEST(CompiledCode, MachineCodeIsRead) {
  const auto kernels = machine_code(R"(
	.section	.text._Z11copy_kernelPff,"ax",@progbits
        .type           _Z11copy_kernelPff,@function
_Z11copy_kernelPff:
        /*0000*/                   LDC R1, c[0x0][0x28] ;
        /*0010*/                   LDG.E.128.CONSTANT R8, desc[UR8][R2.64] ;
        /*0020*/                   IADD3 R4, P0, R18, UR9, R19 ;
        /*0030*/               @P0 LDG.E.128 R12, desc[UR8][R4.64] ;
        /*0040*/               @P0 CALL.REL.NOINC `($__internal_0_$__cuda_sm20_div_s64) ;
.L_x_1:
        /*0050*/                   FADD R0, R1, R11.reuse ;
        /*0060*/                   LDG.E.128 R20, desc[UR8][R4.64] ;
        /*0068*/                   HMMA.16816.F32.BF16 R44, R68, R94, R44 ;
        /*006c*/               @P1 LDGSTS.E.BYPASS.128 [R25], desc[UR8][R4.64], P0 ;
        /*0070*/                   BRA `(.L_x_1);
        .weak           $__internal_0_$__cuda_sm20_div_s64
$__internal_0_$__cuda_sm20_div_s64:
        /*0080*/                   CALL.REL.NOINC `($__internal_1_$__cuda_sm20_rcp_rn_f32_slowpath) ;
        /*0090*/                   RET.REL.NODEC R8 `(_Z11copy_kernelPff) ;
        /*00a0*/                   NOP;
	.section	.nv.constant0._Z11copy_kernelPff,"a",@progbits
	.section	.text._Z11fill_kernelPff,"ax",@progbits
        /*0000*/                   LDG.E.128 R4, desc[UR8][R2.64] ;
        /*0010*/                   LDG.E.128 R8, desc[UR8][R4.64] ;
)");
  ASSERT_EQ(kernels.size(), 2u);
  const MachineCode& copy = kernels.at("copy_kernel");
  EXPECT_EQ(copy.instructions, 12);
  EXPECT_EQ(copy.calls, 2);
  EXPECT_EQ(copy.long_divides, 1);
  EXPECT_EQ(copy.loads_first, 2);
  EXPECT_EQ(copy.mma, 1);
  EXPECT_EQ(copy.async_copies, 1);
  EXPECT_EQ(kernels.at("fill_kernel").instructions, 2);
  EXPECT_EQ(kernels.at("fill_kernel").loads_first, 1);
}

// Two branches of four and two instructions within a loop within a loop, beside a way around both.
TEST(CompiledCode, TheLongestPathIsFound) {
  const MachineLines kernel = {"S2R R0, SR_TID.X",
                               "@P0 BRA `(.L_x_4)",
                               ".L_x_1:",
                               "MOV R1, RZ",
                               ".L_x_2:",
                               "@P1 BRA P2, `(.L_x_3)",
                               "FADD R1, R1, R0",
                               "CALL.REL.NOINC `($__internal_0_$slow)",
                               "NOP",
                               "FADD R1, R1, R0",
                               ".L_x_3:",
                               "BRA.DIV UR4, `(.L_x_5)",
                               "@P3 BRA `(.L_x_2)",
                               "@P4 BRA `(.L_x_1)",
                               ".L_x_4:",
                               "EXIT",
                               ".L_x_5:",
                               "BRA `(.L_x_3)"};
  EXPECT_EQ(loop_sizes(kernel), (std::vector<int>{8, 6}));
  EXPECT_EQ(longest_path(kernel, {2, 10}), 2 + 2 * (2 + 10 * 6) + 1);
  EXPECT_EQ(longest_path(kernel, {0, 10}), 2 + 1);
  EXPECT_EQ(longest_path(kernel, {1, 0.5}), 2 + (2 + 3) + 1);
  EXPECT_THROW(longest_path(kernel, {1}), std::runtime_error);
  const MachineLines table = {"BRX R4 -0x10 (*\"BRANCH_TARGETS .L_x_1,.L_x_2\"*)",
                              ".L_x_1:",
                              "MOV R1, RZ",
                              "EXIT",
                              ".L_x_2:",
                              "EXIT"};
  EXPECT_EQ(longest_path(table, {}), 3);
}

}  // namespace
}  // namespace dae::test
