#pragma once

/// \file multiprocessing/detail/imap_window.hpp
/// How far imap reads ahead.
///
///   threads   one at a time

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace multiprocessing::detail {

/// How many chunks are out at a time. It begins with kAhead for each worker, so that little input
/// is read before it is needed, and grows while results come so fast that a word a chunk is what
/// counts.
class Window {
 public:
  explicit Window(std::size_t workers) noexcept
      : least_(kAhead * workers), most_(kMostAhead * workers), chunks_(least_) {}

  [[nodiscard]] std::size_t chunks() const noexcept { return chunks_; }
  /// Chunks that are submitted together.
  [[nodiscard]] std::size_t batch() const noexcept { return chunks_ / 4; }

  /// A batch of so many chunks has been read to its end, `took` after its submission.
  void passed(std::size_t chunks, std::chrono::nanoseconds took) noexcept {
    passed_ += chunks;
    if (took > kSlow) {
      chunks_ = std::max(least_, chunks_ / 2);
      passed_ = 0;
    } else if (took < kQuick && passed_ >= kRounds * chunks_) {
      chunks_ = std::min(most_, chunks_ * 2);
      passed_ = 0;
    }
  }

  static constexpr std::size_t kAhead = 4;

 private:
  static constexpr std::size_t kMostAhead = 512;
  static constexpr std::size_t kRounds = 8;
  static constexpr std::chrono::milliseconds kQuick{2};
  static constexpr std::chrono::milliseconds kSlow{20};

  std::size_t least_;
  std::size_t most_;
  std::size_t chunks_;
  std::size_t passed_ = 0;
};

}  // namespace multiprocessing::detail
