// Kills a process at each point named in lib/shared/value_head.hpp and shared_head.hpp.

#include <multiprocessing/sharedctypes.hpp>

#include <array>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "support/chaos.hpp"
#include "support/child.hpp"

namespace multiprocessing {
namespace {

using Wide = std::array<std::uint64_t, 16>;

Wide filled(std::uint64_t with) {
  Wide wide{};
  wide.fill(with);
  return wide;
}

/// Writes 2 over 1 in a process that dies at the n-th visit of `point`.
Wide value_after(const char* point, int visit) {
  const Value<Wide> v(filled(1));
  test::expect_death_at(point, visit, [&] { v.set(filled(2)); });
  return v.get();
}

TEST(ValueChaosTest, WriterThatDiesBeforeItPublishedLeavesTheOldValue) {
  for (int visit = 1; visit <= 16; ++visit) {
    EXPECT_EQ(value_after("value.write.copied", visit), filled(1));
  }
  EXPECT_EQ(value_after("rlock.acquire.taken", 1), filled(1));
}

TEST(ValueChaosTest, WriterThatDiesAfterItPublishedLeavesTheNewValue) {
  EXPECT_EQ(value_after("value.write.published", 1), filled(2));
  EXPECT_EQ(value_after("rlock.release.cleared", 1), filled(2));
  EXPECT_EQ(value_after("lock.release.freed", 1), filled(2));
}

TEST(ValueChaosTest, FunctionUnderTheLockThatDiesChangesNothing) {
  const Value<Wide> v(filled(1));
  auto writer = test::Child::run([&] {
    v.with_lock([](Wide& wide) {
      wide.fill(2);
      test::hang_up_and_wait();
    });
  });
  writer.await_hang_up();
  writer.kill(SIGKILL);
  writer.wait();

  EXPECT_EQ(v.get(), filled(1));
}

class MakerChaosTest : public testing::TestWithParam<const char*> {};

TEST_P(MakerChaosTest, MakerThatDiesLeavesNothingAndTheLockUsable) {
  const RLock lock;
  const auto before = test::blocks_in_use();

  test::expect_death_at(GetParam(), 1, [&] { const Value<int> v(5, lock); });

  EXPECT_EQ(test::blocks_in_use(), before);
  EXPECT_TRUE(lock.acquire(false));
}

INSTANTIATE_TEST_SUITE_P(Points, MakerChaosTest,
                         testing::Values("value.make.created", "value.make.linked"));

class SharedMakerChaosTest : public testing::TestWithParam<const char*> {};

TEST_P(SharedMakerChaosTest, MakerThatDiesLeavesNothing) {
  const Event inside;
  const auto before = test::blocks_in_use();

  test::expect_death_at(GetParam(), 1, [&] { const Shared events(std::vector<Event>(3, inside)); });

  EXPECT_EQ(test::blocks_in_use(), before);
}

INSTANTIATE_TEST_SUITE_P(Points, SharedMakerChaosTest,
                         testing::Values("shared.make.created", "shared.make.linked"));

}  // namespace
}  // namespace multiprocessing
