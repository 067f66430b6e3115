// Hooks of upper floors: none is lost, however many there are.

#include "shm/hook_list.hpp"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace multiprocessing::shm {
namespace {

using Hook = void (*)(std::vector<int>& called);

template <int Number>
void hook(std::vector<int>& called) {
  called.push_back(Number);
}

TEST(HookListTest, EveryHookIsCalledInTheOrderOfAdding) {
  static constinit HookList<Hook> list;  // as those of the library: its pieces stay
  EXPECT_TRUE(list.empty());
  std::vector<int> expected;
  for (int i = 0; i < 50; ++i) {
    list.add(i % 2 == 0 ? hook<0> : hook<1>);
    expected.push_back(i % 2);
  }
  EXPECT_FALSE(list.empty());

  std::vector<int> called;
  list.call(called);

  EXPECT_EQ(called, expected);
}

TEST(HookListTest, ThreadsThatAddAtOnceLoseNone) {
  constexpr int kEach = 40;
  static constinit HookList<Hook> list;  // as those of the library: its pieces stay
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int n = 0; n < kEach; ++n) list.add(hook<0>);
    });
  }
  for (auto& thread : threads) thread.join();

  std::vector<int> called;
  list.call(called);

  EXPECT_EQ(called.size(), 4U * kEach);
}

}  // namespace
}  // namespace multiprocessing::shm
