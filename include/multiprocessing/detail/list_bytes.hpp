#pragma once

/// \file multiprocessing/detail/list_bytes.hpp
/// A List below its type: elements are bytes, handles in them are listed beside them.
///
///   sharing   a ByteList is a handle; copies refer to the same list in shared memory
///   threads   every function may be called concurrently
///   ordering  what was written before an element was put in is seen after a get that returned it
///   death     a process killed inside any function leaves the list as before the call, or as after

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <multiprocessing/detail/codec_stream.hpp>
#include <multiprocessing/detail/dict_bytes.hpp>
#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/detail/handle.hpp>

namespace multiprocessing::shared {
class ListSession;
struct ListState;
}  // namespace multiprocessing::shared

namespace multiprocessing::detail {

class MULTIPROCESSING_API ByteList {
 public:
  /// Makes an empty list. `item`: bytes of an element that is at most 8 and always as many; 0: any
  /// number. \throws ArenaExhausted
  explicit ByteList(std::size_t item);
  /// \throws ValueError if the object is gone or is no list
  explicit ByteList(HandleId id);

  [[nodiscard]] HandleId id() const noexcept { return {handle_.id()}; }
  [[nodiscard]] const Handle& handle() const noexcept { return handle_; }

  /// Copies an element; a negative index counts from the end. False: there is none. Takes no lock,
  /// unless the element has handles or writers never rest.
  bool get(std::int64_t index, DictBytes& out) const;
  [[nodiscard]] std::uint64_t size() const;

 private:
  friend class ListClaim;
  [[nodiscard]] shared::ListState& state() const;

  Handle handle_;
  shared::ListState* state_ = nullptr;
};

/// A list that no other thread or process can write to until this goes. Readers see the former
/// elements until a step is done.
class MULTIPROCESSING_API ListClaim {
 public:
  explicit ListClaim(const ByteList& list);
  ~ListClaim();
  ListClaim(const ListClaim&) = delete;
  ListClaim& operator=(const ListClaim&) = delete;

  [[nodiscard]] std::uint64_t size() const noexcept;
  /// Tells whether a caller's function has changed the list meanwhile.
  [[nodiscard]] std::uint64_t version() const noexcept;
  /// `index` is in range.
  void read(std::uint64_t index, DictBytes& out) const;
  /// A new element, for the next `splice`. \throws ArenaExhausted, ValueError if a handle is gone
  void stage(std::span<const std::byte> value, std::span<const HandleId> handles);
  /// Replaces [first, last) by what was staged. \throws ArenaExhausted; nothing has changed then
  void splice(std::uint64_t first, std::uint64_t last);
  /// Element i becomes what order[i] was. \throws ArenaExhausted; nothing has changed then
  void permute(std::span<const std::uint64_t> order);

 private:
  static constexpr std::size_t kRoom = 64;
  alignas(16) std::array<std::byte, kRoom> room_;  // a shared::ListSession
};

}  // namespace multiprocessing::detail
