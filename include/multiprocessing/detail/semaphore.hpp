#pragma once

/// \file multiprocessing/detail/semaphore.hpp
/// Permits to be taken and given back by the threads of all processes of a family.
///
/// Mirrors `multiprocessing.Semaphore` and `BoundedSemaphore`.
///
///   sharing   copies refer to the same semaphore; capture it, pass it, or send it anywhere
///   threads   every member may be called concurrently from any thread
///   ordering  writes before a `release()` are visible after the `acquire()` that it made possible
///   death     a process killed inside any member blocks nobody; the permits that it had taken stay
///             taken, as in Python
///
/// \code
///   const multiprocessing::BoundedSemaphore connections(4);
///   std::lock_guard one_of_four(connections);
/// \endcode

#include <cstddef>
#include <functional>

#include <multiprocessing/detail/codec_stream.hpp>
#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/detail/handle.hpp>
#include <multiprocessing/detail/lockable.hpp>
#include <multiprocessing/detail/timeout.hpp>

namespace multiprocessing::sync {
struct SemaphoreState;  // lib/sync/semaphore_state.hpp
}  // namespace multiprocessing::sync

namespace multiprocessing {

/// A count of permits. Whoever takes one need not be who gives it back.
class MULTIPROCESSING_API Semaphore : public detail::Lockable<Semaphore> {
 public:
  using multiprocessing_handle = void;

  /// Makes `value` permits.
  /// \throws ValueError if there are fewer than 0 or more than 2^31 - 1; ArenaExhausted
  explicit Semaphore(int value = 1);

  /// Waits until there is a permit and takes it; false if `timeout` passes first.
  bool acquire(Timeout timeout = {}) const;
  using Lockable::acquire;  // (bool block, Timeout)

  /// Gives a permit. \throws ValueError if there are as many as there may be.
  void release() const;

  /// Permits that could be taken now.
  [[nodiscard]] int get_value() const;
  /// True if there is none.
  [[nodiscard]] bool locked() const { return get_value() == 0; }

  /// As `release`, but without effect where that throws.
  void unlock() const noexcept;

  [[nodiscard]] detail::HandleId handle_id() const noexcept { return {handle_.id()}; }
  /// \throws ValueError if the semaphore is gone.
  static Semaphore from_handle_id(detail::HandleId id);
  friend bool operator==(const Semaphore&, const Semaphore&) noexcept = default;

 protected:
  explicit Semaphore(detail::Handle handle) noexcept;
  static detail::Handle make(int value, int limit);
  [[nodiscard]] sync::SemaphoreState& state() const;

 private:
  friend struct std::hash<Semaphore>;

  detail::Handle handle_;
};

/// A Semaphore of which never more permits can be taken at a time than it was made with.
class MULTIPROCESSING_API BoundedSemaphore : public Semaphore {
 public:
  /// As Semaphore. `release` throws ValueError when all permits are there.
  explicit BoundedSemaphore(int value = 1);

  /// \throws ValueError if the semaphore is gone.
  static BoundedSemaphore from_handle_id(detail::HandleId id);

 private:
  explicit BoundedSemaphore(detail::Handle handle) noexcept;
};

}  // namespace multiprocessing

template <>
struct std::hash<multiprocessing::Semaphore> {
  std::size_t operator()(const multiprocessing::Semaphore& semaphore) const noexcept {
    return std::hash<multiprocessing::detail::Handle>{}(semaphore.handle_);
  }
};

template <>
struct std::hash<multiprocessing::BoundedSemaphore> : std::hash<multiprocessing::Semaphore> {};
