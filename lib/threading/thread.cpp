#include <cxxabi.h>

#include <cstdio>
#include <exception>
#include <string>
#include <utility>

#include <multiprocessing/detail/token.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/threading.hpp>

#include "process/current.hpp"
#include "process/notice.hpp"
#include "sys/process.hpp"
#include "sys/thread.hpp"
#include "threading/here.hpp"
#include "threading/registry.hpp"

namespace multiprocessing {
namespace threads {
namespace {

/// What a new thread gets to know.
struct Start {
  StateRef state;
  std::shared_ptr<threading::Thread> keeps;  // the object, if somebody shares it
  threading::Thread* object = nullptr;       // of a subclass
};

void report(const StateRef& state) noexcept {
  const std::exception_ptr exception = std::current_exception();
  try {
    threading::ExceptHook hook;
    std::string name;
    {
      const std::lock_guard guard(registry().lock);
      hook = registry().hook;
      name = state->name;
    }
    if (hook) return hook(exception, ThreadAccess::handle(state));
    process::report_exception("Exception in thread " + name,
                              "process " + process::current_title() + ", pid " +
                                  std::to_string(sys::current_pid()) + ", thread " + name,
                              exception);
  } catch (...) {
    process::notice("an exception ended a thread, and so did one while it was told");
  }
}

void call(const Start& start) {
  try {
    if (start.object != nullptr) {
      start.object->run();
    } else if (const auto target = std::move(start.state->target)) {
      target->call();
    }
  } catch (const SystemExit&) {  // NOLINT(bugprone-empty-catch): ends the thread, as in Python
  } catch (const abi::__forced_unwind&) {
    throw;  // pthread_exit or cancellation
  } catch (...) {
    report(start.state);
  }
}

/// Whatever way the thread ends.
class Ending {
 public:
  explicit Ending(Start& start) noexcept : start_(start) {}
  Ending(const Ending&) = delete;
  Ending& operator=(const Ending&) = delete;
  ~Ending() {
    const StateRef state = start_.state;
    {
      const std::lock_guard guard(registry().lock);
      state->object = nullptr;
    }
    start_.keeps.reset();  // the object may go here; the thread counts as alive while it does
    state->target.reset();
    leave(*state);
  }

 private:
  Start& start_;
};

void* body(void* argument) {
  Start start = std::move(*static_cast<Start*>(argument));
  delete static_cast<Start*>(argument);
  become(*start.state);
  {
    const std::lock_guard guard(registry().lock);
    start.state->native_id = sys::current_thread_id();
    sys::name_thread(::pthread_self(), start.state->name);
  }
  sync::set(start.state->started.state);
  const Ending ending(start);
  call(start);
  return nullptr;
}

void launch(Start plan) {
  ThreadState& state = *plan.state;
  auto start = std::make_unique<Start>(std::move(plan));
  Registry& all = registry();
  const std::lock_guard guard(all.lock);
  if (state.phase != Phase::initial)
    throw ValueError("threads can only be started once: make another Thread");
  add(all, start->state);
  state.phase = Phase::running;
  state.ours = true;
  state.object = start->object;
  try {
    state.handle = sys::start_thread(body, start.get());  // it waits for the lock first
  } catch (...) {
    all.alive.pop_back();
    state.phase = Phase::initial;
    state.ours = false;
    state.object = nullptr;
    throw;
  }
  (void)start.release();  // the thread's now
}

}  // namespace

std::string name_of_function(const void* address) {
  const std::string name = detail::function_name(address);
  if (name.find("+0x") != std::string::npos) return {};  // the module does not tell
  const auto arguments = name.find('(');
  const std::string bare = name.substr(0, arguments);
  const auto scope = bare.rfind("::");
  return scope == std::string::npos ? bare : bare.substr(scope + 2);
}

}  // namespace threads

namespace threading {

Thread::Thread(detail::ThreadPlan plan)
    : ThreadHandle(threads::make_local<threads::ThreadState>()) {
  threads::ThreadState& mine = state();
  mine.target = std::move(plan.target);
  mine.name = std::move(plan.options.name);
  const threads::ThreadState* const maker = threads::current_state(false);
  const std::lock_guard guard(threads::registry().lock);
  mine.daemon = plan.options.daemon.value_or(maker != nullptr && maker->ours && maker->daemon);
  if (!mine.name.empty()) return;
  mine.name = "Thread-" + std::to_string(++threads::registry().made);
  if (!plan.target_name.empty()) mine.name += " (" + plan.target_name + ")";
}

Thread::Thread(Thread&& other) noexcept
    : ThreadHandle(other), std::enable_shared_from_this<Thread>(other) {
  other.leave_object("moved");
}

Thread& Thread::operator=(Thread&& other) noexcept {
  if (this == &other) return *this;
  leave_object("assigned to");
  other.leave_object("moved");
  ThreadHandle::operator=(other);
  return *this;
}

Thread::~Thread() {
  leave_object("destroyed");
}

void Thread::leave_object(const char* what) noexcept {
  threads::ThreadState& mine = state();
  std::unique_lock guard(threads::registry().lock);
  if (mine.object != this) return;
  const std::string name = mine.name;
  guard.unlock();
  process::notice("the object of thread " + name + " was " + what +
                  " while its run() still runs: join it first, or make it with make_thread<T>()");
  std::terminate();
}

void Thread::run() {
  if (const Target target = std::move(state().target)) target->call();
}

void Thread::start() {
  threads::reap_finished();
  threads::ThreadState& mine = state();
  const bool plain = typeid(*this) == *mine.plain;
  threads::Start start{.state = mine.shared_from_this(),
                       .keeps = plain ? nullptr : weak_from_this().lock(),
                       .object = plain ? nullptr : this};
  const threads::StateRef kept = start.state;  // the thread may be faster than this one
  threads::launch(std::move(start));
  std::exception_ptr interrupt;
  while (!sync::is_set(sync::seen(kept->started.state.word))) {
    try {
      (void)sync::wait(kept->started.state, Timeout());
    } catch (...) {
      interrupt = std::current_exception();
    }
  }
  if (interrupt) std::rethrow_exception(interrupt);
}

Timer::Timer(const Event& finished, Timeout interval, Target function)
    : Thread(ThreadOptions{},
             [finished, interval, held = std::shared_ptr(std::move(function))] {
               if (finished.wait(interval)) return;
               held->call();
               finished.set();
             }),
      finished_(finished) {
  state().plain = &typeid(Timer);
}

}  // namespace threading
}  // namespace multiprocessing
