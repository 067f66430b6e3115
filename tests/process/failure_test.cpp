// Calls that the kernel refuses: each is named, and the object can be used afterwards.

#include <multiprocessing/process.hpp>
#include <multiprocessing/synchronize.hpp>

#include <cerrno>
#include <functional>
#include <string>
#include <system_error>

#include <gtest/gtest.h>

#include "support/fd_snapshot.hpp"
#include "sys/calls.hpp"

namespace multiprocessing {
namespace {

using sys::Calls;
using sys::ScopedCall;

// Runs `use`, which must fail with that error of that call.
void expect_refused(int error, const std::string& call, const std::function<void()>& use) {
  try {
    use();
    ADD_FAILURE() << call << " was not refused";
  } catch (const std::system_error& refusal) {
    EXPECT_EQ(refusal.code().value(), error) << call;
    EXPECT_EQ(std::string(refusal.what()).find(call), 0U) << refusal.what();
  }
}

class ProcessFailureTest : public testing::Test {
 protected:
  static void run_once(ProcessOptions options = {}) {  // opens what stays open
    Process process(std::move(options), [] {});
    process.start();
    process.join();
  }
};

TEST_F(ProcessFailureTest, RefusedForkNamesItAndTheObjectCanBeStartedLater) {
  run_once();
  const test::FdSnapshot before;
  Process process([] {});
  {
    const ScopedCall refused(&Calls::fork, [] {
      errno = EAGAIN;
      return pid_t{-1};
    });
    expect_refused(EAGAIN, "fork", [&] { process.start(); });
  }
  EXPECT_EQ(test::FdSnapshot(), before);
  EXPECT_EQ(process.pid(), std::nullopt);

  process.start();
  EXPECT_TRUE(process.join());
  EXPECT_EQ(process.exitcode(), 0);
}

TEST_F(ProcessFailureTest, NoDescriptorForTheLifeLockNamesOpen) {
  run_once();
  Process process([] {});
  {
    const ScopedCall refused(&Calls::open, [](const char*, int, mode_t) {
      errno = EMFILE;
      return -1;
    });
    expect_refused(EMFILE, "open", [&] { process.start(); });
  }
  process.start();
  EXPECT_TRUE(process.join());
}

TEST_F(ProcessFailureTest, NoDescriptorForThePidfdNamesItAndLeavesNoChild) {
  run_once();
  Process process([] {});
  {
    const ScopedCall refused(&Calls::pidfd_open, [](pid_t, unsigned) {
      errno = EMFILE;
      return -1;
    });
    expect_refused(EMFILE, "pidfd_open", [&] { process.start(); });
  }
  EXPECT_TRUE(active_children().empty());
  process.start();
  EXPECT_TRUE(process.join());
}

TEST_F(ProcessFailureTest, NoLifePipeNamesPipe2) {
  Process process({.daemon = true}, [] {});
  {
    const ScopedCall refused(&Calls::pipe2, [](int*, int) {
      errno = EMFILE;
      return -1;
    });
    expect_refused(EMFILE, "pipe2", [&] { process.start(); });
  }
  process.start();
  EXPECT_TRUE(process.join());
}

TEST_F(ProcessFailureTest, InterruptedJoinGoesOn) {
  static int interruptions = 0;
  interruptions = 0;
  const ScopedCall interrupted(&Calls::poll,
                               [](struct pollfd* fds, nfds_t count, const std::timespec* timeout) {
                                 if (++interruptions <= 3) {
                                   errno = EINTR;
                                   return -1;
                                 }
                                 return ::ppoll(fds, count, timeout, nullptr);
                               });
  run_once();

  EXPECT_GT(interruptions, 3);
}

// ctest runs each case in a process of its own: what follows is the first use of the library.
TEST_F(ProcessFailureTest, NoMemoryForTheArenaNamesTheCallAndALaterUseFindsIt) {
  {
    const ScopedCall refused(&Calls::memfd_create, [](const char*, unsigned) {
      errno = EMFILE;
      return -1;
    });
    expect_refused(EMFILE, "memfd_create", [] { const Event event; });
  }
  {
    // Less is asked for each time, down to the smallest arena.
    const ScopedCall refused(&Calls::mmap, [](void*, std::size_t, int, int, int, off_t) {
      errno = ENOMEM;
      return MAP_FAILED;
    });
    expect_refused(ENOMEM, "mmap", [] { const Event event; });
  }

  const Event event;
  event.set();
  EXPECT_TRUE(event.is_set());
}

TEST_F(ProcessFailureTest, InterruptedFutexWaitGoesOn) {
  static int interruptions = 0;
  interruptions = 0;
  const ScopedCall interrupted(&Calls::futex, [](const std::uint32_t*, int, std::uint32_t,
                                                 const std::timespec*, std::uint32_t) {
    ++interruptions;
    errno = EINTR;
    return -1L;
  });
  // long enough that spinning does not use it up, also on a busy machine
  EXPECT_FALSE(Event().wait(std::chrono::milliseconds(200)));
  EXPECT_GT(interruptions, 0);
}

}  // namespace
}  // namespace multiprocessing
