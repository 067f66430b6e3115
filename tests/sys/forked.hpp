#pragma once

// A forked child for the tests of the ground floor, which cannot use what stands above it.

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "sys/process.hpp"

namespace multiprocessing::sys::test {

inline constexpr int kRequirementFailed = 99;

// For children, where GoogleTest's assertions are not seen.
inline void require(bool holds) {
  if (!holds) ::_exit(kRequirementFailed);
}

constexpr ExitStatus exited(int code) {
  return {.code = code, .signalled = false};
}
constexpr ExitStatus killed_by(int signal) {
  return {.code = signal, .signalled = true};
}

// Runs `steps` in a child that then ends by _exit(0). Whoever forgets it gets it killed and reaped.
class Forked {
 public:
  template <typename Steps>
  explicit Forked(Steps steps) : pid_(fork_flushed()) {
    if (pid_ == 0) {
      steps();
      ::_exit(0);
    }
    pidfd_ = open_pidfd(pid_);
  }
  Forked(const Forked&) = delete;
  Forked& operator=(const Forked&) = delete;
  ~Forked() {
    if (reaped_) return;
    kill();
    (void)wait();
  }

  pid_t pid() const { return pid_; }
  int pidfd() const { return pidfd_.get(); }
  bool kill(int signal = SIGKILL) { return send_signal(pidfd_.get(), signal); }

  ExitStatus wait() {
    reaped_ = true;
    return reap(pidfd_.get(), true).value_or(exited(-1));
  }

  // Returns once it has ended, leaving it a zombie.
  void wait_unreaped() const {
    siginfo_t info{};
    while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) != 0) {
    }
  }

 private:
  static pid_t fork_flushed() {
    flush_standard_streams();
    return fork_process();
  }

  pid_t pid_;
  UniqueFd pidfd_;
  bool reaped_ = false;
};

// A byte, or a hang-up, from one process to another.
class Signpost {
 public:
  void raise() const { require(::write(pipe_.write.get(), "x", 1) == 1); }

  // True if somebody raised it, false once nobody is left who could.
  bool await() {
    pipe_.write.reset();
    char byte = 0;
    ssize_t got = -1;
    do {
      got = ::read(pipe_.read.get(), &byte, 1);
    } while (got < 0 && errno == EINTR);
    return got == 1;
  }

  // Everything written until the last writer is gone.
  std::string text() {
    pipe_.write.reset();
    std::string all;
    char byte = 0;
    while (::read(pipe_.read.get(), &byte, 1) == 1) all += byte;
    return all;
  }

  const Pipe& pipe() const { return pipe_; }
  void close_read() { pipe_.read.reset(); }
  void close_write() { pipe_.write.reset(); }

 private:
  Pipe pipe_ = make_pipe();
};

[[noreturn]] inline void wait_to_be_killed() {
  while (true) ::pause();
}

// Every case leaves descriptors and children as it found them.
class LeavesNothingBehind : public testing::Test {
 protected:
  void TearDown() override {
    EXPECT_EQ(count_descriptors(), descriptors_before_);
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a child is left";
  }

 private:
  static long count_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
  }

  long descriptors_before_ = count_descriptors();
};

}  // namespace multiprocessing::sys::test
