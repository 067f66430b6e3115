#pragma once

/// \file multiprocessing/threading.hpp
/// Threads and what they agree by. Mirrors Python's `threading`.
///
///   sharing   everything here belongs to one process. A forked child has copies, and knows only
///             the thread that forked
///   threads   `start` by one thread; all else may be called concurrently
///   ordering  what happened before `start()` is visible in the thread, and what the thread wrote
///   is
///             visible after a `join()` that returned true
///   death     an exception that escapes prints "Exception in thread NAME:" with its traceback and
///             ends that thread only (SystemExit says nothing). A normal end of the program waits
///             for the threads that are not daemonic, and abandons the others
///
/// A Thread made of a callable is a handle onto a thread that the library keeps: its destructor
/// neither waits nor ends anything. The object of a subclass is used by its thread and must outlive
/// it: `make_thread` sees to that.
///
/// \code
///   void greet(const std::string& name) { std::cout << "hello " << name << '\n'; }
///
///   mp::threading::Thread t(greet, "bob");
///   t.start();
///   t.join();
/// \endcode

#include <chrono>
#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/detail/process_target.hpp>
#include <multiprocessing/detail/thread_condition.hpp>
#include <multiprocessing/detail/thread_handle.hpp>
#include <multiprocessing/detail/thread_local.hpp>
#include <multiprocessing/detail/thread_lock.hpp>
#include <multiprocessing/detail/vocabulary.hpp>

namespace multiprocessing::threads {
/// The name of a target that is a function, as Python's default names have it; else empty.
MULTIPROCESSING_API std::string name_of_function(const void* address);

template <class F>
std::string target_name(const F& target) {
  if constexpr (std::is_pointer_v<F> && std::is_function_v<std::remove_pointer_t<F>>) {
    return name_of_function(reinterpret_cast<const void*>(target));
  } else {
    return {};
  }
}
}  // namespace multiprocessing::threads

namespace multiprocessing::threading {

struct ThreadOptions {
  std::string name = {};            ///< "Thread-1 (work)" by default
  std::optional<bool> daemon = {};  ///< that of the thread that makes it, by default
};

namespace detail {
/// What a Thread is made of.
struct ThreadPlan {
  ThreadOptions options;
  std::string target_name;
  std::unique_ptr<multiprocessing::detail::Target> target;
};

template <class F>
concept ThreadTarget = !std::derived_from<std::remove_cvref_t<F>, ThreadHandle> &&
                       !std::same_as<std::remove_cvref_t<F>, ThreadOptions> &&
                       !std::same_as<std::remove_cvref_t<F>, ThreadPlan>;
}  // namespace detail

class MULTIPROCESSING_API Thread : public ThreadHandle,
                                   public std::enable_shared_from_this<Thread> {
 public:
  /// Runs `target(args...)`. Arguments are kept by value; `const char*` as a std::string.
  template <class F, class... Args>
    requires detail::ThreadTarget<F>
  explicit(sizeof...(Args) == 0) Thread(F&& target, Args&&... args)
      : Thread(ThreadOptions{}, std::forward<F>(target), std::forward<Args>(args)...) {}

  template <class F, class... Args>
    requires detail::ThreadTarget<F>
  Thread(ThreadOptions options, F&& target, Args&&... args)
      : Thread(detail::ThreadPlan{std::move(options), threads::target_name<std::decay_t<F>>(target),
                                  bind(std::forward<F>(target), std::forward<Args>(args)...)}) {}

  /// For subclasses that have a `run()` of their own.
  Thread() : Thread(ThreadOptions{}) {}
  explicit Thread(ThreadOptions options)
      : Thread(detail::ThreadPlan{std::move(options), {}, nullptr}) {}

  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
  /// The object of a subclass must not be moved while its thread runs.
  Thread(Thread&& other) noexcept;
  Thread& operator=(Thread&& other) noexcept;

  /// Neither waits nor ends the thread. If the thread still runs a subclass's `run()` on this
  /// object, the program ends with a sentence that says so.
  virtual ~Thread();

  /// What the thread does: calls the target. To be overridden.
  virtual void run();

  /// Starts the thread, which calls `run()`; returns once it runs. Lets go of target and arguments.
  /// \throws ValueError the second time; std::system_error (EAGAIN)
  virtual void start();

 protected:
  using Target = std::unique_ptr<multiprocessing::detail::Target>;

  explicit Thread(detail::ThreadPlan plan);

  template <class F, class... Args>
  static Target bind(F&& target, Args&&... args) {
    namespace own = multiprocessing::detail;
    constexpr bool kCallable = own::Callable<std::decay_t<F>, own::Kept<Args>...>;
    static_assert(kCallable,
                  "this target cannot be called with these arguments; a function with default "
                  "arguments or an overloaded one must be wrapped in a lambda");
    if constexpr (!kCallable) {
      return nullptr;
    } else {
      using Bound = own::BoundTarget<std::decay_t<F>, own::Kept<Args>...>;
      return std::make_unique<Bound>(std::in_place, std::forward<F>(target),
                                     std::forward<Args>(args)...);
    }
  }

 private:
  void leave_object(const char* what) noexcept;
};

/// An object of a subclass of Thread that lives until its thread has ended, and as long as somebody
/// holds the pointer.
template <std::derived_from<Thread> T, class... Args>
[[nodiscard]] std::shared_ptr<T> make_thread(Args&&... args) {
  return std::make_shared<T>(std::forward<Args>(args)...);
}

/// Calls a function after some time, in a thread of its own, unless it is cancelled before.
class MULTIPROCESSING_API Timer : public Thread {
 public:
  /// The time counts from `start()`; a moment is as good.
  template <class F, class... Args>
  Timer(Timeout interval, F&& function, Args&&... args)
      : Timer(Event(), interval, bind(std::forward<F>(function), std::forward<Args>(args)...)) {}

  /// Stops the timer if it has not called the function yet.
  void cancel() const { finished_.set(); }

 private:
  Timer(const Event& finished, Timeout interval, Target function);

  Event finished_;
};

}  // namespace multiprocessing::threading

template <>
struct std::hash<multiprocessing::threading::Thread>
    : multiprocessing::threading::HashOf<multiprocessing::threading::Thread> {};
