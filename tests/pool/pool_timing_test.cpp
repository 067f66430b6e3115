// The bounds that a Pool promises.

#include <multiprocessing/pool.hpp>

#include <signal.h>

#include <atomic>
#include <chrono>

#include <gtest/gtest.h>

#include <multiprocessing/synchronize.hpp>

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

void spin() {
  for (std::atomic<bool> on{true}; on;) {
  }
}
void spin_for_ever(const Event& begun) {
  ::signal(SIGTERM, SIG_IGN);
  begun.set();
  spin();
}

TEST(PoolTimingTest, TheDestructorTakesLessThanASecondWhateverTheTasksDo) {
  Clock::time_point start;
  {
    const Event begun;
    Pool pool(2);
    for (int i = 0; i < 100; ++i) (void)pool.apply_async(spin_for_ever, begun);
    begun.wait();
    start = Clock::now();
  }

  EXPECT_LT(Clock::now() - start, 2s);
}

TEST(PoolTimingTest, ATaskThatDefiesItsLimitIsGoneWithinASecond) {
  Pool pool({.processes = 1, .task_timeout = 200ms});
  const Event begun;
  const auto late = pool.apply_async(spin_for_ever, begun);
  begun.wait();
  const Clock::time_point start = Clock::now();

  EXPECT_THROW(late.get(), TaskTimeout);

  EXPECT_LT(Clock::now() - start, 2s);
}

}  // namespace
}  // namespace multiprocessing
