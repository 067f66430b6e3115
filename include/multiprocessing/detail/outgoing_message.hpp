#pragma once

/// \file multiprocessing/detail/outgoing_message.hpp
/// A message while it is encoded, on its way to another process.
///
///   sharing   a plain process-local object
///   threads   one at a time
///   death     its block is private to the process until somebody publishes it: the sweep frees it

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <multiprocessing/detail/codec_stream.hpp>
#include <multiprocessing/detail/export.hpp>

namespace multiprocessing::shm {
struct Block;
}  // namespace multiprocessing::shm

namespace multiprocessing::detail {
class OutgoingMessage;
}  // namespace multiprocessing::detail

namespace multiprocessing::shm {
/// The block with all that was encoded, owned by the caller. \throws as make_message of bytes
Block make_message(detail::OutgoingMessage& message);
}  // namespace multiprocessing::shm

namespace multiprocessing::detail {

inline constexpr std::size_t kMessageRoom = 1024;  // what is larger lies in a block from the start

/// Where a message is encoded: in here, or, a large one, in the block that it will travel in, so
/// that its bytes are copied once.
class MULTIPROCESSING_API OutgoingMessage final : private BufferSource {
 public:
  OutgoingMessage() noexcept : writer_(*this) {}  // NOLINT: the room is written before it is read
  OutgoingMessage(const OutgoingMessage&) = delete;
  OutgoingMessage& operator=(const OutgoingMessage&) = delete;
  ~OutgoingMessage();  // frees the block unless it was made a message

  [[nodiscard]] Writer& writer() noexcept { return writer_; }
  [[nodiscard]] const Writer& writer() const noexcept { return writer_; }

 private:
  friend shm::Block shm::make_message(OutgoingMessage& message);
  std::span<std::byte> grow(std::span<const std::byte> used, std::size_t at_least) override;

  std::uint64_t block_ = 0;  // shm::BlockRef, packed
  std::uint8_t entry_ = 0;
  Writer writer_;
  alignas(64) std::array<std::byte, kMessageRoom> room_;
};

}  // namespace multiprocessing::detail
