#pragma once

/// \file multiprocessing/detail/barrier.hpp
/// A place where threads of all processes of a family wait for each other.
///
/// Mirrors `multiprocessing.Barrier`.
///
///   sharing   copies refer to the same barrier; capture it, pass it, or send it anywhere
///   threads   every member may be called concurrently from any thread
///   ordering  writes before any party's `wait()` are visible to the action, and the action's
///   writes
///             after every party's
///   death     a process killed in `wait` breaks the barrier for the others, within 1 s
///
/// \code
///   const multiprocessing::Barrier start(2, {}, 5s);
///   multiprocessing::Process child([start] { start.wait(); });
///   child.start();
///   start.wait();
/// \endcode

#include <cstddef>
#include <functional>

#include <multiprocessing/detail/codec_stream.hpp>
#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/detail/function.hpp>
#include <multiprocessing/detail/handle.hpp>
#include <multiprocessing/detail/timeout.hpp>

namespace multiprocessing::sync {
struct BarrierState;  // lib/sync/barrier_state.hpp
}  // namespace multiprocessing::sync

namespace multiprocessing {

/// Lets its parties go on when all of them have arrived, again and again.
class MULTIPROCESSING_API Barrier {
 public:
  using multiprocessing_handle = void;

  /// `action` runs in the last party that arrives, before the others go on. `timeout` is that of
  /// each `wait` that is given none.
  /// \throws ValueError unless there are 1 to 32767 parties; ArenaExhausted
  explicit Barrier(int parties, const Function<void()>& action = {}, Timeout timeout = {});

  /// Arrives, and waits until all have; how many had arrived before.
  /// \throws BrokenBarrierError if the barrier is broken, or is while it waits: by `abort` or
  /// `reset`, by a time-out (its own, too), a KeyboardInterrupt, an action that throws, or the
  /// death of a process that waits. The action's own exception in the party that ran it.
  int wait(Timeout timeout = {}) const;  // NOLINT(modernize-use-nodiscard): most do not ask

  /// Makes the barrier empty and whole. Whoever waits gets BrokenBarrierError.
  void reset() const;

  /// Breaks the barrier until `reset`.
  void abort() const;

  [[nodiscard]] int parties() const;
  /// How many wait now.
  [[nodiscard]] int n_waiting() const;
  [[nodiscard]] bool broken() const;

  [[nodiscard]] detail::HandleId handle_id() const noexcept { return {handle_.id()}; }
  /// \throws ValueError if the barrier is gone.
  static Barrier from_handle_id(detail::HandleId id);
  friend bool operator==(const Barrier&, const Barrier&) noexcept = default;

 private:
  friend struct std::hash<Barrier>;
  explicit Barrier(detail::Handle handle) noexcept;
  [[nodiscard]] sync::BarrierState& state() const;

  detail::Handle handle_;
};

}  // namespace multiprocessing

template <>
struct std::hash<multiprocessing::Barrier> {
  std::size_t operator()(const multiprocessing::Barrier& barrier) const noexcept {
    return std::hash<multiprocessing::detail::Handle>{}(barrier.handle_);
  }
};
