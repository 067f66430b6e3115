// Results that can only be moved, and results that several threads take.

#include <multiprocessing/pool.hpp>

#include <atomic>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "pool/tasks.hpp"

namespace multiprocessing {
namespace {

using Owned = std::unique_ptr<int>;

// A list: Clang 19 instantiates the copying of a vector inside an aggregate that nobody copies.
struct Held {
  std::string label;
  std::list<Owned> owned;
};

Owned make(int x) {
  return std::make_unique<int>(x);
}
std::vector<Owned> make_two(int x) {
  std::vector<Owned> two;
  two.push_back(make(x));
  two.push_back(make(x + 1));
  return two;
}
Held make_held(int x) {
  Held held{"held", {}};
  held.owned.push_back(make(x));
  return held;
}

TEST(PoolResultTest, WhatCanOnlyBeMovedComesBackAlsoInContainers) {
  Pool pool(2);

  EXPECT_EQ(*pool.apply(make, 3), 3);
  EXPECT_EQ(*pool.apply(make_two, 3)[1], 4);
  EXPECT_EQ(*pool.apply(make_held, 5).owned.front(), 5);
  EXPECT_EQ(*pool.map(make, {7, 8, 9})[2], 9);
  EXPECT_EQ(*pool.apply([] { return std::pair<int, Owned>(1, make(2)); }).second, 2);
  auto items = pool.imap(make_two, range(3));
  EXPECT_EQ(*items.next()->front(), 0);
  const auto kept = pool.apply_async(make_two, 1);
  EXPECT_EQ(*kept.get()[0], 1);
  EXPECT_THROW((void)kept.get(), ValueError) << "it has been taken";
}

TEST(PoolResultTest, WhatTwoThreadsTakeOneOfThemGets) {
  Pool pool(1);
  for (int round = 0; round < 50; ++round) {
    const auto result = pool.apply_async(make, round);
    std::atomic<int> got{0};
    std::atomic<int> refused{0};
    const auto take = [&] {
      try {
        got += *result.get() == round ? 1 : 100;
      } catch (const ValueError&) {
        ++refused;
      }
    };
    std::thread other(take);
    take();
    other.join();
    EXPECT_EQ(got, 1);
    EXPECT_EQ(refused, 1);
  }
}

}  // namespace
}  // namespace multiprocessing
