#include "process/interrupt.hpp"

#include <atomic>

namespace multiprocessing::process {
namespace {

// Ordering. Each pair is named where it is used.
//   [H] set (release) -> call (acquire)   the hook finds what was set up before it
constinit std::atomic<void (*)()> interrupt_hook{nullptr};

}  // namespace

void set_interrupt_hook(void (*hook)()) noexcept {
  interrupt_hook.store(hook, std::memory_order_release);  // [H]
}

void interrupted() {
  if (auto* const hook = interrupt_hook.load(std::memory_order_acquire)) hook();  // [H]
}

}  // namespace multiprocessing::process
