#include "ranks/join.h"

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "places.h"
#include "runtime/error.h"
#include "runtime/shared_library.h"

namespace dae {
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

std::optional<MeetingPoint> meeting_point() {
  const char* const host = std::getenv("MASTER_ADDR");
  const auto port = number_in("MASTER_PORT");
  if (!host || !*host || !port) return std::nullopt;
  const char* const agent = std::getenv("TORCHELASTIC_USE_AGENT_STORE");
  return MeetingPoint{host, *port + (agent && std::string_view(agent) == "True" ? 1 : 0)};
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
  const auto point = meeting_point();
  // Open MPI's mpirun; srun --mpi=pmix, which does not tell the size that way.
  if (const auto size = number_in("OMPI_COMM_WORLD_SIZE"))
    return {number_in("OMPI_COMM_WORLD_RANK").value_or(0), *size, true, point};
  const int tasks = number_in("SLURM_STEP_NUM_TASKS").value_or(1);
  const auto by_pmix = number_in("PMIX_RANK");
  if (tasks > 1)
    return {by_pmix.value_or(number_in("SLURM_PROCID").value_or(0)), tasks, by_pmix.has_value(),
            point};
  // torchrun; MPICH's mpirun, to which Open MPI is a stranger.
  for (const auto& [rank, size] : {std::pair{"RANK", "WORLD_SIZE"}, {"PMI_RANK", "PMI_SIZE"}})
    if (number_in(rank) && number_in(size).value_or(1) > 1)
      return {*number_in(rank), *number_in(size), false, point};
  return {};
}

std::unique_ptr<Communicator> join_ranks(double patience) {
  const Launch launch = launch_of_environment();
  if (launch.size <= 1) return nullptr;
  if (launch.rank < 0 || launch.rank >= launch.size)
    fail("rank {} of {} processes: there is none", launch.rank, launch.size);
  const std::string path = mpi_library();
  std::error_code ignored;
  if (const bool mpi = launch.by_mpi && std::filesystem::exists(path, ignored); !mpi) {
    if (launch.point)
      return join_by_tcp(launch.rank, launch.size, *launch.point, 5 * patience, patience);
    const char* const instead =
        "set MASTER_ADDR and MASTER_PORT to where rank 0 can be reached, as torchrun does";
    if (!launch.by_mpi)
      fail(
          "{} processes were launched together, without Open MPI, by which they would reach each "
          "other: launch them by its mpirun or by srun --mpi=pmix, or {}",
          launch.size, instead);
    fail(
        "{} processes were launched together, and there is no {}, by which they would reach each "
        "other: install the package dae-mpi, or libopenmpi-dev before the program is built, or {}",
        launch.size, path, instead);
  }
  Communicator* (*join)(double) = nullptr;
  SharedLibrary(path, "Open MPI", "train on several ranks").load(join, "dae_join_mpi");
  return std::unique_ptr<Communicator>(join(patience));
}

}  // namespace dae
