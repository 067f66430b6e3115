// Ctrl-C on a terminal, while a program waits for its workers: it ends within a second, nobody is
// left, and the terminal shows what the program had to say, once.

#include <multiprocessing/futures.hpp>
#include <multiprocessing/pool.hpp>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <string>
#include <tuple>

#include <gtest/gtest.h>

#include <multiprocessing/signals.hpp>
#include <multiprocessing/synchronize.hpp>

#include "pool/tasks.hpp"
#include "support/child.hpp"
#include "sys/fd.hpp"
#include "sys/pipe.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// The terminal's keyboard and screen.
class Terminal {
 public:
  Terminal() : master_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    std::array<char, 128> name{};
    if (!master_ || ::grantpt(master_.get()) != 0 || ::unlockpt(master_.get()) != 0 ||
        ::ptsname_r(master_.get(), name.data(), name.size()) != 0) {
      std::abort();
    }
    name_ = name.data();
  }

  /// In a child: the terminal controls it, and is its input and output.
  void take_place() const {
    test::require(::setsid() >= 0);
    const int terminal = ::open(name_.c_str(), O_RDWR);  // NOLINT(android-cloexec-open)
    test::require(terminal >= 0);
    for (const int fd : {0, 1, 2}) test::require(::dup2(terminal, fd) == fd);
    if (terminal > 2) ::close(terminal);
  }

  void type(char key) const { ASSERT_EQ(::write(master_.get(), &key, 1), 1); }

  /// What stands on the screen once nobody has the terminal open any more.
  [[nodiscard]] std::string read_to_end() const {
    std::string text;
    std::array<char, 256> some{};
    for (;;) {
      const ssize_t got = ::read(master_.get(), some.data(), some.size());
      if (got <= 0) return text;  // EIO
      text.append(some.data(), static_cast<std::size_t>(got));
    }
  }

 private:
  sys::UniqueFd master_;
  std::string name_;
};

void work(const Event& begun, bool defies, int /*item*/) {
  if (defies) ::signal(SIGTERM, SIG_IGN);
  begun.set();
  test::spin();
}

using Wait = void (*)(const Event& begun, bool defies);
void in_map(const Event& begun, bool defies) {
  Pool pool(2);
  pool.map(partial(work, begun, defies), range(100));
}
void in_imap(const Event& begun, bool defies) {
  Pool pool(2);
  for (const auto& none : pool.imap(partial(work, begun, defies), range(100))) (void)none;
}
void in_result(const Event& begun, bool defies) {
  ProcessPoolExecutor executor(2);
  executor.submit(work, begun, defies, 1).result();
}
void in_executor_map(const Event& begun, bool defies) {
  ProcessPoolExecutor executor(2);
  for (const auto& none : executor.map(partial(work, begun, defies), range(100))) (void)none;
}

struct Place {
  const char* name;
  Wait wait;
};

class PoolTerminalTest : public testing::TestWithParam<std::tuple<Place, bool>> {
 protected:
  // Presses Ctrl-C once a task runs. Returns what the terminal shows in the end.
  std::string interrupt(test::Child& program) {
    alive_.write.reset();
    begun_.wait();
    const auto pressed = Clock::now();

    terminal_.type('\x03');

    status_ = program.wait();
    EXPECT_EQ(sys::wait_readable(alive_.read.get()), sys::Ready::yes) << "nobody is left";
    EXPECT_LT(Clock::now() - pressed, 2s);
    return terminal_.read_to_end();
  }
  void wait_as_asked() { std::get<0>(GetParam()).wait(begun_, std::get<1>(GetParam())); }

  Terminal terminal_;
  sys::Pipe alive_ = sys::make_pipe();
  const Event begun_;
  test::Status status_{};
};

INSTANTIATE_TEST_SUITE_P(Places, PoolTerminalTest,
                         testing::Combine(testing::Values(Place{"Map", in_map},
                                                          Place{"Imap", in_imap},
                                                          Place{"Result", in_result},
                                                          Place{"ExecutorMap", in_executor_map}),
                                          testing::Bool()),
                         [](const auto& test) {
                           return std::get<0>(test.param).name +
                                  std::string(std::get<1>(test.param) ? "OfTasksThatDefySigterm"
                                                                      : "");
                         });

TEST_P(PoolTerminalTest, CtrlCEndsAProgramThatDoesNothingAboutIt) {
  auto program = test::Child::run([this] {
    terminal_.take_place();
    wait_as_asked();
  });

  const std::string screen = interrupt(program);

  EXPECT_EQ(status_, test::killed_by(SIGINT)) << "130 in a shell";
  EXPECT_EQ(screen, "^C");
}

TEST_P(PoolTerminalTest, AProgramThatCatchesKeyboardInterruptPrintsItsMessageOnce) {
  auto program = test::Child::run([this] {
    terminal_.take_place();
    raise_on_signal();
    try {
      wait_as_asked();
    } catch (const KeyboardInterrupt&) {
      std::cerr << "interrupted\n";
      std::exit(130);
    }
  });

  const std::string screen = interrupt(program);

  EXPECT_EQ(status_, test::exited(130));
  EXPECT_EQ(screen, "^Cinterrupted\r\n");
}

}  // namespace
}  // namespace multiprocessing
