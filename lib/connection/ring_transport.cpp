#include "connection/ring_transport.hpp"

#include <cerrno>
#include <utility>

#include <multiprocessing/detail/codec.hpp>
#include <multiprocessing/detail/file_descriptor.hpp>
#include <multiprocessing/errors.hpp>

#include "shm/object.hpp"
#include "shm/process_table.hpp"
#include "sys/clock.hpp"
#include "sys/error.hpp"
#include "sys/surroundings.hpp"

namespace multiprocessing::connection {

using multiprocessing::detail::ByteQueue;
using multiprocessing::detail::Handle;
using multiprocessing::detail::HandleId;
using multiprocessing::detail::IncomingMessage;
using multiprocessing::detail::MessageTypeOf;
using multiprocessing::detail::OutgoingMessage;
using multiprocessing::detail::QueueOutcome;
using multiprocessing::detail::WaitSet;

namespace {

// Forks between the process that first used a pipe and this one.
std::atomic<std::uint32_t> fork_epoch{0};

// Between two questions to the kernel whether the other side lives: 0.3 us each.
constexpr sys::Nanoseconds kLookEvery = 20'000;
// The same for the whole family: a few microseconds.
constexpr sys::Nanoseconds kSearchEvery = 1'000'000;

// relaxed: threads may both find it due
bool is_due(std::atomic<std::int64_t>& last, sys::Nanoseconds every) noexcept {
  const std::int64_t now = sys::now();
  if (now - last.load(std::memory_order_relaxed) < every) return false;
  last.store(now, std::memory_order_relaxed);
  return true;
}

const EndState& state_of(const Handle& end) {
  return *static_cast<const EndState*>(end.payload());
}

std::optional<ByteQueue> queue_of(shm::ObjectId id) {
  if (id == 0) return std::nullopt;
  return ByteQueue::from_id({id});
}

void require_sent(QueueOutcome outcome) {
  if (outcome == QueueOutcome::done) return;
  sys::throw_error(EPIPE, "send", "nobody holds the other end of the connection");
}

}  // namespace

RingTransport::RingTransport(Handle end)
    : Transport(state_of(end).in != 0, state_of(end).out != 0),
      id_(end.id()),
      peer_(state_of(end).peer.load(std::memory_order_acquire)),
      end_(std::move(end)),
      in_(queue_of(state_of(end_).in)),
      out_(queue_of(state_of(end_).out)),
      epoch_(fork_epoch.load(std::memory_order_relaxed)) {}

RingTransport::~RingTransport() {
  close();
  const Lookout* lookout = lookout_.load(std::memory_order_acquire);
  // relaxed: nobody else is here any more. In a forked child it may be its parent's.
  if (is_known_here()) delete lookout;
}

// relaxed, here and below: the child that was just forked has one thread
void RingTransport::count_fork() noexcept {
  fork_epoch.fetch_add(1, std::memory_order_relaxed);
}

void RingTransport::require_held() {
  if (is_known_here()) [[likely]]
    return;
  if (!held_here()) {
    close();
    sys::throw_error(EBADF, "connection", "this process was forked without it");
  }
  // A parent's lookout is the parent's, and one of its threads may have been at work on it.
  lookout_.store(nullptr, std::memory_order_relaxed);
  epoch_.store(fork_epoch.load(std::memory_order_relaxed), std::memory_order_relaxed);
}

// An end that only messages hold lives as long as somebody can receive one of them.
void RingTransport::look_after_peer() noexcept {
  if (shm::look_for_the_living(peer_) != shm::Held::in_a_message) return;
  if (is_due(searched_, kSearchEvery)) (void)shm::bury_the_dead();
}

void RingTransport::look_behind() noexcept {
  Lookout* lookout = lookout_.load(std::memory_order_acquire);
  if (lookout != nullptr) lookout->refresh();
  look_after_peer();
}

void RingTransport::ring_peer() noexcept {
  if (out_) multiprocessing::detail::ring_queue(out_->id());
}

// Who is busy with messages takes part in no watch, so now and then it looks for itself whether
// anybody is left on the other side. After the message is on its way, so that a receiver is not
// kept waiting for it. What the other side had received before it left was sent.
void RingTransport::require_kept() {
  if (is_due(looked_, kLookEvery)) look_after_peer();
  if (out_->was_dropped()) require_sent(QueueOutcome::shut_down);
}

void RingTransport::send(std::span<const std::byte> message) {
  require_held();
  require_sent(out_->put(message.data(), message.size(), {}));
  require_kept();
}

void RingTransport::send(OutgoingMessage& message) {
  require_held();
  require_sent(out_->put(message, {}));
  require_kept();
}

Received RingTransport::receive(IncomingMessage& message, Timeout timeout, std::size_t maxlength) {
  require_held();
  QueueOutcome outcome = in_->get(message.item(), timeout);
  // What a death has just now ended, as well as what came with it, is there at the second look.
  if (outcome == QueueOutcome::in_vain) {
    look_behind();
    outcome = in_->get(message.item(), Timeout::zero());
  }
  if (outcome == QueueOutcome::in_vain) return Received::timed_out;
  if (outcome == QueueOutcome::shut_down) return Received::end;
  message.set_item();
  return message.bytes().size() > maxlength ? Received::too_long : Received::message;
}

bool RingTransport::poll(Timeout timeout) {
  require_held();
  if (in_->poll(timeout)) return true;
  look_behind();
  return in_->poll(Timeout::zero());
}

int RingTransport::fileno() {
  require_held();
  if (!in_) sys::throw_error(EBADF, "connection", "it is write-only");
  Lookout* known = lookout_.load(std::memory_order_acquire);
  if (known == nullptr) {
    auto made = std::make_unique<Lookout>(in_->fileno(), peer_);
    // release: other threads find it made
    if (lookout_.compare_exchange_strong(known, made.get(), std::memory_order_acq_rel)) {
      known = made.release();
    }
  }
  known->refresh();
  return known->fd();
}

void RingTransport::add_to(WaitSet& set) {
  require_held();
  set.add(*in_);
}

// A message like others, whose value is a FileDescriptor.
void RingTransport::send_descriptor(int fd) {
  const FileDescriptor file(fd);
  OutgoingMessage message;
  message.writer().plain(MessageTypeOf<FileDescriptor>::id());
  multiprocessing::detail::encode_value(message.writer(), file);
  send(message);
}

sys::UniqueFd RingTransport::receive_descriptor() {
  IncomingMessage message;
  if (receive(message, {}, multiprocessing::detail::kAnyLength) == Received::end) throw EOFError();
  multiprocessing::detail::Reader reader = message.reader();
  const std::uint64_t id = MessageTypeOf<FileDescriptor>::id();
  if (reader.remaining() < sizeof id || reader.plain<std::uint64_t>() != id) {
    throw ValueError("what was received is no descriptor");
  }
  const auto file = multiprocessing::detail::decode_value<FileDescriptor>(reader);
  return sys::duplicate(file.fileno());
}

HandleId RingTransport::id() {
  require_held();
  return {id_};
}

bool RingTransport::is_known_here() const noexcept {
  return epoch_.load(std::memory_order_relaxed) == fork_epoch.load(std::memory_order_relaxed);
}

// The handle is looked at once in each forked child: another thread may let go of it at any time.
bool RingTransport::held_here() const noexcept {
  return is_known_here() || (end_ && shm::is_held_here(*end_.hold()));
}

void RingTransport::close_end() noexcept {
  end_ = Handle();
  ring_peer();  // others may hold the end on
}

}  // namespace multiprocessing::connection
