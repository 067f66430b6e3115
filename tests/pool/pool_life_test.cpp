// How a Pool begins and ends, and what it leaves behind: nothing.

#include <multiprocessing/pool.hpp>

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/queues.hpp>
#include <multiprocessing/synchronize.hpp>

#include "pool/tasks.hpp"
#include "shm/block.hpp"
#include "support/child.hpp"
#include "support/fd_snapshot.hpp"
#include "sys/pipe.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::spin;
using test::square;

void fail(const Event& event) {
  event.set();
  throw ValueError("no licence");
}

TEST(PoolLifeTest, FewerThanOneProcessIsAValueErrorThatNamesIt) {
  for (const int processes : {0, -3}) {
    try {
      const Pool pool(processes);
      FAIL();
    } catch (const ValueError& error) {
      EXPECT_NE(std::string(error.what()).find(std::to_string(processes)), std::string::npos);
    }
  }
}

TEST(PoolLifeTest, OptionsThatCannotBeHadAreValueErrors) {
  EXPECT_THROW(Pool({.processes = 1, .maxtasksperchild = -1}), ValueError);
  EXPECT_THROW(Pool({.processes = 1, .retries = -1}), ValueError);
}

TEST(PoolLifeTest, CloseRefusesNewWorkAndJoinWaitsForTheOld) {
  Pool pool(2);
  EXPECT_THROW(pool.join(), ValueError);
  std::vector<AsyncResult<int>> results;
  for (int i = 0; i < 100; ++i) results.push_back(pool.apply_async(square, i));

  pool.close();

  EXPECT_THROW(static_cast<void>(pool.apply_async(square, 1)), ValueError);
  EXPECT_THROW(pool.map(square, range(3)), ValueError);
  EXPECT_THROW(static_cast<void>(pool.imap(square, range(3))), ValueError);
  pool.join();
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(results[static_cast<std::size_t>(i)].ready());
    EXPECT_EQ(results[static_cast<std::size_t>(i)].get(), i * i);
  }
}

TEST(PoolLifeTest, ResultsOutliveThePool) {
  const auto result = [] {
    Pool pool(1);
    auto kept = pool.apply_async(square, 9);
    kept.wait();
    return kept;
  }();

  EXPECT_EQ(result.get(), 81);
}

TEST(PoolLifeTest, TerminateDropsWhatIsQueued) {
  Pool pool(2);
  std::vector<AsyncResult<void>> results;
  for (int i = 0; i < 100; ++i) results.push_back(pool.apply_async(spin));

  pool.terminate();
  pool.join();

  EXPECT_THROW(results.back().get(), CancelledError);
}

TEST(PoolLifeTest, TheDestructorEndsRunningAndQueuedTasks) {
  Pool pool(2);
  for (int i = 0; i < 50; ++i) (void)pool.apply_async(spin);
}

TEST(PoolLifeTest, TheDestructorWorksWhileAnExceptionUnwinds) {
  EXPECT_THROW(
      {
        Pool pool(2);
        (void)pool.apply_async(spin);
        throw std::runtime_error("unwinds");
      },
      std::runtime_error);
}

TEST(PoolLifeTest, APoolLeavesNothingBehind) {
  {
    Pool(1).apply(square, 1);
  }  // what the library opens once, it keeps
  const test::FdSnapshot before;
  const std::uint64_t blocks = shm::census().blocks;

  for (int round = 0; round < 3; ++round) {
    Pool pool(2);
    (void)pool.map(square, range(100));
    (void)pool.map([](int x) { return std::string(1000, 'x') + std::to_string(x); }, range(50));
    for (int i = 0; i < 300; ++i) (void)pool.apply_async(square, i);
    auto dropped = pool.imap([](int x) { return std::to_string(x); }, range(1000));
    (void)dropped.next();
  }

  EXPECT_EQ(test::FdSnapshot(), before);
  EXPECT_EQ(shm::census().blocks, blocks);
}

TEST(PoolLifeTest, WorkersAndKeeperEndWithTheirOwner) {
  sys::Pipe alive = sys::make_pipe();  // every process below holds its write end
  auto owner = test::Child::run([] {
    Pool pool(3);
    for (int i = 0; i < 10; ++i) (void)pool.apply_async(spin);
    (void)pool.apply_async([] { ::signal(SIGTERM, SIG_IGN); });
    test::hang_up_and_wait();
  });
  owner.await_hang_up();
  alive.write.reset();

  owner.kill(SIGKILL);

  EXPECT_EQ(sys::wait_readable(alive.read.get()), sys::Ready::yes)
      << "hung up: all of them are gone";
}

TEST(PoolLifeTest, TheInitializerRunsInEachWorkerAndTheFinalizerAtItsOrderlyEnd) {
  static int prepared = 0;
  const Event finished;
  Pool pool({.processes = 2,
             .initializer = partial([](int value) { prepared = value; }, 42),
             .finalizer = partial([](const Event& event) { event.set(); }, finished)});

  EXPECT_EQ(pool.map([](int) { return prepared; }, range(4)), (std::vector<int>{42, 42, 42, 42}));
  pool.close();
  pool.join();

  EXPECT_TRUE(finished.is_set());
  EXPECT_EQ(prepared, 0);
}

TEST(PoolLifeTest, AFailingInitializerBreaksThePoolWithItsText) {
  const Event tried;
  Pool pool({.processes = 2, .initializer = partial(fail, tried)});

  try {
    pool.apply(square, 1);
    FAIL() << "no worker can do it";
  } catch (const BrokenProcessPool& error) {
    EXPECT_NE(std::string(error.what()).find("ValueError: no licence"), std::string::npos);
  }

  EXPECT_TRUE(tried.is_set());
  EXPECT_THROW(static_cast<void>(pool.apply_async(square, 1)), BrokenProcessPool);
}

TEST(PoolLifeTest, AFailingInitializerIsTriedABoundedNumberOfTimes) {
  const Queue<int> pids;
  const auto note_and_fail = [](const Queue<int>& tried) {
    tried.put(static_cast<int>(::getpid()));
    throw ValueError("no licence");
  };
  for (const int workers : {1, 4}) {
    {
      Pool pool({.processes = workers, .initializer = partial(note_and_fail, pids)});
      EXPECT_THROW(pool.apply(square, 1), BrokenProcessPool);
      EXPECT_THROW(pool.apply(square, 1), BrokenProcessPool) << "and no worker is started for it";
    }
    std::set<int> distinct;
    while (const auto pid = pids.try_get()) distinct.insert(*pid);
    EXPECT_GE(distinct.size(), 1U);
    EXPECT_LE(distinct.size(), 3U + static_cast<std::size_t>(workers))
        << "three failures in a row, and those that were on their way";
  }
}

TEST(PoolLifeTest, AnInitializerThatEndsTheWorkerBreaksThePoolWhateverItsExitCode) {
  for (const int code : {0, 3}) {
    Pool pool({.processes = 1, .initializer = partial([](int c) { std::exit(c); }, code)});
    EXPECT_THROW(pool.apply(square, 1), BrokenProcessPool) << code;
  }
}

TEST(PoolLifeTest, WorkersRetireAfterTheirNumberOfTasksAndNoneIsLost) {
  for (const int limit : {1, 2, 3}) {
    Pool pool({.processes = 2, .maxtasksperchild = limit});
    std::vector<AsyncResult<int>> results;
    for (int i = 0; i < 20; ++i) results.push_back(pool.apply_async([] { return ::getpid(); }));
    std::multiset<int> pids;
    for (const auto& result : results) pids.insert(result.get());
    for (const int pid : pids) EXPECT_LE(pids.count(pid), static_cast<std::size_t>(limit));
  }
}

TEST(PoolLifeTest, APoolIsInertInAForkedChild) {
  Pool pool(1);
  auto child = test::Child::run([&pool] {
    try {
      (void)pool.apply_async(square, 1);
      test::require(false);
    } catch (const ValueError&) {
    }
    Pool dropped(std::move(pool));
  });

  EXPECT_EQ(child.wait(), test::exited(0));
  EXPECT_EQ(pool.apply(square, 3), 9);
}

}  // namespace
}  // namespace multiprocessing
