#pragma once

/// \file multiprocessing/detail/shared_memory_handle.hpp
/// SharedMemory itself: part of `multiprocessing/shared_memory.hpp`, which says what it is.

#include <sys/types.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <multiprocessing/detail/codec.hpp>
#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/errors.hpp>

namespace multiprocessing {

namespace detail {

class Segment;  // lib/shared/segment.hpp

inline constexpr std::size_t kAll = static_cast<std::size_t>(-1);

[[noreturn]] MULTIPROCESSING_API void throw_bad_view(const std::string& name, std::size_t size,
                                                     std::size_t offset, std::size_t count,
                                                     std::size_t each, std::size_t alignment);

}  // namespace detail

struct SharedMemoryOptions {
  std::string name = {};  ///< empty: one is made up ("psm_" and eight hex digits); only to create
  bool create = false;    ///< makes a new segment; else opens an existing one
  std::size_t size = 0;   ///< in bytes; ignored where a segment is opened
  bool track = true;      ///< a new segment goes with the last process of this family
  mode_t permissions = 0600;  ///< of a new segment, whatever the umask: 0666 for all users
};

class MULTIPROCESSING_API SharedMemory {
 public:
  /// Creates a segment of `size` zero bytes, or opens one; which, says `create`. A slash in front
  /// of the name changes nothing.
  ///
  /// The memory of a new one up to 64 MiB is there for sure; a larger one stays sparse, and only
  /// has to fit when it is made.
  /// \throws ValueError for a name that cannot be one (with a slash or a zero in it, longer than
  /// 255 bytes, none to open), a size of zero or above the address space, and an empty file;
  /// std::system_error naming shm_open and the path: EEXIST, ENOENT, EACCES with the owner and
  /// mode, ENOSPC with the bytes wanted and free; KeyboardInterrupt
  template <std::convertible_to<std::string> Name>  // not for braces, which are options
  explicit SharedMemory(Name&& name, bool create = false, std::size_t size = 0, bool track = true)
      : SharedMemory(SharedMemoryOptions{
            .name = std::forward<Name>(name), .create = create, .size = size, .track = track}) {}
  SharedMemory() : SharedMemory(SharedMemoryOptions{}) {}
  /// `SharedMemory({.create = true, .size = 10})`
  explicit SharedMemory(const SharedMemoryOptions& options);

  /// Without a slash. Also after `close()`.
  [[nodiscard]] const std::string& name() const noexcept;
  /// In bytes, as the creator asked for. Also after `close()`.
  [[nodiscard]] std::size_t size() const noexcept;

  /// All of it, writable; valid until `close()`. \throws ValueError after that
  [[nodiscard]] std::span<std::byte> buf() const;

  /// `count` objects of T from byte `offset` on; as many as fit if no count is given. They are what
  /// the bytes say: nothing is constructed. \throws ValueError if they do not fit or T's alignment
  /// does not allow the offset; after `close()`
  template <class T>
  [[nodiscard]] std::span<T> as(std::size_t offset = 0, std::size_t count = detail::kAll) const {
    static_assert(std::is_trivially_copyable_v<T>,
                  "SharedMemory::as<T>: T must be trivially copyable, without pointers to mean "
                  "anything in another process");
    const std::span<std::byte> all = buf();
    const bool inside = offset <= all.size() && offset % alignof(T) == 0;
    if (inside && count == detail::kAll) count = (all.size() - offset) / sizeof(T);
    if (!inside || count > (all.size() - offset) / sizeof(T)) {
      detail::throw_bad_view(name(), all.size(), offset, count, sizeof(T), alignof(T));
    }
    return {reinterpret_cast<T*>(all.data() + offset), count};
  }

  /// Unmaps it in this process, for all copies; spans of it are invalid from then on. What the last
  /// copy does by itself. The segment and its name stay. No effect if done before.
  void close() const noexcept;

  /// Removes the name: nobody can open the segment any more, those who have it keep it. Once in all
  /// processes together. \throws std::system_error naming shm_unlink (ENOENT if the name is gone);
  /// KeyboardInterrupt
  void unlink() const;

  /// The same segment, also where it was opened twice.
  friend bool operator==(const SharedMemory& a, const SharedMemory& b) noexcept {
    return same(a, b);
  }
  /// SharedMemory('psm_12345678', size=10)
  friend std::ostream& operator<<(std::ostream& out, const SharedMemory& memory) {
    memory.print(out);
    return out;
  }

 private:
  friend struct std::hash<SharedMemory>;
  friend class ShareableList;

  explicit SharedMemory(std::shared_ptr<detail::Segment> segment) noexcept
      : segment_(std::move(segment)) {}
  /// A new one that nobody sees before it has been filled.
  static SharedMemory filled(const SharedMemoryOptions& options,
                             const std::function<void(std::span<std::byte>)>& fill);
  static bool same(const SharedMemory& a, const SharedMemory& b) noexcept;
  [[nodiscard]] std::size_t hash() const noexcept;
  void print(std::ostream& out) const;

  std::shared_ptr<detail::Segment> segment_;
};

/// Travels by its name, as in Python: the receiver opens the segment, which has to be there still.
template <>
struct Codec<SharedMemory> {
  using Parts = detail::Types<std::string>;
  static constexpr bool kFixed = false;
  static constexpr const char* kName = "shared memory";

  static void encode(detail::Writer& out, const SharedMemory& memory) {
    detail::encode_value(out, memory.name());
  }
  /// \throws std::system_error naming shm_open (ENOENT: it was unlinked)
  static SharedMemory decode(detail::Reader& in) {
    if (!in.trusted()) detail::throw_untrusted("shared memory");
    return SharedMemory(detail::decode_value<std::string>(in));
  }
};

}  // namespace multiprocessing

template <>
struct std::hash<multiprocessing::SharedMemory> {
  std::size_t operator()(const multiprocessing::SharedMemory& memory) const noexcept {
    return memory.hash();
  }
};
