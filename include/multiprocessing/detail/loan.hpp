#pragma once

/// \file multiprocessing/detail/loan.hpp
/// Items that are written and read in shared memory itself: Loan and View.
///
///   sharing   a Loan or View is one process's; a forked child's copy of it does nothing
///   threads   like a unique_ptr: one thread at a time
///   ordering  what was written into a loan is seen in the view that it becomes
///   death     a dead process's loans and views are freed; they were never put, or are lost with it

#include <cstddef>
#include <span>
#include <utility>

#include <multiprocessing/detail/queue_bytes.hpp>
#include <multiprocessing/errors.hpp>

namespace multiprocessing {

/// Room for one item of some elements, from `Queue::loan`; `put` it, or it was never there. Its
/// contents are unspecified at first.
template <class T>
class Loan {
 public:
  Loan(const detail::ByteQueue& queue, std::size_t n) : bytes_(queue.loan(bytes_of(n))), size_(n) {}

  [[nodiscard]] std::span<T> span() const noexcept { return {begin(), size()}; }
  /// None once it was put.
  [[nodiscard]] std::size_t size() const noexcept { return begin() == nullptr ? 0 : size_; }
  [[nodiscard]] T* data() const noexcept { return begin(); }
  [[nodiscard]] T* begin() const noexcept { return reinterpret_cast<T*>(bytes_.data()); }
  [[nodiscard]] T* end() const noexcept { return begin() + size(); }
  T& operator[](std::size_t i) const noexcept { return begin()[i]; }
  T& operator*() const noexcept { return *begin(); }
  T* operator->() const noexcept { return begin(); }

  [[nodiscard]] detail::QueueLoan& bytes() noexcept { return bytes_; }

 private:
  static std::size_t bytes_of(std::size_t n) {
    if (n > std::size_t(-1) / 2 / sizeof(T)) throw ArenaExhausted("a loan beyond all memory");
    return n * sizeof(T);
  }

  detail::QueueLoan bytes_;
  std::size_t size_;
};

/// An item from `Queue::get_view`, read where it lies; its memory is given back at the end. One of
/// a JoinableQueue ends before `task_done` is called for it.
template <class T>
class View {
 public:
  explicit View(detail::QueueView bytes) noexcept : bytes_(std::move(bytes)) {}

  [[nodiscard]] std::span<const T> span() const noexcept { return {begin(), size()}; }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size() / sizeof(T); }
  [[nodiscard]] const T* data() const noexcept { return begin(); }
  [[nodiscard]] const T* begin() const noexcept {
    return reinterpret_cast<const T*>(bytes_.data());
  }
  [[nodiscard]] const T* end() const noexcept { return begin() + size(); }
  const T& operator[](std::size_t i) const noexcept { return begin()[i]; }
  const T& operator*() const noexcept { return *begin(); }
  const T* operator->() const noexcept { return begin(); }

 private:
  detail::QueueView bytes_;
};

}  // namespace multiprocessing
