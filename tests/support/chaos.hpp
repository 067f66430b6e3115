#pragma once

// Kills at named points (sys/crash_point.hpp): one process dies where it was told to, others live
// on, and what is left is looked at.
//
//   test::ChaosRun run;
//   run.victim("lock.acquire.taken", 2, [&] { take_turns(lock, 1'000'000); });
//   run.survivor([&] { take_turns(lock, 500); });
//   run.expect_survival();

#include <functional>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "support/child.hpp"

namespace multiprocessing::test {

/// A point and the visit at which it kills, as the parameter of a test.
using Where = std::tuple<const char*, int>;

/// "lock.acquire.taken" at its second visit: "lockacquiretakenAt2".
std::string name_of(const testing::TestParamInfo<Where>& info);

/// Runs `body` in a process that dies at the n-th visit of `point`.
Child run_armed(const char* point, int visit, const std::function<void()>& body);
Child run_armed(const char* point, const std::function<void()>& body);

/// Runs `body` in a process that stops at the n-th visit of `point`, and waits until it has.
Child run_to_stop(const char* point, int visit, const std::function<void()>& body);

/// As `run_armed`, and waits for its death.
void expect_death_at(const char* point, int visit, const std::function<void()>& body);

/// Whether the child has ended; it need not be waited for yet.
bool has_ended(const Child& child);

/// Sweeps until nothing is left of the dead.
void bury_all();

/// Slots of the process table that are not free once the dead are buried.
int taken_slots();

/// Blocks of shared memory in use once the dead are swept.
std::size_t blocks_in_use();

/// One that dies, some that must come to their end, and some that only keep things moving.
class ChaosRun {
 public:
  void victim(const char* point, int visit, const std::function<void()>& body);
  void survivor(const std::function<void()>& body);
  /// Killed once the others have ended.
  void crowd(const std::function<void()>& body);

  /// Waits for all: the victim was killed, each survivor has exited with 0.
  void expect_survival();

 private:
  std::vector<Child> victims_;
  std::vector<Child> survivors_;
  std::vector<Child> crowd_;
};

}  // namespace multiprocessing::test
