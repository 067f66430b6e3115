// The byte queue behind every Queue<T>: a handle onto the shared object, and this process's view.

#include <algorithm>
#include <cstring>
#include <exception>

#include <multiprocessing/detail/queue_bytes.hpp>
#include <multiprocessing/errors.hpp>

#include "queue/credits.hpp"
#include "queue/describe.hpp"
#include "queue/local_queue.hpp"
#include "queue/queue_watch.hpp"
#include "shm/arena.hpp"
#include "shm/object.hpp"
#include "shm/process_table.hpp"
#include "sys/clock.hpp"

namespace multiprocessing {

static_assert(detail::kQueueRoom == lanes::kInlineBytes);

namespace {

// What every process of the family must know before it meets a queue, or the sweep of one.
const bool registered = [] {
  shm::register_kind(shm::ObjectKind::queue, [](shm::ObjectHeader& object) noexcept {
    lanes::destroy_queue(*shm::payload<lanes::QueueState>(&object));
  });
  shm::register_describer(shm::ObjectKind::queue, "Queue", lanes::describe_queue);
  shm::register_publish_kind(shm::PublishKind::lane, lanes::lane_published);
  // relaxed: the child that was just forked has one thread
  shm::register_fork_hook(
      []() noexcept { lanes::fork_epoch.fetch_add(1, std::memory_order_relaxed); });
  return true;
}();

struct Shape {
  std::uint64_t maxsize;
  std::uint32_t mode;
};

void prepare_queue(void* payload, const void* argument) {
  auto* state = new (payload) lanes::QueueState{};
  const auto* shape = static_cast<const Shape*>(argument);
  state->maxsize = shape->maxsize;
  state->mode = shape->mode;
}

// Before anybody else knows of the queue. \throws ArenaExhausted
void add_credits(lanes::QueueState& state) {
  if (state.maxsize > UINT64_MAX / (2 * sizeof(lanes::Word))) {
    throw ArenaExhausted("maxsize is beyond all memory");
  }
  const std::uint64_t bytes = state.maxsize * sizeof(lanes::Word);
  const bool sparse = bytes > shm::kSparseAbove;  // appears zeroed
  shm::Block block = shm::allocate(bytes, sparse);
  if (!sparse) std::memset(block.data(), 0, bytes);
  (void)shm::link(block, state.credits);
}

shm::Block as_block(std::uint64_t packed, std::uint8_t entry) noexcept {
  return {shm::BlockRef::unpack(packed), entry};
}

lanes::Outcome put_block(lanes::LocalQueue& queue, shm::OwnedBlock& block, Timeout timeout) {
  const auto size = static_cast<std::size_t>(shm::block_as<shm::Message>(block.get().ref.id)->size);
  lanes::Item item{nullptr, size, &block.get()};
  return lanes::put(queue, item, timeout);
}

bool copy_message(shm::Message& message, void* into, std::size_t size) noexcept {
  if (message.size != size) return false;
  std::memcpy(into, message.bytes(), size);
  return true;
}

detail::QueueOutcome outward(lanes::Outcome outcome) noexcept {
  return static_cast<detail::QueueOutcome>(outcome);
}

}  // namespace

namespace detail {

void throw_not_put(QueueOutcome outcome) {
  if (outcome == QueueOutcome::shut_down) throw ShutDown();
  throw Full();
}

void throw_not_got(QueueOutcome outcome) {
  if (outcome == QueueOutcome::shut_down) throw ShutDown();
  throw Empty();
}

void throw_wrong_size() {
  throw ValueError("the item has more elements than one: take it with get_view()");
}

void shut_down_queue(HandleId id) noexcept {
  shm::ObjectHeader* object = shm::find_object(id.value, shm::ObjectKind::queue);
  if (object != nullptr) lanes::shut_down(*shm::payload<lanes::QueueState>(object));
}

void abandon_queue(HandleId id) noexcept {
  shm::ObjectHeader* object = shm::find_object(id.value, shm::ObjectKind::queue);
  if (object != nullptr) lanes::abandon(*shm::payload<lanes::QueueState>(object));
}

void drop_rest_of_queue(HandleId id) noexcept {
  shm::ObjectHeader* object = shm::find_object(id.value, shm::ObjectKind::queue);
  if (object != nullptr) lanes::drop_rest(*shm::payload<lanes::QueueState>(object));
}

void ring_queue(HandleId id) noexcept {
  shm::ObjectHeader* object = shm::find_object(id.value, shm::ObjectKind::queue);
  if (object == nullptr) return;
  auto& state = *shm::payload<lanes::QueueState>(object);
  lanes::BellList(state.items, state.bells).ring();
}

IncomingItem::~IncomingItem() {
  shm::Block block = as_block(block_, entry_);
  if (block) shm::release_message(block);
  if (ticket_ == nullptr) return;
  const lanes::TicketRef ticket{static_cast<lanes::Ticket*>(ticket_), sequence_};
  if (std::uncaught_exceptions() > unwinding_) {
    (void)lanes::finish(queue_->view.state, ticket);  // it could not be decoded: nobody has it
  } else {
    lanes::keep_in_hand(*queue_, ticket);
  }
}

IncomingItem::IncomingItem() noexcept : unwinding_(std::uncaught_exceptions()) {}  // NOLINT

ByteQueue::ByteQueue(Handle handle) : handle_(std::move(handle)) {
  auto* state = static_cast<lanes::QueueState*>(handle_.payload());
  local_ = &lanes::local_queue(handle_.id(), *state);
}

ByteQueue ByteQueue::make(std::size_t maxsize, QueueMode mode) {
  static_cast<void>(registered);
  (void)sys::usable_cpus();  // before a child of ours is tied to one of them
  const Shape shape{maxsize, static_cast<std::uint32_t>(mode)};
  Handle handle(
      shm::create_object(shm::ObjectKind::queue, sizeof(lanes::QueueState), prepare_queue, &shape));
  if (maxsize != 0) add_credits(*static_cast<lanes::QueueState*>(handle.payload()));
  return ByteQueue(std::move(handle));
}

ByteQueue ByteQueue::from_id(HandleId id) {
  return ByteQueue(Handle::from_id(id.value, static_cast<std::uint32_t>(shm::ObjectKind::queue)));
}

lanes::LocalQueue& ByteQueue::local() const {
  if (local_ == nullptr)
    throw ValueError("this queue was moved from: use the one that it was moved to");
  return *local_;
}

lanes::LocalQueue& ByteQueue::open() const {
  lanes::LocalQueue& queue = local();
  // relaxed: whoever closes and whoever puts order themselves, or it does not matter
  if (queue.closed.load(std::memory_order_relaxed) ==
      lanes::fork_epoch.load(std::memory_order_relaxed)) {
    throw ValueError("this queue is closed in this process: close() comes after its last use");
  }
  return queue;
}

QueueOutcome ByteQueue::put(const void* item, std::size_t size, Timeout timeout) const {
  lanes::LocalQueue& queue = open();
  if (size <= lanes::kInlineBytes && !queue.view.joinable()) {
    const lanes::Item small{static_cast<const std::byte*>(item), size, nullptr};
    return outward(lanes::put(queue, small, timeout));
  }
  shm::OwnedBlock block(shm::make_message(size, {}));
  std::memcpy(shm::block_as<shm::Message>(block.get().ref.id)->bytes(), item, size);
  return outward(put_block(queue, block, timeout));
}

QueueOutcome ByteQueue::put(OutgoingMessage& item, Timeout timeout) const {
  lanes::LocalQueue& queue = open();
  const Writer& written = item.writer();
  const bool joinable = queue.view.joinable();  // then it goes as a message, whatever its size
  if (written.handles().empty() && written.size() <= lanes::kInlineBytes && !joinable) {
    const lanes::Item small{written.data(), written.size(), nullptr};
    return outward(lanes::put(queue, small, timeout));
  }
  shm::OwnedBlock block(shm::make_message(item));
  return outward(put_block(queue, block, timeout));
}

QueueOutcome ByteQueue::put_run(const void* items, std::size_t size, std::size_t count,
                                std::size_t& done) const {
  const auto* bytes = static_cast<const std::byte*>(items);
  if (!open().view.joinable()) {
    return outward(lanes::put_run(open(), bytes, size, count, done));
  }
  for (done = 0; done < count; ++done) {
    const QueueOutcome outcome = put(bytes + done * size, size, {});
    if (outcome != QueueOutcome::done) return outcome;
  }
  return QueueOutcome::done;
}

QueueOutcome ByteQueue::get(void* item, std::size_t size, Timeout timeout) const {
  std::size_t count = 1;
  return get_run(item, size, count, timeout);
}

QueueOutcome ByteQueue::get_run(void* items, std::size_t size, std::size_t& count,
                                Timeout timeout) const {
  lanes::LocalQueue& queue = open();
  lanes::throw_if_deferred(queue);
  lanes::Taken taken{static_cast<std::byte*>(items), size, 0, {}, {}};
  const lanes::Outcome outcome = lanes::get(queue, taken, size, count, timeout);
  if (outcome != lanes::Outcome::done) return outward(outcome);
  if (taken.ticket.ticket != nullptr) {
    const bool whole = copy_message(*lanes::message_of(taken.ticket), items, size);
    lanes::keep_in_hand(queue, taken.ticket);
    if (!whole) throw_wrong_size();
  }
  if (taken.block) {
    shm::OwnedBlock block(taken.block);
    if (!copy_message(*shm::block_as<shm::Message>(taken.block.ref.id), items, size)) {
      throw_wrong_size();
    }
  }
  return outward(outcome);
}

QueueOutcome ByteQueue::get(IncomingItem& item, Timeout timeout) const {
  lanes::LocalQueue& queue = open();
  lanes::throw_if_deferred(queue);
  lanes::Taken taken{item.room_.data(), item.room_.size(), 0, {}, {}};
  std::size_t count = 1;
  const lanes::Outcome outcome = lanes::get(queue, taken, 0, count, timeout);
  if (outcome != lanes::Outcome::done) return outward(outcome);
  if (taken.ticket.ticket != nullptr) {
    auto* message = lanes::message_of(taken.ticket);
    item.data_ = message->bytes();
    item.size_ = message->size;
    item.queue_ = &queue;
    item.ticket_ = taken.ticket.ticket;
    item.sequence_ = taken.ticket.sequence;
    return outward(outcome);
  }
  item.data_ = item.room_.data();
  item.size_ = taken.size;
  if (taken.block) {
    auto* message = shm::block_as<shm::Message>(taken.block.ref.id);
    item.block_ = taken.block.ref.packed();
    item.entry_ = taken.block.entry;
    item.data_ = message->bytes();
    item.size_ = message->size;
  }
  return outward(outcome);
}

bool ByteQueue::poll(Timeout timeout) const {
  lanes::LocalQueue& queue = open();
  const bool ready = lanes::wait_for_item(queue, timeout);
  if (!ready) lanes::refresh_fileno(queue, false);
  return ready;
}

std::size_t ByteQueue::size() const {
  return lanes::item_count(local());
}

bool ByteQueue::empty() const {
  lanes::LocalQueue& queue = local();
  if (queue.view.joinable() && lanes::returned_tickets(queue.view.state) != 0) return false;
  return lanes::surely_empty(queue);
}

bool ByteQueue::full() const {
  lanes::QueueView& view = local().view;
  return view.bounded() && lanes::surely_full(view);
}

void ByteQueue::throw_next_time(std::exception_ptr error) const noexcept {
  if (local_ != nullptr) lanes::throw_next_time(*local_, std::move(error));
}

QueueLoan ByteQueue::loan(std::size_t size) const {
  (void)open();
  return QueueLoan(size);
}

QueueOutcome ByteQueue::put(QueueLoan& loan, Timeout timeout) const {
  lanes::LocalQueue& queue = open();
  shm::Block block = as_block(loan.block_, loan.entry_);
  if (!block || !shm::is_own(block)) {
    throw ValueError(block ? "this loan was made by another process" : "this loan was put before");
  }
  const lanes::Outcome outcome = lanes::put(queue, {nullptr, 0, &block}, timeout);
  if (outcome == lanes::Outcome::done) loan.block_ = 0;
  return outward(outcome);
}

QueueOutcome ByteQueue::get(QueueView& view, Timeout timeout) const {
  lanes::LocalQueue& queue = open();
  lanes::throw_if_deferred(queue);
  alignas(64) std::array<std::byte, lanes::kInlineBytes> room;
  lanes::Taken taken{room.data(), room.size(), 0, {}, {}};
  std::size_t count = 1;
  const lanes::Outcome outcome = lanes::get(queue, taken, 0, count, timeout);
  if (outcome == lanes::Outcome::done) view.take(queue, taken);
  return outward(outcome);
}

int ByteQueue::fileno() const {
  return lanes::fileno_of(open());
}

void ByteQueue::close() const {
  // relaxed: see open()
  local().closed.store(lanes::fork_epoch.load(std::memory_order_relaxed),
                       std::memory_order_relaxed);
}

bool ByteQueue::was_dropped() const {
  return lanes::was_dropped(local());
}

void ByteQueue::task_done() const {
  if (!lanes::item_done(local()))
    throw ValueError("task_done() called too many times: each item that was got is done once");
}

bool ByteQueue::join(Timeout timeout) const {
  return lanes::join(local(), timeout);
}

void ByteQueue::join_thread() const {
  if (local().closed.load(std::memory_order_relaxed) !=
      lanes::fork_epoch.load(std::memory_order_relaxed)) {
    throw ValueError("join_thread() is for a queue that was closed before");
  }
}

void ByteQueue::shutdown(bool immediate) const {
  lanes::shut_down(local(), immediate);
}

}  // namespace detail
}  // namespace multiprocessing
