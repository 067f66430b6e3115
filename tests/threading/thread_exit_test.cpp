// What becomes of threads at the end of a program, and of what escapes from them.

#include <multiprocessing/process.hpp>
#include <multiprocessing/queue.hpp>
#include <multiprocessing/threading.hpp>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "process/gate.hpp"
#include "support/child.hpp"

namespace multiprocessing::threading {
namespace {

using namespace std::chrono_literals;
using test::Child;
using test::output_of;

constexpr int kStandardError = 2;

void say(const std::string& text) {
  test::require(::write(kStandardError, text.data(), text.size()) ==
                static_cast<ssize_t>(text.size()));
}

/// How a program ends whose main is `body` and that then exits with code 0.
test::Status end_of(const std::function<void()>& body) {
  return Child::run([&] {
           body();
           std::exit(0);  // NOLINT(concurrency-mt-unsafe): as a return from main does
         })
      .wait();
}

TEST(ThreadExitTest, ProgramWaitsForItsThreadsAndForThoseThatTheyStart) {
  EXPECT_EQ(output_of(kStandardError,
                      [] {
                        Thread([] {
                          (void)Event().wait(20ms);
                          Thread([] {
                            (void)Event().wait(20ms);
                            say("second.");
                          }).start();
                          say("first.");
                        }).start();
                      }),
            "first.second.");
}

TEST(ThreadExitTest, ProgramDoesNotWaitForDaemonicThreads) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(end_of([] {
                static const Event never;
                static const queue::Queue<int> nothing;
                Thread(ThreadOptions{.daemon = true}, [] { never.wait(); }).start();
                Thread(ThreadOptions{.daemon = true}, [] { (void)nothing.get(); }).start();
                Thread(ThreadOptions{.daemon = true}, [] {
                  while (!never.wait(Timeout::zero())) (void)nothing.try_get();
                }).start();
              }),
              test::exited(0));
  }
}

TEST(ThreadExitTest, ThreadsEndBeforeDaemonicChildrenAreTerminated) {
  EXPECT_EQ(output_of(kStandardError,
                      [] {
                        static test::Gate started;
                        Process child({.daemon = true}, [] {
                          started.open();
                          test::sleep_for_ever();
                        });
                        child.start();
                        started.pass();
                        Thread([pid = *child.pid()] {
                          (void)Event().wait(20ms);
                          say(::kill(pid, 0) == 0 ? "alive" : "gone");
                        }).start();
                      }),
            "alive");
}

TEST(ThreadExitTest, ChildProcessWaitsForItsThreads) {
  EXPECT_EQ(output_of(kStandardError,
                      [] {
                        Process child([] {
                          Thread([] {
                            (void)Event().wait(20ms);
                            say("done");
                          }).start();
                        });
                        child.start();
                        child.join();
                      }),
            "done");
}

TEST(ThreadExitTest, EscapedExceptionIsPrintedAndEndsItsThreadOnly) {
  const std::string output = output_of(kStandardError, [] {
    Thread thread(ThreadOptions{.name = "Thread-7"}, [] { throw ValueError("bad input"); });
    thread.start();
    thread.join();
    say("main goes on");
  });
  EXPECT_EQ(output.rfind("Exception in thread Thread-7:\nTraceback (most recent call last):\n", 0),
            0U)
      << output;
  EXPECT_NE(output.find(", thread Thread-7\nValueError: bad input\nmain goes on"),
            std::string::npos)
      << output;
}

TEST(ThreadExitTest, SystemExitEndsItsThreadSilently) {
  EXPECT_EQ(output_of(kStandardError,
                      [] {
                        Thread thread([] { throw SystemExit{3}; });
                        thread.start();
                        thread.join();
                      }),
            "");
}

TEST(ThreadExitTest, DestroyingARunningSubclassEndsTheProgramWithASentence) {
  struct Waiting : Thread {
    void run() override { (void)Event().wait(); }
  };
  const std::string output = output_of(kStandardError, [] {
    auto thread = std::make_unique<Waiting>();
    thread->set_name("T");
    thread->start();
    thread.reset();
    say("not reached");
  });
  EXPECT_NE(output.find("the object of thread T was destroyed while its run() still runs"),
            std::string::npos)
      << output;
  EXPECT_EQ(output.find("not reached"), std::string::npos);
}

}  // namespace
}  // namespace multiprocessing::threading
