// What goes wrong in or around a fork server: no child is lost, none runs twice, nobody waits for a
// server that is not there any more.

#include <multiprocessing/process.hpp>
#include <multiprocessing/signals.hpp>
#include <multiprocessing/synchronize.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <system_error>
#include <thread>

#include <gtest/gtest.h>

#include "support/chaos.hpp"
#include "support/child.hpp"
#include "support/fork_server.hpp"
#include "support/until.hpp"
#include "sys/calls.hpp"
#include "sys/clock.hpp"

namespace multiprocessing {
namespace {

using test::fork_server_pid;
using test::in_a_program;
using test::require;
using test::served;
using test::with_fork_server;

constexpr StartMethod kServed = StartMethod::forkserver;

// Far less than the patience that the library has with a server that lives.
constexpr sys::Nanoseconds kSoon = 20'000'000'000;

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

void count_run(const Semaphore& runs) {
  runs.release();
}

constexpr uid_t kNobody = 65534;

// The server runs the program anew, with its libraries.
bool nobody_may_run_this() {
  const std::string program = std::filesystem::read_symlink("/proc/self/exe");
  return in_a_program([&] {
           require(::setresuid(kNobody, kNobody, kNobody) == 0);
           if (::access(program.c_str(), R_OK | X_OK) != 0) std::_Exit(1);
         }) == test::exited(0);
}

std::string target_of(const std::filesystem::path& link) {
  std::error_code gone;  // the listing's own descriptor
  return std::filesystem::read_symlink(link, gone).string();
}

TEST(ForkServerFaultTest, FailureAfterTheForkLeavesNoChild) {
  with_fork_server([](pid_t server) {
    const Semaphore runs(0);
    const int slots = test::taken_slots();
    int ran = 0;
    int failed = 0;
    // With some limit the request fits in, and what follows the fork does not.
    for (rlim_t limit = 8; limit < 40; ++limit) {
      const rlimit few{limit, 1024};
      require(::prlimit(server, RLIMIT_NOFILE, &few, nullptr) == 0);
      try {
        // With few descriptors it may start, and fail in its first steps.
        ran += served(count_run, runs) == 0 ? 1 : 0;
      } catch (const std::system_error&) {
        ++failed;
      }
    }
    require(ran > 0 && failed > 0);
    while (test::taken_slots() != slots) sys::yield();
    require(runs.get_value() == ran);
    require(fork_server_pid() == server);
  });
}

TEST(ForkServerFaultTest, ParentThatDoesNotListenToTheReportLeavesTheServerAlive) {
  with_fork_server([](pid_t server) {
    const Event end;
    std::set<std::string> before;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      before.insert(entry.path());
    }
    Process running({.method = kServed}, wait_for, end);
    running.start();
    const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      if (before.contains(entry.path()) || !target_of(entry.path()).starts_with("pipe:")) continue;
      const int number = std::stoi(entry.path().filename());
      require(::dup3(null, number, O_CLOEXEC) == number);
    }

    end.set();
    require(running.join() && running.exitcode() == 0);

    require(served([] {
              require(std::signal(SIGPIPE, SIG_DFL) == SIG_DFL);  // as the program has it
              require(std::signal(SIGCHLD, SIG_DFL) == SIG_DFL);
            }) == 0);
    require(fork_server_pid() == server);
  });
}

TEST(ForkServerFaultTest, ChildHasNoWriteEndOfAPipe) {
  const Semaphore writers(0);
  Process process(
      {.method = kServed},
      [](const Semaphore& found) {
        for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
          const int number = std::stoi(entry.path().filename());
          if (number < 3 || !target_of(entry.path()).starts_with("pipe:")) continue;
          const bool writes = (::fcntl(number, F_GETFL) & O_ACCMODE) == O_WRONLY;
          if (writes) found.release();
        }
      },
      writers);

  EXPECT_EQ(test::code_of(process), 0);

  EXPECT_EQ(writers.get_value(), 0);
}

// Keeps this process's sockets open, and nothing else, until it is killed.
pid_t hold_sockets() {
  const pid_t pid = ::_Fork();  // no handlers of the library's
  if (pid != 0) return pid;
  for (int fd = 0; fd < 1024; ++fd) {
    struct stat status{};
    if (::fstat(fd, &status) == 0 && !S_ISSOCK(status.st_mode)) ::close(fd);
  }
  for (;;) ::pause();
}

TEST(ForkServerFaultTest, DeathOfTheServerIsSeenThoughSomebodyElseHasItsSocket) {
  const test::Status status = in_a_program([] {
    static pid_t holder = -1;
    static decltype(sys::Calls::posix_spawn) original = nullptr;
    {
      const sys::ScopedCall spawn(
          &sys::Calls::posix_spawn,
          [](pid_t* pid, const char* path, const posix_spawn_file_actions_t* actions,
             const posix_spawnattr_t* attributes, char* const* arguments, char* const* variables) {
            holder = hold_sockets();
            return original(pid, path, actions, attributes, arguments, variables);
          });
      original = spawn.original();
      require(served([] {}) == 0);
    }
    const pid_t server = fork_server_pid();
    siginfo_t stopped{};
    require(::kill(server, SIGSTOP) == 0 &&
            ::waitid(P_PID, static_cast<id_t>(server), &stopped, WSTOPPED | WNOWAIT) == 0);
    static std::atomic<bool> asked{false};
    static decltype(sys::Calls::sendmsg) send = nullptr;
    const sys::ScopedCall asking(&sys::Calls::sendmsg, [](int fd, const msghdr* what, int flags) {
      const ssize_t sent = send(fd, what, flags);
      asked.store(true);
      return sent;
    });
    send = asking.original();
    const sys::Nanoseconds begin = sys::now();
    std::thread starter([] { require(served([] {}) == 0); });
    while (!asked.load()) sys::yield();
    require(::kill(server, SIGKILL) == 0);
    starter.join();
    require(sys::now() - begin < kSoon);
    ::kill(holder, SIGKILL);
  });

  EXPECT_EQ(status, test::exited(0));
}

TEST(ForkServerFaultTest, PrivilegesThatWereDroppedAreNotKeptByTheServer) {
  if (::getuid() != 0) GTEST_SKIP() << "only root has privileges to drop";
  if (!nobody_may_run_this()) GTEST_SKIP() << "only root may enter the build's folder";
  with_fork_server([](pid_t server) {
    const Event end;
    Process before({.method = kServed}, wait_for, end);
    before.start();
    require(::setresgid(kNobody, kNobody, kNobody) == 0);
    require(::setresuid(kNobody, kNobody, kNobody) == 0);

    require(served([] { require(::getuid() == kNobody && ::getgid() == kNobody); }) == 0);

    test::until([&] { return fork_server_pid() != server; });
    end.set();
    require(before.join() && before.exitcode() == 0);
  });
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

TEST(ForkServerFaultTest, InterruptWhileTheServerIsGivenUpDoesNoHarm) {
  with_fork_server([](pid_t server) {
    raise_on_signal({SIGINT});
    bool told = false;
    static decltype(sys::Calls::pidfd_send_signal) send = nullptr;
    {
      const sys::ScopedCall out_of_descriptors(&sys::Calls::recvmsg, [](int, msghdr*, int) {
        errno = EMFILE;
        return ssize_t{-1};
      });
      const sys::ScopedCall interrupted(&sys::Calls::pidfd_send_signal,
                                        [](int pidfd, int signal, siginfo_t* info, unsigned flags) {
                                          ::raise(SIGINT);
                                          return send(pidfd, signal, info, flags);
                                        });
      send = interrupted.original();
      Process process({.method = kServed}, [] {});
      process.start();
      try {
        require(process.join());
      } catch (const KeyboardInterrupt&) {
        told = true;
        require(process.join());
      }
    }
    try {
      if (!told) Event().wait();  // the process had ended: join had nothing to wait for
    } catch (const KeyboardInterrupt&) {
      told = true;
    }
    require(told);
    require(served([] {}) == 0);
    test::until([&] { return fork_server_pid() != server; });
  });
}

// The child of a fork at any moment of the first use has a library that works.
TEST(ForkServerFaultTest, ForkDuringTheFirstUseLeavesNoLockBehind) {
  for (int round = 0; round < 40; ++round) {
    const test::Status status = in_a_program([round] {
      std::atomic<bool> go{false};
      std::thread first([&] {
        while (!go.load()) {
        }
        require(served([] {}) == 0);
      });
      go.store(true);
      const sys::Nanoseconds moment = sys::now() + round * 25'000;
      while (sys::now() < moment) {
      }
      auto child = test::Child::run([] { require(served([] {}) == 0); });
      require(child.wait() == test::exited(0));
      first.join();
    });
    ASSERT_EQ(status, test::exited(0)) << "round " << round;
  }
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
