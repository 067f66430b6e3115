#pragma once

/// \file multiprocessing/errors.hpp
/// What this library throws. Mirrors the exceptions of `multiprocessing`, `concurrent.futures` and
/// `queue`; a failing operating system is a `std::system_error` that names the call.
///
///   sharing   an error thrown in another process arrives as its own type (see
///             MULTIPROCESSING_EXCEPTION for yours), with its traceback in `remote_traceback`
///   threads   as any exception
///   ordering  none
///   death     a process that was killed is a WorkerDied, LockOwnerDied or EOFError here
///
/// \code
///   try {
///     future.result();
///   } catch (...) {
///     std::cerr << mp::remote_traceback(std::current_exception());
///   }
/// \endcode

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <multiprocessing/detail/exception.hpp>
#include <multiprocessing/detail/export.hpp>

namespace multiprocessing {

/// The root of all errors of this library.
class MULTIPROCESSING_API Error : public std::runtime_error {
 public:
  explicit Error(const std::string& what = "multiprocessing error") : std::runtime_error(what) {}
};

/// Something went wrong between processes.
class MULTIPROCESSING_API ProcessError : public Error {
 public:
  explicit ProcessError(
      const std::string& what =
          "a process, or what talks to it, is not as the call needs it: look at its "
          "exitcode() and at what it printed")
      : Error(what) {}
};

/// A message did not fit the buffer it was to be received into; the message is here.
class MULTIPROCESSING_API BufferTooShort : public ProcessError {
 public:
  explicit BufferTooShort(std::vector<std::byte> message = {});
  explicit BufferTooShort(const std::string& what, std::vector<std::byte> message = {});
  [[nodiscard]] const std::vector<std::byte>& message() const noexcept { return *message_; }

 private:
  std::shared_ptr<const std::vector<std::byte>> message_;  // shared: copying must not throw
};

/// The other end of a connection does not know the key.
class MULTIPROCESSING_API AuthenticationError : public ProcessError {
 public:
  explicit AuthenticationError(
      const std::string& what = "authentication failed: both ends need the same authkey")
      : ProcessError(what) {}
};

/// A wait ended in vain.
class MULTIPROCESSING_API TimeoutError : public ProcessError {
 public:
  explicit TimeoutError(const std::string& what = "timed out: wait again, or longer")
      : ProcessError(what) {}
};

/// A task overran its own limit and was ended.
class MULTIPROCESSING_API TaskTimeout : public TimeoutError {
 public:
  explicit TaskTimeout(
      const std::string& what = "the task overran its time limit and was ended: give it more time")
      : TimeoutError(what) {}
};

/// A value or callable cannot cross to another process, or what arrived is not what was expected.
class MULTIPROCESSING_API TransferError : public Error {
 public:
  explicit TransferError(const std::string& what =
                             "not transferable to another process: send a transferable value or a "
                             "handle")
      : Error(what) {}
};

/// The process that held the lock ended without releasing it. The lock is free and usable.
class MULTIPROCESSING_API LockOwnerDied : public Error {
 public:
  explicit LockOwnerDied(int pid);
  LockOwnerDied(int pid, const std::string& what) : Error(what), pid_(pid) {}
  [[nodiscard]] int pid() const noexcept { return pid_; }

 private:
  int pid_;
};

/// The family's shared memory has reached its limit (MULTIPROCESSING_ARENA_LIMIT).
class MULTIPROCESSING_API ArenaExhausted : public Error {
 public:
  explicit ArenaExhausted(const std::string& what =
                              "the shared arena is exhausted: hold less of it, or raise "
                              "MULTIPROCESSING_ARENA_LIMIT")
      : Error(what) {}
};

/// Nothing arrived in a queue in time.
class MULTIPROCESSING_API Empty : public Error {
 public:
  explicit Empty(const std::string& what =
                     "the queue is empty: no item came in time (wait longer, "
                     "or use try_get)")
      : Error(what) {}
};

/// No place became free in a queue in time.
class MULTIPROCESSING_API Full : public Error {
 public:
  explicit Full(const std::string& what =
                    "the queue is full: no place became free in time (wait "
                    "longer, use try_put, or give it a larger maxsize)")
      : Error(what) {}
};

/// The queue was shut down.
class MULTIPROCESSING_API ShutDown : public Error {
 public:
  explicit ShutDown(const std::string& what =
                        "the queue has been shut down: it takes no items any "
                        "more, and gives those that it still has")
      : Error(what) {}
};

/// A key or name is not there.
class MULTIPROCESSING_API KeyError : public Error {
 public:
  explicit KeyError(const std::string& what = "no such key: ask contains() first, or use get()")
      : Error(what) {}
};

/// Misuse: a bad argument, or a call at the wrong time.
class MULTIPROCESSING_API ValueError : public Error {
 public:
  explicit ValueError(const std::string& what = "bad value") : Error(what) {}
};

/// Every process that held the other end has closed it or died.
class MULTIPROCESSING_API EOFError : public Error {
 public:
  explicit EOFError(const std::string& what =
                        "the other end is closed: every process that held it "
                        "has closed it or ended (nothing more can come; connect anew)")
      : Error(what) {}
};

/// A barrier was aborted, reset or timed out, or a process died in it.
class MULTIPROCESSING_API BrokenBarrierError : public Error {
 public:
  explicit BrokenBarrierError(const std::string& what =
                                  "the barrier is broken: it was aborted, reset or timed out, or a "
                                  "process died in it (reset() makes it usable again)")
      : Error(what) {}
};

/// An exception of another process whose type cannot be rebuilt here; `what()` is its own.
class MULTIPROCESSING_API RemoteError : public Error {
 public:
  explicit RemoteError(const std::string& what = "remote error") : RemoteError("", what, "") {}
  RemoteError(std::string type_name, const std::string& what, std::string remote_traceback = {});
  [[nodiscard]] const std::string& type_name() const noexcept { return texts_->type_name; }
  [[nodiscard]] const std::string& remote_traceback() const noexcept { return texts_->traceback; }

 private:
  struct Texts {
    std::string type_name;
    std::string traceback;
  };
  std::shared_ptr<const Texts> texts_;
};

/// The worker that ran the task was killed or exited. Either `signal()` or `exit_code()` is set.
class MULTIPROCESSING_API WorkerDied : public Error {
 public:
  WorkerDied(int pid, std::optional<int> signal, std::optional<int> exit_code,
             const std::string& task_name = {});
  [[nodiscard]] int pid() const noexcept { return pid_; }
  [[nodiscard]] std::optional<int> signal() const noexcept { return signal_; }
  [[nodiscard]] std::optional<int> exit_code() const noexcept { return exit_code_; }
  [[nodiscard]] const std::string& task_name() const noexcept { return *task_name_; }

 private:
  int pid_;
  std::optional<int> signal_;
  std::optional<int> exit_code_;
  std::shared_ptr<const std::string> task_name_;
};

/// An executor can run nothing any more.
class MULTIPROCESSING_API BrokenExecutor : public Error {
 public:
  explicit BrokenExecutor(const std::string& what = "the executor is broken: make another one")
      : Error(what) {}
};

class MULTIPROCESSING_API BrokenProcessPool : public BrokenExecutor {
 public:
  explicit BrokenProcessPool(
      const std::string& what = "the process pool is broken: make another one")
      : BrokenExecutor(what) {}
};

class MULTIPROCESSING_API BrokenThreadPool : public BrokenExecutor {
 public:
  explicit BrokenThreadPool(const std::string& what = "the thread pool is broken: make another one")
      : BrokenExecutor(what) {}
};

/// The future was cancelled.
class MULTIPROCESSING_API CancelledError : public Error {
 public:
  explicit CancelledError(
      const std::string& what = "the task was cancelled: submit it again if it is still wanted")
      : Error(what) {}
};

/// The future is not in a state that allows this.
class MULTIPROCESSING_API InvalidStateError : public Error {
 public:
  explicit InvalidStateError(
      const std::string& what =
          "the future is in another state than this call needs: ask done() or "
          "cancelled() first")
      : Error(what) {}
};

/// A signal named to `raise_on_signal` arrived during a blocking call of the main thread.
class MULTIPROCESSING_API KeyboardInterrupt : public Error {
 public:
  explicit KeyboardInterrupt(int signum);
  KeyboardInterrupt(int signum, const std::string& what) : Error(what), signum_(signum) {}
  [[nodiscard]] int signum() const noexcept { return signum_; }

 private:
  int signum_;
};

/// "ValueError: bad input"; a type outside this library is named in full. Empty for null.
MULTIPROCESSING_API std::string describe(const std::exception_ptr& exception);

/// Where and how the exception was thrown, if that was in another process; else empty.
MULTIPROCESSING_API std::string remote_traceback(const std::exception_ptr& exception);

}  // namespace multiprocessing
