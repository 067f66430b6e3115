#pragma once

/// \file multiprocessing/detail/thread_local.hpp
/// A value of which each thread has its own. Mirrors `threading.local`.
///
///   sharing   a `local` is an object of this process, not to be copied; the thread that forks
///   keeps
///             its value in the child
///   threads   each thread sees its own value and nobody else's
///   ordering  none is needed
///   death     a thread's value goes with the thread, all values go with the object
///
/// \code
///   mp::threading::local<Connection> connection([] { return connect(); });
///   connection->send(1);
/// \endcode

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

#include <multiprocessing/detail/export.hpp>

namespace multiprocessing::threads {
class LocalValues;  // lib/threading/local_values.hpp

/// The values of one `local`, told apart by thread.
class MULTIPROCESSING_API LocalTable {
 public:
  LocalTable();
  LocalTable(const LocalTable&) = delete;
  LocalTable& operator=(const LocalTable&) = delete;
  ~LocalTable();

  /// The calling thread's; null before `keep`.
  [[nodiscard]] void* find() const noexcept;
  void* keep(std::shared_ptr<void> value) const;
  void drop() const;

 private:
  std::shared_ptr<LocalValues> values_;
};

}  // namespace multiprocessing::threads

namespace multiprocessing::threading {

template <class T>
class local {
 public:
  /// Each thread's value is T() at first.
  local()
    requires std::default_initializable<T>
      : local([] { return T(); }) {}
  /// Each thread's value is what `make` returns, called in that thread at its first use.
  explicit local(std::function<T()> make) : make_(std::move(make)) {}
  local(const local&) = delete;
  local& operator=(const local&) = delete;
  ~local() = default;

  T& operator*() const { return get(); }
  T* operator->() const { return &get(); }
  /// The calling thread's value. The reference holds until the thread ends or calls `reset`.
  T& get() const {
    if (void* mine = table_.find()) return *static_cast<T*>(mine);
    return *static_cast<T*>(table_.keep(std::shared_ptr<T>(new T(make_()))));
  }
  /// Destroys the calling thread's value; its next use makes a new one.
  void reset() const { table_.drop(); }

 private:
  std::function<T()> make_;
  threads::LocalTable table_;
};

}  // namespace multiprocessing::threading
