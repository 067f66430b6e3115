// Streams over inputs without end: memory stays as it is, however many items have come out.

#include <multiprocessing/futures.hpp>
#include <multiprocessing/pool.hpp>

#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include <multiprocessing/process.hpp>

#include "pool/tasks.hpp"

namespace multiprocessing {
namespace {

using test::square;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
#else
constexpr bool kSanitized = false;
#endif

constexpr int kItems = kSanitized ? 20'000 : 1'000'000;
constexpr int kWarm = kItems / 10;          // until then caches and windows grow
constexpr std::int64_t kMost = 8LL << 20U;  // what may come and go, for all processes together

/// Bytes of memory that this process and its workers have.
std::int64_t resident() {
  std::int64_t pages = 0;
  const auto add = [&pages](const std::string& pid) {
    std::int64_t size = 0;
    std::int64_t resident = 0;
    std::ifstream("/proc/" + pid + "/statm") >> size >> resident;
    pages += resident;
  };
  add("self");
  for (const auto& worker : active_children()) add(std::to_string(worker.pid()));
  return pages * ::sysconf(_SC_PAGESIZE);
}

template <class Stream>
void expect_flat(Stream results, const int& read, int window) {
  std::int64_t sum = 0;
  std::int64_t warm = 0;
  for (int i = 0; i < kItems; ++i) {
    if (i == kWarm) warm = resident();
    sum += results.next().value();
    ASSERT_LE(read, i + 1 + window);
  }
  const std::int64_t grown = resident() - warm;
  EXPECT_GT(sum, 0);
  std::cout << "grown by " << grown / 1024 << " KiB over " << kItems - kWarm << " items\n";
  if (!kSanitized) {  // a sanitizer keeps what was freed
    EXPECT_LT(grown, kMost);
  }
}

// An input that has no end, and counts how often it was asked.
auto endless(int& read) {
  return generate([&read] { return std::optional(read++ % 1000); });
}

// What the window of a stream over two workers grows to while results come fast (imap_window.hpp),
// and the batch that is read next.
constexpr int kPoolWindow = 2 * 512 + 256;
constexpr int kBuffer = 64;

TEST(PoolFlatTest, ImapOverAnEndlessInput) {
  Pool pool(2);
  int read = 0;
  expect_flat(pool.imap(square, endless(read)), read, kPoolWindow);
}

TEST(PoolFlatTest, ImapUnorderedOverAnEndlessInput) {
  Pool pool(2);
  int read = 0;
  expect_flat(pool.imap_unordered(square, endless(read)), read, kPoolWindow);
}

TEST(PoolFlatTest, ThreadPoolImapOverAnEndlessInput) {
  ThreadPool pool(2);
  int read = 0;
  expect_flat(pool.imap(square, endless(read)), read, kPoolWindow);
}

TEST(PoolFlatTest, ExecutorMapOverAnEndlessInput) {
  ProcessPoolExecutor executor(2);
  int read = 0;
  expect_flat(executor.map(square, endless(read), {.buffersize = kBuffer}), read, kBuffer);
}

TEST(PoolFlatTest, ThreadPoolExecutorMapOverAnEndlessInput) {
  ThreadPoolExecutor executor(2);
  int read = 0;
  expect_flat(executor.map(square, endless(read), {.buffersize = kBuffer}), read, kBuffer);
}

}  // namespace
}  // namespace multiprocessing
