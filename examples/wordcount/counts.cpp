#include "counts.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace {

constexpr std::array<bool, 256> kIsLetter = [] {
  std::array<bool, 256> is_letter{};
  for (std::size_t c = 'A'; c <= 'Z'; ++c) is_letter[c] = is_letter[c - 'A' + 'a'] = true;
  return is_letter;
}();

bool is_letter(char c) {
  return kIsLetter[static_cast<unsigned char>(c)];
}

std::error_code last_error() {
  return {errno, std::generic_category()};
}

// Reads to the end: some files, as those in /proc, do not tell their size. `buffer` grows only.
std::error_code read_all(int fd, std::vector<char>& buffer, std::string_view& text) {
  struct stat file{};
  if (::fstat(fd, &file) != 0) return last_error();
  constexpr std::size_t kMore = 4096;
  buffer.resize(std::max(buffer.size(), static_cast<std::size_t>(file.st_size) + kMore));
  std::size_t size = 0;
  for (;;) {
    const auto got = ::read(fd, buffer.data() + size, buffer.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return last_error();
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
    if (size == buffer.size()) buffer.resize(2 * size);
  }
  text = {buffer.data(), size};
  return {};
}

}  // namespace

std::error_code Counter::add_file(const std::string& path) {
  std::error_code error;
  std::string_view text;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    error = last_error();
  } else {
    error = read_all(fd, buffer_, text);
    ::close(fd);
  }
  if (error) {
    add_unreadable();
  } else {
    ++totals_.files;
    add_text(text);
  }
  return error;
}

void Counter::add_text(std::string_view text) {
  totals_.lines += static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
  const char* const end = text.data() + text.size();
  for (const char* at = text.data();;) {
    const char* const first = std::find_if(at, end, is_letter);
    at = std::find_if_not(first, end, is_letter);
    if (first == at) break;

    ++totals_.words;
    const std::string_view word(first, at);
    if (const auto known = words_.find(word); known != words_.end()) {
      ++known->second;
    } else {
      words_.emplace(word, 1);
    }
  }
}
