// The bounds that a Pool promises.

#include <multiprocessing/futures.hpp>
#include <multiprocessing/pool.hpp>

#include <signal.h>

#include <chrono>
#include <iostream>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/synchronize.hpp>

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

void spin() {
  for (volatile bool on = true; on;) {  // volatile: Clang ends a loop that does nothing else
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

int sleep_for(int microseconds) {
  std::this_thread::sleep_for(std::chrono::microseconds(microseconds));  // the work
  return microseconds;
}

// 999 tasks of 0.1 ms and one of 2 s, which comes early, on four workers: 2.3 s are promised.
TEST(PoolTimingTest, OneSlowTaskStrandsNoOthers) {
  std::vector<int> tasks(1'000, 100);
  tasks[10] = 2'000'000;
  Pool pool(4);
  ProcessPoolExecutor executor(4);
  for (const bool by_map : {true, false}) {
    const auto start = Clock::now();
    std::size_t count = 0;
    if (by_map) {
      count = pool.map(sleep_for, tasks).size();
    } else {
      for (const int task : executor.map(sleep_for, tasks)) count += task > 0 ? 1U : 0U;
    }
    const auto took = Clock::now() - start;

    EXPECT_EQ(count, tasks.size());
    EXPECT_LT(took, 4600ms);
    std::cout << (by_map ? "Pool::map " : "Executor::map ")
              << std::chrono::duration_cast<std::chrono::milliseconds>(took).count() << " ms\n";
  }
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
