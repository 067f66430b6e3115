// The exit barrier: whose handlers run, how often, and what becomes of the exit code.

#include "sys/exit.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <thread>

#include <gtest/gtest.h>

#include "sys/calls.hpp"
#include "sys/clock.hpp"
#include "sys/errors.hpp"
#include "sys/forked.hpp"

namespace multiprocessing::sys {
namespace {

using test::exited;
using test::Forked;
using test::require;
using test::Signpost;

class ExitBarrierTest : public test::LeavesNothingBehind {};
class StandardStreamsTest : public test::LeavesNothingBehind {};

int trace = -1;  // descriptor on which handlers leave their letter

void leave(char letter) {
  require(::write(trace, &letter, 1) == 1);
}
void parents_handler() {
  leave('p');
}
void childs_handler() {
  leave('c');
}
void last_of_all(int status) {
  leave(static_cast<char>('0' + status));
}

struct Traced {  // NOLINT(cppcoreguidelines-special-member-functions): never copied
  ~Traced() { leave('s'); }
};

// A process with a handler of its own that forks a child with another.
template <typename Steps>
ExitStatus run_below_a_parent_with_handlers(Steps steps) {
  Forked parent([&] {
    require(std::atexit(parents_handler) == 0);
    Forked child([&] {
      install_exit_barrier(last_of_all);
      steps();
      std::exit(7);  // NOLINT(concurrency-mt-unsafe): one thread
    });
    const ExitStatus status = child.wait();
    require(!status.signalled);
    ::_exit(status.code);
  });
  return parent.wait();
}

TEST_F(ExitBarrierTest, ChildsHandlersRunOnceAndParentsNever) {
  Signpost letters;
  trace = letters.pipe().write.get();

  const ExitStatus status = run_below_a_parent_with_handlers([] {
    std::atexit(childs_handler);
    static const Traced made_in_the_child;
  });

  EXPECT_EQ(letters.text(), "sc7");
  EXPECT_EQ(status, exited(7));
}

TEST_F(ExitBarrierTest, GrandchildStopsAtItsOwnBarrier) {
  Signpost letters;
  trace = letters.pipe().write.get();

  const ExitStatus status = run_below_a_parent_with_handlers([] {
    std::atexit(childs_handler);
    Forked grandchild([] {
      install_exit_barrier(last_of_all);
      std::exit(3);  // NOLINT(concurrency-mt-unsafe): one thread
    });
    require(grandchild.wait() == exited(3));
  });

  EXPECT_EQ(letters.text(), "3c7");
  EXPECT_EQ(status, exited(7));
}

TEST_F(ExitBarrierTest, BufferedOutputIsWritten) {
  Signpost output;
  Forked child([&] {
    require(::dup2(output.pipe().write.get(), STDOUT_FILENO) >= 0);
    install_exit_barrier();
    std::fputs("from stdio ", stdout);
    std::cout << "and from cout";
    std::exit(0);  // NOLINT(concurrency-mt-unsafe): one thread
  });

  EXPECT_EQ(output.text(), "from stdio and from cout");
  EXPECT_EQ(child.wait(), exited(0));
}

TEST_F(ExitBarrierTest, RefusedRegistrationNamesItsCall) {
  const ScopedCall refused(&Calls::on_exit, [](void (*)(int, void*), void*) { return -1; });

  test::expect_system_error(ENOMEM, "on_exit", [] { install_exit_barrier(); });
}

TEST_F(StandardStreamsTest, StreamLockedByAnotherThreadIsSkipped) {
  Forked child([] {
    std::atomic<bool> locked{false};
    std::thread holder([&] {
      ::flockfile(stdout);
      locked.store(true, std::memory_order_release);
      test::wait_to_be_killed();
    });
    while (!locked.load(std::memory_order_acquire)) yield();
    flush_standard_streams();
    kill_self();  // under ThreadSanitizer, _exit would wait for the stream
  });

  EXPECT_EQ(child.wait(), test::killed_by(SIGKILL));
}

}  // namespace
}  // namespace multiprocessing::sys
