#include "shared/shared_copies.hpp"

#include <pthread.h>

#include <algorithm>
#include <mutex>
#include <new>
#include <unordered_map>
#include <utility>
#include <vector>

#include "shm/process_table.hpp"

namespace multiprocessing::shared {
namespace {

constexpr std::size_t kForgotten = 16;  // copies without a handle that are kept

using Entry = std::unique_ptr<SharedEntry>;

struct Book {
  std::mutex mutex;
  std::unordered_map<shm::ObjectId, Entry> entries;
  std::uint64_t clock = 0;
};

Book& book() {
  // never destroyed: static destructors of users may still drop handles
  static Book* const instance = new Book;
  return *instance;
}

void renew_mutex() noexcept {
  new (&book().mutex) std::mutex;
}

// Inside this lock no other one is taken, so its place among the fork handlers does not matter.
const bool hooked = [] {
  shm::register_fork_hook(renew_mutex);
  return pthread_atfork([] { book().mutex.lock(); }, [] { book().mutex.unlock(); }, nullptr) == 0;
}();

bool unused(const Entry& entry) noexcept {
  return entry->handles.load(std::memory_order_acquire) == 0;  // I1
}

bool serves_nobody(const Entry& entry) noexcept {
  return unused(entry) && shm::find_object(entry->id, shm::ObjectKind::shared) == nullptr;  // I3
}

/// Takes out what nobody can ask for, and the oldest of what nobody refers to. Under the mutex.
std::vector<Entry> take_stale(Book& mine) {
  std::vector<Entry> stale;
  std::vector<std::pair<std::uint64_t, shm::ObjectId>> idle;
  for (auto at = mine.entries.begin(); at != mine.entries.end();) {
    const bool gone = serves_nobody(at->second);
    if (gone) stale.push_back(std::move(at->second));
    if (!gone && unused(at->second)) idle.emplace_back(at->second->forgotten, at->first);
    at = gone ? mine.entries.erase(at) : std::next(at);
  }
  if (idle.size() <= kForgotten) return stale;
  std::ranges::sort(idle);
  idle.resize(idle.size() - kForgotten);
  for (const auto& [when, id] : idle) {
    stale.push_back(std::move(mine.entries.at(id)));
    mine.entries.erase(id);
  }
  return stale;
}

}  // namespace

SharedEntry* find_entry(shm::ObjectId id) {
  std::vector<Entry> stale;  // destroyed after the lock is free (I2)
  Book& mine = book();
  const std::lock_guard guard(mine.mutex);
  if (const auto found = mine.entries.find(id); found != mine.entries.end()) {
    refer_again(*found->second);
    return found->second.get();
  }
  stale = take_stale(mine);
  auto entry = std::make_unique<SharedEntry>(id);
  return mine.entries.emplace(id, std::move(entry)).first->second.get();
}

void leave_entry(SharedEntry& entry) noexcept {
  const shm::ObjectId id = entry.id;
  // acq_rel: what was read of the copy comes before its end
  if (entry.handles.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
  Entry stale;  // destroyed after the lock is free (I2)
  Book& mine = book();
  const std::lock_guard guard(mine.mutex);
  const auto found = mine.entries.find(id);  // another thread may have removed it
  if (found == mine.entries.end() || !unused(found->second)) return;
  found->second->forgotten = ++mine.clock;
  if (!serves_nobody(found->second)) return;
  stale = std::move(found->second);
  mine.entries.erase(found);
}

std::size_t kept_copies() noexcept {
  Book& mine = book();
  const std::lock_guard guard(mine.mutex);
  return mine.entries.size();
}

}  // namespace multiprocessing::shared
