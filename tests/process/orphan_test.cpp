// A killed parent takes along whom it should, within a second.

#include <multiprocessing/process.hpp>

#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <functional>

#include <gtest/gtest.h>

#include "process/gate.hpp"
#include "support/child.hpp"

namespace multiprocessing {
namespace {

constexpr int kTwiceTheBound = 2000;  // milliseconds

// Whether everybody who holds the other end is gone in time.
bool all_gone(test::Gate& held) {
  held.close_writer();
  pollfd watched{held.reader(), 0, 0};
  return ::poll(&watched, 1, kTwiceTheBound) == 1 && (watched.revents & POLLHUP) != 0;
}

// A child that neither SIGTERM nor a blocking call would end.
[[noreturn]] void resist(const test::Gate& ready) {
  std::signal(SIGTERM, SIG_IGN);
  ready.open();
  for (volatile int spin = 0;;) spin = spin + 1;
}

TEST(ProcessOrphanTest, DaemonicChildrenEndWithAKilledParent) {
  test::Gate held;
  auto program = test::Child::run([&] {
    for (int i = 0; i < 3; ++i) Process({.daemon = true}, [&] { resist(held); }).start();
    test::sleep_for_ever();
  });
  for (int i = 0; i < 3; ++i) held.pass();

  program.kill(SIGKILL);

  EXPECT_TRUE(all_gone(held));
}

TEST(ProcessOrphanTest, GrandchildrenEndWithAKilledRoot) {
  test::Gate held;
  auto program = test::Child::run([&] {
    Process({.die_with_parent = true}, [&] {
      Process({.die_with_parent = true}, [&] {
        Process({.daemon = true}, [&] { resist(held); }).start();
        held.open();
        test::sleep_for_ever();
      }).start();
      test::sleep_for_ever();
    }).start();
    test::sleep_for_ever();
  });
  held.pass();
  held.pass();

  program.kill(SIGKILL);

  EXPECT_TRUE(all_gone(held));
}

TEST(ProcessOrphanTest, OrdinaryChildOutlivesItsParentAndKnowsIt) {
  test::Gate held;
  test::Gate told;
  auto program = test::Child::run([&] {
    Process([&] {
      held.open();
      test::require(parent_process()->join());
      test::require(!parent_process()->is_alive());
      told.open();
    }).start();
    test::sleep_for_ever();
  });
  held.pass();

  program.kill(SIGKILL);

  told.pass();
  EXPECT_TRUE(all_gone(held));
}

TEST(ProcessOrphanTest, ParentKilledWhileItStartsChildrenLeavesNone) {
  for (int round = 0; round < 20; ++round) {
    test::Gate held;
    auto program = test::Child::run([&] {
      for (int i = 0; i < 1000; ++i) {
        Process({.daemon = true}, [&] { resist(held); }).start();
        if (i > 8) test::sleep_for_ever();
      }
    });
    for (int i = 0; i < 1 + round % 7; ++i) held.pass();  // some are up, some are in the making

    program.kill(SIGKILL);

    ASSERT_TRUE(all_gone(held)) << "round " << round;
  }
}

}  // namespace
}  // namespace multiprocessing
