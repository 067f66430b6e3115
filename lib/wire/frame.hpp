#pragma once

// CPython's message framing over a stream of bytes.
//
// Layout (big-endian)
//
//      0        4                12
//      +--------+----------------+----------
//      | n      |                | n bytes         0 <= n < 2^31
//      +--------+----------------+----------
//      | -1     | n, unsigned    | n bytes         longer
//      +--------+----------------+----------
//
// States of a FrameReader: header -> (long header ->) body -> complete; `clear` starts over.
//
// Invariants
//   I1  `room` never reaches beyond the end of the message, so that what follows it stays in the
//       stream, for poll() and for whoever the descriptor is passed to.
//   I2  Memory grows with the bytes that have come: at most twice as many, and one piece of 64 KiB.
//       What the header announces is never allocated in advance.
//   I3  A reader that was left in the middle (a time-out, a signal) goes on where it was.
//
// Death: a sender's leaves a message half received, which is told apart from the end of the stream
// between two messages by `started`.

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "wire/digest.hpp"

namespace multiprocessing::wire {

/// What goes before a message of `size` bytes.
class FrameHeader {
 public:
  explicit FrameHeader(std::uint64_t size) noexcept;
  [[nodiscard]] View view() const noexcept { return View(bytes_).first(size_); }

 private:
  std::array<std::byte, 12> bytes_{};
  std::size_t size_ = 4;
};

/// Puts one message together from the pieces in which it arrives.
class FrameReader {
 public:
  static constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

  /// Where the next bytes go, and how many at most; empty only once the message is complete.
  [[nodiscard]] std::span<std::byte> room();

  /// `count` bytes have been put into the room.
  /// \throws std::system_error (EPROTO) if the header cannot be one.
  void advance(std::size_t count);

  [[nodiscard]] bool started() const noexcept { return header_filled_ != 0; }
  [[nodiscard]] bool complete() const noexcept { return has_length() && filled_ == length_; }
  /// True once `length` is known.
  [[nodiscard]] bool has_length() const noexcept { return state_ == State::body; }
  [[nodiscard]] std::uint64_t length() const noexcept { return length_; }
  /// How much of the message, without its header, has come.
  [[nodiscard]] std::uint64_t arrived() const noexcept { return filled_; }

  /// Before any of the body has been asked for: puts it there, if it is long enough.
  void fill_in_place(std::span<std::byte> buffer) noexcept;
  [[nodiscard]] bool in_place() const noexcept { return in_place_; }
  /// Lets go of that buffer in the middle of the message: what has come is kept here.
  void leave_place();

  /// The complete message; the reader starts over.
  [[nodiscard]] Bytes take() noexcept;
  void clear() noexcept;

 private:
  enum class State : std::uint8_t { header, long_header, body };

  void read_header();
  void read_long_header();

  State state_ = State::header;
  bool in_place_ = false;
  std::array<std::byte, 12> header_{};
  std::size_t header_filled_ = 0;
  std::uint64_t length_ = 0;
  std::uint64_t filled_ = 0;
  std::span<std::byte> buffer_;
  Bytes body_;
};

}  // namespace multiprocessing::wire
