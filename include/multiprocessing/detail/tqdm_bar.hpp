#pragma once

// The counter behind a tqdm: what is compiled once. See multiprocessing/progress.hpp.
//
// A loop whose body takes nanoseconds must not feel its bar. So the thread that iterates counts in
// `pending_` (a load and a store, nothing locked) and looks at the clock only every `stride_`
// items: at each one if they take a microsecond, at most at every 64th, however short they are. The
// bound keeps a loop that suddenly turns slow from going long without a redraw.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include <multiprocessing/detail/export.hpp>

namespace multiprocessing {

struct TqdmOptions;

namespace detail {

/// All members may be called by any thread, but for `tick`, which one thread calls. None throws.
class MULTIPROCESSING_API ProgressBar {
 public:
  explicit ProgressBar(TqdmOptions options);
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// Closes it, but not in a process forked from the one that made it.
  ~ProgressBar();

  /// One more item of the loop.
  void tick() noexcept {
    // relaxed: this thread alone writes it; a reader wants a number, nothing that goes with it
    const std::uint32_t pending = pending_.load(std::memory_order_relaxed) + 1;
    pending_.store(pending, std::memory_order_relaxed);
    if (pending >= stride_) flush();
  }

  void update(std::int64_t items) noexcept;
  [[nodiscard]] std::int64_t done() const noexcept;
  [[nodiscard]] std::optional<std::size_t> total() const noexcept;
  void set_description(std::string_view text) noexcept;
  void set_postfix(std::string_view text) noexcept;
  void refresh() noexcept;
  void reset(std::optional<std::size_t> total) noexcept;
  void close() noexcept;

  /// `tqdm<>::write`.
  static void write(std::string_view text) noexcept;

 private:
  class State;

  void flush() noexcept;

  std::atomic<std::uint32_t> pending_{0};  // items that `done` of the state does not hold yet
  std::uint32_t stride_ = 1;               // belongs to the thread that calls tick
  std::unique_ptr<State> state_;
};

/// A number as tqdm shows it: three digits, unless it is shorter written out.
[[nodiscard]] MULTIPROCESSING_API std::string short_number(double value);
[[nodiscard]] MULTIPROCESSING_API std::string short_number(std::int64_t value);
[[nodiscard]] MULTIPROCESSING_API std::string short_number(std::uint64_t value);

/// One pair of a postfix: a name with a number or a text.
class PostfixItem {
 public:
  template <class Number>
    requires std::is_arithmetic_v<Number>
  PostfixItem(std::string_view name, Number value) : text_(std::string(name) + "=") {
    if constexpr (std::is_floating_point_v<Number>) {
      text_ += short_number(static_cast<double>(value));
    } else if constexpr (std::is_signed_v<Number>) {
      text_ += short_number(static_cast<std::int64_t>(value));
    } else {
      text_ += short_number(static_cast<std::uint64_t>(value));
    }
  }
  PostfixItem(std::string_view name, std::string_view value)
      : text_(std::string(name) + "=" + std::string(value)) {}

  /// Adds itself to the items before it.
  void append_to(std::string& all) const { all += (all.empty() ? "" : ", ") + text_; }

 private:
  std::string text_;
};

}  // namespace detail
}  // namespace multiprocessing
