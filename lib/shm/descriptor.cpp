#include "shm/descriptor.hpp"

#include <atomic>
#include <cerrno>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <unordered_set>
#include <utility>

#include <multiprocessing/errors.hpp>

#include "shm/local.hpp"
#include "shm/process_table.hpp"
#include "shm/watch.hpp"
#include "sys/clock.hpp"
#include "sys/crash_point.hpp"
#include "sys/descriptor_store.hpp"
#include "sys/error.hpp"

namespace multiprocessing::shm {
namespace {

using sys::DescriptorStore;

struct Parcel {
  std::atomic<std::uint64_t> gone;
};

// This process's ends of the store; nullptr: none. Never closed: a child inherits them.
std::atomic<DescriptorStore*> ends{nullptr};

std::atomic<std::uint64_t>& family_word(std::size_t index) noexcept {
  return arena().header().family_words[index];
}

[[noreturn]] void throw_no_store() {
  throw TransferError(
      "a file descriptor cannot travel to or from this process: it has no access to the family's "
      "store of descriptors (it was closed, or the process came to life in an unusual way)");
}

const char* reason(int error) noexcept {
  switch (error) {
    case ENOBUFS:
      return ": so many of the family's are under way, sent and not received, that the store is "
             "full";
    case ETOOMANYREFS:
      return ": more of this user's are under way than RLIMIT_NOFILE allows";
    default:
      return "";
  }
}

DescriptorStore& store() {
  ensure_descriptor_store();
  DescriptorStore* const found = ends.load(std::memory_order_acquire);
  if (found == nullptr || !found->usable()) throw_no_store();
  return *found;
}

constexpr ObjectId kKept = ~ObjectId{0};  // no object's: offsets are below the arena's size

bool is_gone(DescriptorStore::Key key) noexcept {
  const ObjectId id = key.name;
  // acquire: whoever keeps another file has put its number there before
  if (id == kKept) {
    return family_word(kSegmentList).load(std::memory_order_acquire) != key.number;
  }
  ObjectHeader* const object = find_object(id, ObjectKind::descriptor);
  if (object == nullptr) return true;
  // seq_cst: [G]
  const bool gone = payload<Parcel>(object)->gone.load(std::memory_order_seq_cst) != 0;
  return gone || find_object(id, ObjectKind::descriptor) == nullptr;
}

// Of those that have gone, one less to be dropped. Under the lock others only count up.
void count_dropped() noexcept {
  std::atomic<std::uint64_t>& gone = family_word(kStoreGone);
  if (gone.load(std::memory_order_relaxed) != 0) gone.fetch_sub(1, std::memory_order_seq_cst);
}

// Moves the oldest to the end. False: there was no room for it, here or there.
bool move_oldest(DescriptorStore& store, DescriptorStore::Key key) noexcept {
  const sys::UniqueFd file = store.copy_oldest();
  if (!file || !store.put(key, file.get(), false)) return false;  // I2
  MULTIPROCESSING_CRASH_POINT("store.turn.copied");
  store.drop_oldest();
  return true;
}

// Turns the store over once, until `stop` says so of the oldest one. What is without use is
// dropped, also what `stop` calls superfluous. True: stopped. False with errno 0: it came round;
// else there was no room to turn.
enum class Look { move, drop, stop };
template <class F>
bool turn(DescriptorStore& store, F look) {
  // Like none that was left here: one turn is over before the next begins, so no two begin in the
  // same nanosecond. A count would not do, for whoever had this slot before may have counted as
  // far.
  const std::uint64_t mark =
      static_cast<std::uint64_t>(sys::now()) << 16U | (here().name.slot & 0xFFFFU);
  bool marked = false;
  for (DescriptorStore::Key key; store.oldest(key);) {
    if (key.name == 0) {
      store.drop_oldest();
      if (key.number == mark) break;
    } else if (is_gone(key)) {
      store.drop_oldest();
      if (key.name != kKept) count_dropped();
    } else {
      const Look wish = look(key.name);
      if (wish == Look::stop) return true;
      if (wish == Look::drop) {
        store.drop_oldest();
        continue;
      }
      if (!marked && !store.put({0, mark}, -1, false)) return false;
      marked = true;
      if (!move_oldest(store, key)) return false;
    }
  }
  errno = 0;
  return false;
}

// After a death with the lock: the second of two alike goes (I2).
void repair(DescriptorStore& store) {
  std::unordered_set<ObjectId> seen;
  (void)turn(store, [&](ObjectId id) { return seen.insert(id).second ? Look::move : Look::drop; });
}

void drop_those_gone(DescriptorStore& store) noexcept {
  std::atomic<std::uint64_t>& gone = family_word(kStoreGone);
  for (DescriptorStore::Key key; store.oldest(key) && key.name != 0 && is_gone(key);) {
    store.drop_oldest();
    if (key.name != kKept) count_dropped();
  }
  // The rest lie further back, or were counted twice.
  if (gone.exchange(0, std::memory_order_seq_cst) == 0) return;  // [G]
  (void)turn(store, [](ObjectId /*id*/) { return Look::move; });
}

// The lock of I1, named by its holder: a dead one loses it.
class StoreLock {
 public:
  explicit StoreLock(DescriptorStore& store) : store_(store) {
    std::atomic<std::uint64_t>& word = family_word(kStoreLock);
    Sleeper sleeper(low_half(word));
    for (;;) {
      sleeper.note();
      std::uint64_t holder = 0;
      if (take_from(holder)) break;
      if (bury_if_dead(unpack_name(holder)) && take_from_dead(holder)) break;
      (void)sleeper.sleep(static_cast<std::uint32_t>(holder), sys::kForever);
    }
    MULTIPROCESSING_CRASH_POINT("store.lock.taken");
  }
  /// Never waits, and may be in vain.
  StoreLock(DescriptorStore& store, std::try_to_lock_t /*tag*/) : store_(store) {
    std::uint64_t holder = 0;
    locked_ = take_from(holder) || (!is_live(unpack_name(holder)) && take_from_dead(holder));
  }
  StoreLock(const StoreLock&) = delete;
  StoreLock& operator=(const StoreLock&) = delete;
  ~StoreLock() {
    while (locked_) {
      drop_those_gone(store_);
      std::atomic<std::uint64_t>& word = family_word(kStoreLock);
      word.store(0, std::memory_order_seq_cst);  // [G]
      wake(low_half(word), 1);
      std::uint64_t holder = 0;
      // seq_cst: [G]; what was counted while we had the lock
      locked_ = family_word(kStoreGone).load(std::memory_order_seq_cst) != 0 && take_from(holder);
    }
  }

 private:
  static bool take_from(std::uint64_t& holder) noexcept {
    return family_word(kStoreLock)
        .compare_exchange_strong(holder, pack_name(here().name), std::memory_order_seq_cst);
  }
  bool take_from_dead(std::uint64_t& holder) {
    if (!take_from(holder)) return false;
    try {
      repair(store_);
    } catch (const std::bad_alloc&) {  // two alike stay: one file open longer than need be
    }
    return true;
  }

  DescriptorStore& store_;
  bool locked_ = true;
};

// Of the kind: runs where the last hold ended, or in a sweeper. May run again.
// NOLINTNEXTLINE(bugprone-exception-escape): a lock that is tried for does not throw
void destroy(ObjectHeader& object) noexcept {
  payload<Parcel>(&object)->gone.store(1, std::memory_order_seq_cst);  // [G], I3
  family_word(kStoreGone).fetch_add(1, std::memory_order_seq_cst);     // [G], I3
  MULTIPROCESSING_CRASH_POINT("store.gone.counted");
  DescriptorStore* const found = ends.load(std::memory_order_acquire);
  if (found == nullptr || !found->usable()) return;
  const StoreLock lock(*found, std::try_to_lock);  // who has it drops it instead
}

void prepare(void* memory, const void* /*argument*/) {
  new (memory) Parcel{};
}

const bool registered = (register_kind(ObjectKind::descriptor, destroy), true);

}  // namespace

LocalHold* send_descriptor(int fd) {
  DescriptorStore& there = store();
  LocalHold* const held = create_object(ObjectKind::descriptor, sizeof(Parcel), prepare, nullptr);
  try {
    const StoreLock lock(there);
    if (!there.put({held->id, 0}, fd, true)) {
      sys::throw_errno("sendmsg",
                       "descriptor " + std::to_string(fd) + " cannot be sent" + reason(errno));
    }
    MULTIPROCESSING_CRASH_POINT("store.put.stored");
  } catch (...) {
    drop(held);
    throw;
  }
  return held;
}

sys::UniqueFd receive_descriptor(ObjectId id) {
  DescriptorStore& there = store();
  const StoreLock lock(there);
  if (turn(there, [id](ObjectId one) { return one == id ? Look::stop : Look::move; })) {
    if (sys::UniqueFd file = there.copy_oldest()) return file;
  }
  if (errno != 0 && errno != ENOENT) sys::throw_errno("recvmsg", "a file descriptor");
  throw TransferError("a file descriptor was lost on its way: it is not in the family's store");
}

bool keep_descriptor(int fd, std::uint64_t number) {
  ensure_descriptor_store();
  DescriptorStore* const found = ends.load(std::memory_order_acquire);
  if (found == nullptr || !found->usable()) return false;
  const StoreLock lock(*found);
  return found->put({kKept, number}, fd, true);
}

void ensure_descriptor_store() noexcept {
  if (ends.load(std::memory_order_acquire) != nullptr) return;
  std::uint64_t unmade = 0;
  // relaxed: the one who makes it is the only process of the family, or nobody will have it
  std::atomic<std::uint64_t>& made = family_word(kStoreMade);
  if (!made.compare_exchange_strong(unmade, 1, std::memory_order_relaxed)) return;
  try {
    // release: who reads the pointer finds the store
    ends.store(new DescriptorStore(DescriptorStore::make()), std::memory_order_release);
  } catch (...) {
    made.store(0, std::memory_order_relaxed);  // no descriptor left: those yet to come may have it
  }
}

std::array<int, 2> descriptor_store() noexcept {
  const DescriptorStore* const found = ends.load(std::memory_order_acquire);
  if (found == nullptr || !found->usable()) return {-1, -1};
  return {found->put_end(), found->take_end()};
}

void adopt_descriptor_store(sys::UniqueFd put_end, sys::UniqueFd take_end) {
  auto adopted = std::make_unique<DescriptorStore>(std::move(put_end), std::move(take_end));
  if (!adopted->usable()) return;
  ends.store(adopted.release(), std::memory_order_release);
}

}  // namespace multiprocessing::shm
