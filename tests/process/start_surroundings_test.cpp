// What a child has around it under every start method: directory, environment, streams, signals.

#include <multiprocessing/context.hpp>

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "process/each_start_method.hpp"
#include "support/child.hpp"

namespace multiprocessing {
namespace {

using SurroundingsTest = test::EachStartMethod;

INSTANTIATE_TEST_SUITE_P(Methods, SurroundingsTest, test::each_start_method(),
                         test::name_of_method);

// A limit on private memory that leaves room for the shadow of a sanitizer.
constexpr std::size_t kRoomForSanitizers = std::size_t{1} << 50U;

struct Around {
  std::string cwd;
  std::string variable;
  std::string inherited;
  int nice = 0;
  std::uint64_t data = 0;
  int cpus = 0;
  bool leads_group = false;
  bool stdin_is_empty = false;
};

void report_surroundings(const Queue<Around>& to) {
  Around around;
  around.cwd = std::filesystem::current_path();
  around.variable = std::getenv("MP_TEST_GIVEN");
  around.inherited = std::getenv("MP_TEST_INHERITED");
  around.nice = ::getpriority(PRIO_PROCESS, 0);
  struct rlimit limit{};
  ::getrlimit(RLIMIT_DATA, &limit);
  around.data = limit.rlim_cur;
  cpu_set_t set;
  ::sched_getaffinity(0, sizeof set, &set);
  around.cpus = CPU_COUNT(&set);
  around.leads_group = ::getpgrp() == ::getpid();
  char byte = 0;
  around.stdin_is_empty = ::read(STDIN_FILENO, &byte, 1) == 0;
  to.put(around);
}

int first_usable_cpu() {
  cpu_set_t mine;
  ::sched_getaffinity(0, sizeof mine, &mine);
  int cpu = 0;
  while (!CPU_ISSET(cpu, &mine)) ++cpu;
  return cpu;
}

TEST_P(SurroundingsTest, OptionsHold) {
  ::setenv("MP_TEST_INHERITED", "from the parent", 1);
  const Queue<Around> queue;
  auto process = ctx().Process({.new_group = true,
                                .cwd = "/usr",
                                .env = {{"MP_TEST_GIVEN", "a value"}},
                                .memory_limit = kRoomForSanitizers,
                                .cpus = {first_usable_cpu()},
                                .nice = 1},
                               report_surroundings, queue);

  ASSERT_EQ(run(process), 0);

  const Around around = queue.get();
  EXPECT_EQ(around.cwd, "/usr");
  EXPECT_EQ(around.variable, "a value");
  EXPECT_EQ(around.inherited, "from the parent");
  EXPECT_EQ(around.nice, ::getpriority(PRIO_PROCESS, 0) + 1);
  EXPECT_EQ(around.data, kRoomForSanitizers);
  EXPECT_EQ(around.cpus, 1);
  EXPECT_TRUE(around.leads_group);
  EXPECT_TRUE(around.stdin_is_empty);
}

TEST_P(SurroundingsTest, ChildIsWhereItsParentIsNow) {
  const Queue<std::string> queue;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path("/usr/lib");
  ::setenv("MP_TEST_LATE", "late", 1);
  auto process = ctx().Process(
      [](const Queue<std::string>& to) {
        to.put(std::filesystem::current_path().string() + " " + std::getenv("MP_TEST_LATE"));
      },
      queue);

  ASSERT_EQ(run(process), 0);

  std::filesystem::current_path(before);
  EXPECT_EQ(queue.get(), "/usr/lib late");
}

TEST_P(SurroundingsTest, StreamsArePutInPlace) {
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  ASSERT_EQ(::pipe2(in.data(), O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(out.data(), O_CLOEXEC), 0);
  ASSERT_EQ(::write(in[1], "x", 1), 1);
  ::close(in[1]);
  auto process = ctx().Process({.stdin_ = FileDescriptor(in[0]),
                                .stdout_ = FileDescriptor(out[1]),
                                .stderr_ = FileDescriptor(out[1])},
                               [] {
                                 char byte = 0;
                                 if (::read(STDIN_FILENO, &byte, 1) != 1) std::exit(1);
                                 std::cout << "out " << byte << std::flush;
                                 std::cerr << ", err" << std::flush;
                               });
  ::close(out[1]);

  ASSERT_EQ(run(process), 0);
  process.close();

  std::array<char, 64> text{};
  ::close(in[0]);
  const ssize_t size = ::read(out[0], text.data(), text.size());
  EXPECT_EQ(std::string(text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))),
            "out x, err");
  ::close(out[0]);
}

TEST_P(SurroundingsTest, OutputGoesWhereTheParentsGoesNow) {
  std::array<int, 2> out{};
  ASSERT_EQ(::pipe2(out.data(), O_CLOEXEC), 0);
  auto first = ctx().Process([] {});
  EXPECT_EQ(run(first), 0);
  const int before = ::dup(STDOUT_FILENO);
  ::dup2(out[1], STDOUT_FILENO);
  auto process = ctx().Process([] { std::cout << "here"; });

  ASSERT_EQ(run(process), 0);

  ::dup2(before, STDOUT_FILENO);
  ::close(before);
  ::close(out[1]);
  std::array<char, 8> text{};
  EXPECT_EQ(::read(out[0], text.data(), text.size()), 4);
  ::close(out[0]);
}

TEST_P(SurroundingsTest, ChildHasTheParentsSignalMaskAndDispositions) {
  sigset_t block;
  sigset_t before;
  sigemptyset(&block);
  sigaddset(&block, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &block, &before);
  auto* const old = std::signal(SIGUSR2, SIG_IGN);
  const Queue<int> queue;
  auto process = ctx().Process(
      [](const Queue<int>& to) {
        sigset_t mask;
        ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
        int count = 0;
        for (int signal = 1; signal < 32; ++signal) count += sigismember(&mask, signal);
        to.put(sigismember(&mask, SIGUSR1) == 1 ? count : -1);
        to.put(std::signal(SIGUSR2, SIG_DFL) == SIG_IGN ? 1 : 0);
        to.put(std::signal(SIGINT, SIG_DFL) == SIG_DFL ? 1 : 0);
        to.put(std::signal(SIGCHLD, SIG_DFL) == SIG_DFL ? 1 : 0);
      },
      queue);

  ASSERT_EQ(run(process), 0);

  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  std::signal(SIGUSR2, old);
  EXPECT_EQ(queue.get_many(4), (std::vector{1, 1, 1, 1}));
}

void answer_on(const Queue<FileDescriptor>& queue, const FileDescriptor& argument) {
  test::require(::write(argument.fileno(), "argument", 8) == 8);
  const FileDescriptor sent = queue.get();
  test::require(::write(sent.fileno(), " queue", 6) == 6);
  queue.put(sent);
}

TEST_P(SurroundingsTest, DescriptorsTravelAsArgumentsAndThroughQueuesBothWays) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const FileDescriptor writer(ends[1]);
  ::close(ends[1]);
  const Queue<FileDescriptor> queue;
  auto process = ctx().Process(answer_on, queue, writer);

  queue.put(writer);
  ASSERT_EQ(run(process), 0);

  EXPECT_EQ(queue.get(), writer);
  std::string text(32, '\0');
  text.resize(static_cast<std::size_t>(::read(ends[0], text.data(), text.size())));
  ::close(ends[0]);
  EXPECT_EQ(text, "argument queue");
}

}  // namespace
}  // namespace multiprocessing
