// ThreadPoolExecutor: its threads, its queue of tasks, its end.

#include <multiprocessing/futures.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;

int square(int x) {
  return x * x;
}

TEST(ThreadPoolExecutorTest, ItTakesAnyCallableAndAnyValue) {
  ThreadPoolExecutor executor(2);
  int touched = 0;
  const auto future = executor.submit([&touched] { return &touched; });

  *future.result() = 5;

  EXPECT_EQ(touched, 5);
  auto owned = std::make_unique<int>(7);
  EXPECT_EQ(*executor.submit([](std::unique_ptr<int> p) { return p; }, std::move(owned)).result(),
            7);
}

TEST(ThreadPoolExecutorTest, ThreadsAreMadeAsTheyAreWantedAndReused) {
  ThreadPoolExecutor executor(8);
  const auto count = [] { return worker_index(); };

  for (int i = 0; i < 50; ++i) EXPECT_LT(executor.submit(count).result(), 8);

  EXPECT_EQ(executor.submit([] { return worker_count(); }).result(), 8);
}

TEST(ThreadPoolExecutorTest, TasksThatWaitForEachOtherBothRunOnTwoThreads) {
  ThreadPoolExecutor executor(2);
  for (int round = 0; round < 500; ++round) {
    std::latch both(2);
    const auto meet = [&both] { both.arrive_and_wait(); };
    const auto one = executor.submit(meet);
    const auto other = executor.submit(meet);
    one.result(20s);  // a thread that sleeps, searches or has not been made is woken for each
    other.result(20s);
    if (round % 10 == 0) std::this_thread::sleep_for(1ms);  // lets both fall asleep now and then
  }
}

TEST(ThreadPoolExecutorTest, AFailingInitializerBreaksItWithItsText) {
  ThreadPoolExecutor executor(2, {.initializer = [] { throw ValueError("no licence"); }});

  try {
    (void)executor.submit(square, 1).result();
    FAIL() << "no thread can do it";
  } catch (const BrokenThreadPool& error) {
    EXPECT_NE(std::string(error.what()).find("ValueError: no licence"), std::string::npos);
  }
  EXPECT_THROW((void)executor.submit(square, 1), BrokenThreadPool);
}

TEST(ThreadPoolExecutorTest, TheDestructorWaitsForAll) {
  std::atomic<int> done{0};
  {
    ThreadPoolExecutor executor(2);
    for (int i = 0; i < 100; ++i) {
      (void)executor.submit([&done] {
        std::this_thread::sleep_for(100us);  // so that some are left for the destructor
        ++done;
      });
    }
  }
  EXPECT_EQ(done, 100);
}

TEST(ThreadPoolExecutorTest, WhileAnExceptionUnwindsTheDestructorCancelsWhatHasNotBegun) {
  std::atomic<int> done{0};
  EXPECT_THROW(
      {
        ThreadPoolExecutor executor(1);
        for (int i = 0; i < 10'000; ++i) {
          (void)executor.submit([&done] {
            std::this_thread::sleep_for(1ms);  // the work: most of it has not begun
            ++done;
          });
        }
        throw std::runtime_error("unwinds");
      },
      std::runtime_error);
  EXPECT_LT(done, 10'000);
}

TEST(ThreadPoolExecutorTest, ShutdownMayCancelWhatHasNotBegun) {
  ThreadPoolExecutor executor(1);
  std::latch begun(1);
  std::latch go(1);
  const auto first = executor.submit([&] {
    begun.count_down();
    go.wait();
  });
  const auto second = executor.submit(square, 2);
  begun.wait();

  executor.shutdown(false, true);

  EXPECT_TRUE(second.cancelled());
  go.count_down();
  first.result();
}

TEST(ThreadPoolExecutorTest, PrioritiesAreBegunFirst) {
  ThreadPoolExecutor executor(1);
  std::latch begun(1);
  std::latch go(1);
  std::vector<int> order;
  const auto first = executor.submit([&] {
    begun.count_down();
    go.wait();
  });
  begun.wait();
  const auto note = [&order](int x) { order.push_back(x); };
  const std::vector<Future<void>> futures{executor.submit({.priority = -1}, note, 3),
                                          executor.submit(note, 2),
                                          executor.submit({.priority = 7}, note, 1)};

  go.count_down();
  (void)wait(futures);

  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST(ThreadPoolExecutorTest, SubmitBlocksWhileAsManyAsMaxPendingAreOut) {
  std::atomic<int> most{0};
  std::atomic<int> out{0};
  ThreadPoolExecutor executor(1, {.max_pending = 2});
  for (int i = 0; i < 50; ++i) {
    (void)executor.submit([&] { --out; });
    most = std::max(most.load(), ++out);
  }
  EXPECT_LE(most, 3);
}

}  // namespace
}  // namespace multiprocessing
