#include "shm/family_end.hpp"

#include <atomic>
#include <cstdint>

#include "shm/arena.hpp"
#include "shm/hook_list.hpp"
#include "shm/local.hpp"
#include "shm/process_table.hpp"
#include "shm/slot_word.hpp"
#include "sys/exit.hpp"

namespace multiprocessing::shm {
namespace {

constinit HookList<EndHook> end_hooks;

// Before the first of the program's own static objects, so that it runs after the last of their
// destructors. In a child of the library's it is not reached: record_end comes before.
__attribute__((constructor(101))) void witness_exit() {
  try {
    sys::install_exit_witness([](int /*status*/) { end_of_process(); });
  } catch (...) {  // NOLINT(bugprone-empty-catch): no memory at load: the next start cleans up
  }
}

bool counts(std::uint32_t index) noexcept {
  Slot& slot = slot_at(index);
  const std::uint64_t word = slot.state.load(std::memory_order_acquire);
  if (state_of(word) != SlotState::live) return false;
  // seq_cst: [L]
  if ((slot.flags.load(std::memory_order_seq_cst) & (kLeaving | kHelper)) != 0) return false;
  return !is_dead({index, generation_of(word)});
}

bool is_last() noexcept {
  const std::uint32_t me = local().name.slot;
  const auto used =
      static_cast<std::uint32_t>(arena().header().slots_used.load(std::memory_order_acquire));
  for (std::uint32_t index = 0; index < used; ++index) {
    if (index != me && counts(index)) return false;
  }
  return true;
}

}  // namespace

void register_end_hook(EndHook hook) noexcept {
  end_hooks.add(hook);
}

void end_of_process() noexcept {
  if (Arena::made() == nullptr || alive_word().load(std::memory_order_acquire) == 0) return;
  local().slot->flags.fetch_or(kLeaving, std::memory_order_seq_cst);  // [L]
  if (end_hooks.empty() || !is_last()) return;
  end_hooks.call();
}

void be_helper() noexcept {
  here().slot->flags.fetch_or(kHelper, std::memory_order_seq_cst);
}

}  // namespace multiprocessing::shm
