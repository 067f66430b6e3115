#include "sys/io.hpp"

#include <fcntl.h>

#include <cerrno>

#include "sys/calls.hpp"
#include "sys/fd.hpp"

namespace multiprocessing::sys {

ssize_t read_full(int fd, void* bytes, std::size_t count) noexcept {
  auto* const to = static_cast<char*>(bytes);
  std::size_t done = 0;
  while (done < count) {
    const ssize_t got = calls().read(fd, to + done, count - done);
    if (got == 0) break;
    if (got > 0) {
      done += static_cast<std::size_t>(got);
    } else if (errno != EINTR) {
      return -1;
    }
  }
  return static_cast<ssize_t>(done);
}

bool write_full(int fd, const void* bytes, std::size_t count) noexcept {
  const auto* const from = static_cast<const char*>(bytes);
  std::size_t done = 0;
  while (done < count) {
    const ssize_t put = calls().write(fd, from + done, count - done);
    if (put >= 0) {
      done += static_cast<std::size_t>(put);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

ssize_t read_text(const char* path, char* text, std::size_t capacity) noexcept {
  int fd = -1;
  do {
    fd = calls().open(path, O_RDONLY | O_CLOEXEC, 0);
  } while (fd < 0 && errno == EINTR);
  const UniqueFd file(fd);
  if (!file) return -1;
  const ssize_t length = read_full(file.get(), text, capacity - 1);
  if (length >= 0) text[length] = '\0';
  return length;
}

void for_each_number(const char* path, void (*visit)(long number, void* argument),
                     void* argument) noexcept {
  int fd = -1;
  do {
    fd = calls().open(path, O_RDONLY | O_CLOEXEC, 0);
  } while (fd < 0 && errno == EINTR);
  const UniqueFd file(fd);
  if (!file) return;
  char text[4096];
  long number = 0;
  bool inside = false;  // a number, which may go on in the next piece
  for (;;) {
    const ssize_t length = read_full(file.get(), text, sizeof text);
    for (ssize_t i = 0; i < length; ++i) {
      const bool digit = text[i] >= '0' && text[i] <= '9';
      if (inside && !digit) visit(number, argument);
      number = digit ? (inside ? number * 10 : 0) + (text[i] - '0') : 0;
      inside = digit;
    }
    if (length < static_cast<ssize_t>(sizeof text)) break;
  }
  if (inside) visit(number, argument);
}

}  // namespace multiprocessing::sys
