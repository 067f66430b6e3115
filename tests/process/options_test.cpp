// What ProcessOptions do to a child.

#include <multiprocessing/process.hpp>

#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <system_error>

#include <gtest/gtest.h>

#include "process/gate.hpp"

namespace multiprocessing {
namespace {

using test::require;

template <class F>
int code_with(ProcessOptions options, F target) {
  Process process(std::move(options), target);
  process.start();
  process.join();
  return process.exitcode().value_or(-1000);
}

TEST(ProcessOptionsTest, OutputGoesWhereItIsSent) {
  test::Gate out;
  test::Gate err;

  EXPECT_EQ(
      code_with({.stdout_ = FileDescriptor(out.writer()), .stderr_ = FileDescriptor(err.writer())},
                [] {
                  std::cout << "to out";
                  throw SystemExit{(std::cerr << "to err", 0)};
                }),
      0);

  EXPECT_EQ(out.rest(), "to out");
  EXPECT_EQ(err.rest(), "to err");
}

TEST(ProcessOptionsTest, InputComesFromWhereItIsSaid) {
  test::Gate in;
  in.tell("line\n");

  EXPECT_EQ(code_with({.stdin_ = FileDescriptor(in.reader())},
                      [] {
                        std::string line;
                        require(static_cast<bool>(std::getline(std::cin, line)) && line == "line");
                      }),
            0);
}

TEST(ProcessOptionsTest, WhatTheParentHasReadAheadStaysTheParents) {
  test::Gate in;
  in.tell("one\ntwo\n");

  auto program = test::Child::run([&] {
    require(::dup2(in.reader(), STDIN_FILENO) == STDIN_FILENO);
    require(std::getchar() == 'o');
    require(code_with({}, [] { require(std::getchar() == EOF && std::cin.get() == EOF); }) == 0);
    require(std::getchar() == 'n');
  });

  EXPECT_EQ(program.wait(), test::exited(0));
}

TEST(ProcessOptionsTest, DirectoryAndEnvironmentAreTheChildsOwn) {
  const auto before = std::filesystem::current_path();

  EXPECT_EQ(code_with({.cwd = "/", .env = {{"MP_TEST_VARIABLE", "value"}}},
                      [] {
                        require(std::filesystem::current_path() == "/");
                        require(std::getenv("MP_TEST_VARIABLE") == std::string("value"));
                        require(std::getenv("PATH") != nullptr);
                      }),
            0);

  EXPECT_EQ(std::filesystem::current_path(), before);
  EXPECT_EQ(std::getenv("MP_TEST_VARIABLE"), nullptr);
}

TEST(ProcessOptionsTest, MemoryLimitMakesAllocationFail) {
  EXPECT_EQ(code_with({.memory_limit = std::size_t{256} << 20U},
                      [] {
                        void* const memory =
                            ::mmap(nullptr, std::size_t{512} << 20U, PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                        require(memory == MAP_FAILED && errno == ENOMEM);
                      }),
            0);
}

TEST(ProcessOptionsTest, ProcessorsAndNicenessAreSet) {
  cpu_set_t mine;
  CPU_ZERO(&mine);
  ASSERT_EQ(::sched_getaffinity(0, sizeof(mine), &mine), 0);
  int last = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) last = CPU_ISSET(cpu, &mine) ? cpu : last;
  const int nice = ::getpriority(PRIO_PROCESS, 0);

  EXPECT_EQ(code_with({.cpus = {last}, .nice = 1},
                      [=] {
                        cpu_set_t set;
                        CPU_ZERO(&set);
                        ::sched_getaffinity(0, sizeof(set), &set);
                        require(CPU_COUNT(&set) == 1 && CPU_ISSET(last, &set) && cpu_count() == 1);
                        require(::getpriority(PRIO_PROCESS, 0) == nice + 1);
                      }),
            0);
}

TEST(ProcessOptionsTest, WhatCannotBeHadEndsTheChildWithASentence) {
  const std::string text = test::output_of(STDERR_FILENO, [] {
    require(code_with({.name = "lost", .cwd = "/no/such/directory"}, [] { std::exit(0); }) == 1);
  });

  EXPECT_NE(text.find("Process lost:"), std::string::npos) << text;
  EXPECT_NE(text.find("chdir: /no/such/directory"), std::string::npos) << text;
}

TEST(ProcessOptionsTest, NameIsShownByPs) {
  EXPECT_EQ(code_with({.name = "a rather long name of a process"},
                      [] {
                        std::ifstream file("/proc/self/comm");
                        std::string name;
                        std::getline(file, name);
                        require(name == "a rather long n");
                      }),
            0);
}

TEST(FileDescriptorTest, HandleKeepsItsDuplicateOpen) {
  test::Gate gate;
  const FileDescriptor one(gate.writer());
  const FileDescriptor copy = one;  // NOLINT(performance-unnecessary-copy-initialization)

  EXPECT_NE(one.fileno(), gate.writer());
  EXPECT_EQ(one, copy);
  EXPECT_NE(one, FileDescriptor(gate.writer()));
  EXPECT_EQ(std::hash<FileDescriptor>{}(one), std::hash<FileDescriptor>{}(copy));
}

TEST(FileDescriptorTest, ClosedDescriptorIsRefused) {
  EXPECT_THROW(FileDescriptor(-1), std::system_error);
}

}  // namespace
}  // namespace multiprocessing
