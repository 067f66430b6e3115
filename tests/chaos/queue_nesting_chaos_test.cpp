// Queues in queues in queues: they go without a stack of their depth, by whoever lets go the
// outermost, and whenever that one dies.

#include <gtest/gtest.h>

#include <cstddef>
#include <utility>
#include <vector>

#include <multiprocessing/queues.hpp>

#include "support/chaos.hpp"
#include "support/child.hpp"

namespace multiprocessing {
namespace {

using test::Child;

using Numbers = Queue<int>;
using Boxes = Queue<Numbers>;

// Each in the next; the last is what is returned.
Numbers nest(int depth) {
  Numbers outermost;
  for (int i = 1; i < depth; ++i) {
    Numbers outer;
    Boxes::from_handle_id(outer.handle_id()).put(std::exchange(outermost, outer));
  }
  return outermost;
}

constexpr int kDeep = 20'000;

TEST(QueueNestingChaosTest, TheirLastHolderLetsThemGo) {
  const std::size_t before = test::blocks_in_use();
  {
    const Numbers outermost = nest(kDeep);
    EXPECT_EQ(outermost.qsize(), 1U);
    EXPECT_GT(test::blocks_in_use(), before + kDeep);
  }
  EXPECT_LE(test::blocks_in_use(), before + 4);
}

TEST(QueueNestingChaosTest, ManyInOneGoToo) {
  const std::size_t before = test::blocks_in_use();
  {
    const Boxes outermost;
    for (int i = 0; i < 200; ++i) outermost.put(nest(20));
  }
  EXPECT_LE(test::blocks_in_use(), before + 4);
}

TEST(QueueNestingChaosTest, ThoseOfTheDeadGo) {
  const std::size_t before = test::blocks_in_use();
  auto dead = Child::run([] {
    const Numbers outermost = nest(kDeep);
    test::hang_up_and_wait();
  });
  dead.await_hang_up();
  dead.kill(SIGKILL);
  (void)dead.wait();
  EXPECT_LE(test::blocks_in_use(), before + 4);
}

class QueueNestingDeathTest : public testing::TestWithParam<test::Where> {};

TEST_P(QueueNestingDeathTest, WhoeverLetsThemGoMayDie) {
  const auto [point, visit] = GetParam();
  const std::size_t before = test::blocks_in_use();
  test::expect_death_at(point, visit, [] {
    const Boxes outermost;
    for (int i = 0; i < 40; ++i) outermost.put(nest(40));
  });
  EXPECT_LE(test::blocks_in_use(), before + 4);
}

INSTANTIATE_TEST_SUITE_P(Points, QueueNestingDeathTest,
                         testing::Combine(testing::Values("object.drop.dying", "message.dropped",
                                                          "message.put_off", "message.made_up",
                                                          "block.release.before"),
                                          testing::Values(1, 2, 9, 30, 100)),
                         test::name_of);

}  // namespace
}  // namespace multiprocessing
