#include "shm/local.hpp"

#include <pthread.h>
#include <unistd.h>

#include <array>
#include <exception>
#include <new>
#include <optional>

#include "shm/arena.hpp"
#include "shm/hold_list.hpp"
#include "shm/hook_list.hpp"
#include "sys/calls.hpp"
#include "sys/memory.hpp"
#include "sys/process.hpp"

namespace multiprocessing::shm {
namespace {

constexpr std::size_t kPendingLives = 64;

std::array<std::atomic<int>, kPendingLives> pending_lives{};  // fd + 1; 0: none
constinit HookList<ForkHook> fork_hooks;
thread_local int launching = -1;  // the life descriptor of the child that this thread forks
thread_local Name launched;       // its name
thread_local Name launched_heir;  // and who inherits single holds by that

// A fork that is not ours: the child gets a name before it exists, as ours do, so that what it
// inherits is held for it from the first moment. Empty: it registers at its first use.
thread_local std::optional<ChildSlot> unasked;

// So that its parent can tell from now on which holds it has: those that are entered and dropped
// after its fork are none of them (heirs.hpp).
void count_before(Name child) noexcept {
  if (child.nobody()) return;
  // relaxed: written under `holds`, which is locked here
  const std::uint64_t forks = local().forks.load(std::memory_order_relaxed);
  slot_at(child.slot).inherit_index.store(forks, std::memory_order_release);
}

void before_fork() noexcept {
  if (launching < 0 && alive_word().load(std::memory_order_relaxed) != 0) {
    try {
      unasked.emplace();
    } catch (const std::exception&) {
      unasked.reset();  // no slot or descriptor left: as good as a fork past these handlers
    }
  }
  Local& mine = local();
  mine.registration.lock();
  mine.arena.lock();  // in this order: who registers may make the arena
  mine.holds.lock();
  // Under `holds`, so that no thread closes or opens an end in between; before `chunks`: it
  // allocates.
  const Name stranger = unasked ? unasked->name() : Name{};
  count_before(launching >= 0 ? launched : stranger);
  prepare_heir(launching >= 0 ? launched_heir : stranger);
  mine.chunks.lock();
}

void unlock_all() noexcept {
  Local& mine = local();
  mine.chunks.unlock();
  mine.holds.unlock();
  mine.arena.unlock();
  mine.registration.unlock();
}

void after_fork_in_parent() noexcept {
  // relaxed: read under `holds`, which is still locked here
  local().forks.fetch_add(1, std::memory_order_relaxed);
  unlock_all();
  if (unasked) unasked->forked(0);  // the child writes its own pid; if there is none, it is dead
  unasked.reset();
}

void after_fork_in_child() noexcept {
  unlock_all();
  reset_after_fork();
  if (unasked) unasked->become("", true);
  unasked.reset();
}

// At load, so that no thread can be in the middle of it when another forks; before those of upper
// floors, so that these locks are taken after theirs.
__attribute__((constructor(102))) void handle_forks() {
  (void)local();
  (void)pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

}  // namespace

Local& local() noexcept {
  // never destroyed: static destructors of users may still drop handles
  alignas(Local) static std::byte room[sizeof(Local)];
  static auto* instance = new (room) Local;
  return *instance;
}

namespace detail {

constinit std::atomic<std::atomic<std::uint64_t>*> made_alive_page{nullptr};

std::atomic<std::uint64_t>* make_alive_page() {
  auto* fresh = static_cast<std::atomic<std::uint64_t>*>(sys::wipe_on_fork_page());
  std::atomic<std::uint64_t>* made = nullptr;
  // release: whoever reads the address finds the page mapped
  if (made_alive_page.compare_exchange_strong(made, fresh, std::memory_order_acq_rel)) return fresh;
  sys::unmap(fresh, sys::page_size());
  return made;
}

}  // namespace detail

int take_bit(std::atomic<std::uint32_t>& free_bits, std::uint32_t among) noexcept {
  std::uint32_t bits = free_bits.load(std::memory_order_relaxed);
  while ((bits & among) != 0) {
    const int bit = __builtin_ctz(bits & among);
    // acquire: whoever gave the bit back has finished with its entry
    if (free_bits.compare_exchange_weak(bits, bits & ~(1U << static_cast<unsigned>(bit)),
                                        std::memory_order_acquire, std::memory_order_relaxed)) {
      return bit;
    }
  }
  return -1;
}

void remember_pending_life(int fd, Name child, Name heir) noexcept {
  launching = fd;
  launched = child;
  launched_heir = heir;
  for (auto& pending : pending_lives) {
    int none = 0;
    // relaxed: only this process and its forks read it, and a fork copies what is there
    if (pending.compare_exchange_strong(none, fd + 1, std::memory_order_relaxed)) return;
  }
}

void forget_pending_life(int fd) noexcept {
  launching = -1;
  for (auto& pending : pending_lives) {
    int mine = fd + 1;
    if (pending.compare_exchange_strong(mine, 0, std::memory_order_relaxed)) return;
  }
}

void stop_launching() noexcept {
  launching = -1;
  launched_heir = {};
}

void register_fork_hook(ForkHook hook) noexcept {
  fork_hooks.add(hook);
}

void assume(Name name, int life_fd) noexcept {
  Local& mine = local();
  mine.name = name;
  mine.slot = &slot_at(name.slot);
  mine.life_fd = life_fd;
  mine.pid.store(sys::current_pid(), std::memory_order_release);
  // release: a thread that reads the word finds the name
  alive_word().store(pack_name(name), std::memory_order_release);
}

void renew_locks() noexcept {
  Local& mine = local();
  new (&mine.arena) std::mutex;
  new (&mine.registration) std::mutex;
  new (&mine.holds) std::mutex;
  new (&mine.chunks) std::mutex;
}

namespace {

// Not what the program has opened since it closed all descriptors, ours among them.
void close_life(int fd) noexcept {
  if (fd >= 0 && arena().is_file(fd)) (void)sys::calls().close(fd);
}

}  // namespace

// Runs in the child: no allocation, no lock that another thread of the parent may hold.
void reset_after_fork() noexcept {
  Local& mine = local();
  for (auto& pending : pending_lives) {
    const int fd = pending.exchange(0, std::memory_order_relaxed) - 1;
    if (fd != launching) close_life(fd);
  }
  close_life(mine.life_fd);
  mine.life_fd = -1;
  mine.journal_free.store(~0U, std::memory_order_relaxed);
  mine.drops_free.store((1U << kDrops) - 1, std::memory_order_relaxed);
  mine.notes_free.store((1U << kNotes) - 1, std::memory_order_relaxed);
  mine.forks_at_birth = mine.forks.exchange(0, std::memory_order_relaxed);
  mine.pid.store(0, std::memory_order_relaxed);  // relaxed: this process has one thread
  mine.was = mine.name;
  mine.name = {};
  fork_hooks.call();
}

}  // namespace multiprocessing::shm
