// What the keeper does when the system is short of something, and how it counts failed starts.

#include <multiprocessing/pool.hpp>

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/synchronize.hpp>

#include "pool/tasks.hpp"
#include "support/until.hpp"
#include "sys/calls.hpp"
#include "sys/process.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::square;

// For a call that is replaced in the keeper, and knows nothing but its arguments.
struct Script {
  Value<int> calls{0};
  Event claimed;
};
Script* script = nullptr;
pid_t (*script_fork)() = nullptr;
pid_t script_owner = 0;

TEST(PoolKeeperTest, ATaskOfAWorkerThatTheKeeperCouldNotTakeInIsNotLost) {
  static int (*real)(pid_t, unsigned) = sys::calls().pidfd_open;
  Script mine;
  script = &mine;
  const pid_t owner = ::getpid();
  static pid_t owner_pid = 0;
  owner_pid = owner;
  Pool pool(1);  // its first worker is taken in
  (void)pool.apply(square, 1);
  const sys::ScopedCall failing(&sys::Calls::pidfd_open, [](pid_t pid, unsigned flags) {
    if (::getpid() == owner_pid) return real(pid, flags);
    if (script->calls.fetch_add(1) != 0) return real(pid, flags);
    script->claimed.wait();  // the new worker has a task in hand
    errno = EMFILE;
    return -1;
  });
  Pool unlucky({.processes = 1, .retries = 1});

  const auto result = unlucky.apply_async(
      [](const Event& claimed) {
        const bool again = claimed.is_set();
        claimed.set();
        while (!again) ::pause();  // its worker is killed here
        return 7;
      },
      mine.claimed);

  EXPECT_EQ(result.get(20s), 7);
}

// Worker 0 starts well; worker 1 fails twice before that and once after it.
void start(const Value<int>& tries, const Event& third, const Event& good) {
  if (worker_index() == 0) {
    third.wait();
    return;
  }
  const int turn = tries.fetch_add(1);
  if (turn == 2) {
    third.set();
    good.wait();
  }
  if (turn < 3) throw ValueError("not yet");
}

// In the keeper, which forks the workers, the first three forks succeed.
pid_t fork_thrice() {
  static const auto real = script_fork;
  static int left = 3;
  if (::getpid() == script_owner || left-- > 0) return real();
  errno = EAGAIN;
  return -1;
}

TEST(PoolKeeperTest, WorkersThatStartedEndIfTheOthersCannotBeStarted) {
  script_fork = sys::calls().fork;
  script_owner = ::getpid();
  const Semaphore started(0);
  std::vector<int> pids;
  {
    const sys::ScopedCall failing(&sys::Calls::fork, fork_thrice);
    Pool pool({.processes = 5,
               .initializer = partial([](const Semaphore& here) { here.release(); }, started)});
    for (int i = 0; i < 3; ++i) started.acquire();
    for (const WorkerStats& worker : pool.stats()) {
      if (worker.pid != 0) pids.push_back(worker.pid);
    }
    const auto never = pool.map_async([](int) { test::spin(); }, range(2), 1);
    const auto nor_this = pool.apply_async(test::spin);
    // What runs is lost with the pool, also for those who look when its worker has been ended.
    test::until([&] {
      return std::none_of(pids.begin(), pids.end(),
                          [](int pid) { return sys::process_runs(pid, 0); });
    });

    EXPECT_THROW(nor_this.get(20s), BrokenProcessPool);
    try {
      never.get(20s);  // it tries forty times, for two seconds
      FAIL() << "such a pool is broken";
    } catch (const BrokenProcessPool& error) {
      EXPECT_NE(std::string(error.what()).find("fork"), std::string::npos) << error.what();
    }
  }

  EXPECT_EQ(pids.size(), 3U);
  for (const int pid : pids) EXPECT_FALSE(sys::process_runs(pid, 0));
  EXPECT_TRUE(active_children().empty());
}

TEST(PoolKeeperTest, AGoodStartEndsARowOfFailedOnes) {
  const Value<int> tries(0);
  const Event third;
  const Event good;
  Pool pool({.processes = 2, .initializer = partial(start, tries, third, good)});

  pool.apply([](const Event& event) { event.set(); }, good);

  test::until([&] { return tries.get() >= 4; });
  EXPECT_EQ(pool.map(square, range(4), 1), (std::vector<int>{0, 1, 4, 9}));
}

TEST(PoolKeeperTest, SoManyStraysThatTheirListIsLongAreKilledAll) {
  Pool pool({.processes = 1, .task_timeout = 20s});
  constexpr int kStrays = 900;  // more than 4096 characters

  const std::vector<int> strays = pool.apply([] {
    std::vector<int> pids;
    for (int i = 0; i < kStrays; ++i) {
      const pid_t pid = ::fork();
      if (pid == 0) {
        for (;;) ::pause();
      }
      if (pid > 0) pids.push_back(pid);
    }
    return pids;
  });
  EXPECT_THROW(pool.apply([] { ::kill(::getpid(), SIGKILL); }), WorkerDied);
  pool.close();
  pool.join();

  for (const int pid : strays) EXPECT_FALSE(sys::process_runs(pid, 0)) << pid;
}

}  // namespace
}  // namespace multiprocessing
