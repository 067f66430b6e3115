#include "shm/process_table.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>

#include <multiprocessing/errors.hpp>

#include "shm/descriptor.hpp"
#include "shm/hold_list.hpp"
#include "shm/local.hpp"
#include "shm/slot_word.hpp"
#include "shm/ticket.hpp"
#include "sys/calls.hpp"
#include "sys/clock.hpp"
#include "sys/crash_point.hpp"
#include "sys/error.hpp"
#include "sys/mappings.hpp"
#include "sys/ofd.hpp"
#include "sys/process.hpp"

namespace multiprocessing::shm {
namespace {

constexpr sys::Nanoseconds kPidCheckEvery = 1'000'000'000;
constexpr unsigned kStartBits = 42;  // of ticks since boot; 22 bits of pid above them
constexpr std::uint64_t kExitRecorded = std::uint64_t{1} << 63U;

void raise_mark(std::uint32_t slot) noexcept {
  std::atomic<std::uint64_t>& mark = arena().header().slots_used;
  std::uint64_t seen = mark.load(std::memory_order_relaxed);
  while (seen <= slot && !mark.compare_exchange_weak(seen, slot + 1U, std::memory_order_acq_rel)) {
  }
}

// The slot's byte is ours: nobody else claims it, and a reader looks at these only after `state`.
void prepare(Slot& slot, Name parent) noexcept {
  slot.pid.store(0, std::memory_order_relaxed);  // until it exists: the byte alone decides
  slot.flags.store(0, std::memory_order_relaxed);
  slot.start_time.store(0, std::memory_order_relaxed);
  slot.parent.store(pack_name(parent), std::memory_order_relaxed);
  slot.inherits.store(0, std::memory_order_relaxed);
  slot.inherit_index.store(0, std::memory_order_relaxed);
  slot.exit_status.store(0, std::memory_order_relaxed);
  slot.checked_at.store(static_cast<std::uint64_t>(sys::now()), std::memory_order_relaxed);
  slot.overflowed.store(0, std::memory_order_relaxed);
  slot.bells.store(0, std::memory_order_relaxed);
  for (SleepNote& note : slot.notes) {
    note.is_long.store(0, std::memory_order_relaxed);
    note.bell.store(0, std::memory_order_relaxed);
  }
  slot.title[0] = '\0';
}

// free(g) -> live(g+1) for the lowest free slot, its byte locked by `life` before.
Name claim_slot(sys::UniqueFd& life, Name parent, bool inherit) {
  const auto count = static_cast<std::uint32_t>(arena().header().slot_count);
  if (!arena().owns_fd()) {
    throw ValueError(
        "the program has closed the descriptors of this library, as by closefrom(3) or "
        "close_range: what it has goes on working, but it can start no process, and none that it "
        "forks can use the library");
  }
  life = sys::reopen(arena().fd());
  for (std::uint32_t i = 0; i < count; ++i) {
    Slot& slot = slot_at(i);
    std::uint64_t word = slot.state.load(std::memory_order_acquire);
    if (state_of(word) != SlotState::free || !sys::lock_byte(life.get(), i)) continue;
    MULTIPROCESSING_CRASH_POINT("slot.claim.locked");
    word = slot.state.load(std::memory_order_acquire);
    if (state_of(word) == SlotState::free) {
      prepare(slot, parent);
      if (inherit) {
        slot.inherits.store(pack_name(parent), std::memory_order_relaxed);
        slot.inherit_index.store(~std::uint64_t{0}, std::memory_order_relaxed);
      }
      raise_mark(i);
      const std::uint64_t generation = generation_of(word) + 1;
      // release: [S]
      if (slot.state.compare_exchange_strong(word, pack_state(SlotState::live, 0, generation),
                                             std::memory_order_release)) {
        MULTIPROCESSING_CRASH_POINT("slot.claim.claimed");
        return {i, generation};
      }
    }
    life = sys::reopen(arena().fd());  // lets the byte go
  }
  sys::throw_error(EAGAIN, "process table", "all " + std::to_string(count) + " slots are taken");
}

// Takes on the name that the starter of this program claimed for it. False if there is none, or it
// has been taken on already, by the process that this one was forked from.
bool take_on_ticket() {
  static constinit std::atomic<bool> taken{false};
  const Ticket* const ticket = inherited_ticket();
  if (ticket == nullptr || taken.exchange(true, std::memory_order_relaxed)) return false;
  const Name name = ticket->name();
  const int life = ticket->head().life_fd;
  if (!is_live(name) || !sys::lock_byte(life, name.slot)) {
    throw ValueError("the slot that this process was started for is not its own any more");
  }
  slot_at(name.slot).pid.store(static_cast<std::uint32_t>(sys::current_pid()),
                               std::memory_order_release);
  assume(name, life);
  adopt_given_holds();
  return true;
}

// In a process that came to life past pthread_atfork: what it has of its parent is of no use. By
// one thread, before any other goes on.
void begin_anew_if_cloned() noexcept {
  enum : std::uint64_t { not_begun, at_it, done };
  std::atomic<std::uint64_t>& word = renewal_word();  // zero in every new process
  std::uint64_t seen = not_begun;
  if (!word.compare_exchange_strong(seen, at_it, std::memory_order_acquire)) {
    while (word.load(std::memory_order_acquire) != done) sys::yield();
    return;
  }
  const pid_t named = local().pid.load(std::memory_order_acquire);
  if (named != 0 && named != sys::current_pid()) {
    renew_locks();
    reset_after_fork();
  }
  word.store(done, std::memory_order_release);
}

void register_self() {
  begin_anew_if_cloned();
  Local& mine = local();
  const std::lock_guard guard(mine.registration);
  if (alive_word().load(std::memory_order_relaxed) != 0) return;
  if (take_on_ticket()) return;
  const Name was = is_present(mine.was) ? mine.was : Name{};
  sys::UniqueFd life;
  const Name name = claim_slot(life, was, !was.nobody());
  Slot& slot = slot_at(name.slot);
  slot.inherit_index.store(mine.forks_at_birth, std::memory_order_release);
  slot.pid.store(static_cast<std::uint32_t>(sys::current_pid()), std::memory_order_release);
  ensure_descriptor_store();
  assume(name, life.release());
}

// Nobody asks about the children of a program that forks by itself: if they fill the table, we do.
void bury_if_crowded(std::uint32_t claimed) noexcept {
  constexpr std::uint32_t kFew = 64;
  static constinit std::atomic<std::uint32_t> crowded_at{kFew};
  // relaxed: a guess of this process
  if (claimed < crowded_at.load(std::memory_order_relaxed)) return;
  (void)bury_the_dead();
  std::uint32_t live = 0;
  for (std::uint32_t i = 0; i <= claimed; ++i) {
    live += state_of(slot_at(i).state.load(std::memory_order_relaxed)) != SlotState::free ? 1U : 0U;
  }
  crowded_at.store(std::max(kFew, 2 * live), std::memory_order_relaxed);
}

// At most once a second somebody compares what the kernel says of a slot's pid. All slots are due
// at the same moments: the first of these questions after a while takes some 40 us, since nothing
// of what the kernel needs for it is in a cache, the next 2.
bool check_is_due(Slot& slot) noexcept {
  const auto now = static_cast<std::uint64_t>(sys::now());
  std::uint64_t checked = slot.checked_at.load(std::memory_order_relaxed);
  constexpr auto kEvery = static_cast<std::uint64_t>(kPidCheckEvery);
  return now / kEvery != checked / kEvery &&
         slot.checked_at.compare_exchange_strong(checked, now, std::memory_order_relaxed);
}

bool pid_is_gone(Slot& slot) noexcept {
  if (!check_is_due(slot)) return false;
  const auto pid = static_cast<pid_t>(slot.pid.load(std::memory_order_acquire));
  if (pid == 0) return false;  // on its way into the world
  // The word names the pid that it was read for: one that a late checker left for an earlier
  // occupant of the slot is ignored.
  std::uint64_t known = slot.start_time.load(std::memory_order_acquire);
  if (known >> kStartBits != static_cast<std::uint64_t>(pid)) {
    const std::uint64_t started = sys::start_time(pid);
    if (started == 0) return !sys::process_runs(pid, 0);
    const std::uint64_t fresh = static_cast<std::uint64_t>(pid) << kStartBits | started;
    (void)slot.start_time.compare_exchange_strong(known, fresh, std::memory_order_acq_rel);
    known = fresh;
  }
  return !sys::process_runs(pid, known & ((std::uint64_t{1} << kStartBits) - 1));
}

// Another process of the family has this pid by now.
bool has_another(pid_t pid, std::uint32_t than) noexcept {
  const auto used =
      static_cast<std::uint32_t>(arena().header().slots_used.load(std::memory_order_acquire));
  for (std::uint32_t i = 0; i < used; ++i) {
    Slot& slot = slot_at(i);
    if (i == than || state_of(slot.state.load(std::memory_order_acquire)) != SlotState::live)
      continue;
    if ((slot.flags.load(std::memory_order_relaxed) & kStandIn) != 0) continue;  // constant
    if (slot.pid.load(std::memory_order_acquire) == static_cast<std::uint32_t>(pid)) return true;
  }
  return false;
}

// The process of a slot whose byte is free has the arena in its memory.
bool maps_arena(Name name, Slot& slot, pid_t pid) noexcept {
  const std::uint64_t word = slot.start_time.load(std::memory_order_acquire);
  const bool timed = word >> kStartBits == static_cast<std::uint64_t>(pid);
  const std::uint64_t started = timed ? word & ((std::uint64_t{1} << kStartBits) - 1) : 0;
  if (!sys::process_runs(pid, started)) return false;
  switch (sys::maps_file(pid, arena().device(), arena().inode())) {
    case sys::Mapped::yes:
      return !has_another(pid, name.slot);
    case sys::Mapped::unknown:
      return timed;  // else it may be anybody's pid
    case sys::Mapped::no:
      break;
  }
  return false;
}

// Of a slot whose byte is free: its process has closed all its descriptors and goes on. That of a
// process that has ended, or called exec, does not have the arena in its memory any more: the
// kernel lets go of that first.
bool lives_unlocked(Name name, Slot& slot) noexcept {
  const auto pid = static_cast<pid_t>(slot.pid.load(std::memory_order_acquire));
  if (pid == 0) return false;
  // relaxed: a hint. One that comes too late, for the next holder of the slot, makes its death be
  // seen a second late.
  const bool known = (slot.flags.load(std::memory_order_relaxed) & kUnlocked) != 0;
  if (known && !check_is_due(slot)) return true;
  const bool lives = maps_arena(name, slot, pid);
  if (lives && !known) slot.flags.fetch_or(kUnlocked, std::memory_order_relaxed);
  if (!lives && known) slot.flags.fetch_and(~kUnlocked, std::memory_order_relaxed);
  return lives;
}

}  // namespace

Slot& slot_at(std::uint32_t slot) noexcept {
  return arena().at<Slot>(arena().header().slots)[slot];
}

std::uint64_t pack_name(Name name) noexcept {
  return name.nobody() ? 0 : (std::uint64_t{name.slot} + 1) | name.generation << 16U;
}
Name unpack_name(std::uint64_t word) noexcept {
  if (word == 0) return {};
  return {static_cast<std::uint32_t>((word & 0xFFFFU) - 1), word >> 16U};
}

Name self() {
  const std::uint64_t known = alive_word().load(std::memory_order_acquire);
  if (known != 0) [[likely]]
    return unpack_name(known);
  register_self();
  return local().name;
}
Slot& own_slot() {
  return slot_at(self().slot);
}

bool is_present(Name name) noexcept {
  if (name.nobody() || name.slot >= arena().header().slot_count) return false;
  const std::uint64_t word = slot_at(name.slot).state.load(std::memory_order_acquire);  // [S]
  return generation_of(word) == name.generation && state_of(word) != SlotState::free;
}

bool is_live(Name name) noexcept {
  if (name.nobody() || name.slot >= arena().header().slot_count) return false;
  const std::uint64_t word = slot_at(name.slot).state.load(std::memory_order_acquire);  // [S]
  return word == pack_state(SlotState::live, 0, name.generation);
}

bool is_dead(Name name) noexcept {
  if (!is_live(name)) return true;
  if (name == local().name) return false;
  Slot& slot = slot_at(name.slot);
  if (sys::byte_held(arena().fd(), name.slot) == sys::Held::no && arena().owns_fd()) {
    return !lives_unlocked(name, slot);
  }
  return pid_is_gone(slot);
}

pid_t pid_of(Name name) noexcept {
  if (name.nobody() || name.slot >= arena().header().slot_count) return 0;
  Slot& slot = slot_at(name.slot);
  const auto pid = static_cast<pid_t>(slot.pid.load(std::memory_order_acquire));
  return generation_of(slot.state.load(std::memory_order_acquire)) == name.generation ? pid : 0;
}

std::string title_of(Name name) {
  if (!is_present(name)) return {};
  const char* title = slot_at(name.slot).title;
  return {title, strnlen(title, sizeof(Slot::title))};
}

void set_title(std::string_view title) noexcept {
  char* to = own_slot().title;
  const std::size_t length = std::min(title.size(), sizeof(Slot::title) - 1);
  std::memcpy(to, title.data(), length);
  to[length] = '\0';
}

ChildSlot::ChildSlot(Inherits inherits) {
  const Name parent = self();
  {
    // no fork of another thread in between: its child would keep the descriptor
    const std::lock_guard guard(local().registration);
    sys::UniqueFd life;
    name_ = claim_slot(life, parent, inherits != Inherits::nothing);
    life_fd_ = life.release();
    remember_pending_life(life_fd_, name_, inherits == Inherits::all_holds ? name_ : Name{});
  }
  bury_if_crowded(name_.slot);
}

ChildSlot::ChildSlot(Name name, sys::UniqueFd life) : name_(name), forked_(true) {
  const std::lock_guard guard(local().registration);
  life_fd_ = life.release();  // NOLINT(cppcoreguidelines-prefer-member-initializer): under the lock
  remember_pending_life(life_fd_, {}, {});
}

ChildSlot::~ChildSlot() {
  if (life_fd_ >= 0) close_life();
}

void ChildSlot::let_go() noexcept {
  forked_ = true;
  if (life_fd_ >= 0) close_life();
}

void ChildSlot::close_life() noexcept {
  if (!forked_) {
    release_hold_list(name_, slot_at(name_.slot));  // of a fork that failed
    std::uint64_t word = pack_state(SlotState::live, 0, name_.generation);
    (void)slot_at(name_.slot)
        .state.compare_exchange_strong(word, pack_state(SlotState::free, 0, name_.generation),
                                       std::memory_order_acq_rel);
  }
  const std::lock_guard guard(local().registration);
  forget_pending_life(life_fd_);
  (void)sys::calls().close(life_fd_);
  life_fd_ = -1;
}

// Runs in the child.
void ChildSlot::become(std::string_view title, bool inherit_holds) noexcept {
  Slot& slot = slot_at(name_.slot);
  slot.pid.store(static_cast<std::uint32_t>(sys::current_pid()), std::memory_order_release);
  if (inherit_holds) {
    slot.inherit_index.store(local().forks_at_birth, std::memory_order_release);
  } else {
    slot.inherits.store(0, std::memory_order_release);
  }
  forget_pending_life(life_fd_);
  assume(name_, life_fd_);
  life_fd_ = -1;
  set_title(title);
}

// Runs in the child.
void ChildSlot::become_for_another(std::string_view title) noexcept {
  Slot& slot = slot_at(name_.slot);
  slot.pid.store(static_cast<std::uint32_t>(sys::current_pid()), std::memory_order_release);
  forget_pending_life(life_fd_);
  assume(name_, life_fd_);
  life_fd_ = -1;
  adopt_given_holds();
  set_title(title);
}

void ChildSlot::give_holds(std::span<const std::uint64_t> objects) {
  give_to(name_, objects);
}

void ChildSlot::forked(pid_t child) noexcept {
  forked_ = true;
  if (child != 0) {
    slot_at(name_.slot).pid.store(static_cast<std::uint32_t>(child), std::memory_order_release);
  }
  MULTIPROCESSING_CRASH_POINT("slot.claim.forked");
}

void record_exit(int code) noexcept {
  here().slot->exit_status.store(kExitRecorded | static_cast<std::uint32_t>(code),
                                 std::memory_order_release);
}

int recorded_exit(Name name) noexcept {
  if (name.nobody()) return -1;
  Slot& slot = slot_at(name.slot);
  const std::uint64_t status = slot.exit_status.load(std::memory_order_acquire);
  const bool same = generation_of(slot.state.load(std::memory_order_acquire)) == name.generation;
  if (!same || (status & kExitRecorded) == 0) return -1;
  return static_cast<int>(static_cast<std::uint32_t>(status));
}

}  // namespace multiprocessing::shm
