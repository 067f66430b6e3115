// What a List does below its type.

#include <new>

#include <multiprocessing/detail/list_bytes.hpp>

#include "shared/describe.hpp"
#include "shared/list_session.hpp"
#include "shm/object.hpp"
#include "shm/watch.hpp"

namespace multiprocessing::detail {

using shared::ListLook;
using shared::ListSession;
using shared::ListState;

namespace {

constexpr int kPatience = 100;  // looks of a reader that writers may spoil

void prepare(void* payload, const void* item) {
  auto* list = new (payload) ListState{};
  (void)make_lock(list->lock.data(), Recovery::silent);
  list->item = *static_cast<const std::uint64_t*>(item);
}

shm::LocalHold* make_list(std::uint64_t item) {
  return shm::create_object(shm::ObjectKind::list, sizeof(ListState), prepare, &item);
}

// In every process, before anything can die: a sweep may have to destroy a list.
[[maybe_unused]] const bool registered = [] {
  shm::register_kind(shm::ObjectKind::list, [](shm::ObjectHeader& object) noexcept {
    shared::destroy_list(*shm::payload<ListState>(&object));
  });
  shm::register_describer(shm::ObjectKind::list, "list", shared::describe_list);
  return true;
}();

}  // namespace

ByteList::ByteList(std::size_t item)
    : handle_(make_list(item)), state_(static_cast<ListState*>(handle_.payload())) {}

ByteList::ByteList(HandleId id)
    : handle_(Handle::from_id(id.value, static_cast<std::uint32_t>(shm::ObjectKind::list))),
      state_(static_cast<ListState*>(handle_.payload())) {}

ListState& ByteList::state() const {
  if (!handle_) (void)handle_.payload();  // throws
  return *state_;
}

bool ByteList::get(std::int64_t index, DictBytes& out) const {
  ListState& list = state();
  shm::Spinner pause;
  for (int looks = 0; looks < kPatience; ++looks) {
    const ListLook look = shared::look_at(list, index, out);
    if (look == ListLook::got || look == ListLook::none) return look == ListLook::got;
    if (look == ListLook::needs_lock || !pause.again()) break;
  }
  const ListSession session(list);
  const auto size = static_cast<std::int64_t>(session.size());
  const std::int64_t at = index < 0 ? index + size : index;
  if (at < 0 || at >= size) return false;
  session.read(static_cast<std::uint64_t>(at), out);
  return true;
}

std::uint64_t ByteList::size() const {
  return state().size.load(std::memory_order_acquire);  // [Z] of list_layout.hpp
}

// ListClaim --------------------------------------------------------------------------------------

namespace {

ListSession& session_in(auto& room) noexcept {
  return *std::launder(reinterpret_cast<ListSession*>(room.data()));
}
const ListSession& session_in(const auto& room) noexcept {
  return *std::launder(reinterpret_cast<const ListSession*>(room.data()));
}

}  // namespace

ListClaim::ListClaim(const ByteList& list) {
  static_assert(sizeof(ListSession) <= kRoom && alignof(ListSession) <= 16);
  new (room_.data()) ListSession(list.state());
}

ListClaim::~ListClaim() {
  session_in(room_).~ListSession();
}

std::uint64_t ListClaim::size() const noexcept {
  return session_in(room_).size();
}

std::uint64_t ListClaim::version() const noexcept {
  return session_in(room_).version();
}

void ListClaim::read(std::uint64_t index, DictBytes& out) const {
  session_in(room_).read(index, out);
}

void ListClaim::stage(std::span<const std::byte> value, std::span<const HandleId> handles) {
  session_in(room_).stage(value, handles);
}

void ListClaim::splice(std::uint64_t first, std::uint64_t last) {
  session_in(room_).splice(first, last);
}

void ListClaim::permute(std::span<const std::uint64_t> order) {
  session_in(room_).permute(order);
}

}  // namespace multiprocessing::detail
