#include "progress/screen.hpp"

#include <pthread.h>

#include <algorithm>
#include <iostream>
#include <new>
#include <utility>

#include "progress/format.hpp"
#include "sys/io.hpp"
#include "sys/streams.hpp"

namespace multiprocessing::progress {
namespace {

constexpr int kStdout = 1;
constexpr int kStderr = 2;
constexpr std::string_view kEraseLine = "\x1b[K";   // from the cursor to its end
constexpr std::string_view kEraseBelow = "\x1b[J";  // from the cursor to the end of the screen

// A terminal that went away is no reason to stop the work that is being watched.
void put(std::string_view bytes) noexcept {
  sys::write_full(kStderr, bytes.data(), bytes.size());
}

// Over a line that is full there is nothing to erase, and erasing there eats its last character.
std::string over_line(const std::string& text, int columns) {
  const std::string shown = columns > 0 ? trimmed(text, columns) : text;
  const bool full = columns > 0 && display_width(shown) >= columns;
  return "\r" + shown + std::string(full ? "" : kEraseLine);
}

}  // namespace

constinit Screen screen;

namespace {

// At load, before there are threads: a lazy registration could itself be cut in two by a fork.
[[maybe_unused]] const int registered =
    pthread_atfork([] { screen.before_fork(); }, [] { screen.after_fork_in_parent(); },
                   [] { screen.after_fork_in_child(); });

}  // namespace

void Screen::before_fork() noexcept {
  state_.lock();
}

void Screen::after_fork_in_parent() noexcept {
  state_.unlock();
}

// Runs in the child: no allocation, no waiting.
void Screen::after_fork_in_child() noexcept {
  ++generation_;
  state_.unlock();
  ::new (static_cast<void*>(&output_)) std::mutex;
}

void Screen::open(Line& line, std::optional<int> position) {
  const auto guard = locked();
  const auto taken = [this](int wanted) {
    for (const Line* other = first_; other != nullptr; other = other->next) {
      if (other->position == wanted) return true;
    }
    return false;
  };
  int free = 0;
  while (!position && taken(free)) ++free;
  line.position = std::max(0, position.value_or(free));
  line.generation = generation_;
  line.next = std::exchange(first_, &line);
  line.listed = true;
}

void Screen::unlink(Line& line) noexcept {
  for (Line** link = &first_; *link != nullptr; link = &(*link)->next) {
    if (*link == &line) {
      *link = line.next;
      line.listed = false;
      return;
    }
  }
}

void Screen::forget(Line& line) noexcept {
  const auto guard = locked();
  unlink(line);
}

// Down to the line, over it, and up again.
std::string Screen::placed(const Line& line, sys::TerminalSize size) {
  if (line.position > 0 && size.rows > 0 && line.position >= size.rows - 1) return {};
  const auto down = static_cast<std::size_t>(line.position);
  const std::string up = down == 0 ? "" : "\x1b[" + std::to_string(down) + "A";
  return std::string(down, '\n') + over_line(line.text, size.columns) + up;
}

std::string Screen::all_placed(sys::TerminalSize size) const {
  std::string bytes;
  for (const Line* line = first_; line != nullptr; line = line->next) {
    if (line->generation == generation_) bytes += placed(*line, size);
  }
  return bytes;
}

void Screen::draw(Line& line, const std::function<std::string(int columns)>& compose) {
  const std::lock_guard in_order(output_);
  const auto size = sys::terminal_size(kStderr);
  auto guard = locked();
  if (!line.listed) return;
  line.text = compose(size.columns);
  const std::string bytes = placed(line, size);
  guard.unlock();
  put(bytes);
}

void Screen::leave(Line& line, const std::function<std::string(int columns)>& compose) {
  const std::lock_guard in_order(output_);
  const auto size = sys::terminal_size(kStderr);
  auto guard = locked();
  unlink(line);
  std::string bytes = over_line(compose(size.columns), size.columns) + "\n";
  if (line.position > 0 || first_ != nullptr) {
    bytes += kEraseBelow;
    bytes += all_placed(size);
  }
  guard.unlock();
  put(bytes);
}

void Screen::erase(Line& line) {
  const std::lock_guard in_order(output_);
  const auto size = sys::terminal_size(kStderr);
  auto guard = locked();
  unlink(line);
  line.text.clear();
  const std::string bytes = placed(line, size) + "\r";
  guard.unlock();
  put(bytes);
}

void Screen::print(std::string_view text) {
  const std::lock_guard in_order(output_);
  if (!sys::same_terminal(kStdout, kStderr)) {
    std::cout << text << '\n' << std::flush;
    return;
  }
  sys::flush_standard_streams();
  const auto size = sys::terminal_size(kStderr);
  auto guard = locked();
  std::string bytes;
  if (first_ != nullptr) bytes = "\r" + std::string(kEraseBelow);
  bytes += text;
  bytes += '\n';
  bytes += all_placed(size);
  guard.unlock();
  put(bytes);
}

void Screen::append(std::string text) {
  const std::lock_guard in_order(output_);
  put(text += '\n');
}

}  // namespace multiprocessing::progress
