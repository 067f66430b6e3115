// How long a Spinner spins, and what it learns from it.

#include <algorithm>
#include <cstdint>

#include <gtest/gtest.h>

#include "shm/watch.hpp"
#include "sys/clock.hpp"

namespace multiprocessing::shm {
namespace {

class SpinnerTest : public testing::Test {
 protected:
  void SetUp() override {
    if (sys::alone()) GTEST_SKIP() << "nobody spins on one processor";
  }

  /// Looks until it gives up.
  static int miss(SpinHint& hint) {
    int looks = 0;
    for (Spinner spinner(hint); spinner.again();) ++looks;
    return looks;
  }

  /// Finds what it wants at the n-th look, if it looks so often.
  static bool find_at(SpinHint& hint, int look) {
    Spinner spinner(hint);
    for (int i = 0; i < look; ++i) {
      if (!spinner.again()) return false;
    }
    spinner.found();
    return true;
  }

  SpinHint hint_{0};
};

TEST_F(SpinnerTest, EndsWithoutAHint) {
  int looks = 0;
  for (Spinner spinner; spinner.again();) ++looks;

  EXPECT_GT(looks, 1);
  EXPECT_LT(looks, 1000);
}

TEST_F(SpinnerTest, MissesMakeItGiveUpSooner) {
  const int at_first = miss(hint_);

  for (int i = 0; i < 20; ++i) (void)miss(hint_);

  EXPECT_LT(miss(hint_), at_first);
}

TEST_F(SpinnerTest, LateSuccessesMakeItWaitLonger) {
  const int at_first = miss(hint_);
  for (int i = 0; i < 50; ++i) (void)find_at(hint_, at_first - 1);

  EXPECT_GT(miss(hint_), at_first);
}

TEST_F(SpinnerTest, ManyMissesAreFollowedByALongTry) {
  const int at_first = miss(hint_);
  int longest = 0;
  for (int i = 0; i < 64; ++i) longest = std::max(longest, miss(hint_));

  EXPECT_GT(longest, at_first) << "what was always late may be early from now on";
}

TEST_F(SpinnerTest, EveryHintIsBounded) {
  for (const std::uint32_t garbage : {1U, 0xFFFFU, 0xFFFFFFFFU, 0x1FFFFFU}) {
    SpinHint hint{garbage};
    for (int i = 0; i < 3; ++i) EXPECT_LT(miss(hint), 3000);
  }
}

}  // namespace
}  // namespace multiprocessing::shm
