// What holds under every start method: a pool's callables, its initializer, its deaths.

#include <multiprocessing/context.hpp>
#include <multiprocessing/futures.hpp>

#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "pool/keeper_pid.hpp"
#include "pool/tasks.hpp"
#include "process/each_start_method.hpp"
#include "process/programs/plugin.hpp"
#include "shm/block.hpp"
#include "support/child.hpp"
#include "support/fd_snapshot.hpp"
#include "sys/process.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::keeper_pid;
using test::square;

using PoolMethodTest = test::EachStartMethod;

INSTANTIATE_TEST_SUITE_P(Methods, PoolMethodTest, test::each_start_method(), test::name_of_method);

int meet(const Barrier& barrier) {
  return barrier.wait();
}

// A pool does not wait for its workers to come.
void await_both(Pool& pool) {
  const Barrier both(2);
  (void)pool.map(meet, std::vector{both, both}, 1);
}

struct Adder {
  int base = 0;
  int operator()(int x) const { return base + x; }
  int add(int x) const { return base + x; }
};

int subtract(int a, int b) {
  return a - b;
}

TEST_P(PoolMethodTest, EveryKindOfCallableTravels) {
  Pool pool = ctx().Pool(2);
  int base = 40;  // no constant: it has to be captured

  EXPECT_EQ(pool.apply(square, 7), 49);
  EXPECT_EQ(pool.apply([](int x) { return x + 1; }, 7), 8);
  EXPECT_EQ(pool.apply(partial(subtract, 50), 8), 42);
  EXPECT_EQ(pool.apply(by_value([base](int x) { return base + x; }), 2), 42);
  EXPECT_EQ(pool.apply(Adder{40}, 2), 42);
  EXPECT_EQ(pool.apply(&Adder::add, Adder{40}, 2), 42);
  EXPECT_EQ(pool.apply(Function<int(int)>(Adder{40}), 2), 42);
  EXPECT_EQ(pool.apply(plugin_product, 6), 42);
}

TEST_P(PoolMethodTest, EveryKindOfCallableMapsAndStreams) {
  Pool pool = ctx().Pool(2);
  const std::vector words{std::string("a"), std::string(300, 'b')};

  EXPECT_EQ(pool.map(square, range(5)), (std::vector{0, 1, 4, 9, 16}));
  EXPECT_EQ(pool.map(Adder{1}, {1, 2}), (std::vector{2, 3}));
  EXPECT_EQ(pool.map(plugin_product, {1, 2}), (std::vector{7, 14}));
  EXPECT_EQ(pool.map(test::shout, words)[1], words[1] + "!");
  EXPECT_EQ(pool.starmap(subtract, std::vector{std::pair{3, 1}, std::pair{9, 2}}),
            (std::vector{2, 7}));
  std::vector<int> streamed;
  for (const int x : pool.imap(partial(subtract, 10), range(100), 7)) streamed.push_back(x);
  ASSERT_EQ(streamed.size(), 100U);
  EXPECT_EQ(streamed.back(), 10 - 99);
}

void put_index(const Queue<int>& to, int number) {
  emplace_worker_state<int>(number);
  to.put(worker_index());
}

void put_one(const Queue<int>& to) {
  to.put(1);
}

TEST_P(PoolMethodTest, TheInitializerRunsInEachWorkerAndTheFinalizerAtItsEnd) {
  const Queue<int> begun;
  const Queue<int> ended;
  Pool pool = ctx().Pool({.processes = 2,
                          .initializer = partial(put_index, begun, 5),
                          .finalizer = partial(put_one, ended)});

  await_both(pool);
  EXPECT_EQ(pool.apply([] { return worker_state<int>(); }), 5);
  pool.close();
  pool.join();

  EXPECT_EQ((std::set{begun.get(), begun.get()}), (std::set{0, 1}));
  EXPECT_EQ(ended.get_nowait() + ended.get_nowait(), 2);
  EXPECT_TRUE(begun.empty());
}

TEST_P(PoolMethodTest, AFailingInitializerBreaksThePoolWithItsText) {
  Pool pool = ctx().Pool({.processes = 2, .initializer = [] { throw ValueError("no database"); }});
  try {
    (void)pool.apply(square, 1);
    FAIL();
  } catch (const BrokenProcessPool& error) {
    EXPECT_NE(std::string(error.what()).find("no database"), std::string::npos) << error.what();
  }
}

// Can be sent, but not received.
struct Unreadable {
  void operator()() const {}
};

}  // namespace

template <>
struct Codec<Unreadable> {
  using Parts = detail::Types<>;
  [[maybe_unused]] static constexpr bool kFixed = false;
  [[maybe_unused]] static constexpr const char* kName = "unreadable";
  static void encode(detail::Writer& /*out*/, const Unreadable& /*value*/) {}
  static Unreadable decode(detail::Reader& /*in*/) { throw ValueError("cannot be read"); }
};

namespace {

TEST_P(PoolMethodTest, AFailingInitializerLeavesNothingBehind) {
  const auto fail = [](ProcessPoolExecutor& executor) {
    // submit's, where the pool has broken by then
    EXPECT_THROW((void)executor.submit(square, 1).result(), BrokenProcessPool);
  };
  const auto make = [] {
    return ctx().ProcessPoolExecutor(2, {.initializer = [] { throw ValueError("no licence"); }});
  };
  {
    ProcessPoolExecutor warm = make();  // what the library opens once, it keeps
    fail(warm);
  }
  const test::FdSnapshot descriptors;
  (void)shm::bury_the_dead();  // workers have blocks of their own, which go when they are found
  const std::uint64_t blocks = shm::census().blocks;

  {
    ProcessPoolExecutor executor = make();
    fail(executor);
  }

  EXPECT_EQ(test::FdSnapshot(), descriptors);
  (void)shm::bury_the_dead();
  EXPECT_EQ(shm::census().blocks, blocks);
  EXPECT_TRUE(active_children().empty());
  EXPECT_EQ(keeper_pid(), 0);
}

TEST_P(PoolMethodTest, AnInitializerThatCannotArriveBreaksThePoolWithTheReason) {
  if (GetParam() == StartMethod::fork) return;  // nothing has to arrive
  Pool pool = ctx().Pool({.processes = 1, .initializer = Unreadable{}});
  try {
    (void)pool.apply(square, 1);
    FAIL();
  } catch (const BrokenProcessPool& error) {
    EXPECT_NE(std::string(error.what()).find("cannot be read"), std::string::npos) << error.what();
  }
}

TEST_P(PoolMethodTest, HandlesMadeBeforeAndAfterThePoolWorkInItsTasks) {
  const Queue<int> before;
  Pool pool = ctx().Pool(2);
  const Queue<int> after;

  pool.apply([](const Queue<int>& a, const Queue<int>& b) { b.put(a.get() + 1); }, before,
             (before.put(1), after));

  EXPECT_EQ(after.get_nowait(), 2);
}

TEST_P(PoolMethodTest, ExceptionsArriveAsTheirOwnTypes) {
  Pool pool = ctx().Pool(1);
  EXPECT_THROW(pool.apply([] { throw ValueError("no"); }), ValueError);
  EXPECT_THROW(pool.apply([] { throw std::out_of_range("no"); }), std::out_of_range);
}

TEST_P(PoolMethodTest, ADeadWorkerFailsItsTaskOnlyAndIsReplaced) {
  Pool pool = ctx().Pool(2);
  auto fatal = pool.apply_async([] { ::raise(SIGKILL); });
  auto others = pool.map_async(square, range(50), 1);

  EXPECT_THROW(fatal.get(), WorkerDied);
  EXPECT_EQ(others.get().back(), 49 * 49);
  EXPECT_EQ(pool.apply(square, 3), 9);
}

TEST_P(PoolMethodTest, ATaskThatOverrunsIsEnded) {
  Pool pool = ctx().Pool({.processes = 1, .task_timeout = 50ms});
  EXPECT_THROW(pool.apply(test::spin), TaskTimeout);
}

TEST_P(PoolMethodTest, AKilledKeeperIsReplacedAndStartsWorkersByTheSameMethod) {
  Pool pool = ctx().Pool({.processes = 1, .initializer = [] { emplace_worker_state<int>(5); }});
  const int worker = pool.apply([] { return static_cast<int>(::getpid()); });

  ASSERT_EQ(::kill(keeper_pid(), SIGKILL), 0);
  EXPECT_EQ(pool.apply(square, 3), 9);
  EXPECT_THROW(pool.apply([] { ::raise(SIGKILL); }), WorkerDied);

  EXPECT_NE(pool.apply([] { return static_cast<int>(::getpid()); }), worker);
  EXPECT_EQ(pool.apply([] { return worker_state<int>(); }), 5);
}

TEST_P(PoolMethodTest, WorkersRetireAndNoTaskIsLost) {
  Pool pool = ctx().Pool({.processes = 2, .maxtasksperchild = 3});
  std::vector<AsyncResult<int>> results;
  for (int i = 0; i < 20; ++i) results.push_back(pool.apply_async(square, i));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(results[static_cast<std::size_t>(i)].get(), i * i);
}

// Name, parent, and what of the standard input is left.
struct Seen {
  std::string name;
  int parent = 0;
  bool input = false;
  bool daemon = false;
  std::string directory;
  std::string variable;
  std::string threads;
};

std::string variable(const char* name) {
  const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return value == nullptr ? "" : value;
}

Seen look_around() {
  Seen seen;
  seen.name = current_process().name();
  seen.parent = parent_process()->pid();
  std::string word;
  seen.input = static_cast<bool>(std::cin >> word);
  seen.daemon = current_process().daemon();
  seen.directory = std::filesystem::current_path();
  seen.variable = variable("POOL_METHOD_TEST");
  seen.threads = variable("OMP_NUM_THREADS");
  return seen;
}

TEST_P(PoolMethodTest, AWorkerFindsItselfWhereCPythonsWould) {
  ::unsetenv("OMP_NUM_THREADS");                    // NOLINT(concurrency-mt-unsafe)
  ::setenv("POOL_METHOD_TEST", "from outside", 1);  // NOLINT(concurrency-mt-unsafe)
  Pool pool = ctx().Pool(1);
  const Seen seen = pool.apply(look_around);
  ::unsetenv("POOL_METHOD_TEST");  // NOLINT(concurrency-mt-unsafe)

  constexpr std::array kNames{"ForkPoolWorker-1", "ForkServerPoolWorker-1", "SpawnPoolWorker-1"};
  EXPECT_EQ(seen.name, kNames.at(static_cast<std::size_t>(GetParam())));
  EXPECT_EQ(seen.parent, ::getpid());
  EXPECT_FALSE(seen.input);
  EXPECT_TRUE(seen.daemon);
  EXPECT_EQ(seen.directory, std::filesystem::current_path());
  EXPECT_EQ(seen.variable, "from outside");
  EXPECT_EQ(seen.threads, std::to_string(cpu_count()));
}

TEST_P(PoolMethodTest, OptionsOfTheWorkersHold) {
  Pool pool = ctx().Pool(
      {.processes = 1,
       .worker = {.name = "digger",
                  .cwd = "/",
                  .env = {{"POOL_METHOD_TEST", "by option"}, {"OMP_NUM_THREADS", "3"}}}});
  const Seen seen = pool.apply(look_around);

  EXPECT_EQ(seen.name, "digger-1");
  EXPECT_EQ(seen.directory, "/");
  EXPECT_EQ(seen.variable, "by option");
  EXPECT_EQ(seen.threads, "3");
}

int sum_of_squares(StartMethod method, int n) {
  Pool inner = get_context(method).Pool(2);
  const std::vector<int> squares = inner.map(square, range(n));
  int sum = 0;
  for (const int x : squares) sum += x;
  return sum;
}

TEST_P(PoolMethodTest, PoolsInTasksWork) {
  Pool pool = ctx().Pool(2);
  EXPECT_EQ(pool.map(partial(sum_of_squares, GetParam()), {3, 4}, 1), (std::vector{5, 14}));
}

TEST_P(PoolMethodTest, APoolThatIsDroppedLeavesNoProcess) {
  {
    Pool pool = ctx().Pool(2);
    await_both(pool);
    EXPECT_EQ(active_children().size(), 2U);
    (void)pool.apply_async(test::spin);
  }
  EXPECT_TRUE(active_children().empty());
  EXPECT_EQ(keeper_pid(), 0);
}

// Nothing but the kernel can end it.
void resist(const Semaphore& ready) {
  ::signal(SIGTERM, SIG_IGN);
  ready.release();
  test::spin();
}

TEST_P(PoolMethodTest, KeeperAndWorkersEndWithAKilledOwner) {
  const Semaphore ready(0);
  const Array<int> pids(3);
  auto owner = test::Child::run([&] {
    Pool pool = ctx().Pool(2);
    for (int i = 0; i < 2; ++i) (void)pool.apply_async(resist, ready);
    for (int i = 0; i < 2; ++i) ready.acquire();
    pids[0] = keeper_pid();
    for (std::size_t i = 1; const WorkerStats& worker : pool.stats()) pids[i++] = worker.pid;
    test::hang_up_and_wait();
  });
  owner.await_hang_up();

  owner.kill(SIGKILL);

  for (const int pid : pids) {
    ASSERT_GT(pid, 0);
    while (sys::process_runs(pid, 0)) ::sched_yield();
  }
}

TEST_P(PoolMethodTest, ExecutorsStartTheirWorkersByTheMethodOfTheContext) {
  ProcessPoolExecutor executor = ctx().ProcessPoolExecutor(2, {.max_tasks_per_child = 2});

  EXPECT_EQ(executor.submit(square, 6).result(), 36);
  EXPECT_EQ(executor.submit(plugin_product, 6).result(), 42);
  std::vector<int> results;
  for (const int x : executor.map(square, range(5))) results.push_back(x);
  EXPECT_EQ(results, (std::vector{0, 1, 4, 9, 16}));
  const std::string name = executor.submit([] { return current_process().name(); }).result();
  constexpr std::array kNames{"ForkPoolWorker-", "ForkServerPoolWorker-", "SpawnPoolWorker-"};
  EXPECT_EQ(name.substr(0, name.size() - 1), kNames.at(static_cast<std::size_t>(GetParam())));
}

TEST(PoolMethodChoiceTest, TwoMethodsInOneSetOfOptionsAreAValueError) {
  EXPECT_THROW(
      Pool({.processes = 1, .method = StartMethod::fork, .worker = {.method = StartMethod::spawn}}),
      ValueError);
}

}  // namespace
}  // namespace multiprocessing
