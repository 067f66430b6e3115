// tqdm around loops and by hand, with stderr in a file: counts, and the plain lines.

#include <multiprocessing/progress.hpp>

#include <array>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "progress/stderr_to.hpp"

namespace multiprocessing {
namespace {

using test::StderrToFile;

// "[00:00<00:00, 123it/s]" differs from run to run.
std::string without_times(const std::string& line) {
  return line.substr(0, line.find(" ["));
}

std::vector<std::string> counts(const StderrToFile& out) {
  std::vector<std::string> all;
  for (const auto& line : out.lines()) all.push_back(without_times(line));
  return all;
}

static_assert(std::same_as<decltype(tqdm({.total = 5})), tqdm<>>);
static_assert(std::same_as<decltype(tqdm()), tqdm<>>);
static_assert(std::ranges::input_range<tqdm<std::vector<int>&>>);
static_assert(std::ranges::input_range<tqdm<std::vector<int>>>);

TEST(TqdmLoopTest, YieldsTheElementsOfTheRange) {
  const StderrToFile out;
  std::vector<int> seen;

  for (int x : tqdm(range(5), {.desc = "watching"})) seen.push_back(x);

  EXPECT_EQ(seen, (std::vector{0, 1, 2, 3, 4}));
}

TEST(TqdmLoopTest, HoldsAnLvalueByReference) {
  const StderrToFile out;
  std::vector<int> numbers{1, 2, 3};

  for (int& x : tqdm(numbers)) x *= 2;

  EXPECT_EQ(numbers, (std::vector{2, 4, 6}));
}

TEST(TqdmLoopTest, OwnsAnRvalueOfAnyKind) {
  const StderrToFile out;
  std::vector<std::unique_ptr<int>> pointers;
  pointers.push_back(std::make_unique<int>(7));
  int sum = 0;

  for (auto& p : tqdm(std::move(pointers))) sum += *p;
  for (int x : tqdm(generate([n = 3]() mutable -> std::optional<int> {
         if (n == 0) return std::nullopt;
         return n--;
       }))) {
    sum += x;
  }

  EXPECT_EQ(sum, 13);
  EXPECT_EQ(counts(out), (std::vector<std::string>{"100%|██████████| 1/1", "3it"}));
}

TEST(TqdmLoopTest, TakesTheTotalFromASizedRangeUnlessOneIsGiven) {
  const StderrToFile out;
  const std::list<int> four(4);
  const std::array three{1, 2, 3};

  EXPECT_EQ(tqdm(four).total(), 4U);
  EXPECT_EQ(tqdm(three).total(), 3U);
  EXPECT_EQ(tqdm(four, {.total = 9}).total(), 9U);
  EXPECT_EQ(tqdm(four | std::views::filter([](int) { return true; })).total(), std::nullopt);
}

TEST(TqdmLoopTest, CountsTheItemsWhoseTurnHasEnded) {
  const StderrToFile out;
  tqdm bar(range(1000));

  for (int x : bar) {
    EXPECT_EQ(bar.n(), x);
    if (x == 700) break;
  }

  EXPECT_EQ(bar.n(), 700);
}

TEST(TqdmLoopTest, ClosesAtTheEndOfTheRange) {
  const StderrToFile out;
  tqdm bar(range(3));

  for ([[maybe_unused]] int x : bar) {
  }

  EXPECT_EQ(counts(out).back(), "100%|██████████| 3/3");
}

TEST(TqdmFileTest, PrintsALinePerTenth) {
  const StderrToFile out;

  for ([[maybe_unused]] int x : tqdm(range(1000), {.desc = "d"})) {
  }

  const auto lines = counts(out);
  ASSERT_EQ(lines.size(), 10U);
  EXPECT_EQ(lines.front(), "d:  10%|█         | 100/1000");
  EXPECT_EQ(lines.back(), "d: 100%|██████████| 1000/1000");
}

TEST(TqdmFileTest, PrintsALinePerItemWhereThereAreLessThanTen) {
  const StderrToFile out;

  for ([[maybe_unused]] int x : tqdm(range(3))) {
  }

  EXPECT_EQ(counts(out).size(), 3U);
}

TEST(TqdmFileTest, PrintsTheEndOfALoopThatIsLeftEarly) {
  const StderrToFile out;

  for (int x : tqdm(range(100))) {
    if (x == 14) break;
  }

  EXPECT_EQ(counts(out),
            (std::vector<std::string>{" 10%|█         | 10/100", " 14%|█▍        | 14/100"}));
}

TEST(TqdmFileTest, PrintsOneLineWithoutATotal) {
  const StderrToFile out;

  {
    const tqdm bar;
    for (int i = 0; i < 100'000; ++i) bar.update();
  }

  EXPECT_EQ(counts(out), std::vector<std::string>{"100000it"});
}

TEST(TqdmFileTest, PrintsNothingForAShortBarThatIsNotToBeLeft) {
  const StderrToFile out;

  for ([[maybe_unused]] int x :
       tqdm(range(100), {.leave = false, .mininterval = std::chrono::hours(1)})) {
  }

  EXPECT_TRUE(out.lines().empty());
}

TEST(TqdmFileTest, PrintsNothingWhenDisabled) {
  const StderrToFile out;
  tqdm bar(range(100), {.disable = true});

  for ([[maybe_unused]] int x : bar) {
  }

  EXPECT_TRUE(out.lines().empty());
  EXPECT_EQ(bar.n(), 100);
}

TEST(TqdmTest, IsMovedByHandByAnyNumber) {
  const StderrToFile out;
  const tqdm bar({.total = 10, .initial = 1});

  bar.update(4);
  bar.update(std::size_t{2});
  bar.update(-1);

  EXPECT_EQ(bar.n(), 6);
}

TEST(TqdmTest, ShowsDescriptionAndPostfix) {
  const StderrToFile out;

  {
    const tqdm bar({.total = 2, .desc = "before"});
    bar.update();
    bar.set_description("after");
    bar.set_postfix({{"loss", 0.25}, {"phase", "warm-up"}, {"epoch", 3}});
  }

  EXPECT_EQ(without_times(out.lines().at(0)), "before:  50%|█████     | 1/2");
  // the line of a count that has been printed is not printed again
  EXPECT_EQ(out.lines().size(), 1U);
}

TEST(TqdmTest, TakesAPostfixAsTextOrAsAMap) {
  const StderrToFile out;
  const tqdm bar({.total = 1});

  bar.set_postfix("as text");
  bar.refresh();
  bar.set_postfix(std::map<std::string, double>{{"a", 1}, {"b", 0.5}});
  bar.refresh();

  EXPECT_TRUE(out.lines().at(0).ends_with(", as text]")) << out.lines().at(0);
  EXPECT_TRUE(out.lines().at(1).ends_with(", a=1, b=0.5]")) << out.lines().at(1);
}

TEST(TqdmTest, CopiesAreOneBarAndTheLastCloses) {
  const StderrToFile out;

  {
    std::vector<tqdm<>> copies;
    {
      const tqdm bar({.total = 100});
      copies.push_back(bar);
      bar.update(3);
    }
    EXPECT_TRUE(out.lines().empty());
    copies[0].update(2);
  }

  EXPECT_EQ(counts(out), std::vector<std::string>{"  5%|▌         | 5/100"});
}

TEST(TqdmTest, ClosesOnce) {
  const StderrToFile out;

  {
    const tqdm bar({.total = 10});
    bar.close();
    bar.close();
    bar.update(10);
  }

  EXPECT_EQ(out.lines().size(), 1U);
}

TEST(TqdmTest, StartsAgainAfterReset) {
  const StderrToFile out;
  const tqdm bar({.total = 2});
  bar.update(2);

  bar.reset(4);
  bar.update(2);

  EXPECT_EQ(counts(out).back(), " 50%|█████     | 2/4");
}

TEST(TqdmTest, CountsUpdatesOfSeveralThreads) {
  const StderrToFile out;
  const tqdm bar({.total = 40'000});

  {
    std::vector<std::jthread> threads;
    threads.reserve(4);
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&bar] {
        for (int i = 0; i < 10'000; ++i) bar.update();
      });
    }
  }

  EXPECT_EQ(bar.n(), 40'000);
}

TEST(TqdmTest, WritesTextToStdout) {
  const StderrToFile out;
  testing::internal::CaptureStdout();

  tqdm<>::write("a line");

  EXPECT_EQ(testing::internal::GetCapturedStdout(), "a line\n");
  EXPECT_TRUE(out.lines().empty());
}

}  // namespace
}  // namespace multiprocessing
