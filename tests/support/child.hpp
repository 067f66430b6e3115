#pragma once

// A forked process for tests of the lower floors: it runs one callable and can be killed at a
// known place.
//
//   auto child = test::Child::run([&] {
//     test::require(box.claim(kVictim));
//     test::hang_up_and_wait();
//   });
//   child.await_hang_up();
//   child.kill(SIGKILL);
//   ASSERT_EQ(child.wait(), test::killed_by(SIGKILL));
//
// GoogleTest's assertions do not cross a fork: the child says `require`, and the parent compares
// the status.

#include <sys/types.h>

#include <functional>
#include <iosfwd>
#include <source_location>

namespace multiprocessing::test {

/// How a child ended: by exit with a code, or by a signal.
struct Status {
  enum class How { exited, killed };

  How how;
  int number;

  friend bool operator==(const Status&, const Status&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Status& status);
};

/// The code of a child in which a `require` failed.
inline constexpr int kRequireFailed = 97;
/// The code of a child whose callable threw.
inline constexpr int kUncaughtException = 98;

Status exited(int code);
Status killed_by(int signal);

class Child {
 public:
  /// Forks. The child runs `body` and ends by `_exit(0)`: no exit handlers, no destructors.
  static Child run(const std::function<void()>& body);

  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// Kills and reaps a child that was not waited for.
  ~Child();

  /// Blocks until the child has called `hang_up` or `hang_up_and_wait`, or has ended.
  void await_hang_up();

  void kill(int signal) const;

  /// Blocks until the child has stopped (sys::arm_stop_point, SIGSTOP). False: it has ended.
  bool await_stop();

  /// Blocks until the child has ended. May be called again; says the same.
  Status wait();

  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  Child(pid_t pid, int readiness);

  pid_t pid_ = -1;
  int readiness_ = -1;
  int raw_status_ = 0;
  bool reaped_ = false;
};

/// Runs `body` in a child and waits for its end: what it changes (signals, environment, a fork
/// server) is the whole process's.
Status in_a_program(const std::function<void()>& body);

/// In a child: tells the parent that its `await_hang_up` may return.
void hang_up();

/// In a child: hangs up, then sleeps until a signal ends it.
[[noreturn]] void hang_up_and_wait();

/// In a child: ends it with `kRequireFailed` and a line on stderr unless `condition` holds.
void require(bool condition, std::source_location where = std::source_location::current());

}  // namespace multiprocessing::test
