#include "support/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <ostream>
#include <system_error>
#include <utility>

namespace multiprocessing::test {
namespace {

// In a child: the write end of its readiness pipe, until it hangs up.
int own_readiness = -1;

int check(int result, const char* call) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), call);
  return result;
}

void close_once(int& fd) {
  if (fd >= 0) ::close(std::exchange(fd, -1));
}

[[noreturn]] void run_in_child(const std::function<void()>& body) {
  try {
    body();
  } catch (const std::exception& error) {
    ::dprintf(STDERR_FILENO, "a test's child threw: %s\n", error.what());
    ::_exit(kUncaughtException);
  } catch (...) {
    ::dprintf(STDERR_FILENO, "a test's child threw\n");
    ::_exit(kUncaughtException);
  }
  ::_exit(0);
}

}  // namespace

Status exited(int code) {
  return {Status::How::exited, code};
}

Status killed_by(int signal) {
  return {Status::How::killed, signal};
}

std::ostream& operator<<(std::ostream& out, const Status& status) {
  if (status.how == Status::How::killed) return out << "killed by signal " << status.number;
  out << "exited with " << status.number;
  if (status.number == kRequireFailed) out << " (a require failed)";
  if (status.number == kUncaughtException) out << " (an exception escaped)";
  return out;
}

Child::Child(pid_t pid, int readiness) : pid_(pid), readiness_(readiness) {}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      readiness_(std::exchange(other.readiness_, -1)),
      raw_status_(other.raw_status_),
      reaped_(other.reaped_) {}

Child& Child::operator=(Child&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(readiness_, other.readiness_);
  std::swap(raw_status_, other.raw_status_);
  std::swap(reaped_, other.reaped_);
  return *this;
}

Child::~Child() {
  close_once(readiness_);
  if (pid_ < 0 || reaped_) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, &raw_status_, 0) < 0 && errno == EINTR) {
  }
}

Child Child::run(const std::function<void()>& body) {
  std::array<int, 2> ends{};
  check(::pipe2(ends.data(), O_CLOEXEC), "pipe2");

  const pid_t pid = check(::fork(), "fork");
  if (pid == 0) {
    ::close(ends[0]);
    close_once(own_readiness);  // of the parent, if that is a Child too
    own_readiness = ends[1];
    run_in_child(body);
  }
  ::close(ends[1]);
  return {pid, ends[0]};
}

void Child::await_hang_up() {
  // The pidfd is for a child that dies while a grandchild still holds the pipe.
  int pidfd = check(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)), "pidfd_open");
  std::array<pollfd, 2> either{{{readiness_, POLLIN, 0}, {pidfd, POLLIN, 0}}};
  while (::poll(either.data(), either.size(), -1) < 0 && errno == EINTR) {
  }
  close_once(pidfd);
}

void Child::kill(int signal) const {
  check(::kill(pid_, signal), "kill");
}

bool Child::await_stop() {
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WSTOPPED | WEXITED | WNOWAIT) < 0) {
    if (errno != EINTR) check(-1, "waitid");
  }
  return info.si_code == CLD_STOPPED;
}

Status Child::wait() {
  while (!reaped_) {
    reaped_ = ::waitpid(pid_, &raw_status_, 0) == pid_;
    if (!reaped_ && errno != EINTR) check(-1, "waitpid");
  }
  if (WIFSIGNALED(raw_status_)) return killed_by(WTERMSIG(raw_status_));
  return exited(WEXITSTATUS(raw_status_));
}

Status in_a_program(const std::function<void()>& body) {
  return Child::run(body).wait();
}

void hang_up() {
  // A byte as well as the hang-up: a grandchild may hold a copy of the pipe.
  const char byte = 0;
  if (own_readiness >= 0) require(::write(own_readiness, &byte, 1) == 1);
  close_once(own_readiness);
}

void hang_up_and_wait() {
  hang_up();
  for (;;) ::pause();
}

void require(bool condition, std::source_location where) {
  if (condition) return;
  ::dprintf(STDERR_FILENO, "%s:%u: require failed in process %d\n", where.file_name(),
            static_cast<unsigned>(where.line()), ::getpid());
  ::_exit(kRequireFailed);
}

}  // namespace multiprocessing::test
