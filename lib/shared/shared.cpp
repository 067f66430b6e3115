#include <multiprocessing/detail/shared.hpp>

#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include <multiprocessing/errors.hpp>

#include "shared/shared_copies.hpp"
#include "shared/shared_head.hpp"
#include "shm/object.hpp"
#include "sys/crash_point.hpp"
#include "sys/process.hpp"

namespace multiprocessing::detail {
namespace {

using shared::SharedHead;

const bool registered = [] {
  shm::register_kind(shm::ObjectKind::shared, [](shm::ObjectHeader& object) noexcept {
    shm::Block message = shm::unlink(shm::payload<SharedHead>(&object)->message);
    if (message) shm::release_message(message);
  });
  return true;
}();

SharedHead& head_of(const Handle& handle) {
  return *static_cast<SharedHead*>(handle.payload());
}

Handle create(const Writer& encoded, std::uint64_t type) {
  Handle handle(shm::create_object(
      shm::ObjectKind::shared, sizeof(SharedHead),
      [](void* payload, const void* id) {
        (new (payload) SharedHead)->type = *static_cast<const std::uint64_t*>(id);
      },
      &type));
  MULTIPROCESSING_CRASH_POINT("shared.make.created");
  std::vector<shm::ObjectId> handles;
  handles.reserve(encoded.handles().size());
  for (const HandleId id : encoded.handles()) handles.push_back(id.value);
  shm::OwnedBlock block(shm::make_message(encoded.size(), handles));
  auto* message = shm::block_as<shm::Message>(block.get().ref.id);
  std::memcpy(message->bytes(), encoded.data(), encoded.size());
  if (shm::link(block.get(), head_of(handle).message)) (void)block.let_go();
  MULTIPROCESSING_CRASH_POINT("shared.make.linked");
  return handle;
}

Handle open(HandleId id, std::uint64_t type) {
  Handle handle = Handle::from_id(id.value, static_cast<std::uint32_t>(shm::ObjectKind::shared));
  if (handle && head_of(handle).type != type) {
    throw ValueError(
        "the handle that came is a Shared of another type: receive it as the type that was sent");
  }
  return handle;
}

/// The sole right of this thread to make the copy, while it lives.
class Making {
 public:
  explicit Making(std::atomic<std::uint32_t>& maker) noexcept : maker_(maker) {
    const auto me = static_cast<std::uint32_t>(sys::current_pid());
    for (std::uint32_t seen = 0;;) {
      // acquire: the one before us may have made the copy
      if (maker_.compare_exchange_strong(seen, me, std::memory_order_acquire)) return;
      if (seen == me) {
        maker_.wait(seen, std::memory_order_relaxed);  // its scope ends: it has no way to die alone
        seen = 0;
      }  // else a thread of the process that this one was forked from: its right ended there
    }
  }
  Making(const Making&) = delete;
  Making& operator=(const Making&) = delete;
  ~Making() {
    maker_.store(0, std::memory_order_release);
    maker_.notify_all();
  }

 private:
  std::atomic<std::uint32_t>& maker_;
};

}  // namespace

SharedObject::SharedObject(const Writer& encoded, std::uint64_t type, Value value)
    : handle_(create(encoded, type)), entry_(shared::find_entry(handle_.id())) {
  const void* copy = value.get();
  entry_->keeper = std::move(value);
  entry_->value.store(copy, std::memory_order_release);  // [C]
}

SharedObject::SharedObject(HandleId id, std::uint64_t type)
    : handle_(open(id, type)), entry_(handle_ ? shared::find_entry(id.value) : nullptr) {}

SharedObject::SharedObject(const SharedObject& other) noexcept
    : handle_(other.handle_), entry_(other.entry_) {
  if (entry_ != nullptr) shared::refer_again(*entry_);
}

SharedObject& SharedObject::operator=(SharedObject other) noexcept {
  std::swap(handle_, other.handle_);
  std::swap(entry_, other.entry_);
  return *this;
}

SharedObject::~SharedObject() {
  handle_ = Handle();
  if (entry_ != nullptr) shared::leave_entry(*entry_);
}

const void* SharedObject::value(Decode decode) const {
  if (entry_ == nullptr) return handle_.payload();  // throws: it refers to nothing
  if (const void* copy = entry_->value.load(std::memory_order_acquire)) return copy;  // [C]
  return decoded(decode);
}

const void* SharedObject::decoded(Decode decode) const {
  const Making right(entry_->maker);
  if (const void* copy = entry_->value.load(std::memory_order_acquire)) return copy;  // [C]
  const auto ref = shm::BlockRef::unpack(head_of(handle_).message.load(std::memory_order_acquire));
  auto* message = shm::block_as<shm::Message>(ref.id);
  Reader in(message->bytes(), message->size);
  entry_->keeper = decode(in);
  entry_->value.store(entry_->keeper.get(), std::memory_order_release);  // [C]
  return entry_->keeper.get();
}

}  // namespace multiprocessing::detail
