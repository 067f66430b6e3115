// What holds under every start method: a program cannot tell by which one its children were born.

#include <multiprocessing/context.hpp>

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "process/each_start_method.hpp"
#include "process/gate.hpp"
#include "support/fd_snapshot.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;

using StartMethodTest = test::EachStartMethod;

INSTANTIATE_TEST_SUITE_P(Methods, StartMethodTest, test::each_start_method(), test::name_of_method);

struct Job {
  int number = 0;
  std::string text;
  std::vector<double> values;
};

void echo(const Queue<Job>& queue, const Job& job) {
  queue.put(job);
}

TEST_P(StartMethodTest, ArgumentsArriveAndHandlesAreShared) {
  const Queue<Job> queue;
  auto process = ctx().Process(echo, queue, Job{7, "seven", {0.5, 1.5}});

  ASSERT_EQ(run(process), 0);

  const Job got = queue.get();
  EXPECT_EQ(got.number, 7);
  EXPECT_EQ(got.text, "seven");
  EXPECT_EQ(got.values, (std::vector{0.5, 1.5}));
}

TEST_P(StartMethodTest, HandleThatOnlyTheArgumentsHoldLivesOnInTheChild) {
  const Queue<int> answers;
  Process process = [&] {
    Queue<int> only;
    only.put(42);
    return ctx().Process([](const Queue<int>& from, const Queue<int>& to) { to.put(from.get()); },
                         only, answers);
  }();

  ASSERT_EQ(run(process), 0);

  EXPECT_EQ(answers.get_nowait(), 42);
}

TEST_P(StartMethodTest, TextArrivesAsTheFunctionTakesIt) {
  const Queue<std::string> queue;
  auto process = ctx().Process([](const Queue<std::string>& to, const char* text) { to.put(text); },
                               queue, "plain text");

  ASSERT_EQ(run(process), 0);

  EXPECT_EQ(queue.get(), "plain text");
}

struct Greeter {
  std::string greeting;
  void operator()(const Queue<std::string>& to, const std::string& name) const {
    to.put(greeting + " " + name);
  }
};

TEST_P(StartMethodTest, CallablesWithStateTravel) {
  const Queue<std::string> queue;
  auto functor = ctx().Process(Greeter{"hello"}, queue, "bob");
  auto bound = ctx().Process(partial(Greeter{"bye"}, queue), "eve");
  int base = 40;
  auto vouched = ctx().Process(
      by_value([base](const Queue<std::string>& to) { to.put(std::to_string(base + 2)); }), queue);

  EXPECT_EQ(run(functor), 0);
  EXPECT_EQ(run(bound), 0);
  EXPECT_EQ(run(vouched), 0);

  EXPECT_EQ(queue.get(), "hello bob");
  EXPECT_EQ(queue.get(), "bye eve");
  EXPECT_EQ(queue.get(), "42");
}

TEST_P(StartMethodTest, ExitCodesAndDeathsAreTold) {
  auto returns = ctx().Process([] {});
  auto exits = ctx().Process([] { std::exit(7); });
  auto throws = ctx().Process([] {
    ::close(STDERR_FILENO);
    throw ValueError("on purpose");
  });
  auto leaves = ctx().Process([] { throw SystemExit{300}; });
  auto killed = ctx().Process([] { std::raise(SIGKILL); });
  auto aborts = ctx().Process([] {
    const struct rlimit none{};
    ::setrlimit(RLIMIT_CORE, &none);
    std::abort();
  });

  EXPECT_EQ(run(returns), 0);
  EXPECT_EQ(run(exits), 7);
  EXPECT_EQ(run(throws), 1);
  EXPECT_EQ(run(leaves), 300 & 0xFF);
  EXPECT_EQ(run(killed), -SIGKILL);
  EXPECT_EQ(run(aborts), -SIGABRT);
}

TEST_P(StartMethodTest, ExitCodeIsThereOnceTheSentinelIsReady) {
  for (int i = 0; i < 20; ++i) {
    auto process = ctx().Process([](int code) { throw SystemExit{code}; }, i);
    process.start();
    while (!test::is_readable(process.sentinel())) ::sched_yield();
    EXPECT_EQ(process.exitcode(), i);
  }
}

void sleep_long() {
  ::pause();
}

TEST_P(StartMethodTest, TerminateKillAndInterruptReachTheChild) {
  for (const int signal : {SIGTERM, SIGKILL, SIGINT}) {
    auto process = ctx().Process(sleep_long);
    process.start();
    EXPECT_TRUE(process.is_alive());
    EXPECT_FALSE(process.join(0ms));

    process.send_signal(signal);

    EXPECT_TRUE(process.join());
    EXPECT_EQ(process.exitcode(), -signal);
    EXPECT_FALSE(process.is_alive());
  }
}

struct Seen {
  std::string name;
  std::string parent_name;
  int parent_pid = 0;
  int pid = 0;
  bool daemon = false;
  bool alive = false;
  int children = 0;
  std::string child_name;
  StartMethod method{};
};

void look_around(const Queue<Seen>& queue) {
  const Process& me = current_process();
  const auto parent = parent_process();
  Process child([] {});
  queue.put(Seen{me.name(), parent->name(), parent->pid(), ::getpid(), me.daemon(), me.is_alive(),
                 static_cast<int>(active_children().size()), child.name(), get_start_method()});
}

TEST_P(StartMethodTest, ChildKnowsWhoItIs) {
  const Queue<Seen> queue;
  auto process = ctx().Process({.name = "looker", .daemon = true}, look_around, queue);
  EXPECT_EQ(active_children().size(), 0U);

  process.start();
  const Seen seen = queue.get();
  process.join();

  EXPECT_EQ(seen.name, "looker");
  EXPECT_EQ(seen.parent_name, "MainProcess");
  EXPECT_EQ(seen.parent_pid, ::getpid());
  EXPECT_EQ(seen.pid, process.pid());
  EXPECT_TRUE(seen.daemon);
  EXPECT_TRUE(seen.alive);
  EXPECT_EQ(seen.children, 0);
  EXPECT_TRUE(seen.child_name.starts_with("Process-")) << seen.child_name;
  EXPECT_TRUE(seen.child_name.ends_with(":1")) << seen.child_name;
  EXPECT_EQ(seen.method, get_start_method());
}

TEST_P(StartMethodTest, ChildIsListedFromStartToEnd) {
  const Event end;
  auto process = ctx().Process([](const Event& e) { e.wait(); }, end);
  process.start();

  ASSERT_EQ(active_children().size(), 1U);
  EXPECT_EQ(active_children().front().pid(), process.pid());
  end.set();
  process.join();
  EXPECT_TRUE(active_children().empty());
}

void start_another(StartMethod method, const Queue<int>& queue, int depth) {
  if (depth > 0) {
    auto child = get_context(method).Process(start_another, method, queue, depth - 1);
    child.start();
    child.join();
    queue.put(child.exitcode().value_or(-1));
  }
  queue.put(depth + 100);
}

TEST_P(StartMethodTest, ChildrenStartChildrenByTheSameMethod) {
  const Queue<int> queue;
  auto process = ctx().Process(start_another, GetParam(), queue, 2);

  ASSERT_EQ(run(process), 0);

  EXPECT_EQ(queue.get_many(10), (std::vector{100, 0, 101, 0, 102}));
}

TEST_P(StartMethodTest, HandlersThatTheChildRegistersRunOnce) {
  static Queue<int>* told = nullptr;
  const Queue<int> queue;
  auto process = ctx().Process(
      [](const Queue<int>& to) {
        told = new Queue<int>(to);
        std::atexit([] { told->put(1); });
      },
      queue);
  std::atexit([] {
    if (told != nullptr) told->put(2);
  });

  ASSERT_EQ(run(process), 0);

  EXPECT_EQ(queue.get(), 1);
  EXPECT_TRUE(queue.empty()) << "the parent's handler ran in the child";
}

TEST_P(StartMethodTest, NothingIsLeftBehind) {
  auto first = ctx().Process([] {});
  EXPECT_EQ(run(first), 0);
  first.close();
  const test::FdSnapshot before;

  for (int i = 0; i < 10; ++i) {
    auto process = ctx().Process([] {});
    ASSERT_EQ(run(process), 0);
  }

  EXPECT_EQ(test::FdSnapshot(), before);
}

TEST_P(StartMethodTest, EveryChildHasTheSameNumberOfDescriptors) {
  const Queue<int> queue;
  const auto count = [](const Queue<int>& to) {
    int open = 0;
    for (int fd = 0; fd < 256; ++fd) open += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    to.put(open);
    Event().wait(0ms);
  };
  std::vector<Process> processes;
  for (int i = 0; i < 5; ++i) {
    processes.push_back(ctx().Process(count, queue));
    EXPECT_EQ(run(processes.back()), 0);
  }

  const auto counts = queue.get_many(5);
  if (GetParam() == StartMethod::fork) return;  // it has its parent's
  EXPECT_EQ(counts, std::vector(5, counts.front()));
}

TEST_P(StartMethodTest, DaemonMayHaveNoChildren) {
  auto process = ctx().Process({.daemon = true}, [] {
    try {
      Process([] {}).start();
    } catch (const ValueError& error) {
      std::exit(std::string(error.what()).find("daemonic") != std::string::npos ? 3 : 4);
    }
  });

  EXPECT_EQ(run(process), 3);
}

TEST_P(StartMethodTest, ManyProcessesAtOnce) {
  std::vector<Process> processes;
  for (int i = 0; i < 30; ++i) {
    processes.push_back(ctx().Process([](int code) { throw SystemExit{code}; }, i));
    processes.back().start();
  }
  for (int i = 0; i < 30; ++i) {
    EXPECT_TRUE(processes[static_cast<std::size_t>(i)].join());
    EXPECT_EQ(processes[static_cast<std::size_t>(i)].exitcode(), i);
  }
}

TEST_P(StartMethodTest, HostThatIgnoresSigchldStillLearnsExitCodes) {
  auto* const before = std::signal(SIGCHLD, SIG_IGN);
  auto process = ctx().Process([] { std::exit(9); });

  EXPECT_EQ(run(process), 9);

  std::signal(SIGCHLD, before);
}

void answer(const Connection& end) {
  end.send(end.recv<int>() + 1);
}

TEST_P(StartMethodTest, EndsOfConnectionsTravelAndCloseWithTheChild) {
  auto [here, there] = ctx().Pipe();
  auto process = ctx().Process(answer, there);
  process.start();
  there.close();

  here.send(1);

  EXPECT_EQ(here.recv<int>(), 2);
  EXPECT_TRUE(process.join());
  EXPECT_THROW((void)here.recv<int>(), EOFError);
}

TEST_P(StartMethodTest, DescriptorsTravel) {
  test::Gate gate;
  auto process = ctx().Process(
      [](const FileDescriptor& file) {
        if (::write(file.fileno(), "x", 1) != 1) std::exit(1);
      },
      FileDescriptor(gate.writer()));

  ASSERT_EQ(run(process), 0);

  process.close();
  EXPECT_EQ(gate.rest(), "x");
}

TEST_P(StartMethodTest, LockOwnerThatDiesIsTold) {
  const Lock lock;
  auto process = ctx().Process(
      [](const Lock& held) {
        held.acquire();
        std::raise(SIGKILL);
      },
      lock);

  EXPECT_EQ(run(process), -SIGKILL);

  EXPECT_THROW(lock.acquire(), LockOwnerDied);
  EXPECT_TRUE(lock.acquire(0ms));
  lock.release();
}

}  // namespace
}  // namespace multiprocessing
