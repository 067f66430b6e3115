#pragma once

// What the queue is measured against, in the same run: a ring that only spins, and Boost's queue.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

#include <boost/interprocess/ipc/message_queue.hpp>

namespace peers {

inline void relax() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Whether a side looks at the other's index at each step, or only when it seems to be stuck.
enum class Index { shared, cached };

/// One producer, one consumer, spinning without end: what the hardware gives.
template <class T, Index index = Index::cached>
class BareRing {
 public:
  static constexpr std::uint64_t kSlots =
      sizeof(T) >= 65536 ? (sizeof(T) >= 1 << 20 ? 8 : 64) : 4096;

  void put(const T& item) noexcept {
    const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
    if (index == Index::shared) head_seen_ = head_.load(std::memory_order_acquire);
    while (tail - head_seen_ >= kSlots) {
      head_seen_ = head_.load(std::memory_order_acquire);
      if (tail - head_seen_ >= kSlots) relax();
    }
    std::memcpy(&slots_[tail % kSlots], &item, sizeof(T));
    tail_.store(tail + 1, std::memory_order_release);
  }
  void get(T& item) noexcept {
    const std::uint64_t head = head_.load(std::memory_order_relaxed);
    if (index == Index::shared) tail_seen_ = tail_.load(std::memory_order_acquire);
    while (head == tail_seen_) {
      tail_seen_ = tail_.load(std::memory_order_acquire);
      if (head == tail_seen_) relax();
    }
    std::memcpy(&item, &slots_[head % kSlots], sizeof(T));
    head_.store(head + 1, std::memory_order_release);
  }

 private:
  alignas(64) std::atomic<std::uint64_t> tail_{0};
  alignas(64) std::uint64_t head_seen_ = 0;
  alignas(64) std::atomic<std::uint64_t> head_{0};
  alignas(64) std::uint64_t tail_seen_ = 0;
  alignas(64) T slots_[kSlots];
};

/// The same ring, whose slots of N bytes are written and read where they lie.
template <std::size_t N>
class SlotRing {
  static constexpr std::size_t kSlots = N >= 65536 ? 16 : 1024;
  using Slot = std::array<std::uint64_t, N / sizeof(std::uint64_t)>;

 public:
  template <class F>
  void put(F fill) noexcept {
    const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
    while (tail - head_.load(std::memory_order_acquire) >= kSlots) relax();
    fill(slots_[tail % kSlots]);
    tail_.store(tail + 1, std::memory_order_release);
  }
  template <class F>
  void get(F read) noexcept {
    const std::uint64_t head = head_.load(std::memory_order_relaxed);
    while (head == tail_.load(std::memory_order_acquire)) relax();
    read(slots_[head % kSlots]);
    head_.store(head + 1, std::memory_order_release);
  }

 private:
  alignas(64) std::atomic<std::uint64_t> tail_{0};
  alignas(64) std::atomic<std::uint64_t> head_{0};
  alignas(64) Slot slots_[kSlots];
};

/// boost::interprocess::message_queue under a name of its own.
template <class T>
class BoostQueue {
 public:
  explicit BoostQueue(const char* name) : name_(name) {
    boost::interprocess::message_queue::remove(name);
    queue_.emplace(boost::interprocess::create_only, name, sizeof(T) >= 65536 ? 16 : 1000,
                   sizeof(T));
  }
  ~BoostQueue() { boost::interprocess::message_queue::remove(name_); }
  void put(const T& item) { queue_->send(&item, sizeof(T), 0); }
  void get(T& item) {
    boost::interprocess::message_queue::size_type size = 0;
    unsigned priority = 0;
    queue_->receive(&item, sizeof(T), size, priority);
  }

 private:
  const char* name_;
  std::optional<boost::interprocess::message_queue> queue_;
};

}  // namespace peers
