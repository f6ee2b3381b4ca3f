#include "kernels/layers/engines.h"

#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <set>

#include "runtime/device.h"
#include "runtime/error.h"
#include "runtime/memory.h"

namespace dae::cuda_libraries {
namespace {

constexpr int kMostTimed = 8;     // heuristics put the good ones first
constexpr int kMostCompiled = 2;  // of those

using EngineByProblem = std::map<std::string, std::string>;
struct Record {
  std::vector<Choice> choices;
  EngineByProblem wanted, remembered;
  std::function<void(const Choice&)> note;
};
Record& record() {
  static Record the;
  return the;
}
// What is chosen among may have been chosen itself, while it was built.
std::recursive_mutex one_at_a_time;

EngineByProblem by_problem(const std::vector<Choice>& recorded) {
  EngineByProblem engines;
  for (const Choice& choice : recorded) engines[choice.problem] = choice.engine;
  return engines;
}

// Tries offers, and remembers why those failed that did.
class Trial {
 public:
  Trial(const std::string& problem, const Candidates& candidates)
      : problem_(problem), candidates_(candidates) {}

  // What was built and, with a GPU, timed; nothing if it failed.
  std::optional<Choice> run(size_t i, bool timed) {
    tried_.insert(i);
    try {
      Choice choice{.problem = problem_,
                    .engine = candidates_.offered[i].engine,
                    .candidates = static_cast<int>(candidates_.offered.size()),
                    .workspace = candidates_.build(i)};
      if (timed) choice.seconds = candidates_.time(i);
      return choice;
    } catch (const DeviceLost&) {
      throw;
    } catch (const OutOfMemory& error) {
      out_of_memory_ = std::current_exception();
      why_ = error.what();
    } catch (const Error& error) {
      why_ = error.what();
    }
    forget_device_error();
    return {};
  }

  [[noreturn]] void give_up() const {
    if (out_of_memory_) std::rethrow_exception(out_of_memory_);
    throw NoEngine(fmt::format("none of {} engines can be used for {}, {} of which were tried{}{}",
                               candidates_.offered.size(), problem_, tried_.size(),
                               why_.empty() ? "" : "; the last: ", why_));
  }

 private:
  const std::string& problem_;
  const Candidates& candidates_;
  std::set<size_t> tried_;
  std::exception_ptr out_of_memory_;
  std::string why_;
};

}  // namespace

std::vector<Choice> choices() {
  const std::lock_guard lock(one_at_a_time);
  return record().choices;
}

void reuse(const std::vector<Choice>& recorded) {
  const std::lock_guard lock(one_at_a_time);
  record().wanted = by_problem(recorded);
}

void remember(const std::vector<Choice>& earlier, std::function<void(const Choice&)> note) {
  const std::lock_guard lock(one_at_a_time);
  record().remembered = by_problem(earlier);
  record().note = std::move(note);
}

size_t choose(const std::string& problem, const Candidates& candidates) {
  const std::lock_guard lock(one_at_a_time);
  const std::vector<Offer>& offered = candidates.offered;
  Trial trial(problem, candidates);
  std::optional<Choice> best;
  size_t place = 0;
  for (const EngineByProblem* const known : {&record().wanted, &record().remembered}) {
    const auto engine = known->find(problem);
    for (size_t i = 0; i < offered.size() && !best && engine != known->end(); i++)
      if (offered[i].engine == engine->second) {
        best = trial.run(i, false);
        place = i;
      }
    if (best) break;
  }
  const bool is_known = best.has_value();
  int tried = 0, compiled = 0;
  for (size_t i = 0; i < offered.size() && !is_known && tried < kMostTimed; i++) {
    if (offered[i].compiles && compiled++ >= kMostCompiled) continue;
    const std::optional<Choice> found = trial.run(i, static_cast<bool>(candidates.time));
    if (!found) continue;
    tried++;
    if (!best || found->seconds < best->seconds) {
      best = found;
      place = i;
    }
    if (!candidates.time) break;
  }
  if (!best) trial.give_up();
  std::erase_if(record().choices, [&](const Choice& c) { return c.problem == problem; });
  record().choices.push_back(*best);
  if (!is_known && candidates.time) {
    record().remembered[problem] = best->engine;
    if (record().note) record().note(*best);
  }
  return place;
}

MakeRoutine choose(const std::string& problem, const std::vector<Candidate>& candidates,
                   const std::function<double(Routine&)>& time) {
  std::vector<MakeRoutine> built(candidates.size());
  Candidates places;
  for (const Candidate& candidate : candidates) places.offered.push_back(candidate.offer);
  places.build = [&](size_t i) {
    built[i] = candidates[i].build();
    return built[i]()->workspace_bytes();
  };
  if (time) places.time = [&](size_t i) { return time(*built[i]()); };
  return built[choose(problem, places)];
}

}  // namespace dae::cuda_libraries
