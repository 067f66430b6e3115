// A manager that a program starts in a process of its own, after CPython's _TestMyManager,
// _TestManagerRestart and TestInitializers.

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/connection.hpp>
#include <multiprocessing/managers.hpp>
#include <multiprocessing/process.hpp>

#include "manager/programs.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::error_of;
using test::exited;
using test::require;

class Foo {
 public:
  int f() { return 1; }
  void g() { throw ValueError("g"); }
  int hidden() { return 2; }
  int pid() { return ::getpid(); }
};
MULTIPROCESSING_EXPOSE(Foo, f, g, pid)

// A generator, as an object with a next().
class Squares {
 public:
  std::optional<int> next() {
    if (at_ == 10) return std::nullopt;
    const int i = at_++;
    return i * i;
  }

 private:
  int at_ = 0;
};
MULTIPROCESSING_EXPOSE(Squares, next)

BaseManager my_manager() {
  BaseManager manager;
  manager.register_type<Foo>("Foo", [] { return Foo(); });
  manager.register_type<Squares>("baz", [] { return Squares(); });
  manager.register_type<Queue<int>>("queue");
  return manager;
}

TEST(StartedManagerTest, MyManager) {
  const BaseManager manager = my_manager();
  manager.start();
  const auto foo = manager.get<Foo>("Foo");
  EXPECT_EQ(foo.f(), 1);
  EXPECT_EQ(error_of([&] { foo.g(); }), "ValueError: g");
  EXPECT_TRUE(error_of([&] { foo.call_method<int>("hidden"); }).starts_with("ValueError"));
  EXPECT_NE(foo.pid(), ::getpid());
  const auto baz = manager.get<Squares>("baz");
  std::vector<int> squares;
  while (const auto square = baz.next()) squares.push_back(*square);
  EXPECT_EQ(squares, (std::vector{0, 1, 4, 9, 16, 25, 36, 49, 64, 81}));
  manager.shutdown();
  EXPECT_TRUE(manager.join(0ns));
  manager.shutdown();
  EXPECT_TRUE(error_of([&] { manager.start(); }).starts_with("ProcessError"));
}

TEST(StartedManagerTest, GoesWithItsLastCopy) {
  int pid = 0;
  {
    const BaseManager manager = my_manager();
    manager.start();
    pid = manager.get<Foo>("Foo").pid();
    const BaseManager copy = manager;
    EXPECT_EQ(copy.get<Foo>("Foo").f(), 1);
  }
  EXPECT_EQ(::kill(pid, 0), -1) << "the manager's process is still there";
}

TEST(StartedManagerTest, HandlesAreItsParentsOwn) {
  const BaseManager manager = my_manager();
  manager.start();
  EXPECT_TRUE(manager.shares_memory());
  const auto queue = manager.get<Queue<int>>("queue");
  queue.put(1);
  manager.shutdown();
  EXPECT_EQ(queue.get(10s), 1) << "a handle does not need the manager";
}

TEST(StartedManagerTest, OthersConnectToIt) {
  test::Programs programs;
  auto owner = test::Child::run([&] {
    const BaseManager manager = programs.manager();
    manager.register_type<Queue<int>>("queue");
    manager.start();
    test::hang_up();
    const auto queue = manager.get<Queue<int>>("queue");
    require(queue.get(20s) == 5);
  });
  owner.await_hang_up();
  programs.run([](const BaseManager& manager) { manager.get<Queue<int>>("queue").put(5); });
  EXPECT_EQ(owner.wait(), exited(0));
}

TEST(StartedManagerTest, IgnoresInterrupts) {
  const BaseManager manager = my_manager();
  manager.start();
  const auto foo = manager.get<Foo>("Foo");
  ASSERT_EQ(::kill(foo.pid(), SIGINT), 0);
  EXPECT_EQ(foo.f(), 1);
}

TEST(StartedManagerTest, EndsWithAProgramThatEndsWithoutAWord) {
  auto program = test::Child::run([] {
    Process inner([] {
      static const BaseManager manager = my_manager();  // goes after everything else
      manager.start();
      require(manager.get<Foo>("Foo").f() == 1);
    });
    inner.start();
    require(inner.join(20s) && inner.exitcode() == 0);
  });
  EXPECT_EQ(program.wait(), exited(0));
}

TEST(StartedManagerTest, EndsWithAKilledParent) {
  const auto [ours, theirs] = Pipe(false);
  Process parent([end = theirs] {
    const BaseManager manager = my_manager();
    manager.start();
    end.send(manager.get<Foo>("Foo").pid());
    test::hang_up_and_wait();
  });
  parent.start();
  const int pid = ours.recv<int>(20s);
  parent.kill();
  parent.join();
  while (::kill(pid, 0) == 0) std::this_thread::yield();  // ctest's time-out is the bound
}

TEST(StartedManagerTest, DeathIsReported) {
  const BaseManager manager = my_manager();
  manager.start();
  const auto foo = manager.get<Foo>("Foo");
  ASSERT_EQ(::kill(foo.pid(), SIGKILL), 0);
  EXPECT_TRUE(manager.join(20s));
  EXPECT_TRUE(error_of([&] { foo.f(); }).find("has ended") != std::string::npos)
      << error_of([&] { foo.f(); });
  manager.shutdown();
}

TEST(StartedManagerTest, StoppedProcessIsEndedByForce) {
  const BaseManager manager({}, {.shutdown_timeout = 100ms});
  manager.register_type<Foo>("Foo", [] { return Foo(); });
  manager.start();
  const int pid = manager.get<Foo>("Foo").pid();
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  manager.shutdown();
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST(StartedManagerTest, InitializerRunsInTheManager) {
  const Value<int> ran;
  const BaseManager manager = my_manager();
  manager.start([ran] { ran.set(::getpid()); });
  EXPECT_EQ(manager.get<Foo>("Foo").pid(), ran.get());
}

TEST(StartedManagerTest, ErrorOfTheInitializerIsThrownByStart) {
  const BaseManager manager = my_manager();
  EXPECT_EQ(error_of([&] { manager.start([] { throw std::logic_error("not today"); }); }),
            "std::logic_error: not today");
  const BaseManager other = my_manager();
  EXPECT_EQ(error_of([&] { other.start([] { ::_exit(3); }); }),
            "ProcessError: the manager's process has ended before it served: see what it printed");
}

TEST(StartedManagerTest, RapidRestart) {
  const Address address = test::Programs::some_port();
  for (int i = 0; i < 3; ++i) {
    const BaseManager manager(address, {.authkey = "key"});
    manager.register_type<Queue<int>>("queue");
    manager.start();
    EXPECT_EQ(manager.address(), address);
    manager.get<Queue<int>>("queue").put(1);
    manager.shutdown();
  }
}

}  // namespace
}  // namespace multiprocessing
