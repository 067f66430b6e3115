// How a child ends, and how a program with children does.

#include <multiprocessing/process.hpp>

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

#include "process/gate.hpp"
#include "support/child.hpp"
#include "support/shared.hpp"

namespace multiprocessing {
namespace {

using test::output_of;

template <class F>
int code_of(F target) {
  Process process(target);
  process.start();
  process.join();
  return process.exitcode().value_or(-1000);
}

TEST(ProcessExitTest, ReturningGivesZero) {
  EXPECT_EQ(code_of([] {}), 0);
}

TEST(ProcessExitTest, ExitGivesItsCodeInEightBits) {
  EXPECT_EQ(code_of([] { std::exit(7); }), 7);
  EXPECT_EQ(code_of([] { std::exit(256); }), 0);
  EXPECT_EQ(code_of([] { ::_exit(9); }), 9);
}

TEST(ProcessExitTest, SystemExitUnwindsAndGivesItsCode) {
  test::Shared<int> unwound(0);

  const int code = code_of([&] {
    struct Guard {
      int* seen;
      ~Guard() { *seen = 1; }
    } guard{unwound.get()};
    throw SystemExit{8};
  });

  EXPECT_EQ(code, 8);
  EXPECT_EQ(*unwound, 1);
}

TEST(ProcessExitTest, SignalGivesItsNegativeNumber) {
  EXPECT_EQ(code_of([] { std::raise(SIGKILL); }), -SIGKILL);
  EXPECT_EQ(code_of([] { std::raise(SIGTERM); }), -SIGTERM);
}

TEST(ProcessExitTest, ExceptionIsPrintedAndGivesOne) {
  const std::string text = output_of(STDERR_FILENO, [] {
    Process process({.name = "thrower"}, [] { throw ValueError("bad input"); });
    process.start();
    process.join();
    test::require(process.exitcode() == 1);
  });

  EXPECT_TRUE(text.starts_with("Process thrower:\nTraceback (most recent call last):\n")) << text;
  EXPECT_TRUE(text.ends_with("ValueError: bad input\n")) << text;
}

TEST(ProcessExitTest, AnyTypeMayBeThrown) {
  const std::string text = output_of(STDERR_FILENO, [] {
    Process process([] { throw 42; });  // NOLINT(hicpp-exception-baseclass)
    process.start();
    process.join();
    test::require(process.exitcode() == 1);
  });

  EXPECT_NE(text.find("int"), std::string::npos) << text;
}

TEST(ProcessExitTest, ThreadThatEndsItselfEndsTheChild) {
  EXPECT_EQ(code_of([] { ::pthread_exit(nullptr); }), 0);
}

TEST(ProcessExitTest, BufferedOutputIsPrintedOnce) {
  const std::string text = output_of(STDOUT_FILENO, [] {
    std::printf("before ");
    std::cout << "and ";
    Process process([] { std::cout << "child "; });
    process.start();
    process.join();
    std::printf("after");
  });

  EXPECT_EQ(text, "before and child after");
}

TEST(ProcessExitTest, ChildRunsTheExitHandlersThatItRegisteredAndNoOthers) {
  const std::string text = output_of(STDOUT_FILENO, [] {
    std::atexit([] { std::printf("parent's "); });
    Process process([] {
      std::atexit([] { std::printf("child's "); });
      std::printf("ran ");
    });
    process.start();
    process.join();
  });

  EXPECT_EQ(text, "ran child's parent's ");
}

TEST(ProcessExitTest, StaticObjectsOfTheParentAreDestroyedOnce) {
  const std::string text = output_of(STDOUT_FILENO, [] {
    struct Loud {
      ~Loud() { std::printf("destroyed "); }
    };
    static Loud parents;
    Process process([] {
      static Loud own;
      std::exit(0);
    });
    process.start();
    process.join();
    std::printf("joined ");
  });

  EXPECT_EQ(text, "destroyed joined destroyed ");
}

TEST(ProcessExitTest, ProgramJoinsItsChildrenAtExit) {
  test::Gate end;

  const std::string text = output_of(STDOUT_FILENO, [&] {
    for (int i = 0; i < 3; ++i) {
      Process([&] {
        end.pass();
        std::cout << "child ";
      }).start();
    }
    std::atexit([] { std::cout << "main "; });  // runs first, and lets them go
    end.tell("...");
  });

  EXPECT_EQ(text.size(), std::string("child child child main ").size()) << text;
}

TEST(ProcessExitTest, ProgramTerminatesDaemonicChildrenAtExit) {
  const std::string text = output_of(STDOUT_FILENO, [] {
    test::Gate ready;
    Process({.daemon = true}, [&] {
      std::signal(SIGTERM, [](int) {
        std::printf("terminated");
        std::exit(0);
      });
      ready.open();
      test::sleep_for_ever();
    }).start();
    ready.pass();
  });

  EXPECT_EQ(text, "terminated");
}

TEST(ProcessExitTest, ChildJoinsItsOwnChildrenAtItsExit) {
  const std::string text = output_of(STDOUT_FILENO, [] {
    test::Gate end;
    Process process([&] {
      Process([&] {
        end.pass();
        std::cout << "grandchild ";
      }).start();
      std::atexit([] { std::cout << "child "; });
      end.open();
    });
    process.start();
    process.join();
    std::cout << "main";
  });

  EXPECT_TRUE(text == "child grandchild main" || text == "grandchild child main") << text;
}

TEST(ProcessExitTest, ForkOfTheProgramsOwnDoesNotWaitForItsParentsChildren) {
  test::Gate end;
  Process process([&] { end.pass(); });
  process.start();

  auto forked = test::Child::run([] { std::exit(3); });

  EXPECT_EQ(forked.wait(), test::exited(3));
  end.open();
  process.join();
}

TEST(ProcessExitTest, StdinOfAChildIsEmpty) {
  EXPECT_EQ(code_of([] {
              char byte = 0;
              test::require(::read(STDIN_FILENO, &byte, 1) == 0);
              test::require(std::getchar() == EOF);
            }),
            0);
}

TEST(ProcessExitTest, ThreadedProgramIsWarnedOnce) {
  const std::string text = output_of(STDERR_FILENO, [] {
    test::Gate end;
    std::thread other([&] { end.pass(); });
    for (int i = 0; i < 2; ++i) {
      Process process([] {});
      process.start();
      process.join();
    }
    end.open();
    other.join();
  });

  EXPECT_NE(text.find("several threads"), std::string::npos) << text;
  EXPECT_EQ(text.find('\n'), text.size() - 1) << text;
}

TEST(ProcessExitTest, ProgramWhoseThreadsHaveEndedIsNotWarned) {
  const std::string text = output_of(STDERR_FILENO, [] {
    std::thread([] {}).join();
    Process process([] {});
    process.start();
    process.join();
  });

  EXPECT_EQ(text, "");
}

TEST(ProcessExitTest, ClosedStandardStreamsDoNoHarm) {
  test::Gate told;
  auto program = test::Child::run([&] {
    ::close(STDIN_FILENO);
    ::close(STDOUT_FILENO);
    ::close(STDERR_FILENO);
    Process process([&] {
      std::cout << "lost" << std::flush;
      told.tell(current_process().name());
    });
    process.start();
    process.join();
    test::require(process.exitcode() == 0);
    for (int fd = 0; fd < 3; ++fd) test::require(::fcntl(fd, F_GETFD) < 0);
  });

  EXPECT_EQ(program.wait(), test::exited(0));
  EXPECT_EQ(told.rest().rfind("Process-", 0), 0U);
}

}  // namespace
}  // namespace multiprocessing
