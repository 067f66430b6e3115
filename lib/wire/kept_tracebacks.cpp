#include "wire/kept_tracebacks.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <thread>
#include <utility>

#include <multiprocessing/detail/exception.hpp>

namespace multiprocessing::wire {

namespace {

struct Kept {
  std::exception_ptr exception;  // kept alive, so that its address names nothing else
  std::string traceback;
};

struct Shelf {
  std::array<Kept, 32> kept;
  std::size_t next = 0;
  std::atomic_flag taken;
};

Shelf& shelf() {
  static auto* shelf = new Shelf;  // never destroyed: exceptions outlive statics
  return *shelf;
}

/// Has the shelf for a scope, unless another thread is slow: in a child that was forked meanwhile
/// it stays taken for ever, and a traceback is not worth a hang.
class Hold {
 public:
  explicit Hold(Shelf& shelf) : shelf_(shelf) {
    for (int tries = 0; tries < 1000; ++tries) {
      held_ = !shelf_.taken.test_and_set(std::memory_order_acquire);  // [K]
      if (held_) return;
      std::this_thread::yield();
    }
  }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
  ~Hold() {
    if (held_) shelf_.taken.clear(std::memory_order_release);  // [K]
  }
  explicit operator bool() const noexcept { return held_; }

 private:
  Shelf& shelf_;
  bool held_ = false;
};

}  // namespace

std::string kept_traceback(const std::exception_ptr& exception) {
  const Hold hold(shelf());
  if (!hold) return {};
  for (const Kept& kept : shelf().kept) {
    if (kept.exception == exception) return kept.traceback;
  }
  return {};
}

}  // namespace multiprocessing::wire

namespace multiprocessing::detail {

std::exception_ptr remember_traceback(std::exception_ptr exception, std::string traceback) {
  auto& shelf = wire::shelf();
  wire::Kept pushed_out;  // destroyed without the shelf: its destructor is somebody else's code
  const wire::Hold hold(shelf);
  if (!hold) return exception;
  pushed_out = std::exchange(shelf.kept[shelf.next], {exception, std::move(traceback)});
  shelf.next = (shelf.next + 1) % shelf.kept.size();
  return exception;
}

}  // namespace multiprocessing::detail
