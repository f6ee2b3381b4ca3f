#include "runtime/communicator.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "places.h"
#include "runtime/error.h"
#include "runtime/shared_library.h"

namespace dae {

std::string describe(int rank, const std::string& machine) {
  return fmt::format("rank {} on {}", rank, machine);
}

std::string describe(const Communicator& ranks, int rank) {
  return describe(rank, ranks.machine(rank));
}

void broadcast(Communicator& ranks, void* data, size_t bytes) {
  if (ranks.rank() > 0) {
    const Message take{0, data, bytes};
    return ranks.exchange({}, {&take, 1});
  }
  thread_local std::vector<Message> give;  // a step begins with a broadcast, and allocates nothing
  give.clear();
  for (int peer = 1; peer < ranks.size(); peer++) give.push_back({peer, data, bytes});
  ranks.exchange(give, {});
}

std::string broadcast(Communicator& ranks, std::string text) {
  uint64_t length = text.size();
  broadcast(ranks, &length, sizeof(length));
  text.resize(length);
  broadcast(ranks, text.data(), text.size());
  return text;
}

std::vector<std::string> gather(Communicator& ranks, const std::string& text) {
  std::vector<std::string> all(static_cast<size_t>(ranks.rank() == 0 ? ranks.size() : 0));
  std::vector<uint64_t> lengths(all.size());
  uint64_t length = text.size();
  std::string given = text;
  std::vector<Message> take;
  const auto to_first = [&](void* data, size_t bytes) -> std::vector<Message> {
    if (ranks.rank() == 0) return {};
    return {{0, data, bytes}};
  };
  for (size_t i = 1; i < all.size(); i++)
    take.push_back({static_cast<int>(i), &lengths[i], sizeof(uint64_t)});
  ranks.exchange(to_first(&length, sizeof(length)), take);
  take.clear();
  for (size_t i = 1; i < all.size(); i++) {
    all[i].resize(lengths[i]);
    take.push_back({static_cast<int>(i), all[i].data(), all[i].size()});
  }
  ranks.exchange(to_first(given.data(), given.size()), take);
  if (!all.empty()) all[0] = text;
  return all;
}

void meet(Communicator& ranks) {
  std::vector<char> signs(2 * static_cast<size_t>(ranks.size()));
  std::vector<Message> give, take;
  for (int peer = 0; peer < ranks.size(); peer++) {
    if (peer == ranks.rank()) continue;
    give.push_back({peer, &signs[2 * static_cast<size_t>(peer)], 1});
    take.push_back({peer, &signs[2 * static_cast<size_t>(peer) + 1], 1});
  }
  ranks.exchange(give, take);
}

// --- Joining ----------------------------------------------------------------------------------------

namespace {

std::optional<int> number_in(const char* variable) {
  const char* const text = std::getenv(variable);
  if (!text) return std::nullopt;
  int number = 0;
  const std::string_view given = text;
  const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), number);
  if (error != std::errc() || end != given.data() + given.size()) return std::nullopt;
  return number;
}

// Beside the program, in a build; else where it was installed.
std::string mpi_library() {
  std::error_code ignored;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", ignored);
  const auto beside = program.parent_path() / DAE_MPI_LIBRARY;
  return std::filesystem::exists(beside, ignored) ? beside.string()
                                                  : DAE_INSTALLED_LIBRARIES "/" DAE_MPI_LIBRARY;
}

}  // namespace

Launch launch_of_environment() {
  // Open MPI's mpirun; srun --mpi=pmix, which does not tell the size that way.
  if (const auto size = number_in("OMPI_COMM_WORLD_SIZE"))
    return {number_in("OMPI_COMM_WORLD_RANK").value_or(0), *size, true};
  const int tasks = number_in("SLURM_STEP_NUM_TASKS").value_or(1);
  const auto by_pmix = number_in("PMIX_RANK");
  if (tasks > 1)
    return {by_pmix.value_or(number_in("SLURM_PROCID").value_or(0)), tasks, by_pmix.has_value()};
  // torchrun; MPICH's mpirun, to which Open MPI is a stranger.
  for (const auto& [rank, size] : {std::pair{"RANK", "WORLD_SIZE"}, {"PMI_RANK", "PMI_SIZE"}})
    if (number_in(rank) && number_in(size).value_or(1) > 1)
      return {*number_in(rank), *number_in(size), false};
  return {};
}

std::unique_ptr<Communicator> join_ranks(double patience) {
  const Launch launch = launch_of_environment();
  if (launch.size <= 1) return nullptr;
  if (!launch.by_mpi)
    fail(
        "{} processes were launched together, without Open MPI, by which they would reach each "
        "other: launch them by its mpirun, or by srun --mpi=pmix",
        launch.size);
  const std::string path = mpi_library();
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored))
    fail(
        "{} processes were launched together, and there is no {}, by which they would reach each "
        "other: install the package dae-mpi, or libopenmpi-dev before the program is built",
        launch.size, path);
  Communicator* (*join)(double) = nullptr;
  SharedLibrary(path, "Open MPI", "train on several ranks").load(join, "dae_join_mpi");
  return std::unique_ptr<Communicator>(join(patience));
}

}  // namespace dae
