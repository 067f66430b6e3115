// Making pipes, finding this process's transports again, and what becomes of an end.

#include <pthread.h>

#include <memory>
#include <mutex>
#include <new>
#include <unordered_map>
#include <utility>
#include <vector>

#include <multiprocessing/detail/connection_bytes.hpp>
#include <multiprocessing/detail/handle.hpp>
#include <multiprocessing/detail/queue_bytes.hpp>
#include <multiprocessing/errors.hpp>

#include "connection/end.hpp"
#include "connection/ring_transport.hpp"
#include "connection/socket_transport.hpp"
#include "shm/hold_list.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::connection {
namespace {

using multiprocessing::detail::ByteConnection;
using multiprocessing::detail::ByteQueue;
using multiprocessing::detail::Handle;

// About as many small messages as Linux keeps for a socket pair before its sender waits.
constexpr std::size_t kMessages = 256;

constexpr auto kKind = static_cast<std::uint32_t>(shm::ObjectKind::connection);

// The transports of this process by end. The lock is never held while a lock of lib/shm is taken,
// and is free in a forked child. Never destroyed.
struct Registry {
  std::mutex lock;
  std::unordered_map<shm::ObjectId, std::weak_ptr<RingTransport>> transports;
};

Registry& registry() noexcept {
  static auto* instance = new Registry;
  return *instance;
}

const int handlers =
    pthread_atfork([] { registry().lock.lock(); }, [] { registry().lock.unlock(); },
                   [] { registry().lock.unlock(); });

std::shared_ptr<RingTransport> known(shm::ObjectId end) {
  Registry& mine = registry();
  const std::lock_guard guard(mine.lock);
  const auto found = mine.transports.find(end);
  return found == mine.transports.end() ? nullptr : found->second.lock();
}

// The first one to come with a transport for an end has made the process's.
std::shared_ptr<RingTransport> keep(shm::ObjectId end, std::shared_ptr<RingTransport> fresh) {
  Registry& mine = registry();
  std::shared_ptr<RingTransport> there;  // outlives the guard: its destructor takes other locks
  const std::lock_guard guard(mine.lock);
  if (mine.transports.size() >= 64 && (mine.transports.size() & 63U) == 0) {
    std::erase_if(mine.transports, [](const auto& entry) { return entry.second.expired(); });
  }
  std::weak_ptr<RingTransport>& place = mine.transports[end];
  there = place.lock();
  if (there && !there->closed()) return there;
  place = fresh;
  return fresh;
}

// A queue that the end does not hold was never its own, or was shut and left before a death.
void destroy_end(shm::ObjectHeader& object) noexcept {
  const EndState& end = *shm::payload<EndState>(&object);
  const std::uint64_t holder = shm::block_holder(shm::BlockRef::unpack(shm::id_of(&object)));
  if (end.out != 0 && shm::keep_hold(end.out, holder)) {
    multiprocessing::detail::shut_down_queue({end.out});
  }
  MULTIPROCESSING_CRASH_POINT("connection.end.shut");
  if (end.in != 0 && shm::keep_hold(end.in, holder)) {
    multiprocessing::detail::abandon_queue({end.in});
  }
  MULTIPROCESSING_CRASH_POINT("connection.end.abandoned");
  for (const shm::ObjectId queue : {end.in, end.out}) {
    if (queue != 0) shm::leave_hold(queue, holder);
    MULTIPROCESSING_CRASH_POINT("connection.end.left");
  }
}

// Somebody who held the end has died, perhaps as he had sent what nobody will receive. The sweep
// keeps the end, and so its queues, meanwhile.
void bereave_end(shm::ObjectHeader& object) noexcept {
  const EndState& end = *shm::payload<EndState>(&object);
  if (end.out != 0) multiprocessing::detail::drop_rest_of_queue({end.out});
}

const bool registered = [] {
  register_ends();
  shm::register_fork_hook(RingTransport::count_fork);
  return true;
}();

// An end that holds its queues. Requires handles to them.
Handle make_end(shm::ObjectId in, shm::ObjectId out) {
  const EndState wanted{in, out, 0, 0};
  Handle end(shm::create_object(
      shm::ObjectKind::connection, sizeof(EndState),
      [](void* payload, const void* from) {
        const auto* state = static_cast<const EndState*>(from);
        new (payload) EndState{state->in, state->out, 0, 0};
      },
      &wanted));
  MULTIPROCESSING_CRASH_POINT("connection.pipe.made");
  const std::uint64_t holder = shm::block_holder(shm::BlockRef::unpack(end.id()));
  for (const shm::ObjectId queue : {in, out}) {
    if (queue != 0) (void)shm::enter_hold(queue, holder);
  }
  MULTIPROCESSING_CRASH_POINT("connection.pipe.held");
  return end;
}

EndState& state_of(const Handle& end) {
  return *static_cast<EndState*>(end.payload());
}

}  // namespace

void register_ends() noexcept {
  shm::register_kind(shm::ObjectKind::connection, destroy_end);
  shm::register_bereavement(shm::ObjectKind::connection, bereave_end);
}

std::shared_ptr<RingTransport> ring_transport(shm::ObjectId end) {
  std::shared_ptr<RingTransport> there = known(end);
  if (there && !there->closed() && there->held_here()) return there;
  if (there && !there->closed()) there->close();  // the parent's: this process was given none
  auto fresh = std::make_shared<RingTransport>(Handle::from_id(end, kKind));
  fresh->ring_peer();  // they know nothing of this holder
  return keep(end, std::move(fresh));
}

void close_inherited_ends() noexcept {
  std::vector<std::shared_ptr<RingTransport>> all;
  {
    Registry& mine = registry();
    const std::lock_guard guard(mine.lock);
    for (auto& [id, transport] : mine.transports) {
      if (auto there = transport.lock()) all.push_back(std::move(there));
    }
  }
  for (const auto& transport : all) transport->close();
}

}  // namespace multiprocessing::connection

namespace multiprocessing::detail {

ByteConnection ByteConnection::from_id(HandleId id) {
  if (shm::find_object(id.value, shm::ObjectKind::descriptor) != nullptr) {
    return ByteConnection(connection::socket_from(id));
  }
  return ByteConnection(connection::ring_transport(id.value));
}

std::pair<ByteConnection, ByteConnection> make_pipe(bool duplex) {
  connection::register_ends();
  const ByteQueue forth = ByteQueue::make(connection::kMessages);  // second end to first
  std::optional<ByteQueue> back;
  if (duplex) back = ByteQueue::make(connection::kMessages);
  const shm::ObjectId back_id = duplex ? back->id().value : 0;
  MULTIPROCESSING_CRASH_POINT("connection.pipe.queued");
  Handle first = connection::make_end(forth.id().value, back_id);
  Handle second = connection::make_end(back_id, forth.id().value);
  connection::state_of(first).peer.store(second.id(), std::memory_order_release);
  connection::state_of(second).peer.store(first.id(), std::memory_order_release);
  MULTIPROCESSING_CRASH_POINT("connection.pipe.paired");
  auto make = [](Handle end) {
    const shm::ObjectId id = end.id();
    return ByteConnection(
        connection::keep(id, std::make_shared<connection::RingTransport>(std::move(end))));
  };
  return {make(std::move(first)), make(std::move(second))};
}

}  // namespace multiprocessing::detail
