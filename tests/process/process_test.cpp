// What a Process is: target, arguments, names, misuse.

#include <multiprocessing/process.hpp>

#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "process/gate.hpp"
#include "support/fd_snapshot.hpp"
#include "support/shared.hpp"

namespace multiprocessing {
namespace {

using test::require;
using test::Shared;

int code_of(Process& process) {
  process.start();
  require(process.join());
  return process.exitcode().value_or(-1000);
}

void check_arguments(int number, const std::string& text) {
  require(number == 3 && text == "three");
}
void check_pointer(const char* text) {
  require(std::string(text) == "three");
}
void increment(int& number) {
  require(++number == 4);
}

struct Counter {
  int value = 0;
  void add(int more) const { require(value + more == 5); }
};

template <class Use>
// CPython's text, and after it what to do.
void expect_value_error(Use use, const std::string& text) {
  try {
    use();
    ADD_FAILURE() << "expected ValueError: " << text;
  } catch (const ValueError& error) {
    EXPECT_TRUE(std::string(error.what()).starts_with(text + ": ")) << error.what();
  }
}

TEST(ProcessTest, TargetRunsInAProcessOfItsOwn) {
  Shared<pid_t> seen(0);
  Process process([&] { *seen = ::getpid(); });

  EXPECT_EQ(code_of(process), 0);

  EXPECT_NE(*seen, ::getpid());
  EXPECT_EQ(*seen, process.pid());
}

TEST(ProcessTest, ArgumentsArriveAndTextIsKeptAsAString) {
  Process process(check_arguments, 3, "three");

  EXPECT_EQ(code_of(process), 0);
}

TEST(ProcessTest, TextReachesAFunctionThatTakesAPointer) {
  std::string text = "three";
  Process process(check_pointer, text.c_str());
  text = "gone!";

  EXPECT_EQ(code_of(process), 0);
}

TEST(ProcessTest, ArgumentOfAReferenceParameterIsTheChildsCopy) {
  int number = 3;
  Process process(increment, number);

  EXPECT_EQ(code_of(process), 0);
  EXPECT_EQ(number, 3);
}

TEST(ProcessTest, MemberFunctionIsCalledOnItsObject) {
  Process process(&Counter::add, Counter{2}, 3);

  EXPECT_EQ(code_of(process), 0);
}

TEST(ProcessTest, ArgumentThatCannotBeCopiedMovesIntoTheCall) {
  Process process([](std::unique_ptr<int> number) { require(*number == 7); },
                  std::make_unique<int>(7));

  EXPECT_EQ(code_of(process), 0);
}

TEST(ProcessTest, TargetAndArgumentsAreLetGoOnceStarted) {
  auto kept = std::make_shared<int>(1);
  Process process([kept](const std::shared_ptr<int>& /*also*/) {}, kept);
  ASSERT_EQ(kept.use_count(), 3);

  process.start();

  EXPECT_EQ(kept.use_count(), 1);
  process.join();
}

TEST(ProcessTest, WhatTheTargetOwnsIsDestroyedInTheChildToo) {
  Shared<int> destroyed(0);
  struct Owner {
    int* count;
    ~Owner() { ++*count; }
  };
  auto owner = std::make_shared<Owner>(Owner{destroyed.get()});
  *destroyed = 0;
  Process process([kept = std::move(owner)] {});
  process.start();
  process.join();

  EXPECT_EQ(*destroyed, 2);
}

TEST(ProcessTest, NamesCountAndNest) {
  const std::string first = Process([] {}).name();
  Process second([&] { require(Process([] {}).name() == current_process().name() + ":1"); });

  EXPECT_EQ(first.rfind("Process-", 0), 0U);
  EXPECT_EQ(std::stoi(second.name().substr(8)), std::stoi(first.substr(8)) + 1);
  EXPECT_EQ(code_of(second), 0);
}

TEST(ProcessTest, NameCanBeGivenAndChanged) {
  Process process({.name = "given"}, [] { require(current_process().name() == "changed"); });
  EXPECT_EQ(process.name(), "given");

  process.set_name("changed");

  EXPECT_EQ(code_of(process), 0);
}

TEST(ProcessTest, LifeCycleIsSeenFromOutside) {
  test::Gate end;
  Process process([&] { end.pass(); });
  EXPECT_FALSE(process.is_alive());
  EXPECT_EQ(process.pid(), std::nullopt);

  process.start();
  EXPECT_TRUE(process.is_alive());
  EXPECT_EQ(process.exitcode(), std::nullopt);
  EXPECT_FALSE(process.join(Timeout::zero()));
  EXPECT_FALSE(process.join(std::chrono::milliseconds(1)));

  end.open();
  EXPECT_TRUE(process.join());
  EXPECT_TRUE(process.join());
  EXPECT_FALSE(process.is_alive());
  EXPECT_EQ(process.exitcode(), 0);
}

TEST(ProcessTest, SubclassRunsItsOwnRun) {
  struct Worker : Process {
    int number = 5;
    Worker() : Process({.name = "worker"}) {}
    void run() override {
      require(number == 5 && &current_process() == this && name() == "worker");
    }
  };
  Worker worker;

  EXPECT_EQ(code_of(worker), 0);
}

TEST(ProcessTest, MainProcessHasAnObjectToo) {
  Process& me = current_process();

  EXPECT_EQ(me.name(), "MainProcess");
  EXPECT_EQ(me.pid(), ::getpid());
  EXPECT_TRUE(me.is_alive());
  EXPECT_FALSE(me.daemon());
  EXPECT_EQ(me.exitcode(), std::nullopt);
  EXPECT_FALSE(parent_process().has_value());
}

TEST(ProcessTest, CurrentProcessFollowsTheObjectThatMoves) {
  std::vector<Process> all;
  all.emplace_back([&] {
    const std::string name = current_process().name();
    all.reserve(all.capacity() + 100);  // moves the object that was started
    require(current_process().name() == name && &current_process() == &all[0]);
    all.clear();
    require(current_process().name() == name);
  });
  all[0].start();
  all[0].join();

  EXPECT_EQ(all[0].exitcode(), 0);
}

TEST(ProcessTest, ChildKnowsItsParent) {
  Process process([parent = ::getpid()] {
    require(parent_process()->pid() == parent && parent_process()->is_alive());
    require(parent_process()->name() == "MainProcess");
    require(!parent_process()->join(Timeout::zero()));
  });

  EXPECT_EQ(code_of(process), 0);
}

TEST(ProcessTest, DaemonFlagIsInheritedUnlessGiven) {
  EXPECT_FALSE(Process([] {}).daemon());
  EXPECT_TRUE(Process({.daemon = true}, [] {}).daemon());
  Process daemon({.daemon = true}, [] {
    require(current_process().daemon());
    require(Process([] {}).daemon() && !Process({.daemon = false}, [] {}).daemon());
  });

  EXPECT_EQ(code_of(daemon), 0);
}

TEST(ProcessTest, ActiveChildrenAreThoseThatRun) {
  test::Gate end;
  Process process({.name = "listed"}, [&] { end.pass(); });
  EXPECT_TRUE(active_children().empty());

  process.start();
  const auto children = active_children();
  ASSERT_EQ(children.size(), 1U);
  EXPECT_EQ(children[0].name(), "listed");
  EXPECT_EQ(children[0].pid(), process.pid());

  end.open();
  EXPECT_TRUE(children[0].join());
  EXPECT_EQ(children[0].exitcode(), 0);
  EXPECT_TRUE(active_children().empty());
}

TEST(ProcessTest, ChildBeginsWithoutChildren) {
  test::Gate end;
  Process other([&] { end.pass(); });
  other.start();
  Process process([] { require(active_children().empty()); });

  EXPECT_EQ(code_of(process), 0);

  end.open();
  other.join();
}

TEST(ProcessTest, StartingTwiceIsRefused) {
  Process process([] {});
  process.start();

  expect_value_error([&] { process.start(); }, "cannot start a process twice");
  process.join();
  expect_value_error([&] { process.start(); }, "cannot start a process twice");
}

TEST(ProcessTest, JoiningBeforeStartIsRefused) {
  Process process([] {});

  expect_value_error([&] { process.join(); }, "can only join a started process");
  expect_value_error([&] { (void)process.sentinel(); }, "process not started");
  expect_value_error([&] { process.kill(); }, "process not started");
}

TEST(ProcessTest, AnotherProcessCannotStartOrJoin) {
  test::Gate end;
  Process running([&] { end.pass(); });
  running.start();
  Process fresh([] {});
  Process process([&] {
    const auto refused = [](auto use) {
      try {
        use();
      } catch (const ValueError&) {
        return;
      }
      require(false);
    };
    refused([&] { running.join(); });
    refused([&] { (void)running.is_alive(); });
    refused([&] { fresh.start(); });
    require(!running.exitcode().has_value());
  });

  EXPECT_EQ(code_of(process), 0);

  end.open();
  running.join();
}

TEST(ProcessTest, DaemonicProcessCannotHaveChildren) {
  Process daemon({.daemon = true}, [] {
    try {
      Process([] {}).start();
    } catch (const ValueError& error) {
      require(std::string(error.what())
                  .starts_with("daemonic processes are not allowed to have children: "));
      return;
    }
    require(false);
  });

  EXPECT_EQ(code_of(daemon), 0);
}

TEST(ProcessTest, DaemonFlagIsFixedOnceStarted) {
  Process process([] {});
  process.set_daemon(true);
  process.start();

  expect_value_error([&] { process.set_daemon(false); }, "process has already started");
  process.join();
}

TEST(ProcessTest, ClosingARunningProcessIsRefused) {
  test::Gate end;
  Process process([&] { end.pass(); });
  process.start();

  EXPECT_THROW(process.close(), ValueError);

  end.open();
  process.join();
  process.close();
  process.close();
  expect_value_error([&] { (void)process.is_alive(); }, "process object is closed");
  expect_value_error([&] { process.join(); }, "process object is closed");
  expect_value_error([&] { process.terminate(); }, "process object is closed");
}

TEST(ProcessTest, StartingManyWithoutKeepingObjectsRunsAllAndLeavesNothing) {
  const Shared<std::atomic<int>> runs(0);
  Process([] {}).start();  // opens what stays open
  while (!active_children().empty()) {
  }
  const test::FdSnapshot before;

  for (int i = 0; i < 200; ++i) Process([&] { ++*runs; }).start();
  for (const auto& child : active_children()) child.join();

  EXPECT_EQ(*runs, 200);
  EXPECT_TRUE(active_children().empty());
  EXPECT_EQ(test::FdSnapshot(), before);
}

TEST(ProcessTest, FinishedChildrenAreReapedWhenAnotherStarts) {
  test::Gate ended;
  Process process([&] { ended.close_writer(); });
  process.start();
  const int sentinel = process.sentinel();
  while (!test::is_readable(sentinel)) {
  }
  const test::FdSnapshot before;

  Process next([] {});
  next.start();
  next.join();

  const test::FdSnapshot after;
  EXPECT_NE(before, after) << "the zombie should have gone";
  EXPECT_EQ(process.exitcode(), 0);
}

TEST(ProcessTest, ChildDoesNotInheritTheDescriptorsOfFinishedSiblings) {
  const auto count = [] {
    int open = 0;
    for (int fd = 0; fd < 256; ++fd) open += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    return open;
  };
  Shared<std::array<int, 5>> counts;
  for (int i = 0; i < 5; ++i) {
    Process process([&] { (*counts)[static_cast<std::size_t>(i)] = count(); });
    ASSERT_EQ(code_of(process), 0);
  }

  EXPECT_EQ((*counts)[4], (*counts)[1]);
}

}  // namespace
}  // namespace multiprocessing
