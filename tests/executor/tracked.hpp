#pragma once

// A value of which is known how many there are, for tests that want to see it let go.

#include <array>
#include <atomic>
#include <cstddef>
#include <numeric>
#include <utility>

#include <multiprocessing/futures.hpp>

namespace multiprocessing::test {

/// Copies are counted, what was moved away is not; each process counts its own.
class Tracked {
 public:
  static constexpr int kMost = 16;  // numbers

  explicit Tracked(int number = 0) noexcept : number_(number) { ++count(number_); }
  Tracked(const Tracked& other) noexcept : Tracked(other.number_) {}
  Tracked(Tracked&& other) noexcept : number_(std::exchange(other.number_, kMost)) {}
  Tracked& operator=(Tracked other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Tracked() {
    if (number_ != kMost) --count(number_);
  }

  [[nodiscard]] int number() const noexcept { return number_; }
  [[nodiscard]] int twice() const noexcept { return 2 * number_; }

  static int alive(int number) noexcept { return count(number); }
  static int all_alive() noexcept { return std::accumulate(counts.begin(), counts.end(), 0); }

 private:
  static std::atomic<int>& count(int number) noexcept {
    return counts.at(static_cast<std::size_t>(number));
  }
  static inline std::array<std::atomic<int>, kMost> counts{};

  alignas(void*) int number_;  // GCC 12 warns of calls by member pointer on anything smaller
};

}  // namespace multiprocessing::test

template <>
struct multiprocessing::Codec<multiprocessing::test::Tracked> {
  using Parts = detail::Types<>;
  static constexpr bool kFixed = false;
  static constexpr const char* kName = "tracked";
  static void encode(detail::Writer& out, const test::Tracked& tracked) {
    out.plain(tracked.number());
  }
  static test::Tracked decode(detail::Reader& in) { return test::Tracked(in.plain<int>()); }
};
