// Kills the process that shares, completes or cancels a future, and the one that received it, at
// each point named in lib/executor/shared_future.hpp, and checks that nobody hangs, that the others
// are told, and that nothing stays in memory.

#include <multiprocessing/futures.hpp>

#include <cctype>
#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <tuple>

#include <gtest/gtest.h>

#include <multiprocessing/queues.hpp>
#include <multiprocessing/synchronize.hpp>

#include "support/chaos.hpp"
#include "support/child.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::require;

constexpr int kFutures = 3;
constexpr std::size_t kLength = 2000;  // too long for a cell or a lane

std::string hold(const Event& go) {
  go.wait();
  return std::string(kLength, 'x');
}

std::unique_ptr<Executor> make(bool processes) {
  if (processes) return std::make_unique<ProcessPoolExecutor>(1);
  return std::make_unique<ThreadPoolExecutor>(1);
}

// Each future that arrives ends as it should, whoever dies.
void take_all(const Queue<Future<std::string>>& queue) {
  for (const Future<std::string>& future : queue) {
    try {
      require(future.result(20s).size() == kLength);
    } catch (const BrokenExecutor&) {
      require(future.done() && !future.cancelled() && !future.running());
    }
  }
}

// By processes or threads; the point; at which visit.
using At = std::tuple<bool, const char*, int>;
std::string name_of_case(const testing::TestParamInfo<At>& info) {
  std::string name = std::get<0>(info.param) ? "Processes" : "Threads";
  for (const char c : std::string(std::get<1>(info.param))) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) name += c;
  }
  return name + "At" + std::to_string(std::get<2>(info.param));
}

// Until the keeper and workers of a dead owner have ended, too, which its life pipe tells them.
std::size_t blocks_that_stay() {
  while (test::taken_slots() > 1) std::this_thread::sleep_for(1ms);
  return test::blocks_in_use();
}

class FutureOwnerChaosTest : public testing::TestWithParam<At> {
 protected:
  // Shares futures, has them completed, and dies at the point meanwhile.
  static void share_and_die() {
    const auto [processes, point, visit] = GetParam();
    const Queue<Future<std::string>> queue;
    const Event go;
    test::Child receiver = test::Child::run([&] { take_all(queue); });
    test::Child owner = test::run_armed(point, visit, [&, by_processes = processes] {
      const auto executor = make(by_processes);
      for (int i = 0; i < kFutures; ++i) queue.put(executor->submit(hold, go));
      go.set();
      executor->shutdown();
    });
    EXPECT_EQ(owner.wait(), test::killed_by(SIGKILL));
    go.set();
    queue.shutdown();
    EXPECT_EQ(receiver.wait(), test::exited(0));
  }
};

TEST_P(FutureOwnerChaosTest, EveryFutureThatArrivedIsDoneInTheEndAndNothingStays) {
  share_and_die();
  const std::size_t before = blocks_that_stay();

  share_and_die();

  EXPECT_LE(blocks_that_stay(), before);
}

INSTANTIATE_TEST_SUITE_P(
    Points, FutureOwnerChaosTest,
    testing::Values(At{true, "future.share.created", 1}, At{true, "future.share.created", 2},
                    At{true, "future.share.linked", 1}, At{true, "future.share.linked", 3},
                    At{false, "future.share.created", 1}, At{false, "future.share.created", 2},
                    At{false, "future.complete.linked", 1}, At{false, "future.complete.linked", 2},
                    At{false, "future.complete.finished", 1},
                    At{false, "future.complete.finished", 3}),
    name_of_case);

TEST(FutureCancellerChaosTest, WhoWaitsForWhatADeadOneHasCancelledIsTold) {
  ThreadPoolExecutor executor(1);
  const Event go;
  const Queue<Future<std::string>> queue;
  const auto running = executor.submit(hold, go);
  const auto queued = executor.submit(hold, go);
  queue.put(queued);

  test::Child canceller = test::run_armed("future.cancel.cancelled", 1, [&] {
    const auto future = queue.get();
    while (future.running()) std::this_thread::yield();
    (void)future.cancel();
  });

  EXPECT_THROW((void)queued.result(20s), CancelledError);
  EXPECT_EQ(canceller.wait(), test::killed_by(SIGKILL));
  go.set();
  EXPECT_EQ(running.result(20s).size(), kLength);
}

class FutureReceiverChaosTest : public testing::TestWithParam<bool> {
 protected:
  // A receiver dies while it waits, another one, and the owner, go on.
  static void receive_and_die() {
    const auto executor = make(GetParam());
    const Event go;
    const Queue<Future<std::string>> queue;
    const auto future = executor->submit(hold, go);
    queue.put(future);
    queue.put(future);
    test::Child victim = test::run_armed("watch.noted", 1, [&] { (void)queue.get().result(20s); });
    EXPECT_EQ(victim.wait(), test::killed_by(SIGKILL));
    test::Child survivor =
        test::Child::run([&] { require(queue.get().result(20s).size() == kLength); });
    go.set();

    EXPECT_EQ(future.result(20s).size(), kLength);
    EXPECT_EQ(survivor.wait(), test::exited(0));
  }
};

TEST_P(FutureReceiverChaosTest, AReceiverThatDiesHoldsUpNobodyAndLeavesNothing) {
  receive_and_die();
  const std::size_t before = test::blocks_in_use();

  receive_and_die();

  EXPECT_LE(test::blocks_in_use(), before);
}

INSTANTIATE_TEST_SUITE_P(Executors, FutureReceiverChaosTest, testing::Values(true, false),
                         [](const auto& each) { return each.param ? "Processes" : "Threads"; });

}  // namespace
}  // namespace multiprocessing
