#include "progress/bar_state.hpp"

#include <algorithm>
#include <utility>

#include "sys/clock.hpp"
#include "sys/terminal.hpp"

namespace multiprocessing::detail {
namespace {

using progress::decorate;
using progress::screen;

constexpr int kStderr = 2;
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kLookEvery = 1'000;         // nanoseconds between two looks at the clock
constexpr std::int64_t kLongestStride = 64;        // items between two looks at the clock
constexpr std::int64_t kLineEvery = 10 * kSecond;  // between two plain lines, if no total is known

}  // namespace

ProgressBar::State::Where ProgressBar::State::place(const TqdmOptions& options) {
  if (options.disable) return Where::nowhere;
  return sys::is_terminal(kStderr) ? Where::terminal : Where::file;
}

ProgressBar::State::State(TqdmOptions options)
    : options_(std::move(options)),
      where_(place(options_)),
      mininterval_(options_.mininterval.count()),
      done_(static_cast<std::int64_t>(options_.initial)) {
  restart(done());
  if (where_ != Where::terminal) return;
  screen.open(line_, options_.position);
  show(done());
}

// Requires the guard, or that nobody else knows this bar yet.
void ProgressBar::State::restart(std::int64_t done) {
  start_ = last_at_ = sys::now();
  last_done_ = done;
  items_ = seconds_ = {};
  shown_.reset();
  looked_done_.store(done, std::memory_order_relaxed);
  looked_at_.store(start_, std::memory_order_relaxed);
  look_next_.store(done, std::memory_order_relaxed);
  drawn_at_.store(start_, std::memory_order_relaxed);
  line_next_.store(where_ == Where::file ? next_tenth(done) : kNever, std::memory_order_relaxed);
}

// The least count that lies in a later tenth of the total than `done`.
std::int64_t ProgressBar::State::next_tenth(std::int64_t done) const {
  const auto total = static_cast<std::int64_t>(options_.total.value_or(0));
  if (total <= 0 || done >= total || total > kNever / 16) return kNever;
  const std::int64_t tenth = std::max<std::int64_t>(done, 0) * 10 / total + 1;
  return (tenth * total + 9) / 10;
}

std::uint32_t ProgressBar::State::advance(std::int64_t items) noexcept {
  const std::int64_t done = done_.fetch_add(items, std::memory_order_relaxed) + items;
  if (where_ == Where::nowhere || closed_.load(std::memory_order_relaxed)) {
    return kLongestStride;
  }
  const std::int64_t now = sys::now();
  const std::int64_t spent = now - looked_at_.exchange(now, std::memory_order_relaxed);
  const std::int64_t moved = done - looked_done_.exchange(done, std::memory_order_relaxed);
  if (is_due(done, now)) show(done);

  std::int64_t stride = 1;
  if (mininterval_ > 0 && moved > 0 && moved < kNever / kLookEvery) {
    stride = moved * kLookEvery / std::max<std::int64_t>(spent, 1);
  }
  const std::int64_t to_line = line_next_.load(std::memory_order_relaxed) - done;
  stride = std::max<std::int64_t>(1, std::min({stride, to_line, kLongestStride}));
  return static_cast<std::uint32_t>(stride);
}

void ProgressBar::State::update(std::int64_t items) noexcept {
  const std::int64_t next = look_next_.load(std::memory_order_relaxed);
  const std::int64_t done = done_.load(std::memory_order_relaxed) + items;
  if (items >= 0 && done < next) {
    done_.fetch_add(items, std::memory_order_relaxed);
    return;
  }
  const std::uint32_t stride = advance(items);
  look_next_.store(this->done() + stride, std::memory_order_relaxed);
}

// True for one of several threads that ask at the same time.
bool ProgressBar::State::is_due(std::int64_t done, std::int64_t now) noexcept {
  std::int64_t drawn = drawn_at_.load(std::memory_order_relaxed);
  const auto passed = [&](std::int64_t interval) {
    return now - drawn >= interval &&
           drawn_at_.compare_exchange_strong(drawn, now, std::memory_order_relaxed);
  };
  if (where_ == Where::terminal) return passed(mininterval_);

  std::int64_t line = line_next_.load(std::memory_order_relaxed);
  if (done < line) return line == kNever && passed(kLineEvery);
  const auto guard = screen.locked();
  const bool first =
      line_next_.compare_exchange_strong(line, next_tenth(done), std::memory_order_relaxed);
  // A bar that is not to be left is one of many: it gets a line only if it takes long.
  return first && (options_.leave || passed(mininterval_));
}

// Requires the guard.
progress::Frame ProgressBar::State::frame(std::int64_t done, std::int64_t now) const {
  return {.done = done,
          .total = options_.total,
          .elapsed = static_cast<double>(now - start_) / kSecond,
          .initial = static_cast<std::int64_t>(options_.initial),
          .desc = options_.desc,
          .postfix = postfix_,
          .unit = options_.unit,
          .unit_scale = options_.unit_scale,
          .ascii = options_.ascii,
          .columns = options_.ncols};
}

// Requires the guard. The rate is that of late, not the average since the start.
std::string ProgressBar::State::compose(std::int64_t done, std::int64_t now, int columns) {
  if (done != last_done_ && now > last_at_) {
    items_.add(static_cast<double>(done - last_done_));
    seconds_.add(static_cast<double>(now - last_at_) / kSecond);
    last_done_ = done;
    last_at_ = now;
  }
  shown_ = done;
  progress::Frame drawn = frame(done, now);
  if (seconds_.value() > 0) drawn.rate = items_.value() / seconds_.value();
  if (!drawn.columns && columns > 0) drawn.columns = columns;
  return progress::format_bar(drawn);
}

void ProgressBar::State::show(std::int64_t done) noexcept {
  if (where_ == Where::nowhere || closed_.load(std::memory_order_relaxed)) return;
  decorate([&] {
    const std::int64_t now = sys::now();
    drawn_at_.store(now, std::memory_order_relaxed);
    if (where_ == Where::terminal) {
      screen.draw(line_, [&](int columns) { return compose(done, now, columns); });
    } else {
      auto guard = screen.locked();
      std::string text = compose(done, now, 0);
      guard.unlock();
      screen.append(std::move(text));
    }
  });
}

void ProgressBar::State::reset(std::optional<std::size_t> total) noexcept {
  {
    const auto guard = screen.locked();
    if (total) options_.total = total;
    options_.initial = 0;
    done_.store(0, std::memory_order_relaxed);
    restart(0);
  }
  if (where_ == Where::terminal) show(0);
}

void ProgressBar::State::close(std::int64_t done) noexcept {
  if (where_ == Where::nowhere || closed_.exchange(true, std::memory_order_relaxed)) return;
  decorate([&] {
    const std::int64_t now = sys::now();
    const auto last = [&](int columns) {
      progress::Frame drawn = frame(done, now);
      if (!drawn.columns && columns > 0) drawn.columns = columns;
      return progress::format_bar(drawn);
    };
    if (where_ == Where::file) {
      auto guard = screen.locked();
      const bool told = shown_ == done;
      std::string text = last(0);
      guard.unlock();
      if (options_.leave && !told) screen.append(std::move(text));
    } else if (options_.leave) {
      screen.leave(line_, last);
    } else {
      screen.erase(line_);
    }
  });
}

}  // namespace multiprocessing::detail
