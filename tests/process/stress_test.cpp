// Many starts under bad conditions: other threads, a foreign reaper, a parent killed at any time.

#include <multiprocessing/process.hpp>
#include <multiprocessing/queues.hpp>
#include <multiprocessing/synchronize.hpp>

#include <poll.h>
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <iostream>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "process/gate.hpp"
#include "support/child.hpp"
#include "sys/clock.hpp"

namespace multiprocessing {
namespace {

using test::require;

// Runs `noise` in so many threads while `work` runs.
template <class Noise, class Work>
void with_noise(int count, Noise noise, Work work) {
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&] {
      while (!done) noise();
    });
  }
  work();
  done = true;
  for (auto& thread : threads) thread.join();
}

void start_and_join(int code) {
  Process process([code] { std::exit(code); });
  process.start();
  require(process.join() && process.exitcode() == code);
}

void start_and_kill() {
  Process process(test::sleep_for_ever);
  process.start();
  process.kill();
  require(process.join() && process.exitcode() == -SIGKILL);
}

TEST(ProcessStressTest, ExitCodesAreRightBesideTwoStartersAndAForeignReaper) {
  auto program = test::Child::run([] {
    test::silence(STDERR_FILENO);
    with_noise(
        1, [] { ::waitpid(-1, nullptr, WNOHANG); },
        [] {
          const auto starter = [] {
            for (int i = 0; i < 2500; ++i) {
              start_and_join(i % 200);
              start_and_kill();
            }
          };
          std::thread other(starter);
          starter();
          other.join();
        });
    require(active_children().empty());
  });

  EXPECT_EQ(program.wait(), test::exited(0));
}

TEST(ProcessStressTest, ThreadsThatAllocatePrintAndAskDoNotHangTheChildren) {
  auto program = test::Child::run([] {
    test::silence(STDOUT_FILENO);
    test::silence(STDERR_FILENO);
    const auto noise = [] {
      std::vector<std::string> texts(20, std::string(100, 'x'));
      std::cout << texts.back() << current_process().name() << '\n';
      std::printf("%s\n", texts.front().c_str());
      (void)active_children().size();
      const Queue<std::string> queue;
      queue.put(texts.front());
      const Lock lock;
      const std::lock_guard guard(lock);
      if (queue.get().size() != 100) std::abort();
    };
    with_noise(8, noise, [] {
      for (int i = 0; i < 1000; ++i) {
        Process process([] {
          std::string text(1000, 'y');
          std::printf("%s\n", text.c_str());
          start_and_join(5);
        });
        process.start();
        require(process.join() && process.exitcode() == 0);
      }
    });
  });

  EXPECT_EQ(program.wait(), test::exited(0));
}

TEST(ProcessStressTest, ParentKilledAtAnyTimeLeavesNobody) {
  std::mt19937 random(12345);  // NOLINT(cert-msc51-cpp): the same moments each time
  for (int round = 0; round < 200; ++round) {
    test::Gate held;
    auto program = test::Child::run([&] {
      for (int i = 0; i < 40; ++i) Process({.daemon = true}, test::sleep_for_ever).start();
      test::sleep_for_ever();
    });
    const auto kill_at = sys::now() + static_cast<sys::Nanoseconds>(random() % 15'000'000);
    while (sys::now() < kill_at) sys::yield();

    program.kill(SIGKILL);

    ASSERT_EQ(held.rest(), "") << "round " << round;
  }
}

}  // namespace
}  // namespace multiprocessing
