// A worker that was stopped keeps no work from the others.

#include <multiprocessing/pool.hpp>

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include <multiprocessing/synchronize.hpp>

#include "pool/tasks.hpp"
#include "support/until.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::square;

void await_state(pid_t pid, char state) {
  test::until([&] {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string text;
    std::getline(stat, text);
    const std::size_t name_ends = text.rfind(')');
    return name_ends == std::string::npos || text[name_ends + 2] == state;
  });
}

/// A process that stands still for a while.
class Stopped {
 public:
  explicit Stopped(pid_t pid) : pid_(pid) {
    ::kill(pid_, SIGSTOP);
    await_state(pid_, 'T');
  }
  Stopped(const Stopped&) = delete;
  Stopped& operator=(const Stopped&) = delete;
  ~Stopped() { ::kill(pid_, SIGCONT); }

 private:
  pid_t pid_;
};

// Of two that sleep the first, which is woken first.
pid_t first_of_two_sleepers(Pool& pool) {
  for (const std::size_t index : {1U, 0U}) {
    test::until([&] { return pool.stats()[index].pid != 0; });
    await_state(pool.stats()[index].pid, 'S');
  }
  return pool.stats()[0].pid;
}

TEST(PoolStopTest, AWorkerStoppedWhileItSleepsSwallowsNoTask) {
  Pool pool(2);
  const Stopped sleeper(first_of_two_sleepers(pool));

  EXPECT_EQ(pool.apply_async(square, 3).get(20s), 9);
}

TEST(PoolStopTest, ATaskThatNobodyWaitsForIsDoneToo) {
  const Event done;
  Pool pool(2);
  const Stopped sleeper(first_of_two_sleepers(pool));

  const auto result = pool.apply_async([](const Event& event) { event.set(); }, done);

  EXPECT_TRUE(done.wait(20s));
}

// Wherever it is by then: about to search, searching, or about to sleep.
TEST(PoolStopTest, AWorkerStoppedAfterItsTaskHoldsNoneUp) {
  Pool pool(2);
  for (int round = 0; round < 10; ++round) {
    const Stopped searcher(pool.apply([] { return ::getpid(); }));

    EXPECT_EQ(pool.apply_async(square, round).get(20s), round * round);
    EXPECT_EQ(pool.apply_async(square, 2).get(20s), 4);
  }
}

}  // namespace
}  // namespace multiprocessing
