#include <multiprocessing/detail/shared_future.hpp>

#include <cstring>
#include <new>
#include <string>
#include <vector>

#include <multiprocessing/detail/exception.hpp>
#include <multiprocessing/detail/future_base.hpp>
#include <multiprocessing/detail/outgoing_message.hpp>
#include <multiprocessing/errors.hpp>

#include "executor/shared_future.hpp"
#include "shm/object.hpp"
#include "shm/process_table.hpp"
#include "shm/watch.hpp"
#include "sys/crash_point.hpp"
#include "sys/process.hpp"

namespace multiprocessing::executor {
namespace {

const bool registered = (shm::register_kind(shm::ObjectKind::future,
                                            [](shm::ObjectHeader& object) noexcept {
                                              shm::Block block = shm::unlink(
                                                  shm::payload<FutureState>(&object)->contents);
                                              if (block) shm::release_message(block);
                                            }),
                         true);

struct Draft {
  std::uint32_t flags = 0;
  std::uint64_t owner = 0;
  std::int32_t owner_pid = 0;
  std::uint64_t type = 0;
  const detail::SharedTask* task = nullptr;
};

detail::Handle create(const Draft& draft) {
  (void)registered;
  detail::Handle made(shm::create_object(
      shm::ObjectKind::future, sizeof(FutureState),
      [](void* payload, const void* argument) {
        const auto& from = *static_cast<const Draft*>(argument);
        auto* state = new (payload) FutureState;
        state->flags.store(from.flags, std::memory_order_relaxed);  // relaxed: nobody sees it yet
        state->owner = from.owner;
        state->owner_pid = from.owner_pid;
        state->type = from.type;
        if (from.task == nullptr) return;
        state->cell = from.task->cell;
        state->sequence = from.task->sequence;
        state->items = from.task->items;
      },
      &draft));
  MULTIPROCESSING_CRASH_POINT("future.share.created");
  return made;
}

detail::FutureStatus status_in(std::uint32_t word) noexcept {
  return static_cast<detail::FutureStatus>(word & kFutureStatus);
}
bool done(std::uint32_t word) noexcept {
  return status_in(word) >= detail::FutureStatus::cancelled;
}

shm::Message* contents(const FutureState& state) noexcept {
  const auto ref = shm::BlockRef::unpack(state.contents.load(std::memory_order_acquire));
  return ref ? shm::block_as<shm::Message>(ref.id) : nullptr;
}

}  // namespace
}  // namespace multiprocessing::executor

namespace multiprocessing::detail {

using executor::FutureState;
using executor::kFutureIsJob;
using executor::kFutureIsTask;
using executor::kFutureRaised;
using executor::kFutureSleeper;
using executor::kFutureStop;

FutureState& SharedFuture::state() const noexcept {
  return *shm::payload<FutureState>(handle_.object());
}

SharedFuture SharedFuture::of_task(const SharedTask& task, std::uint64_t type) {
  SharedFuture made(executor::create(
      {kFutureIsTask | (task.job ? kFutureIsJob : 0U), task.owner, task.owner_pid, type, &task}));
  OutgoingMessage message;
  message.writer().handle(task.pool);
  message.writer().plain(task.load);
  message.writer().bytes(task.name.data(), task.name.size());
  shm::OwnedBlock block(shm::make_message(message));
  if (shm::link(block.get(), made.state().contents)) (void)block.let_go();
  MULTIPROCESSING_CRASH_POINT("future.share.linked");
  return made;
}

SharedFuture SharedFuture::of_this_process(std::uint64_t type) {
  return SharedFuture(
      executor::create({0, shm::pack_name(shm::self()), sys::current_pid(), type, nullptr}));
}

SharedFuture SharedFuture::from_id(HandleId id, std::uint64_t type) {
  SharedFuture found(
      Handle::from_id(id.value, static_cast<std::uint32_t>(shm::ObjectKind::future)));
  if (found && found.state().type != type) {
    throw TransferError("a future arrived whose result is of another type than is expected here");
  }
  return found;
}

bool SharedFuture::is_task() const noexcept {
  return (state().flags.load(std::memory_order_relaxed) & kFutureIsTask) != 0;  // constant
}

SharedTask SharedFuture::task() const {
  const FutureState& here = state();
  shm::Message* const message = executor::contents(here);
  Reader in(message->bytes(), message->size);
  SharedTask task;
  task.pool = in.handle();
  task.load = in.plain<CodeToken>();
  task.name.resize(in.remaining());
  in.bytes(task.name.data(), task.name.size());
  task.owner = here.owner;
  task.owner_pid = here.owner_pid;
  task.cell = here.cell;
  task.sequence = here.sequence;
  task.job = (here.flags.load(std::memory_order_relaxed) & kFutureIsJob) != 0;  // constant
  task.items = here.items;
  return task;
}

FutureStatus SharedFuture::status() const noexcept {
  const FutureState& here = state();
  const std::uint32_t word = here.word.load(std::memory_order_acquire);  // [S]
  if (executor::done(word) || !shm::is_dead(shm::unpack_name(here.owner))) {
    return executor::status_in(word);
  }
  // It may have finished it, and ended, since the look at the word.
  const std::uint32_t last = here.word.load(std::memory_order_acquire);  // [S]
  return executor::done(last) ? executor::status_in(last) : FutureStatus::finished;
}

bool SharedFuture::start() const noexcept {
  std::uint32_t seen = state().word.load(std::memory_order_relaxed);  // the exchange decides
  while (executor::status_in(seen) == FutureStatus::pending) {
    if (state().word.compare_exchange_weak(seen, seen | 1U, std::memory_order_acq_rel)) return true;
  }
  return executor::status_in(seen) == FutureStatus::running;
}

bool SharedFuture::cancel(bool running) const noexcept {
  FutureState& here = state();
  std::uint32_t seen = here.word.load(std::memory_order_acquire);
  while (executor::status_in(seen) == FutureStatus::pending) {
    if (!here.word.compare_exchange_weak(seen, 2U, std::memory_order_acq_rel)) continue;
    MULTIPROCESSING_CRASH_POINT("future.cancel.cancelled");
    if ((seen & kFutureSleeper) != 0) shm::wake(here.word, INT32_MAX);
    return true;
  }
  if (running && executor::status_in(seen) == FutureStatus::running) {
    here.word.fetch_or(kFutureStop, std::memory_order_release);
  }
  return executor::status_in(seen) == FutureStatus::cancelled;
}

bool SharedFuture::asked_to_stop() const noexcept {
  return (state().word.load(std::memory_order_acquire) & kFutureStop) != 0;
}

// Who wakes it: whoever completes or cancels it; if that one is dead, its death.
bool SharedFuture::wait(std::int64_t deadline) const {
  FutureState& here = state();
  const auto ended = [this] { return status() >= FutureStatus::cancelled; };
  if (ended()) return true;
  if (deadline <= 0) return false;
  for (shm::Spinner spinner; spinner.again();) {
    if (executor::done(here.word.load(std::memory_order_acquire))) return true;  // [S]
  }
  shm::Sleeper sleeper(here.word);
  for (;;) {
    sleeper.note();
    const std::uint32_t seen = here.word.fetch_or(kFutureSleeper, std::memory_order_acq_rel);
    if (executor::done(seen) || ended()) return true;
    if (!sleeper.sleep(seen | kFutureSleeper, deadline)) return ended();
  }
}

void SharedFuture::complete(OutgoingMessage& outcome, bool raised) const noexcept {
  FutureState& here = state();
  if (executor::done(here.word.load(std::memory_order_acquire))) return;
  try {
    shm::OwnedBlock block(shm::make_message(outcome));
    if (raised) here.flags.fetch_or(kFutureRaised, std::memory_order_relaxed);  // F2: before [S]
    if (shm::link(block.get(), here.contents)) (void)block.let_go();
  } catch (...) {  // no memory: they are told so
  }
  MULTIPROCESSING_CRASH_POINT("future.complete.linked");
  const std::uint32_t before = here.word.fetch_or(3U, std::memory_order_acq_rel);  // [S]
  MULTIPROCESSING_CRASH_POINT("future.complete.finished");
  if ((before & kFutureSleeper) != 0) shm::wake(here.word, INT32_MAX);
}

std::exception_ptr SharedFuture::error() const {
  const FutureState& here = state();
  const std::uint32_t word = here.word.load(std::memory_order_acquire);  // [S]
  if (executor::status_in(word) == FutureStatus::cancelled) {
    return std::make_exception_ptr(
        CancelledError("the task was cancelled: submit it again if it is still wanted"));
  }
  if (!executor::done(word)) {
    return std::make_exception_ptr(
        BrokenExecutor("process " + std::to_string(here.owner_pid) +
                       ", which was to complete this future, has ended"));
  }
  shm::Message* const message = executor::contents(here);
  if (message == nullptr) {
    return std::make_exception_ptr(
        ArenaExhausted("the result of the task could not be shared: no memory was left for it"));
  }
  if ((here.flags.load(std::memory_order_relaxed) & kFutureRaised) == 0) return nullptr;  // F2
  Reader in(message->bytes(), message->size);
  return decode_exception(in);
}

std::span<const std::byte> SharedFuture::value() const noexcept {
  shm::Message* const message = executor::contents(state());
  return {message->bytes(), message->size};
}

void throw_unsendable_future() {
  throw TransferError(
      "this future's result is of a type that cannot be sent to another process, so the future "
      "cannot either");
}
void throw_taken() {
  throw ValueError("this result has been taken out already");
}
std::exception_ptr left_behind() {
  return std::make_exception_ptr(BrokenExecutor(
      "the process that was to complete this future is the one that this process was forked from, "
      "and it does not share it: pass the future as an argument, or send it"));
}

}  // namespace multiprocessing::detail
