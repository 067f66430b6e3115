// What users of process pools suffer from elsewhere: recycling that loses tasks, slow tasks that
// strand others, pools in pools, Ctrl-C, teardown at any time.

#include <multiprocessing/futures.hpp>
#include <multiprocessing/pool.hpp>

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/signals.hpp>
#include <multiprocessing/synchronize.hpp>

#include "pool/tasks.hpp"
#include "support/child.hpp"
#include "sys/pipe.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::spin;
using test::square;

// Counts its runs; may kill its worker.
int once(const Array<int>& runs, bool deadly, int i) {
  const std::lock_guard guard(runs.get_lock());
  ++runs[static_cast<std::size_t>(i)];
  if (deadly && i % 7 == 3) ::raise(SIGKILL);
  return i;
}

void recycle(int workers, int limit, int tasks, bool deadly) {
  Pool pool({.processes = workers, .maxtasksperchild = limit});
  const Array<int> runs(static_cast<std::size_t>(tasks));
  std::vector<AsyncResult<int>> results;
  for (int i = 0; i < tasks; ++i) results.push_back(pool.apply_async(once, runs, deadly, i));
  for (int i = 0; i < tasks; ++i) {
    const AsyncResult<int>& result = results[static_cast<std::size_t>(i)];
    if (deadly && i % 7 == 3) {
      EXPECT_THROW((void)result.get(20s), WorkerDied);
    } else {
      EXPECT_EQ(result.get(20s), i);
    }
  }
  pool.close();
  pool.join();
  for (const int count : runs) EXPECT_EQ(count, 1);
}

TEST(PoolHazardTest, RecyclingLosesAndRepeatsNothing) {
  for (int workers = 1; workers <= 4; ++workers) {
    for (int limit = 1; limit <= 5; ++limit) {
      for (const int tasks : {1, 2, 7, 20, 50}) {
        SCOPED_TRACE(testing::Message()
                     << workers << " workers, limit " << limit << ", " << tasks << " tasks");
        recycle(workers, limit, tasks, false);
      }
    }
  }
}

TEST(PoolHazardTest, RecyclingLosesAndRepeatsNothingWhileWorkersDie) {
  for (int workers = 1; workers <= 4; ++workers) {
    for (int limit = 1; limit <= 5; ++limit) {
      SCOPED_TRACE(testing::Message() << workers << " workers, limit " << limit);
      recycle(workers, limit, 25, true);
    }
  }
}

TEST(PoolHazardTest, ASlowTaskStrandsNoOthers) {
  const auto work = [](int x) {
    std::this_thread::sleep_for(x == 0 ? 2000ms : 0ms);  // what the others must not wait for
    return x;
  };
  Pool pool(4);
  const Event go;
  auto slow = pool.apply_async([](const Event& event) { event.wait(); }, go);

  EXPECT_EQ(pool.map(square, range(999), 1).size(), 999U) << "while one worker is busy";
  auto results = pool.imap_unordered(work, range(300));
  for (int i = 1; i < 300; ++i) EXPECT_NE(results.next(1900ms), 0);

  go.set();
  EXPECT_EQ(results.next(), 0);
  slow.get();
}

int inner_sum(int n) {
  Pool pool(2);
  const auto squares = pool.map(square, range(n));
  return std::accumulate(squares.begin(), squares.end(), 0);
}
int middle_sum(int n) {
  ProcessPoolExecutor executor(2);
  return executor.submit(inner_sum, n).result() + executor.submit(inner_sum, n).result();
}

TEST(PoolHazardTest, PoolsInTasksOfPoolsWork) {
  Pool pool(2);

  EXPECT_EQ(pool.map(middle_sum, {3, 4}), (std::vector<int>{10, 28}));
}

TEST(PoolHazardTest, PoolsInTasksEndWithTheRoot) {
  sys::Pipe alive = sys::make_pipe();
  auto owner = test::Child::run([] {
    Pool pool(1);
    const Event inside;
    (void)pool.apply_async(
        [](const Event& event) {
          Pool inner(2);
          (void)inner.apply_async(spin);
          inner.apply([](const Event& seen) { seen.set(); }, event);
          inner.apply(spin);
        },
        inside);
    inside.wait();
    test::hang_up_and_wait();
  });
  owner.await_hang_up();
  alive.write.reset();

  owner.kill(SIGKILL);

  EXPECT_EQ(sys::wait_readable(alive.read.get()), sys::Ready::yes);
}

TEST(PoolHazardTest, AnInterruptEndsAProgramInMapAndAllItsWorkers) {
  sys::Pipe alive = sys::make_pipe();
  const Event working;
  auto owner = test::Child::run([&working] {
    Pool pool(2);
    pool.map(partial(
                 [](const Event& event, int) {
                   event.set();
                   spin();
                 },
                 working),
             range(4));
  });
  alive.write.reset();
  working.wait();

  owner.kill(SIGINT);

  EXPECT_EQ(owner.wait(), test::killed_by(SIGINT));
  EXPECT_EQ(sys::wait_readable(alive.read.get()), sys::Ready::yes);
}

TEST(PoolHazardTest, AProgramThatCatchesKeyboardInterruptLeavesMapAndEndsInOrder) {
  sys::Pipe alive = sys::make_pipe();
  const Event working;
  auto owner = test::Child::run([&working] {
    raise_on_signal();
    try {
      Pool pool(2);
      pool.map(partial(
                   [](const Event& event, int) {
                     event.set();
                     spin();
                   },
                   working),
               range(4));
    } catch (const KeyboardInterrupt&) {
      std::exit(130);
    }
  });
  alive.write.reset();
  working.wait();

  owner.kill(SIGINT);

  EXPECT_EQ(owner.wait(), test::exited(130));
  EXPECT_EQ(sys::wait_readable(alive.read.get()), sys::Ready::yes);
}

TEST(PoolHazardTest, APoolIsTornDownFromAnotherThread) {
  auto pool = std::make_unique<Pool>(2);
  std::vector<AsyncResult<void>> results;
  for (int i = 0; i < 100; ++i) results.push_back(pool->apply_async(spin));

  std::thread([&] { pool.reset(); }).join();

  for (const auto& result : results) EXPECT_THROW(result.get(20s), CancelledError);
}

TEST(PoolHazardTest, PoolAndExecutorInStaticStorageEndWithTheProgram) {
  auto program = test::Child::run([] {
    static Pool pool(2);
    static ProcessPoolExecutor executor(2);
    for (int i = 0; i < 50; ++i) {
      (void)pool.apply_async(spin);
      (void)executor.submit(spin);
    }
    std::exit(7);
  });

  EXPECT_EQ(program.wait(), test::exited(7));
}

TEST(PoolHazardTest, ATaskThatExitsOrThrowsOutOfTheInputHarmsNobody) {
  Pool pool(2);
  EXPECT_THROW(pool.apply([] { std::exit(3); }), WorkerDied);
  EXPECT_THROW(pool.map(square, generate([]() -> std::optional<int> {
                          throw std::runtime_error("no input");
                        })),
               std::runtime_error);

  EXPECT_EQ(pool.apply(square, 3), 9);
}

}  // namespace
}  // namespace multiprocessing
