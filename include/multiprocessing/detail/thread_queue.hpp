#pragma once

/// \file multiprocessing/detail/thread_queue.hpp
/// What the queues between the threads of one process have in common.
///
///   sharing   copies refer to the same queue of this process; a forked child has a copy, with what
///             is in it, for which nobody waits
///   threads   every member may be called concurrently from any thread
///   ordering  what was written before a put is seen after the get that brings the item
///   death     a thread ends only after it has left

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/detail/timeout.hpp>
#include <multiprocessing/errors.hpp>

namespace multiprocessing::threads {

struct LocalQueue;  // lib/threading/local_queue.hpp

/// An item's place: it is made and destroyed outside the queue's lock.
struct QueueNode {
  QueueNode* next = nullptr;
};

enum class QueueOrder : std::uint8_t { fifo, lifo, priority };
enum class QueueResult : std::uint8_t { done, not_in_time, shut_down };

/// The queue without its items' type. Nodes in it belong to it.
class MULTIPROCESSING_API NodeQueue {
 public:
  using Before = std::function<bool(const QueueNode&, const QueueNode&)>;
  using Destroy = void (*)(QueueNode*) noexcept;

  NodeQueue(QueueOrder order, std::size_t maxsize, Destroy destroy, Before before = {});

  /// What `before` throws leaves the queue as it was.
  QueueResult put(QueueNode& node, Timeout timeout) const;
  /// The node is the caller's.
  QueueResult get(QueueNode*& node, Timeout timeout) const;

  void task_done() const;
  bool join(Timeout timeout) const;
  void shutdown(bool immediate) const;
  [[nodiscard]] bool is_shutdown() const;
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] bool full() const;
  [[nodiscard]] std::size_t unfinished() const;
  [[nodiscard]] std::size_t maxsize() const;
  void set_maxsize(std::size_t maxsize) const;

  friend bool operator==(const NodeQueue&, const NodeQueue&) noexcept = default;
  [[nodiscard]] std::size_t hash() const noexcept { return std::hash<const void*>{}(queue_.get()); }

 private:
  std::shared_ptr<LocalQueue> queue_;
};

/// put and get of a queue of T.
template <class T>
class TypedQueue {
 public:
  using value_type = T;

  /// Adds an item; waits for a place in a bounded queue. If it throws, the item is as it was.
  /// \throws Full if `timeout` passes first, ShutDown after `shutdown`
  void put(const T& item, Timeout timeout = {}) const { put(T(item), timeout); }
  void put(T&& item, Timeout timeout = {}) const {
    if (!add(std::move(item), timeout)) throw Full();
  }
  template <std::same_as<bool> B>
  void put(const T& item, B block, Timeout timeout = {}) const {
    put(T(item), block ? timeout : Timeout::zero());
  }
  template <std::same_as<bool> B>
  void put(T&& item, B block, Timeout timeout = {}) const {
    put(std::move(item), block ? timeout : Timeout::zero());
  }
  void put_nowait(const T& item) const { put(T(item), Timeout::zero()); }
  void put_nowait(T&& item) const { put(std::move(item), Timeout::zero()); }

  /// As `put`, but false instead of Full.
  bool try_put(const T& item, Timeout timeout = Timeout::zero()) const {
    return add(T(item), timeout);
  }
  bool try_put(T&& item, Timeout timeout = Timeout::zero()) const {
    return add(std::move(item), timeout);
  }

  /// Takes the next item; waits for one.
  /// \throws Empty if `timeout` passes first, ShutDown after `shutdown` once the queue is empty
  T get(Timeout timeout = {}) const {
    const std::unique_ptr<Node> node = take(timeout);
    if (!node) throw Empty();
    return std::move(node->item);
  }
  template <std::same_as<bool> B>
  T get(B block, Timeout timeout = {}) const {
    return get(block ? timeout : Timeout::zero());
  }
  T get_nowait() const { return get(Timeout::zero()); }

  /// As `get`, but nullopt instead of Empty.
  std::optional<T> try_get(Timeout timeout = Timeout::zero()) const {
    const std::unique_ptr<Node> node = take(timeout);
    if (!node) return std::nullopt;
    return std::optional<T>(std::move(node->item));
  }

  /// How many items are in the queue; as the next, stale as soon as it is known.
  [[nodiscard]] std::size_t qsize() const { return nodes_.size(); }
  [[nodiscard]] bool empty() const { return nodes_.size() == 0; }

  friend bool operator==(const TypedQueue&, const TypedQueue&) noexcept = default;
  [[nodiscard]] std::size_t hash() const noexcept { return nodes_.hash(); }

 protected:
  struct Node : QueueNode {
    explicit Node(T&& moved) : item(std::move(moved)) {}
    T item;
  };

  TypedQueue(QueueOrder order, std::size_t maxsize, NodeQueue::Before before = {})
      : nodes_(
            order, maxsize, [](QueueNode* node) noexcept { delete static_cast<Node*>(node); },
            std::move(before)) {}

  [[nodiscard]] const NodeQueue& nodes() const noexcept { return nodes_; }

  /// Null: not in time, or (if `ended`) shut down.
  std::unique_ptr<Node> take(Timeout timeout, bool* ended = nullptr) const {
    QueueNode* node = nullptr;
    const QueueResult result = nodes_.get(node, timeout);
    if (result == QueueResult::shut_down && ended == nullptr) throw ShutDown();
    if (ended != nullptr) *ended = result == QueueResult::shut_down;
    return std::unique_ptr<Node>(static_cast<Node*>(node));
  }

 private:
  bool add(T&& item, Timeout timeout) const {
    auto node = std::make_unique<Node>(std::move(item));
    QueueResult result = QueueResult::shut_down;
    try {
      result = nodes_.put(*node, timeout);
    } catch (...) {
      give_back(item, *node);
      throw;
    }
    if (result == QueueResult::done) {
      (void)node.release();  // the queue's now
      return true;
    }
    give_back(item, *node);
    if (result == QueueResult::shut_down) throw ShutDown();
    return false;
  }

  static void give_back(T& item, Node& node) {
    if constexpr (std::is_move_assignable_v<T>) item = std::move(node.item);
  }

  NodeQueue nodes_;
};

/// What the queues have that keep account of their tasks.
template <class T>
class TaskQueue : public TypedQueue<T> {
 public:
  /// Says that the work on an item that was got is done. \throws ValueError if called too often
  void task_done() const { this->nodes().task_done(); }
  /// Waits until every item that was put is done; false if not in time.
  bool join(Timeout timeout = {}) const {  // NOLINT(modernize-use-nodiscard)
    return this->nodes().join(timeout);
  }
  [[nodiscard]] std::size_t unfinished_tasks() const { return this->nodes().unfinished(); }

  /// No more items: who puts gets ShutDown at once, who gets, when the queue is empty. `immediate`
  /// drops what is in it, and counts it as done. May be repeated, in either form.
  void shutdown(bool immediate = false) const { this->nodes().shutdown(immediate); }
  [[nodiscard]] bool is_shutdown() const { return this->nodes().is_shutdown(); }

  [[nodiscard]] bool full() const { return this->nodes().full(); }
  /// 0: unbounded. A smaller one takes nothing out.
  [[nodiscard]] std::size_t maxsize() const { return this->nodes().maxsize(); }
  void set_maxsize(std::size_t maxsize) const { this->nodes().set_maxsize(maxsize); }

  /// Gets an item at each step; ends at shutdown.
  class Iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;

    explicit Iterator(const TaskQueue& queue) : queue_(&queue) { ++*this; }
    T& operator*() const noexcept { return node_->item; }
    Iterator& operator++() {
      bool ended = false;
      node_ = queue_->take({}, &ended);
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& it, std::default_sentinel_t) noexcept {
      return it.node_ == nullptr;
    }

   private:
    const TaskQueue* queue_;
    std::unique_ptr<typename TypedQueue<T>::Node> node_;
  };
  Iterator begin() const { return Iterator(*this); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

 protected:
  using TypedQueue<T>::TypedQueue;
};

/// Python's maxsize: 0 or less is unbounded.
template <std::integral N>
constexpr std::size_t places(N maxsize) noexcept {
  return maxsize > 0 ? static_cast<std::size_t>(maxsize) : 0;
}

template <class N>
concept QueueSize = std::integral<N> && !std::same_as<N, bool>;

}  // namespace multiprocessing::threads
