// Lists in braces wherever a range may stand, as Python's calls have lists in brackets.

#include <multiprocessing/multiprocessing.hpp>

#include <chrono>
#include <unordered_set>
#include <vector>

#include <gtest/gtest.h>

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;

int square(int x) {
  return x * x;
}

TEST(BracesTest, AQueueTakesManyItems) {
  const Queue<int> queue;

  queue.put_many({7, 8});

  EXPECT_EQ(queue.get_many(2), (std::vector{7, 8}));
}

TEST(BracesTest, SeveralProcessesAreWaitedForAndStopped) {
  Process first([] {});
  Process second([] {});
  first.start();
  second.start();

  EXPECT_FALSE(wait({&first, &second}, 20s).empty());
  EXPECT_TRUE(first.join(20s));
  EXPECT_TRUE(second.join(20s));

  EXPECT_TRUE(stop({&first, &second}, 1s));
  EXPECT_EQ(first.exitcode(), 0);
}

TEST(BracesTest, SeveralConnectionsAreWaitedFor) {
  const auto [a, b] = Pipe();
  const auto [c, d] = Pipe();
  b.send(1);

  const std::vector<Connection> ready = wait({a, c}, 20s);

  EXPECT_EQ(ready, std::vector<Connection>{a});
}

TEST(BracesTest, SeveralFuturesAreWaitedForAndCompleted) {
  ThreadPoolExecutor executor(2);
  const auto one = executor.submit(square, 1);
  const auto two = executor.submit(square, 2);

  int sum = 0;
  for (const auto& future : as_completed({one, two})) sum += future.result();

  EXPECT_EQ(sum, 5);
  EXPECT_EQ(wait({one, two}, 20s).done.size(), 2U);
}

TEST(BracesTest, ContextsAreKeys) {
  const std::unordered_set<Context> contexts{get_context("fork"), get_context("spawn"),
                                             get_context(StartMethod::fork)};

  EXPECT_EQ(contexts.size(), 2U);
}

}  // namespace
}  // namespace multiprocessing
