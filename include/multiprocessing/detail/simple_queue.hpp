#pragma once

/// \file multiprocessing/detail/simple_queue.hpp
/// The class SimpleQueue; see multiprocessing/queues.hpp for what holds of all queues.

#include <cstdint>
#include <functional>
#include <utility>

#include <multiprocessing/detail/queue.hpp>

namespace multiprocessing {

/// A queue of put, get, empty and close alone: unbounded, without time-outs.
template <class T>
class SimpleQueue {
 public:
  using multiprocessing_handle = void;

  SimpleQueue() { detail::require_transferable<T>(); }
  void put(const T& item) const { queue_.put(item); }
  T get() const { return queue_.get(); }
  [[nodiscard]] bool empty() const { return queue_.empty(); }
  void close() const { queue_.close(); }

  [[nodiscard]] detail::HandleId handle_id() const noexcept { return queue_.handle_id(); }
  static SimpleQueue from_handle_id(detail::HandleId id) {
    return SimpleQueue(Queue<T>::from_handle_id(id));
  }
  friend bool operator==(const SimpleQueue&, const SimpleQueue&) noexcept = default;

 private:
  explicit SimpleQueue(Queue<T> queue) noexcept : queue_(std::move(queue)) {}
  Queue<T> queue_;
};

}  // namespace multiprocessing

template <class T>
struct std::hash<multiprocessing::SimpleQueue<T>> {
  std::size_t operator()(const multiprocessing::SimpleQueue<T>& queue) const noexcept {
    return std::hash<std::uint64_t>{}(queue.handle_id().value);
  }
};
