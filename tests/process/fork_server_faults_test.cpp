// What goes wrong in or around a fork server: no child is lost, none runs twice, nobody waits for a
// server that is not there any more.

#include <multiprocessing/process.hpp>
#include <multiprocessing/synchronize.hpp>

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "support/child.hpp"
#include "sys/calls.hpp"

namespace multiprocessing {
namespace {

using test::in_a_program;
using test::require;

constexpr StartMethod kServed = StartMethod::forkserver;

// A thread of the program's that is there before main(), also in its fork server.
constexpr const char* kThreadAtLoad = "MP_TEST_THREAD_AT_LOAD";
const bool thread_at_load = [] {
  if (std::getenv(kThreadAtLoad) == nullptr) return false;
  std::thread([] {
    for (;;) ::pause();
  }).detach();
  return true;
}();

void wait_for(const Event& event) {
  event.wait();
}

TEST(ForkServerFaultTest, EndsAreReportedThoughTheProgramHasThreadsFromTheStart) {
  const test::Status status = in_a_program([] {
    ::setenv(kThreadAtLoad, "1", 1);
    const Event never;
    Process running({.method = kServed}, wait_for, never);
    running.start();

    running.terminate();

    // Who is not told by the server how it ended asks the kernel in vain: it has not been reaped.
    require(running.join() && running.exitcode() == -SIGTERM);
  });

  EXPECT_EQ(status, test::exited(0));
}

TEST(GroupSignalTest, GroupOfAServedChildGetsItsSignalsBeforeLinux69) {
  const sys::ScopedCall old_kernel(
      &sys::Calls::pidfd_send_signal, [](int pidfd, int signal, siginfo_t* info, unsigned flags) {
        if (flags != 0) {
          errno = EINVAL;
          return -1;
        }
        return static_cast<int>(::syscall(SYS_pidfd_send_signal, pidfd, signal, info, 0U));
      });
  const Event never;
  Process process({.method = kServed, .new_group = true}, wait_for, never);
  process.start();

  process.terminate();

  EXPECT_TRUE(process.join());
  EXPECT_EQ(process.exitcode(), -SIGTERM);
}

TEST(MoreRightsTest, ProgramThatWouldGainRightsByAnExecIsRefused) {
  if (::getuid() != 0) GTEST_SKIP() << "only root can make its ids differ";
  for (const StartMethod method : {StartMethod::spawn, StartMethod::forkserver}) {
    const test::Status status = in_a_program([method] {
      require(::seteuid(65534) == 0);
      Process process({.method = method}, [] {});
      try {
        process.start();
      } catch (const ValueError& error) {
        require(std::string(error.what()).find("AT_SECURE") != std::string::npos);
        return;
      }
      require(false);
    });
    EXPECT_EQ(status, test::exited(0));
  }
}

}  // namespace
}  // namespace multiprocessing
