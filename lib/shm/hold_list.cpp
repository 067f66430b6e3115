// What becomes of the holds that are listed in a dead process's slot.

#include "shm/hold_list.hpp"

#include <atomic>
#include <cstdint>

#include "shm/hold_page.hpp"
#include "shm/local.hpp"
#include "shm/object.hpp"

namespace multiprocessing::shm {
namespace {

// Calls visit(entry, id) for each hold that is listed in a dead process's slot.
template <class F>
void for_each_listed(Slot& slot, F visit) noexcept {
  for (Location* next = &slot.hold_list;;) {
    const BlockRef ref = BlockRef::unpack(next->load(std::memory_order_acquire));
    if (!ref || !is_linked(ref))
      break;  // an earlier sweeper had dealt with it and begun to free it
    auto* page = block_as<HoldPage>(ref.id);
    for (auto& entry : page->entries) {
      const ObjectId id = entry.load(std::memory_order_acquire);
      if (id != 0) visit(entry, id);
    }
    next = &page->next;
  }
}

void leave_listed(Name dead, std::atomic<std::uint64_t>& entry, ObjectId id) noexcept {
  bereave(dead, id);
  leave_hold(id, process_holder(dead));
  finish_drop(dead, id);  // if it died as the destroyer, without a note to spare
  entry.store(0, std::memory_order_release);
}

}  // namespace

void release_hold_list(Name dead, Slot& slot) noexcept {
  for_each_listed(slot, [dead](auto& entry, ObjectId id) { leave_listed(dead, entry, id); });
  release_chain<HoldPage>(slot.hold_list);
}

void release_single_holds(Name dead, Slot& slot) noexcept {
  for_each_listed(slot, [dead](auto& entry, ObjectId id) {
    const ObjectHeader* object = find_object(id, ObjectKind::none);
    if (object != nullptr && held_one_by_one(object->kind)) leave_listed(dead, entry, id);
  });
}

}  // namespace multiprocessing::shm
