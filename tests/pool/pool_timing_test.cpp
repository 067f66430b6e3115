// The bounds that a Pool promises.

#include <multiprocessing/futures.hpp>
#include <multiprocessing/pool.hpp>

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <string>
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

int square(int x) {
  return x * x;
}
void refuse() {
  throw ValueError("no licence");
}

// Each within a second: the first task is told why no worker will ever do it.
TEST(PoolTimingTest, AFailingInitializerFailsTheFirstTaskWithinASecond) {
  for (const StartMethod method :
       {StartMethod::fork, StartMethod::forkserver, StartMethod::spawn}) {
    const Clock::time_point start = Clock::now();
    Pool pool({.processes = 2, .initializer = refuse, .method = method});
    EXPECT_THROW(pool.apply(square, 1), BrokenProcessPool);
    EXPECT_LT(Clock::now() - start, 2s);

    const Clock::time_point again = Clock::now();
    ProcessPoolExecutor executor(2, {.method = method, .initializer = refuse});
    try {
      (void)executor.submit(square, 1).result();
      FAIL() << "no worker can do it";
    } catch (const BrokenProcessPool& error) {
      EXPECT_NE(std::string(error.what()).find("ValueError: no licence"), std::string::npos);
    }
    EXPECT_LT(Clock::now() - again, 2s);
  }
}

void be_stopped(const Event& begun) {
  begun.set();
  ::raise(SIGSTOP);
}

// cancel(true) of what defies SIGTERM, and of what was stopped.
TEST(PoolTimingTest, ACancelledTaskIsGoneWithinASecondWhateverItDoes) {
  ProcessPoolExecutor executor(1);
  for (void (*const task)(const Event&) : {spin_for_ever, be_stopped}) {
    const Event begun;
    const int pid = executor.submit([] { return static_cast<int>(::getpid()); }).result();
    const auto future = executor.submit(task, begun);
    begun.wait();
    const Clock::time_point start = Clock::now();

    EXPECT_TRUE(future.cancel(true));

    while (::kill(pid, 0) == 0) std::this_thread::sleep_for(1ms);  // it has been reaped
    EXPECT_LT(Clock::now() - start, 2s);
    int sum = 0;
    for (const int x : executor.map(square, range(100))) sum += x;
    EXPECT_EQ(sum, 328'350);
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
