// Ten thousand deaths in a bounded queue: all of its places are there afterwards, and its memory.

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <multiprocessing/queues.hpp>

#include "shm/block.hpp"
#include "shm/process_table.hpp"
#include "support/child.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::Child;

constexpr int kDeaths = 10'000;
constexpr int kAtOnce = 3;  // processes that put and get, all of which are killed
constexpr std::size_t kPlaces = 16;

// Puts and gets until it is killed, and waits for place and items now and then.
template <class T>
[[noreturn]] void put_and_get(const Queue<T>& queue, const T& item) {
  test::hang_up();
  for (unsigned i = 0;; ++i) {
    (void)queue.try_put(item, i % 16 == 0 ? Timeout(1ms) : Timeout::zero());
    if (i % 3 != 0) (void)queue.try_get(i % 64 == 1 ? Timeout(1ms) : Timeout::zero());
  }
}

template <class T>
void expect_all_places(const Queue<T>& queue, const T& item) {
  while (queue.try_get()) {
  }
  for (std::size_t i = 0; i < kPlaces; ++i) ASSERT_TRUE(queue.try_put(item)) << i;
  ASSERT_FALSE(queue.try_put(item));
  ASSERT_EQ(queue.qsize(), kPlaces);
  for (std::size_t i = 0; i < kPlaces; ++i) ASSERT_TRUE(queue.try_get().has_value());
}

template <class T>
void kill_again_and_again(const T& item, int deaths) {
  const Queue<T> queue(kPlaces);
  std::mt19937 random(20240607);
  std::uint64_t blocks = 0;
  for (int round = 0; round * kAtOnce < deaths; ++round) {
    std::vector<Child> victims;
    for (int i = 0; i < kAtOnce; ++i) {
      victims.push_back(Child::run([&] { put_and_get(queue, item); }));
    }
    for (Child& victim : victims) victim.await_hang_up();
    for (Child& victim : victims) {
      ::usleep(static_cast<useconds_t>(random() % 200));  // any moment will do
      victim.kill(SIGKILL);
      ASSERT_EQ(victim.wait(), test::killed_by(SIGKILL));
    }
    if (round % 100 != 0) continue;
    ASSERT_NO_FATAL_FAILURE(expect_all_places(queue, item)) << round;
    (void)shm::bury_the_dead();
    EXPECT_TRUE(queue.empty());
    if (round == 100) blocks = shm::census().blocks;
  }
  expect_all_places(queue, item);
  (void)shm::bury_the_dead();
  EXPECT_TRUE(queue.empty());
  EXPECT_LE(shm::census().blocks, blocks + 4);
}

TEST(QueueKillStressTest, AllPlacesAreThereAfterTenThousandDeaths) {
  kill_again_and_again<std::uint64_t>(7, kDeaths * 8 / 10);
}

TEST(QueueKillStressTest, AllPlacesAreThereAfterDeathsWithLargeItems) {
  kill_again_and_again<std::string>(std::string(5000, 'x'), kDeaths * 2 / 10);
}

}  // namespace
}  // namespace multiprocessing
