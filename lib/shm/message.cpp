// Messages: blocks that carry handles, and hold their objects as long as they exist.

#include <algorithm>
#include <string>

#include <multiprocessing/errors.hpp>

#include "shm/hold_list.hpp"
#include "shm/object.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::shm {

Block make_message(std::uint64_t size, std::span<const ObjectId> handles, bool sparse) {
  OwnedBlock block(allocate(message_bytes(size, handles.size()), sparse));
  auto* message =
      new (block.get().data()) Message{size, static_cast<std::uint32_t>(handles.size()), 0};
  std::copy(handles.begin(), handles.end(), message->ids());
  if (!handles.empty()) {
    note_handles(block.get());  // from here on a sweep drops what the block holds
    MULTIPROCESSING_CRASH_POINT("message.marked");
  }
  const std::uint64_t holder = block_holder(block.get().ref);
  for (const ObjectId id : handles) {
    if (!enter_hold(id, holder)) {
      throw ValueError("a handle in the message refers to an object that is gone (id " +
                       std::to_string(id) + ")");
    }
    MULTIPROCESSING_CRASH_POINT("message.held");
  }
  return block.let_go();
}

void drop_handles(Block& block) noexcept {
  auto* message = block_as<Message>(block.ref.id);
  const std::uint64_t holder = block_holder(block.ref);
  for (std::uint32_t i = 0; i < message->handles; ++i) {
    leave_hold(message->ids()[i], holder);
    MULTIPROCESSING_CRASH_POINT("message.dropped");
  }
}

void release_message(Block& block) noexcept {
  release(block);
}

}  // namespace multiprocessing::shm
