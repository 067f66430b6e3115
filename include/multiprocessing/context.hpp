#pragma once

/// \file multiprocessing/context.hpp
/// The whole interface bound to one start method. Mirrors `multiprocessing.get_context`.
///
///   sharing   a Context is a value; what it makes belongs to nobody's context: any process may use
///             it, however it was started (CPython refuses some of that)
///   threads   every function may be called concurrently
///   ordering  none
///   death     nothing shared is touched by the context itself
///
/// \code
///   int main(int argc, char** argv) {
///     mp::freeze_support(argc, argv);
///     const auto ctx = mp::get_context("spawn");
///     auto queue = ctx.Queue<int>();
///     auto process = ctx.Process([](const mp::Queue<int>& q) { q.put(42); }, queue);
///     process.start();
///   }
/// \endcode

#include <concepts>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <optional>
#include <ranges>
#include <string_view>
#include <utility>
#include <vector>

#include <multiprocessing/connection.hpp>
#include <multiprocessing/detail/start_method.hpp>
#include <multiprocessing/futures.hpp>
#include <multiprocessing/managers.hpp>
#include <multiprocessing/pool.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/queues.hpp>
#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/synchronize.hpp>

namespace multiprocessing {

class Context {
 public:
  /// The method of this context; of the default one: what is set, see the function of this name.
  [[nodiscard]] StartMethod get_start_method() const {
    return method_ ? *method_ : multiprocessing::get_start_method();
  }
  /// \throws ValueError unless this is the default context.
  void set_start_method(StartMethod method, bool force = false) const {
    if (method_) detail::refuse_start_method(*method_);
    multiprocessing::set_start_method(method, force);
  }
  [[nodiscard]] std::vector<StartMethod> get_all_start_methods() const {
    return multiprocessing::get_all_start_methods();
  }

  /// Itself, or the context of another method. \throws ValueError for a name that there is not.
  [[nodiscard]] Context get_context() const { return *this; }
  [[nodiscard]] Context get_context(StartMethod method) const { return Context(method); }
  [[nodiscard]] Context get_context(std::string_view name) const {
    return Context(detail::start_method_named(name));
  }

  // Processes. A method that the options name wins.

  template <class F, class... Args>
    requires detail::ProcessTarget<F>
  [[nodiscard]] multiprocessing::Process Process(F&& target, Args&&... args) const {
    return {with_method(ProcessOptions{}), std::forward<F>(target), std::forward<Args>(args)...};
  }
  template <class F, class... Args>
  [[nodiscard]] multiprocessing::Process Process(ProcessOptions options, F&& target,
                                                 Args&&... args) const {
    return {with_method(std::move(options)), std::forward<F>(target), std::forward<Args>(args)...};
  }
  /// For subclasses: `Worker worker(ctx.options({.name = "w"}))`.
  [[nodiscard]] ProcessOptions options(ProcessOptions options = {}) const {
    return with_method(std::move(options));
  }

  [[nodiscard]] multiprocessing::Pool Pool(int processes = multiprocessing::cpu_count()) const {
    return Pool(PoolOptions{.processes = processes});
  }
  [[nodiscard]] multiprocessing::Pool Pool(PoolOptions options) const {
    if (!options.method && !options.worker.method) options.method = get_start_method();
    return multiprocessing::Pool(std::move(options));
  }

  [[nodiscard]] multiprocessing::ProcessPoolExecutor ProcessPoolExecutor(
      int max_workers = multiprocessing::cpu_count(),
      ProcessPoolExecutorOptions options = {}) const {
    if (!options.method && !options.worker.method) options.method = get_start_method();
    return multiprocessing::ProcessPoolExecutor(max_workers, std::move(options));
  }
  [[nodiscard]] multiprocessing::ProcessPoolExecutor ProcessPoolExecutor(
      ProcessPoolExecutorOptions options) const {
    return ProcessPoolExecutor(multiprocessing::cpu_count(), std::move(options));
  }

  [[nodiscard]] multiprocessing::Manager Manager() const { return {}; }

  // Queues.

  template <class T>
  [[nodiscard]] multiprocessing::Queue<T> Queue(std::size_t maxsize = 0) const {
    return multiprocessing::Queue<T>(maxsize);
  }
  template <class T>
  [[nodiscard]] multiprocessing::JoinableQueue<T> JoinableQueue(
      std::size_t maxsize = 0, OnDeath on_death = OnDeath::count_done) const {
    return multiprocessing::JoinableQueue<T>(maxsize, on_death);
  }
  template <class T>
  [[nodiscard]] multiprocessing::SimpleQueue<T> SimpleQueue() const {
    return {};
  }

  // Connections.

  [[nodiscard]] std::pair<Connection, Connection> Pipe(bool duplex = true) const {
    return multiprocessing::Pipe(duplex);
  }
  template <class T>
  [[nodiscard]] auto Pipe(bool duplex = true) const {
    return multiprocessing::Pipe<T>(duplex);
  }

  // Synchronization.

  [[nodiscard]] multiprocessing::Lock Lock(Recovery recovery = Recovery::raise) const {
    return multiprocessing::Lock(recovery);
  }
  [[nodiscard]] multiprocessing::RLock RLock(Recovery recovery = Recovery::raise) const {
    return multiprocessing::RLock(recovery);
  }
  [[nodiscard]] multiprocessing::Semaphore Semaphore(int value = 1) const {
    return multiprocessing::Semaphore(value);
  }
  [[nodiscard]] multiprocessing::BoundedSemaphore BoundedSemaphore(int value = 1) const {
    return multiprocessing::BoundedSemaphore(value);
  }
  [[nodiscard]] multiprocessing::Condition Condition() const { return {}; }
  [[nodiscard]] multiprocessing::Condition Condition(const multiprocessing::Lock& lock) const {
    return multiprocessing::Condition(lock);
  }
  [[nodiscard]] multiprocessing::Condition Condition(const multiprocessing::RLock& lock) const {
    return multiprocessing::Condition(lock);
  }
  [[nodiscard]] multiprocessing::Event Event() const { return {}; }
  [[nodiscard]] multiprocessing::Barrier Barrier(int parties, const Function<void()>& action = {},
                                                 Timeout timeout = {}) const {
    return multiprocessing::Barrier(parties, action, timeout);
  }

  // Shared values. The lock, if wanted: an RLock, or `no_lock`.

  template <class T, class... LockT>
  [[nodiscard]] multiprocessing::Value<T> Value(T init = {}, const LockT&... lock) const {
    return multiprocessing::Value<T>(init, lock...);
  }
  template <class T>
  [[nodiscard]] multiprocessing::RawValue<T> RawValue(T init = {}) const {
    return multiprocessing::RawValue<T>(init);
  }
  template <class T, class... LockT>
  [[nodiscard]] multiprocessing::Array<T> Array(std::size_t size, const LockT&... lock) const {
    return multiprocessing::Array<T>(size, lock...);
  }
  template <class T, class... LockT>
  [[nodiscard]] multiprocessing::Array<T> Array(std::initializer_list<T> items,
                                                const LockT&... lock) const {
    return multiprocessing::Array<T>(items, lock...);
  }
  template <std::ranges::input_range R, class... LockT>
  [[nodiscard]] auto Array(R&& items, const LockT&... lock) const {
    return multiprocessing::Array<std::ranges::range_value_t<R>>(std::forward<R>(items), lock...);
  }
  template <class T>
  [[nodiscard]] multiprocessing::RawArray<T> RawArray(std::size_t size) const {
    return multiprocessing::RawArray<T>(size);
  }
  template <class T>
  [[nodiscard]] multiprocessing::RawArray<T> RawArray(std::initializer_list<T> items) const {
    return multiprocessing::RawArray<T>(items);
  }
  template <std::ranges::input_range R>
  [[nodiscard]] auto RawArray(R&& items) const {
    return multiprocessing::RawArray<std::ranges::range_value_t<R>>(std::forward<R>(items));
  }

  // What has nothing to do with the method.

  [[nodiscard]] int cpu_count() const { return multiprocessing::cpu_count(); }
  [[nodiscard]] multiprocessing::Process& current_process() const {
    return multiprocessing::current_process();
  }
  [[nodiscard]] std::optional<ParentProcess> parent_process() const {
    return multiprocessing::parent_process();
  }
  [[nodiscard]] std::vector<ChildProcess> active_children() const {
    return multiprocessing::active_children();
  }
  void freeze_support(int argc, char** argv) const { multiprocessing::freeze_support(argc, argv); }

  /// Contexts are the same if they start processes in the same way.
  friend bool operator==(const Context&, const Context&) = default;

 private:
  friend Context get_context();
  friend Context get_context(StartMethod method);
  friend struct std::hash<Context>;

  Context() = default;
  explicit Context(StartMethod method) noexcept : method_(method) {}

  [[nodiscard]] ProcessOptions with_method(ProcessOptions options) const {
    if (!options.method) options.method = get_start_method();
    return options;
  }

  std::optional<StartMethod> method_;  // empty: the default context, which follows what is set
};

/// The default context. To ask for it settles the default start method.
[[nodiscard]] inline Context get_context() {
  (void)get_start_method();
  return {};
}
/// The context of one start method. Leaves the default alone.
[[nodiscard]] inline Context get_context(StartMethod method) {
  return Context(method);
}
/// "fork", "forkserver" or "spawn". \throws ValueError for any other name.
[[nodiscard]] inline Context get_context(std::string_view name) {
  return get_context(detail::start_method_named(name));
}

}  // namespace multiprocessing

template <>
struct std::hash<multiprocessing::Context> {
  std::size_t operator()(const multiprocessing::Context& context) const noexcept {
    return std::hash<std::optional<multiprocessing::StartMethod>>{}(context.method_);
  }
};
