#include "sys/terminal.hpp"

#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/calls.hpp"

namespace multiprocessing::sys {

bool is_terminal(int fd) noexcept {
  return ::isatty(fd) == 1;
}

bool same_terminal(int a, int b) noexcept {
  struct stat of_a{};
  struct stat of_b{};
  return is_terminal(a) && is_terminal(b) && calls().fstat(a, &of_a) == 0 &&
         calls().fstat(b, &of_b) == 0 && of_a.st_rdev == of_b.st_rdev;
}

TerminalSize terminal_size(int fd) noexcept {
  struct winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0) return {};
  return {.columns = size.ws_col, .rows = size.ws_row};
}

}  // namespace multiprocessing::sys
