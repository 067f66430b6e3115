// Objects that were dropped give their memory back.

#include <csignal>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/managers.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/queues.hpp>
#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/synchronize.hpp>

#include "shm/arena.hpp"
#include "shm/chunk.hpp"
#include "support/child.hpp"

namespace multiprocessing {
namespace {

constexpr int kObjects = 10'000;

// One of each kind, used.
struct Set {
  Lock lock;
  Event event;
  Value<double> value{1.5};
  Array<int> array = Array<int>(10);
  Queue<int> queue;
  Dict<int, int> dict;

  void use(int i) const {
    const std::lock_guard guard(lock);
    event.set();
    value.value += i;
    array[0] = i;
    queue.put(i);
    dict.set(i, i);
    test::require(queue.get() == i && dict.at(i) == i);
  }
};

void make_and_drop_one_by_one() {
  for (int i = 0; i < kObjects; ++i) Set{}.use(i);
}

void make_all_and_drop() {
  std::vector<Set> sets(kObjects);
  for (int i = 0; i < kObjects; ++i) sets[static_cast<std::size_t>(i)].use(i);
}

void make_in_children_that_are_killed() {
  for (int i = 0; i < 5; ++i) {
    Process child([] {
      std::vector<Set> sets(kObjects / 50);
      for (const Set& set : sets) set.use(1);
      std::raise(SIGKILL);
    });
    child.start();
    child.join();
  }
}

// Allocated bytes of the arena's file after `work`, once and again.
void expect_the_same_after_twice(void (*work)()) {
  work();
  const auto once = shm::arena().allocated_bytes();
  work();
  EXPECT_EQ(shm::arena().allocated_bytes(), once);
}

TEST(MemoryTest, TenThousandObjectsOfEachKindOneByOneComeBack) {
  expect_the_same_after_twice(make_and_drop_one_by_one);
}

TEST(MemoryTest, ObjectsOfKilledProcessesComeBack) {
  expect_the_same_after_twice(make_in_children_that_are_killed);
}

TEST(MemoryTest, TenThousandObjectsOfEachKindAtOnceComeBack) {
  const auto before = shm::census().blocks;

  expect_the_same_after_twice(make_all_and_drop);

  EXPECT_LE(shm::census().blocks, before + 4) << "pages of the process's own hold list at most";
}

}  // namespace
}  // namespace multiprocessing
