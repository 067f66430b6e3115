// Inputs as they are written where a Python program has a list or a generator.

#include <multiprocessing/pool.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "pool/tasks.hpp"

namespace multiprocessing {
namespace {

using test::shout;
using test::square;

int add(int a, int b) {
  return a + b;
}
std::string repeat(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

template <class P>
class PoolBracesTest : public testing::Test {
 protected:
  P pool_{2};
};
using Pools = testing::Types<Pool, ThreadPool>;

struct PoolNames {
  template <class P>
  static std::string GetName(int /*index*/) {  // NOLINT(readability-identifier-naming)
    return std::is_same_v<P, Pool> ? "Processes" : "Threads";
  }
};
TYPED_TEST_SUITE(PoolBracesTest, Pools, PoolNames);

template <class Stream>
auto collected(Stream&& stream) {
  std::vector<typename std::decay_t<Stream>::value_type> all;
  for (const auto& item : stream) all.push_back(item);
  return all;
}

TYPED_TEST(PoolBracesTest, MapTakesElementsInBraces) {
  EXPECT_EQ(this->pool_.map(square, {1, 2, 3}), (std::vector<int>{1, 4, 9}));
  EXPECT_EQ(this->pool_.map(shout, {"a", "b"}), (std::vector<std::string>{"a!", "b!"}));
  EXPECT_EQ(this->pool_.map([](auto x) { return x + 1; }, {1, 2}), (std::vector<int>{2, 3}));
  EXPECT_EQ(this->pool_.map_async(square, {4, 5}, 1).get(), (std::vector<int>{16, 25}));
}

TYPED_TEST(PoolBracesTest, MapAsyncWithCallbacksTakesElementsInBraces) {
  std::vector<int> seen;
  auto result = this->pool_.map_async(
      Callbacks<std::vector<int>>{.callback = [&](std::vector<int> all) { seen = std::move(all); }},
      square, {4, 5});
  EXPECT_EQ(result.get(), (std::vector<int>{16, 25}));
  this->pool_.close();
  this->pool_.join();
  EXPECT_EQ(seen, (std::vector<int>{16, 25}));
}

TYPED_TEST(PoolBracesTest, ImapKeepsElementsInBraces) {
  auto results = this->pool_.imap(square, {1, 2, 3});
  EXPECT_EQ(collected(results), (std::vector<int>{1, 4, 9}));
  EXPECT_EQ(collected(this->pool_.imap(shout, {"a", "b"}, 2)),
            (std::vector<std::string>{"a!", "b!"}));
  EXPECT_EQ(collected(this->pool_.imap_unordered(square, {7})), (std::vector<int>{49}));
}

TYPED_TEST(PoolBracesTest, StarmapTakesArgumentsInBraces) {
  EXPECT_EQ(this->pool_.starmap(add, {{1, 2}, {3, 4}}), (std::vector<int>{3, 7}));
  EXPECT_EQ(this->pool_.starmap(repeat, {{"ab", 2}, {"c", 3}}, 1),
            (std::vector<std::string>{"abab", "ccc"}));
  EXPECT_EQ(this->pool_.starmap([](int a, double b) { return a * b; }, {{2, 1.5}}),
            (std::vector<double>{3.0}));
  EXPECT_EQ(this->pool_.starmap_async(add, {{5, 6}}).get(), (std::vector<int>{11}));
}

TYPED_TEST(PoolBracesTest, StarmapTakesTuplesInBraces) {
  EXPECT_EQ(this->pool_.starmap(add, {std::pair{1, 2}, std::pair{3, 4}}), (std::vector<int>{3, 7}));
  EXPECT_EQ(this->pool_.starmap(add, {std::tuple{1, 2}, std::tuple{3, 4}}),
            (std::vector<int>{3, 7}));
}

TYPED_TEST(PoolBracesTest, AGeneratorThatIsKeptIsReadWhereItIs) {
  int calls = 0;
  auto numbers = generate([&]() -> std::optional<int> {
    if (calls == 3) return std::nullopt;
    return calls++;
  });

  auto results = this->pool_.imap(square, numbers);

  EXPECT_EQ(collected(results), (std::vector<int>{0, 1, 4}));
  EXPECT_EQ(calls, 3);
}

TYPED_TEST(PoolBracesTest, AGeneratorMayBeHandedOver) {
  int left = 3;
  auto numbers = generate([&]() -> std::optional<int> {
    if (left == 0) return std::nullopt;
    return left--;
  });

  EXPECT_EQ(collected(this->pool_.imap(square, std::move(numbers))), (std::vector<int>{9, 4, 1}));
}

}  // namespace
}  // namespace multiprocessing
