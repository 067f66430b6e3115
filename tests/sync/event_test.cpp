// Event within one process; the names follow Python's EventTests.

#include <multiprocessing/synchronize.hpp>

#include <atomic>
#include <chrono>
#include <thread>
#include <unordered_set>
#include <vector>

#include <gtest/gtest.h>

#include "sync/lock_support.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

TEST(EventTest, SetAndClearMayBeRepeated) {
  const Event event;
  EXPECT_FALSE(event.is_set());
  event.set();
  EXPECT_TRUE(event.is_set());
  event.set();
  EXPECT_TRUE(event.is_set());
  event.clear();
  EXPECT_FALSE(event.is_set());
  event.clear();
  EXPECT_FALSE(event.is_set());
}

TEST(EventTest, WaitOnASetFlagReturnsAtOnce) {
  const Event event;
  event.set();

  EXPECT_TRUE(event.wait());
  EXPECT_TRUE(event.wait(0s));
  EXPECT_TRUE(event.wait(-1s));
}

TEST(EventTest, TimeoutPassesBeforeFalse) {
  const Event event;
  const auto start = Clock::now();

  EXPECT_FALSE(event.wait(0s));
  EXPECT_FALSE(event.wait(-1s));
  EXPECT_FALSE(event.wait(120ms));

  EXPECT_GE(Clock::now() - start, 120ms);
}

TEST(EventTest, SetWakesAllWhoWait) {
  const Event event;
  std::atomic<int> woken{0};
  std::vector<std::thread> threads;
  threads.reserve(5);
  for (int i = 0; i < 5; ++i) {
    threads.emplace_back([&] { woken += event.wait(1h) ? 1 : 0; });
  }
  test::await_waiter(event);

  event.set();

  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(woken.load(), 5);
}

TEST(EventTest, SetThenClearReleasesAllWhoWaited) {
  const Event event;
  for (int round = 0; round < 100; ++round) {
    std::atomic<int> woken{0};
    std::vector<std::thread> threads;
    threads.reserve(4);
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] { woken += event.wait(1h) ? 1 : 0; });
    }
    test::await([&] { return test::sleepers_on(event) == 4; });

    event.set();
    event.clear();

    for (std::thread& thread : threads) thread.join();
    ASSERT_EQ(woken.load(), 4);
    ASSERT_FALSE(event.is_set());
  }
}

TEST(EventTest, CopiesAndIdsAreTheSameEvent) {
  const Event event;
  const Event found = Event::from_handle_id(event.handle_id());

  event.set();

  EXPECT_TRUE(found.is_set());
  EXPECT_EQ(found, event);
  EXPECT_NE(Event(), event);
  EXPECT_EQ(std::unordered_set<Event>({event, found}).size(), 1U);
  EXPECT_THROW(Event::from_handle_id(Lock().handle_id()), ValueError);
}

}  // namespace
}  // namespace multiprocessing
