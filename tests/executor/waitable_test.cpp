// Futures among the connections, queues and descriptors that one wait is for.

#include <multiprocessing/connection.hpp>
#include <multiprocessing/futures.hpp>

#include <chrono>
#include <filesystem>
#include <iterator>
#include <memory>
#include <thread>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/queues.hpp>
#include <multiprocessing/synchronize.hpp>

#include "executor/each_executor.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;

int square(int x) {
  return x * x;
}
int hold(const Event& event, int x) {
  event.wait();
  return x;
}

std::ptrdiff_t open_descriptors() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
}

class WaitableFutureTest : public testing::TestWithParam<bool> {
 protected:
  static std::unique_ptr<Executor> make(int workers = 1) {
    return test::make_executor(GetParam(), workers);
  }
};

TEST_P(WaitableFutureTest, AFutureAndAConnectionAreWaitedForAtOnce) {
  const auto executor = make();
  const Event go;
  auto [a, b] = Pipe();
  const Future<int> future = executor->submit(hold, go, 7);
  const std::vector<Waitable> both{future, a};

  EXPECT_TRUE(wait(both, 10ms).empty());
  b.send(1);
  EXPECT_EQ(wait(both), std::vector<Waitable>{a});
  EXPECT_EQ(a.recv<int>(), 1);
  go.set();
  const auto ready = wait(both);
  ASSERT_EQ(ready.size(), 1U);
  EXPECT_EQ(ready[0], future);
  EXPECT_EQ(ready[0].get<Future<int>>().result(), 7);
}

TEST_P(WaitableFutureTest, ADoneFutureIsReadyAtOnceInTheOrderGiven) {
  const auto executor = make(2);
  const Event go;
  const auto pending = executor->submit(hold, go, 1);
  const auto first = executor->submit(square, 2);
  const auto second = executor->submit(square, 3);
  (void)wait({first, second});
  const Queue<int> queue;
  queue.put(1);
  auto [a, b] = Pipe();

  const std::vector<Waitable> all{pending, first, a, queue, AnyFuture(second)};

  const std::vector<Waitable> ready{first, queue, AnyFuture(second)};
  EXPECT_EQ(wait(all), ready);
  EXPECT_EQ(wait(all, Timeout::zero()), ready);
  go.set();
  EXPECT_EQ(pending.result(), 1);
}

TEST_P(WaitableFutureTest, AVariantMayHoldAFuture) {
  const auto executor = make();
  using Either = std::variant<Connection, Future<int>>;
  auto [a, b] = Pipe();
  const std::vector<Either> both{a, executor->submit(square, 4)};

  const auto ready = wait(both);

  ASSERT_EQ(ready.size(), 1U);
  EXPECT_EQ(std::get<1>(ready[0]).result(), 16);
}

TEST_P(WaitableFutureTest, WhatIsCancelledOrFailsIsReady) {
  const auto executor = make();
  const Event go;
  const auto running = executor->submit(hold, go, 1);
  std::vector<Future<int>> waiting;
  for (int i = 0; i < 8; ++i) waiting.push_back(executor->submit(square, i));
  const Future<int> last = waiting.back();
  const std::vector<Waitable> one{last};
  EXPECT_TRUE(wait(one, 10ms).empty());
  std::thread canceller([last] { EXPECT_TRUE(last.cancel()); });

  EXPECT_EQ(wait(one), one);

  canceller.join();
  EXPECT_TRUE(last.cancelled());
  go.set();
  const std::vector<Waitable> failing{executor->submit([]() -> int { throw ValueError("bad"); })};
  EXPECT_EQ(wait(failing), failing);
}

TEST_P(WaitableFutureTest, WaitsInVainLeaveNothingBehind) {
  const auto executor = make();
  const Event go;
  {
    const std::vector<Waitable> warm{executor->submit(square, 1)};  // starts what waits need
    while (wait(warm, 1ms).empty()) {
    }
  }
  const auto before = open_descriptors();
  {
    const std::vector<Waitable> one{executor->submit(hold, go, 1)};
    for (int i = 0; i < 200; ++i) EXPECT_TRUE(wait(one, i % 50 == 0 ? 1ms : 0ms).empty());
    EXPECT_LE(open_descriptors(), before + 2);  // a bell; that of this thread
    go.set();
    EXPECT_EQ(wait(one), one);
  }
  executor->shutdown();
  EXPECT_LE(open_descriptors(), before + 1);
}

TEST_P(WaitableFutureTest, ManyThreadsWaitForOneFuture) {
  const auto executor = make();
  const Event go;
  const std::vector<Waitable> one{executor->submit(hold, go, 1)};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&one] { EXPECT_EQ(wait(one), one); });

  go.set();

  for (std::thread& thread : threads) thread.join();
}

TEST_P(WaitableFutureTest, AForkedChildWaitsForItsOwn) {
  const auto executor = make();
  const Event go;
  const std::vector<Waitable> ours{executor->submit(hold, go, 1)};
  EXPECT_TRUE(wait(ours, 1ms).empty());
  const bool processes = GetParam();
  const auto work = [processes] {
    std::unique_ptr<Executor> own;
    if (processes) {
      own = std::make_unique<ProcessPoolExecutor>(1);
    } else {
      own = std::make_unique<ThreadPoolExecutor>(1);
    }
    const std::vector<Waitable> one{
        own->submit([] { std::this_thread::sleep_for(5ms); })};  // the work: it is waited for
    if (wait(one) != one) throw ValueError("it did not come");
  };
  Process child(work);

  child.start();

  EXPECT_TRUE(child.join(20s));
  EXPECT_EQ(child.exitcode(), 0);
  go.set();
  EXPECT_EQ(wait(ours), ours);
}

INSTANTIATE_TEST_SUITE_P(Executors, WaitableFutureTest, testing::Bool(),
                         [](const auto& which) { return which.param ? "Processes" : "Threads"; });

}  // namespace
}  // namespace multiprocessing
