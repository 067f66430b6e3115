#pragma once

// A named segment as one process has it: mapped, until it is closed.
//
// Making one: the file gets its size and memory while it has no name, is listed, and gets its name
// by one link (segment_list.hpp has the states and the death table). So nobody ever opens a segment
// that is half made, and one that does not fit fails before it has a name.
//
//   threads   `close` may be called while others look at `bytes`, who then have a dangling span

#include <atomic>
#include <cstddef>
#include <functional>
#include <span>
#include <string>

#include <multiprocessing/detail/shared_memory_handle.hpp>

#include "sys/named_memory.hpp"

namespace multiprocessing::detail {

class Segment {
 public:
  using Fill = std::function<void(std::span<std::byte>)>;

  /// `fill` writes to a new one before it has its name.
  explicit Segment(const SharedMemoryOptions& options, const Fill& fill = {});
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;
  ~Segment() { close(); }

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] const sys::FileStatus& file() const noexcept { return file_; }
  /// Empty once it is closed.
  [[nodiscard]] std::span<std::byte> bytes() const noexcept {
    // relaxed: what is in them is ordered by whatever the users share
    std::byte* const base = base_.load(std::memory_order_relaxed);
    return {base, base == nullptr ? 0 : size_};
  }
  void close() noexcept;
  void unlink() const;

 private:
  void create(const SharedMemoryOptions& options, const Fill& fill);
  void open();
  void map(int fd);
  [[nodiscard]] bool publish(const sys::NamelessFile& file, bool tracked) const;

  std::string name_;
  std::size_t size_ = 0;
  sys::FileStatus file_;
  std::atomic<std::byte*> base_{nullptr};
};

}  // namespace multiprocessing::detail

namespace multiprocessing::shared {

/// Removes a segment's name. \throws ValueError for what cannot be one; std::system_error naming
/// shm_unlink; KeyboardInterrupt
void unlink_segment(const std::string& name);

}  // namespace multiprocessing::shared
