// tqdm on a terminal: what its screen looks like.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/progress.hpp>

#include "progress/format.hpp"
#include "progress/stderr_to.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::StderrToTerminal;
using Lines = std::vector<std::string>;

Lines beginnings(const Lines& screen, std::size_t length) {
  Lines all;
  for (const auto& line : screen) all.push_back(line.substr(0, length));
  return all;
}

TEST(TqdmTerminalTest, DrawsAnEmptyBarAtOnce) {
  StderrToTerminal terminal(50);

  const tqdm bar({.total = 10, .desc = "d"});

  EXPECT_EQ(terminal.screen(), Lines{"d:   0%|                   | 0/10 [00:00<?, ?it/s]"});
}

TEST(TqdmTerminalTest, FillsTheWidthOfTheTerminalAsItIsNow) {
  StderrToTerminal terminal(42);
  const tqdm bar({.total = 10});

  terminal.resize(60, 20);
  bar.refresh();

  EXPECT_EQ(progress::display_width(terminal.screen().at(0)), 60);
}

TEST(TqdmTerminalTest, RedrawsOncePerInterval) {
  StderrToTerminal terminal;

  for ([[maybe_unused]] int x : tqdm(range(100'000), {.mininterval = 1h})) {
  }

  const std::string bytes = terminal.bytes();
  EXPECT_EQ(std::count(bytes.begin(), bytes.end(), '%'), 2) << "the empty bar and the full one";
}

TEST(TqdmTerminalTest, RedrawsAtEachItemWithoutAnInterval) {
  StderrToTerminal terminal;

  for ([[maybe_unused]] int x : tqdm(range(20), {.mininterval = 0s})) {
  }

  const std::string bytes = terminal.bytes();
  EXPECT_EQ(std::count(bytes.begin(), bytes.end(), '%'), 22);
}

TEST(TqdmTerminalTest, LeavesTheFullBarAndANewLine) {
  StderrToTerminal terminal;

  for ([[maybe_unused]] int x : tqdm(range(5))) {
  }
  ::write(2, "next", 4);

  EXPECT_EQ(beginnings(terminal.screen(), 4), (Lines{"100%", "next"}));
}

TEST(TqdmTerminalTest, LeavesNoTraceIfItIsNotToBeLeft) {
  StderrToTerminal terminal;

  for ([[maybe_unused]] int x : tqdm(range(5), {.leave = false})) {
  }
  ::write(2, "next", 4);

  EXPECT_EQ(terminal.screen(), Lines{"next"});
}

TEST(TqdmTerminalTest, PutsInnerBarsBelowOuterOnes) {
  StderrToTerminal terminal;

  const tqdm outer({.total = 3, .desc = "outer"});
  const tqdm inner({.total = 3, .desc = "inner"});
  outer.update();
  outer.refresh();

  EXPECT_EQ(beginnings(terminal.screen(), 10), (Lines{"outer:  33", "inner:   0"}));
}

TEST(TqdmTerminalTest, PutsBarsWhereTheyAreWanted) {
  StderrToTerminal terminal;

  const tqdm low({.total = 3, .desc = "low", .position = 2});
  const tqdm high({.total = 3, .desc = "high"});

  EXPECT_EQ(beginnings(terminal.screen(), 4), (Lines{"high", "", "low:"}));
}

TEST(TqdmTerminalTest, ReusesThePositionOfAClosedBar) {
  StderrToTerminal terminal;
  const tqdm outer({.total = 2, .desc = "outer"});

  for (int round = 0; round < 2; ++round) {
    for ([[maybe_unused]] int x : tqdm(range(2), {.desc = "inner", .leave = false})) {
    }
    outer.update();
  }
  outer.close();

  EXPECT_EQ(beginnings(terminal.screen(), 6), Lines{"outer:"});
}

TEST(TqdmTerminalTest, LeavesAClosedInnerBarAboveTheOuterOne) {
  StderrToTerminal terminal;
  const tqdm outer({.total = 2, .desc = "outer"});

  for ([[maybe_unused]] int x : tqdm(range(2), {.desc = "inner"})) {
  }

  EXPECT_EQ(beginnings(terminal.screen(), 10), (Lines{"inner: 100", "outer:   0"}));
}

TEST(TqdmTerminalTest, DrawsNoBarBelowTheScreen) {
  StderrToTerminal terminal(60, 4);

  std::vector<tqdm<>> bars;
  bars.reserve(6);
  for (int i = 0; i < 6; ++i) bars.emplace_back(TqdmOptions{.total = 1});

  EXPECT_EQ(terminal.screen().size(), 3U);
}

TEST(TqdmTerminalTest, WritesTextAboveTheBars) {
  StderrToTerminal terminal;
  const int saved = ::fcntl(1, F_DUPFD_CLOEXEC, 0);
  ::dup2(terminal.slave(), 1);
  const tqdm outer({.total = 2, .desc = "outer"});
  const tqdm inner({.total = 2, .desc = "inner"});

  tqdm<>::write("a line");
  tqdm<>::write("another");

  EXPECT_EQ(beginnings(terminal.screen(), 7), (Lines{"a line", "another", "outer: ", "inner: "}));
  ::dup2(saved, 1);
  ::close(saved);
}

TEST(TqdmTerminalTest, DrawsEachChangeInOnePieceWhileThreadsUpdate) {
  StderrToTerminal terminal;
  const tqdm first({.total = 400, .desc = "first", .mininterval = 10us});
  const tqdm second({.total = 400, .desc = "second", .mininterval = 10us});

  Lines screen;
  for (int round = 0; round < 20; ++round) {
    std::vector<std::jthread> threads;
    threads.reserve(2);
    for (const auto& bar : {first, second}) {
      threads.emplace_back([bar] {
        for (int i = 0; i < 20; ++i) bar.update();
      });
    }
    threads.clear();
    screen = terminal.screen();
  }
  first.refresh();
  second.refresh();

  EXPECT_EQ(beginnings(terminal.screen(), 11), (Lines{"first: 100%", "second: 100"}));
}

TEST(TqdmTerminalTest, SurvivesATerminalThatHungUp) {
  StderrToTerminal terminal;
  const tqdm bar({.total = 2});

  terminal.hang_up();
  bar.update();
  bar.refresh();

  EXPECT_EQ(bar.n(), 1);
}

}  // namespace
}  // namespace multiprocessing
