// Python's range, and ranges made from a function.

#include <multiprocessing/detail/range.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <ranges>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace multiprocessing {
namespace {

template <class R>
auto list(R&& range) {
  std::vector<std::ranges::range_value_t<R>> all;
  for (auto&& element : range) all.push_back(std::forward<decltype(element)>(element));
  return all;
}

using Ints = decltype(range(1));
static_assert(std::ranges::random_access_range<Ints> && std::ranges::sized_range<Ints>);
static_assert(std::ranges::borrowed_range<Ints> && std::ranges::view<Ints>);
static_assert(std::ranges::common_range<Ints>);
static_assert(std::same_as<std::ranges::range_value_t<decltype(range(0, 5UL))>, unsigned long>);
static_assert(std::same_as<std::ranges::range_value_t<decltype(range(0, 5, 2L))>, long>);
static_assert(range(10, 0, -2)[1] == 8, "usable in constant expressions");

template <class... Args>
concept Ranges = requires(Args... args) { range(args...); };
static_assert(!Ranges<double> && !Ranges<bool> && !Ranges<int, double>);

using IntVector = std::vector<int>;

TEST(RangeTest, CountsFromZero) {
  EXPECT_EQ(list(range(4)), (IntVector{0, 1, 2, 3}));
}

TEST(RangeTest, CountsFromStartToStop) {
  EXPECT_EQ(list(range(-1, 2)), (IntVector{-1, 0, 1}));
}

TEST(RangeTest, TakesEveryStepthInteger) {
  EXPECT_EQ(list(range(0, 10, 3)), (IntVector{0, 3, 6, 9}));
  EXPECT_EQ(list(range(0, 9, 3)), (IntVector{0, 3, 6}));
}

TEST(RangeTest, CountsDownByANegativeStep) {
  EXPECT_EQ(list(range(5, 0, -2)), (IntVector{5, 3, 1}));
}

TEST(RangeTest, IsEmptyWhereStopIsNotAhead) {
  EXPECT_TRUE(range(0).empty());
  EXPECT_TRUE(range(-3).empty());
  EXPECT_TRUE(range(5, 5).empty());
  EXPECT_TRUE(range(0, 5, -1).empty());
}

TEST(RangeTest, ThrowsOnAStepOfZero) {
  EXPECT_THROW((void)range(0, 5, 0), ValueError);
}

TEST(RangeTest, CountsDownToIndexZeroOfAnUnsignedType) {
  const std::vector<char> v(3);

  EXPECT_EQ(list(range(v.size() - 1, -1, -1)), (std::vector<std::size_t>{2, 1, 0}));
}

TEST(RangeTest, ThrowsWhereAnElementDoesNotFitItsType) {
  EXPECT_THROW((void)range(-1, 5U), ValueError);
  EXPECT_THROW((void)range(2U, -3, -1), ValueError);
  EXPECT_TRUE(range(-1, 0U, -1).empty());
}

TEST(RangeTest, ReachesTheEndsOfItsType) {
  using Limits = std::numeric_limits<std::int64_t>;

  EXPECT_EQ(range(Limits::min(), Limits::max()).size(), ~std::uint64_t{0});
  EXPECT_EQ(list(range(Limits::max() - 1, Limits::max(), Limits::max())),
            (std::vector<std::int64_t>{Limits::max() - 1}));
  EXPECT_EQ(list(range(Limits::max(), Limits::min(), Limits::min())),
            (std::vector<std::int64_t>{Limits::max(), -1}));
}

TEST(RangeTest, HasElementsOfANarrowType) {
  EXPECT_EQ(list(range(std::int8_t{125}, std::int8_t{127})), (std::vector<std::int8_t>{125, 126}));
}

TEST(RangeTest, IsIndexedFromBothEnds) {
  const auto r = range(10, 20, 2);

  EXPECT_EQ(r.size(), 5U);
  EXPECT_EQ(r[3], 16);
  EXPECT_EQ(r.front(), 10);
  EXPECT_EQ(r.back(), 18);
  EXPECT_EQ(r.end()[-2], 16);
}

TEST(RangeTest, WorksWithAlgorithmsAndViews) {
  EXPECT_EQ(*std::ranges::lower_bound(range(0, 100, 7), 50), 56);
  EXPECT_EQ(list(range(5) | std::views::reverse), (IntVector{4, 3, 2, 1, 0}));
  EXPECT_EQ(std::accumulate(range(5).begin(), range(5).end(), 0), 10);
  EXPECT_EQ(IntVector(range(3).begin(), range(3).end()), (IntVector{0, 1, 2}));
}

auto count_to(int n) {
  return generate([i = 0, n]() mutable -> std::optional<int> {
    if (i == n) return std::nullopt;
    return i++;
  });
}
static_assert(std::ranges::input_range<decltype(count_to(1))>);
static_assert(std::ranges::view<decltype(count_to(1))>, "so that it can be piped");

TEST(GenerateTest, YieldsWhatTheFunctionReturnsUpToNullopt) {
  EXPECT_EQ(list(count_to(3)), (IntVector{0, 1, 2}));
  EXPECT_TRUE(list(count_to(0)).empty());
}

TEST(GenerateTest, DoesNotCallTheFunctionBeforeItIsRead) {
  int calls = 0;
  auto source = generate([&]() -> std::optional<int> { return ++calls; });
  EXPECT_EQ(calls, 0);

  auto it = source.begin();

  EXPECT_EQ(*it, 1);
  EXPECT_EQ(calls, 1);
}

TEST(GenerateTest, DoesNotCallTheFunctionAgainAfterTheEnd) {
  int calls = 0;
  auto source = generate([&]() -> std::optional<int> {
    ++calls;
    return std::nullopt;
  });

  for ([[maybe_unused]] int x : source) FAIL();

  EXPECT_EQ(calls, 1);
}

TEST(GenerateTest, YieldsValuesThatCanOnlyBeMoved) {
  int left = 2;
  auto source = generate([&]() -> std::optional<std::unique_ptr<int>> {
    if (left-- == 0) return std::nullopt;
    return std::make_unique<int>(left);
  });

  std::vector<std::unique_ptr<int>> all;
  for (auto& p : source) all.push_back(std::move(p));

  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(*all[0], 1);
}

TEST(GenerateTest, CanBePipedIntoViews) {
  auto even = count_to(10) | std::views::filter([](int i) { return i % 2 == 0; });

  EXPECT_EQ(list(even), (IntVector{0, 2, 4, 6, 8}));
}

TEST(GenerateTest, PassesExceptionsOfTheFunctionOn) {
  auto source = generate([]() -> std::optional<int> { throw ValueError("no more"); });

  EXPECT_THROW((void)source.begin(), ValueError);
}

}  // namespace
}  // namespace multiprocessing
