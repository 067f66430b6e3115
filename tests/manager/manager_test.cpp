// What Python's documentation shows of Manager(), line by line where it can be.

#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <multiprocessing/managers.hpp>

#include "support/child.hpp"

namespace multiprocessing {
namespace {

TEST(ManagerTest, DictMadeByAManagerIsSharedWithAChild) {
  const Manager manager;
  const auto d = manager.dict<std::string, int>();

  auto child = test::Child::run([&] {
    d["hermione"] = 16;
    d["ron"] = 15;
    d["ron"] += 1;
  });
  EXPECT_EQ(child.wait(), test::exited(0));

  std::ostringstream out;
  out << d;
  EXPECT_EQ(out.str(), "{'hermione': 16, 'ron': 16}");
}

TEST(ManagerTest, DictBeginsWithWhatItIsGiven) {
  const Manager manager;
  const std::map<int, std::string> squares{{1, "one"}, {2, "four"}};

  EXPECT_EQ((manager.dict<std::string, int>({{"a", 1}, {"b", 2}}).size()), 2U);
  EXPECT_EQ((manager.dict<int, std::string>(squares).copy()), squares);
}

TEST(ManagerTest, DictIterationEndsWhereTheDictWasCleared) {
  const Manager manager;
  const auto d = manager.dict<int, std::string>();
  for (int key = 65; key < 70; ++key) d[key] = std::string(1, static_cast<char>(key));

  auto child = test::Child::run([&] {
    std::set<int> seen;
    for (const int key : d) test::require(seen.insert(key).second);
    test::require(seen == std::set<int>{65, 66, 67, 68, 69});
    for (int key = 0; key < 10'000; ++key) d[key] = "more than the iterator sees at one look";
    std::size_t count = 0;
    for ([[maybe_unused]] const int key : d) {
      if (count++ == 0) d.clear();
    }
    test::require(count < 10'000);
  });

  EXPECT_EQ(child.wait(), test::exited(0));
  EXPECT_EQ(d.size(), 0U);
}

TEST(ManagerTest, FactoriesMakeObjectsThatAChildShares) {
  const Manager manager;
  const auto lock = manager.Lock();
  const auto recursive = manager.RLock();
  const auto event = manager.Event();
  const auto value = manager.Value<int>(1);
  const auto array = manager.Array<int>({1, 2, 3});
  const auto queue = manager.Queue<int>();

  auto child = test::Child::run([&] {
    const std::scoped_lock both(lock, recursive);
    value.value += 1;
    array[0] = 7;
    queue.put(5);
    event.set();
  });
  event.wait();

  EXPECT_EQ(child.wait(), test::exited(0));
  EXPECT_EQ(queue.get(), 5);
  EXPECT_EQ(value.get(), 2);
  EXPECT_EQ(array[0], 7);
}

// TestSyncManagerTypes.test_queue, test_joinable_queue
template <class Q>
void expect_that_a_child_empties(const Q& queue) {
  queue.put(5);
  queue.put(6);
  auto child = test::Child::run([&] {
    test::require(queue.full());
    test::require(queue.qsize() == 2);
    test::require(queue.get() == 5);
    test::require(!queue.full());
    test::require(queue.get() == 6);
    test::require(queue.empty());
    if constexpr (requires { queue.task_done(); }) {
      queue.task_done();
      queue.task_done();
      test::require(queue.join(Timeout::zero()));
    }
  });
  EXPECT_EQ(child.wait(), test::exited(0));
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.qsize(), 0U);
}

TEST(ManagerTest, QueuesAreSharedWithAChild) {
  const Manager manager;
  expect_that_a_child_empties(manager.Queue<int>(2));
  const auto joinable = manager.JoinableQueue<int>(2);
  expect_that_a_child_empties(joinable);
  EXPECT_TRUE(joinable.join(Timeout::zero()));
}

TEST(ManagerTest, ObjectsOfAManagerMayBeStoredInItsDicts) {
  const Manager manager;
  const auto events = manager.dict<std::string, Event>();
  const auto queues = manager.dict<std::string, Queue<int>>();
  events["go"] = manager.Event();
  queues["jobs"] = manager.Queue<int>();

  auto child = test::Child::run([&] {
    events.at("go").wait();
    queues.at("jobs").put(3);
  });
  events.at("go").set();

  EXPECT_EQ(queues.at("jobs").get(), 3);
  EXPECT_EQ(child.wait(), test::exited(0));
}

TEST(ManagerTest, PrintingAContainerTakesNothingOutOfItsQueues) {
  const Manager manager;
  const auto queue = manager.Queue<int>();
  queue.put(1);
  const auto dict = manager.dict<std::string, Queue<int>>({{"jobs", queue}});
  const auto list = manager.list<Queue<int>>({queue});
  const auto set = manager.set<Queue<int>>({queue});
  const auto names = manager.Namespace();
  names["jobs"] = queue;

  std::ostringstream out;
  out << dict << list << set << names;

  EXPECT_EQ(out.str(), "{'jobs': <object>}[<object>]{<object>}Namespace(jobs=<object>)");
  EXPECT_THROW(set.remove(Queue<int>()), KeyError);
  EXPECT_EQ(queue.get_nowait(), 1);
}

TEST(ManagerTest, ShutdownMakesNothingMoreButLeavesWhatWasMade) {
  const Manager manager;
  const auto d = manager.dict<std::string, int>();

  manager.shutdown();

  d["still"] = 1;
  EXPECT_EQ(d.at("still"), 1);
  EXPECT_THROW((void)(manager.dict<std::string, int>()), ValueError);
  EXPECT_THROW((void)manager.Lock(), ValueError);
}

}  // namespace
}  // namespace multiprocessing
