#pragma once

// Who is alive: one slot a process.
//
// Layout (2 KiB a slot; offsets pinned below)
//
//   0     state        bits 0..1 free=0 live=1 reaping=2 husk=3; 2..17 sweeper's slot; 18..63
//                      generation (46 low bits)
//   8     identity     pid, start time (0: not looked at yet), parent, exit status, title
//   192   notes        8 x {word slept on, epoch, long, bell}, one a sleeping thread (watch.hpp)
//   384   drops        16 x object being dropped (object.hpp)
//   512   journal      32 x {block, where, extra, kind}  (block.hpp)
//   1536  upper floors 32 words: intents of upper floors (condition cells, barriers, ...)
//
//             claim (byte locked first)          begin_sweep(x)
//   free(g) ---------------------> live(g+1) -------------------> reaping(g+1, x)
//     ^                                                             |      |
//     +------------------------ end_sweep --------------------------+      v
//     +------- last inheritor swept ---------------------------- husk(g+1)
//
// Invariants
//   I1  live(g): the byte `slot` of the arena file is locked through a description that only the
//       slot's process holds (the parent opened it before the fork and closes its copy after).
//   I2  A name is dead when its pid is gone, a zombie or another's (start time), or when its byte
//   is
//       free, unless it has the arena in its memory: it has closed all descriptors, as daemons do.
//   I3  A slot is reused only after its sweep has ended and no forked child inherits its holds.
//
// Ordering
//   [S] claim: release on state after identity -> is_live: acquire
//
// Death
//   parent dead before the fork            byte is free: swept like any dead slot
//   child killed before its first line     byte was locked before the fork and is free now
//   sweeper dead in reaping(v, x)          anybody moves reaping(v, dead x) to reaping(v, me)
// Points: slot.claim.locked .claimed .forked, sweep.begun .counted .woken .journal .holds .end

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "shm/arena.hpp"
#include "shm/name.hpp"
#include "sys/fd.hpp"

namespace multiprocessing::shm {

enum class SlotState : std::uint8_t { free, live, reaping, husk };

struct SleepNote {
  std::atomic<std::uint64_t> word;   // offset of the word slept on; 0: none
  std::atomic<std::uint64_t> epoch;  // `deaths` as of the note
  std::atomic<std::uint32_t> is_long;
  std::atomic<std::uint32_t> bell;  // by which its sleeper is woken: index + 1; 0: by the word
};

struct JournalEntry {
  std::atomic<std::uint64_t> block;  // BlockRef, written last, cleared first; 0: unused
  std::atomic<std::uint64_t> where;
  std::atomic<std::uint64_t> extra;
  std::atomic<std::uint64_t> kind;  // PublishKind
};

// Bits of Slot::flags; bit 0 is the process floor's.
inline constexpr std::uint32_t kLeaving = 1U << 1U;    // runs nothing of the program's any more
inline constexpr std::uint32_t kHelper = 1U << 2U;     // never ran anything of the program's
inline constexpr std::uint32_t kUnlocked = 1U << 3U;   // lives, though its byte is free
inline constexpr std::uint32_t kStandIn = 1U << 4U;    // no process: stand_in.hpp
inline constexpr std::uint32_t kBystander = 1U << 5U;  // runs nothing that its parent's program had

inline constexpr std::size_t kNotes = 8;
inline constexpr std::size_t kDrops = 16;
inline constexpr std::size_t kJournal = 32;
inline constexpr std::size_t kIntents = 32;

struct alignas(64) Slot {
  std::atomic<std::uint64_t> state;
  std::atomic<std::uint32_t> pid;          // 0: not born yet
  std::atomic<std::uint32_t> flags;        // kLeaving...
  std::atomic<std::uint64_t> start_time;   // pid 22, start 42 as a checker read it; 0: not yet
  std::atomic<std::uint64_t> parent;       // packed name of the process that made this one, or 0
  std::atomic<std::uint64_t> inherits;     // packed name whose holds this one inherited, or 0
  std::atomic<std::uint64_t> exit_status;  // bit 63: recorded; low 32: code
  std::atomic<std::uint64_t> checked_at;   // when somebody last compared pid and start time
  std::atomic<std::uint64_t> hold_list;    // Location of the first page of holds (object.hpp)
  std::atomic<std::uint64_t> overflowed;   // the journal ran over: a sweep scans every block
  std::atomic<std::uint64_t> chunk_note;   // run of chunks being claimed or freed: first << 32 | n
  std::atomic<std::uint64_t> inherit_index;  // forks of `inherits` before this one
  char title[104];
  SleepNote notes[kNotes];
  std::atomic<std::uint64_t> drops[kDrops];
  JournalEntry journal[kJournal];
  std::atomic<std::uint64_t> intents[kIntents];
  std::atomic<std::uint64_t> bells;  // bell.hpp
  char reserved[248];
};
static_assert(sizeof(Slot) == 2048 && offsetof(Slot, notes) == 192 &&
                  offsetof(Slot, drops) == 384 && offsetof(Slot, journal) == 512 &&
                  offsetof(Slot, intents) == 1536,
              "processes built apart must agree on the process table");

/// The slot with index `slot`.
Slot& slot_at(std::uint32_t slot) noexcept;

std::uint64_t pack_name(Name name) noexcept;  // 0 for nobody; slot+1 in bits 0..15 of 63
Name unpack_name(std::uint64_t word) noexcept;

/// This process's name; registers the process at its first use and after an unseen fork.
Name self();
Slot& own_slot();

/// Memory only: the slot is live or a husk in this generation (its sweep has not ended).
bool is_present(Name name) noexcept;
/// Memory only: the slot is live in this generation (nobody has found it dead yet).
bool is_live(Name name) noexcept;
/// Asks the kernel too (0.3 us, at most once a second some 20 us). True: the process has ended or
/// called exec. Of one that has closed the library's descriptors the end is seen within a second.
/// Does not sweep.
bool is_dead(Name name) noexcept;
/// If `name` is dead: counts the death, wakes every sleeper of the family, sweeps its slot.
/// True if it is dead (whoever swept).
bool bury_if_dead(Name name) noexcept;
/// Looks at every slot once; buries the dead. Returns how many it buried.
int bury_the_dead() noexcept;

pid_t pid_of(Name name) noexcept;  // 0: unknown
std::string title_of(Name name);
void set_title(std::string_view title) noexcept;

/// What a child has of its parent's holds.
enum class Inherits : std::uint8_t { nothing, shared_holds, all_holds };

/// A slot claimed for a child that does not exist yet.
class ChildSlot {
 public:
  /// Claims a slot, its byte locked through a description of its own. The child of this thread's
  /// next fork gets what `inherits` says; of what is held one by one (object.hpp) it gets holds of
  /// its own, which is not for one that will call exec. \throws std::system_error
  explicit ChildSlot(Inherits inherits = Inherits::all_holds);
  /// One that another process has claimed for a child of this one (fork server).
  ChildSlot(Name name, sys::UniqueFd life);
  ~ChildSlot();  // parent: closes its copy; frees the slot if there was no fork
  ChildSlot(const ChildSlot&) = delete;
  ChildSlot& operator=(const ChildSlot&) = delete;

  [[nodiscard]] Name name() const noexcept { return name_; }
  /// In the child, first thing: this process is `name()` from now on and inherits its parent's
  /// holds. Resets process-local state of the shared-memory floor.
  void become(std::string_view title, bool inherit_holds = true) noexcept;
  /// The same for a slot that another process has claimed.
  void become_for_another(std::string_view title) noexcept;
  /// For a child that is not forked from this process: holds these objects for it, which are held
  /// here, until it says `leave_given_holds`.
  /// \throws ArenaExhausted, ValueError if one of them is gone.
  void give_holds(std::span<const std::uint64_t> objects);
  /// The description that holds the byte.
  [[nodiscard]] int life_fd() const noexcept { return life_fd_; }
  /// In the parent: closes its copy of the description; the slot is left to whom it was given.
  void let_go() noexcept;
  /// In the parent, after the fork succeeded. 0: the child tells its pid itself.
  void forked(pid_t child) noexcept;
  /// There will be no child: this process keeps the slot for somebody else (stand_in.hpp), under a
  /// title.
  void keep_for_another(std::string_view title) noexcept;

 private:
  void close_life() noexcept;

  Name name_;
  int life_fd_ = -1;
  bool forked_ = false;
};

/// In a process that was given holds: it holds what it uses itself now.
void leave_given_holds() noexcept;

/// Writes the own exit status into the own slot (before exit).
void record_exit(int code) noexcept;
/// What `name` recorded, if it did: -1 otherwise. Valid until its slot is reused.
int recorded_exit(Name name) noexcept;

/// Upper floors whose intents a sweep must finish: called with the dead slot during its sweep.
using SweepHook = void (*)(Name dead, Slot& slot) noexcept;
void register_sweep_hook(SweepHook hook) noexcept;
/// Called in every forked child (ours or the user's) to reset process-local state.
using ForkHook = void (*)() noexcept;
void register_fork_hook(ForkHook hook) noexcept;

}  // namespace multiprocessing::shm
