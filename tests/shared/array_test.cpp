// Array and RawArray within one process; the names follow Python's _TestArray.

#include <multiprocessing/sharedctypes.hpp>

#include <algorithm>
#include <cstdint>
#include <list>
#include <mutex>
#include <numeric>
#include <ranges>
#include <span>
#include <sstream>
#include <unordered_set>
#include <vector>

#include <gtest/gtest.h>

#include "shm/arena.hpp"

namespace multiprocessing {
namespace {

static_assert(std::ranges::contiguous_range<Array<int>> && std::ranges::sized_range<Array<int>>);
static_assert(std::ranges::contiguous_range<const RawArray<double>>);
static_assert(is_transferable_v<Array<int>> && is_transferable_v<RawArray<std::uint8_t>>);
static_assert(std::is_same_v<decltype(Array(std::vector<double>())), Array<double>>);
static_assert(std::is_same_v<decltype(Array{1, 2, 3}), Array<int>>);

template <class A>
std::string printed(const A& array) {
  std::ostringstream out;
  out << array;
  return out.str();
}

TEST(ArrayTest, SizeGivesZeroes) {
  for (int round = 0; round < 3; ++round) {  // memory that was used before is zeroed, too
    const Array<int> array(100);
    EXPECT_EQ(array.size(), 100U);
    EXPECT_EQ(std::ranges::count(array, 0), 100);
    std::ranges::fill(array, round + 1);
  }
  EXPECT_TRUE(Array<int>(0).empty());
}

TEST(ArrayTest, IsMadeFromListsRangesAndOtherTypes) {
  const std::vector<int> vector{1, 2, 3};
  const std::list<short> list{4, 5};
  std::istringstream words("7 8 9");

  EXPECT_EQ(printed(Array<int>{1, 2, 3}), "[1, 2, 3]");
  EXPECT_EQ(printed(Array<char>("ab")), "['a', 'b']");
  EXPECT_EQ(printed(Array<int>(vector)), "[1, 2, 3]");
  EXPECT_EQ(printed(Array<double>(vector)), "[1, 2, 3]");
  EXPECT_EQ(printed(Array<int>(list)), "[4, 5]");
  EXPECT_EQ(printed(Array<int>(range(0, 10, 3))), "[0, 3, 6, 9]");
  EXPECT_EQ(printed(Array<int>(std::ranges::istream_view<int>(words))), "[7, 8, 9]");
  EXPECT_EQ(printed(Array<int>(vector | std::views::reverse)), "[3, 2, 1]");
}

TEST(ArrayTest, PrintsAsPythonPrintsAList) {
  EXPECT_EQ(printed(Array<int>(0)), "[]");
  EXPECT_EQ(printed(Array<double>{0.5, 1.5}), "[0.5, 1.5]");
  EXPECT_EQ(printed(Array<std::int8_t>{-1, 65}), "[-1, 65]");
  EXPECT_EQ(printed(Array<bool>{true, false}), "[True, False]");
  EXPECT_EQ(printed(Array<char>{'a', 'b'}), "['a', 'b']");
}

TEST(ArrayTest, ElementsAreReadAndWrittenInPlace) {
  const Array<int> array{680, 626, 934};
  array[0] = 1;
  array.at(1) += 1;
  for (int& x : array) x *= 2;
  array.span().back() = 5;

  EXPECT_EQ(printed(array), "[2, 1254, 5]");
  EXPECT_THROW((void)array.at(3), ValueError);
}

TEST(ArrayTest, AlgorithmsWorkOnIt) {
  const Array<int> array{3, 1, 2};

  std::ranges::sort(array);

  EXPECT_TRUE(std::ranges::equal(array, std::vector{1, 2, 3}));
  EXPECT_EQ(std::accumulate(array.begin(), array.end(), 0), 6);
  const std::span<int> view = array;
  EXPECT_EQ(view.data(), array.data());
}

TEST(ArrayTest, SliceCopiesAsFarAsThereAreElements) {
  const Array<int> array{0, 1, 2, 3, 4};
  EXPECT_EQ(array.slice(1, 3), (std::vector{1, 2}));
  EXPECT_EQ(array.slice(3, 100), (std::vector{3, 4}));
  EXPECT_TRUE(array.slice(4, 2).empty());
  EXPECT_TRUE(array.slice(9, 12).empty());
}

TEST(ArrayTest, LockIsItsOwnAGivenOneOrNone) {
  const RLock lock;
  const Array<int> own(3);
  const Array<int> given(3, lock);
  const Array<int> none({1, 2}, no_lock);

  EXPECT_NE(own.get_lock(), lock);
  EXPECT_EQ(given.get_lock(), lock);
  EXPECT_THROW((void)none.get_lock(), ValueError);
  const std::lock_guard guard(own.get_lock());
  EXPECT_TRUE(own.get_lock().locked());
  EXPECT_EQ(own.slice(0, 1).size(), 1U) << "the lock is recursive";
}

TEST(ArrayTest, CopiesAndIdsAreTheSameArray) {
  const Array<int> array{1, 2};
  const auto found = Array<int>::from_handle_id(array.handle_id());
  found[0] = 7;

  EXPECT_EQ(array[0], 7);
  EXPECT_EQ(found, array);
  EXPECT_EQ(found.get_lock(), array.get_lock());
  EXPECT_NE(Array<int>(2), array);
  EXPECT_EQ((std::unordered_set<Array<int>>{array, found}).size(), 1U);
  EXPECT_THROW(Array<char>::from_handle_id(array.handle_id()), ValueError);
  EXPECT_THROW(RawArray<int>::from_handle_id(array.handle_id()), ValueError);
}

TEST(ArrayTest, NameThatWasMovedFromStillNamesIt) {
  Array<int> array{1, 2};
  const Array<int> other = std::move(array);
  // NOLINTBEGIN(bugprone-use-after-move,clang-analyzer-cplusplus.Move): is the case
  EXPECT_EQ(array, other);
  EXPECT_EQ(array[1], 2);
  // NOLINTEND(bugprone-use-after-move,clang-analyzer-cplusplus.Move)
}

TEST(ArrayTest, NegativeOrAbsurdSizeThrowsValueError) {
  EXPECT_THROW(Array<int>(static_cast<std::size_t>(-1)), ValueError);
  EXPECT_THROW(Array<long>(std::size_t{1} << 61), ValueError);
}

TEST(ArrayTest, HugeArrayCostsOnlyWhatIsTouched) {
  const std::uint64_t before = shm::arena().allocated_bytes();
  const Array<std::uint8_t> huge(std::size_t{1} << 30);
  huge[std::size_t{1} << 29] = 1;

  EXPECT_LT(shm::arena().allocated_bytes() - before, std::uint64_t{16} << 20U);
  EXPECT_EQ(huge[(std::size_t{1} << 30) - 1], 0);
}

TEST(RawArrayTest, IsAnArrayWithoutALock) {
  const RawArray<double> zeroes(3);
  const RawArray<int> array{1, 2, 3};
  const RawArray<int> found = RawArray<int>::from_handle_id(array.handle_id());
  found[1] = 9;

  EXPECT_EQ(printed(zeroes), "[0, 0, 0]");
  EXPECT_EQ(printed(array), "[1, 9, 3]");
  EXPECT_EQ(found, array);
  EXPECT_EQ(printed(RawArray<int>(range(3))), "[0, 1, 2]");
}

}  // namespace
}  // namespace multiprocessing
