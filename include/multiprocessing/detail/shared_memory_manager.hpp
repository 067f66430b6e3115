#pragma once

/// \file multiprocessing/detail/shared_memory_manager.hpp
/// Makes named shared memory and removes all of it at its end.
///
/// Mirrors `multiprocessing.managers.SharedMemoryManager`, without a server process.
///
///   sharing   copies are one manager, also in other processes. Only the process that started it
///             shuts it down
///   threads   every member may be called concurrently from any thread
///   ordering  none
///   death     what it has made goes with the family (`shared_memory.hpp`)
///
/// \code
///   multiprocessing::SharedMemoryManager manager;
///   manager.start();
///   multiprocessing::SharedMemory memory = manager.SharedMemory(100);
///   multiprocessing::ShareableList list = manager.ShareableList({1, 2, 3});
/// \endcode

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <span>
#include <utility>

#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/detail/shareable_list.hpp>
#include <multiprocessing/detail/shared_memory_handle.hpp>

namespace multiprocessing {

namespace detail {

class MemoryKeeper;  // lib/manager/shared_memory_manager.cpp

}  // namespace detail

class MULTIPROCESSING_API SharedMemoryManager {
 public:
  SharedMemoryManager();

  /// From now on it can be used, by this process and the children that it will have.
  /// \throws ValueError if it has been started
  void start() const;
  /// Removes what was made by it, in whatever process; in the process that started it, else there
  /// is no effect. Done by the last copy there, too. What is mapped stays usable.
  void shutdown() const noexcept;

  /// A new segment. \throws ValueError before `start()` and after `shutdown()`; as SharedMemory
  [[nodiscard]] multiprocessing::SharedMemory SharedMemory(std::size_t size) const;
  /// A new list, of what ShareableList can be made of. \throws the same
  template <class... Args>
  [[nodiscard]] multiprocessing::ShareableList ShareableList(Args&&... sequence) const {
    return keep(make<multiprocessing::ShareableList>(std::forward<Args>(sequence)...));
  }
  [[nodiscard]] multiprocessing::ShareableList ShareableList(
      std::initializer_list<ShareableItem> sequence) const {
    return keep(make<multiprocessing::ShareableList>(sequence));
  }

 private:
  template <class T, class... Args>
  T make(Args&&... args) const {
    require_started();
    return T(std::forward<Args>(args)...);
  }
  void require_started() const;
  [[nodiscard]] multiprocessing::ShareableList keep(multiprocessing::ShareableList list) const;

  std::shared_ptr<detail::MemoryKeeper> keeper_;
};

}  // namespace multiprocessing
