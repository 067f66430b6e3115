#pragma once

/// \file multiprocessing/detail/timeout.hpp
/// How long a call may block: part of every blocking signature of the library.
///
/// Mirrors the `timeout` parameter of Python, where a number of seconds or None stands.
///
///   sharing   a plain value of two words that may be sent to another process; a deadline
///             means the same moment everywhere on the machine
///   threads   a value: copy it
///   ordering  none
///   death     nothing to leave behind
///
/// Where Python has `block=True, timeout=None`, a function `f` comes as two overloads. They
/// keep `q.get(5)` and `lock.acquire(2.5)` from compiling: an `int` is not a `bool` and no
/// number is a Timeout.
///
/// \code
///   T get(Timeout timeout = {});
///   template <std::same_as<bool> B>
///   T get(B block, Timeout timeout = {}) { return get(block ? timeout : Timeout::zero()); }
///
///   q.get();  q.get(500ms);  q.get(false);  q.get(true, 5s);  q.get(steady_clock::now() + 1min);
/// \endcode

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <type_traits>

namespace multiprocessing {

/// For ever, a span that counts from the start of each use, or a fixed moment.
///
/// Zero, negative and past mean "do not block". What the clock cannot hold means "for ever".
class Timeout {
 public:
  using trivially_transferable_tag = void;

  /// For ever.
  constexpr Timeout() noexcept = default;

  /// Counts from the start of each use. A fraction of a nanosecond is dropped; NaN is zero.
  template <class Rep, class Period>
  constexpr Timeout(  // NOLINT(google-explicit-constructor)
      std::chrono::duration<Rep, Period> span) noexcept
      : Timeout(Kind::span, saturated(span)) {}

  /// Ends at `moment`, however often it is used.
  template <class Duration>
  constexpr Timeout(  // NOLINT(google-explicit-constructor)
      std::chrono::time_point<std::chrono::steady_clock, Duration> moment) noexcept
      : Timeout(Kind::steady, saturated(moment.time_since_epoch())) {}

  /// Ends at `moment`. Follows the system's clock when that is set, up to the start of a wait.
  template <class Duration>
  constexpr Timeout(  // NOLINT(google-explicit-constructor)
      std::chrono::time_point<std::chrono::system_clock, Duration> moment) noexcept
      : Timeout(Kind::system, saturated(moment.time_since_epoch())) {}

  /// A bare number has no unit; Python's are seconds.
  template <class Number>
    requires std::is_arithmetic_v<Number>
  Timeout(Number) = delete;  // write 5s or 500ms, with using namespace std::chrono_literals

  /// Do not block.
  [[nodiscard]] static constexpr Timeout zero() noexcept { return {Kind::span, 0}; }

  [[nodiscard]] constexpr bool is_forever() const noexcept { return kind_ == Kind::forever; }

  /// True if a use that starts now must not block.
  [[nodiscard]] bool is_zero() const noexcept {
    switch (kind_) {
      case Kind::forever:
        return false;
      case Kind::span:
        return nanoseconds_ <= 0;
      default:
        return deadline() <= now<std::chrono::steady_clock>();
    }
  }

  /// The end of a use that starts now, in nanoseconds of CLOCK_MONOTONIC: INT64_MAX for ever,
  /// zero or a past moment where the use must not block.
  [[nodiscard]] std::int64_t deadline() const noexcept {
    switch (kind_) {
      case Kind::span:
        return nanoseconds_ <= 0 ? 0 : sum(now<std::chrono::steady_clock>(), nanoseconds_);
      case Kind::steady:
        return nanoseconds_;
      case Kind::system:
        return sum(now<std::chrono::steady_clock>(),
                   difference(nanoseconds_, now<std::chrono::system_clock>()));
      default:
        return kForever;
    }
  }

  /// The span that this was made from; nullopt for a fixed moment and for ever.
  [[nodiscard]] constexpr std::optional<std::chrono::nanoseconds> duration() const noexcept {
    if (kind_ != Kind::span) return std::nullopt;
    return std::chrono::nanoseconds(nanoseconds_);
  }

  /// True if both were made from the same.
  friend constexpr bool operator==(Timeout, Timeout) noexcept = default;

 private:
  enum class Kind : std::int64_t { forever, span, steady, system };

  static constexpr std::int64_t kForever = std::numeric_limits<std::int64_t>::max();
  static constexpr std::int64_t kLongAgo = std::numeric_limits<std::int64_t>::min();

  constexpr Timeout(Kind kind, std::int64_t nanoseconds) noexcept
      : kind_(nanoseconds == kForever ? Kind::forever : kind), nanoseconds_(nanoseconds) {
    if (kind_ == Kind::forever) nanoseconds_ = 0;
  }

  template <class Rep, class Period>
  static constexpr std::int64_t saturated(std::chrono::duration<Rep, Period> span) noexcept {
    constexpr std::int64_t kSecond = 1'000'000'000;
    if constexpr (std::is_integral_v<Rep> && kSecond % Period::den == 0 &&
                  Period::num <= kForever / kSecond) {
      std::int64_t nanoseconds = 0;
      const bool over =
          __builtin_mul_overflow(span.count(), Period::num * (kSecond / Period::den), &nanoseconds);
      if (!over) return nanoseconds;
      return span.count() < Rep{} ? kLongAgo : kForever;
    } else {
      // 64 bits of mantissa: exact wherever the result fits
      const long double nanoseconds = static_cast<long double>(span.count()) * Period::num *
                                      (static_cast<long double>(kSecond) / Period::den);
      if (nanoseconds >= static_cast<long double>(kForever)) return kForever;
      if (nanoseconds <= static_cast<long double>(kLongAgo)) return kLongAgo;
      return nanoseconds == nanoseconds ? static_cast<std::int64_t>(nanoseconds) : 0;
    }
  }

  static constexpr std::int64_t sum(std::int64_t a, std::int64_t b) noexcept {
    std::int64_t out = 0;
    if (!__builtin_add_overflow(a, b, &out)) return out;
    return b < 0 ? kLongAgo : kForever;
  }

  static constexpr std::int64_t difference(std::int64_t a, std::int64_t b) noexcept {
    std::int64_t out = 0;
    if (!__builtin_sub_overflow(a, b, &out)) return out;
    return a < 0 ? kLongAgo : kForever;
  }

  template <class Clock>
  static std::int64_t now() noexcept {
    return saturated(Clock::now().time_since_epoch());
  }

  Kind kind_ = Kind::forever;
  std::int64_t nanoseconds_ = 0;
};

static_assert(std::has_unique_object_representations_v<Timeout>,
              "it travels as its bytes, so none of them may be padding");

}  // namespace multiprocessing
