// Kills a process at each point named in lib/shared/list_layout.hpp, on several visits, in the
// middle of a known series of operations. Then the list is as before the one that was interrupted
// or as after it, it can be used, and when it goes nothing is left.

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstring>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/detail/list.hpp>
#include <multiprocessing/queues.hpp>

#include "shm/block.hpp"
#include "support/chaos.hpp"
#include "support/child.hpp"
#include "support/shared.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing {
namespace {

constexpr int kOperations = 40;

// What is done to a list, and to a vector that says what should come of it.
enum class Kind { append, extend, set, pop, pop_first, insert, erase, slice, reverse, sort, clear };

Kind kind_of(int operation) {
  constexpr std::array<Kind, 14> kSeries = {
      Kind::extend, Kind::append, Kind::set,       Kind::insert, Kind::reverse,
      Kind::pop,    Kind::slice,  Kind::pop_first, Kind::extend, Kind::sort,
      Kind::erase,  Kind::set,    Kind::append,    Kind::slice};
  return operation == 35 ? Kind::clear
                         : kSeries[static_cast<std::size_t>(operation) % kSeries.size()];
}

/// A value that tells its number; texts of some numbers are long.
template <class T>
T value_of(int number) {
  if constexpr (std::is_same_v<T, int>) {
    return number * 7919 % 1000;
  } else {
    return std::to_string(number * 7919 % 1000) +
           std::string(static_cast<std::size_t>(number % 5 * 60), 'x');
  }
}

template <class T>
std::vector<T> values_of(int number, int count) {
  std::vector<T> values;
  for (int i = 0; i < count; ++i) values.push_back(value_of<T>(number * 20 + i));
  return values;
}

int extended_by(int operation) {
  return operation % 3 == 0 ? 70 : 9;  // into the next segment, or within one
}

template <class T>
void apply(const List<T>& list, int operation) {
  const T value = value_of<T>(operation);
  switch (kind_of(operation)) {
    case Kind::append:
      return list.append(value);
    case Kind::extend:
      return list.extend(values_of<T>(operation, extended_by(operation)));
    case Kind::set:
      return list.set(2, value);
    case Kind::pop:
      return (void)list.pop();
    case Kind::pop_first:
      return (void)list.pop(0);
    case Kind::insert:
      return list.insert(3, value);
    case Kind::erase:
      return (void)list.erase(1, 5);
    case Kind::slice:
      return list.set_slice(-5, -2, values_of<T>(operation, operation % 6));
    case Kind::reverse:
      return list.reverse();
    case Kind::sort:
      return list.sort();
    case Kind::clear:
      return list.clear();
  }
}

template <class T>
void apply(std::vector<T>& model, int operation) {
  const T value = value_of<T>(operation);
  const auto insert_all = [&](auto place, const std::vector<T>& values) {
    model.insert(place, values.begin(), values.end());
  };
  switch (kind_of(operation)) {
    case Kind::append:
      return model.push_back(value);
    case Kind::extend:
      return insert_all(model.end(), values_of<T>(operation, extended_by(operation)));
    case Kind::set:
      return (void)(model[2] = value);
    case Kind::pop:
      return model.pop_back();
    case Kind::pop_first:
      return (void)model.erase(model.begin());
    case Kind::insert:
      return (void)model.insert(model.begin() + 3, value);
    case Kind::erase:
      return (void)model.erase(model.begin() + 1, model.begin() + 5);
    case Kind::slice: {
      const auto place = model.erase(model.end() - 5, model.end() - 2);
      return insert_all(place, values_of<T>(operation, operation % 6));
    }
    case Kind::reverse:
      return (void)std::ranges::reverse(model);
    case Kind::sort:
      return (void)std::ranges::sort(model);
    case Kind::clear:
      return model.clear();
  }
}

template <class T>
std::vector<T> model_after(int operations) {
  std::vector<T> model;
  for (int i = 0; i < operations; ++i) apply(model, i);
  return model;
}

/// All operations, each counted once it is done.
template <class T>
void work(const List<T>& list, std::atomic<int>& done) {
  for (int i = done; i < kOperations; ++i) {
    apply(list, i);
    ++done;
  }
}

std::size_t blocks_at_start() {
  {
    const List<int> first{1};
  }  // what a process needs for its first object stays
  return test::blocks_in_use();
}

template <class T>
void check_after_death(const char* point, int visit) {
  const std::size_t before = blocks_at_start();
  {
    const List<T> list;
    test::Shared<std::atomic<int>> done;
    auto victim = test::run_armed(point, visit, [&] { work(list, *done); });
    const test::Status end = victim.wait();
    test::bury_all();  // it inherited the hold on the list
    if (end != test::killed_by(SIGKILL)) {
      ASSERT_EQ(end, test::exited(0)) << "the point is not visited so often";
      ASSERT_GT(visit, 1) << point << " was not visited at all";
    }
    const std::vector<T> now = list.copy();
    if (now == model_after<T>(*done + 1) && now != model_after<T>(*done)) ++*done;
    ASSERT_EQ(now, model_after<T>(*done)) << "operation " << *done << " was done by half";
    ASSERT_EQ(list.size(), now.size());
    work(list, *done);
    EXPECT_EQ(list.copy(), model_after<T>(kOperations));
  }
  EXPECT_EQ(test::blocks_in_use(), before);
}

class ListCrash : public testing::TestWithParam<test::Where> {};

TEST_P(ListCrash, TextsAreAsBeforeTheOperationOrAfterIt) {
  const auto& [point, visit] = GetParam();
  check_after_death<std::string>(point, visit);
}

INSTANTIATE_TEST_SUITE_P(
    Points, ListCrash,
    testing::Combine(testing::Values("list.stage.reserved", "list.stage.linked",
                                     "list.stage.staged", "list.append.published",
                                     "list.change.armed", "list.change.odd", "list.change.moved",
                                     "list.change.sized", "list.change.committed",
                                     "list.change.even", "list.drop.bumped", "list.drop.freed",
                                     "list.drop.done", "list.segment.linked", "list.segment.freed"),
                     testing::Values(1, 2, 3, 5, 8, 20, 90)),
    test::name_of);

class NumberListCrash : public testing::TestWithParam<test::Where> {};

TEST_P(NumberListCrash, NumbersAreAsBeforeTheOperationOrAfterIt) {
  const auto& [point, visit] = GetParam();
  check_after_death<int>(point, visit);
}

INSTANTIATE_TEST_SUITE_P(
    Points, NumberListCrash,
    testing::Combine(testing::Values("list.stage.staged", "list.append.published",
                                     "list.store.stored", "list.change.armed", "list.change.moved",
                                     "list.change.committed", "list.drop.bumped"),
                     testing::Values(1, 2, 3, 7, 40)),
    test::name_of);

// The first one dies while it moves words, the second while it puts them back or makes even.
class ListRecoveryCrash : public testing::TestWithParam<test::Where> {};

TEST_P(ListRecoveryCrash, RecoveringMayBeInterrupted) {
  const auto& [point, visit] = GetParam();
  const std::size_t before = blocks_at_start();
  {
    const List<std::string> list;
    test::Shared<std::atomic<int>> done;
    test::expect_death_at("list.change.moved", visit, [&] { work(list, *done); });
    test::expect_death_at(point, 1, [&] { (void)list.copy(); });
    test::bury_all();  // they inherited the hold on the list
    EXPECT_EQ(list.copy(), model_after<std::string>(*done));
    work(list, *done);
    EXPECT_EQ(list.copy(), model_after<std::string>(kOperations));
  }
  EXPECT_EQ(test::blocks_in_use(), before);
}

INSTANTIATE_TEST_SUITE_P(Points, ListRecoveryCrash,
                         testing::Combine(testing::Values("list.recover.begun",
                                                          "list.recover.restored",
                                                          "list.recover.even"),
                                          testing::Values(1, 3, 12, 60)),
                         test::name_of);

// The last holder dies in the middle of a change, or while the list goes.
class ListEndCrash : public testing::TestWithParam<const char*> {};

TEST_P(ListEndCrash, NothingIsLeftOfAListWhoseLastHolderDied) {
  const std::size_t before = blocks_at_start();
  test::expect_death_at(GetParam(), 1, [] {
    const List<Queue<int>> list;  // its records hold objects
    for (int i = 0; i < 80; ++i) list.append(Queue<int>());
    list.reverse();
  });
  EXPECT_EQ(test::blocks_in_use(), before);
}

INSTANTIATE_TEST_SUITE_P(Points, ListEndCrash,
                         testing::Values("list.stage.linked", "list.change.moved",
                                         "list.change.sized", "list.change.committed",
                                         "list.destroy.segment"));

// With an overflowed journal a freed block's place keeps its name after a death, and the block is
// somebody else's when the list grows again.
TEST(ListJournalChaosTest, ListGrowsBesideTheReusedBlocksOfASegmentThatTheDeadFreed) {
  const Queue<char> lender;
  std::vector<int> values(2000);
  std::iota(values.begin(), values.end(), 0);
  for (int visit = 1; visit <= 8; ++visit) {
    const List<int> list(values);
    auto victim = test::Child::run([&] {
      std::vector<Loan<char>> loans;
      for (int i = 0; i < 32; ++i) loans.push_back(lender.loan());
      sys::arm_crash_point("block.take.taken", visit);
      list.erase(10, 2000);
    });
    (void)victim.wait();  // at later visits nothing is left to be freed
    test::bury_all();
    std::vector<shm::OwnedBlock> others;
    for (const std::uint64_t slots : {64U, 128U, 256U, 512U, 1024U, 2048U}) {
      for (int i = 0; i < 8; ++i) {
        others.emplace_back(shm::allocate(slots * 8));
        std::memset(others.back().get().data(), 0x5A, slots * 8);
      }
    }
    list.extend(values);

    ASSERT_EQ(list.size(), 2010U);
    for (std::size_t i = 0; i < 2010; ++i) {
      ASSERT_EQ(list[static_cast<std::ptrdiff_t>(i)], static_cast<int>(i < 10 ? i : i - 10))
          << visit;
    }
    for (shm::OwnedBlock& other : others) {
      const std::byte* const bytes = other.get().data();
      ASSERT_TRUE(std::all_of(bytes, bytes + 512, [](std::byte b) { return b == std::byte{0x5A}; }))
          << visit;
    }
  }
}

}  // namespace
}  // namespace multiprocessing
