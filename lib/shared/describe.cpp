#include "shared/describe.hpp"

#include "shared/dict_layout.hpp"
#include "shared/list_layout.hpp"
#include "shared/value_head.hpp"

namespace multiprocessing::shared {

void describe_value(shm::ObjectHeader& object, std::string& out) {
  auto& head = *shm::payload<GuardedHead>(&object);
  out += std::to_string(head.count) + " x " + std::to_string(head.item) + " bytes";
  if (head.mode == LockMode::none) return;
  if (head.mode == LockMode::foreign) {
    out += ", lock #" + std::to_string(shm::BlockRef::unpack(head.lock_id).id);
    return;
  }
  const auto* lock = reinterpret_cast<const sync::LockState*>(head.lock.data());
  const std::string holder = detail::holder_of(*lock);
  out += holder.empty() ? ", free" : ", held by " + holder;
}

void describe_dict(shm::ObjectHeader& object, std::string& out) {
  const auto& dict = *shm::payload<DictState>(&object);
  std::uint64_t entries = 0;
  for (const auto& part : dict.counters) {
    entries += part.entries.load(std::memory_order_relaxed);  // a guess
  }
  out += std::to_string(entries) + (entries == 1 ? " entry" : " entries");
}

void describe_list(shm::ObjectHeader& object, std::string& out) {
  const auto& list = *shm::payload<ListState>(&object);
  const std::uint64_t size = list.size.load(std::memory_order_relaxed);
  out += std::to_string(size) + (size == 1 ? " element" : " elements");
  const std::string holder =
      detail::holder_of(*reinterpret_cast<const sync::LockState*>(list.lock.data()));
  if (!holder.empty()) out += ", being changed by " + holder;
}

}  // namespace multiprocessing::shared
