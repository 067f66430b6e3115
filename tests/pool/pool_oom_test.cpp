// A worker that the kernel ends for want of memory: what() says so. It needs the right to make a
// control group.

#include <multiprocessing/pool.hpp>

#include <signal.h>
#include <unistd.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "pool/tasks.hpp"
#include "support/child.hpp"
#include "wire/memory_death.hpp"

namespace multiprocessing {
namespace {

using test::require;

bool write(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  return file.good();
}

/// A group of so little memory, of version 1 or 2; without the right to make one: nothing.
class SmallGroup {
 public:
  explicit SmallGroup(std::size_t bytes) {
    for (const std::string parent : {"/sys/fs/cgroup/memory", "/sys/fs/cgroup"}) {
      std::error_code error;
      path_ = parent + "/multiprocessing-test-" + std::to_string(::getpid());
      if (!std::filesystem::create_directory(path_, error)) continue;
      const std::string limit = std::to_string(bytes);
      if (write(path_ + "/memory.max", limit) || write(path_ + "/memory.limit_in_bytes", limit)) {
        return;
      }
      std::filesystem::remove(path_, error);
    }
    path_.clear();
  }
  SmallGroup(const SmallGroup&) = delete;
  SmallGroup& operator=(const SmallGroup&) = delete;
  ~SmallGroup() {
    std::error_code error;
    if (!path_.empty()) std::filesystem::remove(path_, error);
  }
  explicit operator bool() const { return !path_.empty(); }
  [[nodiscard]] bool enter() const {
    return write(path_ + "/cgroup.procs", std::to_string(::getpid()));
  }

 private:
  std::string path_;
};

std::size_t eat(std::size_t bytes) {
  const std::vector<char> food(bytes, 1);
  return food.size();
}

TEST(PoolOomTest, WhatEndedForWantOfMemoryIsToldFromWhatWasKilled) {
  constexpr std::size_t kLimit = std::size_t{64} << 20U;
  const SmallGroup group(kLimit);
  if (!group) GTEST_SKIP() << "no control group can be made here";

  auto program = test::Child::run([&] {
    require(group.enter());
    Pool pool(1);
    try {
      (void)pool.apply(eat, 4 * kLimit);
      require(false);
    } catch (const WorkerDied& death) {
      require(death.signal() == SIGKILL);
      require(std::string(death.what()).find("out-of-memory kill") != std::string::npos);
    }
    try {
      pool.apply([] { ::raise(SIGKILL); });
      require(false);
    } catch (const WorkerDied& death) {
      require(std::string(death.what()).find("memory") == std::string::npos);
    }
    require(pool.apply(test::square, 3) == 9);
  });

  EXPECT_EQ(program.wait(), test::exited(0));
}

TEST(PoolOomTest, ItTravelsAsWhatItIs) {
  Pool pool(1);
  try {
    pool.apply([] { throw wire::MemoryDeath(WorkerDied(7, SIGKILL, std::nullopt, "eat")); });
    FAIL();
  } catch (const WorkerDied& death) {
    EXPECT_EQ(death.pid(), 7);
    EXPECT_EQ(std::string(death.what()),
              "the worker (pid 7) that ran eat was killed by SIGKILL, probably for want of memory: "
              "its control group counts an out-of-memory kill; only this task is lost (retries or "
              "Retry try such a task again)");
  }
}

}  // namespace
}  // namespace multiprocessing
