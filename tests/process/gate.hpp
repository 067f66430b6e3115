#pragma once

// What the tests of this folder say to their children, and hear from them.

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <functional>
#include <string>

#include "support/child.hpp"

namespace multiprocessing::test {

/// A pipe that every process of the test holds: one writes a byte or a line, another one reads it.
class Gate {
 public:
  Gate() { require(::pipe2(ends_.data(), O_CLOEXEC) == 0); }
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  ~Gate() {
    close_reader();
    close_writer();
  }

  void open() const { tell("."); }
  void tell(const std::string& text) const {
    require(::write(ends_[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  void pass() const {
    char byte = 0;
    require(::read(ends_[0], &byte, 1) == 1);
  }
  /// Everything, until all writers are gone.
  std::string rest() {
    close_writer();
    std::string text;
    std::array<char, 4096> part;
    for (ssize_t n = 0; (n = ::read(ends_[0], part.data(), part.size())) > 0;) {
      text.append(part.data(), static_cast<std::size_t>(n));
    }
    return text;
  }
  void close_reader() { close_once(ends_[0]); }
  void close_writer() { close_once(ends_[1]); }
  [[nodiscard]] int reader() const { return ends_[0]; }
  [[nodiscard]] int writer() const { return ends_[1]; }

 private:
  static void close_once(int& fd) {
    if (fd >= 0) ::close(fd);
    fd = -1;
  }

  std::array<int, 2> ends_{-1, -1};
};

/// What a program whose main is `body` and its children write to the descriptor `fd`.
inline std::string output_of(int fd, const std::function<void()>& body) {
  Gate output;
  auto program = Child::run([&] {
    require(::dup2(output.writer(), fd) == fd);
    output.close_writer();
    output.close_reader();
    body();
    std::exit(0);  // NOLINT(concurrency-mt-unsafe): as a return from main does
  });
  return output.rest();
}

/// Whether the descriptor is readable now.
inline bool is_readable(int fd) {
  pollfd watched{fd, POLLIN, 0};
  return ::poll(&watched, 1, 0) == 1;
}

/// What is written to `fd` from now on goes nowhere.
inline void silence(int fd) {
  const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  require(null >= 0 && ::dup2(null, fd) == fd);
  ::close(null);
}

[[noreturn]] inline void sleep_for_ever() {
  for (;;) ::pause();
}

}  // namespace multiprocessing::test
