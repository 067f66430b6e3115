#pragma once

/// \file multiprocessing/detail/shared_future.hpp
/// A future in shared memory, in bytes: what a Future or AsyncResult that travels is made of.
///
///   sharing   a handle; copies are one future. Made when a future is sent for the first time
///   threads   every function may be called concurrently
///   ordering  [S] complete: release -> status, wait: acquire   (lib/executor/shared_future.hpp)
///   death     of the process that is to complete it: it counts as finished, with BrokenExecutor

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string>

#include <multiprocessing/detail/codec_stream.hpp>
#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/detail/handle.hpp>
#include <multiprocessing/detail/token.hpp>

namespace multiprocessing::executor {
struct FutureState;  // lib/executor/shared_future.hpp
}  // namespace multiprocessing::executor

namespace multiprocessing::detail {

class FutureBase;
class OutgoingMessage;

enum class FutureStatus : std::uint8_t { pending, running, cancelled, finished };

/// A pool's task or job as somebody finds it who has not submitted it. Its result stays in the
/// pool's memory, where every process of the family can read it.
struct SharedTask {
  HandleId pool;
  std::uint64_t owner = 0;  // packed name of the process that made the pool
  std::int32_t owner_pid = 0;
  std::uint32_t cell = 0;
  std::uint32_t sequence = 0;
  bool job = false;
  std::uint64_t items = 0;
  CodeToken load{};  // what makes the result of what lies there
  std::string name{};
};

class MULTIPROCESSING_API SharedFuture {
 public:
  SharedFuture() noexcept = default;  // none
  /// `type`: of the result. \throws ArenaExhausted
  static SharedFuture of_task(const SharedTask& task, std::uint64_t type);
  /// One that this process will complete. \throws ArenaExhausted
  static SharedFuture of_this_process(std::uint64_t type);
  /// \throws ValueError if it is gone, TransferError if it is one of another type
  static SharedFuture from_id(HandleId id, std::uint64_t type);

  explicit operator bool() const noexcept { return static_cast<bool>(handle_); }
  [[nodiscard]] HandleId id() const noexcept { return {handle_.id()}; }

  /// True of one that workers of a pool compute: all that follows it tells `task`.
  [[nodiscard]] bool is_task() const noexcept;
  [[nodiscard]] SharedTask task() const;

  [[nodiscard]] FutureStatus status() const noexcept;
  /// pending -> running. False: it is cancelled.
  [[nodiscard]] bool start() const noexcept;
  /// pending -> cancelled; with `running` a running one is asked to stop. True: it is cancelled.
  [[nodiscard]] bool cancel(bool running) const noexcept;
  [[nodiscard]] bool asked_to_stop() const noexcept;
  /// False: not in time. \throws KeyboardInterrupt
  [[nodiscard]] bool wait(std::int64_t deadline) const;
  /// -> finished, unless it is done: with the encoded value, or the encoded exception. Without
  /// memory for it others get ArenaExhausted.
  void complete(OutgoingMessage& outcome, bool raised) const noexcept;

  /// Of a finished one: what it has thrown; nullptr: nothing.
  [[nodiscard]] std::exception_ptr error() const;
  /// The encoded value, as long as this handle.
  [[nodiscard]] std::span<const std::byte> value() const noexcept;

 private:
  explicit SharedFuture(Handle handle) noexcept : handle_(std::move(handle)) {}
  [[nodiscard]] executor::FutureState& state() const noexcept;

  Handle handle_;
};

/// This process's future of that name, so that there is one however often it comes; nullptr: none.
[[nodiscard]] MULTIPROCESSING_API std::shared_ptr<FutureBase> known_future(HandleId id);
/// From now on `future` is that one, unless there is one already. Returns the one there is.
MULTIPROCESSING_API std::shared_ptr<FutureBase> know_future(HandleId id,
                                                            std::shared_ptr<FutureBase> future);

[[noreturn]] MULTIPROCESSING_API void throw_unsendable_future();
[[noreturn]] MULTIPROCESSING_API void throw_taken();

/// What a future that a forked child has from its parent comes to if nobody can complete it there.
MULTIPROCESSING_API std::exception_ptr left_behind();

/// How often this process and those it was forked from have been forked: a future made at another
/// count is completed elsewhere.
MULTIPROCESSING_API std::uint32_t fork_count() noexcept;

}  // namespace multiprocessing::detail
