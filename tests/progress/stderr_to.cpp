#include "progress/stderr_to.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <sstream>

namespace multiprocessing::test {
namespace {

int replace_stderr(int fd) {
  std::fflush(stderr);
  const int saved = ::fcntl(2, F_DUPFD_CLOEXEC, 0);
  if (saved < 0 || fd < 0 || ::dup2(fd, 2) < 0) std::abort();
  return saved;
}

int open_slave(int master) {
  std::array<char, 128> name{};
  ::grantpt(master);
  ::unlockpt(master);
  ::ptsname_r(master, name.data(), name.size());
  return ::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC);
}

void restore_stderr(int saved) {
  ::dup2(saved, 2);
  ::close(saved);
}

}  // namespace

StderrToFile::StderrToFile()
    : file_(::memfd_create("stderr", MFD_CLOEXEC)), saved_(replace_stderr(file_)) {}

StderrToFile::~StderrToFile() {
  restore_stderr(saved_);
  ::close(file_);
}

std::vector<std::string> StderrToFile::lines() const {
  std::string text;
  std::array<char, 4096> buffer{};
  for (off_t at = 0;;) {
    const ssize_t got = ::pread(file_, buffer.data(), buffer.size(), at);
    if (got <= 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    at += got;
  }
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

StderrToTerminal::StderrToTerminal(int columns, int rows)
    : master_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)),
      slave_(open_slave(master_.get())),
      saved_(replace_stderr(slave_)) {
  resize(columns, rows);
}

StderrToTerminal::~StderrToTerminal() {
  restore_stderr(saved_);
  ::close(slave_);
}

void StderrToTerminal::resize(int columns, int rows) const {
  const struct winsize size{.ws_row = static_cast<unsigned short>(rows),
                            .ws_col = static_cast<unsigned short>(columns),
                            .ws_xpixel = 0,
                            .ws_ypixel = 0};
  ::ioctl(slave_, TIOCSWINSZ, &size);
}

std::string StderrToTerminal::bytes() {
  std::string all;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t got = ::read(master_.get(), buffer.data(), buffer.size());
    if (got <= 0) return all;
    all.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

std::vector<std::string> StderrToTerminal::screen() {
  show(bytes());
  std::vector<std::string> lines;
  for (const auto& cells : cells_) {
    std::string line;
    for (const auto& cell : cells) line += cell;
    lines.push_back(line);
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

void StderrToTerminal::show(const std::string& bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    if (bytes.compare(at, 2, "\x1b[") == 0) {
      const auto end = bytes.find_first_not_of("0123456789;", at + 2);
      escape(bytes[end], std::atoi(bytes.c_str() + at + 2));
      at = end + 1;
      continue;
    }
    std::size_t length = 1;
    while (at + length < bytes.size() && (bytes[at + length] & 0xC0) == 0x80) ++length;
    print(bytes.substr(at, length));
    at += length;
  }
}

void StderrToTerminal::escape(char command, int number) {
  auto& cells = cells_[line_];
  if (command == 'A') line_ -= std::min(line_, static_cast<std::size_t>(std::max(1, number)));
  if (command == 'K' || command == 'J') cells.resize(std::min(column_, cells.size()));
  if (command == 'J') cells_.resize(line_ + 1);
}

void StderrToTerminal::print(const std::string& character) {
  if (character == "\r") {
    column_ = 0;
  } else if (character == "\n") {
    if (++line_ == cells_.size()) cells_.emplace_back();
  } else {
    auto& cells = cells_[line_];
    if (cells.size() <= column_) cells.resize(column_ + 1, " ");
    cells[column_++] = character;
  }
}

}  // namespace multiprocessing::test
