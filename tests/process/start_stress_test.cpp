// A thousand starts under each method while other threads are busy in malloc, iostream and this
// library: nobody hangs, every exit code is right.

#include <multiprocessing/context.hpp>

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "process/each_start_method.hpp"
#include "process/gate.hpp"
#include "support/child.hpp"

namespace multiprocessing {
namespace {

using test::require;

constexpr int kStarts = 1000;
constexpr int kThreads = 8;

void make_noise(const Lock& lock, const Queue<std::string>& queue) {
  std::vector<std::string> texts(20, std::string(100, 'x'));
  std::cout << texts.back() << current_process().name() << '\n';
  std::printf("%s\n", texts.front().c_str());
  const std::lock_guard guard(lock);
  queue.put(texts.front());
  (void)queue.get();
  (void)Event().is_set();
}

void use_everything(const Value<int>& value, int number) {
  const std::string text(1000, 'y');
  std::printf("%s\n", text.c_str());
  std::cout << text << '\n';
  value.value += 1;
  throw SystemExit{number % 100};
}

using StartStressTest = test::EachStartMethod;

INSTANTIATE_TEST_SUITE_P(Methods, StartStressTest, test::each_start_method(), test::name_of_method);

TEST_P(StartStressTest, AThousandStartsBesideEightBusyThreads) {
  const Value<int> value(0);
  auto program = test::Child::run([&] {
    test::silence(STDOUT_FILENO);
    test::silence(STDERR_FILENO);
    const Lock lock;
    std::atomic<bool> done{false};
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        const Queue<std::string> queue;
        while (!done) make_noise(lock, queue);
      });
    }
    for (int i = 0; i < kStarts; ++i) {
      auto process = ctx().Process(use_everything, value, i);
      process.start();
      require(process.join());
      require(process.exitcode() == i % 100);
    }
    done = true;
    for (auto& thread : threads) thread.join();
  });

  EXPECT_EQ(program.wait(), test::exited(0));
  EXPECT_EQ(value.get(), kStarts);
}

}  // namespace
}  // namespace multiprocessing
