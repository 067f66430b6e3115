// The fork server: who may ask it, what ends it, and what its end leaves.

#include "process/fork_server.hpp"

#include <multiprocessing/context.hpp>

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "process/gate.hpp"
#include "shm/process_table.hpp"
#include "support/child.hpp"
#include "support/fork_server.hpp"
#include "support/until.hpp"
#include "sys/proc_stat.hpp"
#include "sys/socket_pair.hpp"

namespace multiprocessing {
namespace {

using test::code_of;
using test::fork_server_pid;
using test::require;
using test::served;
using test::with_fork_server;

constexpr StartMethod kServed = StartMethod::forkserver;

void wait_for(const Event& event) {
  event.wait();
}

TEST(ForkServerTest, OneServerServesAllAndHasOneThread) {
  with_fork_server([](pid_t pid) {
    require(served([] {}) == 0);
    require(fork_server_pid() == pid);
    sys::ProcStat stat;
    require(stat.read(pid) && stat.number(sys::ProcStat::threads) == 1);
  });
}

TEST(ForkServerTest, ServerIsNoChildThatAnybodyWaitsFor) {
  with_fork_server([](pid_t) { require(active_children().empty()); });
}

TEST(ForkServerTest, SigintLeavesServerAndChildrenAlone) {
  with_fork_server([](pid_t pid) {
    const Event end;
    Process running({.method = kServed}, wait_for, end);
    running.start();

    ::kill(pid, SIGINT);

    require(served([] {}) == 0);
    require(fork_server_pid() == pid);
    end.set();
    require(running.join() && running.exitcode() == 0);
  });
}

TEST(ForkServerTest, KilledServerIsReplacedAndItsChildrenRunOn) {
  with_fork_server([](pid_t pid) {
    const Event end;
    Process running({.method = kServed}, wait_for, end);
    running.start();

    ::kill(pid, SIGKILL);
    require(served([] { throw SystemExit{3}; }) == 3);

    // The kernel closes a dying process's files some time before it ends it.
    test::until([&] { return fork_server_pid() != pid; });
    require(running.is_alive());
    end.set();
    require(running.join());
    require(running.exitcode() == 0);
  });
}

TEST(ForkServerTest, DeathOfAChildWhoseServerHasDiedIsTold) {
  with_fork_server([](pid_t pid) {
    const Event never;
    Process running({.method = kServed}, wait_for, never);
    running.start();
    ::kill(pid, SIGKILL);

    running.kill();

    require(running.join() && running.exitcode() == -SIGKILL);
  });
}

// Or it, and the children that it forks, would keep the pipe open by which the program learns of
// the server's death.
TEST(ForkServerTest, AChildHoldsNoPipeThatTheServerReportsThrough) {
  with_fork_server([](pid_t) {
    const auto count_pipes = [] {
      int pipes = 0;
      struct stat output{};
      struct stat errors{};
      require(::fstat(STDOUT_FILENO, &output) == 0 && ::fstat(STDERR_FILENO, &errors) == 0);
      for (int fd = STDERR_FILENO + 1; fd < 1024; ++fd) {
        struct stat what{};
        if (::fstat(fd, &what) != 0 || !S_ISFIFO(what.st_mode)) continue;
        if (what.st_ino == output.st_ino || what.st_ino == errors.st_ino) continue;
        pipes += (::fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY ? 1 : 0;
      }
      throw SystemExit{pipes};
    };
    require(served(count_pipes) == 0);
  });
}

TEST(ForkServerTest, ServerEndsWithItsProgram) {
  for (const int signal : {0, SIGKILL}) {
    test::Gate told;
    auto program = test::Child::run([&] {
      require(served([] {}) == 0);
      const pid_t pid = fork_server_pid();
      require(::write(told.writer(), &pid, sizeof pid) == sizeof pid);
      if (signal != 0) ::raise(signal);
    });
    const std::string written = told.rest();
    pid_t pid = 0;
    ASSERT_EQ(written.size(), sizeof pid);
    std::memcpy(&pid, written.data(), sizeof pid);
    (void)program.wait();

    // ctest's time limit is the watchdog.
    while (::kill(pid, 0) == 0) {
      sys::ProcStat stat;
      if (stat.read(pid) && stat.letter(sys::ProcStat::state) == 'Z') break;
      ::sched_yield();
    }
  }
}

TEST(ForkServerTest, ForkedChildHasAServerOfItsOwn) {
  with_fork_server([](pid_t pid) {
    Process child({.method = StartMethod::fork}, [pid] {
      require(test::fork_server().nobody());
      require(served([] {}) == 0);
      require(fork_server_pid() != pid);
    });
    require(code_of(child) == 0);
    require(fork_server_pid() == pid);
  });
}

TEST(ForkServerTest, RequestWithoutTheCookieIsRefused) {
  auto program = test::Child::run([] {
    const shm::Cookie cookie = shm::make_cookie();
    sys::SocketPair pair = sys::make_socket_pair();
    const auto spawned = process::spawn_server(pair.second.get(), cookie);
    pair.second.reset();
    process::ServerRequest request{cookie, 0, 0};
    request.cookie[0] ^= 1U;
    const std::vector descriptors{0, 1, 2, 2};

    require(
        sys::send_message(pair.first.get(), std::as_bytes(std::span(&request, 1)), descriptors));
    process::ServerAnswer answer{};
    std::vector<sys::UniqueFd> received;
    require(sys::receive_message(pair.first.get(), std::as_writable_bytes(std::span(&answer, 1)),
                                 received) == sys::Received::message);

    require(answer.error == EPERM && answer.pid == 0);
    pair.first.reset();
    require(spawned->wait(sys::kForever) && spawned->poll_exit() == 0);
  });

  EXPECT_EQ(program.wait(), test::exited(0));
}

TEST(ForkServerTest, TicketThatIsNotSealedIsRefused) {
  auto program = test::Child::run([] {
    test::silence(STDERR_FILENO);
    const shm::Cookie cookie = shm::make_cookie();
    sys::SocketPair pair = sys::make_socket_pair();
    const auto spawned = process::spawn_server(pair.second.get(), cookie);
    const process::ServerRequest request{cookie, 0, 0};
    const std::vector descriptors{0, 1, 2, 2};

    require(
        sys::send_message(pair.first.get(), std::as_bytes(std::span(&request, 1)), descriptors));
    process::ServerAnswer answer{};
    std::vector<sys::UniqueFd> received;
    require(sys::receive_message(pair.first.get(), std::as_writable_bytes(std::span(&answer, 1)),
                                 received) == sys::Received::message);

    require(answer.error == EBADMSG);
  });

  EXPECT_EQ(program.wait(), test::exited(0));
}

}  // namespace
}  // namespace multiprocessing
