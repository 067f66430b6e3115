// What is bound to a function that is mapped is sent once, not with each item.

#include <multiprocessing/pool.hpp>

#include <cstddef>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/sharedctypes.hpp>

namespace multiprocessing {
namespace test {

/// Counts how often it is sent, in the process that sends it.
struct Luggage {
  std::string content;
  static inline int sent = 0;
};

}  // namespace test

template <>
struct Codec<test::Luggage> {
  using Parts = detail::Types<>;
  static constexpr bool kFixed = false;
  static constexpr const char* kName = "luggage";
  static void encode(detail::Writer& out, const test::Luggage& luggage) {
    ++test::Luggage::sent;
    detail::encode_value(out, luggage.content);
  }
  static test::Luggage decode(detail::Reader& in) {
    return {detail::decode_value<std::string>(in)};
  }
};

namespace {

using test::Luggage;

std::size_t weigh(const Luggage& luggage, int x) {
  return luggage.content.size() + static_cast<std::size_t>(x);
}
std::size_t weigh_two(const Luggage& luggage, int x, int y) {
  return weigh(luggage, x + y);
}

class PoolTransferTest : public testing::Test {
 protected:
  void SetUp() override { Luggage::sent = 0; }
  const Luggage luggage_{std::string(1'000'000, 'x')};
  Pool pool_{2};
};

TEST_F(PoolTransferTest, MapSendsWhatIsBoundOnce) {
  EXPECT_EQ(pool_.map(partial(weigh, luggage_), range(1'000), 1).back(), 1'000'999U);
  EXPECT_EQ(Luggage::sent, 1);
}

TEST_F(PoolTransferTest, StarmapSendsWhatIsBoundOnce) {
  const std::vector<std::tuple<int, int>> pairs(500, {1, 2});
  EXPECT_EQ(pool_.starmap(partial(weigh_two, luggage_), pairs, 1).back(), 1'000'003U);
  EXPECT_EQ(Luggage::sent, 1);
}

// A stream sends its function with each batch, a task its arguments: a Shared is sent once.
TEST_F(PoolTransferTest, AStreamSendsAHandleToWhatIsShared) {
  const Shared<Luggage> shared(luggage_);
  const auto weigh_shared = [](const Shared<Luggage>& it, int x) { return weigh(*it, x); };
  std::size_t last = 0;
  for (const std::size_t weight : pool_.imap(partial(weigh_shared, shared), range(1'000))) {
    last = weight;
  }
  EXPECT_EQ(last, 1'000'999U);
  EXPECT_EQ(Luggage::sent, 1);
}

}  // namespace
}  // namespace multiprocessing
