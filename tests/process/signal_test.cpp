// Signals to children, their ends as descriptors, and who reaps them.

#include <multiprocessing/process.hpp>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "process/gate.hpp"
#include "support/child.hpp"
#include "sys/calls.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::Gate;
using test::require;
using test::sleep_for_ever;

TEST(ProcessSignalTest, KillEndsIt) {
  Process process(sleep_for_ever);
  process.start();

  process.kill();

  EXPECT_TRUE(process.join());
  EXPECT_EQ(process.exitcode(), -SIGKILL);
}

TEST(ProcessSignalTest, TerminateSendsSigterm) {
  Process process(sleep_for_ever);
  process.start();

  process.terminate();

  EXPECT_TRUE(process.join());
  EXPECT_EQ(process.exitcode(), -SIGTERM);
}

TEST(ProcessSignalTest, InterruptSendsSigint) {
  Process process(sleep_for_ever);
  process.start();

  process.interrupt();

  EXPECT_TRUE(process.join());
  EXPECT_EQ(process.exitcode(), -SIGINT);
}

TEST(ProcessSignalTest, SignalToAnEndedProcessDoesNothing) {
  Process process([] {});
  process.start();
  process.join();

  process.terminate();
  process.kill();
  process.send_signal(SIGUSR1);

  EXPECT_EQ(process.exitcode(), 0);
}

TEST(ProcessSignalTest, SentinelBecomesReadableAtTheEnd) {
  Gate end;
  Process process([&] { end.pass(); });
  process.start();
  EXPECT_FALSE(test::is_readable(process.sentinel()));

  end.open();

  pollfd watched{process.sentinel(), POLLIN, 0};
  EXPECT_EQ(::poll(&watched, 1, -1), 1);
  process.join();
  EXPECT_TRUE(test::is_readable(process.sentinel()));
}

TEST(ProcessSignalTest, SiblingCanSignalButNotJoin) {
  Process victim(sleep_for_ever);
  victim.start();
  Process killer([&] { victim.kill(); });
  killer.start();

  EXPECT_TRUE(killer.join());
  EXPECT_TRUE(victim.join());

  EXPECT_EQ(killer.exitcode(), 0);
  EXPECT_EQ(victim.exitcode(), -SIGKILL);
}

TEST(ProcessSignalTest, StopTellsWhetherItEndedByItself) {
  Gate ready;
  Process willing(sleep_for_ever);
  Process stubborn([&] {
    std::signal(SIGTERM, SIG_IGN);
    ready.open();
    sleep_for_ever();
  });
  willing.start();
  stubborn.start();
  ready.pass();

  EXPECT_TRUE(willing.stop(10s));
  EXPECT_FALSE(stubborn.stop(1ms));

  EXPECT_EQ(willing.exitcode(), -SIGTERM);
  EXPECT_EQ(stubborn.exitcode(), -SIGKILL);
}

TEST(ProcessSignalTest, StopOfManyTakesOneGracePeriod) {
  Gate ready;
  std::vector<Process> all;
  for (int i = 0; i < 4; ++i) {
    all.emplace_back([&, i] {
      if (i == 3) std::signal(SIGTERM, SIG_IGN);
      ready.open();
      sleep_for_ever();
    });
  }
  for (auto& process : all) process.start();
  for (int i = 0; i < 4; ++i) ready.pass();

  EXPECT_FALSE(stop(all, 10ms));

  for (int i = 0; i < 3; ++i) EXPECT_EQ(all[static_cast<std::size_t>(i)].exitcode(), -SIGTERM);
  EXPECT_EQ(all[3].exitcode(), -SIGKILL);
}

TEST(ProcessSignalTest, StopTakesPointersAndChildrenToo) {
  Process one(sleep_for_ever);
  auto two = std::make_unique<Process>(sleep_for_ever);
  one.start();
  two->start();
  std::vector<Process*> pointers{&one};

  EXPECT_TRUE(stop(pointers, 10s));
  EXPECT_TRUE(stop(active_children(), 10s));

  EXPECT_EQ(one.exitcode(), -SIGTERM);
  EXPECT_EQ(two->exitcode(), -SIGTERM);
}

TEST(ProcessSignalTest, StopTouchesNoneIfOneWasNotStarted) {
  std::vector<Process> all;
  all.emplace_back(sleep_for_ever);
  all.emplace_back(sleep_for_ever);
  all[0].start();

  EXPECT_THROW(stop(all, 1s), ValueError);

  EXPECT_TRUE(all[0].is_alive());
  all[0].kill();
  all[0].join();
}

TEST(ProcessSignalTest, NewGroupIsStoppedWhole) {
  Gate group;  // held by all of the group: hangs up when the last of them is gone
  Process process({.new_group = true}, [&] {
    for (int i = 0; i < 2; ++i) {
      if (::fork() == 0) {
        group.open();
        sleep_for_ever();
      }
    }
    require(::getpgrp() == ::getpid());
    sleep_for_ever();
  });
  process.start();
  group.pass();
  group.pass();

  EXPECT_TRUE(process.stop(10s));

  EXPECT_EQ(group.rest(), "");
}

TEST(ProcessSignalTest, GroupIsReachedAfterItsLeaderHasEnded) {
  Gate group;
  Process process({.new_group = true}, [&] {
    if (::fork() == 0) {
      group.open();
      sleep_for_ever();
    }
  });
  process.start();
  group.pass();
  process.join();

  process.kill();

  EXPECT_EQ(group.rest(), "");
}

TEST(ProcessSignalTest, ChildStartsWithTheMaskAndDispositionsOfTheProgram) {
  auto program = test::Child::run([] {
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    sigprocmask(SIG_SETMASK, &mask, nullptr);
    std::signal(SIGUSR2, SIG_IGN);
    Process process([] {
      sigset_t own;
      sigprocmask(SIG_SETMASK, nullptr, &own);
      require(sigismember(&own, SIGUSR1) == 1 && sigismember(&own, SIGINT) == 0);
      require(std::signal(SIGUSR2, SIG_DFL) == SIG_IGN);
    });
    process.start();
    process.join();
    require(process.exitcode() == 0);
  });

  EXPECT_EQ(program.wait(), test::exited(0));
}

TEST(ProcessSignalTest, ExitCodeIsKnownWhereTheHostIgnoresSigchld) {
  auto program = test::Child::run([] {
    std::signal(SIGCHLD, SIG_IGN);
    Process good([] { std::exit(5); });
    Process killed(sleep_for_ever);
    good.start();
    killed.start();
    killed.kill();
    require(good.join() && killed.join());
    require(good.exitcode() == 5);
    require(killed.exitcode() == -SIGKILL);
    require(active_children().empty());
  });

  EXPECT_EQ(program.wait(), test::exited(0));
}

TEST(ProcessSignalTest, ChildThatWasReapedBeforeItWasKnownIsNotWaitedForAtTheEnd) {
  auto program = test::Child::run([] {
    std::signal(SIGCHLD, SIG_IGN);
    Process process([] { std::exit(5); });
    static int (*real)(pid_t, unsigned) = sys::calls().pidfd_open;
    {
      const sys::ScopedCall late(&sys::Calls::pidfd_open, [](pid_t pid, unsigned flags) {
        while (::kill(pid, 0) == 0) std::this_thread::yield();  // ended, and reaped by the kernel
        return real(pid, flags);
      });
      process.start();
    }
    require(process.exitcode() == 5);
    require(process.join());
    require(active_children().empty());
    std::exit(3);  // ends and joins the children
  });

  EXPECT_EQ(program.wait(), test::exited(3));
}

TEST(ProcessSignalTest, ExitCodesAreRightBesideAThreadThatReapsEverything) {
  auto program = test::Child::run([] {
    test::silence(STDERR_FILENO);  // the warning about threads
    std::atomic<bool> done{false};
    std::thread reaper([&] {
      while (!done) ::waitpid(-1, nullptr, WNOHANG);
    });
    const auto starter = [] {
      for (int i = 0; i < 100; ++i) {
        Process ends([] { std::exit(3); });
        ends.start();
        require(ends.join() && ends.exitcode() == 3);
        Process killed(sleep_for_ever);
        killed.start();
        killed.kill();
        require(killed.join() && killed.exitcode() == -SIGKILL);
      }
    };
    std::thread first(starter);
    std::thread second(starter);
    first.join();
    second.join();
    done = true;
    reaper.join();
  });

  EXPECT_EQ(program.wait(), test::exited(0));
}

TEST(ProcessSignalTest, SeveralThreadsMayJoinOneChild) {
  auto program = test::Child::run([] {
    Gate end;
    Process process([&] { end.pass(); });
    process.start();
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] { require(process.join() && process.exitcode() == 0); });
    }
    end.open();
    for (auto& thread : threads) thread.join();
  });

  EXPECT_EQ(program.wait(), test::exited(0));
}

}  // namespace
}  // namespace multiprocessing
