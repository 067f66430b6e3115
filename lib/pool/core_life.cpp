// The life of a pool as its owner steers it.

#include <fcntl.h>

#include <algorithm>
#include <csignal>
#include <string>
#include <system_error>

#include <multiprocessing/detail/start_method.hpp>
#include <multiprocessing/errors.hpp>
#include <multiprocessing/process.hpp>

#include "pool/core.hpp"
#include "pool/keeper.hpp"
#include "pool/seed.hpp"
#include "shm/arena.hpp"
#include "shm/object.hpp"
#include "shm/process_table.hpp"
#include "sys/calls.hpp"
#include "sys/io.hpp"
#include "sys/process.hpp"

namespace multiprocessing::pool {
namespace {

constexpr sys::Nanoseconds kEndGrace = 2'000'000'000;  // then the keeper is given up
constexpr sys::Nanoseconds kLook = 100'000'000;
constexpr sys::Nanoseconds kAskEvery = 50'000'000;
constexpr int kForcedRounds = 8;
constexpr int kFailedKeepers = 16;  // in a row: the pool is broken
constexpr std::uint32_t kRoom = 4;  // seats for resize()
constexpr std::uint32_t kMoreRoom = 28;

std::uint32_t seats_of(const PoolOptions& options) {
  const int wanted = options.processes.value_or(0);
  if (options.processes && wanted < 1) {
    throw ValueError("Number of processes must be at least 1, not " + std::to_string(wanted));
  }
  if (wanted > static_cast<int>(kMaxWorkers)) {
    throw ValueError("Number of processes must be at most " + std::to_string(kMaxWorkers) +
                     ", not " + std::to_string(wanted));
  }
  return static_cast<std::uint32_t>(options.processes ? wanted : cpu_count());
}

PoolSizes sizes_of(const PoolOptions& options, const detail::Handle& bell, bool keeps_exit) {
  if (options.maxtasksperchild < 0) {
    throw ValueError("maxtasksperchild must be a positive int or 0 (no bound), not " +
                     std::to_string(options.maxtasksperchild));
  }
  if (options.retries < 0) {
    throw ValueError("retries must not be negative, but is " + std::to_string(options.retries));
  }
  PoolSizes sizes;
  sizes.keeps_exit = keeps_exit;
  sizes.owner_bell = shm::arena().offset_of(&bell_in(bell));
  sizes.wanted = seats_of(options);
  sizes.seats = std::min(kMaxWorkers, kRoom * sizes.wanted + kMoreRoom);
  sizes.max_units = static_cast<std::uint32_t>(options.maxtasksperchild);
  sizes.retries = static_cast<std::uint32_t>(options.retries);
  if (const auto span = options.task_timeout.duration()) {
    sizes.task_timeout = span->count();
  } else if (!options.task_timeout.is_forever()) {
    sizes.task_deadline = options.task_timeout.deadline();
  }
  return sizes;
}

// The start method is settled when the pool is made: its later workers come by the same.
PoolOptions settled(PoolOptions options) {
  const auto& worker = options.worker.method;
  if (options.method && worker && *options.method != *worker) {
    throw ValueError("PoolOptions name two start methods: method and worker.method");
  }
  if (!options.method) options.method = worker ? *worker : get_start_method();
  return options;
}

sys::Pipe make_bell() {
  sys::Pipe bell = sys::make_pipe();
  for (const int fd : {bell.read.get(), bell.write.get()}) {
    (void)sys::calls().fcntl_int(fd, F_SETFL, O_NONBLOCK);
  }
  return bell;
}

}  // namespace

Core::Core(PoolOptions options, bool keeps_exit)
    : options_(settled(std::move(options))),
      owner_(shm::self()),
      owner_pid_(sys::current_pid()),
      owner_bell_(own_bell()),
      object_(create_state(sizes_of(options_, owner_bell_, keeps_exit))),
      state_(state_of(object_)),
      view_(state_),
      bell_(make_bell()) {
  view_.returned.reserve();  // so that the keeper needs no memory to give back what the dead had
}

void Core::require_owner() const {
  if (owner_ != shm::self())
    throw ValueError("a Pool can only be used by the process that made it");
}

void Core::require_open() const {
  require_owner();
  switch (phase_of(state_)) {
    case Phase::open:
      return;
    case Phase::broken:
      throw_broken();
    default:
      throw ValueError(
          "Pool not running: it was closed or terminated, and takes no more work; make another "
          "one");
  }
}

// For work of a stream that was open before the pool was closed.
void Core::require_for(bool goes_on) const {
  if (!goes_on || phase_of(state_) == Phase::broken) return require_open();
  require_owner();
  if (phase_of(state_) == Phase::terminating)
    throw CancelledError("the pool was terminated: give the rest to another one");
}

void Core::throw_broken() const {
  const auto ref = shm::BlockRef::unpack(state_.failure.load(std::memory_order_acquire));
  if (!ref)
    throw BrokenProcessPool(
        "the pool's workers ended, one after the other, as they started: see what they printed, "
        "mend that, and make another pool");
  auto* message = shm::block_as<shm::Message>(ref.id);
  detail::Reader in(message->bytes(), message->size);
  throw BrokenProcessPool(
      "the pool cannot start its workers: " + describe(detail::decode_exception(in)) +
      " (mend that, and make another pool)");
}

void Core::start() {
  start_keeper();
}

// Requires keeping_, or that nobody else knows this object yet.
void Core::start_keeper() {
  const KeeperPlan plan{owner_,           process::own_life_pipe_read_end(),
                        bell_.read.get(), bell_.write.get(),
                        object_,          owner_bell_};
  process::LaunchOptions options;
  options.title = "PoolKeeper";
  options.life_pipe_read_fd = plan.life;
  options.ignore_sigint = true;
  options.daemon = true;
  options.path = "0";
  options.inherit_ends = false;  // nor do the workers, which the keeper forks
  keeper_ = process::launch(*options_.method, options, keeper_work(view_, options_, plan));
  state_.keeper.store(shm::pack_name(keeper_->name()), std::memory_order_release);
}

// There is nothing left to be kept.
bool Core::over() {
  const Phase phase = phase_of(state_);
  if (phase == Phase::open || !all_vacant(state_)) return false;
  return phase >= Phase::terminating || !more_to_come(view_);
}

// Nor is work to wait for a worker that does not run.
void Core::ensure_keeper() {
  (void)stall_.look(view_);
  // Memory mostly: who sleeps long has the dead found by the watch. Who polls must ask itself.
  const std::uint64_t keeper = state_.keeper.load(std::memory_order_acquire);
  if (shm::is_live(shm::unpack_name(keeper))) {
    const sys::Nanoseconds now = sys::now();
    sys::Nanoseconds last = looked_at_.load(std::memory_order_relaxed);
    if (now - last < kAskEvery || !looked_at_.compare_exchange_strong(last, now)) return;
  }
  const std::lock_guard guard(keeping_);
  if (!keeper_ || !keeper_->poll_exit() || over()) return;
  replace_keeper();
}

// Requires keeping_, and that the last one has ended.
void Core::replace_keeper() {
  // relaxed: only the number counts
  const std::uint32_t taken_over = state_.keepers.exchange(0, std::memory_order_relaxed);
  failed_keepers_ = taken_over != 0 ? 0 : failed_keepers_ + 1;
  if (failed_keepers_ < kFailedKeepers) return start_keeper();
  try {
    throw ProcessError("the process that keeps the pool ended as it started, " +
                       std::to_string(kFailedKeepers) + " times in a row, the last time with " +
                       std::to_string(*keeper_->poll_exit()));
  } catch (const ProcessError&) {
    keep_failure(state_);
  }
  (void)advance_phase(state_, Phase::broken);
}

void Core::ring() noexcept {
  if (!bell_.write) return;  // a guest: the keeper looks by itself every second
  (void)sys::write_full(bell_.write.get(), "r", 1);
}

void Core::close() {
  require_owner();
  if (!advance_phase(state_, Phase::closed)) return;
  wake_parked(state_, kMaxWorkers);
  ring();
}

void Core::terminate() {
  require_owner();
  if (!advance_phase(state_, Phase::terminating)) return;
  wake_parked(state_, kMaxWorkers);
  ring();
}

// What has not begun is cancelled, what runs is BrokenProcessPool.
void Core::end_workers() {
  require_owner();
  if (phase_of(state_) >= Phase::terminating) return;
  state_.stopped.store(1, std::memory_order_relaxed);  // relaxed: the phase follows
  cancel_queued();  // first: they shall not be begun while the workers end
  terminate();
  const std::lock_guard guard(working_);  // who is submitting has seen the phase, or is done
  cancel_queued();
}

void Core::resize(int processes) {
  require_open();
  if (processes < 1 || processes > static_cast<int>(state_.seats)) {
    throw ValueError("Number of processes must be from 1 to " + std::to_string(state_.seats) +
                     " for this pool, not " + std::to_string(processes));
  }
  state_.wanted.store(static_cast<std::uint32_t>(processes), std::memory_order_seq_cst);
  wake_parked(state_, kMaxWorkers);  // those that are too many end
  ring();
}

std::vector<WorkerStats> Core::stats() const {
  require_owner();
  std::vector<WorkerStats> all(size());
  for (std::uint32_t i = 0; i < all.size(); ++i) {
    const Seat& seat = state_.seat(i);
    const std::uint64_t word = seat.word.load(std::memory_order_acquire);
    WorkerStats& one = all[i];
    // relaxed: numbers that change as we look
    one.tasks = seat.done.load(std::memory_order_relaxed);
    one.restarts = seat.incarnation.load(std::memory_order_relaxed);
    if (SeatWord::unpack(word).phase != SeatPhase::live) continue;
    one.pid = static_cast<int>(seat.pid.load(std::memory_order_relaxed));
    const sys::Nanoseconds since = seat.since.load(std::memory_order_relaxed);
    const sys::Nanoseconds idle_since = seat.idle_since.load(std::memory_order_relaxed);
    const sys::Nanoseconds now = sys::now();
    sys::Nanoseconds idle = seat.idle.load(std::memory_order_relaxed);
    if (idle_since != 0) idle += now - idle_since;
    one.idle = std::chrono::nanoseconds(idle);
    one.busy = std::chrono::nanoseconds(std::max<sys::Nanoseconds>(now - since - idle, 0));
  }
  return all;
}

void Core::open_stream(Stream stream) {
  require_open();
  const std::lock_guard guard(streaming_);
  streams_.push_back(stream);
  state_.streams.fetch_add(1, std::memory_order_seq_cst);
}

void Core::close_stream(const void* id) noexcept {
  const std::lock_guard guard(streaming_);
  const auto found = std::find_if(streams_.begin(), streams_.end(),
                                  [id](const Stream& stream) { return stream.id == id; });
  if (found == streams_.end()) return;
  streams_.erase(found);
  if (state_.streams.fetch_sub(1, std::memory_order_seq_cst) != 1) return;
  if (phase_of(state_) != Phase::closed) return;
  wake_parked(state_, kMaxWorkers);  // it was this that they stayed for
  ring();
}

// Who joins does not read results: what is left of the inputs is read now.
void Core::feed_streams() {
  std::vector<Stream> streams;
  {
    const std::lock_guard guard(streaming_);
    streams = streams_;
  }
  for (const Stream& stream : streams) {
    const std::shared_ptr<void> held = stream.stream.lock();
    if (held && phase_of(state_) == Phase::closed) stream.feed(held.get());
  }
}

void Core::join() {
  require_owner();
  if (phase_of(state_) == Phase::open)
    throw ValueError("Pool is still running: close() or terminate() comes before join()");
  feed_streams();
  (void)wait_for_end(sys::kForever);
}

// Until the keeper has ended because the pool is over; another one is started as long as not.
bool Core::wait_for_end(sys::Nanoseconds deadline) {
  for (;;) {
    std::optional<process::Launched> keeper;
    {
      const std::lock_guard guard(keeping_);
      keeper = keeper_;
    }
    if (!keeper) return true;
    if (!keeper->wait(deadline)) return false;
    if (over()) return true;
    const std::lock_guard guard(keeping_);
    if (keeper_->poll_exit()) replace_keeper();
  }
}

// From the destructor: bounded, whatever the keeper is doing (it may have been stopped).
void Core::end() noexcept {
  try {
    if (owner_ != shm::self()) return;
    terminate();
    if (wait_for_end(sys::deadline_after(kEndGrace))) return;
  } catch (...) {  // KeyboardInterrupt, no memory for a pidfd
  }
  end_by_force();
}

// Keeper first, so that nobody replaces whom we kill; a keeper that is not waited for would stay a
// zombie.
void Core::end_by_force() noexcept {
  for (int round = 0; round < kForcedRounds; ++round) {  // a wait may be interrupted
    try {
      const std::lock_guard guard(keeping_);
      if (!keeper_) break;
      keeper_->send_signal(SIGKILL);
      if (keeper_->wait(sys::deadline_after(kLook))) break;
    } catch (...) {  // once more
    }
  }
  kill_workers();
}

void Core::kill_workers() noexcept {
  for (std::uint32_t i = 0; i < state_.seats; ++i) {
    const shm::Name name = worker_in(state_.seat(i));
    if (name.nobody()) continue;
    try {
      const sys::UniqueFd pidfd = sys::open_pidfd(shm::pid_of(name));
      if (shm::is_dead(name)) continue;
      (void)sys::send_signal(pidfd.get(), SIGKILL);
      (void)sys::wait_readable(pidfd.get(), sys::deadline_after(kLook));
    } catch (const std::system_error&) {  // it has ended
    }
  }
}

}  // namespace multiprocessing::pool
