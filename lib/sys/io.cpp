#include "sys/io.hpp"

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <span>

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

namespace {

int open_to_read(const char* path) noexcept {
  int fd = -1;
  do {
    fd = calls().open(path, O_RDONLY | O_CLOEXEC, 0);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

bool is_digit(char character) noexcept {
  return character >= '0' && character <= '9';
}

}  // namespace

ssize_t read_text(const char* path, char* text, std::size_t capacity) noexcept {
  const UniqueFd file(open_to_read(path));
  if (!file) return -1;
  const ssize_t length = read_full(file.get(), text, capacity - 1);
  if (length >= 0) text[length] = '\0';
  return length;
}

void for_each_number(const char* path, void (*visit)(long number, void* argument),
                     void* argument) noexcept {
  const UniqueFd file(open_to_read(path));
  if (!file) return;
  std::array<char, 4096> text;
  long number = 0;
  bool inside = false;  // a number, which may go on in the next piece
  for (;;) {
    const ssize_t length = read_full(file.get(), text.data(), text.size());
    const std::size_t there = length > 0 ? static_cast<std::size_t>(length) : 0;
    for (const char character : std::span(text).first(there)) {
      const bool digit = is_digit(character);
      if (inside && !digit) visit(number, argument);
      if (!inside) number = 0;
      if (digit) number = number * 10 + (character - '0');
      inside = digit;
    }
    if (there < text.size()) break;
  }
  if (inside) visit(number, argument);
}

}  // namespace multiprocessing::sys
