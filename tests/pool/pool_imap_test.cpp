// The lazy ranges of a Pool.

#include <multiprocessing/pool.hpp>

#include <algorithm>
#include <chrono>
#include <list>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/synchronize.hpp>

#include "pool/tasks.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::shout;
using test::square;
using test::three_is_bad;

TEST(PoolImapTest, ResultsComeInTheOrderOfTheInput) {
  Pool pool(2);

  for (const int chunk : {1, 3, 100}) {
    int expected = 0;
    for (const int x : pool.imap(square, range(50), chunk)) {
      EXPECT_EQ(x, expected * expected);
      ++expected;
    }
    EXPECT_EQ(expected, 50);
  }
}

TEST(PoolImapTest, UnorderedResultsAllCome) {
  Pool pool(2);
  const std::list<std::string> words{"a", "b", "c"};
  std::set<std::string> found;

  for (const std::string& word : pool.imap_unordered(shout, words)) found.insert(word);

  EXPECT_EQ(found, (std::set<std::string>{"a!", "b!", "c!"}));
}

TEST(PoolImapTest, UnorderedDoesNotWaitForASlowFirstItem) {
  Pool pool(2);
  const Event go;
  auto results = pool.imap_unordered(partial(
                                         [](const Event& event, int x) {
                                           if (x == 0) event.wait();
                                           return x;
                                         },
                                         go),
                                     range(3));

  EXPECT_EQ(results.next(), 1);
  EXPECT_EQ(results.next(), 2);
  go.set();
  EXPECT_EQ(results.next(), 0);
  EXPECT_EQ(results.next(), std::nullopt);
}

TEST(PoolImapTest, InputIsReadNoFurtherThanTheWindow) {
  Pool pool(2);
  int read = 0;
  auto results = pool.imap(square, generate([&] { return std::optional(read++); }));

  for (int i = 0; i < 10; ++i) EXPECT_EQ(results.next(), i * i);

  EXPECT_LE(read, 10 + 2 * 4);
}

TEST(PoolImapTest, AnExceptionStandsInItsItemsPlace) {
  Pool pool(2);

  for (const int chunk : {1, 5}) {
    auto results = pool.imap(three_is_bad, range(6), chunk);
    for (int i = 0; i < 6; ++i) {
      if (i == 3) {
        EXPECT_THROW(results.next(), ValueError);
      } else {
        EXPECT_EQ(results.next(), i);
      }
    }
    EXPECT_EQ(results.next(), std::nullopt);
  }
}

TEST(PoolImapTest, WhatTheInputThrowsComesAfterTheItemsBeforeIt) {
  Pool pool(2);
  int read = 0;
  auto results = pool.imap(square, generate([&]() -> std::optional<int> {
                             if (read == 2) throw std::runtime_error("no more");
                             return read++;
                           }));

  EXPECT_EQ(results.next(), 0);
  EXPECT_EQ(results.next(), 1);
  EXPECT_THROW(results.next(), std::runtime_error);
  EXPECT_EQ(results.next(), std::nullopt);
}

TEST(PoolImapTest, NextMayTimeOutAndBeCalledAgain) {
  Pool pool(1);
  const Event go;
  auto results = pool.imap(partial(
                               [](const Event& event, int x) {
                                 event.wait();
                                 return x;
                               },
                               go),
                           range(1));

  EXPECT_THROW(results.next(10ms), TimeoutError);
  go.set();

  EXPECT_EQ(results.next(), 0);
}

TEST(PoolImapTest, AFunctionWithoutResultYieldsMonostate) {
  Pool pool(2);
  int count = 0;

  for (const std::monostate& nothing : pool.imap([](int) {}, range(4))) {
    EXPECT_EQ(nothing, std::monostate{});
    ++count;
  }

  EXPECT_EQ(count, 4);
}

TEST(PoolImapTest, AStreamThatWasOpenBeforeCloseIsReadToItsEnd) {
  Pool pool(2);
  auto results = pool.imap(square, range(1000));
  EXPECT_EQ(results.next(), 0);

  pool.close();

  for (int i = 1; i < 1000; ++i) EXPECT_EQ(results.next(), i * i);
  EXPECT_EQ(results.next(), std::nullopt);
  pool.join();
}

TEST(PoolImapTest, JoinReadsTheRestOfTheInput) {
  Pool pool(2);
  auto results = pool.imap_unordered(square, range(500), 7);

  pool.close();
  pool.join();

  long sum = 0;
  for (const int x : results) sum += x;
  EXPECT_EQ(sum, 499L * 500 * 999 / 6);
}

TEST(PoolImapTest, TheWindowGrowsWhileResultsComeFastAndNoFurther) {
  Pool pool(2);
  int read = 0;
  auto results =
      pool.imap([](int x) { return -x; }, generate([&] { return std::optional(read++); }));
  int most = 0;

  for (int i = 0; i < 100'000; ++i) {
    EXPECT_EQ(results.next(), -i);
    most = std::max(most, read - i);
  }

  EXPECT_LE(most, 2 * 512 + 1);
}

TEST(PoolImapTest, AStreamThatIsDroppedLeavesThePoolUsable) {
  Pool pool(2);

  {
    auto results = pool.imap(square, range(1000));
    EXPECT_EQ(results.next(), 0);
  }

  EXPECT_EQ(pool.apply(square, 5), 25);
  EXPECT_THROW((void)pool.imap(square, range(3), 0), ValueError);
}

}  // namespace
}  // namespace multiprocessing
