#include <multiprocessing/detail/barrier.hpp>

#include <cstring>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <multiprocessing/detail/codec.hpp>
#include <multiprocessing/errors.hpp>

#include "shm/object.hpp"
#include "sync/barrier_state.hpp"
#include "sync/describe.hpp"

namespace multiprocessing {
namespace {

using shm::ObjectKind;
using Action = Function<void()>;

const bool registered = [] {
  shm::register_kind(ObjectKind::barrier, [](shm::ObjectHeader& object) noexcept {
    shm::Block action = shm::unlink(shm::payload<sync::BarrierState>(&object)->action);
    if (action) shm::release_message(action);
  });
  shm::register_describer(ObjectKind::barrier, "Barrier", sync::describe_barrier);
  sync::sweep_barriers();
  return true;
}();

struct Draft {
  int parties;
  Timeout timeout;
};

void prepare_barrier(void* payload, const void* draft) {
  const auto [parties, timeout] = *static_cast<const Draft*>(draft);
  auto* barrier = new (payload) sync::BarrierState;
  barrier->parties = static_cast<std::uint32_t>(parties);
  barrier->timeout = timeout;
}

detail::Handle create_barrier(int parties, Timeout timeout) {
  if (parties < 1 || parties > static_cast<int>(sync::kMaxParties)) {
    throw ValueError("a barrier has 1 to " + std::to_string(sync::kMaxParties) +
                     " parties, but was to have " + std::to_string(parties));
  }
  const Draft draft{.parties = parties, .timeout = timeout};
  return detail::Handle(
      shm::create_object(ObjectKind::barrier, sizeof(sync::BarrierState), prepare_barrier, &draft));
}

sync::BarrierState& barrier_of(const detail::Handle& handle) {
  return *static_cast<sync::BarrierState*>(handle.payload());
}

/// In a message, so that what the action refers to lives as long as the barrier.
void store(const Action& action, shm::Location& where) {
  detail::Writer out;
  detail::encode_value(out, action);
  std::vector<shm::ObjectId> handles;
  handles.reserve(out.handles().size());
  for (const detail::HandleId id : out.handles()) handles.push_back(id.value);
  shm::OwnedBlock block(shm::make_message(out.size(), handles));
  std::memcpy(shm::block_as<shm::Message>(block.get().ref.id)->bytes(), out.data(), out.size());
  (void)shm::link(block.get(), where);
  (void)block.let_go();  // the location's now
}

Action load(const shm::Location& where) {
  const auto ref = shm::BlockRef::unpack(where.load(std::memory_order_acquire));
  if (!ref) return {};
  auto* message = shm::block_as<shm::Message>(ref.id);
  detail::Reader in(message->bytes(), message->size);
  return detail::decode_value<Action>(in);
}

}  // namespace

Barrier::Barrier(int parties, const Function<void()>& action, Timeout timeout)
    : handle_(create_barrier(parties, timeout)) {
  if (action) store(action, state().action);
}

Barrier::Barrier(detail::Handle handle) noexcept : handle_(std::move(handle)) {}

Barrier Barrier::from_handle_id(detail::HandleId id) {
  return Barrier(
      detail::Handle::from_id(id.value, static_cast<std::uint32_t>(ObjectKind::barrier)));
}

sync::BarrierState& Barrier::state() const {
  return barrier_of(handle_);
}

int Barrier::wait(Timeout timeout) const {
  sync::BarrierState& barrier = state();
  const auto run_action = [](const void* where) {
    if (const Action action = load(*static_cast<const shm::Location*>(where))) action();
  };
  return sync::wait(barrier, timeout.is_forever() ? barrier.timeout : timeout, run_action,
                    &barrier.action);
}

void Barrier::reset() const {
  sync::reset(state());
}

void Barrier::abort() const {
  sync::abort(state());
}

int Barrier::parties() const {
  return static_cast<int>(state().parties);
}

int Barrier::n_waiting() const {
  const sync::BarrierWord word = sync::seen_in(state().word);
  return sync::is_broken(word) ? 0 : static_cast<int>(sync::arrived_in(word));
}

bool Barrier::broken() const {
  return sync::is_broken(sync::seen_in(state().word));
}

}  // namespace multiprocessing
