#include "shm/join.hpp"

#include <utility>

#include <multiprocessing/errors.hpp>

#include "shm/arena.hpp"
#include "shm/descriptor.hpp"
#include "shm/process_table.hpp"
#include "shm/ticket.hpp"
#include "sys/crash_point.hpp"
#include "sys/memory.hpp"

namespace multiprocessing::shm {

bool has_arena() {
  return Arena::exists() || inherited_ticket() != nullptr;
}

ArenaFile own_arena() {
  return {.device = arena().device(), .inode = arena().inode()};
}

std::array<int, 3> family_descriptors() {
  static_cast<void>(self());
  ensure_descriptor_store();
  const auto [put_end, take_end] = descriptor_store();
  return {arena().fd(), put_end, take_end};
}

void join_family(std::array<sys::UniqueFd, 3> descriptors) {
  auto& [file, put_end, take_end] = descriptors;
  if (!sys::is_own_sealed_memfd(file.get())) {
    throw ValueError("what was offered as shared memory is not a sealed file of this user");
  }
  Arena::adopt(file.get());
  static_cast<void>(file.release());
  MULTIPROCESSING_CRASH_POINT("join.adopted");
  if (put_end && take_end) adopt_descriptor_store(std::move(put_end), std::move(take_end));
  MULTIPROCESSING_CRASH_POINT("join.stored");
  static_cast<void>(self());
}

}  // namespace multiprocessing::shm
