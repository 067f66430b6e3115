#pragma once

/// \file multiprocessing/detail/codec_stream.hpp
/// The bytes of one message, while they are written and while they are read.
///
///   sharing   plain process-local objects
///   threads   one at a time
///   ordering  none
///   death     nothing shared is touched
///
/// Numbers are in the machine's own order: both ends run on the same machine or are refused before.
/// Arrays of plain elements are padded to their alignment relative to the first byte of the
/// message, so that a message that begins at a multiple of 64 can be read in place.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <multiprocessing/detail/export.hpp>

namespace multiprocessing::detail {

/// The identity of a shared object within its family.
struct HandleId {
  std::uint64_t value = 0;
  friend bool operator==(HandleId, HandleId) = default;
};

/// How deep values may nest: deeper is a TransferError on either side, not a stack overflow.
inline constexpr int kMaxDepth = 500;

[[noreturn]] MULTIPROCESSING_API void throw_truncated();
[[noreturn]] MULTIPROCESSING_API void throw_too_deep();
[[noreturn]] MULTIPROCESSING_API void throw_malformed(const char* what);
[[noreturn]] MULTIPROCESSING_API void throw_untrusted(const char* what);

/// Where a Writer takes its memory from, if not from the heap.
class BufferSource {
 public:
  /// A buffer, 64-aligned, of at least `at_least` bytes that begins with a copy of `used`; the
  /// former buffer is not touched by the Writer afterwards.
  virtual std::span<std::byte> grow(std::span<const std::byte> used, std::size_t at_least) = 0;

 protected:
  ~BufferSource() = default;
};

/// Appends to a growing buffer. Up to 256 bytes stay inside the object.
class MULTIPROCESSING_API Writer {
 public:
  Writer() noexcept : data_(inline_), capacity_(sizeof inline_) {}
  /// Grows beyond the inline bytes by `source`, which must outlive the Writer.
  explicit Writer(BufferSource& source) noexcept : Writer() { source_ = &source; }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer();

  void bytes(const void* from, std::size_t size) {
    if (size == 0) return;
    std::memcpy(reserve(size), from, size);
    size_ += size;
  }
  template <class T>
  void plain(const T& value) {
    bytes(&value, sizeof value);
  }
  /// Zero bytes up to a multiple of `alignment`.
  void align(std::size_t alignment) {
    while (size_ % alignment != 0) plain(std::byte{0});
  }
  /// Writes the id and remembers that the message carries it.
  void handle(HandleId id) {
    handles_.push_back(id);
    plain(id.value);
  }
  /// Keeps something alive until the message is made, or thrown away.
  void keep(std::shared_ptr<const void> until_made) { kept_.push_back(std::move(until_made)); }
  /// Room for `size` more bytes at the end, to be filled at once; `advance` counts them in.
  std::byte* reserve(std::size_t size) {
    if (capacity_ - size_ < size) grow(size);
    return data_ + size_;
  }
  void advance(std::size_t size) noexcept { size_ += size; }
  /// Overwrites bytes that were written before.
  void patch(std::size_t at, const void* from, std::size_t size) noexcept {
    std::memcpy(data_ + at, from, size);
  }

  [[nodiscard]] const std::byte* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::span<const std::byte> view() const noexcept { return {data_, size_}; }
  [[nodiscard]] const std::vector<HandleId>& handles() const noexcept { return handles_; }
  /// Forgets the contents, keeps the memory.
  void clear() noexcept {
    size_ = 0;
    handles_.clear();
    kept_.clear();
  }

  void enter() {
    if (depth_ >= kMaxDepth) throw_too_deep();
    ++depth_;
  }
  void leave() noexcept { --depth_; }

 private:
  void grow(std::size_t more);

  // Not zeroed: written before it is read. GCC 12 takes a call of std::array::data() for a read.
  // NOLINTNEXTLINE(modernize-avoid-c-arrays)
  alignas(64) std::byte inline_[256];
  std::byte* data_;
  std::size_t size_ = 0;
  std::size_t capacity_;
  int depth_ = 0;
  BufferSource* source_ = nullptr;
  std::vector<HandleId> handles_;
  std::vector<std::shared_ptr<const void>> kept_;
};

/// Reads a message; every read is checked against its end.
class Reader {
 public:
  /// `trusted`: it comes from this family, so handles, code tokens and archives may be followed.
  explicit Reader(std::span<const std::byte> message, bool trusted = true) noexcept
      : Reader(message.data(), message.size(), trusted) {}
  Reader(const std::byte* data, std::size_t size, bool trusted = true) noexcept
      : begin_(data), at_(data), end_(data + size), trusted_(trusted) {}

  /// The next `size` bytes, in place. \throws TransferError beyond the end, as all reads.
  const std::byte* take(std::size_t size) {
    if (remaining() < size) throw_truncated();
    const std::byte* here = at_;
    at_ += size;
    return here;
  }
  void bytes(void* to, std::size_t size) {
    const std::byte* from = take(size);
    if (size != 0) std::memcpy(to, from, size);
  }
  template <class T>
  T plain() {
    T value;
    bytes(&value, sizeof value);
    return value;
  }
  void align(std::size_t alignment) {
    while (static_cast<std::size_t>(at_ - begin_) % alignment != 0) take(1);
  }
  HandleId handle() {
    if (!trusted_) throw_untrusted("a handle");
    return {plain<std::uint64_t>()};
  }
  /// A number of elements, each of which takes at least `each` bytes.
  std::size_t count(std::size_t each = 1) {
    const auto count = plain<std::uint64_t>();
    if (count > remaining() / each) throw_truncated();
    return static_cast<std::size_t>(count);
  }

  /// Reads the next `size` bytes only, and skips them here.
  Reader part(std::size_t size) {
    Reader inner = *this;
    take(size);
    inner.end_ = at_;
    return inner;
  }

  [[nodiscard]] bool trusted() const noexcept { return trusted_; }
  [[nodiscard]] std::size_t remaining() const noexcept {
    return static_cast<std::size_t>(end_ - at_);
  }
  /// \throws TransferError if something is left.
  void finish() const {
    if (at_ != end_) throw_malformed("bytes are left over");
  }

  void enter() {
    if (depth_ >= kMaxDepth) throw_too_deep();
    ++depth_;
  }
  void leave() noexcept { --depth_; }

 private:
  const std::byte* begin_;
  const std::byte* at_;
  const std::byte* end_;
  int depth_ = 0;
  bool trusted_;
};

/// One more level of nesting, for a scope.
template <class Stream>
class Nested {
 public:
  explicit Nested(Stream& stream) : stream_(stream) { stream_.enter(); }
  Nested(const Nested&) = delete;
  Nested& operator=(const Nested&) = delete;
  ~Nested() { stream_.leave(); }

 private:
  Stream& stream_;
};

}  // namespace multiprocessing::detail
