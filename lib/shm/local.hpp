#pragma once

// What a process keeps to itself about the arena: who it is, its free journal entries, the locks
// around rare work. Made anew in every forked child, whoever forked it.

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <mutex>

#include "shm/name.hpp"
#include "shm/process_table.hpp"
#include "sys/fd.hpp"

namespace multiprocessing::shm {

/// Where this process looks for runs of chunks. Hints.
struct RunCursor {
  std::uint64_t next = 1;
  std::uint64_t end = 0;  // of the region gone through
  std::uint32_t found = 0;
};

struct Local {
  Name name;                         // nobody: not registered
  Name was;                          // of the process that this one was forked from
  std::uint64_t forks_at_birth = 0;  // of that process
  Slot* slot = nullptr;
  std::atomic<pid_t> pid{0};  // that took on the name; 0: none yet, or reset after a fork
  int life_fd = -1;           // the description that holds the slot's byte
  std::atomic<std::uint32_t> journal_free{~0U};  // bit set: entry free
  std::atomic<std::uint32_t> drops_free{(1U << kDrops) - 1};
  std::atomic<std::uint32_t> notes_free{(1U << kNotes) - 1};
  std::atomic<std::uint64_t> forks{0};  // of this process, so far
  std::mutex arena;                     // its making
  std::mutex registration;              // names, and life descriptors on their way to a child
  std::mutex chunks;                    // one chunk note a slot; guards the next two
  std::uint64_t freed_chunks = 0;       // since this process last counted the warm ones
  RunCursor run_cursor;
  std::mutex holds;  // local holds and the own hold list
};

/// The process's only instance; never destroyed.
Local& local() noexcept;

namespace detail {
extern std::atomic<std::atomic<std::uint64_t>*> made_alive_page;
std::atomic<std::uint64_t>* make_alive_page();
inline std::atomic<std::uint64_t>* alive_page() {
  auto* page = made_alive_page.load(std::memory_order_acquire);
  return page != nullptr ? page : make_alive_page();
}
}  // namespace detail

/// The packed name of this process; zero in one that has come to life since it was set, however it
/// did: the word lies on a page that the kernel wipes at a fork.
inline std::atomic<std::uint64_t>& alive_word() noexcept {
  return *detail::alive_page();
}

/// On the same page: how far this process is with leaving behind what its parent had.
inline std::atomic<std::uint64_t>& renewal_word() noexcept {
  return detail::alive_page()[1];
}

/// The own slot; registers the process first if need be. The fast path of self().
inline Local& here() {
  // acquire: the name and slot were stored before the word
  if (alive_word().load(std::memory_order_acquire) == 0) [[unlikely]]
    (void)self();
  return local();
}

/// Takes the lowest free bit of those in `among`; -1 if there is none.
int take_bit(std::atomic<std::uint32_t>& free_bits, std::uint32_t among = ~0U) noexcept;
inline void give_bit(std::atomic<std::uint32_t>& free_bits, int bit) noexcept {
  free_bits.fetch_or(1U << static_cast<unsigned>(bit), std::memory_order_release);
}

/// Life descriptors of children between claim and fork: any other forked child closes them. `child`
/// is that of this thread's next fork; nobody: another process's. `heir` is the same if it gets the
/// single holds (hold_list.hpp); nobody: it gets none.
void remember_pending_life(int fd, Name child, Name heir) noexcept;
void forget_pending_life(int fd) noexcept;
/// This thread's next fork is not that child's; every child closes the descriptor.
void stop_launching() noexcept;

/// Takes on a name in this process (after a fork, or at first use).
void assume(Name name, int life_fd) noexcept;

/// Resets process-local state in a forked child; the child has no name afterwards.
void reset_after_fork() noexcept;
/// For a child that came to life past pthread_atfork: its locks may be held by nobody.
void renew_locks() noexcept;

}  // namespace multiprocessing::shm
