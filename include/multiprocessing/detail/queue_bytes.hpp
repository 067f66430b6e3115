#pragma once

/// \file multiprocessing/detail/queue_bytes.hpp
/// A queue of byte strings: what every Queue<T> is made of. Compiled once, in lib/queue.
///
///   sharing   copies refer to the same queue
///   threads   every member but assignment may be called concurrently from any thread
///   ordering  what was written before a put is seen after the get that brings the item
///   death     a process killed inside any member blocks nobody; see docs/design/queue.md

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <utility>

#include <multiprocessing/detail/codec_stream.hpp>
#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/detail/handle.hpp>
#include <multiprocessing/detail/outgoing_message.hpp>
#include <multiprocessing/detail/timeout.hpp>

namespace multiprocessing::lanes {
struct LocalQueue;  // lib/queue/local_queue.hpp
struct Taken;       // lib/queue/lane_reader.hpp
}  // namespace multiprocessing::lanes

namespace multiprocessing::detail {

enum class QueueOutcome : std::uint8_t { done, in_vain, shut_down };

[[noreturn]] MULTIPROCESSING_API void throw_wrong_size();

inline constexpr std::size_t kQueueRoom = kMessageRoom;  // larger items travel in blocks
inline constexpr std::size_t kQueueAlignment = 64;       // of an item in its block

/// An item that was taken, until its destruction. One of a JoinableQueue is in the calling thread's
/// hands from then on.
class MULTIPROCESSING_API IncomingItem {
 public:
  IncomingItem() noexcept;
  IncomingItem(const IncomingItem&) = delete;
  IncomingItem& operator=(const IncomingItem&) = delete;
  ~IncomingItem();  // frees its block, with the handles in it

  [[nodiscard]] Reader reader() const noexcept { return {data_, size_}; }

 private:
  friend class ByteQueue;

  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::uint64_t block_ = 0;  // shm::BlockRef, packed
  std::uint8_t entry_ = 0;
  // Of a JoinableQueue's item:
  lanes::LocalQueue* queue_ = nullptr;
  void* ticket_ = nullptr;
  std::uint32_t sequence_ = 0;
  int unwinding_;
  alignas(64) std::array<std::byte, kQueueRoom> room_;
};

/// Room for an item in the block that it will travel in: dropped, the item was never put.
class MULTIPROCESSING_API QueueLoan {
 public:
  /// \throws ArenaExhausted
  explicit QueueLoan(std::size_t size);
  QueueLoan(QueueLoan&& other) noexcept
      : data_(other.data_), block_(std::exchange(other.block_, 0)), entry_(other.entry_) {}
  QueueLoan& operator=(QueueLoan other) noexcept {
    std::swap(data_, other.data_);
    std::swap(block_, other.block_);
    std::swap(entry_, other.entry_);
    return *this;
  }
  ~QueueLoan();

  /// 64-byte aligned. Empty once it was put.
  [[nodiscard]] std::byte* data() const noexcept { return block_ == 0 ? nullptr : data_; }

 private:
  friend class ByteQueue;
  std::byte* data_;
  std::uint64_t block_;  // shm::BlockRef, packed
  std::uint8_t entry_;
};

/// An item that was taken and is read where it lies.
class MULTIPROCESSING_API QueueView {
 public:
  QueueView() noexcept = default;
  QueueView(QueueView&& other) noexcept { swap(other); }
  QueueView& operator=(QueueView other) noexcept {
    swap(other);
    return *this;
  }
  ~QueueView();

  /// 64-byte aligned.
  [[nodiscard]] const std::byte* data() const noexcept { return data_; }
  /// \throws ValueError if the item has other than `size` bytes
  [[nodiscard]] const std::byte* data_of(std::size_t size) const {
    if (size_ != size) throw_wrong_size();
    return data_;
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  friend class ByteQueue;
  void swap(QueueView& other) noexcept;
  void take(lanes::LocalQueue& queue, const lanes::Taken& taken);

  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::uint64_t block_ = 0;  // shm::BlockRef, packed; 0: the bytes are ours, or the ticket's
  std::uint8_t entry_ = 0;
  std::byte* own_ = nullptr;  // a small item that was not loaned
  lanes::LocalQueue* queue_ = nullptr;
  void* ticket_ = nullptr;
  std::uint32_t sequence_ = 0;
};

/// The values are those of QueueState::mode.
enum class QueueMode : std::uint8_t { plain = 0, count_done = 1, requeue = 3 };

class MULTIPROCESSING_API ByteQueue {
 public:
  /// \throws ArenaExhausted
  static ByteQueue make(std::size_t maxsize, QueueMode mode = QueueMode::plain);
  /// \throws ValueError if the queue is gone.
  static ByteQueue from_id(HandleId id);

  ByteQueue(const ByteQueue&) noexcept = default;
  ByteQueue(ByteQueue&& other) noexcept
      : handle_(std::move(other.handle_)), local_(std::exchange(other.local_, nullptr)) {}
  ByteQueue& operator=(ByteQueue other) noexcept {
    std::swap(handle_, other.handle_);
    std::swap(local_, other.local_);
    return *this;
  }
  ~ByteQueue() = default;

  /// All of these: \throws ValueError if closed in this process, ArenaExhausted, KeyboardInterrupt.
  QueueOutcome put(const void* item, std::size_t size, Timeout timeout) const;
  QueueOutcome put(OutgoingMessage& item, Timeout timeout) const;
  /// Items side by side; waits for room as long as it takes. `done`: how many were put.
  QueueOutcome put_run(const void* items, std::size_t size, std::size_t count,
                       std::size_t& done) const;
  /// After a put: the queue was abandoned before or meanwhile, and nobody has received what this
  /// process put last.
  [[nodiscard]] bool was_dropped() const;

  /// Room for an item of `size` bytes.
  [[nodiscard]] QueueLoan loan(std::size_t size) const;
  QueueOutcome put(QueueLoan& loan, Timeout timeout) const;

  /// An item of exactly `size` bytes.
  QueueOutcome get(void* item, std::size_t size, Timeout timeout) const;
  QueueOutcome get(IncomingItem& item, Timeout timeout) const;
  QueueOutcome get(QueueView& view, Timeout timeout) const;
  /// The next get of this process throws it: it stands behind items that were taken.
  void throw_next_time(std::exception_ptr error) const noexcept;
  /// Up to `count` items of `size` bytes each, side by side; `count`: how many.
  QueueOutcome get_run(void* items, std::size_t size, std::size_t& count, Timeout timeout) const;

  /// Waits until an item is there or the queue is shut down, and takes none. False: timed out.
  [[nodiscard]] bool poll(Timeout timeout) const;

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] bool empty() const;
  [[nodiscard]] bool full() const;
  void close() const;
  /// Of a JoinableQueue. \throws ValueError if no item that was got is left to be done
  void task_done() const;
  [[nodiscard]] bool join(Timeout timeout) const;
  void join_thread() const;
  void shutdown(bool immediate) const;
  /// Readable while an item is there or the queue is shut down; see Queue::fileno().
  /// \throws std::system_error, ArenaExhausted
  [[nodiscard]] int fileno() const;

  /// Where this process keeps it, for lib/. \throws ValueError if closed in this process
  [[nodiscard]] lanes::LocalQueue& open() const;
  [[nodiscard]] HandleId id() const noexcept { return {handle_.id()}; }
  friend bool operator==(const ByteQueue& a, const ByteQueue& b) noexcept {
    return a.handle_ == b.handle_;
  }

 private:
  explicit ByteQueue(Handle handle);
  [[nodiscard]] lanes::LocalQueue& local() const;

  Handle handle_;
  lanes::LocalQueue* local_ = nullptr;
};

// For whoever acts for the last one at an end. The queue is held meanwhile, or is gone for good;
// each may be done again.

/// Nobody will put any more: puts are refused, gets when it is empty.
MULTIPROCESSING_API void shut_down_queue(HandleId id) noexcept;
/// Nobody will get any more: puts are refused, and what is there is dropped.
MULTIPROCESSING_API void abandon_queue(HandleId id) noexcept;
/// Drops what somebody put into an abandoned queue and died.
MULTIPROCESSING_API void drop_rest_of_queue(HandleId id) noexcept;

/// Makes the descriptors readable of all who wait for the queue by one; they look and find what
/// they find.
MULTIPROCESSING_API void ring_queue(HandleId id) noexcept;

[[noreturn]] MULTIPROCESSING_API void throw_not_put(QueueOutcome outcome);
[[noreturn]] MULTIPROCESSING_API void throw_not_got(QueueOutcome outcome);

}  // namespace multiprocessing::detail
