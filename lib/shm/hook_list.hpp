#pragma once

// Functions that upper floors register to be called by this one. Private to a process; a forked
// child has what its parent had.
//
//   threads   `add` and `call` may run concurrently; a call sees what was added before it began
//   death     nothing to leave behind; a fork in the middle of `add` has it or not
//
// Ordering. Each pair is named where it is used.
//   [H] add (release) -> call (acquire)   the piece of the list is complete
//
// `call` neither allocates nor locks: it may run in the child of a fork.

#include <array>
#include <atomic>
#include <cstddef>

namespace multiprocessing::shm {

template <class Hook>
class HookList {
 public:
  constexpr HookList() noexcept = default;
  HookList(const HookList&) = delete;
  HookList& operator=(const HookList&) = delete;
  ~HookList() = default;  // the pieces stay: threads may outlive static objects

  /// Ends the program if there is no memory for another piece.
  void add(Hook hook) noexcept {
    for (auto& entry : entries_) {
      Hook none = nullptr;
      if (entry.compare_exchange_strong(none, hook, std::memory_order_acq_rel)) return;  // [H]
    }
    HookList* more = more_.load(std::memory_order_acquire);
    if (more == nullptr) {
      auto* const fresh = new HookList;
      if (more_.compare_exchange_strong(more, fresh, std::memory_order_acq_rel)) {  // [H]
        more = fresh;
      } else {
        delete fresh;
      }
    }
    more->add(hook);
  }

  /// Calls each with these arguments, in the order in which they were added.
  template <class... Arguments>
  void call(Arguments&&... arguments) const noexcept {
    for (const HookList* list = this; list != nullptr;
         list = list->more_.load(std::memory_order_acquire)) {  // [H]
      for (const auto& entry : list->entries_) {
        if (const Hook hook = entry.load(std::memory_order_acquire)) hook(arguments...);  // [H]
      }
    }
  }

  [[nodiscard]] bool empty() const noexcept {
    return entries_[0].load(std::memory_order_acquire) == nullptr;
  }

 private:
  std::array<std::atomic<Hook>, 16> entries_{};
  std::atomic<HookList*> more_{nullptr};
};

}  // namespace multiprocessing::shm
