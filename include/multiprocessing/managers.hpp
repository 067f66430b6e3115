#pragma once

/// \file multiprocessing/managers.hpp
/// Dictionaries, lists, sets and namespaces that all processes of a family share, and a Manager
/// that makes these and other shared objects.
///
/// Mirrors `multiprocessing.Manager` and its proxies. No server process sits behind them: the
/// objects live in shared memory, and every operation is a few memory accesses.
///
///   sharing   copies refer to the same object; it goes when the last handle in the last living
///             process goes. Any of them may be stored in another Dict
///   threads   every member may be called concurrently from any thread
///   ordering  what was written before a key was set is visible after a get that returned its value
///   death     a process killed in any member leaves each key with its old or its new value, and
///             blocks nobody
///
/// \code
///   multiprocessing::Manager manager;
///   auto ages = manager.dict<std::string, int>();
///   ages["hermione"] = 16;
///   multiprocessing::Process child([ages] { ages["hermione"] += 1; });
///   child.start();
///   child.join();
///   std::cout << ages;  // {'hermione': 17}
/// \endcode

#include <multiprocessing/detail/transferable.hpp>  // first: fewer lines in the compiler's messages

#include <atomic>
#include <initializer_list>
#include <memory>
#include <utility>

#include <multiprocessing/detail/base_manager.hpp>
#include <multiprocessing/detail/dict.hpp>
#include <multiprocessing/detail/list.hpp>
#include <multiprocessing/detail/namespace.hpp>
#include <multiprocessing/detail/set.hpp>
#include <multiprocessing/detail/shared_memory_manager.hpp>
#include <multiprocessing/detail/vocabulary.hpp>
#include <multiprocessing/pool.hpp>
#include <multiprocessing/queues.hpp>
#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/synchronize.hpp>

namespace multiprocessing {

/// Makes shared objects, as Python's Manager() does. A copy is the same manager.
///
/// The objects do not need it: they live as long as their handles, also after `shutdown()`.
class Manager {
 public:
  /// What was given: nothing, pairs in braces, or a range of pairs. \throws ValueError after
  /// shutdown
  template <class K, class V, class... Args>
  [[nodiscard]] multiprocessing::Dict<K, V> dict(Args&&... args) const {
    multiprocessing::detail::require_transferable<K>();
    multiprocessing::detail::require_transferable<V>();
    return make<multiprocessing::Dict<K, V>>(std::forward<Args>(args)...);
  }
  template <class K, class V>
  [[nodiscard]] multiprocessing::Dict<K, V> dict(
      std::initializer_list<std::pair<K, V>> items) const {
    multiprocessing::detail::require_transferable<K>();
    multiprocessing::detail::require_transferable<V>();
    return make<multiprocessing::Dict<K, V>>(items);
  }
  /// What was given: nothing, elements in braces, or a range of them.
  template <class T, class... Args>
  [[nodiscard]] multiprocessing::List<T> list(Args&&... args) const {
    multiprocessing::detail::require_transferable<T>();
    return make<multiprocessing::List<T>>(std::forward<Args>(args)...);
  }
  template <class T>
  [[nodiscard]] multiprocessing::List<T> list(std::initializer_list<T> items) const {
    multiprocessing::detail::require_transferable<T>();
    return make<multiprocessing::List<T>>(items);
  }
  template <class T, class... Args>
  [[nodiscard]] multiprocessing::Set<T> set(Args&&... args) const {
    multiprocessing::detail::require_transferable<T>();
    return make<multiprocessing::Set<T>>(std::forward<Args>(args)...);
  }
  template <class T>
  [[nodiscard]] multiprocessing::Set<T> set(std::initializer_list<T> items) const {
    multiprocessing::detail::require_transferable<T>();
    return make<multiprocessing::Set<T>>(items);
  }
  [[nodiscard]] multiprocessing::Namespace Namespace() const {
    return make<multiprocessing::Namespace>();
  }
  template <class T, class... Args>
  [[nodiscard]] multiprocessing::Queue<T> Queue(Args&&... args) const {
    multiprocessing::detail::require_transferable<T>();
    return make<multiprocessing::Queue<T>>(std::forward<Args>(args)...);
  }
  template <class... Args>
  [[nodiscard]] multiprocessing::Lock Lock(Args&&... args) const {
    return make<multiprocessing::Lock>(std::forward<Args>(args)...);
  }
  template <class... Args>
  [[nodiscard]] multiprocessing::RLock RLock(Args&&... args) const {
    return make<multiprocessing::RLock>(std::forward<Args>(args)...);
  }
  template <class... Args>
  [[nodiscard]] multiprocessing::Semaphore Semaphore(Args&&... args) const {
    return make<multiprocessing::Semaphore>(std::forward<Args>(args)...);
  }
  template <class... Args>
  [[nodiscard]] multiprocessing::BoundedSemaphore BoundedSemaphore(Args&&... args) const {
    return make<multiprocessing::BoundedSemaphore>(std::forward<Args>(args)...);
  }
  template <class... Args>
  [[nodiscard]] multiprocessing::Condition Condition(Args&&... args) const {
    return make<multiprocessing::Condition>(std::forward<Args>(args)...);
  }
  template <class... Args>
  [[nodiscard]] multiprocessing::Barrier Barrier(Args&&... args) const {
    return make<multiprocessing::Barrier>(std::forward<Args>(args)...);
  }
  [[nodiscard]] multiprocessing::Event Event() const { return make<multiprocessing::Event>(); }
  [[nodiscard]] multiprocessing::Pool Pool(int processes = multiprocessing::cpu_count()) const {
    return make<multiprocessing::Pool>(processes);
  }
  [[nodiscard]] multiprocessing::Pool Pool(PoolOptions options) const {
    return make<multiprocessing::Pool>(std::move(options));
  }
  template <class T, class... Args>
  [[nodiscard]] multiprocessing::JoinableQueue<T> JoinableQueue(Args&&... args) const {
    multiprocessing::detail::require_transferable<T>();
    return make<multiprocessing::JoinableQueue<T>>(std::forward<Args>(args)...);
  }
  template <class T, class... Args>
  [[nodiscard]] multiprocessing::Value<T> Value(Args&&... args) const {
    return make<multiprocessing::Value<T>>(std::forward<Args>(args)...);
  }
  template <class T, class... Args>
  [[nodiscard]] multiprocessing::Array<T> Array(Args&&... args) const {
    return make<multiprocessing::Array<T>>(std::forward<Args>(args)...);
  }
  template <class T>
  [[nodiscard]] multiprocessing::Array<T> Array(std::initializer_list<T> elements) const {
    return make<multiprocessing::Array<T>>(elements);
  }

  /// Makes nothing any more, in this process. What was made stays usable (Python's does not).
  void shutdown() const noexcept { closed_->store(true, std::memory_order_relaxed); }

 private:
  template <class T, class... Args>
  T make(Args&&... args) const {
    // relaxed: a flag that guards nothing
    if (closed_->load(std::memory_order_relaxed)) {
      throw ValueError("this Manager has been shut down: make another one");
    }
    return T(std::forward<Args>(args)...);
  }

  std::shared_ptr<std::atomic<bool>> closed_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace multiprocessing
