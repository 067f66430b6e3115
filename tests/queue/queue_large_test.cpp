// Items of gigabytes: whatever fits into the arena and into memory.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <multiprocessing/queues.hpp>

#include "shm/arena.hpp"
#include "support/child.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::Child;
using test::require;

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30U;

// "max", or no such file: no limit.
std::uint64_t number_in(const char* path, std::uint64_t otherwise) {
  std::uint64_t number = 0;
  return std::ifstream(path) >> number ? number : otherwise;
}

std::uint64_t available_memory() {
  std::ifstream meminfo("/proc/meminfo");
  std::string name, rest;
  std::uint64_t kilobytes = 0;
  while (meminfo >> name >> kilobytes && name != "MemAvailable:") std::getline(meminfo, rest);
  constexpr auto kNone = std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t limit = number_in("/sys/fs/cgroup/memory.max", kNone);
  const std::uint64_t used = number_in("/sys/fs/cgroup/memory.current", 0);
  return std::min(kilobytes * 1024, limit > used ? limit - used : 0);
}

/// Why there is no room for `in_arena` bytes of shared memory and `beside` bytes of others; empty:
/// there is.
std::string why_not(std::uint64_t in_arena, std::uint64_t beside) {
  if (shm::arena().header().limit < in_arena + kGiB / 4) {
    return "the arena is limited to " + std::to_string(shm::arena().header().limit) + " bytes";
  }
  const std::uint64_t memory = available_memory();
  if (memory >= in_arena + beside + kGiB) return {};
  return "only " + std::to_string(memory) + " bytes of memory are available";
}

// Words that tell their place. A full look costs memory bandwidth and nothing else.
std::uint64_t word_at(std::uint64_t index) {
  return index * 0x9E3779B97F4A7C15U + 1;
}
template <class Words>
void fill(Words& words) {
  for (std::uint64_t i = 0; i < words.size(); ++i) words[i] = word_at(i);
}
template <class Words>
bool is_whole(const Words& words) {
  for (std::uint64_t i = 0; i < words.size(); ++i) {
    if (words[i] != word_at(i)) return false;
  }
  return true;
}

class QueueLargeTest : public testing::TestWithParam<std::uint64_t> {};

TEST_P(QueueLargeTest, ItemIsCopiedInAndOut) {
  const std::uint64_t bytes = GetParam() * kGiB;
  if (const std::string why = why_not(bytes, 2 * bytes); !why.empty()) GTEST_SKIP() << why;
  const std::uint64_t before = shm::arena().allocated_bytes();
  {
    const Queue<std::vector<std::uint64_t>> queue(1);
    auto child = Child::run([&] {
      std::vector<std::uint64_t> item(bytes / 8);
      fill(item);
      queue.put(item);
      require(!queue.try_put(std::vector<std::uint64_t>{1}));
    });
    ASSERT_EQ(child.wait(), test::exited(0));
    const std::vector<std::uint64_t> item = queue.get(60s);
    ASSERT_EQ(item.size(), bytes / 8);
    EXPECT_TRUE(is_whole(item));
  }
  EXPECT_LE(shm::arena().allocated_bytes(), before + kGiB / 4) << "its memory was not given back";
}

TEST_P(QueueLargeTest, ItemIsWrittenAndReadInPlace) {
  const std::uint64_t bytes = GetParam() * kGiB;
  if (const std::string why = why_not(bytes, 0); !why.empty()) GTEST_SKIP() << why;
  const Queue<std::uint64_t> queue;
  auto child = Child::run([&] {
    auto loan = queue.loan(bytes / 8);
    fill(loan);
    queue.put(std::move(loan));
  });
  const View<std::uint64_t> view = queue.get_view(100s);
  EXPECT_EQ(child.wait(), test::exited(0));
  ASSERT_EQ(view.size(), bytes / 8);
  EXPECT_TRUE(is_whole(view));
}

INSTANTIATE_TEST_SUITE_P(GiB, QueueLargeTest, testing::Values(1, 3));

TEST(QueueTooLargeTest, ItemBeyondTheArenaIsRefusedAndNothingIsLost) {
  const Queue<char> queue(1);
  EXPECT_THROW((void)queue.loan(shm::arena().header().limit + 1), ArenaExhausted);
  EXPECT_THROW((void)queue.loan(shm::arena().header().size), ArenaExhausted);
  queue.put('x');
  EXPECT_EQ(queue.get(), 'x');
}

}  // namespace
}  // namespace multiprocessing
