#pragma once

/// \file multiprocessing/detail/thread_handle.hpp
/// A thread as others see it: what every Thread is, and what `current_thread()` returns.
///
///   sharing   copies refer to the same thread of this process; a forked child knows only the
///             thread that forked, the others count as ended there
///   threads   every member may be called concurrently
///   ordering  what the thread wrote is visible after a `join()` that returned true
///   death     a thread ends with its process

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/detail/timeout.hpp>

namespace multiprocessing::threads {
struct ThreadState;  // lib/threading/thread_state.hpp
struct ThreadAccess;
}  // namespace multiprocessing::threads

namespace multiprocessing::threading {

/// Refers to a thread, started or not.
class MULTIPROCESSING_API ThreadHandle {
 public:
  /// Blocks until the thread has ended; false if the time-out passed before.
  /// \throws ValueError before `start()`, or in the thread itself
  bool join(Timeout timeout = {}) const;  // NOLINT(modernize-use-nodiscard)

  /// True from `start()` until `run()` has returned.
  [[nodiscard]] bool is_alive() const;

  /// "Thread-1 (work)": need not be unique. The first 15 bytes are what ps -L and a debugger show.
  [[nodiscard]] std::string name() const;
  void set_name(const std::string& name) const;

  /// A number that no other living thread of this process has; nullopt before `start()`.
  [[nodiscard]] std::optional<std::uint64_t> ident() const;
  /// The kernel's number for it; nullopt before `start()`.
  [[nodiscard]] std::optional<pid_t> native_id() const;

  /// The end of the program does not wait for a daemonic thread.
  [[nodiscard]] bool daemon() const;
  /// \throws ValueError after `start()`
  void set_daemon(bool daemon) const;

  friend bool operator==(const ThreadHandle& a, const ThreadHandle& b) noexcept {
    return a.state_ == b.state_;
  }
  [[nodiscard]] std::size_t hash() const noexcept { return std::hash<const void*>{}(state_.get()); }

 protected:
  explicit ThreadHandle(std::shared_ptr<threads::ThreadState> state) noexcept
      : state_(std::move(state)) {}
  /// \throws ValueError for an object that was moved from
  [[nodiscard]] threads::ThreadState& state() const;

 private:
  friend struct threads::ThreadAccess;
  std::shared_ptr<threads::ThreadState> state_;
};

/// The calling thread. One that this library did not start is "MainThread" or "Dummy-1".
[[nodiscard]] MULTIPROCESSING_API ThreadHandle current_thread();
/// The thread that runs main(); in a forked child the one that forked it.
[[nodiscard]] MULTIPROCESSING_API ThreadHandle main_thread();
/// The living threads that this library knows: main, those started, and those that asked.
[[nodiscard]] MULTIPROCESSING_API std::vector<ThreadHandle> enumerate();
/// How many there are.
[[nodiscard]] MULTIPROCESSING_API int active_count();
/// `ident` and `native_id` of the calling thread.
[[nodiscard]] MULTIPROCESSING_API std::uint64_t get_ident() noexcept;
[[nodiscard]] MULTIPROCESSING_API pid_t get_native_id() noexcept;

/// Called in a thread that an exception escapes from, in place of what prints it. Empty: prints.
using ExceptHook = std::function<void(const std::exception_ptr&, const ThreadHandle&)>;
/// Returns the one before.
MULTIPROCESSING_API ExceptHook set_excepthook(ExceptHook hook);

}  // namespace multiprocessing::threading

template <>
struct std::hash<multiprocessing::threading::ThreadHandle> {
  std::size_t operator()(const multiprocessing::threading::ThreadHandle& thread) const noexcept {
    return thread.hash();
  }
};
