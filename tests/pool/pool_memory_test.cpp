// A Pool without memory: work fails with a clear error, nothing hangs. A program of its own, for
// its arena is a small one.

#include <multiprocessing/pool.hpp>

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/synchronize.hpp>

#include "pool/tasks.hpp"
#include "shm/block.hpp"
#include "sys/calls.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::square;
using test::three_is_bad;

// All the memory that is left.
class Hog {
 public:
  Hog() {
    for (std::uint64_t size = std::uint64_t{8} << 20U; size >= 64; size /= 2) {
      try {
        for (;;) blocks_.emplace_back(shm::allocate(size));
      } catch (const ArenaExhausted&) {
      }
    }
  }

 private:
  std::vector<shm::OwnedBlock> blocks_;
};

int kill_at_three(int x) {
  if (x == 3) ::kill(::getpid(), SIGKILL);
  return x;
}

// Opened once the memory has been taken away. The workers inherit it: an argument would have to be
// unpacked, for which there is no memory then.
const Event* gate = nullptr;

class PoolMemoryTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { ::setenv("MULTIPROCESSING_ARENA_LIMIT", "64M", 1); }
  PoolMemoryTest() { gate = &go; }

  const Event go;
};

template <int (*kFunction)(int)>
int held(int x) {
  gate->wait();
  return kFunction(x);
}

TEST_F(PoolMemoryTest, AFailureIsRecordedWithoutMemory) {
  Pool pool(2);
  const auto map = pool.map_async(held<three_is_bad>, range(10), 5);
  const auto dead = pool.map_async(held<kill_at_three>, range(10), 5);
  auto items = pool.imap(held<kill_at_three>, range(6), 3);

  const Hog hog;
  go.set();

  EXPECT_TRUE(map.wait(20s));
  EXPECT_TRUE(dead.wait(20s));
  EXPECT_THROW(map.get(), Error);
  EXPECT_THROW(dead.get(), Error);
  for (int i = 0; i < 6; ++i) {
    if (i == 3) {
      EXPECT_THROW(items.next(20s), WorkerDied);
    } else {
      EXPECT_EQ(items.next(20s), i);
    }
  }
}

TEST_F(PoolMemoryTest, AKeeperWithoutMemoryDoesNotSpin) {
  Pool pool(1);
  const auto dead = pool.map_async(held<kill_at_three>, range(10), 10);

  const Hog hog;
  go.set();

  EXPECT_TRUE(dead.wait(20s));
  EXPECT_THROW(dead.get(), WorkerDied);
}

// For the keeper, which forks workers; the keeper itself is forked by the real one.
pid_t (*real_fork)() = nullptr;
pid_t owner = 0;

TEST_F(PoolMemoryTest, AKeeperThatCanNeitherForkNorSayWhyBreaksThePoolAllTheSame) {
  real_fork = sys::calls().fork;
  owner = ::getpid();
  const sys::ScopedCall failing(&sys::Calls::fork, [] {
    if (::getpid() == owner) return real_fork();
    errno = EAGAIN;
    return pid_t{-1};
  });
  Pool pool(1);
  const auto result = pool.apply_async(square, 1);

  const Hog hog;  // it tries forty times, for two seconds

  EXPECT_THROW(result.get(20s), BrokenProcessPool);
}

TEST_F(PoolMemoryTest, ASubmitThatFailsLosesNothing) {
  Pool pool(1);
  std::vector<AsyncResult<int>> results;
  const std::string big(100'000, 'x');
  {
    const Hog hog;
    const auto length = [](const std::string& text) { return text.size(); };
    EXPECT_THROW((void)pool.apply_async(length, big), ArenaExhausted);
    // More tasks than the first ring and the first cells hold.
    try {
      for (int i = 0; i < 100'000; ++i) results.push_back(pool.apply_async(held<square>, i));
    } catch (const ArenaExhausted&) {
    }
  }
  go.set();

  for (std::size_t i = 0; i < results.size(); ++i) {
    const int x = static_cast<int>(i);
    EXPECT_EQ(results[i].get(20s),
              static_cast<int>(static_cast<unsigned>(x) * static_cast<unsigned>(x)));
  }
  EXPECT_EQ(pool.apply(square, 9), 81);
  pool.close();
  pool.join();
}

TEST_F(PoolMemoryTest, AnImapThatCannotSubmitGoesOnWhereItWas) {
  Pool pool(1);
  const auto size = [](const std::string& text) { return text.size(); };
  int read = 0;
  auto results = pool.imap(size, generate([&]() -> std::optional<std::string> {
                             if (read == 40) return std::nullopt;
                             return std::string(static_cast<std::size_t>(++read) * 25000, 'x');
                           }));
  std::size_t expected = 0;
  {
    const Hog hog;
    try {
      while (expected < 1'000'000) {
        EXPECT_EQ(results.next(20s), expected + 25'000);
        expected += 25'000;
      }
      FAIL() << "the memory was to be used up";
    } catch (const ArenaExhausted&) {
    }
  }

  while (const auto found = results.next(20s)) {
    EXPECT_EQ(*found, expected + 25'000);
    expected += 25'000;
  }
  EXPECT_EQ(expected, 1'000'000U);
}

}  // namespace
}  // namespace multiprocessing
