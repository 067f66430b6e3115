#pragma once

/// \file multiprocessing/process.hpp
/// A function that runs in a process of its own. Mirrors `multiprocessing.Process`.
///
///   sharing   a Process is an object of the process that made it; the child has a copy of it
///   threads   `join`, `is_alive`, `exitcode` and the signals may be called concurrently
///   ordering  what happened before `start()` is visible in the child, and what the child wrote is
///             visible after a `join()` that returned true
///   death     `exitcode()` tells it; a daemonic child ends with its parent, however that ends
///
/// The object is a handle onto a child that the library keeps: the destructor neither waits nor
/// kills. At normal exit of the program daemonic children are terminated and the others joined.
///
/// \code
///   void greet(const std::string& name) { std::cout << "hello " << name << '\n'; }
///
///   mp::Process p(greet, "bob");
///   p.start();
///   p.join();
/// \endcode

#include <concepts>
#include <initializer_list>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/detail/file_descriptor.hpp>
#include <multiprocessing/detail/process_handles.hpp>
#include <multiprocessing/detail/process_options.hpp>
#include <multiprocessing/detail/process_target.hpp>
#include <multiprocessing/detail/vocabulary.hpp>

namespace multiprocessing {

class Process;

/// Thrown in a child: unwinds its stack and ends it with `code`, without a traceback.
struct SystemExit {
  int code = 0;
};

namespace detail {

template <class F>
concept ProcessTarget = !std::derived_from<std::remove_cvref_t<F>, Process> &&
                        !std::same_as<std::remove_cvref_t<F>, ProcessOptions>;

}  // namespace detail

class MULTIPROCESSING_API Process {
 public:
  /// Runs `target(args...)`. Arguments are kept by value; `const char*` as a std::string.
  template <class F, class... Args>
    requires detail::ProcessTarget<F>
  explicit(sizeof...(Args) == 0) Process(F&& target, Args&&... args)
      : Process(ProcessOptions{}, std::forward<F>(target), std::forward<Args>(args)...) {}

  /// \throws ValueError for options that cannot be had.
  template <class F, class... Args>
  Process(ProcessOptions options, F&& target, Args&&... args) : Process(std::move(options)) {
    constexpr bool kCallable = detail::Callable<std::decay_t<F>, detail::Kept<Args>...>;
    static_assert(kCallable,
                  "this target cannot be called with these arguments; a function with default "
                  "arguments or an overloaded one must be wrapped in a lambda");
    if constexpr (kCallable) {
      using Bound = detail::BoundTarget<std::decay_t<F>, detail::Kept<Args>...>;
      set_target(std::make_unique<Bound>(std::in_place, std::forward<F>(target),
                                         std::forward<Args>(args)...));
    }
  }

  template <int = 0>               // so that Process() is not meant
  explicit Process(...) = delete;  // no target: an overloaded name? wrap it in a lambda

  /// For subclasses that have a `run()` of their own.
  Process();
  explicit Process(ProcessOptions options);

  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;

  /// Neither waits nor kills: a running child runs on and is joined at exit of the program.
  virtual ~Process();

  /// What the child does: calls the target. To be overridden.
  virtual void run();

  /// Starts the child, which calls `run()`. Lets go of target and arguments. Flushes the standard
  /// streams before; warns once, on stderr, if this process runs other threads.
  /// \throws ValueError the second time, in another process than the one that made the object, in a
  /// daemonic process, or, under spawn and forkserver, if main() has not called freeze_support;
  /// TransferError there for a target, argument or subclass that cannot travel; std::system_error
  /// (EAGAIN). The object can be started again then.
  virtual void start();

  /// Sends SIGTERM; nothing happens if the child has ended.
  /// \throws ValueError before `start()`.
  virtual void terminate();

  /// Blocks until the child has ended; false if the time-out passed before.
  /// \throws ValueError before `start()`, or if it is not a child of this process.
  bool join(Timeout timeout = {}) const;  // NOLINT(modernize-use-nodiscard)

  /// True from `start()` to the end, and for the current process.
  [[nodiscard]] bool is_alive() const;

  /// nullopt before `start()`.
  [[nodiscard]] std::optional<int> pid() const;

  /// nullopt before `start()` and while it runs; -N: killed by signal N; 1: an exception escaped.
  [[nodiscard]] std::optional<int> exitcode() const;

  /// "Process-1", its child "Process-1:1"; also the title that ps shows.
  [[nodiscard]] const std::string& name() const;
  void set_name(std::string name);

  /// A daemonic child ends with its parent and can start no Process of its own.
  [[nodiscard]] bool daemon() const;
  /// \throws ValueError after `start()`.
  void set_daemon(bool daemon);

  /// A file descriptor that becomes readable when the child ends. Valid until `close()`.
  /// \throws ValueError before `start()`.
  [[nodiscard]] int sentinel() const;

  /// SIGKILL, SIGINT or any signal; nothing happens if the child has ended.
  /// \throws ValueError before `start()`.
  void kill();
  void interrupt();
  void send_signal(int signal);

  /// Terminates, waits and kills. True if the child ended by itself within the grace period.
  bool stop(Timeout grace);  // NOLINT(modernize-use-nodiscard)

  /// Frees what the object holds; afterwards only destruction and `close()` are allowed.
  /// \throws ValueError while the child runs.
  void close();

 private:
  friend struct ChildAccess;
  struct State;

  explicit Process(std::unique_ptr<State> state) noexcept;
  void set_target(std::unique_ptr<detail::Target> target);
  [[nodiscard]] State& state() const;

  std::unique_ptr<State> state_;
};

/// This process. In a child it is the object that was started; elsewhere one named "MainProcess".
[[nodiscard]] MULTIPROCESSING_API Process& current_process();

/// Processors that this process may use: its affinity, or fewer if its control group has a quota.
[[nodiscard]] MULTIPROCESSING_API int cpu_count();

/// Looks into the handles. For the library's own use.
struct MULTIPROCESSING_API ChildAccess {
  using Children = std::vector<std::shared_ptr<process::Child>>;

  /// The child itself. \throws ValueError before `start()`.
  static std::shared_ptr<process::Child> of(const Process& process);
  static std::shared_ptr<process::Child> of(const ChildProcess& child) { return child.child_; }

  /// Waits for all to end, kills those that have not within `grace`. True if that was none.
  static bool finish(const Children& children, Timeout grace);

  /// How an object travels to a child that is not forked, and arrives there as the current one.
  /// \throws TransferError for a subclass that is not listed, or a target that cannot travel.
  static void encode(const Process& process, detail::Writer& out);
  static std::unique_ptr<Process> decode(detail::Reader& in);

  /// An object for the current process, which none was started for.
  static std::unique_ptr<Process> stand_in(std::string name, bool daemon);
};

namespace detail {

template <class T>
concept Stoppable = std::derived_from<std::remove_cvref_t<T>, Process> ||
                    std::same_as<std::remove_cvref_t<T>, ChildProcess>;

template <Stoppable T>
T& stoppable(T& process) noexcept {
  return process;
}
template <class Pointer>
  requires(!Stoppable<Pointer> &&
           requires(Pointer& p) {
             { *p } -> Stoppable;
           })
auto& stoppable(Pointer& pointer) noexcept {
  return *pointer;
}

}  // namespace detail

/// Terminates all of them, waits for all of them, kills those that have not ended within one grace
/// period. True if all ended by themselves. Takes Process, pointers to it, or ChildProcess.
/// \throws ValueError if one was not started; then none is touched.
template <std::ranges::forward_range R>
  requires requires(std::ranges::range_reference_t<R> item) { detail::stoppable(item); }
bool stop(R&& processes, Timeout grace) {
  ChildAccess::Children children;
  for (auto&& item : processes) children.push_back(ChildAccess::of(detail::stoppable(item)));
  for (auto&& item : processes) detail::stoppable(item).terminate();
  return ChildAccess::finish(children, grace);
}
template <class X>
  requires requires(X& item) { detail::stoppable(item); }
bool stop(std::initializer_list<X> processes, Timeout grace) {
  std::vector<X> all(processes);
  return stop(all, grace);
}

}  // namespace multiprocessing

#include <multiprocessing/detail/process_listing.hpp>  // needs what stands above
