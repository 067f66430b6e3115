// The text of a bar, compared with what Python's tqdm writes for the same numbers.

#include "progress/format.hpp"

#include <limits>

#include <gtest/gtest.h>

#include <multiprocessing/detail/tqdm_bar.hpp>

namespace multiprocessing::progress {
namespace {

TEST(FormatBarTest, ShowsPercentBarCountTimesAndRate) {
  EXPECT_EQ(format_bar({.done = 4, .total = 10, .elapsed = 1.136, .rate = 3.0, .desc = "desc"}),
            "desc:  40%|████      | 4/10 [00:01<00:02,  3.00it/s]");
}

TEST(FormatBarTest, StartsWithAnUnknownRate) {
  EXPECT_EQ(format_bar({.total = 10}), "  0%|          | 0/10 [00:00<?, ?it/s]");
  EXPECT_EQ(format_bar({}), "0it [00:00, ?it/s]");
}

TEST(FormatBarTest, EndsWithTheAverageRate) {
  EXPECT_EQ(format_bar({.done = 10, .total = 10, .elapsed = 4}),
            "100%|██████████| 10/10 [00:04<00:00,  2.50it/s]");
}

TEST(FormatBarTest, ShowsSecondsPerItemBelowOneItemPerSecond) {
  EXPECT_EQ(format_bar({.done = 1, .total = 4, .elapsed = 3}),
            " 25%|██▌       | 1/4 [00:03<00:09,  3.00s/it]");
}

TEST(FormatBarTest, ShowsOnlyACountWithoutATotal) {
  EXPECT_EQ(format_bar({.done = 4, .elapsed = 1, .rate = 3.5}), "4it [00:01,  3.50it/s]");
  EXPECT_EQ(format_bar({.done = 0, .total = 0}), "0it [00:00, ?it/s]");
}

TEST(FormatBarTest, ShowsOnlyACountOnceTheTotalIsPassed) {
  EXPECT_EQ(format_bar({.done = 12, .total = 10, .elapsed = 2}), "12it [00:02,  6.00it/s]");
}

TEST(FormatBarTest, DoesNotCountInitialItemsTowardsTheRate) {
  EXPECT_EQ(format_bar({.done = 15, .elapsed = 1, .initial = 5}), "15it [00:01, 10.00it/s]");
}

TEST(FormatBarTest, PutsPostfixBehindTheRateAndOneColonBehindTheDescription) {
  EXPECT_EQ(format_bar({.done = 1, .elapsed = 1, .desc = "a: ", .postfix = "loss=0.1"}),
            "a: 1it [00:01,  1.00it/s, loss=0.1]");
}

TEST(FormatBarTest, ScalesUnits) {
  EXPECT_EQ(
      format_bar(
          {.done = 1'234'567, .total = 10'000'000, .elapsed = 10, .unit = "B", .unit_scale = true}),
      " 12%|█▏        | 1.23M/10.0M [00:10<01:11, 123kB/s]");
}

TEST(FormatBarTest, DrawsEighthsOfACharacter) {
  EXPECT_EQ(format_bar({.done = 33, .total = 100, .elapsed = 10, .rate = 3.3}),
            " 33%|███▎      | 33/100 [00:10<00:20,  3.30it/s]");
}

TEST(FormatBarTest, DrawsDigitsInAscii) {
  EXPECT_EQ(format_bar({.done = 33, .total = 100, .elapsed = 10, .rate = 3.3, .ascii = true}),
            " 33%|###3      | 33/100 [00:10<00:20,  3.30it/s]");
}

TEST(FormatBarTest, FillsTheWidthExactly) {
  for (const int columns : {45, 60, 200}) {
    const auto text = format_bar({.done = 4, .total = 10, .elapsed = 1, .columns = columns});
    EXPECT_EQ(display_width(text), columns) << text;
  }
}

TEST(FormatBarTest, CutsWhatIsWiderThanTheWidth) {
  EXPECT_EQ(
      format_bar({.done = 3, .total = 10, .elapsed = 1, .desc = "a long text", .columns = 14}),
      "a long text:  ");
  EXPECT_EQ(format_bar({.done = 3, .elapsed = 1, .columns = 6}), "3it [0");
}

TEST(FormatBarTest, HasNoBarAtAWidthOfZero) {
  EXPECT_EQ(format_bar({.done = 4, .total = 10, .elapsed = 1, .columns = 0}),
            " 40% 4/10 [00:01<00:01,  4.00it/s]");
}

TEST(FormatIntervalTest, ShowsHoursOnlyIfThereAreAny) {
  EXPECT_EQ(format_interval(0), "00:00");
  EXPECT_EQ(format_interval(59.9), "00:59");
  EXPECT_EQ(format_interval(3599), "59:59");
  EXPECT_EQ(format_interval(90061), "25:01:01");
}

TEST(FormatIntervalTest, SurvivesNumbersThatAreNone) {
  EXPECT_EQ(format_interval(-1), "00:00");
  EXPECT_EQ(format_interval(std::numeric_limits<double>::infinity()), "277777777777:46:40");
}

TEST(FormatSizeTest, ShowsThreeDigits) {
  EXPECT_EQ(format_size(0), "0.00");
  EXPECT_EQ(format_size(9.996), "10.0");
  EXPECT_EQ(format_size(99.96), "100");
  EXPECT_EQ(format_size(999.6), "1.00k");
  EXPECT_EQ(format_size(1.5e25), "15.0Y");
}

TEST(DisplayWidthTest, CountsColumnsNotBytes) {
  EXPECT_EQ(display_width("abc"), 3);
  EXPECT_EQ(display_width("██▎"), 3);
  EXPECT_EQ(display_width("漢字"), 4);
  EXPECT_EQ(display_width("\x1b[31mred\x1b[0m"), 3);
  EXPECT_EQ(display_width("e\u0301"), 1);
}

TEST(DisplayWidthTest, SurvivesTextThatIsNoUtf8) {
  EXPECT_EQ(display_width("\xff\xfe"), 2);
  EXPECT_EQ(display_width("\xe6\xbc"), 1);
  EXPECT_EQ(display_width("\x1b["), 0);
}

TEST(TrimmedTest, NeverCutsACharacterInTwo) {
  EXPECT_EQ(trimmed("漢字", 3), "漢");
  EXPECT_EQ(trimmed("abc", 3), "abc");
  EXPECT_EQ(trimmed("\x1b[31mred", 2), "\x1b[31mre\x1b[0m");
}

TEST(ShortNumberTest, HasThreeDigitsUnlessItIsShorterWrittenOut) {
  using detail::short_number;

  EXPECT_EQ(short_number(0.31), "0.31");
  EXPECT_EQ(short_number(0.123456), "0.123");
  EXPECT_EQ(short_number(-0.5), "-0.5");
  EXPECT_EQ(short_number(1.5e-7), "1.5e-7");
  EXPECT_EQ(short_number(std::int64_t{1234567}), "1234567");
  EXPECT_EQ(short_number(std::int64_t{12345678}), "1.23e+7");
  EXPECT_EQ(short_number(std::uint64_t{1} << 63U), "9.22e+18");
}

}  // namespace
}  // namespace multiprocessing::progress
