// Shared within one process and between processes.

#include <multiprocessing/sharedctypes.hpp>

#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/pool.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/queues.hpp>

#include "shared/shared_copies.hpp"
#include "shm/block.hpp"
#include "shm/process_table.hpp"
#include "support/child.hpp"

namespace multiprocessing {
namespace {

using Table = std::map<std::string, std::vector<int>>;

Table some_table() {
  return {{"one", {1}}, {"three", {1, 2, 3}}};
}

static_assert(is_transferable_v<Shared<Table>>);
static_assert(std::is_same_v<decltype(Shared("text")), Shared<std::string>>);
static_assert(std::is_same_v<decltype(*Shared(1)), const int&>);

TEST(SharedTest, ReadsWhatItWasMadeFrom) {
  const Shared table(some_table());

  EXPECT_EQ(*table, some_table());
  EXPECT_EQ(table->at("three").size(), 3U);
}

TEST(SharedTest, CopiesAndIdsAreTheSameObjectWithTheSameCopy) {
  const Shared table(some_table());
  const Shared copy = table;  // NOLINT(performance-unnecessary-copy-initialization)
  const auto arrived = Shared<Table>::from_handle_id(table.handle_id());
  const Shared other(some_table());

  EXPECT_EQ(copy, table);
  EXPECT_EQ(arrived, table);
  EXPECT_NE(other, table);
  EXPECT_EQ(&*copy, &*table);
  EXPECT_EQ(&*arrived, &*table) << "decoded once per process";
  EXPECT_EQ((std::unordered_set<Shared<Table>>{table, copy, arrived}.size()), 1U);
}

TEST(SharedTest, IdThatIsGoneOrOfAnotherTypeThrowsValueError) {
  std::optional<Shared<Table>> table(some_table());
  const auto id = table->handle_id();

  EXPECT_THROW(Shared<std::string>::from_handle_id(id), ValueError);
  table.reset();
  EXPECT_THROW(Shared<Table>::from_handle_id(id), ValueError);
}

TEST(SharedTest, CopyAndObjectGoWithTheLastHandle) {
  const Event first;  // with it comes the page that lists what the process holds
  const std::size_t copies = shared::kept_copies();
  const auto blocks = shm::census().blocks;
  {
    const Shared table(some_table());
    const Shared copy = table;  // NOLINT(performance-unnecessary-copy-initialization)
    EXPECT_EQ(shared::kept_copies(), copies + 1);
  }

  EXPECT_EQ(shared::kept_copies(), copies);
  EXPECT_EQ(shm::census().blocks, blocks);
}

TEST(SharedTest, HandlesInsideLiveWithTheValue) {
  const Queue<int> results;
  const Shared queues(std::vector<Queue<int>>{results, results});

  queues->at(1).put(5);

  EXPECT_EQ(results.get(), 5);
}

TEST(SharedProcessTest, ThreadsThatLookAtOnceShareOneCopy) {
  const Queue<Shared<Table>> queue;
  auto maker = test::Child::run([&] { queue.put(Shared(some_table())); });
  ASSERT_EQ(maker.wait(), test::exited(0));
  const Shared<Table> table = queue.get();
  std::vector<std::thread> threads;
  std::vector<const Table*> seen(8);
  threads.reserve(seen.size());
  for (const Table*& mine : seen) threads.emplace_back([&] { mine = &*table; });
  for (std::thread& thread : threads) thread.join();

  for (const Table* one : seen) EXPECT_EQ(one, &*table);
}

TEST(SharedProcessTest, OfManyValuesThatNobodyRefersToOnlySomeCopiesAreKept) {
  const std::size_t before = shared::kept_copies();
  const Queue<Shared<int>> queue;
  auto maker = test::Child::run([&] {
    std::vector<Shared<int>> values;
    for (int i = 0; i < 100; ++i) queue.put(values.emplace_back(i));
    test::hang_up_and_wait();  // keeps them alive
  });
  maker.await_hang_up();

  for (int i = 0; i < 100; ++i) EXPECT_EQ(*queue.get(), i);

  EXPECT_LE(shared::kept_copies(), before + 17);
}

TEST(SharedProcessTest, ForkedChildReadsTheValue) {
  const Shared table(some_table());
  Process child([table] { test::require(*table == some_table()); });
  child.start();
  ASSERT_TRUE(child.join());

  EXPECT_EQ(child.exitcode(), 0);
}

TEST(SharedProcessTest, ValueOutlivesItsMaker) {
  const Queue<Shared<Table>> queue;
  Process maker([queue] { queue.put(Shared(some_table())); });
  maker.start();
  ASSERT_TRUE(maker.join());

  EXPECT_EQ(*queue.get(), some_table());
}

/// Where a worker's copy lies.
std::pair<int, std::uintptr_t> copy_of(const Shared<Table>& table, int /*item*/) {
  if (*table != some_table()) throw ValueError("not the table");
  return {::getpid(), reinterpret_cast<std::uintptr_t>(&*table)};
}

TEST(SharedProcessTest, RunningWorkersDecodeOnceEach) {
  Pool pool(2);
  pool.map(std::negate<>(), range(4));  // they run already
  const Shared table(some_table());

  const auto places = pool.map(partial(copy_of, table), range(200));

  std::map<int, std::uintptr_t> first;
  for (const auto& [pid, place] : places) {
    EXPECT_EQ(first.try_emplace(pid, place).first->second, place) << "decoded a second time";
  }
}

TEST(SharedProcessTest, ChildOfAThreadedParentMayMakeAndReadShareds) {
  const Shared table(some_table());
  std::atomic<bool> stop{false};
  std::thread busy([&] {
    while (!stop) (void)*Shared(std::string(100, 'x'));
  });
  for (int i = 0; i < 200; ++i) {
    auto child = test::Child::run([&] { test::require(*Shared(some_table()) == *table); });
    EXPECT_EQ(child.wait(), test::exited(0));
  }
  stop = true;
  busy.join();
}

}  // namespace
}  // namespace multiprocessing
