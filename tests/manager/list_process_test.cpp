// List between processes.

#include <multiprocessing/managers.hpp>
#include <multiprocessing/process.hpp>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/child.hpp"

namespace multiprocessing {
namespace {

TEST(ListProcessTest, ChildAppendsAndTheParentSeesIt) {
  const auto list = Manager().list<std::string>({"parent"});
  Process child([list] {
    list.append("child");
    list[0] = "changed";
  });
  child.start();
  child.join();
  EXPECT_EQ(list.copy(), (std::vector<std::string>{"changed", "child"}));
}

TEST(ListProcessTest, IncrementsOfManyProcessesAllCount) {
  const List<int> counters{0, 0};
  std::vector<Process> children;
  for (int i = 0; i < 4; ++i) {
    children.emplace_back([counters] {
      for (int k = 0; k < 5000; ++k) counters[k % 2] += 1;
    });
    children.back().start();
  }
  for (Process& child : children) child.join();
  EXPECT_EQ(counters.copy(), (std::vector<int>{10'000, 10'000}));
}

TEST(ListProcessTest, EveryElementIsPoppedOnce) {
  const List<int> todo(range(4000));
  const List<int> done;
  std::vector<Process> children;
  for (int i = 0; i < 4; ++i) {
    children.emplace_back([todo, done] {
      try {
        for (;;) done.append(todo.pop(0));
      } catch (const ValueError&) {  // empty
      }
    });
    children.back().start();
  }
  for (Process& child : children) child.join();
  std::vector<int> all = done.copy();
  std::ranges::sort(all);
  EXPECT_EQ(all, std::vector<int>(range(4000).begin(), range(4000).end()));
}

TEST(ListProcessTest, RandomKillsLeaveTheListWhole) {
  const List<std::string> list;
  for (int i = 0; i < 40; ++i) list.append(std::to_string(i));
  for (int round = 0; round < 30; ++round) {
    auto victim = test::Child::run([&] {
      test::hang_up();
      for (;;) {
        list.insert(3, list.pop(20));
        list[5] = list.at(5);
        list.reverse();
        list.sort();
      }
    });
    victim.await_hang_up();
    ::usleep(static_cast<useconds_t>(500 + round * 137 % 900));  // any moment will do
    victim.kill(SIGKILL);
    victim.wait();
    std::vector<std::string> all = list.copy();
    ASSERT_GE(all.size(), 39U) << "at most the one that was popped is missing";
    std::ranges::sort(all);
    ASSERT_TRUE(std::ranges::unique(all).empty());
    while (all.size() < 40) {
      list.append("again" + std::to_string(round));
      all = list.copy();
    }
  }
}

TEST(ListProcessTest, ChildForkedInsideModifyCannotFinishItsParentsStep) {
  const List<int> list{1};
  bool in_child = false;
  try {
    list.modify(0, [&](int& value) {
      value = 2;
      in_child = ::fork() == 0;
    });
  } catch (const ValueError&) {
    if (in_child) std::_Exit(17);
  }
  if (in_child) std::_Exit(0);
  int status = 0;
  ::wait(&status);
  EXPECT_EQ(WEXITSTATUS(status), 17);
  EXPECT_EQ(list.at(0), 2);
}

}  // namespace
}  // namespace multiprocessing
