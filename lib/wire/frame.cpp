#include "wire/frame.hpp"

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "sys/error.hpp"

namespace multiprocessing::wire {
namespace {

constexpr std::uint64_t kShort = 0x7fff'ffff;
constexpr std::uint32_t kLong = 0xffff'ffff;
constexpr std::size_t kShortHeader = 4;
constexpr std::size_t kLongHeader = 12;
constexpr std::size_t kPiece = std::size_t{64} << 10U;

void put_big_endian(std::byte* to, std::uint64_t value, std::size_t size) noexcept {
  for (std::size_t i = 0; i < size; ++i) {
    to[i] = static_cast<std::byte>(value >> (8 * (size - 1 - i)));
  }
}

std::uint64_t get_big_endian(const std::byte* from, std::size_t size) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    value = value << 8U | std::to_integer<std::uint64_t>(from[i]);
  }
  return value;
}

}  // namespace

FrameHeader::FrameHeader(std::uint64_t size) noexcept {
  if (size <= kShort) {
    put_big_endian(bytes_.data(), size, kShortHeader);
    return;
  }
  put_big_endian(bytes_.data(), kLong, kShortHeader);
  put_big_endian(bytes_.data() + kShortHeader, size, kLongHeader - kShortHeader);
  size_ = kLongHeader;
}

std::span<std::byte> FrameReader::room() {
  if (state_ != State::body) {
    const std::size_t end = state_ == State::header ? kShortHeader : kLongHeader;
    return std::span(header_).subspan(header_filled_, end - header_filled_);
  }
  if (in_place_) return buffer_.subspan(filled_);
  if (filled_ == body_.size() && filled_ < length_) {
    const std::uint64_t piece = std::max<std::uint64_t>(kPiece, filled_);
    body_.resize(filled_ + std::min(piece, length_ - filled_));
  }
  return std::span(body_).subspan(filled_);
}

void FrameReader::advance(std::size_t count) {
  if (state_ == State::body) {
    filled_ += count;
    return;
  }
  header_filled_ += count;
  if (state_ == State::header && header_filled_ == kShortHeader) {
    read_header();
  } else if (header_filled_ == kLongHeader) {
    read_long_header();
  }
}

void FrameReader::read_header() {
  const std::uint64_t number = get_big_endian(header_.data(), kShortHeader);
  if (number == kLong) {
    state_ = State::long_header;
    return;
  }
  if (number > kShort) {
    sys::throw_error(EPROTO, "recv",
                     "a message of negative length " +
                         std::to_string(static_cast<std::int32_t>(number)) + " was announced");
  }
  length_ = number;
  state_ = State::body;
}

void FrameReader::read_long_header() {
  length_ = get_big_endian(header_.data() + kShortHeader, kLongHeader - kShortHeader);
  if (length_ > body_.max_size()) {
    sys::throw_error(EPROTO, "recv",
                     "a message of " + std::to_string(length_) + " bytes was announced");
  }
  state_ = State::body;
}

void FrameReader::fill_in_place(std::span<std::byte> buffer) noexcept {
  if (!has_length() || filled_ != 0 || buffer.size() < length_) return;
  buffer_ = buffer.first(length_);
  in_place_ = true;
}

void FrameReader::leave_place() {
  if (!in_place_) return;
  in_place_ = false;
  body_.assign(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(filled_));
  buffer_ = {};
}

Bytes FrameReader::take() noexcept {
  Bytes message = std::move(body_);
  clear();
  return message;
}

void FrameReader::clear() noexcept {
  state_ = State::header;
  in_place_ = false;
  header_filled_ = 0;
  length_ = 0;
  filled_ = 0;
  buffer_ = {};
  body_ = {};
}

}  // namespace multiprocessing::wire
