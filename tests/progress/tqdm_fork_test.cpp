// tqdm across fork: what a child does with the bars of its parent, and with its own.

#include <multiprocessing/progress.hpp>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "progress/stderr_to.hpp"
#include "support/child.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::Child;
using test::StderrToTerminal;

TEST(TqdmForkTest, ChildThatDropsAnInheritedBarDrawsNothing) {
  StderrToTerminal terminal;
  auto bar = std::make_unique<tqdm<>>(TqdmOptions{.total = 2});
  terminal.bytes();

  auto child = Child::run([&] { bar.reset(); });

  EXPECT_EQ(child.wait(), test::exited(0));
  EXPECT_EQ(terminal.bytes(), "");
}

TEST(TqdmForkTest, ChildCountsOnItsOwn) {
  const test::StderrToFile out;
  const tqdm bar({.total = 1000});
  bar.update(3);

  auto child = Child::run([&] {
    bar.update(2);
    test::require(bar.n() == 5);
  });

  EXPECT_EQ(child.wait(), test::exited(0));
  EXPECT_EQ(bar.n(), 3);
}

TEST(TqdmForkTest, BarsOfChildrenGoBelowTheBarOfTheParent) {
  StderrToTerminal terminal;
  const tqdm outer({.total = 2, .desc = "outer"});

  auto child = Child::run([] { const tqdm inner({.total = 2, .desc = "inner", .leave = false}); });
  EXPECT_EQ(child.wait(), test::exited(0));

  EXPECT_NE(terminal.bytes().find("\n\rinner:"), std::string::npos);
}

TEST(TqdmForkTest, ForkWhileOtherThreadsDrawLeavesAUsableChild) {
  const test::StderrToFile out;
  std::atomic<bool> stop{false};
  const tqdm bar({.total = std::size_t{1} << 40U});
  std::jthread drawing([&] {
    while (!stop) {
      bar.set_postfix("a text that is too long to be stored in place");
      bar.update();
      bar.refresh();
    }
  });

  for (int i = 0; i < 50; ++i) {
    auto child = Child::run([&] {
      bar.set_postfix("of the child");
      bar.refresh();
      const tqdm own({.total = 2});
      own.update(2);
    });
    EXPECT_EQ(child.wait(), test::exited(0));
  }

  stop = true;
}

}  // namespace
}  // namespace multiprocessing
