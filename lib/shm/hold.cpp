// This process's holds: counted locally, listed in the arena, left when the last handle goes.

#include <algorithm>
#include <bitset>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <multiprocessing/errors.hpp>

#include "shm/heirs.hpp"
#include "shm/hold_list.hpp"
#include "shm/hold_page.hpp"
#include "shm/local.hpp"
#include "shm/object.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::shm {
namespace {

// A page of the own list, and which of its entries are free.
struct OwnPage {
  HoldPage* page;
  std::bitset<kPerPage> used;
};

// What is entered for the child of a fork before it exists; read in the child, whose copy it is.
struct Heirlooms {
  Name heir;
  std::vector<OwnPage> pages;
  std::vector<std::pair<LocalHold*, std::uint32_t>> holds;  // and where they are listed
};

// A hold that the starter of this process entered for it, and where it is listed.
struct Given {
  ObjectId id;
  std::uint32_t index;
};

struct Book {
  std::unordered_map<ObjectId, LocalHold*> holds;
  std::unordered_set<LocalHold*> single;  // those that are held one by one
  Heirlooms heirlooms;
  std::vector<Given> given;  // until this process holds what it uses itself
  std::vector<OwnPage> pages;
  std::size_t roomy = 0;             // no page before this one has a free entry
  std::vector<LocalHold*> deferred;  // dropped, but inherited by a child that may live
  std::uint64_t looks = 0;
  std::uint64_t ends_seen = 0;  // of sweeps, when `deferred` was last looked through
};

// Guarded by local().holds; never destroyed.
Book& book() noexcept {
  static Book* instance = new Book;
  return *instance;
}

// Runs in the child: no allocation.
void reset_in_child() noexcept {
  Book& mine = book();
  mine.pages.swap(mine.heirlooms.pages);
  mine.roomy = 0;
  mine.deferred.clear();  // the parent's affair
  mine.given.clear();
  for (const auto& [held, index] : mine.heirlooms.holds) {
    held->holder = mine.heirlooms.heir;
    held->list_index = index;
  }
}

// Where the page with this number is linked, or is to be.
Location& place_of(std::size_t number) noexcept {
  return number == 0 ? own_slot().hold_list : book().pages[number - 1].page->next;
}

void add_page() {
  Book& mine = book();
  OwnedBlock block(allocate(sizeof(HoldPage)));
  auto* page = new (block.get().data()) HoldPage{};
  mine.pages.reserve(mine.pages.size() + 1);
  (void)link(block.get(), place_of(mine.pages.size()));
  mine.pages.push_back({page, {}});
}

// Gives empty pages at the end back, all but one: so the list does not stay as long as it ever was.
void drop_empty_pages() noexcept {
  Book& mine = book();
  while (mine.pages.size() > 1 && mine.pages.back().used.none() &&
         mine.pages[mine.pages.size() - 2].used.none()) {
    Block page = unlink(place_of(mine.pages.size() - 1));
    mine.pages.pop_back();
    release(page);
  }
}

bool inherited_by_a_child(const LocalHold& held) noexcept {
  // Nothing was forked since; a child in the making counts itself only after its fork.
  if (held.fork_index >= local().forks.load(std::memory_order_relaxed)) return false;
  return any_heir([&held](std::uint64_t forks, const Slot&) { return forks >= held.fork_index; });
}

// Holds whose inheritors have gone meanwhile, to be left by the caller without the lock.
std::vector<LocalHold*> take_ripe() {
  Book& mine = book();
  const std::uint64_t ends =
      arena().header().family_words[kSweepsEnded].load(std::memory_order_acquire);
  // now and then without one, in case a sweeper died just before it counted
  if (mine.deferred.empty() || (ends == mine.ends_seen && ++mine.looks < mine.deferred.size())) {
    return {};
  }
  mine.looks = 0;
  mine.ends_seen = ends;
  const Heirs heirs;
  const auto ripe =
      std::partition(mine.deferred.begin(), mine.deferred.end(), [&heirs](const LocalHold* held) {
        return heirs.may_have(held->fork_index, held->drop_index);
      });
  std::vector<LocalHold*> taken(ripe, mine.deferred.end());
  mine.deferred.erase(ripe, mine.deferred.end());
  return taken;
}

void leave(LocalHold* held) noexcept {
  leave_hold(held->id, process_holder(held->holder));
  {
    const std::lock_guard guard(local().holds);
    unlist_hold(held->list_index);
  }
  delete held;
}

void forget(LocalHold* held) noexcept {
  Book& mine = book();
  const auto found = mine.holds.find(held->id);
  if (found != mine.holds.end() && found->second == held) mine.holds.erase(found);
  mine.single.erase(held);
}

// What does not come about leaves the list and the book again.
struct Unenroll {
  void operator()(LocalHold* held) const noexcept {
    forget(held);
    unlist_hold(held->list_index);
    delete held;
  }
};
using Enrolment = std::unique_ptr<LocalHold, Unenroll>;

// In the book before it is listed and entered, so that nothing can throw once the object has the
// entry. Nobody meets it there meanwhile: it takes local().holds.
Enrolment enroll(ObjectId id, ObjectHeader* object) {
  Enrolment held(new LocalHold{{1},
                               id,
                               object,
                               here().name,
                               local().forks.load(std::memory_order_relaxed),
                               0,
                               kNoListIndex,
                               held_one_by_one(object->kind)});
  book().holds.emplace(id, held.get());
  if (held->single) book().single.insert(held.get());
  return held;
}

// A hold that was deferred and is wanted again is as good as new.
LocalHold* revive(ObjectId id) {
  Book& mine = book();
  const auto found = std::find_if(mine.deferred.begin(), mine.deferred.end(),
                                  [id](const LocalHold* held) { return held->id == id; });
  if (found == mine.deferred.end()) return nullptr;
  LocalHold* held = *found;
  mine.holds.emplace(id, held);  // may throw, so first
  mine.deferred.erase(found);
  held->count.store(1, std::memory_order_relaxed);
  return held;
}

// A page that is linked where the heir's list goes on. \throws ArenaExhausted
void add_heir_page(Heirlooms& heirlooms) {
  OwnedBlock block(allocate(sizeof(HoldPage)));
  auto* page = new (block.get().data()) HoldPage{};
  Location& place = heirlooms.pages.empty() ? slot_at(heirlooms.heir.slot).hold_list
                                            : heirlooms.pages.back().page->next;
  heirlooms.pages.push_back({page, {}});
  (void)link(block.get(), place);
}

// Where the hold is listed, and whether the object was there to be held.
struct Entered {
  std::uint32_t index;
  bool held;
};
Entered enter_for_heir(Heirlooms& heirlooms, ObjectId id) {
  if (heirlooms.pages.empty() || heirlooms.pages.back().used.all()) add_heir_page(heirlooms);
  OwnPage& own = heirlooms.pages.back();
  const std::size_t at = own.used.count();
  const auto index = static_cast<std::uint32_t>((heirlooms.pages.size() - 1) * kPerPage + at);
  own.used.set(at);
  own.page->entries[at].store(id, std::memory_order_seq_cst);  // object.hpp, I3
  MULTIPROCESSING_CRASH_POINT("object.heir.listed");
  const bool held = enter_hold(id, process_holder(heirlooms.heir));  // ours lives meanwhile (I2)
  MULTIPROCESSING_CRASH_POINT("object.heir.entered");
  return {index, held};
}

void give_to_heir(Heirlooms& heirlooms, LocalHold* held) {
  heirlooms.holds.reserve(heirlooms.holds.size() + 1);
  heirlooms.holds.emplace_back(held, enter_for_heir(heirlooms, held->id).index);
}

}  // namespace

void prepare_heir(Name heir) noexcept {
  Book& mine = book();
  mine.heirlooms.heir = heir;
  mine.heirlooms.pages.clear();
  mine.heirlooms.holds.clear();
  if (heir.nobody()) return;
  try {
    for (LocalHold* held : mine.single) {
      if (held->holder == here().name) give_to_heir(mine.heirlooms, held);
    }
  } catch (const std::exception&) {
    // No memory: the child lives without the rest, as if it had closed them.
  }
}

void give_to(Name child, std::span<const ObjectId> objects) {
  Heirlooms gifts;
  gifts.heir = child;
  for (const ObjectId id : objects) {
    if (!enter_for_heir(gifts, id).held) {
      throw ValueError("a handle among the arguments refers to an object that is gone (id " +
                       std::to_string(id) + "): start the process while it is held here");
    }
  }
}

void adopt_given_holds() {
  const std::lock_guard guard(local().holds);
  Book& mine = book();
  for (Location* next = &local().slot->hold_list;;) {
    const BlockRef ref = BlockRef::unpack(next->load(std::memory_order_acquire));
    if (!ref) break;
    OwnPage own{block_as<HoldPage>(ref.id), {}};
    for (std::uint32_t at = 0; at < kPerPage; ++at) {
      const ObjectId id = own.page->entries[at].load(std::memory_order_acquire);
      if (id == 0) continue;
      own.used.set(at);
      mine.given.push_back({id, static_cast<std::uint32_t>(mine.pages.size() * kPerPage + at)});
    }
    mine.pages.push_back(own);
    next = &own.page->next;
  }
}

void leave_given_holds() noexcept {
  std::vector<Given> given;
  {
    const std::lock_guard guard(local().holds);
    given.swap(book().given);
  }
  for (const Given& hold : given) {
    leave_hold(hold.id, process_holder(here().name));
    const std::lock_guard guard(local().holds);
    unlist_hold(hold.index);
  }
}

void leave_single_holds() noexcept {
  std::vector<std::pair<ObjectId, std::uint32_t>> ends;
  const Name me = here().name;
  {
    const std::lock_guard guard(local().holds);
    for (LocalHold* held : book().single) {
      if (held->holder != me) continue;
      ends.emplace_back(held->id, held->list_index);
      held->holder = {};  // its handles have nothing to leave any more
    }
  }
  for (const auto& [id, index] : ends) {
    leave_hold(id, process_holder(me));
    const std::lock_guard guard(local().holds);
    unlist_hold(index);
  }
}

bool is_held_here(const LocalHold& held) noexcept {
  return held.holder == here().name;
}

std::uint32_t list_hold(ObjectId id) {
  Book& mine = book();
  while (mine.roomy < mine.pages.size() && mine.pages[mine.roomy].used.all()) ++mine.roomy;
  if (mine.roomy == mine.pages.size()) add_page();
  OwnPage& own = mine.pages[mine.roomy];
  const std::size_t at = (~own.used)._Find_first();
  own.used.set(at);
  own.page->entries[at].store(id, std::memory_order_seq_cst);
  MULTIPROCESSING_CRASH_POINT("object.enter.listed");
  return static_cast<std::uint32_t>(mine.roomy * kPerPage + at);
}

void unlist_hold(std::uint32_t index) noexcept {
  Book& mine = book();
  const std::size_t number = index / kPerPage;
  if (number >= mine.pages.size()) return;
  OwnPage& own = mine.pages[number];
  own.page->entries[index % kPerPage].store(0, std::memory_order_release);
  own.used.reset(index % kPerPage);
  mine.roomy = std::min(mine.roomy, number);
  if (own.used.none()) drop_empty_pages();
}

LocalHold* adopt_created(ObjectId id, ObjectHeader* object) {
  const std::lock_guard guard(local().holds);
  Enrolment held = enroll(id, object);
  held->list_index = list_hold(id);
  return held.release();
}

LocalHold* hold(ObjectId id) {
  (void)here();
  const std::lock_guard guard(local().holds);
  const auto found = book().holds.find(id);
  if (found != book().holds.end() && found->second->single && !is_held_here(*found->second)) {
    book().holds.erase(found);  // inherited, and not ours: we hold it anew
  } else if (found != book().holds.end()) {
    hold_again(found->second);
    return found->second;
  }
  if (LocalHold* held = revive(id)) return held;
  ObjectHeader* object = find_object(id, ObjectKind::none);
  if (object == nullptr) return nullptr;
  Enrolment held = enroll(id, object);
  held->list_index = list_hold(id);
  return enter_hold(id, process_holder(here().name)) ? held.release() : nullptr;
}

void drop(LocalHold* held) noexcept {
  // Down to zero only under the lock, where hold() may take the count up again.
  std::uint64_t count = held->count.load(std::memory_order_relaxed);
  while (count > 1) {
    if (held->count.compare_exchange_weak(count, count - 1, std::memory_order_acq_rel)) return;
  }
  std::vector<LocalHold*> ripe;
  bool at_once = false;
  {
    (void)here();
    const std::lock_guard guard(local().holds);
    if (held->count.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
    forget(held);
    ripe = take_ripe();
    if (held->holder != here().name) {
      delete held;  // inherited: it goes with this process
    } else if (!held->single && inherited_by_a_child(*held)) {
      held->drop_index = local().forks.load(std::memory_order_relaxed);
      book().deferred.push_back(held);
    } else {
      at_once = true;
    }
  }
  if (at_once) leave(held);
  for (LocalHold* other : ripe) leave(other);
}

std::size_t held_objects() noexcept {
  const std::lock_guard guard(local().holds);
  return book().holds.size();
}

namespace {
const bool hooked = (register_fork_hook(reset_in_child), true);
}  // namespace

}  // namespace multiprocessing::shm
