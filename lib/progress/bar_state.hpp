#pragma once

/// \file progress/bar_state.hpp
/// A progress bar from the count to the text: when it is due, and what it says.
///
///   threads   every member may be called concurrently
///   death     private to a process

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include <multiprocessing/progress.hpp>

#include "progress/format.hpp"
#include "progress/screen.hpp"

namespace multiprocessing::progress {

// An exponential average that starts from its first value instead of from zero.
class Average {
 public:
  void add(double value) {
    sum_ = kWeight * value + (1 - kWeight) * sum_;
    weight_ = kWeight + (1 - kWeight) * weight_;
  }
  [[nodiscard]] double value() const { return weight_ > 0 ? sum_ / weight_ : 0; }

 private:
  static constexpr double kWeight = 0.3;  // of the last value
  double sum_ = 0;
  double weight_ = 0;
};

// Drawing is decoration: what goes wrong in it is nobody's problem.
template <class F>
void decorate(F&& draw) noexcept {
  try {
    draw();
  } catch (...) {  // NOLINT(bugprone-empty-catch)
  }
}

}  // namespace multiprocessing::progress

namespace multiprocessing::detail {

// Counts are relaxed atomics: they are numbers to show, and nothing is published with them. What
// composes the text is guarded by the screen's lock, so that a forked child finds it whole.
class ProgressBar::State {
 public:
  explicit State(TqdmOptions options);
  ~State() { progress::screen.forget(line_); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  /// Adds to the count; draws if it is time to. Returns after how many more to call again.
  std::uint32_t advance(std::int64_t items) noexcept;

  /// The same, for callers that cannot keep a stride of their own.
  void update(std::int64_t items) noexcept;

  void show(std::int64_t done) noexcept;
  void reset(std::optional<std::size_t> total) noexcept;
  void close(std::int64_t done) noexcept;

  /// Whether this process has made the bar, not one that it was forked from.
  [[nodiscard]] bool is_ours() const { return generation_ == progress::screen.generation(); }

  void set(std::string TqdmOptions::* text, std::string_view value) {
    std::string copy(value);
    const auto guard = progress::screen.locked();
    (options_.*text).swap(copy);
  }
  void set_postfix(std::string_view value) {
    std::string copy(value);
    const auto guard = progress::screen.locked();
    postfix_.swap(copy);
  }

  [[nodiscard]] std::int64_t done() const { return done_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::optional<std::size_t> total() const {
    const auto guard = progress::screen.locked();
    return options_.total;
  }

 private:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  enum class Where { nowhere, terminal, file };

  static Where place(const TqdmOptions& options);
  bool is_due(std::int64_t done, std::int64_t now) noexcept;
  [[nodiscard]] std::int64_t next_tenth(std::int64_t done) const;
  [[nodiscard]] std::string compose(std::int64_t done, std::int64_t now, int columns);
  [[nodiscard]] progress::Frame frame(std::int64_t done, std::int64_t now) const;
  void restart(std::int64_t done);

  TqdmOptions options_;  // desc and total are guarded, the rest stays
  const Where where_;
  const unsigned generation_ = progress::screen.generation();
  const std::int64_t mininterval_;
  std::atomic<std::int64_t> done_;
  std::atomic<std::int64_t> looked_done_{0};  // when the clock was last looked at
  std::atomic<std::int64_t> looked_at_{0};
  std::atomic<std::int64_t> look_next_{0};  // the count at which `update` looks again
  std::atomic<std::int64_t> drawn_at_{0};
  std::atomic<std::int64_t> line_next_{kNever};  // the count at which a plain line is due
  std::atomic<bool> closed_{false};

  // Guarded by the screen's lock.
  std::string postfix_;
  std::int64_t start_ = 0;
  std::optional<std::int64_t> shown_;
  std::int64_t last_done_ = 0;  // up to where the rate is known
  std::int64_t last_at_ = 0;
  progress::Average items_;
  progress::Average seconds_;
  progress::Line line_;
};

}  // namespace multiprocessing::detail
