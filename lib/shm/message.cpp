// Messages: blocks that carry handles, and hold their objects as long as they exist.

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <multiprocessing/detail/outgoing_message.hpp>
#include <multiprocessing/errors.hpp>

#include "shm/hold_list.hpp"
#include "shm/object.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::shm {

Block make_message(std::uint64_t size, std::span<const ObjectId> handles, bool sparse) {
  OwnedBlock block(allocate(message_bytes(size, handles.size()), sparse));
  auto* message =
      new (block.get().data()) Message{size, static_cast<std::uint32_t>(handles.size()), 0};
  std::ranges::copy(handles, message->ids());
  if (!handles.empty()) {
    note_handles(block.get());  // from here on a sweep drops what the block holds
    MULTIPROCESSING_CRASH_POINT("message.marked");
  }
  const std::uint64_t holder = block_holder(block.get().ref);
  for (const ObjectId id : handles) {
    if (!enter_hold(id, holder)) {
      throw ValueError("a handle in the message refers to an object that is gone (id " +
                       std::to_string(id) + "): send it while it is held here");
    }
    MULTIPROCESSING_CRASH_POINT("message.held");
  }
  return block.let_go();
}

// A block with handles must list them before it holds them, so a message that turns out to carry
// some is copied.
Block make_message(detail::OutgoingMessage& message) {
  const detail::Writer& written = message.writer_;
  OwnedBlock block({BlockRef::unpack(std::exchange(message.block_, 0)), message.entry_});
  if (written.handles().empty() && block.get()) {
    block_as<Message>(block.get().ref.id)->size = written.size();
    return block.let_go();
  }
  std::vector<ObjectId> ids;
  for (const detail::HandleId id : written.handles()) ids.push_back(id.value);
  OwnedBlock copy(make_message(written.size(), ids));
  if (written.size() != 0) {
    std::memcpy(block_as<Message>(copy.get().ref.id)->bytes(), written.data(), written.size());
  }
  return copy.let_go();
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

namespace multiprocessing::detail {

OutgoingMessage::~OutgoingMessage() {
  shm::Block block{shm::BlockRef::unpack(block_), entry_};
  if (block) shm::release(block);
}

std::span<std::byte> OutgoingMessage::grow(std::span<const std::byte> used, std::size_t at_least) {
  if (at_least <= room_.size()) {
    std::ranges::copy(used, room_.begin());
    return room_;
  }
  shm::Block bigger = shm::allocate(shm::message_bytes(at_least, 0));
  auto* message = new (bigger.data()) shm::Message{0, 0, 0};
  std::memcpy(message->bytes(), used.data(), used.size());
  shm::Block former{shm::BlockRef::unpack(block_), entry_};
  if (former) shm::release(former);
  block_ = bigger.ref.packed();
  entry_ = bigger.entry;
  return {message->bytes(), shm::block_capacity(bigger.ref.id) - shm::message_bytes(0, 0)};
}

}  // namespace multiprocessing::detail
