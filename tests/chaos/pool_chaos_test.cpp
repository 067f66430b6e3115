// Kills a pool's worker or keeper at each point named in lib/pool, and at the points of the memory
// beneath it, and checks that every task resolves, that at most the one in hand fails, and that the
// pool goes on.

#include <multiprocessing/pool.hpp>

#include <signal.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <ostream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/synchronize.hpp>

#include "pool/keeper_pid.hpp"
#include "shm/arena.hpp"
#include "support/fork_server.hpp"
#include "sys/crash_point.hpp"
#include "sys/process.hpp"

namespace multiprocessing {
namespace {

struct At {
  const char* point;
  int visit = 1;
  StartMethod method = StartMethod::fork;
  friend std::ostream& operator<<(std::ostream& out, const At& at) {
    constexpr std::array kHow{"", " served", " spawned"};
    return out << at.point << ':' << at.visit << kHow.at(static_cast<std::size_t>(at.method));
  }
};

/// What is executed anew meanwhile has the point armed, this process has not.
class ArmedEnvironment {
 public:
  explicit ArmedEnvironment(const At& at) {
    sys::disarm_crash_point();
    const std::string text = std::string(at.point) + ":" + std::to_string(at.visit);
    ::setenv("MULTIPROCESSING_CRASH_AT", text.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
    end_server();
  }
  ArmedEnvironment(const ArmedEnvironment&) = delete;
  ArmedEnvironment& operator=(const ArmedEnvironment&) = delete;
  ~ArmedEnvironment() {
    ::unsetenv("MULTIPROCESSING_CRASH_AT");  // NOLINT(concurrency-mt-unsafe)
    end_server();
  }

 private:
  // The next one is executed anew.
  static void end_server() {
    const pid_t server = test::fork_server_pid();
    if (server <= 0) return;
    ::kill(server, SIGKILL);
    while (sys::process_runs(server, 0)) std::this_thread::yield();
  }
};

// A pool whose first keeper has the point armed, and the workers that it starts; later keepers have
// not.
Pool make_armed(const At& at, PoolOptions options) {
  options.method = at.method;
  if (at.method != StartMethod::fork) {
    const ArmedEnvironment armed(at);
    return Pool(std::move(options));
  }
  sys::arm_crash_point(at.point, at.visit);
  Pool pool(std::move(options));
  sys::disarm_crash_point();
  return pool;
}

int same(int x) {
  return x;
}
std::string text_of(int x) {
  return std::string(500, 'x') + std::to_string(x);
}
int die() {
  ::kill(::getpid(), SIGKILL);
  return 0;
}

// The first worker that comes by is the victim: the only one, though two come at once.
void arm_one(const Semaphore& one, const std::string& point, int visit) {
  if (!one.acquire(false)) return;
  static std::string kept;
  kept = point;
  sys::arm_crash_point(kept.c_str(), visit);
}

/// What became of some work.
struct Tally {
  int good = 0;
  int failed = 0;

  template <class Get>
  void add(Get get) {
    try {
      get();
      ++good;
    } catch (const WorkerDied&) {
      ++failed;
    }
  }
};

// Tasks with small and big results, whole maps, single items: everything that a worker does.
Tally work(Pool& pool) {
  Tally tally;
  std::vector<AsyncResult<int>> small;
  std::vector<AsyncResult<std::string>> big;
  for (int i = 0; i < 10; ++i) small.push_back(pool.apply_async(same, i));
  for (int i = 0; i < 10; ++i) big.push_back(pool.apply_async(text_of, i));
  for (int i = 0; i < 10; ++i) {
    const auto at = static_cast<std::size_t>(i);
    tally.add([&] { EXPECT_EQ(small[at].get(), i); });
    tally.add([&] { EXPECT_EQ(big[at].get(), text_of(i)); });
  }
  tally.add([&] { EXPECT_EQ(pool.map(same, range(40)).size(), 40U); });
  tally.add([&] { EXPECT_EQ(pool.map(text_of, range(40)).size(), 40U); });
  auto items = pool.imap(text_of, range(40), 5);
  for (int i = 0; i < 40; ++i) tally.add([&] { EXPECT_EQ(items.next(), text_of(i)); });
  EXPECT_EQ(items.next(), std::nullopt);
  return tally;
}

std::uint64_t deaths_so_far() {
  return shm::arena().header().deaths.load(std::memory_order_acquire);
}

class PoolWorkerChaosTest : public testing::TestWithParam<At> {};

TEST_P(PoolWorkerChaosTest, AWorkerKilledThereCostsAtMostItsTask) {
  for (const int processes : {1, 2}) {
    const Semaphore one(1);
    const std::uint64_t before = deaths_so_far();
    Pool pool(
        {.processes = processes,
         .initializer = partial(arm_one, one, std::string(GetParam().point), GetParam().visit)});

    const Tally first = work(pool);
    const Tally second = work(pool);

    EXPECT_LE(first.failed + second.failed, 1);
    EXPECT_EQ(first.good + first.failed, 62);
    EXPECT_EQ(second.good + second.failed, 62);
    pool.close();
    pool.join();
    if (processes == 1) {
      EXPECT_GE(deaths_so_far(), before + 3) << "the victim, its successor, the keeper";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Points, PoolWorkerChaosTest,
    testing::Values(At{"pool.task.noted"}, At{"pool.task.claimed"}, At{"pool.task.claimed", 5},
                    At{"pool.task.run"}, At{"pool.task.run", 3}, At{"pool.task.stored"},
                    At{"pool.task.published"}, At{"pool.chunk.noted"}, At{"pool.chunk.claimed"},
                    At{"pool.chunk.claimed", 3}, At{"pool.item.returned", 3},
                    At{"pool.item.stored"}, At{"pool.item.stored", 7}, At{"pool.item.done"},
                    At{"pool.item.done", 4}, At{"pool.chunk.ended"}, At{"pool.chunk.ended", 2},
                    At{"block.allocate.noted", 4}, At{"block.allocate.claimed", 4},
                    At{"block.link.noted", 3}, At{"block.link.linked", 3},
                    At{"block.link.published", 3}));

TEST(PoolIdleChaosTest, AWorkerKilledAsItFallsAsleepIsReplaced) {
  const Semaphore one(1);
  const std::uint64_t before = deaths_so_far();
  Pool pool(
      {.processes = 1, .initializer = partial(arm_one, one, std::string("pool.seat.parked"), 1)});

  while (deaths_so_far() == before) std::this_thread::yield();

  EXPECT_EQ(pool.apply(same, 1), 1);
}

// Work that keeps the keeper busy: a task and an item that kill their worker.
void deaths(Pool& pool) {
  EXPECT_THROW(pool.apply(die), WorkerDied);
  auto items = pool.imap([](int x) { return x == 3 ? die() : x; }, range(10), 10);
  for (int i = 0; i < 10; ++i) {
    if (i == 3) {
      EXPECT_THROW(items.next(), WorkerDied);
    } else {
      EXPECT_EQ(items.next(), i);
    }
  }
}

class PoolKeeperChaosTest : public testing::TestWithParam<At> {
 protected:
  static Pool make(int retries = 0) {
    return make_armed(GetParam(), {.processes = 2, .retries = retries});
  }
};

TEST_P(PoolKeeperChaosTest, AKeeperKilledThereIsReplacedAndNothingIsLost) {
  Pool pool = make();
  const pid_t keeper = test::keeper_pid();

  const Tally before = work(pool);
  deaths(pool);
  const Tally after = work(pool);
  EXPECT_THROW(pool.apply(die), WorkerDied);

  EXPECT_EQ(before.failed + after.failed, 0);
  EXPECT_FALSE(sys::process_runs(keeper, 0)) << "the point was not met";
  pool.close();
  pool.join();
}

TEST_P(PoolKeeperChaosTest, ARetryIsNotLostWithTheKeeper) {
  const Event first;
  Pool pool = make(1);

  const int result = pool.apply(
      [](const Event& event, int x) {
        if (event.is_set()) return x;
        event.set();
        return die();
      },
      first, 7);

  EXPECT_EQ(result, 7);
}

TEST_P(PoolKeeperChaosTest, TerminateEndsThePoolAllTheSame) {
  Pool pool = make();
  for (int i = 0; i < 5; ++i) (void)pool.apply_async(die);

  pool.terminate();
  pool.join();
}

INSTANTIATE_TEST_SUITE_P(
    Points, PoolKeeperChaosTest,
    testing::Values(At{"pool.keeper.started"}, At{"pool.keeper.adopted"}, At{"pool.seat.starting"},
                    At{"pool.seat.starting", 2}, At{"pool.seat.launched"},
                    At{"pool.seat.launched", 2}, At{"pool.clean.begun"}, At{"pool.clean.begun", 2},
                    At{"pool.chunk.failed"}, At{"pool.chunk.given_back"}, At{"pool.clean.marked"},
                    At{"pool.clean.marked", 2}, At{"pool.ring.pushed"}, At{"pool.clean.pushed"},
                    At{"pool.clean.cleared"}, At{"pool.clean.cleared", 2}, At{"pool.clean.vacated"},
                    At{"pool.clean.vacated", 2}, At{"process.newborn.read", 1, StartMethod::spawn},
                    At{"process.newborn.held", 1, StartMethod::spawn},
                    At{"pool.keeper.started", 1, StartMethod::spawn},
                    At{"pool.keeper.adopted", 1, StartMethod::spawn},
                    At{"pool.seat.starting", 2, StartMethod::spawn},
                    At{"process.spawn.claimed", 1, StartMethod::spawn},
                    At{"process.spawn.sealed", 2, StartMethod::spawn},
                    At{"process.spawn.executed", 1, StartMethod::spawn},
                    At{"process.spawn.executed", 2, StartMethod::spawn},
                    At{"pool.seat.launched", 2, StartMethod::spawn},
                    At{"process.served.born", 1, StartMethod::forkserver},
                    At{"pool.keeper.started", 1, StartMethod::forkserver},
                    At{"pool.keeper.adopted", 1, StartMethod::forkserver},
                    At{"pool.seat.starting", 2, StartMethod::forkserver},
                    At{"pool.seat.launched", 1, StartMethod::forkserver},
                    At{"pool.seat.launched", 2, StartMethod::forkserver},
                    At{"pool.clean.begun", 1, StartMethod::forkserver},
                    At{"pool.clean.marked", 1, StartMethod::forkserver},
                    At{"pool.clean.cleared", 2, StartMethod::forkserver}));

class PoolServerChaosTest : public testing::TestWithParam<At> {};

// Every server dies there at its second request: that is the second pool's keeper or a later one.
TEST_P(PoolServerChaosTest, AServerKilledAsItStartsAKeeperCostsThePoolNothing) {
  const ArmedEnvironment armed(GetParam());
  Pool first({.processes = 1, .method = StartMethod::forkserver});
  Pool pool({.processes = 2, .method = StartMethod::forkserver});
  EXPECT_EQ(first.apply(same, 1), 1);
  first.terminate();
  first.join();

  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(work(pool).failed, 0);
    deaths(pool);
    const pid_t keeper = test::keeper_pid();
    ASSERT_GT(keeper, 0);
    ::kill(keeper, SIGKILL);
  }

  EXPECT_EQ(work(pool).failed, 0);
  pool.close();
  pool.join();
}

INSTANTIATE_TEST_SUITE_P(Points, PoolServerChaosTest,
                         testing::Values(At{"process.server.asked", 2},
                                         At{"process.server.forked", 2},
                                         At{"process.server.answered", 2}));

// In worker 1, where it dies of its first attempt once told to; worker 0 has nothing to do.
int die_in_worker_one(const Event& begun, const Event& go, const Event& again) {
  if (again.is_set()) return worker_index();
  if (worker_index() == 0) {
    begun.wait();
    return 0;
  }
  begun.set();
  go.wait();
  again.set();
  return die();
}

bool is_asleep(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(stat, text);
  const std::size_t name_ends = text.rfind(')');
  return name_ends != std::string::npos && text[name_ends + 2] == 'S';
}

TEST(PoolShrunkChaosTest, WhatTheLastSeatHadIsTakenUpThoughTheKeeperDiesAndFillsItNoMore) {
  const Event begun;
  const Event go;
  const Event again;
  Pool pool = make_armed({"pool.clean.vacated"}, {.processes = 2, .retries = 1});
  const pid_t keeper = test::keeper_pid();
  auto first = pool.apply_async(die_in_worker_one, begun, go, again);
  auto second = pool.apply_async(die_in_worker_one, begun, go, again);
  begun.wait();
  pool.resize(1);
  while (!first.ready() && !second.ready()) std::this_thread::yield();
  const int idle = pool.stats()[0].pid;
  while (!is_asleep(idle)) std::this_thread::yield();

  go.set();

  EXPECT_EQ(first.get(std::chrono::seconds(20)), 0);
  EXPECT_EQ(second.get(std::chrono::seconds(20)), 0);
  EXPECT_FALSE(sys::process_runs(keeper, 0)) << "the point was not met";
}

class PoolStartChaosTest : public testing::TestWithParam<At> {};

TEST_P(PoolStartChaosTest, WorkersThatAllDieAsTheyStartBreakThePool) {
  Pool pool = make_armed(GetParam(), {.processes = 2});

  EXPECT_THROW(pool.apply(same, 1), BrokenProcessPool);
}

INSTANTIATE_TEST_SUITE_P(Points, PoolStartChaosTest,
                         testing::Values(At{"pool.seat.named"}, At{"pool.seat.live"},
                                         At{"process.child.born", 2}, At{"process.child.became", 2},
                                         At{"pool.seat.named", 1, StartMethod::spawn},
                                         At{"pool.seat.live", 1, StartMethod::spawn},
                                         At{"pool.seat.named", 1, StartMethod::forkserver},
                                         At{"pool.seat.live", 1, StartMethod::forkserver}));

// Fails so many times, then no more.
void fail_twice(const Value<int>& tries) {
  if (tries.fetch_add(1) < 2) throw ValueError("not yet");
}

TEST(PoolStartsChaosTest, AFailedStartIsCountedOnceThoughTheKeeperDiesWithIt) {
  for (const int visit : {1, 2}) {
    const Value<int> tries(0);
    Pool pool = make_armed({"pool.clean.cleared", visit},
                           {.processes = 1, .initializer = partial(fail_twice, tries)});
    EXPECT_EQ(pool.apply(same, 7), 7) << visit;
    EXPECT_EQ(tries.get(), 3) << visit;
  }
}

}  // namespace
}  // namespace multiprocessing
