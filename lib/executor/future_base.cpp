#include <multiprocessing/detail/future_base.hpp>

#include <cstdio>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include <multiprocessing/errors.hpp>

#include "executor/watcher.hpp"
#include "shm/watch.hpp"

namespace multiprocessing::detail {

struct FutureBase::Callback {
  std::function<void()> function;
  Callback* next = nullptr;
};

namespace {

// What the list holds once the callbacks have been called: an address that no callback has.
char called_mark = 0;
template <class Callback>
Callback* called() noexcept {
  return reinterpret_cast<Callback*>(&called_mark);
}

}  // namespace

FutureBase::~FutureBase() {
  // relaxed: the last one who knows it
  Callback* list = callbacks_.load(std::memory_order_relaxed);
  while (list != nullptr && list != called<Callback>()) delete std::exchange(list, list->next);
}

HandleId FutureBase::share() {
  const std::shared_ptr<FutureBase> self = shared_from_this();
  HandleId id;
  {
    const std::lock_guard guard(share_lock_);
    if (shared() == nullptr) {
      SharedFuture made = make_shared_future();
      if (shared() == nullptr) set_shared(std::move(made));
    }
    id = kept_.id();
  }
  (void)know_future(id, self);
  return id;
}

HandleId FutureBase::leave_shared() noexcept {
  const HandleId id = shared() == nullptr ? HandleId{} : kept_.id();
  kept_ = SharedFuture();
  return id;
}

// [C] add: release -> run: acquire    the callback is seen whole
// What is done is published before run_callbacks; so whoever finds the list closed is late, calls
// its callback itself and sees the result.
void FutureBase::add_done_callback(std::function<void()> callback) {
  std::unique_ptr<Callback> made(new Callback{std::move(callback), nullptr});
  Callback* head = callbacks_.load(std::memory_order_acquire);
  // First, for it may fail. Who is watched twice is called back once.
  if (head == nullptr && !completes_here() && !done()) executor::watch(shared_from_this());
  Callback* const added = made.release();
  do {
    if (head == called<Callback>()) {
      call(added);
      return;
    }
    added->next = head;
  } while (!callbacks_.compare_exchange_weak(head, added, std::memory_order_seq_cst,
                                             std::memory_order_acquire));  // [C]
  if (done()) run_callbacks();
}

void FutureBase::run_callbacks() noexcept {
  Callback* const list = callbacks_.exchange(called<Callback>(), std::memory_order_acq_rel);  // [C]
  if (list == nullptr || list == called<Callback>()) return;
  call(reversed(list));
}

FutureBase::Callback* FutureBase::reversed(Callback* list) noexcept {
  Callback* oldest = nullptr;
  while (list != nullptr) {
    Callback* const next = list->next;
    list->next = oldest;
    oldest = std::exchange(list, next);
  }
  return oldest;
}

void FutureBase::call(Callback* list) noexcept {
  while (list != nullptr) {
    try {
      list->function();
    } catch (...) {
      report_ignored("a callback", std::current_exception());
    }
    delete std::exchange(list, list->next);
  }
}

void report_ignored(const char* where, const std::exception_ptr& error) noexcept {
  try {
    const std::string text =
        std::string("exception in ") + where + " ignored: " + describe(error) + "\n";
    std::fputs(text.c_str(), stderr);
  } catch (...) {  // no memory: then nobody is told
  }
}

// Who wakes it: whoever completes it, a thread of this process; with it, everybody dies.
bool wait_local(std::atomic<std::uint32_t>& word, std::int64_t deadline) {
  constexpr std::uint32_t kStatus = 3;
  const auto ended = [](std::uint32_t seen) {
    return (seen & kStatus) >= 2 || (seen & kSharedNow) != 0;
  };
  std::uint32_t seen = word.load(std::memory_order_acquire);
  if (ended(seen)) return true;
  if (deadline <= 0) return false;
  for (shm::Spinner spinner; spinner.again();) {
    if (ended(word.load(std::memory_order_acquire))) return true;
  }
  shm::Sleeper sleeper(word);
  for (;;) {
    sleeper.note();
    seen = word.fetch_or(kSleeper, std::memory_order_acq_rel);
    if (ended(seen)) return true;
    if (!sleeper.sleep(seen | kSleeper, deadline)) {
      return ended(word.load(std::memory_order_acquire));
    }
  }
}

void wake_local(std::atomic<std::uint32_t>& word) noexcept {
  shm::wake(word, INT32_MAX);
}

void flush_callbacks() noexcept {
  executor::flush();
}

}  // namespace multiprocessing::detail
